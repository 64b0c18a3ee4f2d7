"""An image made ready to be shown at any scale: its pixels and their pyramid. Made off the GUI thread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.canvas.sampling import Placed, halved, linear, nearest
from app.canvas.viewport import Extent, Viewport
from core.words import Box

Rgb = NDArray[np.uint8]
_COARSEST: Final = 256  # the last level's longer side is at most twice that
_BLOCKS_FROM: Final = 4.0  # from this magnification on a pixel is shown as the square that it is


@dataclass(frozen=True)
class Adjust:
    """How an image is shown, not what it holds. Each from -1 to 1; 0 leaves it as it is."""

    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0

    @property
    def is_neutral(self) -> bool:
        """Whether it changes nothing."""
        return self == Adjust()

    def table(self) -> NDArray[np.uint8]:
        """(256,) what each value becomes."""
        return _table(self)


@lru_cache(maxsize=32)
def _table(adjust: Adjust) -> NDArray[np.uint8]:
    values = np.linspace(0.0, 1.0, 256) ** (4.0**-adjust.gamma)
    slope = math.tan((min(adjust.contrast, 0.98) + 1) * math.pi / 4)
    values = (values - 0.5) * slope + 0.5 + adjust.brightness
    table = np.asarray(np.rint(255 * np.clip(values, 0, 1)), np.uint8)
    table.flags.writeable = False
    return table


class Picture:
    """(H, W, 3) uint8 RGB and each half of it down to thumbnail size.

    `extent` is the area of the image plane that the pixels cover, by default (0, 0, W, H): a reconstruction of a crop
    lies on the crop. `smooth` shows no pixel squares, however large it is drawn.
    """

    def __init__(self, pixels: Rgb, *, extent: Extent | None = None, smooth: bool | None = None) -> None:
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}")
        self.pixels: Final = np.ascontiguousarray(pixels)
        height, width = self.pixels.shape[:2]
        self.extent: Final[Extent] = extent or (0.0, 0.0, float(width), float(height))
        self.smooth: Final = extent is not None if smooth is None else smooth
        x0, y0, x1, y1 = self.extent
        per_x, per_y = width / (x1 - x0), height / (y1 - y0)
        levels = [Placed(self.pixels, x0, y0, per_x, per_y)]
        while min(levels[-1].pixels.shape[:2]) >= 2 and max(levels[-1].pixels.shape[:2]) > 2 * _COARSEST:
            per_x, per_y = per_x / 2, per_y / 2
            levels.append(Placed(halved(levels[-1].pixels), x0, y0, per_x, per_y))
        self._levels: Final = tuple(levels)

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[0])

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        return sum(level.pixels.nbytes for level in self._levels)

    def value(self, x: float, y: float) -> tuple[int, int, tuple[int, int, int]] | None:
        """Pixel column, row and RGB under an image point; None beside the picture."""
        first = self._levels[0]
        column, row = math.floor((x - first.x0) * first.per_x), math.floor((y - first.y0) * first.per_y)
        if not (0 <= column < self.width and 0 <= row < self.height):
            return None
        red, green, blue = (int(one) for one in self.pixels[row, column])
        return column, row, (red, green, blue)

    def render(self, view: Viewport, box: Box, adjust: Adjust | None = None) -> Rgb:
        """(h, w, 3) uint8 for the device pixels of `box`, through the level that is just finer than the screen."""
        level = self._level(view)
        zoom = level.magnification(view)
        if zoom == 1.0 or (zoom >= _BLOCKS_FROM and not self.smooth):
            shown = nearest(level, view, box)
        else:
            shown = linear(level, view, box)
        if adjust is not None and not adjust.is_neutral:
            shown = cv2.LUT(shown, adjust.table())
        return np.ascontiguousarray(shown, np.uint8)

    def _level(self, view: Viewport) -> Placed:
        zoom = self._levels[0].magnification(view)
        wanted = 0 if zoom >= 1 else math.floor(math.log2(1 / zoom) + 1e-9)
        return self._levels[min(wanted, len(self._levels) - 1)]
