"""From scores to judgements: thresholds out of tuning images, what the machine says of a part, the confusion table.

A score at or above the threshold rejects. Nothing here changes a score or a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.curves import NotMeasured, Ranking
from core.evaluation.statistics import LEVEL, Rate, rate
from core.words import LABELS, Judgement, Label

ENOUGH_GOOD: Final = 20
"""From so many good tuning images on, a rate of false rejects is claimed (its bound is then below 14 %)."""
ENOUGH_FOR_QUANTILE: Final = 200
"""Below so many, a 99.5 % quantile is nothing but the maximum."""
AREA_LEVELS: Final = 64
"""Stored areas are those above (k + 0.5) / 64, k = 0..63."""

_T = TypeVar("_T", bound=np.generic)
How = Literal["maximum", "none_rejected", "quantile", "balanced_accuracy", "by_hand"]
_RANK: Final[dict[Label, int]] = {"good": 0, "unlabelled": 1, "defective": 2}
_GRAVITY: Final[tuple[Judgement, ...]] = ("pass", "recheck", "not_inspectable", "reject")


@dataclass(frozen=True)
class ThresholdChoice:
    """A threshold, how it was found, from how many tuning images, and the sentence that says so.

    `claims_rate` is False where too few good images stand behind it. `proposals` are the other ways, for a person to
    choose from; they are never taken silently.
    """

    value: float
    how: How
    good_n: int
    defective_n: int
    claims_rate: bool
    sentence: str
    proposals: tuple[ThresholdChoice, ...] = ()


@dataclass(frozen=True)
class DecisionSettings:
    """What turns a score into a judgement: threshold, start of the recheck band below it, smallest defect in pixels."""

    threshold: float
    recheck_from: float | None = None
    minimum_area: int = 0

    def __post_init__(self) -> None:
        if self.recheck_from is not None and self.recheck_from > self.threshold:
            raise ValueError("the recheck band begins below the threshold")
        if self.minimum_area < 0:
            raise ValueError("an area is not negative")


def choose_threshold(good: ArrayLike, defective: ArrayLike = ()) -> ThresholdChoice | NotMeasured:
    """The threshold from scores of tuning images: the smallest that rejects none of the good ones.

    Why not a 99.5 % quantile: below 200 good images it is the maximum anyway, or less than the maximum by interpolation
    and so rejects an image known to be good. The maximum of n is also a tolerance bound: with confidence C at most
    1 - (1 - C)^(1/n) of good images lie above it (Wilks 1941). With 200 and more the quantile is proposed, because one
    mislabelled image then governs the maximum. Raises ValueError on a score that is no number.
    """
    fine, bad = _finite(good), _finite(defective)
    if not fine.size:
        return NotMeasured("there are no good tuning images to set a threshold from")
    value = float(np.nextafter(fine.max(), np.inf))  # at the threshold counts as rejected
    claims = fine.size >= ENOUGH_GOOD
    found = _count(fine.size, "good tuning image")
    if claims:
        bound = 1 - (1 - LEVEL) ** (1 / fine.size)
        sentence = (
            f"The smallest threshold that rejects none of {found}; with {100 * LEVEL:.0f} % confidence at most "
            f"{100 * bound:.1f} % of good images like them are rejected."
        )
    else:
        sentence = (
            f"The highest score of {found}; fewer than {ENOUGH_GOOD}, so no rate of false rejects is claimed."
            if fine.size > 1
            else f"The score of the only good tuning image; fewer than {ENOUGH_GOOD}, so no rate is claimed."
        )
    if fine.max() >= 1.0:
        sentence += " A good tuning image already has the highest possible score: nothing can be rejected."
    if bad.size:
        sentence += f" It rejects {int((bad >= value).sum())} of {_count(bad.size, 'defective tuning image')}."
    how: How = "none_rejected" if claims else "maximum"
    return ThresholdChoice(value, how, fine.size, bad.size, claims, sentence, _proposals(fine, bad))


def _proposals(good: NDArray[np.float64], bad: NDArray[np.float64]) -> tuple[ThresholdChoice, ...]:
    proposals = []
    if good.size >= ENOUGH_FOR_QUANTILE:
        # the order statistic itself, so that a whole number of images lies above
        value = float(np.nextafter(np.quantile(good, 0.995, method="inverted_cdf"), np.inf))
        over = int((good >= value).sum())
        text = f"The 99.5 % quantile of {good.size} good tuning images; {over} of them are rejected."
        proposals.append(ThresholdChoice(value, "quantile", good.size, bad.size, True, text))
    if bad.size:
        proposals.append(_balanced(good, bad))
    return tuple(proposals)


def _balanced(good: NDArray[np.float64], bad: NDArray[np.float64]) -> ThresholdChoice:
    """Largest mean of the two detection rates; of equal ones the lowest, since an escape costs more than a recheck."""
    ranking = Ranking.of(np.concatenate([good, bad]), np.arange(good.size + bad.size) >= good.size)
    balanced = (np.cumsum(ranking.defective) / bad.size + 1 - np.cumsum(ranking.good) / good.size) / 2
    best = balanced.size - 1 - int(np.argmax(balanced[::-1]))
    below = ranking.values[best + 1] if best + 1 < balanced.size else ranking.values[best]
    value = float((ranking.values[best] + below) / 2)  # the middle of the gap: as far from both sides as can be
    missed, over = int((bad < value).sum()), int((good >= value).sum())
    text = (
        f"The best balanced accuracy on tuning images ({100 * balanced[best]:.1f} %): rejects {over} of {good.size} "
        f"good, misses {missed} of {bad.size} defective. Optimistic until measured on test images."
    )
    claims = min(good.size, bad.size) >= ENOUGH_GOOD
    return ThresholdChoice(value, "balanced_accuracy", good.size, bad.size, claims, text)


def by_hand(value: float, base: ThresholdChoice | None = None) -> ThresholdChoice:
    """A threshold that a person set; keeps the counts and, as a proposal, the choice that it replaces."""
    text = f"Set by hand to {value:.4g}."
    if base is None:
        return ThresholdChoice(value, "by_hand", 0, 0, False, text)
    kept = (replace(base, proposals=()), *base.proposals)
    return ThresholdChoice(value, "by_hand", base.good_n, base.defective_n, False, text, kept)


def effective_scores(scores: ArrayLike, areas: ArrayLike | None, minimum_area: int) -> NDArray[np.float64]:
    """The highest threshold at which each image (N,) is still rejected, both its score and its area considered.

    `areas` (N, 64): largest component in pixels above (k + 0.5) / 64. At a threshold between two levels the lower one
    counts, and below the first level no area is asked for: the larger area is assumed, so that coarse levels never hide
    a defect. NaN (not inspectable) stays NaN. Raises ValueError when an area is asked for and none are given.
    """
    values = np.asarray(scores, dtype=np.float64)
    if minimum_area <= 0:
        return values
    if areas is None:
        raise ValueError("a smallest defect area needs the areas that scoring stored")
    table = np.minimum.accumulate(np.asarray(areas).reshape(values.size, AREA_LEVELS), axis=1)
    large = (table >= minimum_area).sum(axis=1)
    limit = np.where(large == AREA_LEVELS, np.inf, np.nextafter((large + 0.5) / AREA_LEVELS, -np.inf))
    return np.asarray(np.minimum(values, limit), dtype=np.float64)


def judge(
    score: float | None, problem: str | None, settings: DecisionSettings, areas: Sequence[int] | None = None
) -> Judgement:
    """What the machine says of one image or cell; one that has a problem or no score is never a pass."""
    if problem or score is None or not np.isfinite(score):
        return "not_inspectable"
    asked = None if areas is None else [areas]
    reach = float(effective_scores([score], asked, settings.minimum_area)[0])
    if reach >= settings.threshold:
        return "reject"
    return "recheck" if settings.recheck_from is not None and reach >= settings.recheck_from else "pass"


def judge_part(judgements: Iterable[Judgement]) -> Judgement:
    """A part is rejected when any of its images or cells is; else not inspectable, recheck, pass, in that order."""
    return _GRAVITY[max(_GRAVITY.index(one) for one in judgements)]


@dataclass(frozen=True)
class Confusion:
    """The four counts in parts, and beside them what the machine left to a person. Positive = rejected.

    Denominators of rates are inspected parts: a part to recheck neither escaped nor was falsely rejected, one that
    could not be inspected counts in no rate.
    """

    true_rejects: int
    false_rejects: int
    escapes: int
    true_passes: int
    recheck_good: int = 0
    recheck_defective: int = 0
    not_inspectable_good: int = 0
    not_inspectable_defective: int = 0
    unlabelled: int = 0
    unlabelled_rejected: int = 0

    @property
    def good(self) -> int:
        """Good parts that were inspected."""
        return self.false_rejects + self.true_passes + self.recheck_good

    @property
    def defective(self) -> int:
        """Defective parts that were inspected."""
        return self.true_rejects + self.escapes + self.recheck_defective

    def escape_rate(self) -> Rate | NotMeasured:
        """Defective parts that passed, of all defective ones (underkill)."""
        return rate(self.escapes, self.defective)

    def false_reject_rate(self) -> Rate | NotMeasured:
        """Good parts that were rejected, of all good ones (overkill)."""
        return rate(self.false_rejects, self.good)

    def overkill_share(self) -> Rate | NotMeasured:
        """Good parts among the rejected."""
        return rate(self.false_rejects, self.false_rejects + self.true_rejects)

    def accuracy(self) -> Rate | NotMeasured:
        """Right judgements of all that were decided, rechecks left out."""
        right = self.true_rejects + self.true_passes
        return rate(right, right + self.false_rejects + self.escapes)


@dataclass(frozen=True)
class Members:
    """The parts behind the counts; rejected and recheck by falling score, passed by rising score."""

    true_rejects: tuple[str, ...]
    false_rejects: tuple[str, ...]
    escapes: tuple[str, ...]
    true_passes: tuple[str, ...]
    recheck: tuple[str, ...]
    not_inspectable: tuple[str, ...]


@dataclass(frozen=True)
class BestAccuracy:
    """The highest accuracy over all thresholds of the images it is measured on: optimistic, and shown as such."""

    accuracy: Rate
    threshold: float


class PartTable:
    """Scores gathered by part once, so that every threshold is a few binary searches (230,000 images: microseconds).

    A part is defective when any of its images is, else unlabelled when any is, else good; its score is the highest.
    """

    def __init__(
        self,
        parts: Sequence[str],
        labels: Sequence[Label],
        scores: ArrayLike,
        *,
        areas: ArrayLike | None = None,
        minimum_area: int = 0,
    ) -> None:
        """One row an image or cell: its part, label, score (NaN or None = not inspectable) and areas (N, 64)."""
        reach = effective_scores(np.array(scores, dtype=np.float64), areas, minimum_area)
        if not len(parts) == len(labels) == reach.size:
            raise ValueError(f"{len(parts)} parts, {len(labels)} labels, {reach.size} scores")
        names, index = np.unique(np.asarray(parts, dtype=np.str_), return_inverse=True)
        self._fill(names, index, np.array([_RANK[label] for label in labels], dtype=np.int8), reach)

    @classmethod
    def of_columns(cls, parts: NDArray[np.int64], labels: NDArray[np.uint8], reach: NDArray[np.float64]) -> Self:
        """The same from columns (N,): a number for each part, codes of `core.words.LABELS`, effective scores."""
        table = cls.__new__(cls)
        names, index = np.unique(parts, return_inverse=True)
        ranks = np.array([_RANK[label] for label in LABELS], dtype=np.int8)[labels]
        table._fill(names.astype(np.str_), index, ranks, reach)
        return table

    def _fill(
        self, names: NDArray[np.str_], index: NDArray[np.intp], ranks: NDArray[np.int8], reach: NDArray[np.float64]
    ) -> None:
        unseen = ~np.isfinite(reach)
        self.index: NDArray[np.intp] = index
        """(N,) the part of each row, a place in `names`."""
        self.names: NDArray[np.str_] = names
        self.scores: NDArray[np.float64] = _gather(np.where(unseen, -np.inf, reach), index, names.size)
        self.ranks: NDArray[np.int8] = _gather(ranks, index, names.size)
        self.unseen: NDArray[np.bool_] = _gather(unseen, index, names.size)
        self._sorted = {
            (rank, flag): np.sort(self.scores[(self.ranks == rank) & (self.unseen == flag)])
            for rank in _RANK.values()
            for flag in (False, True)
        }

    def confusion(self, threshold: float, recheck_from: float | None = None) -> Confusion:
        """The counts at one threshold; log(N)."""
        good, bad, free = (self._split(_RANK[label], threshold, recheck_from) for label in _RANK_ORDER)
        return Confusion(
            true_rejects=bad.reject,
            false_rejects=good.reject,
            escapes=bad.passed,
            true_passes=good.passed,
            recheck_good=good.recheck,
            recheck_defective=bad.recheck,
            not_inspectable_good=good.unseen,
            not_inspectable_defective=bad.unseen,
            unlabelled=free.reject + free.recheck + free.passed + free.unseen,
            unlabelled_rejected=free.reject,
        )

    def members(self, threshold: float, recheck_from: float | None = None) -> Members:
        """Which parts stand behind the counts, worst first."""
        band = threshold if recheck_from is None else recheck_from
        reject = self.scores >= threshold
        unseen = ~reject & self.unseen
        recheck = ~reject & ~unseen & (self.scores >= band)
        passed = ~(reject | unseen | recheck)
        good, bad = self.ranks == _RANK["good"], self.ranks == _RANK["defective"]
        return Members(
            self._names(reject & bad, falling=True),
            self._names(reject & good, falling=True),
            self._names(passed & bad),
            self._names(passed & good),
            self._names(recheck, falling=True),
            self._names(unseen, falling=True),
        )

    def best_accuracy(self) -> BestAccuracy | NotMeasured:
        """The best that any threshold reaches on these very parts."""
        known = (self.ranks != _RANK["unlabelled"]) & ~self.unseen
        ranking = Ranking.of(self.scores[known], self.ranks[known] == _RANK["defective"])
        if refusal := ranking.refusal():
            return refusal
        right = np.cumsum(ranking.defective) + ranking.good.sum() - np.cumsum(ranking.good)
        best = int(np.argmax(right))
        k, value = int(right[best]), float(ranking.values[best])
        if int(ranking.good.sum()) > k:  # rejecting nothing at all is better
            k, value = int(ranking.good.sum()), float(np.nextafter(ranking.values[0], np.inf))
        found = rate(k, int(known.sum()))
        return found if isinstance(found, NotMeasured) else BestAccuracy(found, value)

    def false_rejects_without_escape(self) -> Rate | NotMeasured:
        """The false reject rate at the highest threshold that lets no inspected defective part pass. Optimistic."""
        bad, good = self._sorted[_RANK["defective"], False], self._sorted[_RANK["good"], False]
        if not bad.size:
            return NotMeasured("there is nothing defective to find")
        return rate(int((good >= bad[0]).sum()), good.size)

    def _split(self, rank: int, threshold: float, recheck_from: float | None) -> _Split:
        seen, unseen = self._sorted[rank, False], self._sorted[rank, True]
        reject, doubtful = _reaching(seen, threshold), _reaching(unseen, threshold)
        recheck = 0 if recheck_from is None else _reaching(seen, recheck_from) - reject
        return _Split(reject + doubtful, recheck, seen.size - reject - recheck, unseen.size - doubtful)

    def _names(self, which: NDArray[np.bool_], *, falling: bool = False) -> tuple[str, ...]:
        places = np.flatnonzero(which)
        order = np.argsort(-self.scores[places] if falling else self.scores[places], kind="stable")
        return tuple(self.names[places[order]].tolist())


_RANK_ORDER: Final[tuple[Label, ...]] = ("good", "defective", "unlabelled")


@dataclass(frozen=True)
class _Split:
    reject: int
    recheck: int
    passed: int
    unseen: int


def _reaching(rising: NDArray[np.float64], value: float) -> int:
    return int(rising.size - np.searchsorted(rising, value, side="left"))


def _gather(values: NDArray[_T], index: NDArray[np.intp], size: int) -> NDArray[_T]:
    """The maximum per part."""
    if not size:
        return values
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(size))
    gathered: NDArray[_T] = np.maximum.reduceat(values[order], starts)
    return gathered


def _finite(scores: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64).ravel()
    if not np.isfinite(values).all():
        raise ValueError("a score is not a finite number")
    return values


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" + ("" if n == 1 else "s")
