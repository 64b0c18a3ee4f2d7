"""The ten augmenters of DRAEM on (H, W, 3) uint8 RGB images, with imgaug's default ranges (spec: DRAEM's code)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Fill = Literal["black", "edge", "reflect"]
Augmenter = Callable[[Pixels, np.random.Generator], Pixels]

_LEVELS: Final = np.arange(256, dtype=np.float32)
# To a space and back, and which channel of it is brightness.
_BRIGHTNESS: Final = (
    (cv2.COLOR_RGB2YCrCb, cv2.COLOR_YCrCb2RGB, 0),
    (cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB, 2),
    (cv2.COLOR_RGB2HLS, cv2.COLOR_HLS2RGB, 1),
    (cv2.COLOR_RGB2Lab, cv2.COLOR_Lab2RGB, 0),
    (cv2.COLOR_RGB2Luv, cv2.COLOR_Luv2RGB, 0),
    (cv2.COLOR_RGB2YUV, cv2.COLOR_YUV2RGB, 0),
)
_SOFT: Final = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], dtype=np.float32) / 13


def gamma_contrast(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Gamma U(0.5, 2) for each channel."""
    table = 255 * (_LEVELS[:, None] / 255) ** rng.uniform(0.5, 2.0, 3).astype(np.float32)
    return _lut(image, table)


def brightness(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Brightness in a random colour space times U(0.8, 1.2) plus U{-30..30}, in random order."""
    there, back, channel = _BRIGHTNESS[int(rng.integers(len(_BRIGHTNESS)))]
    factor, offset = float(rng.uniform(0.8, 1.2)), int(rng.integers(-30, 31))
    table = _LEVELS * factor + offset if rng.random() < 0.5 else (_LEVELS + offset).clip(0, 255) * factor
    tables = np.repeat(_LEVELS[:, None], 3, axis=1)
    tables[:, channel] = table
    return _pixels(cv2.cvtColor(_lut(_pixels(cv2.cvtColor(image, there)), tables), back))


def sharpness(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Blend with a softened image: factor U(0, 2), 0 soft, 1 unchanged, 2 sharp (as Pillow's Sharpness)."""
    factor = float(rng.uniform(0.0, 2.0))
    soft = cv2.filter2D(image, -1, _SOFT)
    return _pixels(cv2.addWeighted(image, factor, soft, 1 - factor, 0.0))


def hue_and_saturation(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Hue and saturation plus U{-50..50} each, of 255; hue goes round."""
    hue, saturation = (int(value) for value in rng.integers(-50, 51, size=2))
    tables = np.repeat(_LEVELS[:, None], 3, axis=1)
    tables[:, 0] = (_LEVELS + hue * 180 // 255) % 180
    tables[:, 1] = _LEVELS + saturation
    hsv = _lut(_pixels(cv2.cvtColor(image, cv2.COLOR_RGB2HSV)), tables)
    return _pixels(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def solarize(image: Pixels, rng: np.random.Generator) -> Pixels:
    """With probability 0.5, invert what is above U(32, 128)."""
    if rng.random() >= 0.5:
        return image
    threshold = rng.uniform(32, 128)
    return _lut(image, np.where(threshold <= _LEVELS, 255 - _LEVELS, _LEVELS))


def posterize(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Keep the U{1..8} highest bits."""
    bits = int(rng.integers(1, 9))
    return image & np.uint8(0xFF << (8 - bits) & 0xFF)


def invert(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Negative."""
    del rng
    return 255 - image


def autocontrast(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Stretch each channel to the full range after cutting U(0, 20) % off both ends (as Pillow's autocontrast)."""
    return stretch(image, float(rng.uniform(0, 20)))


def stretch(image: Pixels, cutoff: float) -> Pixels:
    """`autocontrast` with a given cutoff in percent."""
    tables = np.repeat(_LEVELS[:, None], 3, axis=1)
    cut = int(image.shape[0] * image.shape[1] * cutoff // 100)
    for channel in range(3):
        counts = _histogram(image, channel)
        low = int(np.searchsorted(counts.cumsum(), cut, side="right"))
        high = 255 - int(np.searchsorted(counts[::-1].cumsum(), cut, side="right"))
        if high > low:
            tables[:, channel] = np.floor(((_LEVELS - low) * (255.0 / (high - low))).clip(0, 255))
    return _lut(image, tables)


def equalize(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Equalise the histogram of each channel."""
    del rng
    return _pixels(cv2.merge([cv2.equalizeHist(part) for part in cv2.split(image)]))


def rotate(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Turn by U(-45, 45) degrees about the centre, black outside."""
    return turned(image, float(rng.uniform(-45, 45)), fill="black")


AUGMENTERS: Final[tuple[Augmenter, ...]] = (
    gamma_contrast,
    brightness,
    sharpness,
    hue_and_saturation,
    solarize,
    posterize,
    invert,
    autocontrast,
    equalize,
    rotate,
)


def choose(rng: np.random.Generator, count: int) -> tuple[Augmenter, ...]:
    """`count` different augmenters in random order."""
    return tuple(AUGMENTERS[int(i)] for i in rng.permutation(len(AUGMENTERS))[:count])


_BORDERS: Final = {"black": cv2.BORDER_CONSTANT, "edge": cv2.BORDER_REPLICATE, "reflect": cv2.BORDER_REFLECT_101}


def turned(image: Pixels, degrees: float, *, fill: Fill) -> Pixels:
    """`image` turned about its centre, bilinear; the corners are black, repeat the edge or mirror the image."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return _pixels(cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=_BORDERS[fill]))


def _lut(image: Pixels, table: NDArray[Any]) -> Pixels:
    """Look up (256,) for all channels or (256, 3) for each; values are rounded and limited to 0..255."""
    levels = np.rint(table).clip(0, 255).astype(np.uint8)
    return _pixels(cv2.LUT(image, levels if levels.ndim == 1 else levels[None]))


def _histogram(image: Pixels, channel: int) -> NDArray[np.float32]:
    return np.asarray(cv2.calcHist([image], [channel], None, [256], [0, 256]), dtype=np.float32).ravel()


def _pixels(values: Any) -> Pixels:
    return np.asarray(values, dtype=np.uint8)
