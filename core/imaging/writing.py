"""PNG out: maps, masks, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.files import atomic_write


def encode_png(array: NDArray[Any]) -> bytes:
    """PNG bytes of a uint8 or uint16 array, (H, W) grey or (H, W, 3) RGB; `ValueError` for anything else."""
    if array.dtype not in (np.uint8, np.uint16) or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ValueError(f"PNG needs uint8 or uint16, (H, W) or (H, W, 3), not {array.dtype} {array.shape}")
    if array.size == 0:
        raise ValueError("an empty array cannot be a PNG")
    stored = np.ascontiguousarray(array if array.ndim == 2 else array[..., ::-1])
    written, data = cv2.imencode(".png", stored)
    if not written:
        raise ValueError(f"OpenCV could not encode {array.dtype} {array.shape}")
    return bytes(data)


def save_png(path: Path, array: NDArray[Any]) -> None:
    """Write `array` as PNG, whole or not at all; raises `StorageError`, and `ValueError` as `encode_png`."""
    atomic_write(path, encode_png(array))
