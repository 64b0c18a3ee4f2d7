"""Window/level: how raw 16-bit values become the 8-bit values that people and models see. Fixed per view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.imaging.common import Pixels

_SENSOR_BITS: Final = (8, 10, 12, 14, 16)
_GUESS_FROM: Final = 16


@dataclass(frozen=True)
class Window:
    """Raw values `low`..`high` map linearly to 0..255, what lies outside is clipped."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"a window needs low < high, not {self.low} and {self.high}")


def to_rgb8(pixels: Pixels, window: Window | None) -> NDArray[np.uint8]:
    """`pixels` (H, W, 3) or (H, W) -> (H, W, 3) uint8.

    uint16 without a window uses the range of the type (0..65535): never a stretch by what one image holds. 8-bit
    pixels pass as they are; a window acts on them only where it lies within 0..255, so that a view which mixes
    depths does not turn its 8-bit images black.
    """
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.dtype == np.uint8:
        if window is None or window.high > 255:
            return np.asarray(pixels, np.uint8)
        return np.asarray(cv2.LUT(pixels, _table(window.low, window.high, 256)), np.uint8)
    if window is None:
        return _table(0.0, 65535.0, 65536)[pixels]
    return _table(window.low, window.high, 65536)[pixels]


def guess_window(images: Iterable[Path | NDArray[Any]]) -> Window | None:
    """The window of a view from its first 16 images: the smallest usual sensor depth (8, 10, 12, 14, 16 bits) that
    holds the largest value seen. None when none of them is 16-bit. Unreadable files raise `ImageError`."""
    from core.imaging.reading import decode

    largest = -1
    for index, image in enumerate(images):
        if index == _GUESS_FROM:
            break
        pixels = decode(image) if isinstance(image, Path) else image
        if pixels.dtype == np.uint16 and pixels.size:
            largest = max(largest, int(pixels.max()))
    if largest < 0:
        return None
    bits = next(bits for bits in _SENSOR_BITS if largest < 1 << bits)
    return Window(0.0, float((1 << bits) - 1))


@lru_cache(maxsize=16)
def _table(low: float, high: float, size: int) -> NDArray[np.uint8]:
    scaled = (np.arange(size, dtype=np.float64) - low) * (255.0 / (high - low))
    table = np.clip(np.floor(scaled + 0.5), 0, 255).astype(np.uint8)
    table.flags.writeable = False
    return table
