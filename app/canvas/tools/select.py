"""Select defects: click or drag a frame, move them with the mouse or the arrows; a number gives them another class."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPainterPath

from app.canvas.layers import stroke
from app.canvas.selection import Piece
from app.canvas.tools.base import Pointer, QuietTool
from app.canvas.viewport import Viewport
from app.canvas.workbench import Workbench

_STILL: Final = 4.0  # device pixels that a click may slip
_FAR: Final = 10  # image pixels, with Shift
_WAYS: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_SHIFT: Final = Qt.KeyboardModifier.ShiftModifier
_KEYPAD: Final = Qt.KeyboardModifier.KeypadModifier


class Select(QuietTool):
    """Works on the selection of the workbench."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._selection = bench.selection
        self._from: Pointer | None = None  # where the button went down
        self._hit: Piece | None = None  # what lay there
        self._corner: QPointF | None = None  # of the frame that is drawn, in device pixels
        self._points_at_piece = False

    @property
    def cursor(self) -> QCursor | None:
        """Arrows where something can be moved."""
        return QCursor(Qt.CursorShape.SizeAllCursor) if self._points_at_piece else None

    def stop(self) -> None:
        """What is dragged goes back; what is selected stays so."""
        self._selection.put_back()
        self._let_go()
        self.left()

    def pressed(self, pointer: Pointer) -> bool:
        """Select what lies there, or begin a frame."""
        if self._from is not None:
            return True  # the other button meanwhile
        if pointer.button != Qt.MouseButton.LeftButton:
            return False
        self._from = pointer
        self._hit = self._selection.piece_at(*pointer.pixel)
        adds = bool(pointer.modifiers & _SHIFT)
        if self._hit is None:
            if not adds:
                self._selection.clear()
        elif self._hit not in self._selection.pieces:
            self._selection.set((*(self._selection.pieces if adds else ()), self._hit))
        elif adds:
            self._selection.set(one for one in self._selection.pieces if one is not self._hit)
            self._let_go()
        return True

    def moved(self, pointer: Pointer) -> bool:
        """What is selected follows, or the frame; without a button what lies there is highlighted."""
        begun = self._from
        if begun is None:
            self._hover(pointer)
            return False
        if not self._selection.is_dragged and self._corner is None and _is_still(begun, pointer):
            return True
        if self._hit is None:
            self._corner = QPointF(pointer.device_x, pointer.device_y)
            self.refresh()
        else:
            self._selection.drag(round(pointer.x - begun.x), round(pointer.y - begun.y))
        return True

    def released(self, pointer: Pointer) -> bool:
        """It stays there; or all that the frame touches is selected."""
        begun = self._from
        if begun is None or pointer.button != Qt.MouseButton.LeftButton:
            return True
        if self._corner is not None:
            self._take_frame(begun, pointer)
        elif self._selection.is_dragged:
            self._selection.drop()
        elif self._hit is not None and not pointer.modifiers & _SHIFT and len(self._selection.pieces) > 1:
            self._selection.set([self._hit])
        self._let_go()
        return True

    def wants_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Arrows move what is selected instead of going to another image."""
        return key in _WAYS and bool(self._selection.pieces) and not modifiers & ~(_SHIFT | _KEYPAD)

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Arrows; Esc takes back what is dragged, else selects nothing."""
        if key == Qt.Key.Key_Escape:
            had = self._from is not None or bool(self._selection.pieces)
            if self._from is not None:
                self.stop()
            else:
                self._selection.clear()
            return had
        if not self.wants_key(key, modifiers):
            return False
        far = _FAR if modifiers & _SHIFT else 1
        dx, dy = _WAYS[Qt.Key(key)]
        self._selection.nudge(far * dx, far * dy)
        return True

    def left(self) -> None:
        """Nothing is highlighted."""
        self._selection.hover(None)

    def bounds(self, view: Viewport) -> QRectF | None:
        """The frame."""
        if self._from is None or self._corner is None:
            return None
        return QRectF(QPointF(self._from.device_x, self._from.device_y), self._corner).normalized()

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The frame."""
        frame = self.bounds(view)
        if frame is None:
            return
        path = QPainterPath()
        path.addRect(frame)
        painter.save()
        stroke(painter, path, QColor("white"), view.dpr, Qt.PenStyle.DashLine)
        painter.restore()

    # -- inside

    def _hover(self, pointer: Pointer) -> None:
        piece = self._selection.piece_at(*pointer.pixel)
        self._selection.hover(piece)
        if (piece is not None) != self._points_at_piece:
            self._points_at_piece = piece is not None
            if self.canvas is not None:
                self.canvas.navigation.show_cursor()

    def _take_frame(self, begun: Pointer, pointer: Pointer) -> None:
        (ax, ay), (bx, by) = begun.pixel, pointer.pixel
        box = (min(ax, bx), min(ay, by), max(ax, bx) + 1, max(ay, by) + 1)
        before = self._selection.pieces
        known = {one.box for one in before}
        self._selection.set((*before, *(one for one in self._selection.pieces_in(box) if one.box not in known)))

    def _let_go(self) -> None:
        self._from = self._hit = self._corner = None
        self.refresh()


def _is_still(begun: Pointer, pointer: Pointer) -> bool:
    way = math.hypot(pointer.device_x - begun.device_x, pointer.device_y - begun.device_y)
    return way < _STILL
