"""Drawing boxes on a board: a zone to inspect or to ignore; and choosing, moving, resizing what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPainterPath

from app.canvas.layers import rectangle, stroke
from app.canvas.tools.base import Pointer, QuietTool
from app.canvas.tools.drag import Drag
from app.canvas.viewport import Viewport
from app.canvas.zone_board import HANDLE, Chosen, ZoneBoard
from app.theme import COLOUR
from core.annotation.shapes import box_between
from core.annotation.strokes import Point
from core.words import Box

Edge = Literal[-1, 0, 1]
_REACH: Final = 9.0  # units of the toolkit: so near to a handle is at it
_LEAST: Final = 3  # pixels: a smaller box is a slip of the hand
_CURSORS: Final = {
    (-1, -1): Qt.CursorShape.SizeFDiagCursor,
    (1, 1): Qt.CursorShape.SizeFDiagCursor,
    (1, -1): Qt.CursorShape.SizeBDiagCursor,
    (-1, 1): Qt.CursorShape.SizeBDiagCursor,
    (0, -1): Qt.CursorShape.SizeVerCursor,
    (0, 1): Qt.CursorShape.SizeVerCursor,
    (-1, 0): Qt.CursorShape.SizeHorCursor,
    (1, 0): Qt.CursorShape.SizeHorCursor,
    (0, 0): Qt.CursorShape.SizeAllCursor,
}
_EDGES: Final[tuple[tuple[Edge, Edge], ...]] = (
    (-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1),
)  # fmt: skip


class BoxTool(QuietTool):
    """Drag a box from pixel to pixel, both included; `done` gets it when the button is let go. Esc gives it up."""

    def __init__(self, board: ZoneBoard, done: Callable[[Box], None]) -> None:
        self._board = board
        self._done = done
        self._drag: Final = Drag(self._follow, self._finish, self.stop)
        self.box: Box | None = None
        """What is being drawn."""

    @property
    def cursor(self) -> QCursor | None:
        """A cross."""
        return QCursor(Qt.CursorShape.CrossCursor)

    def stop(self) -> None:
        """Nothing is drawn."""
        self._drag.end()
        self.box = None
        self.refresh()

    def pressed(self, pointer: Pointer) -> bool:
        """The first corner."""
        if pointer.button != Qt.MouseButton.LeftButton or self._board.found is None:
            return False
        self._drag.begin(pointer)
        return True

    def moved(self, pointer: Pointer) -> bool:
        """The other corner follows."""
        return self._drag.moved(pointer)

    def released(self, pointer: Pointer) -> bool:
        """It is done, unless it is so small that it was a click."""
        return self._drag.released(pointer)

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Esc gives it up."""
        return self._drag.key_pressed(key)

    def bounds(self, view: Viewport) -> QRectF | None:
        """Frames lie anywhere, and regions below them change as well."""
        return _everywhere(view)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The frame as it grows."""
        if self.box is not None:
            draw_frame(painter, view, self.box)

    # -- inside

    def _follow(self, start: Point, pointer: Pointer) -> None:
        self.box = box_between(start, (pointer.x, pointer.y), *self._board.size)
        self.refresh()

    def _finish(self) -> None:
        box, self.box = self.box, None
        self.refresh()
        if box is not None and min(box[2] - box[0], box[3] - box[1]) >= _LEAST:
            self._done(box)


class ZoneSelect(QuietTool):
    """Click chooses a zone or cell, drag moves it, its handles resize it, Del removes it; beside all, the image moves.

    A painted zone has no handles: it is moved, and changed with brush and eraser.
    """

    def __init__(self, board: ZoneBoard) -> None:
        self._board = board
        self._from: Point | None = None
        self._edge: tuple[Edge, Edge] = (0, 0)
        self._before: Box | None = None
        self.box: Box | None = None
        """Where what is being dragged will lie."""
        self._over: Qt.CursorShape | None = None

    @property
    def cursor(self) -> QCursor | None:
        """What a press would do."""
        return None if self._over is None else QCursor(self._over)

    def stop(self) -> None:
        """What was being dragged lies where it lay."""
        self._from = self._before = self.box = None
        self.refresh()

    def pressed(self, pointer: Pointer) -> bool:
        """Take hold of a handle or of a zone; beside all nothing is chosen any more."""
        if pointer.button != Qt.MouseButton.LeftButton or self._board.found is None:
            return False
        held = self._edge_at(pointer)
        if held is None:
            chosen = self._board.at(pointer.x, pointer.y)
            self._board.choose(chosen)
            self.refresh()
            if chosen is None:
                return False
        self._edge = held or (0, 0)
        self._from = (pointer.x, pointer.y)
        self._before = self._outline()
        return True

    def moved(self, pointer: Pointer) -> bool:
        """What is held follows."""
        if self._from is None or self._before is None:
            self._show_cursor(pointer)
            return False
        dx, dy = round(pointer.x - self._from[0]), round(pointer.y - self._from[1])
        self.box = _dragged(self._before, self._edge, dx, dy, self._board.size)
        self.refresh()
        return True

    def released(self, pointer: Pointer) -> bool:
        """It stays where it is now."""
        box, self._from, self._before, self.box = self.box, None, None, None
        if box is not None:
            self._board.place(box)
        self.refresh()
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Del removes what is chosen, Esc lets go of it."""
        if self._board.chosen is None:
            return False
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._board.remove()
        elif key == Qt.Key.Key_Escape:
            if self._from is None:
                self._board.choose(None)
            self.stop()
        else:
            return False
        self.refresh()
        return True

    def bounds(self, view: Viewport) -> QRectF | None:
        """Frames lie anywhere, and regions below them change as well."""
        return _everywhere(view)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """A frame with handles around what is chosen."""
        box = self.box or self._outline()
        if box is None:
            return
        draw_frame(painter, view, box)
        if not self._is_rigid():
            for x, y in (_handle(box, edge) for edge in _EDGES):
                place, reach = QPointF(*view.to_device(x, y)), HANDLE * view.dpr
                painter.fillRect(QRectF(place.x() - reach, place.y() - reach, 2 * reach, 2 * reach), QColor("white"))
                inner = reach - 1.2 * view.dpr
                painter.fillRect(QRectF(place.x() - inner, place.y() - inner, 2 * inner, 2 * inner), COLOUR["accent"])

    # -- inside

    def _outline(self) -> Box | None:
        chosen: Chosen | None = self._board.chosen
        return None if chosen is None else self._board.outline(chosen)

    def _is_rigid(self) -> bool:
        zone = self._board.zone
        return zone is not None and zone.mask is not None

    def _edge_at(self, pointer: Pointer) -> tuple[Edge, Edge] | None:
        """The handle under the mouse."""
        box = self._outline()
        if box is None or self._is_rigid() or self.canvas is None:
            return None
        view = self.canvas.view
        reach = _REACH * view.dpr
        for edge in _EDGES:
            x, y = view.to_device(*_handle(box, edge))
            if abs(pointer.device_x - x) <= reach and abs(pointer.device_y - y) <= reach:
                return edge
        return None

    def _show_cursor(self, pointer: Pointer) -> None:
        edge = self._edge_at(pointer)
        over = None
        if edge is not None:
            over = _CURSORS[edge]
        elif self._board.at(pointer.x, pointer.y) is not None:
            over = Qt.CursorShape.SizeAllCursor
        if over != self._over:
            self._over = over
            if self.canvas is not None:
                self.canvas.navigation.show_cursor()


