"""Label masks: (H, W) uint8 arrays of class ids (0 = no defect), packed small for the project file.

A stroke is stored as what it changed: a box and old XOR new inside it. XOR undoes itself, so one record serves undo and
redo, and a mask is its last snapshot with the strokes since then applied in any order.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.words import Box

Mask = NDArray[np.uint8]

_MASK_MAGIC: Final = b"FsM1"
_DELTA_MAGIC: Final = b"FsD1"
_HEADER: Final = struct.Struct("<4s6IBB")  # magic, height, width, x0, y0, x1, y1, coding, value
_ONE_VALUE: Final = 0  # one bit a pixel: `value` or 0
_BYTES: Final = 1  # one byte a pixel
_LARGEST: Final = 1 << 31  # pixels; more than any supported image, less than what a forged header could ask for
_LEVEL: Final = 1


@dataclass(frozen=True)
class Delta:
    """What one stroke changed on a mask of `shape`: `bits` is old XOR new inside `box`."""

    shape: tuple[int, int]
    box: Box
    bits: Mask

    @property
    def pixels(self) -> int:
        """How many pixels changed."""
        return int(np.count_nonzero(self.bits))


def empty(width: int, height: int) -> Mask:
    """A mask without defects."""
    return np.zeros((height, width), np.uint8)


def bounding_box(values: Mask) -> Box | None:
    """The smallest box around everything that is not 0, or None."""
    rows = np.flatnonzero(values.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(values[rows[0] : rows[-1] + 1].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def delta_between(before: Mask, after: Mask, box: Box | None = None) -> Delta | None:
    """What turns `before` into `after` (and back), looked for inside `box` only; None when nothing changed.

    Raises `InputError` when the masks differ in size.
    """
    if before.shape != after.shape:
        raise InputError(f"masks of {before.shape} and {after.shape} pixels cannot be compared")
    height, width = before.shape
    x0, y0, x1, y1 = _inside(box or (0, 0, width, height), width, height)
    bits = np.bitwise_xor(before[y0:y1, x0:x1], after[y0:y1, x0:x1])
    inner = bounding_box(bits)
    if inner is None:
        return None
    u0, v0, u1, v1 = inner
    return Delta((height, width), (x0 + u0, y0 + v0, x0 + u1, y0 + v1), np.ascontiguousarray(bits[v0:v1, u0:u1]))


def apply_delta(mask: Mask, delta: Delta) -> None:
    """Do a stroke, or take it back, in place. Raises `InputError` when it belongs to a mask of another size."""
    if mask.shape != delta.shape:
        raise InputError(f"a stroke on {delta.shape} pixels does not fit a mask of {mask.shape}")
    x0, y0, x1, y1 = delta.box
    mask[y0:y1, x0:x1] ^= delta.bits


def pack_delta(delta: Delta) -> bytes:
    """A stroke as bytes: some ten kB for a long one."""
    return _pack(_DELTA_MAGIC, delta.shape, delta.box, delta.bits)


def unpack_delta(data: bytes) -> Delta:
    """A stroke from bytes. Raises `InputError` on anything that `pack_delta` did not write."""
    shape, box, bits = _unpack(_DELTA_MAGIC, data)
    return Delta(shape, box, bits)


def pack_mask(mask: Mask) -> bytes:
    """A whole mask as bytes; only the box around its defects is stored. Raises `InputError` unless (H, W) uint8."""
    if mask.ndim != 2 or mask.dtype != np.uint8 or 0 in mask.shape:
        raise InputError(f"a mask is (H, W) uint8, not {mask.shape} {mask.dtype}")
    box = bounding_box(mask) or (0, 0, 0, 0)
    x0, y0, x1, y1 = box
    return _pack(_MASK_MAGIC, (mask.shape[0], mask.shape[1]), box, mask[y0:y1, x0:x1])


def unpack_mask(data: bytes) -> Mask:
    """A whole mask from bytes. Raises `InputError` on anything that `pack_mask` did not write."""
    shape, (x0, y0, x1, y1), inner = _unpack(_MASK_MAGIC, data)
    mask = np.zeros(shape, np.uint8)
    mask[y0:y1, x0:x1] = inner
    return mask


def mask_sha256(mask: Mask) -> str:
    """Hex SHA-256 of what a mask shows, however it is packed: its size and its pixels row by row."""
    digest = hashlib.sha256(struct.pack("<2I", *mask.shape))
    digest.update(np.ascontiguousarray(mask).data)
    return digest.hexdigest()


def painted_pixels(mask: Mask) -> dict[int, int]:
    """Class id -> pixels, without 0."""
    counts = np.bincount(mask.ravel(), minlength=256)
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value}


def _pack(magic: bytes, shape: tuple[int, int], box: Box, bits: Mask) -> bytes:
    used = np.flatnonzero(np.bincount(bits.ravel(), minlength=256)[1:]) + 1
    if used.size <= 1:
        coding, value = _ONE_VALUE, int(used[0]) if used.size else 0
        payload = np.packbits(bits != 0).tobytes()
    else:
        coding, value, payload = _BYTES, 0, bits.tobytes()
    return _HEADER.pack(magic, *shape, *box, coding, value) + zlib.compress(payload, _LEVEL)


def _unpack(magic: bytes, data: bytes) -> tuple[tuple[int, int], Box, Mask]:
    try:
        found, height, width, x0, y0, x1, y1, coding, value = _HEADER.unpack_from(data)
    except struct.error as error:
        raise InputError("the packed mask is too short") from error
    fits = x0 <= x1 <= width and y0 <= y1 <= height and 0 < height * width <= _LARGEST
    if found != magic or not fits or coding not in (_ONE_VALUE, _BYTES):
        raise InputError("these bytes hold no packed mask")
    box = (x0, y0, x1, y1)
    pixels = (x1 - x0) * (y1 - y0)
    payload = _inflate(data[_HEADER.size :], (pixels + 7) // 8 if coding == _ONE_VALUE else pixels)
    raw = np.frombuffer(payload, np.uint8)
    flat = np.unpackbits(raw, count=pixels) * np.uint8(value) if coding == _ONE_VALUE else raw.copy()
    return (height, width), box, flat.reshape(y1 - y0, x1 - x0)


def _inflate(data: bytes, expected: int) -> bytes:
    """Exactly `expected` bytes, never more: a forged stream cannot fill the memory."""
    stream = zlib.decompressobj()
    try:
        payload = stream.decompress(data, expected + 1)
    except zlib.error as error:
        raise InputError("the packed mask is damaged") from error
    if len(payload) != expected or not stream.eof:
        raise InputError("the packed mask is damaged")
    return payload


def _inside(box: Box, width: int, height: int) -> Box:
    x0, y0, x1, y1 = box
    return max(0, x0), max(0, y0), max(0, min(width, x1)), max(0, min(height, y1))
