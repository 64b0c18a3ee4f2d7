"""What a region of interest covers on one image, as pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.annotation.masks import bounding_box
from core.annotation.shapes import polygon
from core.words import Box, Matrix

Region = NDArray[np.uint8]


class Area(Protocol):
    """A zone: a box, a polygon or a mask, to be inspected or ignored."""

    @property
    def sign(self) -> Literal["inspect", "ignore"]: ...
    @property
    def shape(self) -> Mapping[str, Any]: ...
    @property
    def mask(self) -> NDArray[np.uint8] | None: ...


def rasterise(areas: Iterable[Area], width: int, height: int) -> Region | None:
    """(height, width) uint8, 1 where is judged: what any zone inspects, or everything, less what any ignores.

    None when there are no zones: everything is judged. A mask of another size is taken from its top left corner.
    """
    zones = list(areas)
    if not zones:
        return None
    inspected = [zone for zone in zones if zone.sign == "inspect"]
    region = np.zeros((height, width), np.uint8) if inspected else np.ones((height, width), np.uint8)
    for zone in inspected:
        region |= _pixels(zone, width, height)
    for zone in zones:
        if zone.sign == "ignore":
            region &= 1 - _pixels(zone, width, height)
    return region


def placed(template: Region, matrix: Matrix | None, width: int, height: int) -> Region:
    """A template's region as it lies on an image of `width` x `height`.

    `matrix` (a, b, c, d, e, f) takes template pixels to image pixels: x' = a x + b y + c, y' = d x + e y + f. Without
    one the template lies as it is; on an image of another size it is stretched. What is uncovered is not judged.
    """
    if matrix is None:
        if template.shape == (height, width):
            return template
        return np.asarray(cv2.resize(template, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    warp = np.array(matrix, np.float64).reshape(2, 3)
    return np.asarray(cv2.warpAffine(template, warp, (width, height), flags=cv2.INTER_NEAREST), np.uint8)


def placed_box(box: Box, matrix: Matrix | None) -> Box:
    """Where a cell of the template lies on an image: its middle goes along and its size, it is never tilted."""
    if matrix is None:
        return box
    a, b, c, d, e, f = matrix
    grown = math.sqrt(abs(a * e - b * d))
    x, y = (box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2
    width, height = max(1, round((box[2] - box[0]) * grown)), max(1, round((box[3] - box[1]) * grown))
    left = round(a * x + b * y + c - (width - 1) / 2)
    top = round(d * x + e * y + f - (height - 1) / 2)
    return left, top, left + width, top + height


def covered(area: Area, width: int, height: int) -> int:
    """How many pixels of an image of `width` x `height` lie in a zone, whether it is inspected or ignored."""
    return int(np.count_nonzero(_pixels(area, width, height)))


def covers(area: Area, x: float, y: float) -> bool:
    """Whether the pixel at an image point lies in a zone."""
    column, row = math.floor(x), math.floor(y)
    if column < 0 or row < 0:
        return False
    if area.mask is not None:
        return row < area.mask.shape[0] and column < area.mask.shape[1] and bool(area.mask[row, column])
    if "box" in area.shape:
        x0, y0, x1, y1 = _whole_box(area)
        return x0 <= column < x1 and y0 <= row < y1
    points = np.asarray(area.shape.get("polygon", ()), np.float64).reshape(-1, 2)
    return polygon(points - (column, row), 1, 1) is not None


def box_around(area: Area) -> Box | None:
    """The box around a zone, wherever it lies; None for an empty one."""
    if area.mask is not None:
        return bounding_box(area.mask)
    if "box" in area.shape:
        return _whole_box(area)
    if "polygon" in area.shape:
        points = np.asarray(area.shape["polygon"], np.float64)
        low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])
    return None


def _whole_box(area: Area) -> Box:
    x0, y0, x1, y1 = (round(float(value)) for value in area.shape["box"])
    return x0, y0, x1, y1


def _pixels(zone: Area, width: int, height: int) -> Region:
    region = np.zeros((height, width), np.uint8)
    if zone.mask is not None:
        cut = zone.mask[:height, :width] != 0
        region[: cut.shape[0], : cut.shape[1]] = cut
    elif "box" in zone.shape:
        x0, y0, x1, y1 = (max(0, value) for value in _whole_box(zone))
        region[y0:y1, x0:x1] = 1
    elif "polygon" in zone.shape:
        patch = polygon(zone.shape["polygon"], width, height)
        if patch is not None:
            bits, (x0, y0, x1, y1) = patch
            region[y0:y1, x0:x1] = bits
    return region
