"""Small pictures of our own making, packed as JPEG: what caches hold. Measured pixels never come from here."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


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


def shrunk(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """`picture` with a longer side of at most `side`."""
    height, width = picture.shape[:2]
    if max(height, width) <= side:
        return picture
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
