"""What a tool is: it sees mouse, wheel and keys before the canvas does, and draws its own cursor over everything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QCursor, QPainter

from app.canvas.viewport import Viewport
from core.words import Box

if TYPE_CHECKING:
    from app.canvas.view import Canvas

_MARGIN: Final = 4  # device pixels beside its bounds that the edge of a line needs


@dataclass(frozen=True)
class Pointer:
    """Where the mouse is: (`x`, `y`) in image coordinates, continuous, and in the widget's device pixels."""

    x: float
    y: float
    device_x: float
    device_y: float
    button: Qt.MouseButton = Qt.MouseButton.NoButton
    buttons: Qt.MouseButton = Qt.MouseButton.NoButton
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    steps: float = 0.0  # of the wheel; one notch is 1

    @property
    def pixel(self) -> tuple[int, int]:
        """Column and row of the image pixel, which may lie beside the image."""
        return int(self.x // 1), int(self.y // 1)


class Tool(Protocol):
    """Handlers return True when they took the event; else the canvas pans, zooms or ignores it.

    A tool that was pressed gets every move until its release. `stop` ends it in the middle (another image, focus lost,
    Esc): what was begun is rolled back.
    """

    @property
    def cursor(self) -> QCursor | None:
        """The mouse cursor; None leaves the arrow."""

    def start(self, canvas: Canvas) -> None:
        """It was chosen."""

    def stop(self) -> None:
        """It was put away, or interrupted."""

    def keep(self) -> bool:
        """The image goes: paint what was begun and can be painted as it is; whether anything was."""

    def pressed(self, pointer: Pointer) -> bool:
        """A button went down."""

    def moved(self, pointer: Pointer) -> bool:
        """The mouse moved, with or without a button."""

    def released(self, pointer: Pointer) -> bool:
        """A button went up."""

    def double_clicked(self, pointer: Pointer) -> bool:
        """Twice in a row."""

    def wheeled(self, pointer: Pointer) -> bool:
        """The wheel turned by `pointer.steps`."""

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """A key went down while the canvas has the focus."""

    def wants_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Whether this key comes to `key_pressed` now although it stands for a command."""

    def stepped(self, steps: int) -> bool:
        """The keys for smaller and larger, when they mean something else than the size of the brush."""

    def took_back(self) -> bool:
        """Undo, in the middle of something that is not painted yet: whether a step of that was taken back."""

    def value_changed(self, name: str) -> None:
        """A value of the workbench is another now: class_id, only_empty, size ..."""

    def left(self) -> None:
        """The mouse left the canvas."""

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw over everything, in device pixels."""


class QuietTool:
    """A tool that takes nothing and draws nothing: what a real one does not care for."""

    canvas: Canvas | None = None
    _drawn: tuple[Viewport, Box] | None = None  # the device pixels that it covers in that view

    @property
    def cursor(self) -> QCursor | None:
        """The arrow."""
        return None

    def start(self, canvas: Canvas) -> None:
        """It was chosen."""
        self.canvas = canvas

    def stop(self) -> None:
        """It was put away, or interrupted."""

    def keep(self) -> bool:
        """Nothing was begun."""
        return False

    def pressed(self, pointer: Pointer) -> bool:
        """The canvas pans."""
        return False

    def moved(self, pointer: Pointer) -> bool:
        """Nothing follows."""
        return False

    def released(self, pointer: Pointer) -> bool:
        """Nothing ends."""
        return False

    def double_clicked(self, pointer: Pointer) -> bool:
        """The canvas takes it as a press."""
        return False

    def wheeled(self, pointer: Pointer) -> bool:
        """The canvas zooms."""
        return False

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """The window does what the key stands for."""
        return False

    def wants_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Commands come first."""
        return False

    def stepped(self, steps: int) -> bool:
        """The brush becomes smaller or larger."""
        return False

    def took_back(self) -> bool:
        """The last stroke is undone."""
        return False

    def value_changed(self, name: str) -> None:
        """Nothing follows."""

    def left(self) -> None:
        """Nothing is taken away."""

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Nothing lies over the image."""

    def bounds(self, view: Viewport) -> QRectF | None:
        """Where `paint` draws, in device pixels; None: nowhere."""
        return None

    def refresh(self) -> None:
        """Have it painted again where it was and where it is now."""
        canvas = self.canvas
        if canvas is None:
            return
        if self._drawn is not None and self._drawn[0] == canvas.view:
            canvas.refresh_device(self._drawn[1])
        elif self._drawn is not None:
            canvas.update()  # the image was moved meanwhile, and with it what was drawn
        bounds = self.bounds(canvas.view)
        self._drawn = None if bounds is None else (canvas.view, _around(bounds))
        if self._drawn is not None:
            canvas.refresh_device(self._drawn[1])


def _around(bounds: QRectF) -> Box:
    return (
        math.floor(bounds.left()) - _MARGIN,
        math.floor(bounds.top()) - _MARGIN,
        math.ceil(bounds.right()) + _MARGIN,
        math.ceil(bounds.bottom()) + _MARGIN,
    )
