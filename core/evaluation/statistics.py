"""Rates with k/n and intervals, sample sizes, DeLong's interval of an AUROC, and agreement between judges.

Positive = defective. The unit of every count is the physical part. Claims use one-sided Clopper-Pearson bounds, tables
and plots use Wilson intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.curves import NotMeasured

LEVEL: Final = 0.95
_NO_WIDTH: Final = "every defective image scores above every good one, so that DeLong's interval has no width"
_ALIKE: Final = "the images of each kind all rank alike, so that DeLong's interval has no width"
_TOO_FEW: Final = "an interval needs at least two good and two defective images"


@dataclass(frozen=True)
class Interval:
    """A confidence interval at `level`."""

    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True)
class Rate:
    """k of n, with its Wilson interval: how every percentage is shown."""

    k: int
    n: int
    interval: Interval

    @property
    def value(self) -> float:
        """k / n."""
        return self.k / self.n

    def __str__(self) -> str:
        span = f"{100 * self.interval.low:.1f}–{100 * self.interval.high:.1f} %"
        return f"{100 * self.value:.1f} % ({self.k}/{self.n}, {span})"


def rate(k: int, n: int, *, level: float = LEVEL) -> Rate | NotMeasured:
    """k of n with its interval; not measured when n is 0."""
    if n == 0:
        return NotMeasured("there is nothing to count")
    return Rate(k, n, wilson(k, n, level=level))


def wilson(k: int, n: int, *, level: float = LEVEL) -> Interval:
    """Wilson's score interval (1927), in closed form because a window redraws it while a threshold is dragged.

    Raises ValueError unless 0 <= k <= n and n > 0.
    """
    _check_counts(k, n)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(low, high, level)


def clopper_pearson(k: int, n: int, *, level: float = LEVEL) -> Interval:
    """Clopper-Pearson's exact two-sided interval (1934), for claims. Raises ValueError unless 0 <= k <= n and n > 0."""
    from statsmodels.stats.proportion import proportion_confint

    _check_counts(k, n)
    low, high = proportion_confint(k, n, alpha=1 - level, method="beta")
    return Interval(float(low), float(high), level)


def upper_bound(k: int, n: int, *, confidence: float = LEVEL) -> float:
    """One-sided exact upper bound of a rate, Beta^-1(confidence; k + 1, n - k): at most this, with 95 % confidence."""
    from scipy.stats import beta

    _check_counts(k, n)
    return 1.0 if k == n else float(beta.ppf(confidence, k + 1, n - k))


def sample_size(reliability: float, *, confidence: float = LEVEL, misses: int = 0) -> int:
    """Defective parts needed to claim detection >= `reliability` when up to `misses` of them may be missed.

    The smallest n with P(X <= misses | n, 1 - reliability) <= 1 - confidence, X binomial; for no miss that is
    ceil(ln(1 - confidence) / ln(reliability)). Raises ValueError outside (0, 1).
    """
    from scipy.stats import binom

    if not (0 < reliability < 1 and 0 < confidence < 1) or misses < 0:
        raise ValueError("reliability and confidence lie between 0 and 1, misses are not negative")
    low, high = misses, misses + 1
    while binom.cdf(misses, high, 1 - reliability) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:  # low is too few, high is enough
        middle = (low + high) // 2
        enough = binom.cdf(misses, middle, 1 - reliability) <= 1 - confidence
        low, high = (low, middle) if enough else (middle, high)
    return high


@dataclass(frozen=True)
class Outgoing:
    """What leaves the line: defective parts per million accepted, and the share of good parts among the rejected."""

    ppm: float
    good_share_of_rejects: float


def outgoing(*, prevalence: float, escape: float, false_reject: float) -> Outgoing | NotMeasured:
    """p b / (p b + (1-p)(1-a)) and (1-p) a / ((1-p) a + p (1-b)); p prevalence, b escape, a false reject rate."""
    passed_bad, passed_good = prevalence * escape, (1 - prevalence) * (1 - false_reject)
    rejected_good, rejected_bad = (1 - prevalence) * false_reject, prevalence * (1 - escape)
    if passed_bad + passed_good == 0:
        return NotMeasured("every part is rejected")
    rejected = rejected_good + rejected_bad
    return Outgoing(1e6 * passed_bad / (passed_bad + passed_good), rejected_good / rejected if rejected else 0.0)


@dataclass(frozen=True)
class AucEstimate:
    """An AUROC with DeLong's standard error; `interval` is None where `note` says why."""

    auc: float
    se: float | None
    interval: Interval | None
    good: int
    defective: int
    note: str = ""


