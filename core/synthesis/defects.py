"""Good images with artificial defects (DRAEM's simulation, with four augmenters as in PRFF-AD)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import AugmentConfig, SimulateConfig
from core.synthesis.augmenters import choose
from core.synthesis.perlin import NoiseDraw, draw_noise, outlines
from core.synthesis.textures import TextureSource
from core.synthesis.variation import Variation

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]

Draw = tuple[Values, Values, Pixels, Pixels | None]
"""The varied good image, the same with a defect, its mask, and the region."""

_VISIBLE: Final = 6 / 255  # a mild defect counts where some channel differs by more than this


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one sample: the same for any number of loaders and after a resume. All arguments >= 0."""
    return np.random.default_rng((seed, epoch, index))


class Outlines(Protocol):
    """Cuts outlines (S, S) of 0 and 1 from noise that was drawn."""

    def __call__(self, draws: Sequence[NoiseDraw], size: int, threshold: float, /) -> list[Pixels]: ...


@dataclass(frozen=True)
class _Begun:
    image: Pixels
    clean: Values
    region: Pixels | None
    rng: np.random.Generator
    is_spoiled: bool


class DefectSynthesiser:
    """Turns a good image into what a step trains on. What comes out depends on the image and the generator alone."""

    def __init__(
        self,
        simulate: SimulateConfig,
        augment: AugmentConfig,
        size: int,
        textures: TextureSource,
        outlines: Outlines = outlines,
    ) -> None:
        self._noise = outlines
        self.simulate = simulate
        self.augment = augment
        self.size = size
        self.textures = textures

    def __call__(self, image: Pixels, rng: np.random.Generator) -> tuple[Values, Values, Pixels]:
        """(S, S, 3) uint8 -> the varied good image, the same with a defect (float32 in [0, 1]), its mask of 0 and 1.

        With probability `p_clean`, or when the outline stays empty, both images are equal and the mask is empty.
        """
        return self.with_region(image, None, rng)[:3]

    def with_region(
        self, image: Pixels, region: Pixels | None, rng: np.random.Generator
    ) -> tuple[Values, Values, Pixels, Pixels | None]:
        """The same, and the region (S, S) of 0 and 1 as the varied image shows it. Defects may lie outside of it."""
        return self.together([(image, region, rng)])[0]

    def together(self, samples: Sequence[tuple[Pixels, Pixels | None, np.random.Generator]]) -> list[Draw]:
        """The same of several images, each with its region and generator: outlines are made for all of them at once.

        Each generator draws in the same order as it would alone.
        """
        begun = [self._begin(*one) for one in samples]
        masks = iter(self._outlines([one.rng for one in begun if one.is_spoiled]))
        return [
            (one.clean, *self._defect(one, next(masks)), one.region)
            if one.is_spoiled
            else (one.clean, one.clean.copy(), np.zeros(one.image.shape[:2], dtype=np.uint8), one.region)
            for one in begun
        ]

    def _begin(self, image: Pixels, region: Pixels | None, rng: np.random.Generator) -> _Begun:
        variation = Variation.draw(self.augment, rng, image.shape[0])
        image = variation.of_image(image)
        moved = None if region is None else variation.of_region(region)
        clean = image.astype(np.float32)
        clean *= np.float32(1 / 255)
        return _Begun(image, clean, moved, rng, is_spoiled=bool(rng.random() >= self.simulate.p_clean))

    def _defect(self, begun: _Begun, mask: Pixels) -> tuple[Values, Pixels]:
        """The image with a defect within the outline, and its mask."""
        image, clean, rng = begun.image, begun.clean, begun.rng
        mild = self.simulate.mild > 0 and rng.random() < self.simulate.mild
        if mild:
            texture = disturbed(image, rng)
        else:
            texture = self.textures.draw(rng)
            for augmenter in choose(rng, self.simulate.texture_augs):
                texture = augmenter(texture, rng)
        weight = np.float32(rng.uniform(*self.simulate.image_weight))
        inside = np.flatnonzero(mask)
        before = clean.reshape(-1, 3)[inside]
        after = texture.reshape(-1, 3)[inside].astype(np.float32) * (np.float32(1 - weight) / 255) + before * weight
        spoiled = clean.copy()
        spoiled.reshape(-1, 3)[inside] = after
        least = max(self.simulate.least_change, _VISIBLE if mild else 0.0)
        if least > 0:
            seen = np.abs(after - before).max(axis=1, initial=0) > least
            mask.reshape(-1)[inside[~seen]] = 0
            spoiled.reshape(-1, 3)[inside[~seen]] = before[~seen]
        return spoiled, mask

    def _outlines(self, rngs: Sequence[np.random.Generator]) -> list[Pixels]:
        """(S, S) of 0 and 1 each; one below the least area is drawn again `redraw_empty` times, then an ellipse."""
        least = least_pixels(self.simulate.least_area, self.size)
        masks = self._draw_outlines(rngs)
        for _ in range(self.simulate.redraw_empty):
            small = [k for k, mask in enumerate(masks) if np.count_nonzero(mask) < max(1, least)]
            if not small:
                break
            for k, mask in zip(small, self._draw_outlines([rngs[k] for k in small]), strict=True):
                masks[k] = mask
        return [
            mask if np.count_nonzero(mask) >= least else ellipse_mask(rng, self.size)
            for mask, rng in zip(masks, rngs, strict=True)
        ]

    def _draw_outlines(self, rngs: Sequence[np.random.Generator]) -> list[Pixels]:
        strokes, perlin = self.simulate.strokes, self.simulate.perlin
        drawn = [
            stroke_mask(rng, self.size)
            if strokes > 0 and rng.random() < strokes
            else draw_noise(rng, self.size, perlin)
            for rng in rngs
        ]
        cut = iter(self._noise([one for one in drawn if isinstance(one, NoiseDraw)], self.size, perlin.threshold))
        return [next(cut) if isinstance(one, NoiseDraw) else one for one in drawn]


