"""Natural order of very many names at once, in numpy: 230,000 names without a Python call or a held lock for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.layouts.words import natural_keys
from core.project.table import Names

_WIDEST: Final = 200  # bytes of the longest key; beyond that, and for other scripts, keys are made one by one
_PORTION: Final = 16_384  # names
_ZERO: Final = ord("0")
_NINE: Final = ord("9")
_SLASH: Final = ord("/")
_FIRST: Final = 1  # sorts before everything that is written


def natural_ranks(names: Names) -> NDArray[np.int32]:
    """(N,) int32: the place of each path in natural order, folder by folder; equal ones as they came.

    The order of `core.layouts.natural_key`: a run of digits sorts by its length without leading zeros, then by its
    digits. Folders come before what only begins like them.
    """
    keys = _fixed_keys(names) if names.data.isascii() else None
    if keys is None:
        return places_of([name.replace("/", "\x01") for name in names])
    ranks = np.empty(len(names), np.int32)
    ranks[np.argsort(keys, kind="stable")] = np.arange(len(names), dtype=np.int32)
    return ranks


def places_of(words: Sequence[str]) -> NDArray[np.int32]:
    """(N,) int32: the place of each word in natural order."""
    keys = natural_keys(words)
    places = np.empty(len(keys), np.int32)
    places[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys), dtype=np.int32)
    return places


def _fixed_keys(names: Names) -> NDArray[np.bytes_] | None:
    """(N,) keys of one width, made in portions that need little memory; None when a name is too long for that."""
    parts = []
    for start in range(0, len(names), _PORTION):
        ends = names.ends[start : start + _PORTION + 1]
        part = _portion(names.data[ends[0] : ends[-1]], ends - ends[0])
        if part is None:
            return None
        parts.append(part)
    longest = max((part.shape[1] for part in parts), default=1)
    keys = np.zeros((len(names), longest), np.uint8)
    for index, part in enumerate(parts):
        keys[index * _PORTION : index * _PORTION + len(part), : part.shape[1]] = part
    return keys.view(f"S{longest}").ravel()


def _portion(data: bytes, ends: NDArray[np.int64]) -> NDArray[np.uint8] | None:
    """(n, width) bytes: every run of digits becomes three digits of its length and itself without leading zeros."""
    text = np.frombuffer(data.lower(), np.uint8)
    if not len(text):
        return np.zeros((len(ends) - 1, 1), np.uint8)
    row = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    begins = np.zeros(len(text) + 1, np.bool_)
    begins[ends] = True
    digit = (text >= _ZERO) & (text <= _NINE)
    opens = digit & (begins[:-1] | ~np.concatenate([[False], digit[:-1]]))
    run = np.cumsum(opens) - 1  # which run of digits a digit belongs to
    leading = _leading_zeros(text, digit, opens, run)
    counts = np.bincount(run[digit & ~leading], minlength=int(opens.sum()))
    width = np.where(leading, 0, 1) + np.where(opens, 3, 0)
    until = np.concatenate([[0], np.cumsum(width)])
    place = until[:-1] - until[ends[:-1]][row]
    longest = int((place + width).max())
    if longest > _WIDEST:
        return None
    keys = np.zeros((len(ends) - 1, longest), np.uint8)
    at, own = np.flatnonzero(opens), ~leading
    for step, unit in enumerate((100, 10, 1)):
        keys[row[at], place[at] + step] = _ZERO + counts[run[at]] // unit % 10
    keys[row[own], (place + np.where(opens, 3, 0))[own]] = np.where(text == _SLASH, _FIRST, text)[own]
    return keys


def _leading_zeros(
    text: NDArray[np.uint8], digit: NDArray[np.bool_], opens: NDArray[np.bool_], run: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Zeros of a run of digits before the first other digit."""
    other = digit & (text != _ZERO)
    seen = np.cumsum(other)
    before = seen[opens] - other[opens]  # other digits before each run
    if not len(before):
        return np.zeros(len(text), np.bool_)
    leading: NDArray[np.bool_] = digit & (seen == before[np.maximum(run, 0)])
    return leading
