"""Pixels of an image at the places of device pixels: the visible part only, whatever the size of the image.

A `Placed` array lies on the image plane: `per` of its pixels per image pixel, its corner at (`x0`, `y0`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.canvas.viewport import Extent, Viewport
from core.words import Box


@dataclass(frozen=True)
class Placed:
    """(H, W[, C]) pixels and where they lie: pixel column i covers x0 + i / per_x to x0 + (i + 1) / per_x."""

    pixels: NDArray[Any]
    x0: float = 0.0
    y0: float = 0.0
    per_x: float = 1.0
    per_y: float = 1.0

    @property
    def extent(self) -> Extent:
        """The area of the image plane that they cover."""
        height, width = self.pixels.shape[:2]
        return (self.x0, self.y0, self.x0 + width / self.per_x, self.y0 + height / self.per_y)

    def magnification(self, view: Viewport) -> float:
        """Device pixels per pixel, along the side that is magnified more."""
        return view.scale / min(self.per_x, self.per_y)


def nearest(placed: Placed, view: Viewport, box: Box) -> NDArray[Any]:
    """(h, w[, C]) values under the centres of the device pixels of `box`; outside the border's are repeated."""
    height, width = placed.pixels.shape[:2]
    columns = _indices(box[0], box[2], view.dx, view.scale, placed.x0, placed.per_x, width)
    rows = _indices(box[1], box[3], view.dy, view.scale, placed.y0, placed.per_y, height)
    if _is_run(columns) and _is_run(rows):
        return np.ascontiguousarray(placed.pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    strip = placed.pixels[rows[0] : rows[-1] + 1]
    if len(rows) < len(strip):
        return np.asarray(np.take(np.take(strip, rows - rows[0], axis=0), columns, axis=1))
    return np.asarray(np.take(np.take(strip, columns, axis=1), rows - rows[0], axis=0))


def linear(placed: Placed, view: Viewport, box: Box) -> NDArray[Any]:
    """(h, w[, C]) values at the centres of the device pixels of `box`, between four pixels; borders are repeated."""
    height, width = placed.pixels.shape[:2]
    per_x, per_y = placed.per_x / view.scale, placed.per_y / view.scale  # pixels per device pixel
    left = ((box[0] + 0.5 - view.dx) / view.scale - placed.x0) * placed.per_x - 0.5
    top = ((box[1] + 0.5 - view.dy) / view.scale - placed.y0) * placed.per_y - 0.5
    x0, x1 = _window(left, left + per_x * (box[2] - box[0] - 1), width)
    y0, y1 = _window(top, top + per_y * (box[3] - box[1] - 1), height)
    matrix = np.array([[per_x, 0.0, left - x0], [0.0, per_y, top - y0]], np.float64)
    return np.asarray(
        cv2.warpAffine(
            placed.pixels[y0:y1, x0:x1],
            matrix,
            (box[2] - box[0], box[3] - box[1]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H // 2, W // 2[, C]): each the mean of 2 x 2; an odd last row or column is left out."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    even = pixels[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def pooled(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(ceil(H / 2), ceil(W / 2)): each the largest of 2 x 2, so that not even one painted pixel is lost."""
    rows = labels[0::2].copy()
    below = labels[1::2]
    np.maximum(rows[: len(below)], below, out=rows[: len(below)])
    columns = np.ascontiguousarray(rows[:, 0::2])
    right = rows[:, 1::2]
    np.maximum(columns[:, : right.shape[1]], right, out=columns[:, : right.shape[1]])
    return columns


def _indices(
    start: int, stop: int, offset: float, scale: float, corner: float, per: float, size: int
) -> NDArray[np.int64]:
    centres = ((np.arange(start, stop) + 0.5 - offset) / scale - corner) * per
    return np.asarray(np.clip(np.floor(centres + 1e-9), 0, size - 1), np.int64)


def _is_run(indices: NDArray[np.int64]) -> bool:
    return int(indices[-1] - indices[0]) == len(indices) - 1 and bool((np.diff(indices) == 1).all())


def _window(first: float, last: float, size: int) -> tuple[int, int]:
    """The pixels that lie between two places, a few more for the interpolation, at least one."""
    low = min(max(0, int(np.floor(min(first, last))) - 2), size - 1)
    high = max(min(size, int(np.ceil(max(first, last))) + 3), low + 1)
    return low, high
