"""The units of one scoring as columns: what counts, queues and curves of the review are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.evaluation.curves import NotMeasured, Ranking, Roc
from core.evaluation.decisions import PartTable, ThresholdChoice
from core.evaluation.statistics import AucEstimate, delong
from core.project.results import Decision, RunRow, Scoring
from core.project.units import UnitTable
from core.words import LABELS, SPLITS, VERDICTS, Label, Split, Verdict

T = TypeVar("T")
Scope = Literal["test", "tuning", "train", "unused", "all"]
CURVE_POINTS: Final = 400
GOOD, DEFECTIVE, UNLABELLED = (LABELS.index(label) for label in ("good", "defective", "unlabelled"))
_SCOPE_ORDER: Final[tuple[Split, ...]] = ("test", "tuning", "unused", "train")


@dataclass(frozen=True)
class ScoreColumns:
    """Scores of inspected parts by label, each rising: what a histogram and the point on a curve are counted from."""

    good: NDArray[np.float64]
    defective: NDArray[np.float64]
    unlabelled: NDArray[np.float64]

    def highest(self) -> float:
        """The highest score of all, 0 without any."""
        return max((float(one[-1]) for one in (self.good, self.defective, self.unlabelled) if one.size), default=0.0)

    def lowest(self) -> float:
        """The lowest score of all, 0 without any."""
        return min((float(one[0]) for one in (self.good, self.defective, self.unlabelled) if one.size), default=0.0)


@dataclass(frozen=True)
class RocView:
    """A ROC curve with its area and interval; counts images (or cells)."""

    curve: Roc
    area: AucEstimate


@dataclass(frozen=True)
class ReviewTable:
    """All units of one scoring. Columns (N,) in the order of images; `verdict` is 0 = none, else 1 + its place in
    `core.words.VERDICTS`. `reach` is what the threshold is compared with (the score, unless a smallest area counts).
    `differs` holds the settings of the scoring that are not the training's own.
    """

    run: RunRow
    scoring: Scoring
    decision: Decision | None
    threshold: float
    choice: ThresholdChoice | NotMeasured
    gate: float
    passes: int
    units: UnitTable
    reach: NDArray[np.float64]
    label: NDArray[np.uint8]
    verdict: NDArray[np.uint8]
    has_model: bool = False
    differs: Mapping[str, Any] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    cache: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.units)

    @property
    def has_cells(self) -> bool:
        """Whether units are cells, not images."""
        return len(self.units.cells) > 1

    @property
    def score_from(self) -> str:
        """Whose map the score of an image rests on that was rebuilt again: the last pass, the first, or the max."""
        own = self.run.config.get("progressive", {}).get("score_from", "last")
        return str(self.differs.get("score_from", own))

    @property
    def recheck_from(self) -> float | None:
        """Where the recheck band of the decision settings begins."""
        return None if self.decision is None or self.decision.recheck is None else self.decision.recheck[0]

    def scopes(self) -> dict[Scope, int]:
        """How many units each split holds, those that hold none left out."""
        counts = np.bincount(self.units.split, minlength=len(SPLITS))
        found: dict[Scope, int] = {split: int(counts[SPLITS.index(split)]) for split in _SCOPE_ORDER}
        return {scope: count for scope, count in found.items() if count} | {"all": len(self)}

    def default_scope(self) -> Scope:
        """Test images where there are any; else all that was scored (a new lot)."""
        return "test" if "test" in self.scopes() else "all"

    def rows(self, scope: Scope) -> NDArray[np.intp]:
        """The units of a scope, the highest score first, those without a score last."""
        return self._kept(scope, "rows", lambda: self._ordered(scope))

    def parts(self, scope: Scope) -> PartTable:
        """The parts of a scope, ready to be counted at any threshold."""
        return self._kept(scope, "parts", lambda: self._gathered(scope))

    def columns(self, scope: Scope) -> ScoreColumns:
        """Scores of the inspected parts of a scope by label."""
        return self._kept(scope, "columns", lambda: _columns(self.parts(scope)))

    def roc(self, scope: Scope) -> RocView | NotMeasured:
        """The curve over labelled units of a scope, with DeLong's interval."""
        return self._kept(scope, "roc", lambda: self._roc(scope))

    def place(self, row: int) -> tuple[int, str]:
        """Image id and cell name ('' = the whole image) of a row."""
        return int(self.units.image_id[row]), self.units.cells[int(self.units.cell[row])]

    def row_of(self, image_id: int, cell: str | None = None) -> int | None:
        """The row of an image, or of one cell of it; without a cell named, its highest."""
        found = np.flatnonzero(self.units.image_id == image_id)
        if cell is not None:
            found = found[[self.units.cells[code] == cell for code in self.units.cell[found].tolist()]]
        if not found.size:
            return None
        return int(found[np.argmax(np.nan_to_num(self.reach[found], nan=-1.0))])

    def with_verdict(self, row: int, verdict: Verdict | None) -> ReviewTable:
        """The same table after a verdict on one unit; counts do not change, because a verdict is no label."""
        column = self.verdict.copy()
        column[row] = 0 if verdict is None else 1 + VERDICTS.index(verdict)
        return replace(self, verdict=column)

    def with_verdicts(self, verdicts: Mapping[tuple[int, str], Verdict]) -> ReviewTable:
        """The same table with these verdicts and no others."""
        return replace(self, verdict=verdict_column(self.units, verdicts))

    def label_of(self, row: int) -> Label:
        """The label of a unit."""
        return LABELS[int(self.label[row])]

    def split_of(self, row: int) -> Split:
        """The split of a unit."""
        return SPLITS[int(self.units.split[row])]

    def verdict_of(self, row: int) -> Verdict | None:
        """The last verdict on a unit."""
        code = int(self.verdict[row])
        return VERDICTS[code - 1] if code else None

    def _kept(self, scope: Scope, name: str, make: Callable[[], T]) -> T:
        key = (scope, name)
        if key not in self.cache:
            self.cache[key] = make()
        found: T = self.cache[key]
        return found

    def _chosen(self, scope: Scope) -> NDArray[np.intp]:
        if scope == "all":
            return np.arange(len(self), dtype=np.intp)
        return np.flatnonzero(self.units.split == SPLITS.index(scope))

    def _ordered(self, scope: Scope) -> NDArray[np.intp]:
        chosen = self._chosen(scope)
        return chosen[np.argsort(-self.reach[chosen], kind="stable")]  # NaN sorts last

    def _gathered(self, scope: Scope) -> PartTable:
        rows = self.rows(scope)
        keys = self.units.part[rows] * len(self.units.cells) + self.units.cell[rows]
        return PartTable.of_columns(keys, self.label[rows], self.reach[rows])

    def _roc(self, scope: Scope) -> RocView | NotMeasured:
        rows = self.rows(scope)
        known = rows[(self.label[rows] != UNLABELLED) & np.isfinite(self.units.score[rows])]
        scores, truth = self.units.score[known], self.label[known] == DEFECTIVE
        curve = Ranking.of(scores, truth).roc(CURVE_POINTS)
        area = delong(scores, truth)
        if isinstance(curve, NotMeasured):
            return curve
        return area if isinstance(area, NotMeasured) else RocView(curve, area)


def verdict_column(units: UnitTable, verdicts: Mapping[tuple[int, str], Verdict]) -> NDArray[np.uint8]:
    """Verdicts of units as codes: 0 = none, else 1 + the place in `core.words.VERDICTS`."""
    column = np.zeros(len(units), np.uint8)
    if not verdicts:
        return column
    judged = np.flatnonzero(np.isin(units.image_id, np.array([image_id for image_id, _ in verdicts], np.int64)))
    for row in judged.tolist():
        found = verdicts.get((int(units.image_id[row]), units.cells[int(units.cell[row])]))
        column[row] = 0 if found is None else 1 + VERDICTS.index(found)
    return column


def _columns(parts: PartTable) -> ScoreColumns:
    inspected = np.isfinite(parts.scores)
    good, unlabelled, bad = (np.sort(parts.scores[inspected & (parts.ranks == rank)]) for rank in range(3))
    return ScoreColumns(good, bad, unlabelled)
