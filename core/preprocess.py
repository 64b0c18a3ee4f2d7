"""The one path between image pixels and model pixels, in both directions: training, preview, scoring and export use it.

A `Geometry` says how one crop lies: a box in oriented image pixels (it may exceed the image, what lies outside is
padded) and the square of `side` model pixels that it becomes. Pixel centres are at +0.5 in both systems, so that
`to_model` and `to_image` are exact inverses of each other, and `restore` of `Preprocessor.mask`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config.preprocess import PreprocessConfig
from core.imaging import Window, load_rgb8
from core.words import Box

Mode = Literal["stretch", "letterbox"]
Pad = Literal["edge", "black"]
Resample = Literal["area", "bilinear"]
Binarize = Literal["half", "floor", "nearest"]

_AUTO_SIDE: Final = 256  # the part is looked for at this size: its box needs no more
_AUTO_SHARES: Final = (0.01, 0.98)  # a component smaller or larger than this share of the frame is no part


@dataclass(frozen=True)
class Geometry:
    """How one crop maps: `box` (x0, y0, x1, y1) in oriented image pixels, x1 and y1 exclusive, and the model side."""

    box: Box
    side: int
    mode: Mode = "stretch"
    pad: Pad = "edge"

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or self.side < 1:
            raise ValueError(f"a crop needs pixels: box {self.box}, side {self.side}")

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def content(self) -> Box:
        """Where the box lies in model pixels: the whole square, or the letterbox's centred rectangle."""
        if self.mode == "stretch":
            return (0, 0, self.side, self.side)
        scale = self.side / max(self.width, self.height)
        width = min(self.side, max(1, round(self.width * scale)))
        height = min(self.side, max(1, round(self.height * scale)))
        x0, y0 = (self.side - width) // 2, (self.side - height) // 2
        return (x0, y0, x0 + width, y0 + height)

    @property
    def scale(self) -> tuple[float, float]:
        """Model pixels per image pixel, horizontally and vertically."""
        x0, y0, x1, y1 = self.content
        return ((x1 - x0) / self.width, (y1 - y0) / self.height)

    def to_model(self, x: float, y: float) -> tuple[float, float]:
        """An image point in model coordinates (continuous: pixel k covers k to k + 1)."""
        (sx, sy), (ox, oy, _, _) = self.scale, self.content
        return ((x - self.box[0]) * sx + ox, (y - self.box[1]) * sy + oy)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """A model point in image coordinates: the inverse of `to_model`."""
        (sx, sy), (ox, oy, _, _) = self.scale, self.content
        return ((x - ox) / sx + self.box[0], (y - oy) / sy + self.box[1])

    def on(self, across: float, down: float) -> Geometry:
        """The same crop on the image scaled by `across` and `down`, to whole pixels."""
        x0, y0, x1, y1 = self.box
        left, top = round(x0 * across), round(y0 * down)
        box = (left, top, max(left + 1, round(x1 * across)), max(top + 1, round(y1 * down)))
        return Geometry(box, self.side, self.mode, self.pad)


