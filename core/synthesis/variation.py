"""A good image shown a little differently each time: turned, mirrored, moved, lit anew; its region goes with it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import AugmentConfig
from core.synthesis.augmenters import Fill, turned

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Variation:
    """What happens to one image, drawn once, so that image and region get the same."""

    degrees: float | None = None
    fill: Fill = "black"
    mirrored: bool = False
    upside_down: bool = False
    move: tuple[float, float] | None = None  # pixels, right and down
    light: tuple[float, float] | None = None  # factor and offset in grey values

    @classmethod
    def draw(cls, config: AugmentConfig, rng: np.random.Generator, side: int) -> Variation:
        """As configured, for images of `side` pixels."""
        degrees = None
        if rng.random() < config.rotate_p:
            degrees = float(rng.uniform(-config.rotate_deg, config.rotate_deg))
        mirrored = bool(config.flip_h and rng.random() < config.flip_h)
        upside_down = bool(config.flip_v and rng.random() < config.flip_v)
        move = None
        if config.shift:
            reach = config.shift * side
            across, down = rng.uniform(-reach, reach, 2)
            move = (float(across), float(down))
        light = None
        if config.brightness:
            gain, offset = 1 + rng.uniform(-1, 1) * config.brightness, rng.uniform(-1, 1) * config.brightness * 255
            light = (float(gain), float(offset))
        return cls(degrees, config.rotate_fill, mirrored, upside_down, move, light)

    def of_image(self, image: Pixels) -> Pixels:
        """(S, S, 3) uint8 -> the same, varied."""
        if self.degrees is not None:
            image = turned(image, self.degrees, fill=self.fill)
        image = self._mirror(image)
        if self.move is not None:
            image = self._shift(image, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
        if self.light is not None:
            gain, offset = self.light
            image = np.asarray(cv2.convertScaleAbs(np.maximum(image * gain + offset, 0)), dtype=np.uint8)
        return np.ascontiguousarray(image)

    def of_region(self, region: Pixels) -> Pixels:
        """(S, S) of 0 and 1 -> the same, moved as the image; what was not in the image is not judged."""
        if self.degrees is not None:
            height, width = region.shape
            turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), self.degrees, 1.0)
            region = np.asarray(cv2.warpAffine(region, turn, (width, height), flags=cv2.INTER_NEAREST), np.uint8)
        region = self._mirror(region)
        if self.move is not None:
            region = self._shift(region, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)
        return np.ascontiguousarray(region)

    def _mirror(self, pixels: Pixels) -> Pixels:
        if self.mirrored:
            pixels = pixels[:, ::-1]
        return pixels[::-1] if self.upside_down else pixels

    def _shift(self, pixels: Pixels, interpolation: int, border: int) -> Pixels:
        assert self.move is not None
        across, down = self.move
        move = np.array([[1, 0, across], [0, 1, down]], dtype=np.float32)
        given = np.ascontiguousarray(pixels)
        moved = cv2.warpAffine(given, move, given.shape[1::-1], flags=interpolation, borderMode=border)
        return np.asarray(moved, dtype=np.uint8)


def vary(image: Pixels, config: AugmentConfig, rng: np.random.Generator) -> Pixels:
    """The good image varied as configured; what must be reconstructed is the result."""
    return Variation.draw(config, rng, image.shape[0]).of_image(image)
