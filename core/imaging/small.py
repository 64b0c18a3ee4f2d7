"""Small pictures of our own making, packed as JPEG: what caches hold. Measured pixels never come from here."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

AnyPixel = TypeVar("AnyPixel", bound=np.unsignedinteger[Any])


def pack_small(picture: NDArray[np.uint8], quality: int = 88) -> bytes:
    """JPEG bytes of a (h, w, 3) uint8 RGB picture."""
    stored = np.ascontiguousarray(picture[..., ::-1])
    written, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"OpenCV could not encode {picture.dtype} {picture.shape}")
    return bytes(data)


def unpack_small(data: bytes) -> NDArray[np.uint8] | None:
    """(h, w, 3) uint8 RGB of what `pack_small` made; None when the bytes are damaged."""
    if not data:
        return None
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(np.ascontiguousarray(picture[..., ::-1]), np.uint8)


def shrunk(pixels: NDArray[AnyPixel], side: int) -> NDArray[AnyPixel]:
    """(H, W) or (H, W, 3) `pixels` averaged to a longer side of at most `side`.

    Large pictures are halved first: four times as fast as one step, and the same within one grey level of 255.
    """
    height, width = pixels.shape[:2]
    if max(height, width) <= side:
        return pixels
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while pixels.shape[1] >= 4 * size[0] and pixels.shape[0] >= 4 * size[1]:
        height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
        halved = cv2.resize(pixels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(halved, pixels.dtype)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), pixels.dtype)
