"""Polygon: click its corners; Enter, a double click or the first corner closes it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from app.canvas.layers import path_of, stroke
from app.canvas.tools.base import Pointer
from app.canvas.tools.proposing import NEAR_PX, Proposing
from app.canvas.viewport import Viewport
from app.canvas.workbench import Workbench
from app.words import tr
from core.annotation import shapes
from core.annotation.strokes import Point

_DOT: Final = 3.5
_LEAST: Final = 3  # corners


class Polygon(Proposing):
    """Left sets a corner, right and Backspace take the last one back, Esc all of them."""

    name = "polygon"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self.points: list[Point] = []
        """The corners, in image coordinates."""
        self._at: Point | None = None  # of the cursor

    def drop(self) -> None:
        """No corner is left."""
        self.points.clear()
        super().drop()

    def took_back(self) -> bool:
        """The last corner."""
        if not self.points:
            return False
        self.points.pop()
        self._say()
        return True

    def pressed(self, pointer: Pointer) -> bool:
        """A corner, or the end."""
        if pointer.button == Qt.MouseButton.RightButton:
            return self.took_back()
        if pointer.button != Qt.MouseButton.LeftButton:
            return False
        if not self.points and not self.allowed():
            return True
        if self._is_at_first(pointer):
            self._close()
        elif not self.points or self.points[-1] != (pointer.x, pointer.y):
            self.points.append((pointer.x, pointer.y))
            self._say()
        return True

    def keep(self) -> bool:
        """Three corners make a polygon."""
        if len(self.points) < _LEAST:
            return False
        self._close()
        return not self.points

    def moved(self, pointer: Pointer) -> bool:
        """The line from the last corner follows."""
        self._at = (pointer.x, pointer.y)
        if self.points:
            self.refresh()
        return False

    def double_clicked(self, pointer: Pointer) -> bool:
        """It is closed: the first of the two clicks set its last corner."""
        if pointer.button == Qt.MouseButton.LeftButton and len(self.points) > 2:
            self._close()
            return True
        return False

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter, Backspace, Esc; while there is a corner."""
        if not self.points:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._close()
        elif key == Qt.Key.Key_Backspace:
            self.took_back()
        elif key == Qt.Key.Key_Escape:
            self.drop()
        else:
            return False
        return True

    def left(self) -> None:
        """No line to a cursor that is elsewhere."""
        self._at = None
        self.refresh()

    def bounds(self, view: Viewport) -> QRectF | None:
        """Around all corners and the cursor."""
        if not self.points:
            return None
        ways = self.points if self._at is None else [*self.points, self._at]
        places = [QPointF(*view.to_device(*point)) for point in ways]
        reach = NEAR_PX * view.dpr
        return QPolygonF(places).boundingRect().adjusted(-reach, -reach, reach, reach)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The lines, the area that they would close, a dot on each corner."""
        if not self.points:
            return
        colour = self.colour
        ways = self.points if self._at is None else [*self.points, self._at]
        places = [QPointF(*view.to_device(*point)) for point in ways]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inside = QColor(colour)
        inside.setAlpha(70)
        path = path_of(np.array([(place.x(), place.y()) for place in places]))
        painter.fillPath(path, inside)
        stroke(painter, path, colour, 1.4 * view.dpr)
        closes = self._at is not None and self._is_near(self._at, view)
        for number, place in enumerate(places[: len(self.points)]):
            large = number == 0 and closes
            painter.setPen(QColor("white"))
            painter.setBrush(QColor("white") if large else colour)
            radius = (2 * _DOT if large else _DOT) * view.dpr
            painter.drawEllipse(place, radius, radius)
        painter.restore()

    # -- inside

    def _is_at_first(self, pointer: Pointer) -> bool:
        return self.canvas is not None and self._is_near((pointer.x, pointer.y), self.canvas.view)

    def _is_near(self, point: Point, view: Viewport) -> bool:
        """Whether a click there closes it."""
        if len(self.points) < 3:
            return False
        (ax, ay), (bx, by) = self.points[0], point
        return math.hypot(bx - ax, by - ay) * view.scale <= NEAR_PX * view.dpr

    def _close(self) -> None:
        sheet = self._bench.sheet
        patch = None if sheet is None else shapes.polygon(self.points, sheet.width, sheet.height)
        if patch is None:
            self._bench.refused.emit(tr("A polygon needs three corners around at least one pixel: nothing was painted"))
        elif self.stamp(patch, self._bench.class_id):
            self.drop()

    def _say(self) -> None:
        self.refresh()
        count = len(self.points)
        self._bench.hinted.emit(
            tr("{n} corners: Enter or double click closes, right click takes the last one back, Esc all", n=count)
            if count
            else ""
        )
