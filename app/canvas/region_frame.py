"""What tells a person that regions are drawn now and no defects: the whole frame is tinted."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QColor, QPainter, QPainterPath

from app.canvas.layers import Points, into_image, path_of, stroke
from app.canvas.viewport import Extent, Viewport
from app.canvas.zone_board import ZoneBoard
from app.theme import COLOUR
from core.words import Box

_TINT: Final = 34
_OUTSIDE: Final = 96
_BORDER: Final = 3.0  # units of the toolkit
_CHOSEN: Final = 3.0  # units of the toolkit: how wide the outline of what is chosen is


def outside() -> QColor:
    """What lies over the image where nothing is inspected."""
    colour = COLOUR["roi"].darker(220)
    colour.setAlpha(_OUTSIDE)
    return QColor(colour)


class RegionFrame:
    """A layer over everything: a tint of sky blue, and a border of it around the canvas."""

    @property
    def extent(self) -> Extent | None:
        return None

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        tint = QColor(COLOUR["roi"])
        tint.setAlpha(_TINT)
        painter.fillRect(box[0], box[1], box[2] - box[0], box[3] - box[1], tint)
        side = round(_BORDER * view.dpr)
        for x, y, width, height in (
            (0, 0, view.width, side),
            (0, view.height - side, view.width, side),
            (0, 0, side, view.height),
            (view.width - side, 0, side, view.height),
        ):
            painter.fillRect(x, y, width, height, COLOUR["roi"])


class ChosenLayer:
    """The outline of the zone or cell that is chosen, also while a tool is in the hand that draws another one."""

    def __init__(self, board: ZoneBoard) -> None:
        self._board = board

    @property
    def extent(self) -> Extent | None:
        return None

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        chosen = self._board.chosen
        around = None if chosen is None else self._board.outline(chosen)
        if around is None:
            return
        path = QPainterPath()
        corners: Points | None = self._board.corners
        if corners is not None:
            path = path_of(corners)
        else:
            path.addRect(around[0], around[1], around[2] - around[0], around[3] - around[1])
        painter.save()
        into_image(painter, view)
        stroke(painter, path, COLOUR["roi"], _CHOSEN * view.dpr)
        painter.restore()
