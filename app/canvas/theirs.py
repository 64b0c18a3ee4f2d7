"""The mask of somebody else over the one that is painted on: outlines alone, so that both are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from app.canvas.layers import into_image, stroke
from app.canvas.selection import outline
from app.canvas.viewport import Extent, Viewport
from core.annotation.masks import Mask, bounding_box
from core.words import Box

LAYER: Final = "theirs"
_WHITE: Final = QColor("#ffffff")
_DASHES: Final = (3.0, 3.0)  # in widths of the line


class TheirsLayer:
    """Outlines along the edges of pixels: white, with dashes in the colour of each class."""

    def __init__(self, box: Box | None, paths: Sequence[tuple[QColor, QPainterPath]], *, width: float = 2.0) -> None:
        self._box, self._paths, self._width = box, tuple(paths), width

    @property
    def extent(self) -> Extent | None:
        return self._box

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        if not self._paths:
            return
        painter.save()
        into_image(painter, view)
        painter.setOpacity(opacity)
        for colour, path in self._paths:
            stroke(painter, path, _WHITE, self._width * view.dpr)
            pen = QPen(colour, self._width * view.dpr)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            pen.setDashPattern(_DASHES)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(path)
        painter.restore()


def theirs_layer(labels: Mask, colours: Mapping[int, QColor]) -> TheirsLayer:
    """Outlines of every class that `labels`, (H, W) class ids, shows; made in any thread."""
    box = bounding_box(labels)
    if box is None:
        return TheirsLayer(None, ())
    x0, y0, x1, y1 = box
    inner = labels[y0:y1, x0:x1]
    paths = [(colours.get(int(value), _WHITE), outline(inner == value, box)) for value in np.unique(inner) if value]
    return TheirsLayer(box, paths)