def disturbed(image: Pixels, rng: np.random.Generator) -> Pixels:
    """The image itself, moved a little, blurred, or slightly darker, lighter or tinted: hard to see."""
    match int(rng.integers(3)):
        case 0:
            reach = max(4, image.shape[0] // 4)
            across, down = (int(value) for value in rng.integers(-reach, reach + 1, size=2))
            return np.roll(image, (down, across), axis=(0, 1))
        case 1:
            radius = 2 * int(rng.integers(1, 4)) + 1
            return np.asarray(cv2.blur(image, (radius, radius)), dtype=np.uint8)
        case _:
            shift = rng.uniform(-60, 60, 3 if rng.random() < 0.5 else 1)
            return (image + shift).clip(0, 255).astype(np.uint8)


def least_pixels(area: int, size: int) -> int:
    """`area`, given for an image of 256 px, at a side of `size`; never below 10 px unless it is 0."""
    return max(10, round(area * (size / 256) ** 2)) if area else 0


def ellipse_mask(rng: np.random.Generator, size: int) -> Pixels:
    """One ellipse well inside (S, S), 4 to 25 % of the side across: what stands in for outlines that stay too small."""
    mask = np.zeros((size, size), dtype=np.uint8)
    across, down = (max(2, round(float(value) * size / 2)) for value in rng.uniform(0.04, 0.25, 2))
    x, y = (int(value) for value in rng.uniform(0.2, 0.8, 2) * size)
    cv2.ellipse(mask, (x, y), (across, down), float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return mask


def stroke_mask(rng: np.random.Generator, size: int) -> Pixels:
    """One to four scratches or spots (S, S) of 0 and 1: bent lines of 1 to 3 px at 128 px, ellipses of a few pixels."""
    mask = np.zeros((size, size), dtype=np.uint8)
    unit = size / 128
    for _ in range(int(rng.integers(1, 5))):
        centre = rng.uniform(0.1, 0.9, 2) * size
        if rng.random() < 0.5:
            steps = int(rng.integers(2, 7))
            headings = rng.uniform(0, 2 * math.pi) + np.cumsum(rng.normal(0, 0.4, steps))
            reach = rng.uniform(3, 12) * unit
            path = centre + np.cumsum(np.column_stack((np.cos(headings), np.sin(headings))) * reach, axis=0)
            width = max(1, round(float(rng.uniform(0.6, 2.6)) * unit))
            cv2.polylines(mask, [path.astype(np.int32)], isClosed=False, color=1, thickness=width)
        else:
            axes = tuple(max(1, round(float(value) * unit)) for value in rng.uniform(1, 8, 2))
            at = (int(centre[0]), int(centre[1]))
            cv2.ellipse(mask, at, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return mask
