"""Moving about: wheel, drag, Space, pinch, and the keys that are held. What the mouse does when no tool takes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QCursor, QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent

if TYPE_CHECKING:
    from app.canvas.view import Canvas

_NOTCH: Final = 120.0
_STEP: Final = 1.2  # zoom by one notch
_OPACITY_STEP: Final = 0.05
_SCROLL: Final = 60.0
_TWICE_S: Final = 0.4  # from press to press


class Navigation:
    """Zoom at the cursor, pan, fit and 100 % for one canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.wheel_zooms = True
        self._from: QPointF | None = None
        self._space = False

    @property
    def is_panning(self) -> bool:
        """Whether the image hangs on the mouse."""
        return self._from is not None

    @property
    def takes_press(self) -> bool:
        """Whether a press belongs to us even when a tool is chosen."""
        return self._space

    def press(self, event: QMouseEvent, *, tool: bool) -> bool:
        """Begin to pan: the middle button, Space with the left one, or the left one where no tool is chosen."""
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and (self._space or not tool)):
            self._from = event.position()
            self.show_cursor()
            return True
        return False

    def move(self, event: QMouseEvent) -> bool:
        """Go on panning."""
        if self._from is None:
            return False
        way = event.position() - self._from
        self._from = event.position()
        self._canvas.pan(way.x(), way.y())
        return True

    def release(self, event: QMouseEvent) -> bool:
        """Let go."""
        if self._from is None:
            return False
        if not event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton):
            self._from = None
            self.show_cursor()
        return True

    def double_click(self, event: QMouseEvent) -> bool:
        """100 % where it was clicked; at 100 % all of the image again."""
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        self._from = None
        if abs(self._canvas.zoom - 1.0) < 1e-6:
            self._canvas.fit()
        else:
            self._canvas.zoom_to(1.0, at=event.position())
        self.show_cursor()
        return True

    def wheel(self, event: QWheelEvent) -> None:
        """Zoom at the cursor, scroll, or with Shift change the opacity of what lies over the image."""
        turned = event.angleDelta()
        steps = (turned.y() or turned.x()) / _NOTCH
        held = event.modifiers()
        if held & Qt.KeyboardModifier.ShiftModifier:
            self._canvas.change_opacity(steps * _OPACITY_STEP)
        elif self.wheel_zooms or held & Qt.KeyboardModifier.ControlModifier:
            self._canvas.zoom_by(_STEP**steps, at=event.position())
        else:
            pixels = event.pixelDelta()
            if pixels.isNull():
                self._canvas.pan(turned.x() / _NOTCH * _SCROLL, turned.y() / _NOTCH * _SCROLL)
            else:
                self._canvas.pan(pixels.x(), pixels.y())

    def gesture(self, event: QNativeGestureEvent) -> bool:
        """Two fingers on a touch pad."""
        if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self._canvas.zoom_by(1.0 + event.value(), at=event.position())
            return True
        return False

    def key(self, event: QKeyEvent, *, down: bool) -> bool:
        """Space pans while it is held; + and - zoom in the middle."""
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = down
                self.show_cursor()
            return True
        if down and event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._canvas.zoom_by(1 / _STEP if event.key() == Qt.Key.Key_Minus else _STEP)
            return True
        return False

    def let_go(self) -> None:
        """Forget what is held: the focus went."""
        self._from, self._space = None, False
        self.show_cursor()

    def show_cursor(self) -> None:
        """A hand while the image can be moved, else the tool's cursor."""
        if self._from is not None:
            self._canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self._canvas.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            tool = self._canvas.tool
            cursor = None if tool is None else tool.cursor
            self._canvas.setCursor(cursor or QCursor(Qt.CursorShape.ArrowCursor))


class HeldKeys:
    """X hides everything laid over the image while it is held, H shows the heat; H twice pins it."""

    def __init__(self, changed: Callable[[], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._changed = changed
        self._clock = clock
        self.hides = False
        self.heats = False
        self.is_pinned = False
        self._pressed_at = -1.0

    @property
    def shows_heat(self) -> bool:
        """Whether heat is to be seen now."""
        return self.heats or self.is_pinned

    def pin(self, pinned: bool) -> None:
        """Keep the heat on, or let it go."""
        if pinned != self.is_pinned:
            self.is_pinned = pinned
            self._changed()

    def follow(self, hides: bool, heats: bool) -> None:
        """Hold what is held over another canvas."""
        if (hides, heats) != (self.hides, self.heats):
            self.hides, self.heats = hides, heats
            self._changed()

    def key(self, event: QKeyEvent, *, down: bool) -> bool:
        """Whether the key was one of ours."""
        harmless = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier
        if down and event.modifiers() & ~harmless:
            return False
        if event.key() in (Qt.Key.Key_X, Qt.Key.Key_QuoteLeft):
            if not event.isAutoRepeat() and self.hides != down:
                self.hides = down
                self._changed()
            return True
        if event.key() == Qt.Key.Key_H:
            if not event.isAutoRepeat():
                self._heat(down)
            return True
        return False

    def let_go(self) -> None:
        """Nothing is held any more: the focus went."""
        if self.hides or self.heats:
            self.hides = self.heats = False
            self._changed()

    def _heat(self, down: bool) -> None:
        now = self._clock()
        if not down:
            self.heats = False
        elif self.is_pinned:
            self.is_pinned, self._pressed_at = False, -1.0
        else:
            self.heats = True
            self.is_pinned = self._pressed_at >= 0 and now - self._pressed_at < _TWICE_S
            self._pressed_at = now
        self._changed()