def delong(scores: ArrayLike, defective: ArrayLike, *, level: float = LEVEL) -> AucEstimate | NotMeasured:
    """AUROC with its standard error and interval from scores (N,) and truth (N,) bool.

    Variance: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), by midranks (Sun and Xu, IEEE SPL 21, 2014).
    Interval: on the logit scale (Pepe, 2003, 5.2), which stays inside [0, 1].
    """
    values, truth = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(defective, dtype=bool).ravel()
    if values.shape != truth.shape or not np.isfinite(values).all():
        raise ValueError("scores are finite numbers, one for each label")
    bad, good = values[truth], values[~truth]
    m, n = bad.size, good.size
    if not m or not n:
        return NotMeasured("there is nothing defective to find" if not m else "there is nothing good to compare with")
    both = _midranks(np.concatenate([bad, good]))
    share_bad = (both[:m] - _midranks(bad)) / n  # for each defective image: share of good ones below it
    share_good = 1 - (both[m:] - _midranks(good)) / m
    auc = float(share_bad.mean())
    if m < 2 or n < 2:
        return AucEstimate(auc, None, None, n, m, _TOO_FEW)
    se = math.sqrt(float(share_bad.var(ddof=1)) / m + float(share_good.var(ddof=1)) / n)
    if se == 0.0 or not 0.0 < auc < 1.0:
        return AucEstimate(auc, se, None, n, m, _NO_WIDTH if auc == 1.0 else _ALIKE)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    logit, spread = math.log(auc / (1 - auc)), z * se / (auc * (1 - auc))
    return AucEstimate(auc, se, Interval(_expit(logit - spread), _expit(logit + spread), level), n, m)


def cohen_kappa(table: ArrayLike) -> float:
    """Agreement of two judges beyond chance from their square table of counts (Cohen 1960)."""
    from statsmodels.stats.inter_rater import cohens_kappa

    return float(cohens_kappa(np.asarray(table), return_results=False))


def fleiss_kappa(table: ArrayLike) -> float:
    """Agreement of several judges from counts (subjects, categories), equal sums a row (Fleiss 1971)."""
    from statsmodels.stats.inter_rater import fleiss_kappa as kappa

    return float(kappa(np.asarray(table), method="fleiss"))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact p of McNemar's test from the two counts of disagreement: man and machine on the same parts."""
    from scipy.stats import binomtest

    total = only_first + only_second
    return 1.0 if total == 0 else float(binomtest(only_first, total).pvalue)


@dataclass(frozen=True)
class KnappKushner:
    """Machine against manual inspection (Knapp and Kushner 1980); zones come from the manual baseline always.

    `rze_*`: mean reject rate inside the reject zone; `rag_*`: outside it, accept zone alone or with the grey zone.
    """

    rze_manual: float
    rze_machine: float
    efficiency: float
    rag_accept_manual: float | NotMeasured
    rag_accept_machine: float | NotMeasured
    rag_all_manual: float | NotMeasured
    rag_all_machine: float | NotMeasured

    @property
    def passed(self) -> bool:
        """The machine finds at least what people find: efficiency >= 100 %."""
        return self.rze_machine >= self.rze_manual


def knapp_kushner(
    manual: Sequence[float], machine: Sequence[float], *, reject_from: float = 0.7, grey_from: float = 0.3
) -> KnappKushner | NotMeasured:
    """From reject rates in [0, 1] per container, both in the same order.

    efficiency = sum machine / sum manual over the reject zone {manual >= 0.7}; grey zone 0.3 <= manual < 0.7.
    Raises ValueError when the lengths differ.
    """
    people, automatic = np.asarray(manual, dtype=np.float64), np.asarray(machine, dtype=np.float64)
    if people.shape != automatic.shape:
        raise ValueError(f"{people.size} manual rates for {automatic.size} of the machine")
    zone, accept = people >= reject_from, people < grey_from
    if not zone.any():
        return NotMeasured("no container lies in the manual reject zone")
    by_hand, by_machine = float(people[zone].mean()), float(automatic[zone].mean())
    return KnappKushner(
        by_hand,
        by_machine,
        by_machine / by_hand,
        _mean(people[accept]),
        _mean(automatic[accept]),
        _mean(people[~zone]),
        _mean(automatic[~zone]),
    )


def _mean(values: NDArray[np.float64]) -> float | NotMeasured:
    return float(values.mean()) if values.size else NotMeasured("no container lies in this zone")


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = last - (counts - 1) / 2
    return np.asarray(middle[index], dtype=np.float64)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n or n <= 0:
        raise ValueError(f"{k} of {n} is no count")