def draw_frame(painter: QPainter, view: Viewport, box: Box, *, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> None:
    """A frame in the colour of regions, seen on bright and dark."""
    x0, y0, x1, y1 = box
    path = QPainterPath()
    path.addRect(rectangle(view, (float(x0), float(y0), float(x1), float(y1))))
    painter.save()
    inside = QColor(COLOUR["roi"])
    inside.setAlpha(46)
    painter.fillPath(path, inside)
    stroke(painter, path, COLOUR["roi"], 1.6 * view.dpr, style)
    painter.restore()


def _everywhere(view: Viewport) -> QRectF:
    return QRectF(0, 0, view.width, view.height)


def _handle(box: Box, edge: tuple[Edge, Edge]) -> Point:
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2 + edge[0] * (x1 - x0) / 2, (y0 + y1) / 2 + edge[1] * (y1 - y0) / 2


def _dragged(box: Box, edge: tuple[Edge, Edge], dx: int, dy: int, size: tuple[int, int]) -> Box:
    """A box of which an edge, a corner or (0, 0) all of it is moved; it stays on the image and some pixels large."""
    x0, y0, x1, y1 = box
    width, height = size
    if edge == (0, 0):
        dx = min(max(dx, -x0), width - x1) if x1 - x0 <= width else 0
        dy = min(max(dy, -y0), height - y1) if y1 - y0 <= height else 0
        return x0 + dx, y0 + dy, x1 + dx, y1 + dy
    if edge[0] < 0:
        x0 = min(max(0, x0 + dx), x1 - _LEAST)
    elif edge[0] > 0:
        x1 = max(min(width, x1 + dx), x0 + _LEAST)
    if edge[1] < 0:
        y0 = min(max(0, y0 + dy), y1 - _LEAST)
    elif edge[1] > 0:
        y1 = max(min(height, y1 + dy), y0 + _LEAST)
    return x0, y0, x1, y1