class Preprocessor:
    """Crops, model input, masks and the way back, for one configuration."""

    def __init__(self, config: PreprocessConfig) -> None:
        self.config: Final = config

    def crops(
        self, width: int, height: int, *, boxes: Sequence[Box] | None = None, pixels: NDArray[np.uint8] | None = None
    ) -> list[Geometry]:
        """The crops of an image of `width` x `height` pixels.

        `boxes` (ROI boxes or the cells of a strip) count for `crop` "roi", and for "tiles" as the areas to be tiled;
        without them the whole image is meant. `crop_and_pad` "auto" looks for the part and needs `pixels`
        ((height, width, 3) uint8); `ValueError` without them.
        """
        config = self.config
        whole: Box = (0, 0, width, height)
        areas = [whole] if config.crop == "fit" or not boxes else list(boxes)
        if config.crop == "tiles":
            tile = config.tile or config.size
            areas = [box for area in areas for box in _tiles(area, tile, config.overlap)]
        elif config.crop_and_pad == "fixed":
            areas = [_fixed(area, config.percent) for area in areas]
        elif config.crop_and_pad == "auto":
            if pixels is None:
                raise ValueError("crop_and_pad = auto looks for the part in the pixels: hand them over")
            areas = [_auto(area, pixels, config.target_fill) for area in areas]
        return [Geometry(box, config.size, config.mode, config.pad) for box in areas]

    def image(self, pixels: NDArray[np.uint8], geometry: Geometry) -> NDArray[np.uint8]:
        """Model input (side, side, 3) uint8 of `pixels` (H, W, 3); model code divides by 255, nothing else."""
        cut = _cut(pixels, geometry.box, geometry.pad)
        x0, y0, x1, y1 = geometry.content
        scaled = _resize(cut, x1 - x0, y1 - y0, self.config.resample)
        side = geometry.side
        border = cv2.BORDER_REPLICATE if geometry.pad == "edge" else cv2.BORDER_CONSTANT
        framed = cv2.copyMakeBorder(scaled, y0, side - y1, x0, side - x1, border, value=(0, 0, 0))
        return np.asarray(framed, np.uint8)

    def mask(self, mask: NDArray[Any], geometry: Geometry, *, binarize: Binarize = "half") -> NDArray[np.uint8]:
        """(side, side) uint8 0/1 of a mask (H, W) whose nonzero pixels are meant; outside the image is 0.

        half: a model pixel that is covered by half or more. floor: only fully covered ones, bilinear and truncated
        (DRAEM's code: for comparison with published figures). nearest: the value under its centre.
        """
        cut = _cut((mask != 0).astype(np.float32), geometry.box, "black")
        x0, y0, x1, y1 = geometry.content
        size = (x1 - x0, y1 - y0)
        if binarize == "nearest":
            scaled = cv2.resize(cut, size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
        elif binarize == "floor":
            scaled = _resize(cut, *size, "bilinear") >= 1 - 1e-6
        else:
            scaled = _resize(cut, *size, self.config.resample) >= 0.5 - 1e-6
        framed = np.zeros((geometry.side, geometry.side), np.uint8)
        framed[y0:y1, x0:x1] = scaled
        return framed

    def restore(
        self,
        maps: Sequence[NDArray[np.float32]],
        geometries: Sequence[Geometry],
        width: int,
        height: int,
        *,
        fill: float = 0.0,
    ) -> NDArray[np.float32]:
        """Maps (side, side) back on the image: (height, width) float32, `fill` where no crop lies.

        One crop covers a pixel: its value. Several do: their mean, weighted by the distance to each crop's border, so
        that tiles meet without a seam. Map and geometry may differ in size: a map of another side is scaled.
        """
        if len(maps) != len(geometries):
            raise ValueError(f"{len(maps)} maps for {len(geometries)} crops")
        if len(maps) == 1:  # bit for bit, where a mean would round
            return self._restore_one(np.asarray(maps[0], np.float32), geometries[0], width, height, fill)
        total = np.zeros((height, width), np.float32)
        weight = np.zeros((height, width), np.float32)
        for values, geometry in zip(maps, geometries, strict=True):
            target, source = _overlap(geometry.box, width, height)
            if target is None:
                continue
            part = _unscale(np.asarray(values, np.float32), geometry)[source]
            feather = _feather(geometry.width, geometry.height)[source]
            total[target] += part * feather
            weight[target] += feather
        covered = weight > 0
        np.divide(total, weight, out=total, where=covered)
        total[~covered] = fill
        return total

    def _restore_one(
        self, values: NDArray[np.float32], geometry: Geometry, width: int, height: int, fill: float
    ) -> NDArray[np.float32]:
        restored = np.full((height, width), fill, np.float32)
        target, source = _overlap(geometry.box, width, height)
        if target is not None:
            restored[target] = _unscale(values, geometry)[source]
        return restored

    def load(self, path: Path, geometry: Geometry, window: Window | None = None) -> NDArray[np.uint8]:
        """Model input of one crop of a file; raises `ImageError`."""
        return self.image(load_rgb8(path, window), geometry)


def _tiles(area: Box, tile: int, overlap: float) -> list[Box]:
    """Tiles of native pixels over `area`, evenly spaced, the last flush with its border; a small area is centred."""
    x0, y0, x1, y1 = area
    xs = [x0 + start for start in _starts(x1 - x0, tile, overlap)]
    ys = [y0 + start for start in _starts(y1 - y0, tile, overlap)]
    return [(x, y, x + tile, y + tile) for y in ys for x in xs]


def _starts(length: int, tile: int, overlap: float) -> list[int]:
    if length <= tile:
        return [-((tile - length) // 2)]
    stride = max(1.0, tile * (1 - overlap))
    gaps = math.ceil((length - tile) / stride)
    return [round(i * (length - tile) / gaps) for i in range(gaps + 1)]


def _fixed(area: Box, percent: tuple[float, float, float, float]) -> Box:
    x0, y0, x1, y1 = area
    top, right, bottom, left = (amount / 100 for amount in percent)
    width, height = x1 - x0, y1 - y0
    box = (x0 - round(left * width), y0 - round(top * height), x1 + round(right * width), y1 + round(bottom * height))
    return (box[0], box[1], max(box[0] + 1, box[2]), max(box[1] + 1, box[3]))


def _auto(area: Box, pixels: NDArray[np.uint8], target_fill: float) -> Box:
    """The square around the part within `area` that it fills to `target_fill`; `area` itself where no part stands out.

    Paper: CropAndPad equalises chip size, amounts are not given. Foreground is what differs from the border, by Otsu on
    the larger of the differences in grey and in saturation; the largest component is the part.
    """
    cut = _cut(pixels, area, "edge")
    height, width = cut.shape[:2]
    shrink = min(1.0, _AUTO_SIDE / max(height, width))
    small = _resize(cut, max(1, round(width * shrink)), max(1, round(height * shrink)), "area")
    found = _part(small)
    if found is None:
        return area
    sx, sy = width / small.shape[1], height / small.shape[0]
    x0, y0, x1, y1 = found[0] * sx, found[1] * sy, found[2] * sx, found[3] * sy
    side = max(1, round(max(x1 - x0, y1 - y0) / target_fill))
    left, top = area[0] + round((x0 + x1 - side) / 2), area[1] + round((y0 + y1 - side) / 2)
    return (left, top, left + side, top + side)


def _part(small: NDArray[np.uint8]) -> Box | None:
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    difference = np.zeros(small.shape[:2], np.uint8)
    for channel in (cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), hsv[..., 1]):
        border = np.concatenate([channel[0], channel[-1], channel[:, 0], channel[:, -1]])
        away = np.abs(channel.astype(np.int16) - int(np.median(border)))
        difference = np.maximum(difference, away.astype(np.uint8))
    _, foreground = cv2.threshold(difference, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    foreground = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, _, facts, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    if count < 2:
        return None
    x, y, width, height, _ = (int(v) for v in facts[1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))])
    share = width * height / difference.size
    if not _AUTO_SHARES[0] <= share <= _AUTO_SHARES[1]:
        return None
    return (x, y, x + width, y + height)


def _cut(pixels: NDArray[Any], box: Box, pad: Pad) -> NDArray[Any]:
    """`box` of `pixels` (H, W[, C]); outside the image the nearest pixel, or 0."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = box
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return pixels[y0:y1, x0:x1]
    if pad == "edge":
        rows = np.clip(np.arange(y0, y1), 0, height - 1)
        columns = np.clip(np.arange(x0, x1), 0, width - 1)
        return np.asarray(pixels[rows[:, None], columns])
    framed = np.zeros((y1 - y0, x1 - x0, *pixels.shape[2:]), pixels.dtype)
    target, source = _overlap(box, width, height)
    if target is not None:
        framed[source] = pixels[target]
    return framed


def _overlap(
    box: Box, width: int, height: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | tuple[None, tuple[slice, slice]]:
    """Where `box` meets the image, as slices of the image and of the box; None when it does not."""
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    inside = (slice(y0 - box[1], y1 - box[1]), slice(x0 - box[0], x1 - box[0]))
    if x0 >= x1 or y0 >= y1:
        return None, inside
    return (slice(y0, y1), slice(x0, x1)), inside


def _resize(pixels: NDArray[Any], width: int, height: int, resample: Resample) -> NDArray[Any]:
    """Bilinear; by area along a side that shrinks when `resample` asks for it (OpenCV's INTER_AREA would turn to
    nearest on a side that grows, so each side is done by itself)."""
    if resample == "bilinear":
        return np.asarray(cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=cv2.INTER_LINEAR))
    old_height, old_width = pixels.shape[:2]
    shrunk = (min(width, old_width), min(height, old_height))
    if shrunk != (old_width, old_height):
        pixels = cv2.resize(np.ascontiguousarray(pixels), shrunk, interpolation=cv2.INTER_AREA)
    if shrunk != (width, height):
        pixels = cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=cv2.INTER_LINEAR)
    return pixels


def _unscale(values: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """A map of the model's square -> (height, width) of its box."""
    side = geometry.side
    if values.shape != (side, side):
        values = _resize(values, side, side, "area")
    x0, y0, x1, y1 = geometry.content
    return np.asarray(_resize(values[y0:y1, x0:x1], geometry.width, geometry.height, "area"), np.float32)


def _feather(width: int, height: int) -> NDArray[np.float32]:
    """Weights (height, width) that grow linearly from the border inwards, never 0."""
    x = np.minimum(np.arange(1, width + 1), np.arange(width, 0, -1)).astype(np.float32)
    y = np.minimum(np.arange(1, height + 1), np.arange(height, 0, -1)).astype(np.float32)
    return np.asarray(np.multiply.outer(y / y.max(), x / x.max()), np.float32)
