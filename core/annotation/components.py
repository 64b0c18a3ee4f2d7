"""The separate defects of a mask: pixels of one class that touch, also at corners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.annotation.masks import Mask, bounding_box
from core.annotation.shapes import Patch
from core.annotation.strokes import Bits, Point
from core.words import Box

_TILE: Final = 64  # pixels: parts of a mask that are empty are passed over in squares of it
_REACH: Final = 128  # pixels on every side of a click that are looked at first


@dataclass(frozen=True)
class Component:
    """One of them: its class, `area` in pixels, `box`, `centroid` in image coordinates, a pixel of it (column, row)."""

    class_id: int
    area: int
    box: Box
    centroid: Point
    pixel: tuple[int, int]

    def area_mm2(self, scale_um: float) -> float:
        """Its area, where a pixel is `scale_um` micrometres wide."""
        return self.area * (scale_um / 1000) ** 2


def components(labels: Mask, *, only: int | None = None) -> tuple[Component, ...]:
    """All of a mask, (H, W) uint8 of class ids, or those of the class `only`: by class, then from top to bottom.

    Costs by what is painted and the number of classes, hardly by the size of the image.
    """
    found: list[Component] = []
    for painted, corner in _islands(labels):
        used = np.flatnonzero(np.bincount(painted.ravel(), minlength=256))
        for value in used if only is None else [only]:
            if value:
                found += _of_class(painted == value, int(value), corner)
    return tuple(sorted(found, key=lambda one: (one.class_id, one.pixel[1], one.pixel[0])))


def _islands(labels: Mask) -> Iterator[tuple[Mask, tuple[int, int]]]:
    """Parts of a mask that no component leaves, and where their corners lie: little is empty in them."""
    around = bounding_box(labels)
    if around is None:
        return
    x0, y0, x1, y1 = around
    painted = labels[y0:y1, x0:x1]
    rows, columns = np.arange(0, y1 - y0, _TILE), np.arange(0, x1 - x0, _TILE)
    tiles = np.maximum.reduceat(np.maximum.reduceat(painted, rows, axis=0), columns, axis=1)
    count, groups, boxes, _ = cv2.connectedComponentsWithStats(tiles, connectivity=8)
    for number in range(1, count):
        u, v, across, down = (int(one) for one in boxes[number, :4])
        part = painted[v * _TILE : (v + down) * _TILE, u * _TILE : (u + across) * _TILE]
        mine = (groups[v : v + down, u : u + across] == number).repeat(_TILE, axis=0).repeat(_TILE, axis=1)
        yield part * mine[: part.shape[0], : part.shape[1]], (x0 + u * _TILE, y0 + v * _TILE)


def mask_of(labels: Mask, component: Component) -> Patch:
    """The pixels of a component of `labels`. Raises `KeyError` when it is not there any more as it was listed."""
    x0, y0, x1, y1 = component.box
    x, y = component.pixel
    if labels[y, x] == component.class_id:
        _, numbers = cv2.connectedComponents(_bytes(labels[y0:y1, x0:x1] == component.class_id), connectivity=8)
        bits = numbers == numbers[y - y0, x - x0]
        if np.count_nonzero(bits) == component.area:
            return bits, component.box
    raise KeyError(component)


def component_at(labels: Mask, x: int, y: int) -> Patch | None:
    """The pixels of the component under pixel (x, y); None where nothing is painted, or beside the image."""
    height, width = labels.shape
    if not (0 <= x < width and 0 <= y < height and labels[y, x]):
        return None
    value = labels[y, x]
    return connected(lambda box: labels[box[1] : box[3], box[0] : box[2]] == value, (x, y), (0, 0, width, height))


def connected(member: Callable[[Box], Bits], seed: tuple[int, int], limit: Box, *, diagonal: bool = True) -> Patch:
    """The pixels of `limit` that are joined to `seed` (column, row) by members, `diagonal` ones too.

    `member(box)` says which pixels of a box are members, (h, w) bool. It is asked for a box around the seed that grows
    until nothing leaves it, so that a small component costs little on a large image.
    """
    x, y = seed
    reach = _REACH
    while True:
        low, high = (max(limit[0], x - reach), max(limit[1], y - reach)), (x + reach + 1, y + reach + 1)
        box = (*low, min(limit[2], high[0]), min(limit[3], high[1]))
        bits, found = _flooded(member(box), box, seed, diagonal=diagonal)
        if all(mine != edge or edge == last for mine, edge, last in zip(found, box, limit, strict=True)):
            return bits, found
        reach *= 2


def _flooded(member: Bits, box: Box, seed: tuple[int, int], *, diagonal: bool) -> Patch:
    height, width = member.shape
    reached = np.zeros((height + 2, width + 2), np.uint8)
    flags = (8 if diagonal else 4) | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    _, _, _, (u, v, across, down) = cv2.floodFill(
        _bytes(member), reached, (seed[0] - box[0], seed[1] - box[1]), 0, 0, 0, flags
    )
    bits = reached[v + 1 : v + 1 + down, u + 1 : u + 1 + across].astype(np.bool_)
    return bits, (box[0] + u, box[1] + v, box[0] + u + across, box[1] + v + down)


def _of_class(member: Bits, class_id: int, corner: tuple[int, int]) -> list[Component]:
    count, numbers, facts, centroids = cv2.connectedComponentsWithStats(_bytes(member), connectivity=8)
    found = []
    for number in range(1, count):
        x, y, width, height, area = (int(one) for one in facts[number])
        first = int(np.argmax(numbers[y, x : x + width] == number))
        box = (corner[0] + x, corner[1] + y, corner[0] + x + width, corner[1] + y + height)
        middle = (corner[0] + float(centroids[number, 0]) + 0.5, corner[1] + float(centroids[number, 1]) + 0.5)
        found.append(Component(class_id, area, box, middle, (box[0] + first, box[1])))
    return found


def _bytes(member: Bits) -> NDArray[np.uint8]:
    return np.ascontiguousarray(member).view(np.uint8)
