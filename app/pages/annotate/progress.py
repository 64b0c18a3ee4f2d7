"""How far the annotation of a list of images is, and which image is next; plain arithmetic over the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from core.words import LABELS

if TYPE_CHECKING:
    from core.project.table import ImageTable

_UNLABELLED: Final = LABELS.index("unlabelled")
_DEFECTIVE: Final = LABELS.index("defective")


@dataclass(frozen=True)
class Count:
    """Of the images in the order: how many are defective, painted, and not labelled yet."""

    images: int = 0
    defective: int = 0
    painted: int = 0
    unlabelled: int = 0


def count(table: ImageTable, rows: NDArray[np.intp]) -> Count:
    """Counts over the images at `rows`."""
    label = table.label[rows]
    defective = label == _DEFECTIVE
    return Count(
        len(rows),
        int(np.count_nonzero(defective)),
        int(np.count_nonzero(defective & table.masked[rows])),
        int(np.count_nonzero(label == _UNLABELLED)),
    )


def open_rows(table: ImageTable, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of `rows` want something: those without a label; when all have one, the defective ones without a mask."""
    unlabelled = np.asarray(table.label[rows] == _UNLABELLED)
    if unlabelled.any():
        return unlabelled
    return np.asarray((table.label[rows] == _DEFECTIVE) & ~table.masked[rows])


def first_open(table: ImageTable, rows: NDArray[np.intp]) -> int:
    """Where to begin: the first unpainted defective image, else the first without a label, else the first; -1: none."""
    if not len(rows):
        return -1
    unpainted = np.flatnonzero((table.label[rows] == _DEFECTIVE) & ~table.masked[rows])
    found = unpainted if len(unpainted) else np.flatnonzero(open_rows(table, rows))
    return int(found[0]) if len(found) else 0


def next_open(table: ImageTable, rows: NDArray[np.intp], at: int, *, forward: bool) -> int:
    """The place of the next image that wants something, after or before `at`; -1 when there is none."""
    return next_of(open_rows(table, rows), at, forward=forward)


def next_of(open_ones: NDArray[np.bool_], at: int, *, forward: bool) -> int:
    """The next place after or before `at` where `open_ones` is set; -1 when there is none."""
    wanted = np.flatnonzero(open_ones)
    beyond = wanted[wanted > at] if forward else wanted[wanted < at][::-1]
    return int(beyond[0]) if len(beyond) else -1
