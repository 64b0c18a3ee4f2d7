"""Which images are shown and in what order: pure functions over the columns of an `ImageTable`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from app.gallery.ordering import natural_ranks, places_of
from core.project.table import ImageTable, Names
from core.words import LABELS, SPLITS, STATES, Label, Split

Sort = Literal["name", "label", "lot", "score", "newest", "given"]
Rows = NDArray[np.intp]
Scores = NDArray[np.float64]
_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_URGENCY: Final[dict[Label, int]] = {"defective": 0, "unlabelled": 1, "good": 2}
_GONE: Final = STATES.index("gone")
_PRESENT: Final = STATES.index("present")


@dataclass(frozen=True)
class Filter:
    """What must hold for an image to be shown; None and empty sets ask for nothing.

    `score` is (lowest, highest), both inclusive. `problems`: only files that are unreadable, changed or gone, and good
    images with a mask of a defect; what is gone is hidden otherwise. `ids`: only these images (and with the sort
    "given" in this order).
    """

    product: str | None = None
    view: str | None = None
    lot: str | None = None
    split: frozenset[Split] = frozenset()
    label: frozenset[Label] = frozenset()
    defect_class: frozenset[str] = frozenset()
    text: str = ""
    score: tuple[float | None, float | None] = (None, None)
    problems: bool = False
    ids: tuple[int, ...] | None = None

    @property
    def narrows(self) -> bool:
        """Whether it hides images beyond the choice of product, view and lot."""
        return self != Filter(product=self.product, view=self.view, lot=self.lot)

    def mask(
        self, table: ImageTable, scores: Scores | None = None, *, class_names: Mapping[str, str] = _NO_NAMES
    ) -> NDArray[np.bool_]:
        """(N,) bool. `scores` (N,) float64 stand beside the rows of the table, NaN where there is none.

        `class_names` (code -> name) say what else a defect class is found by.
        """
        keep = np.ones(len(table), np.bool_)
        wanted: tuple[tuple[NDArray[Any], Sequence[str], Collection[str]], ...] = (
            (table.product, table.products, () if self.product is None else (self.product,)),
            (table.view, table.views, () if self.view is None else (self.view,)),
            (table.lot, table.lots, () if self.lot is None else (self.lot,)),
            (table.split, SPLITS, self.split),
            (table.label, LABELS, self.label),
            (table.defect_class, table.classes, self.defect_class),
        )
        for column, words, chosen in wanted:
            if chosen:
                keep &= _among(column, words, chosen)
        wrong = table.problem | (table.state != _PRESENT) | contradictory(table)
        keep &= wrong if self.problems else table.state != _GONE
        if self.ids is not None:
            keep &= np.isin(table.ids, np.array(self.ids, np.int64))
        for word in self.text.split():
            keep &= _holding(table, word, class_names)
        return keep & _within(self.score, scores, len(table))


def contradictory(table: ImageTable) -> NDArray[np.bool_]:
    """(N,) bool: labelled good, and yet there is a mask of a defect."""
    is_good: NDArray[np.bool_] = table.label == LABELS.index("good")
    return table.masked & is_good


class Arranger:
    """Filters and sorts; remembers the natural order of the names it saw last."""

    def __init__(self) -> None:
        self._ranked: tuple[Names, NDArray[np.int32]] | None = None

    def rows(
        self,
        table: ImageTable,
        wish: Filter,
        by: Sort = "name",
        *,
        backwards: bool = False,
        scores: Scores | None = None,
        class_names: Mapping[str, str] = _NO_NAMES,
    ) -> Rows:
        """Rows of `table` as they are to be shown. Defective before unlabelled before good; highest score and newest
        first; without a score last. `backwards` turns the order round."""
        rows = np.flatnonzero(wish.mask(table, scores, class_names=class_names))
        if by == "given" and wish.ids is not None:
            given = table.row_of(np.array(wish.ids, np.int64))
            rows = given[np.isin(given, rows)]
        elif by == "newest":
            rows = rows[::-1]
        elif len(rows) > 1:
            return rows[self._order(table, rows, by, scores, backwards)]
        return rows[::-1] if backwards else rows

    def _order(self, table: ImageTable, rows: Rows, by: Sort, scores: Scores | None, backwards: bool) -> Rows:
        names = self.ranks(table.names)[rows]
        sign = -1 if backwards else 1
        if by == "label":
            return np.lexsort((names, sign * np.array([_URGENCY[label] for label in LABELS])[table.label[rows]]))
        if by == "lot":
            return np.lexsort((names, sign * places_of(table.lots)[table.lot[rows]]))
        if by == "score" and scores is not None:
            return np.lexsort((names, -sign * scores[rows]))  # NaN comes last
        return np.argsort(sign * names, kind="stable")

    def ranks(self, names: Names) -> NDArray[np.int32]:
        """(N,) int32: the place of each name in natural order; folders before what only begins like them."""
        known = self._ranked
        if known is None or known[0] is not names:
            known = (names, natural_ranks(names))
            self._ranked = known
        return known[1]


def beside(table: ImageTable, ids: NDArray[np.int64], scores: Scores) -> Scores:
    """`scores` of `ids` as a column of the table: (N,) float64, NaN for images without one."""
    column = np.full(len(table), np.nan)
    rows = table.row_of(ids)
    column[rows[rows >= 0]] = scores[rows >= 0]
    return column


def _among(column: NDArray[Any], words: Sequence[str], wanted: Collection[str]) -> NDArray[np.bool_]:
    chosen = np.array([word in wanted for word in words] or [False], np.bool_)
    return chosen[column] if len(column) else np.zeros(0, np.bool_)


def _holding(table: ImageTable, word: str, class_names: Mapping[str, str]) -> NDArray[np.bool_]:
    """Images whose name, lot or defect class (its code or its name) holds `word`."""
    found = table.names.containing(word)
    folded = word.casefold()
    for words, column in ((table.lots, table.lot), (table.classes, table.defect_class)):
        names = class_names if words is table.classes else _NO_NAMES
        hits = [one for one in words if folded in one.casefold() or folded in names.get(one, "").casefold()]
        if hits:
            found = found | _among(column, words, hits)
    return found


def _within(span: tuple[float | None, float | None], scores: Scores | None, count: int) -> NDArray[np.bool_]:
    low, high = span
    if low is None and high is None:
        return np.ones(count, np.bool_)
    if scores is None:
        return np.zeros(count, np.bool_)
    return (scores >= (-np.inf if low is None else low)) & (scores <= (np.inf if high is None else high))
