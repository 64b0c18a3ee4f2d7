"""What lies over the image. Each layer paints its visible part in device pixels; none knows the widget.

Layers may be made in any thread: arrays and colours only, no pixmaps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from app import theme
from app.canvas.sampling import Placed, linear, nearest, pooled
from app.canvas.viewport import Extent, Viewport, intersection
from core.annotation.masks import bounding_box
from core.words import Box

Points = NDArray[np.float64]  # (N, 2) x, y in image coordinates
ORDER: Final = ("roi", "heatmap", "mask", "contours", "tool")  # from below; layers of other names lie on top
COLOUR_MAPS: Final[Mapping[str, int]] = {
    "inferno": cv2.COLORMAP_INFERNO,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "cividis": cv2.COLORMAP_CIVIDIS,
}
_FILL: Final = 0.42  # of a layer's opacity: the edge is what counts, the defect stays to be seen
_DENSEST: Final = 0.85
_HALO: Final = QColor(12, 14, 16, 150)
_COARSEST: Final = 64
_AROUND: Final = 256  # device pixels beyond what is seen that heat is drawn ahead while it is moved


class Layer(Protocol):
    """Something laid over the image."""

    @property
    def extent(self) -> Extent | None:
        """The area that it can touch; None when it is empty."""

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        """Draw what falls into the device pixels of `box`; the painter works in device pixels."""


class MaskLayer:
    """Class ids in colours: a light fill and an edge one pixel wide; a single painted pixel is seen at any scale.

    `labels` is the buffer itself: paint into it, then call `changed` with the box.
    """

    def __init__(self, labels: NDArray[np.uint8], colours: Mapping[int, QColor]) -> None:
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise ValueError(f"a mask is (H, W) uint8, not {labels.shape} {labels.dtype}")
        self.labels: Final = labels
        self._levels: Final = [labels]
        while max(self._levels[-1].shape) > _COARSEST:
            self._levels.append(pooled(self._levels[-1]))
        self._bounds = bounding_box(labels)
        self._table = _class_table(colours)

    @property
    def extent(self) -> Extent | None:
        return self._bounds

    @property
    def bounds(self) -> Box | None:
        """A box outside of which nothing is painted; None when nothing is."""
        return self._bounds

    def set_colours(self, colours: Mapping[int, QColor]) -> None:
        """Show the classes in other colours."""
        self._table = _class_table(colours)

    def colour(self, class_id: int) -> QColor:
        """How a class is shown."""
        return QColor.fromRgba(self._table[class_id])

    def changed(self, box: Box) -> None:
        """The buffer was painted in `box`: follow. Costs by the size of the box, not of the image."""
        height, width = self.labels.shape
        inside = intersection(box, (0, 0, width, height))
        if inside is None:
            return
        self._bounds = inside if self._bounds is None else _union(self._bounds, inside)
        x0, y0, x1, y1 = inside
        for finer, coarser in zip(self._levels, self._levels[1:], strict=False):
            x0, y0, x1, y1 = x0 // 2, y0 // 2, (x1 + 1) // 2, (y1 + 1) // 2
            coarser[y0:y1, x0:x1] = pooled(finer[2 * y0 : 2 * y1, 2 * x0 : 2 * x1])

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        if self._bounds is None:
            return
        step = max(1, round(view.dpr))
        around = (box[0] - step, box[1] - step, box[2] + step, box[3] + step)  # the edge needs its neighbours
        shown = intersection(view.device_box(self._bounds, margin=1), around)
        if shown is None:
            return
        ids = np.ascontiguousarray(nearest(self._level(view), view, shown))
        outside = _beyond(view.device_box((0, 0, self.labels.shape[1], self.labels.shape[0])), shown)
        if outside is not None:
            ids[outside] = 0
        if not ids.any():
            return
        side = 2 * step + 1
        inner = cv2.erode(ids, np.ones((side, side), np.uint8))
        edge = np.where(inner == ids, 0, ids).astype(np.uint8)
        painter.setOpacity(opacity * _FILL)
        draw_indexed(painter, ids, shown, self._table)
        painter.setOpacity(opacity)
        draw_indexed(painter, edge, shown, self._table)
        painter.setOpacity(1.0)

    def _level(self, view: Viewport) -> Placed:
        """The finest level of which no pixel is passed over."""
        wanted = 0 if view.scale >= 1 else math.ceil(math.log2(1 / view.scale) - 1e-9)
        level = min(wanted, len(self._levels) - 1)
        return Placed(self._levels[level], 0.0, 0.0, 0.5**level, 0.5**level)


class HeatLayer:
    """An anomaly map as heat: clear below half the threshold, dense from the threshold on.

    `values`: (h, w), integers (of the whole range of their type) or floats, of any size; `extent` is the area of the
    image that they cover. One scale from half the threshold to `top`, the same for all images of a training.
    """

    def __init__(
        self,
        values: NDArray[Any],
        extent: Extent,
        *,
        threshold: float,
        top: float = 1.0,
        colour_map: str = "inferno",
    ) -> None:
        scale = float(np.iinfo(values.dtype).max) if np.issubdtype(values.dtype, np.integer) else 1.0
        self._start = threshold / 2
        self._end = max(top, 1.5 * threshold, 1e-6)
        self._threshold = threshold
        warmth = (values.astype(np.float32) / scale - self._start) / (self._end - self._start)
        self.levels: Final = np.rint(255 * np.clip(warmth, 0, 1)).astype(np.uint8)
        x0, y0, x1, y1 = extent
        height, width = self.levels.shape
        self._placed: Final = Placed(self.levels, x0, y0, width / (x1 - x0), height / (y1 - y0))
        self.colour_map = colour_map
        self._table = self._heat_table()
        self._drawn: tuple[float, Box, QImage] | None = None  # scale, place from the corner of the image, pixels

    @property
    def extent(self) -> Extent | None:
        return self._placed.extent

    def set_colour_map(self, name: str) -> None:
        """inferno, viridis or cividis. Raises KeyError."""
        self.colour_map = name
        self._table = self._heat_table()
        self._drawn = None

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        shown = intersection(view.device_box(self._placed.extent), box)
        if shown is None:
            return
        (x0, y0, _, _), image = self._rendered(view, shown)
        painter.setOpacity(opacity)
        width, height = shown[2] - shown[0], shown[3] - shown[1]
        painter.drawImage(shown[0], shown[1], image, shown[0] - x0, shown[1] - y0, width, height)
        painter.setOpacity(1.0)

    def _rendered(self, view: Viewport, shown: Box) -> tuple[Box, QImage]:
        """Pixels that hold those of `shown`, and where they lie; kept for as long as the image is only moved."""
        dx, dy = int(view.dx), int(view.dy)
        known = self._drawn if self._drawn is not None and self._drawn[0] == view.scale else None
        if known is None or intersection(known[1], _moved(shown, -dx, -dy)) != _moved(shown, -dx, -dy):
            more = 0 if known is None else _AROUND  # it is being moved: what comes next is drawn ahead
            around = (shown[0] - more, shown[1] - more, shown[2] + more, shown[3] + more)
            box = intersection(view.device_box(self._placed.extent), around) or shown
            values = np.ascontiguousarray(linear(self._placed, view, box), np.uint8)
            image = _indexed(values, self._table).convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
            known = self._drawn = (view.scale, _moved(box, -dx, -dy), image)
        return _moved(known[1], dx, dy), known[2]

    def _heat_table(self) -> list[int]:
        warmth = np.linspace(0, 1, 256)
        index = np.rint(255 * (0.2 + 0.8 * warmth)).astype(np.uint8)  # the darkest fifth reads as a shadow
        bgr = cv2.applyColorMap(index[:, None], COLOUR_MAPS[self.colour_map])[:, 0].astype(int)
        value = self._start + warmth * (self._end - self._start)
        density = np.clip((value - self._start) / max(self._threshold - self._start, 1e-6), 0, 1)
        alpha = np.rint(255 * _DENSEST * density).astype(int)
        return [
            (int(a) << 24) | (int(r) << 16) | (int(g) << 8) | int(b) for a, (b, g, r) in zip(alpha, bgr, strict=True)
        ]


class ContourLayer:
    """Closed outlines over a dark halo, two pixels wide at any scale."""

    def __init__(self, polygons: Sequence[Points], colour: QColor, *, width: float = 2.0) -> None:
        self._paths: Final = tuple((_extent_of(points), path_of(points)) for points in polygons if len(points) > 1)
        self._colour = colour
        self._width = width

    @property
    def extent(self) -> Extent | None:
        return _union_of([extent for extent, _ in self._paths])

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        near = [path for extent, path in self._paths if intersection(view.device_box(extent, 4), box)]
        if not near:
            return
        painter.save()
        into_image(painter, view)
        painter.setOpacity(opacity)
        for path in near:
            stroke(painter, path, self._colour, self._width * view.dpr)
        painter.restore()


def path_of(points: Points) -> QPainterPath:
    """A closed path through (N, 2) points."""
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(float(x), float(y)) for x, y in points]))
    path.closeSubpath()
    return path


def into_image(painter: QPainter, view: Viewport) -> None:
    """From here on the painter takes image coordinates."""
    painter.translate(view.dx, view.dy)
    painter.scale(view.scale, view.scale)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def stroke(
    painter: QPainter, path: QPainterPath, colour: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine
) -> None:
    """`path` as a line of `width` device pixels over a halo, so that it shows on bright and on dark parts."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for ink, thick, kind in ((_HALO, width + 2, Qt.PenStyle.SolidLine), (colour, width, style)):
        pen = QPen(ink, thick, kind, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawPath(path)


def outlines(region: NDArray[Any]) -> list[Points]:
    """Outlines of everything that is not 0 in (H, W), through pixel centres."""
    found, _ = cv2.findContours((region != 0).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    return [one[:, 0, :].astype(np.float64) + 0.5 for one in found]


def rectangle(view: Viewport, extent: Extent) -> QRectF:
    """An area of the image as a rectangle of device pixels."""
    (x0, y0), (x1, y1) = view.to_device(extent[0], extent[1]), view.to_device(extent[2], extent[3])
    return QRectF(x0, y0, x1 - x0, y1 - y0)


def draw_indexed(painter: QPainter, indices: NDArray[np.uint8], box: Box, table: Sequence[int]) -> None:
    """Draw (h, w) indices into a table of colours over the device pixels of `box`."""
    painter.drawImage(box[0], box[1], _indexed(indices, table))


def _indexed(indices: NDArray[np.uint8], table: Sequence[int]) -> QImage:
    """An image on these bytes, not a copy."""
    height, width = indices.shape
    image = QImage(indices.data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable(table)
    return image


def _moved(box: Box, dx: int, dy: int) -> Box:
    return (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)


def _class_table(colours: Mapping[int, QColor]) -> list[int]:
    spare = theme.COLOUR["defective"].rgba()
    table = [colours[index].rgba() if index in colours else spare for index in range(256)]
    table[0] = 0
    return table


def _beyond(inside: Box, box: Box) -> NDArray[np.bool_] | None:
    """(h, w) bool: which device pixels of `box` lie beside `inside`; None when none does."""
    if inside[0] <= box[0] and inside[1] <= box[1] and inside[2] >= box[2] and inside[3] >= box[3]:
        return None
    columns, rows = np.arange(box[0], box[2]), np.arange(box[1], box[3])
    off_x = (columns < inside[0]) | (columns >= inside[2])
    off_y = (rows < inside[1]) | (rows >= inside[3])
    return np.asarray(off_y[:, None] | off_x[None, :])


def _union(a: Box, b: Box) -> Box:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def _union_of(extents: Sequence[Extent]) -> Extent | None:
    if not extents:
        return None
    lows, highs = np.array(extents)[:, :2].min(axis=0), np.array(extents)[:, 2:].max(axis=0)
    return (float(lows[0]), float(lows[1]), float(highs[0]), float(highs[1]))


def _extent_of(points: Points) -> Extent:
    low, high = points.min(axis=0), points.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
