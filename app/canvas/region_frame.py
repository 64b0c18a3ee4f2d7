"""What tells a person that regions are drawn now and no defects: the whole frame is tinted."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QColor, QPainter

from app.canvas.viewport import Extent, Viewport
from app.theme import COLOUR
from core.words import Box

_TINT: Final = 34
_OUTSIDE: Final = 96
_BORDER: Final = 3.0  # units of the toolkit


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
