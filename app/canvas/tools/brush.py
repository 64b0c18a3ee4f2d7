"""Brush and eraser: left paints, right erases, Shift draws a straight line from where the last stroke ended."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPainterPath, QTransform

from app.canvas.layers import stroke
from app.canvas.tools.base import Pointer, QuietTool
from app.canvas.viewport import Viewport
from app.canvas.workbench import Workbench
from app.theme import COLOUR
from core.annotation.strokes import Point, seat, sweep

_EDGE: Final = 2  # device pixels: its line has two colours
_LEAST: Final = 3.0  # device pixels: a smaller brush is shown by a cross as well
_CROSS: Final = 6.0
_BRIGHT: Final = QColor("white")
_BUTTONS: Final = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)


class Brush(QuietTool):
    """Paints the class of the workbench, or erases."""

    def __init__(self, bench: Workbench, *, erases: bool = False) -> None:
        self._bench = bench
        self._erases = erases
        self._at: Point | None = None  # of the cursor, in image coordinates
        self._end: Point | None = None  # of the last stroke
        self._value = 0
        self._painting: Qt.MouseButton | None = None
        self._lined = False  # a line would be drawn: Shift is held

    @property
    def cursor(self) -> QCursor | None:
        """The ring stands for it."""
        return QCursor(Qt.CursorShape.BlankCursor)

    def stop(self) -> None:
        """What was begun is taken back; where it ended is forgotten."""
        self._give_up()
        self._end = None
        self.left()

    def keep(self) -> bool:
        """The stroke ends where it is."""
        was_painting, self._painting = self._painting is not None, None
        if was_painting:
            self._bench.end()
        return was_painting

    def pressed(self, pointer: Pointer) -> bool:
        """A stroke begins, or a line goes on from the last one."""
        if self._painting is not None:
            return True  # the other button, in the middle of a stroke
        if pointer.button not in _BUTTONS:
            return False
        erases = self._erases or pointer.button == Qt.MouseButton.RightButton
        self._value = 0 if erases else self._bench.class_id
        if self._bench.begin("eraser" if erases else "brush", self._value) is None:
            return True
        self._painting = pointer.button
        here = (pointer.x, pointer.y)
        shift = bool(pointer.modifiers & Qt.KeyboardModifier.ShiftModifier)
        self._sweep(self._end if shift and self._end is not None else here, here)
        self._move_cursor(pointer)
        return True

    def moved(self, pointer: Pointer) -> bool:
        """The stroke follows, and the ring."""
        if self._painting is not None:
            self._sweep(self._end or (pointer.x, pointer.y), (pointer.x, pointer.y))
        self._move_cursor(pointer)
        return self._painting is not None

    def released(self, pointer: Pointer) -> bool:
        """The stroke is done."""
        if self._painting is not None and pointer.button == self._painting:
            self._painting = None
            self._bench.end()
        return True

    def wheeled(self, pointer: Pointer) -> bool:
        """With Alt the wheel changes the size."""
        if not pointer.modifiers & Qt.KeyboardModifier.AltModifier:
            return False
        self._bench.step_size(1 if pointer.steps > 0 else -1)
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Esc takes back what is being painted."""
        if key == Qt.Key.Key_Escape and self._painting is not None:
            self._give_up()
            return True
        return False

    def left(self) -> None:
        """No ring beside the image."""
        self._at = None
        self.refresh()

    def bounds(self, view: Viewport) -> QRectF | None:
        """The ring, and the line."""
        if self._at is None:
            return None
        return self._outline(view).boundingRect().adjusted(-_EDGE, -_EDGE, _EDGE, _EDGE)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The outline of what a click would cover, dark and bright; a line where Shift draws one."""
        if self._at is None:
            return
        outline = self._outline(view)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        stroke(painter, outline, COLOUR["accent"] if self._erases else _BRIGHT, 1.2 * view.dpr)
        painter.restore()

    # -- inside

    def _sweep(self, start: Point, end: Point) -> None:
        sheet, bench = self._bench.sheet, self._bench
        if sheet is None:
            return
        covered = sweep(start, end, bench.size, bench.shape, sheet.width, sheet.height)
        self._end = end
        if covered is not None:
            sheet.paint(*covered, self._value, only_empty=bench.only_empty and self._value != 0)

    def _give_up(self) -> None:
        if self._painting is not None:
            self._painting = None
            self._bench.give_up()

    def _move_cursor(self, pointer: Pointer) -> None:
        self._at = (pointer.x, pointer.y)
        shift = bool(pointer.modifiers & Qt.KeyboardModifier.ShiftModifier)
        self._lined = shift and self._end is not None and self._painting is None
        self.refresh()

    def _outline(self, view: Viewport) -> QPainterPath:
        """The ring in device pixels."""
        assert self._at is not None
        size, path = self._bench.size, QPainterPath()
        x, y = seat(self._at, size)
        ring = QRectF(x - size / 2, y - size / 2, size, size)
        if self._bench.shape == "round" and size > 1:
            path.addEllipse(ring)
        else:
            path.addRect(ring)
        if self._lined and self._end is not None:
            path.moveTo(*self._end)
            path.lineTo(x, y)
        path = QTransform(view.scale, 0, 0, view.scale, view.dx, view.dy).map(path)
        if size * view.scale < _LEAST * view.dpr:
            middle, arm = QPointF(*view.to_device(x, y)), _CROSS * view.dpr
            for way in (QPointF(arm, 0), QPointF(0, arm)):
                path.moveTo(middle - way)
                path.lineTo(middle + way)
        return path
