"""What a polygon or a rectangle covers, to the pixel: (h, w) bool and the box that it fills.

A pixel belongs to a polygon when its centre does. Of centres that lie exactly on the border those of left and upper
edges belong, those of right and lower ones do not: polygons that share an edge share no pixel and leave no gap.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.annotation.strokes import Bits, Point
from core.words import Box

Patch = tuple[Bits, Box]  # (h, w) bool inside a box of that size

_GRID: Final = 256  # points are taken to this part of a pixel; from there on the arithmetic is whole numbers, exact
_CENTRE: Final = _GRID // 2
_FARTHEST: Final = 1 << 20  # pixels from the corner of the image; points beyond are drawn in


def polygon(points: ArrayLike, width: int, height: int) -> Patch | None:
    """Pixels of an image of `width` x `height` inside a closed polygon of (N, 2) x, y; None when there are none.

    Where it crosses itself the even-odd rule holds: what is surrounded twice is outside.
    """
    xy = np.clip(np.asarray(points, np.float64).reshape(-1, 2), -_FARTHEST, _FARTHEST)
    if len(xy) < 3:
        return None
    grid = np.rint(xy * _GRID).astype(np.int64)
    rows, columns = _crossings(grid, height)
    if rows.size == 0:
        return None
    left, right = max(0, int(columns.min())), min(width, int(columns.max()))
    top, bottom = int(rows.min()), int(rows.max()) + 1
    if left >= right:
        return None
    turns = np.zeros((bottom - top, right - left), np.uint8)
    kept = columns < right
    np.bitwise_xor.at(turns, (rows[kept] - top, np.maximum(columns[kept], left) - left), np.uint8(1))
    return cropped(np.bitwise_xor.accumulate(turns, axis=1).astype(np.bool_), (left, top, right, bottom))


def box_between(start: Point, end: Point, width: int, height: int, *, square: bool = False) -> Box | None:
    """From the pixel under one point to that under the other, both included; None when it lies beside the image.

    With `square` the shorter side becomes as long as the longer one, away from `start`.
    """
    (ax, ay), (bx, by) = ((int(x // 1), int(y // 1)) for x, y in (start, end))
    if square:
        side = max(abs(bx - ax), abs(by - ay))
        bx, by = ax + (side if bx >= ax else -side), ay + (side if by >= ay else -side)
    x0, y0 = max(0, min(ax, bx)), max(0, min(ay, by))
    x1, y1 = min(width, max(ax, bx) + 1), min(height, max(ay, by) + 1)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def rectangle(start: Point, end: Point, width: int, height: int, *, square: bool = False) -> Patch | None:
    """All pixels of `box_between`."""
    box = box_between(start, end, width, height, square=square)
    return None if box is None else (np.ones((box[3] - box[1], box[2] - box[0]), np.bool_), box)


def cropped(bits: Bits, box: Box) -> Patch | None:
    """The same pixels in the smallest box; None when there are none."""
    rows = np.flatnonzero(bits.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(bits[rows[0] : rows[-1] + 1].any(axis=0))
    v0, v1, u0, u1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return np.ascontiguousarray(bits[v0:v1, u0:u1]), (box[0] + u0, box[1] + v0, box[0] + u1, box[1] + v1)


def placed(patch: Patch, box: Box) -> Bits:
    """The pixels of `patch` as they lie in `box`; what lies beside it is left out."""
    bits, (x0, y0, x1, y1) = patch
    found = np.zeros((box[3] - box[1], box[2] - box[0]), np.bool_)
    u0, v0, u1, v1 = max(x0, box[0]), max(y0, box[1]), min(x1, box[2]), min(y1, box[3])
    if u0 < u1 and v0 < v1:
        found[v0 - box[1] : v1 - box[1], u0 - box[0] : u1 - box[0]] = bits[v0 - y0 : v1 - y0, u0 - x0 : u1 - x0]
    return found


def _crossings(grid: NDArray[np.int64], height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the edges cross the middle of the rows: the row, and the first column whose centre is not left of it."""
    ends = np.roll(grid, -1, axis=0)
    swap = grid[:, 1] > ends[:, 1]
    upper, lower = np.where(swap[:, None], ends, grid), np.where(swap[:, None], grid, ends)
    # A row is crossed when upper y <= its middle < lower y: an edge that lies on a middle is none, two edges that meet
    # on one are counted once when the line goes on and twice or not at all when it turns.
    first = np.clip(-((_CENTRE - upper[:, 1]) // _GRID), 0, height)
    last = np.clip(-((_CENTRE - lower[:, 1]) // _GRID), 0, height)
    counts = last - first
    edge = np.repeat(np.arange(len(grid)), counts)
    rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    rise = lower[edge, 1] - upper[edge, 1]
    run = lower[edge, 0] - upper[edge, 0]
    over = (upper[edge, 0] - _CENTRE) * rise + (_GRID * rows + _CENTRE - upper[edge, 1]) * run
    return rows, -((-over) // (_GRID * rise))
