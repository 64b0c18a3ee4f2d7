"""What a brush covers on its way from one point to the next: exact, row by row, whatever the size of the image.

A pixel is covered when its centre lies within the brush. A brush of an odd size sits on the middle of a pixel, one of
an even size on the corner between four, so that size 1 paints the pixel under the cursor and nothing else.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.words import Box

Shape = Literal["round", "square"]
Point = tuple[float, float]
Bits = NDArray[np.bool_]

LARGEST: Final = 500  # pixels across
_ON_EDGE: Final = 1e-6  # a centre on the rim is covered


def seat(point: Point, size: int) -> Point:
    """Where the middle of a brush `size` pixels across sits for a cursor at `point` (image coordinates)."""
    if size % 2:
        return math.floor(point[0]) + 0.5, math.floor(point[1]) + 0.5
    return float(math.floor(point[0] + 0.5)), float(math.floor(point[1] + 0.5))


def sweep(start: Point, end: Point, size: int, shape: Shape, width: int, height: int) -> tuple[Bits, Box] | None:
    """Pixels that a brush covers between two cursor points, on an image of `width` x `height`.

    Returns (h, w) bool and the box that it fills, None when the brush stays beside the image. Costs by the area of the
    box alone.
    """
    (ax, ay), (bx, by) = seat(start, size), seat(end, size)
    half = size / 2
    top, bottom = _span(min(ay, by) - half, max(ay, by) + half, height)
    left, right = _span(min(ax, bx) - half, max(ax, bx) + half, width)
    if top >= bottom or left >= right:
        return None
    rows = np.arange(top, bottom, dtype=np.float64) + 0.5
    reach = _round_rows if shape == "round" else _square_rows
    lows, highs = reach(rows, (ax, ay), (bx, by), half)
    columns = np.arange(left, right, dtype=np.float64) + 0.5
    bits = (columns >= lows[:, None] - _ON_EDGE) & (columns <= highs[:, None] + _ON_EDGE)
    return bits, (left, top, right, bottom)


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    """Pixels whose centres lie between, inside the image."""
    return max(0, math.ceil(low - 0.5 - _ON_EDGE)), min(limit, math.floor(high - 0.5 + _ON_EDGE) + 1)


def _round_rows(rows: NDArray[np.float64], a: Point, b: Point, radius: float) -> tuple[NDArray[np.float64], ...]:
    """From where to where a disc swept from `a` to `b` reaches on each row: one interval, as it is convex."""
    low, high = _disc_rows(rows, a, radius)
    other_low, other_high = _disc_rows(rows, b, radius)
    low, high = np.minimum(low, other_low), np.maximum(high, other_high)
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    if length > 0:
        across = (radius * (a[1] - b[1]) / length, radius * (b[0] - a[0]) / length)
        corners = [(p[0] + s * across[0], p[1] + s * across[1]) for p, s in ((a, 1), (b, 1), (b, -1), (a, -1))]
        hull_low, hull_high = _hull_rows(rows, corners)
        low, high = np.minimum(low, hull_low), np.maximum(high, hull_high)
    return low, high


def _square_rows(rows: NDArray[np.float64], a: Point, b: Point, half: float) -> tuple[NDArray[np.float64], ...]:
    """The same for a square: the share of the way on which it touches a row says from where to where it reaches."""
    way_x, way_y = b[0] - a[0], b[1] - a[1]
    if way_y == 0:
        first, last = np.zeros(rows.shape), np.ones(rows.shape)
    else:
        at, reach = (rows - a[1]) / way_y, half / abs(way_y)
        first, last = np.clip(at - reach, 0, 1), np.clip(at + reach, 0, 1)
    xs = a[0] + first * way_x, a[0] + last * way_x
    return np.minimum(*xs) - half, np.maximum(*xs) + half


def _disc_rows(rows: NDArray[np.float64], middle: Point, radius: float) -> tuple[NDArray[np.float64], ...]:
    inside = radius**2 - (rows - middle[1]) ** 2
    reach = np.sqrt(np.maximum(inside, 0.0))
    beyond = inside < -_ON_EDGE
    return np.where(beyond, np.inf, middle[0] - reach), np.where(beyond, -np.inf, middle[0] + reach)


def _hull_rows(rows: NDArray[np.float64], corners: list[Point]) -> tuple[NDArray[np.float64], ...]:
    """From where to where the edges of a convex polygon cross each row."""
    low, high = np.full(rows.shape, np.inf), np.full(rows.shape, -np.inf)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        crossed = (rows >= min(y0, y1) - _ON_EDGE) & (rows <= max(y0, y1) + _ON_EDGE)
        if y0 == y1:
            first, last = np.full(rows.shape, min(x0, x1)), np.full(rows.shape, max(x0, x1))
        else:
            first = last = x0 + (np.clip(rows, min(y0, y1), max(y0, y1)) - y0) * (x1 - x0) / (y1 - y0)
        low = np.where(crossed, np.minimum(low, first), low)
        high = np.where(crossed, np.maximum(high, last), high)
    return low, high
