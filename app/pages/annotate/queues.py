"""Which images are walked through, and in which order; plain arithmetic over the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from app.pages.annotate import progress
from app.words import tr
from core.project.table import OPEN
from core.words import LABELS

if TYPE_CHECKING:
    from core.project.table import ImageTable
    from core.workflow.worst import Worst

Queue = Literal["unpainted", "unlabelled", "conflicts", "score", "view", "given"]
QUEUES: Final[tuple[Queue, ...]] = ("unpainted", "unlabelled", "conflicts", "score", "view", "given")
_NOTHING: Final = np.empty(0, np.int64)


def rows_of_place(table: ImageTable, product: str | None, view: str | None) -> NDArray[np.intp]:
    """The images of a product and view; all of them where none is chosen."""
    chosen = np.ones(len(table), np.bool_)
    if product in table.products:
        chosen &= table.product == table.products.index(product)
    if view in table.views:
        chosen &= table.view == table.views.index(view)
    return np.flatnonzero(chosen) if chosen.any() else np.arange(len(table))


def ids_of(queue: Queue, table: ImageTable, rows: NDArray[np.intp], worst: Worst | None) -> NDArray[np.int64]:
    """The images of a queue among `rows`; "given" is nobody's to make, and empty."""
    if queue == "view":
        return np.asarray(table.ids[rows], np.int64)
    if queue == "unpainted":
        return np.asarray(table.ids[rows[_is_unpainted(table, rows)]], np.int64)
    if queue == "unlabelled":
        return np.asarray(table.ids[rows[table.label[rows] == LABELS.index("unlabelled")]], np.int64)
    if queue == "conflicts":
        return np.asarray(table.ids[rows[is_conflict(table, rows, decided=True)]], np.int64)
    if queue == "score" and worst is not None:
        return np.asarray(worst.ids[np.isin(worst.ids, table.ids[rows])], np.int64)
    return _NOTHING


def queue_word(queue: Queue, worst: Worst | None = None, title: str = "") -> str:
    """How a queue is called."""
    words: dict[Queue, str] = {
        "unpainted": tr("Unpainted defective"),
        "unlabelled": tr("Unlabelled"),
        "conflicts": tr("Conflicts between people"),
        "score": tr("By score, worst first"),
        "view": tr("All of this view"),
        "given": tr("As chosen: {what}", what=title) if title else tr("As chosen"),
    }
    if queue == "score" and worst is not None:
        return tr("By score of Training #{n}, worst first", n=worst.number)
    return words[queue]


def amount_word(
    queue: Queue, table: ImageTable, rows: NDArray[np.intp], given: NDArray[np.int64], worst: Worst | None
) -> str:
    """How much is done or left of it, in a few words."""
    if queue == "unpainted":
        done = progress.count(table, rows)
        return tr("{n} of {all} painted", n=f"{done.painted:,}", all=f"{done.defective:,}")
    if queue == "unlabelled":
        return tr("{n} left", n=f"{progress.count(table, rows).unlabelled:,}")
    if queue == "conflicts":
        whole, left = (int(np.count_nonzero(is_conflict(table, rows, decided=one))) for one in (True, False))
        return tr("{n} of {all} decided", n=f"{whole - left:,}", all=f"{whole:,}")
    if queue == "given" and given.size < rows.size:
        return tr("{n} of {all} images", n=f"{given.size:,}", all=f"{rows.size:,}")
    if queue == "given":
        return f"{given.size:,}"
    return (
        f"{ids_of(queue, table, rows, worst).size:,}" if queue == "view" or worst is not None else tr("no scores yet")
    )


def is_conflict(table: ImageTable, rows: NDArray[np.intp], *, decided: bool = False) -> NDArray[np.bool_]:
    """On which of `rows` somebody has to choose between two masks; with `decided` also where that is done."""
    return np.asarray(table.conflict[rows] != 0 if decided else table.conflict[rows] == OPEN)


def _is_unpainted(table: ImageTable, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    return np.asarray((table.label[rows] == LABELS.index("defective")) & ~table.masked[rows])
