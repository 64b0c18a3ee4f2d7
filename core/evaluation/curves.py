"""ROC, precision-recall and PRO curves: exact over scores, by streaming 2^16-level counts over pixels.

scikit-learn is the reference that the tests compare with. It is not used here because it wants every value at once,
where pixels of a whole test set are streamed, and because it takes seconds to import, where a window draws a curve
while a threshold is dragged. A value at the threshold counts as above it, as in scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVELS: Final = 1 << 16
PRO_LIMIT: Final = 0.30
"""The false positive rate up to which PRO is integrated (Bergmann et al., MVTec AD, IJCV 2021)."""

_NO_DEFECTIVE: Final = "there is nothing defective to find"
_NO_GOOD: Final = "there is nothing good to compare with"


@dataclass(frozen=True)
class NotMeasured:
    """A figure that cannot be given, and why in words that follow "not measured: "."""

    reason: str

    def __str__(self) -> str:
        return f"not measured: {self.reason}"


@dataclass(frozen=True)
class Roc:
    """One ROC curve: false and true positive rate, and the threshold of each point, falling from infinity."""

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]


@dataclass(frozen=True)
class BestF1:
    """The largest F1 over all thresholds, and the smallest threshold that reaches it. Optimistic by construction."""

    f1: float
    threshold: float


@dataclass(frozen=True)
class Ranking:
    """How many good and defective items carry each value; every curve follows from these counts alone.

    `values` (K,) falls strictly; `good` and `defective` (K,) are counts at that value.
    """

    values: NDArray[np.float64]
    good: NDArray[np.int64]
    defective: NDArray[np.int64]

    @classmethod
    def of(cls, scores: ArrayLike, defective: ArrayLike) -> Self:
        """From scores (N,) and truth (N,) bool; ties share one value. Raises ValueError on NaN or unequal lengths."""
        values = np.asarray(scores, dtype=np.float64).ravel()
        truth = np.asarray(defective, dtype=bool).ravel()
        if values.shape != truth.shape:
            raise ValueError(f"{values.size} scores for {truth.size} labels")
        if not np.isfinite(values).all():
            raise ValueError("a score is not a finite number")
        levels, index = np.unique(values, return_inverse=True)
        total = np.bincount(index, minlength=levels.size)
        found = np.bincount(index[truth], minlength=levels.size)
        return cls(levels[::-1], (total - found)[::-1].astype(np.int64), found[::-1].astype(np.int64))

    def refusal(self) -> NotMeasured | None:
        """Why no curve can be drawn, or None."""
        if not self.defective.sum():
            return NotMeasured(_NO_DEFECTIVE)
        if not self.good.sum():
            return NotMeasured(_NO_GOOD)
        return None

    def auroc(self) -> float | NotMeasured:
        """Area under the ROC curve = P(defective > good) + P(equal) / 2 (Mann-Whitney)."""
        if refusal := self.refusal():
            return refusal
        good, defective = self.good.astype(np.float64), self.defective.astype(np.float64)
        above = np.cumsum(defective) - defective
        return float(np.dot(good, above + defective / 2) / (good.sum() * defective.sum()))

    def ap(self) -> float | NotMeasured:
        """Average precision, sum over thresholds of (R_n - R_(n-1)) P_n, without interpolation as in scikit-learn."""
        if refusal := self.refusal():
            return refusal
        precision, recall = self._precision_recall()
        return float(np.dot(np.diff(recall, prepend=0.0), precision))

    def f1_max(self) -> BestF1 | NotMeasured:
        """Largest harmonic mean of precision and recall over all thresholds."""
        if refusal := self.refusal():
            return refusal
        precision, recall = self._precision_recall()
        total = precision + recall
        f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
        best = f1.size - 1 - int(np.argmax(f1[::-1]))
        return BestF1(float(f1[best]), float(self.values[best]))

    def roc(self, points: int | None = None) -> Roc | NotMeasured:
        """The whole curve, starting at (0, 0, inf); at most about `points` of its corners when given, ends included."""
        if refusal := self.refusal():
            return refusal
        fpr = np.concatenate([[0.0], np.cumsum(self.good) / self.good.sum()])
        tpr = np.concatenate([[0.0], np.cumsum(self.defective) / self.defective.sum()])
        thresholds = np.concatenate([[np.inf], self.values])
        if points is None:
            return Roc(fpr, tpr, thresholds)
        keep = _corners(fpr, tpr, points)
        return Roc(fpr[keep], tpr[keep], thresholds[keep])

    def _precision_recall(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        hits = np.cumsum(self.defective).astype(np.float64)
        called = hits + np.cumsum(self.good)
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        return precision, hits / hits[-1]


class PixelCounts:
    """Pixel figures over any number of maps in about 1.5 MB: three histograms of 2^16 levels, level 65535 = 1.0.

    A uint16 map is counted as it is; a float map in [0, 1] is rounded to its nearest level. What is lost is the order
    of pixels within one level: `resolution()` says how much that can change the AUROC. Counts add up: `a + b`.
    """

    def __init__(self) -> None:
        self.good: NDArray[np.int64] = np.zeros(LEVELS, np.int64)
        self.defective: NDArray[np.int64] = np.zeros(LEVELS, np.int64)
        self.overlap: NDArray[np.float64] = np.zeros(LEVELS)
        """Per level, the sum over components of (its pixels at this level / its pixels): all that PRO needs."""
        self.components = 0
        self.maps = 0

    def add(
        self, pixels: NDArray[Any], mask: NDArray[Any] | None = None, *, region: NDArray[Any] | None = None
    ) -> None:
        """Count one map (H, W), uint16 or float in [0, 1], with its mask (H, W), non-zero = defect; None = no defect.

        Where `region` (H, W) is 0 nothing counts, neither as good nor as defective. Raises ValueError when the shapes
        differ, the type is another or a value lies outside [0, 1].
        """
        levels = to_levels(pixels)
        for name, other in (("mask", mask), ("region", region)):
            if other is not None and other.shape != levels.shape:
                raise ValueError(f"a map of {levels.shape} with a {name} of {other.shape}")
        self.maps += 1
        counted = levels.ravel() if region is None else levels[region != 0]
        every = np.bincount(counted, minlength=LEVELS)
        if mask is None:
            self.good += every
            return
        defect = mask != 0 if region is None else (mask != 0) & (region != 0)
        inside = np.bincount(levels[defect], minlength=LEVELS)
        self.good += every - inside
        self.defective += inside
        self._add_components(levels, defect)

    def _add_components(self, levels: NDArray[np.uint16], defect: NDArray[np.bool_]) -> None:
        import cv2

        count, labels = cv2.connectedComponents(defect.astype(np.uint8), connectivity=8)
        if count < 2:
            return
        owner = labels[defect]
        sizes = np.bincount(owner, minlength=count)
        self.overlap += np.bincount(levels[defect], weights=1.0 / sizes[owner], minlength=LEVELS)
        self.components += count - 1

    def __add__(self, other: PixelCounts) -> PixelCounts:
        total = PixelCounts()
        total.good = self.good + other.good
        total.defective = self.defective + other.defective
        total.overlap = self.overlap + other.overlap
        total.components = self.components + other.components
        total.maps = self.maps + other.maps
        return total

    def ranking(self) -> Ranking:
        """The counts as a `Ranking` of values in [0, 1]."""
        used = np.flatnonzero(self.good + self.defective)[::-1]
        return Ranking(used / (LEVELS - 1), self.good[used], self.defective[used])

    def auroc(self) -> float | NotMeasured:
        """Pixel AUROC over all pixels pooled (spec: unsmoothed maps of one product's test images)."""
        return self.ranking().auroc()

    def ap(self) -> float | NotMeasured:
        """Pixel average precision."""
        return self.ranking().ap()

    def f1_max(self) -> BestF1 | NotMeasured:
        """Largest pixel F1 over all levels."""
        return self.ranking().f1_max()

    def roc(self, points: int = 256) -> Roc | NotMeasured:
        """Pixel ROC, reduced to about `points` corners."""
        return self.ranking().roc(points)

    def resolution(self) -> float:
        """The most by which rounding to 2^16 levels can have moved the AUROC; 0.0 where there is no AUROC."""
        good, defective = self.good.astype(np.float64), self.defective.astype(np.float64)
        pairs = good.sum() * defective.sum()
        return float(np.dot(good, defective) / (2 * pairs)) if pairs else 0.0

    def pro_curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | NotMeasured:
        """False positive rate and mean overlap per component, one point a used level, from (0, 0) to (1, 1)."""
        if not self.components:
            return NotMeasured(_NO_DEFECTIVE)
        if not self.good.sum():
            return NotMeasured(_NO_GOOD)
        used = np.flatnonzero((self.good > 0) | (self.overlap > 0))[::-1]
        fpr = np.concatenate([[0.0], np.cumsum(self.good[used]) / self.good.sum()])
        pro = np.concatenate([[0.0], np.cumsum(self.overlap[used]) / self.components])
        return fpr, np.minimum(pro, 1.0)

    def aupro(self, limit: float = PRO_LIMIT) -> float | NotMeasured:
        """Area under the PRO curve up to the false positive rate `limit`, divided by it; each component weighs alike.

        Bergmann et al., MVTec AD (IJCV 2021), 8-connected components, trapezoid, interpolated at the limit.
        """
        curve = self.pro_curve()
        if isinstance(curve, NotMeasured):
            return curve
        fpr, pro = curve
        inside = fpr <= limit
        last = int(inside.sum())
        fpr_cut, pro_cut = fpr[:last], pro[:last]
        if last < fpr.size:
            slope = (pro[last] - pro[last - 1]) / (fpr[last] - fpr[last - 1])
            end = pro[last - 1] + slope * (limit - fpr[last - 1])
            fpr_cut, pro_cut = np.append(fpr_cut, limit), np.append(pro_cut, end)
        return float(np.sum(np.diff(fpr_cut) * (pro_cut[1:] + pro_cut[:-1]) / 2) / limit)


def to_levels(pixels: NDArray[Any]) -> NDArray[np.uint16]:
    """A map as uint16 levels, 65535 = 1.0; raises ValueError when it is neither uint16 nor float in [0, 1]."""
    if pixels.ndim != 2:
        raise ValueError(f"a map has two dimensions, not {pixels.ndim}")
    if pixels.dtype == np.uint16:
        return pixels
    if not np.issubdtype(pixels.dtype, np.floating):
        raise ValueError(f"a map is uint16 or float, not {pixels.dtype}")
    if pixels.size and not (pixels.min() >= 0.0 and pixels.max() <= 1.0):  # NaN fails both
        raise ValueError("a map has values outside [0, 1]")
    scaled = pixels * pixels.dtype.type(LEVELS - 1)
    return np.asarray(np.rint(scaled), dtype=np.uint16)


def _corners(x: NDArray[np.float64], y: NDArray[np.float64], points: int) -> NDArray[np.intp]:
    """Indices of about `points` points of a rising curve: none inside straight lines, evenly along its length."""
    turn = np.diff(x)[:-1] * np.diff(y)[1:] - np.diff(x)[1:] * np.diff(y)[:-1]
    keep = np.concatenate([[0], np.flatnonzero(np.abs(turn) > 1e-15) + 1, [x.size - 1]])
    if keep.size > points:
        length = (x + y)[keep]
        places = np.searchsorted(length, np.linspace(0.0, length[-1], points))
        keep = keep[np.unique(np.clip(places, 0, keep.size - 1))]
    return keep.astype(np.intp)
