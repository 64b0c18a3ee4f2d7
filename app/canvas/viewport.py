"""Where an image lies in a widget: plain geometry, no toolkit.

Image coordinates are continuous: pixel (x, y) covers x to x + 1. Device pixels are those of the screen: at scale 1 one
image pixel is exactly one of them, also on a screen of 150 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Self

from core.words import Box

Extent = tuple[float, float, float, float]  # x0, y0, x1, y1 in image coordinates

LARGEST_SCALE: Final = 64.0
_SMALLEST_SHARE: Final = 0.5  # of the scale at which the image fits
_FIT_LARGEST: Final = 24.0  # a tiny image is not blown up further by fitting it
_CLOSEST: Final = 8.0  # an area that one wants to see closely
_MARGIN: Final = 8.0
_STAYS: Final = 48.0  # so much of the image cannot be pushed out of sight


@dataclass(frozen=True)
class Viewport:
    """`scale` device pixels per image pixel, the image point (`cx`, `cy`) in the middle of `width` x `height`."""

    scale: float = 1.0
    cx: float = 0.0
    cy: float = 0.0
    width: int = 1
    height: int = 1
    dpr: float = 1.0  # device pixels per unit of the toolkit

    @property
    def dx(self) -> float:
        """Device x of image x = 0: whole, so that image pixels meet device pixels at scale 1."""
        return float(math.floor(self.width / 2 - self.cx * self.scale + 0.5))

    @property
    def dy(self) -> float:
        """Device y of image y = 0."""
        return float(math.floor(self.height / 2 - self.cy * self.scale + 0.5))

    @property
    def bounds(self) -> Box:
        """The whole widget in device pixels."""
        return (0, 0, self.width, self.height)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """The image point under a device point."""
        return ((x - self.dx) / self.scale, (y - self.dy) / self.scale)

    def to_device(self, x: float, y: float) -> tuple[float, float]:
        """Where an image point lies."""
        return (x * self.scale + self.dx, y * self.scale + self.dy)

    def device_box(self, extent: Extent, margin: int = 0) -> Box:
        """The device pixels that an area of the image touches, `margin` more on every side."""
        x0, y0 = self.to_device(extent[0], extent[1])
        x1, y1 = self.to_device(extent[2], extent[3])
        return (
            math.floor(x0 + 1e-6) - margin,
            math.floor(y0 + 1e-6) - margin,
            math.ceil(x1 - 1e-6) + margin,
            math.ceil(y1 - 1e-6) + margin,
        )

    def from_units(self, box: Box) -> Box:
        """The device pixels that a box in units of the toolkit touches."""
        x0, y0, x1, y1 = (one * self.dpr for one in box)
        return (math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1))

    def to_units(self, box: Box) -> Box:
        """The units of the toolkit that a box of device pixels touches."""
        x0, y0, x1, y1 = (one / self.dpr for one in box)
        return (math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1))

    def visible(self) -> Extent:
        """The area of the image plane that the widget shows."""
        return (*self.to_image(0, 0), *self.to_image(self.width, self.height))

    def resized(self, width: int, height: int, dpr: float) -> Self:
        """The same middle and scale in a widget of another size."""
        return replace(self, width=max(1, width), height=max(1, height), dpr=dpr)

    def fitted(self, extent: Extent) -> Self:
        """All of `extent`, as large as it goes."""
        x0, y0, x1, y1 = extent
        return replace(self, scale=self.fitting_scale(extent), cx=(x0 + x1) / 2, cy=(y0 + y1) / 2)

    def fitting_scale(self, extent: Extent) -> float:
        """The scale at which `extent` fits with a small margin."""
        margin = 2 * _MARGIN * self.dpr
        across = max(1.0, self.width - margin) / max(extent[2] - extent[0], 1e-9)
        down = max(1.0, self.height - margin) / max(extent[3] - extent[1], 1e-9)
        return min(across, down, _FIT_LARGEST)

    def zoomed(self, scale: float, extent: Extent, at: tuple[float, float] | None = None) -> Self:
        """Another scale, the image point under the device point `at` (the middle) staying where it is."""
        smallest = min(self.fitting_scale(extent), 1.0) * _SMALLEST_SHARE
        scale = min(max(scale, smallest), LARGEST_SCALE)
        x, y = at or (self.width / 2, self.height / 2)
        px, py = self.to_image(x, y)
        moved = replace(self, scale=scale, cx=px - (x - self.width / 2) / scale, cy=py - (y - self.height / 2) / scale)
        return moved.held(extent)

    def close_to(self, area: Extent, extent: Extent) -> Self:
        """An area and some room around it, as large as it goes up to 8 device pixels per image pixel."""
        x0, y0, x1, y1 = area
        room = 0.6 * max(x1 - x0, y1 - y0, 8)
        around = self.fitted((x0 - room, y0 - room, x1 + room, y1 + room))
        return around.zoomed(min(around.scale, _CLOSEST), extent)

    def panned(self, dx: float, dy: float, extent: Extent) -> Self:
        """Moved by so many device pixels, never out of sight."""
        return replace(self, cx=self.cx - dx / self.scale, cy=self.cy - dy / self.scale).held(extent)

    def held(self, extent: Extent) -> Self:
        """Moved back where the image would leave the widget."""
        stays = _STAYS * self.dpr / self.scale
        across, down = self.width / 2 / self.scale, self.height / 2 / self.scale
        x0, y0, x1, y1 = extent
        left, right = x0 - across + min(stays, x1 - x0), x1 + across - min(stays, x1 - x0)
        top, bottom = y0 - down + min(stays, y1 - y0), y1 + down - min(stays, y1 - y0)
        return replace(self, cx=min(max(self.cx, left), right), cy=min(max(self.cy, top), bottom))


def intersection(a: Box, b: Box) -> Box | None:
    """What two boxes share; None when nothing."""
    box = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    return box if box[0] < box[2] and box[1] < box[3] else None
