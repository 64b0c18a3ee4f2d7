"""Rectangle: drag it from pixel to pixel; with Shift it is a square."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from app.canvas.layers import rectangle, stroke
from app.canvas.tools.base import Pointer
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
        self._from: Point | None = None
        self._at: Point = (0.0, 0.0)

    @property
    def box(self) -> Box | None:
        """What it would cover."""
        return None if self.proposal is None else self.proposal[1]

    def drop(self) -> None:
        """Nothing is being drawn."""
        self._from = None
        super().drop()

    def pressed(self, pointer: Pointer) -> bool:
        """The first corner, or a change of mind."""
        if pointer.button == Qt.MouseButton.RightButton and self._from is not None:
            self.drop()
            return True
        if pointer.button != Qt.MouseButton.LeftButton:
            return False
        if self.allowed():
            self._from = (pointer.x, pointer.y)
            self._follow(pointer)
        return True

    def moved(self, pointer: Pointer) -> bool:
        """The other corner follows."""
        if self._from is None:
            return False
        self._follow(pointer)
        return True

    def released(self, pointer: Pointer) -> bool:
        """It is done."""
        if self._from is not None and pointer.button == Qt.MouseButton.LeftButton:
            self._follow(pointer)
            self.finish()
        return True

    def finish(self) -> None:
        """The button was let go: paint it."""
        if not self.accept():
            self.drop()

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Esc takes it back."""
        if key == Qt.Key.Key_Escape and self._from is not None:
            self.drop()
            return True
        return False

    def bounds(self, view: Viewport) -> QRectF | None:
        """The frame and its size in words."""
        if self.box is None or self._from is None:
            return None
        frame = rectangle(view, tuple(float(one) for one in self.box))  # type: ignore[arg-type]
        return frame.united(tag_rect(self._place(view), self._size(), view))

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The frame, and its size in pixels."""
        if self.box is None or self._from is None:
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

    def _follow(self, pointer: Pointer) -> None:
        sheet = self._bench.sheet
        if sheet is None or self._from is None:
            return
        self._at = (pointer.x, pointer.y)
        square = bool(pointer.modifiers & Qt.KeyboardModifier.ShiftModifier)
        self.proposal = shapes.rectangle(self._from, self._at, sheet.width, sheet.height, square=square)
        self.refresh()

    def _place(self, view: Viewport) -> QPointF:
        return QPointF(*view.to_device(*self._at))

    def _size(self) -> str:
        x0, y0, x1, y1 = self.box or (0, 0, 0, 0)
        return f"{x1 - x0} × {y1 - y0}"
