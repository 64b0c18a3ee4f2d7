"""Rectangle: drag it from pixel to pixel; with Shift it is a square."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from app.canvas.layers import rectangle, stroke
from app.canvas.tools.base import Pointer
from app.canvas.tools.drag import Drag
from app.canvas.tools.proposing import Proposing, draw_tag, tag_rect
from app.canvas.viewport import Viewport
from app.canvas.workbench import Workbench
from core.annotation import shapes
from core.annotation.strokes import Point
from core.words import Box


class Rectangle(Proposing):
    """Painted when the button is let go; a right click or Esc before takes it back."""

    name = "rectangle"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._drag: Final = Drag(self._follow, self.finish, self.drop)
        self._at: Point = (0.0, 0.0)

    @property
    def box(self) -> Box | None:
        """What it would cover."""
        return None if self.proposal is None else self.proposal[1]

    def drop(self) -> None:
        """Nothing is being drawn."""
        self._drag.end()
        super().drop()

    def pressed(self, pointer: Pointer) -> bool:
        """The first corner, or a change of mind."""
        if pointer.button == Qt.MouseButton.RightButton and self._drag.is_on:
            self.drop()
            return True
        if pointer.button != Qt.MouseButton.LeftButton:
            return False
        if self.allowed():
            self._drag.begin(pointer)
        return True

    def moved(self, pointer: Pointer) -> bool:
        """The other corner follows."""
        return self._drag.moved(pointer)

    def released(self, pointer: Pointer) -> bool:
        """It is done."""
        return self._drag.released(pointer)

    def finish(self) -> None:
        """The button was let go: paint it."""
        if not self.accept():
            self.drop()

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Esc takes it back."""
        return self._drag.key_pressed(key)

    def bounds(self, view: Viewport) -> QRectF | None:
        """The frame and its size in words."""
        if self.box is None or not self._drag.is_on:
            return None
        frame = rectangle(view, tuple(float(one) for one in self.box))  # type: ignore[arg-type]
        return frame.united(tag_rect(self._place(view), self._size(), view))

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The frame, and its size in pixels."""
        if self.box is None or not self._drag.is_on:
            return
        frame = rectangle(view, tuple(float(one) for one in self.box))  # type: ignore[arg-type]
        path = QPainterPath()
        path.addRect(frame)
        inside = QColor(self.colour)
        inside.setAlpha(70)
        painter.save()
        painter.fillPath(path, inside)
        stroke(painter, path, self.colour, 1.4 * view.dpr)
        painter.restore()
        draw_tag(painter, self._place(view), self._size(), view)

    # -- inside

    def _follow(self, start: Point, pointer: Pointer) -> None:
        sheet = self._bench.sheet
        if sheet is None:
            return
        self._at = (pointer.x, pointer.y)
        square = bool(pointer.modifiers & Qt.KeyboardModifier.ShiftModifier)
        self.proposal = shapes.rectangle(start, self._at, sheet.width, sheet.height, square=square)
        self.refresh()

    def _place(self, view: Viewport) -> QPointF:
        return QPointF(*view.to_device(*self._at))

    def _size(self) -> str:
        x0, y0, x1, y1 = self.box or (0, 0, 0, 0)
        return f"{x1 - x0} × {y1 - y0}"
