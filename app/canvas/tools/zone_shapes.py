"""Drawing boxes on a board: a zone to inspect or to ignore; and choosing, moving, resizing what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPainterPath

from app.canvas.layers import path_of, rectangle, stroke
from app.canvas.tools import zone_corners
from app.canvas.tools.base import Pointer, QuietTool
from app.canvas.tools.drag import Drag
from app.canvas.tools.zone_corners import Grip, Points
from app.canvas.viewport import Viewport
from app.canvas.zone_board import Chosen, ZoneBoard
from app.theme import COLOUR
from app.words import tr
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
    """Click chooses a zone or cell, drag moves it, Del removes it; beside all, the image moves.

    A box and a cell are resized by their handles, a polygon is changed by its corners: drag one, or the dot between
    two for a new one; the right button takes one away. A double click on the line of a box makes a polygon of it. What
    is painted is changed with brush and eraser, unless a simple polygon says the same.
    """

    def __init__(self, board: ZoneBoard) -> None:
        self._board = board
        self._from: Point | None = None
        self._edge: tuple[Edge, Edge] = (0, 0)
        self._before: Box | None = None
        self.box: Box | None = None
        """Where what is being dragged will lie."""
        self.points: Points | None = None
        """The corners as they are being dragged."""
        self._grip: Grip | None = None
        self._over: Qt.CursorShape | None = None

    @property
    def cursor(self) -> QCursor | None:
        """What a press would do."""
        return None if self._over is None else QCursor(self._over)

    def stop(self) -> None:
        """What was being dragged lies where it lay."""
        self._from = self._before = self.box = self.points = self._grip = None
        self.refresh()

    def pressed(self, pointer: Pointer) -> bool:
        """Take hold of a handle or of a zone; beside all nothing is chosen any more."""
        if pointer.button == Qt.MouseButton.RightButton:
            return self._take_away(pointer)
        if pointer.button != Qt.MouseButton.LeftButton or self._board.found is None:
            return False
        self._grip = self._grip_at(pointer)
        if self._grip is not None:
            self._from = (pointer.x, pointer.y)
            return True
        held = self._edge_at(pointer)
        if held is None and self._line_at(pointer) is None:
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
        corners = self._board.corners
        if self._grip is not None and corners is not None:
            self.points = zone_corners.dragged(corners, self._grip, *self._board.inside(pointer.x, pointer.y))
            self.refresh()
            return True
        if self._from is None or self._before is None:
            self._show_cursor(pointer)
            return False
        dx, dy = round(pointer.x - self._from[0]), round(pointer.y - self._from[1])
        self.box = _dragged(self._before, self._edge, dx, dy, self._board.size)
        self.refresh()
        return True

    def released(self, pointer: Pointer) -> bool:
        """It stays where it is now."""
        box, points = self.box, self.points
        self.stop()
        if points is not None:
            self._board.set_corners(points)
        elif box is not None:
            self._board.place(box)
        self.refresh()
        return True

    def double_clicked(self, pointer: Pointer) -> bool:
        """A new corner on the line of the chosen zone; a box is a polygon from then on."""
        number, points = self._line_at(pointer), self._outline_points()
        if pointer.button != Qt.MouseButton.LeftButton or number is None or points is None:
            return False
        if self._corner_at(pointer) is None:
            corner = self._board.inside(pointer.x, pointer.y)
            self._board.set_corners(zone_corners.dragged(points, ("middle", number), *corner))
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
        """What is chosen as it is dragged, with its corners, or a frame with handles around it."""
        before = self._outline()
        if before is None:
            return
        corners, box = self._board.corners, self.box or before
        if corners is not None:
            way = np.array([box[0] - before[0], box[1] - before[1]])
            shown = self.points if self.points is not None else corners + way
            draw_outline(painter, view, shown)
            zone_corners.paint_grips(painter, view, shown)
            return
        draw_frame(painter, view, box)
        if not self._is_rigid():
            for edge in _EDGES:
                zone_corners.paint_handle(painter, view, *view.to_device(*_handle(box, edge)))

    # -- corners

    def _outline_points(self) -> Points | None:
        """(N, 2) of what can be changed by its corners: a polygon, or a box as one."""
        zone, corners = self._board.zone, self._board.corners
        if corners is not None or zone is None or zone.mask is not None or "box" not in zone.shape:
            return corners
        x0, y0, x1, y1 = zone.shape["box"]
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)

    def _grip_at(self, pointer: Pointer) -> Grip | None:
        corners = self._board.corners
        if corners is None or self.canvas is None:
            return None
        return zone_corners.grip_at(corners, self.canvas.view, pointer.device_x, pointer.device_y)

    def _corner_at(self, pointer: Pointer) -> int | None:
        points = self._outline_points()
        if points is None or self.canvas is None:
            return None
        grip = zone_corners.grip_at(points, self.canvas.view, pointer.device_x, pointer.device_y)
        return grip[1] if grip is not None and grip[0] == "corner" else None

    def _line_at(self, pointer: Pointer) -> int | None:
        points = self._outline_points()
        if points is None or self.canvas is None:
            return None
        return zone_corners.edge_at(points, self.canvas.view, pointer.device_x, pointer.device_y)

    def _take_away(self, pointer: Pointer) -> bool:
        """The corner under the mouse goes."""
        points, number = self._outline_points(), self._corner_at(pointer)
        if points is None or number is None or self._from is not None:
            return False
        fewer = zone_corners.without(points, number)
        if fewer is None:
            self._board.refused.emit(tr("A zone has three corners at least: Del removes the zone"))
        else:
            self._board.set_corners(fewer)
        self.refresh()
        return True

    # -- inside

    def _outline(self) -> Box | None:
        chosen: Chosen | None = self._board.chosen
        return None if chosen is None else self._board.outline(chosen)

    def _is_rigid(self) -> bool:
        """Whether there is no frame to be resized by: it is painted, or has corners."""
        zone = self._board.zone
        return zone is not None and (zone.mask is not None or "box" not in zone.shape)

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
        edge, grip = self._edge_at(pointer), self._grip_at(pointer)
        over = None
        if grip is not None:
            over = Qt.CursorShape.CrossCursor
        elif edge is not None:
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
    _draw(painter, view, path, style)


def draw_outline(painter: QPainter, view: Viewport, points: Points) -> None:
    """A polygon of (N, 2) image points as a frame is drawn."""
    _draw(painter, view, path_of(points * view.scale + (view.dx, view.dy)), Qt.PenStyle.SolidLine)


def _draw(painter: QPainter, view: Viewport, path: QPainterPath, style: Qt.PenStyle) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
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
