"""Masks from files: one channel of raw values, in oriented image coordinates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError
from core.imaging.common import Limits, Pixels, reading
from core.imaging.reading import decode_stored


def decode_mask(path: Path, *, limits: Limits | None = None) -> NDArray[np.uint8]:
    """(H, W) uint8 of a mask file: class ids or 0/255, as stored; 0 is background. Raises `ImageError`.

    Palette masks give indices, not colours; 1-bit masks give 0/1. Colour masks give the largest channel, composited
    over black. 16-bit masks are kept when no value exceeds 255 (class ids), divided by 257 when they are an 8-bit mask
    scaled up, and refused otherwise. A lossy (JPEG) mask is cut at half: its ringing is no annotation.
    Orientation: masks are in oriented image coordinates, see the package's rules.
    """
    with reading(path):
        image = decode_stored(path, limits or Limits(), raw=True)
        values = _one_channel(image.pixels)
        if image.format == "JPEG":
            return np.where(values >= 128, 255, 0).astype(np.uint8)
        return _eight_bits(values, path)


def _one_channel(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 2 else pixels.max(axis=2)


def _eight_bits(values: Pixels, path: Path) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return np.asarray(values, np.uint8)
    if int(values.max()) <= 255:
        return values.astype(np.uint8)
    if not (values % 257).any():
        return (values // 257).astype(np.uint8)
    raise ImageError(f"this 16-bit mask holds the value {int(values.max())}; class ids end at 255", path=path)
