"""Run lengths as COCO stores masks: column by column, runs of 0 and 1 in turn; as numbers or packed into text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.annotation.shapes import Patch, cropped
from core.errors import InputError

_BITS: Final = 5  # of a run length in each character
_MORE: Final = 0x20
_SIGN: Final = 0x10
_FIRST: Final = 48  # the character of 0
_DIGITS: Final = 11  # characters that a run length can take


def to_counts(patch: Patch, height: int, width: int) -> list[int]:
    """Run lengths of (h, w) bool in a box of an image, beginning with a run of 0 (which may be 0 long)."""
    bits, (x0, y0, x1, y1) = patch
    columns = np.zeros((x1 - x0, height), np.bool_)
    columns[:, y0:y1] = bits.T
    flat = columns.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = [0, *changes.tolist(), flat.size]
    lengths = np.diff(starts).tolist()
    if flat[0]:
        lengths = [0, *lengths]
    lengths[0] += x0 * height
    rest = (width - x1) * height
    if len(lengths) % 2:  # the last run is of 0
        lengths[-1] += rest
    elif rest:
        lengths.append(rest)
    return [int(one) for one in lengths]


def to_pixels(counts: Sequence[int], height: int, width: int) -> Patch | None:
    """What run lengths cover; None when nothing. Raises `InputError` when they do not fill the image exactly."""
    try:
        lengths = np.asarray(counts, np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError("its run lengths are no whole numbers") from error
    if lengths.ndim != 1 or (lengths < 0).any() or (lengths > height * width).any():
        raise InputError("its run lengths do not fit its size")
    ends = np.cumsum(lengths)
    if not lengths.size or int(ends[-1]) != height * width:
        raise InputError(f"its run lengths end at pixel {int(ends[-1]) if ends.size else 0:,} of {height * width:,}")
    starts, stops = ends[0::2][: lengths.size // 2], ends[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]
    if not starts.size:
        return None
    first, last = int(starts[0]) // height, (int(stops[-1]) - 1) // height + 1
    steps = np.zeros((last - first) * height + 1, np.int8)
    np.add.at(steps, starts - first * height, 1)
    np.add.at(steps, stops - first * height, -1)
    bits = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_).reshape(last - first, height).T
    return cropped(np.ascontiguousarray(bits), (first, 0, last, height))


def pack(counts: Sequence[int]) -> str:
    """Run lengths as text: from the fourth on the difference to the one two before, 5 bits a character."""
    out = bytearray()
    for index, length in enumerate(counts):
        rest = length - counts[index - 2] if index > 2 else length
        while True:
            low = rest & 0x1F
            rest >>= _BITS
            is_last = rest == (-1 if low & _SIGN else 0)
            out.append(_FIRST + (low if is_last else low | _MORE))
            if is_last:
                break
    return out.decode("ascii")


def unpack(packed: str) -> list[int]:
    """Run lengths from text. Raises `InputError` for what `pack` cannot have written."""
    counts: list[int] = []
    value = digits = 0
    for place, one in enumerate(packed):
        low = ord(one) - _FIRST
        if not 0 <= low < 64 or digits > _DIGITS:
            raise InputError(f"its packed run lengths are damaged at character {place + 1:,}")
        value |= (low & 0x1F) << (_BITS * digits)
        digits += 1
        if not low & _MORE:
            if low & _SIGN:
                value -= 1 << (_BITS * digits)
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = digits = 0
    if digits:
        raise InputError("its packed run lengths end too early")
    return counts


def from_segmentation(found: Any, place: str) -> tuple[NDArray[np.int64], int, int]:
    """Run lengths, height and width of COCO's `{"size": [h, w], "counts": ...}`. Raises `InputError`."""
    size, counts = found.get("size"), found.get("counts")
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(one, int) and one > 0 for one in size)
    if not is_size or size[0] * size[1] >= 1 << 31:
        raise InputError(f"{place} has run lengths without a size")
    if isinstance(counts, str):
        lengths = unpack(counts)
    elif isinstance(counts, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in counts):
        lengths = counts
    else:
        raise InputError(f"{place} has run lengths that are neither numbers nor text")
    try:
        return np.asarray(lengths, np.int64), int(size[0]), int(size[1])
    except OverflowError as error:
        raise InputError(f"{place} has run lengths that do not fit its size") from error
