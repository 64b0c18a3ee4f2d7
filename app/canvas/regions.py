"""Regions of interest on an image: which area is inspected and which is ignored, and the layer that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QTransform

from app.canvas.layers import Points, into_image, path_of, rectangle, stroke
from app.canvas.viewport import Extent, Viewport
from core.annotation.roi import placed_box
from core.project.records import Cell, Roi, Zone
from core.words import Box, Matrix

_IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_DIM: Final = QColor(8, 10, 12, 150)
_NAMED_FROM: Final = 56  # device pixels: a smaller zone carries no name
_NAME_PX: Final = 11
_STEPS: Final = 1.5  # half pixels: the stairs of a painted outline are smoothed


@dataclass(frozen=True)
class Region:
    """A named area of one image as polygons; a hole is a polygon inside another."""

    name: str
    kind: str  # "inspect", "ignore" or "cell"
    polygons: tuple[Points, ...]


def regions_of(roi: Roi, matrix: Matrix | None = None, own: Sequence[Zone] = ()) -> tuple[Region, ...]:
    """The zones and cells of a version as they lie on one image; zones of its `own` replace those of the template."""
    frames = [Cell(cell.name, placed_box(cell.box, matrix)) for cell in roi.cells]
    return drawn(own or roi.zones, frames, None if own else matrix)


def drawn(zones: Sequence[Zone], cells: Sequence[Cell], matrix: Matrix | None = None) -> tuple[Region, ...]:
    """Zones, where a matrix takes them, and cells as they are."""
    turn = matrix or _IDENTITY
    found = [Region(zone.name, zone.sign, _polygons(zone, turn)) for zone in zones]
    found += [Region(cell.name, "cell", (_corners(cell.box),)) for cell in cells]
    return tuple(region for region in found if region.polygons)


class RoiLayer:
    """What lies outside is dimmed; zones have an outline, ignored ones are hatched, cells are framed."""

    def __init__(
        self, regions: Sequence[Region], size: tuple[int, int], colour: QColor, *, outside: QColor = _DIM
    ) -> None:
        """`size` (width, height) is that of the image; `outside` lies over what is not inspected."""
        self._size = size
        self._colour = colour
        self._dim = outside
        self._regions: Final = [(region, _path(region.polygons)) for region in regions]
        inside = QPainterPath()
        inside.setFillRule(Qt.FillRule.WindingFill)
        kinds = {region.kind for region in regions}
        shown = "inspect" if "inspect" in kinds else "cell" if "cell" in kinds else ""
        for region, path in self._regions:
            if region.kind == shown:
                inside = inside.united(path) if not inside.isEmpty() else path
        self._outside = QPainterPath()
        if shown:
            self._outside.addRect(QRectF(-1, -1, size[0] + 2, size[1] + 2))  # its own edge is beyond what is drawn
            self._outside = self._outside.subtracted(inside)

    @property
    def extent(self) -> Extent | None:
        return (0.0, 0.0, float(self._size[0]), float(self._size[1])) if self._regions else None

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        if not self._regions:
            return
        painter.save()
        painter.setOpacity(opacity)
        painter.save()
        x0, y0, x1, y1 = view.device_box((0.0, 0.0, float(self._size[0]), float(self._size[1])))
        painter.setClipRect(QRectF(x0, y0, x1 - x0, y1 - y0), Qt.ClipOperation.IntersectClip)
        into_image(painter, view)
        painter.fillPath(self._outside, self._dim)
        for region, path in self._regions:
            style = Qt.PenStyle.DashLine if region.kind == "ignore" else Qt.PenStyle.SolidLine
            stroke(painter, path, self._colour, (1.0 if region.kind == "cell" else 1.6) * view.dpr, style)
        painter.restore()
        for region, path in self._regions:
            if region.kind == "ignore":
                self._hatch(painter, view, path)
        for region, path in self._regions:
            self._name(painter, view, region, path)
        painter.restore()

    def _hatch(self, painter: QPainter, view: Viewport, path: QPainterPath) -> None:
        ink = QColor(self._colour)
        ink.setAlpha(110)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(view.dx, view.dy)  # the hatching keeps its width: only the path is scaled
        scaled = QTransform.fromScale(view.scale, view.scale).map(path)
        painter.fillPath(scaled, QBrush(ink, Qt.BrushStyle.BDiagPattern))
        painter.restore()

    def _name(self, painter: QPainter, view: Viewport, region: Region, path: QPainterPath) -> None:
        bounds = path.boundingRect()
        place = rectangle(view, (bounds.left(), bounds.top(), bounds.right(), bounds.bottom()))
        if not region.name or min(place.width(), place.height()) < _NAMED_FROM * view.dpr:
            return
        font = QFont(painter.font())
        font.setPixelSize(round(_NAME_PX * view.dpr))
        metrics = QFontMetricsF(font)
        pad = 4 * view.dpr
        corner = min((point for polygon in region.polygons for point in polygon), key=lambda point: point[0] + point[1])
        x, y = view.to_device(float(corner[0]), float(corner[1]))
        height = metrics.height() + 2
        tag = QRectF(x, y - height if y > height else y, metrics.horizontalAdvance(region.name) + 2 * pad, height)
        painter.setFont(font)
        painter.fillRect(tag, self._colour)
        painter.setPen(QColor("#10161c"))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, region.name)


def _path(polygons: Sequence[Points]) -> QPainterPath:
    path = QPainterPath()
    for points in polygons:
        path.addPath(path_of(points))
    return path


def _polygons(zone: Zone, matrix: Matrix) -> tuple[Points, ...]:
    if zone.mask is not None:
        return tuple(_turned(points, matrix) for points in _outlines_of(zone.mask))
    if "box" in zone.shape:
        x0, y0, x1, y1 = (float(one) for one in zone.shape["box"])
        return (_turned(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), matrix),)
    if "polygon" in zone.shape:
        return (_turned(np.asarray(zone.shape["polygon"], np.float64), matrix),)
    return ()


def _outlines_of(mask: NDArray[np.uint8]) -> list[Points]:
    """Outlines along the borders of pixels, gently simplified: twice the size makes them pass between pixels."""
    twice = cv2.resize((mask != 0).astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    found, _ = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    thin = [cv2.approxPolyDP(one, _STEPS, closed=True) for one in found]
    return [one[:, 0, :].astype(np.float64) / 2 + 0.25 for one in thin if len(one) > 2]


def _corners(box: Box) -> Points:
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)


def _turned(points: Points, matrix: Matrix) -> Points:
    a, b, c, d, e, f = matrix
    return np.stack([a * points[:, 0] + b * points[:, 1] + c, d * points[:, 0] + e * points[:, 1] + f], axis=1)
