"""All figures of one evaluation, streamed over its images with one map in memory at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.evaluation.curves import NotMeasured, PixelCounts, Ranking, Roc
from core.evaluation.decisions import Confusion, DecisionSettings, PartTable, ThresholdChoice
from core.evaluation.statistics import AucEstimate, Rate, delong, rate
from core.words import Label

BINS: Final = 50
_CURVE_POINTS: Final = 200
_PIXEL: Final = ("pixel_auroc", "pixel_ap", "aupro")
_T = TypeVar("_T")

Map = NDArray[np.uint16] | NDArray[np.float32]
Mask = NDArray[np.uint8]


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class ScoredImage:
    """One scored test image. Maps and masks are loaded when their turn comes and dropped at once.

    `score` is None where the image could not be inspected (`problem` says why). `load_map` gives one map (H, W), uint16
    with 65535 = 1.0 or float in [0, 1], or a sequence, one a crop; `load_mask` the masks of the same shapes, non-zero =
    defect; `load_region` where it was judged, non-zero, where that is not everywhere. A good image needs no mask; a
    defective one without any counts in image figures only.
    """

    id: int
    part: str
    label: Label
    defect_class: str = ""
    score: float | None = None
    first: float | None = None
    gated: bool = False
    ms: float | None = None
    load_map: Callable[[], Map | Sequence[Map] | None] = _nothing
    load_mask: Callable[[], Mask | Sequence[Mask] | None] = _nothing
    load_region: Callable[[], Mask | Sequence[Mask] | None] = _nothing
    areas: Sequence[int] | None = None
    problem: str | None = None

    @property
    def inspected(self) -> float | None:
        """The score, or None where there is none to judge by."""
        return None if self.problem else self.score


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateFigure(_Record):
    """A rate with its counts and its 95 % Wilson interval."""

    value: float
    k: int
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % ({self.k}/{self.n}, {100 * self.low:.1f}–{100 * self.high:.1f} %)"


class ClassFigures(_Record):
    """One defect class against all good test images; `f1_max` is optimistic, as that of all images is."""

    name: str
    images: int
    masks: int
    image_auroc: float | None
    image_auroc_low: float | None = None
    image_auroc_high: float | None = None
    image_ap: float | None = None
    f1_max: float | None = None
    pixel_auroc: float | None
    pixel_ap: float | None = None
    aupro: float | None
    escapes: RateFigure | None


class ConfusionFigures(_Record):
    """The confusion table in parts at the threshold in use; see `decisions.Confusion` for what counts where."""

    threshold: float
    true_rejects: int
    false_rejects: int
    escapes: int
    true_passes: int
    recheck_good: int
    recheck_defective: int
    not_inspectable_good: int
    not_inspectable_defective: int
    unlabelled: int
    unlabelled_rejected: int
    escape_rate: RateFigure | None
    false_reject_rate: RateFigure | None
    overkill_share: RateFigure | None
    accuracy: RateFigure | None


class RegionFigures(_Record):
    """Figures of test images whose defects are painted, with a region drawn.

    An image counts as defective where some of its defect lies inside the region: `image_auroc` is measured so over
    `images`. `only_outside` images have all their defects outside; `outside` is how many of the defects (8-connected
    components) wholly outside the region are rejected all the same: the lower, the better the region was learnt.
    """

    images: int
    only_outside: int
    image_auroc: float | None
    outside: RateFigure | None

    def sentences(self) -> list[str]:
        """What a person is told; nothing where no defect lies outside."""
        if self.outside is None:
            return []
        auroc = "–" if self.image_auroc is None else f"{100 * self.image_auroc:.1f} %"
        return [
            f"Region of interest: image AUROC {auroc} where defects outside do not count "
            f"({self.only_outside} of {self.images} images have no others) · "
            f"defects outside rejected all the same {self.outside}"
        ]


class Curve(_Record):
    """A curve for drawing, reduced to at most about 200 points."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class Histogram(_Record):
    """Scores of images: BINS equal bins between `low` and `high`."""

    low: float
    high: float
    good: tuple[int, ...]
    defective: tuple[int, ...]


class Figures(_Record):
    """What one evaluation measured. A figure that could not be measured is None and `not_measured` says why.

    Image figures count images, `confusion` counts parts. `accuracy_best` and `f1_max` choose their threshold on the
    very images they are measured on: optimistic, to be shown as such. `first_auroc` is that of the first pass alone;
    `masks_empty` counts masks without a defect left at the size of the map; `pixel_error` bounds what rounding maps to
    16 bits can have changed in `pixel_auroc`. `inside_pixel_auroc` and `inside_aupro` rest on the pixels that were
    judged alone: in the others those outside a region count as good ones that nothing can reject (spec/grdnet.md 5),
    which lifts them, the more the smaller the region.
    """

    images: int
    good: int
    defective: int
    unlabelled: int
    not_inspectable: int
    parts: int
    masks: int
    masks_empty: int
    image_auroc: float | None
    image_auroc_low: float | None
    image_auroc_high: float | None
    image_auroc_note: str
    first_auroc: float | None
    image_ap: float | None
    f1_max: float | None
    f1_max_threshold: float | None
    pixel_auroc: float | None
    pixel_error: float
    pixel_ap: float | None
    aupro: float | None
    components: int
    classes: tuple[ClassFigures, ...]
    threshold: ThresholdChoice | None
    confusion: ConfusionFigures | None
    accuracy_best: RateFigure | None
    accuracy_best_threshold: float | None
    false_rejects_without_escape: RateFigure | None
    gated: RateFigure | None
    ms_per_image: float | None
    seconds: float | None
    image_roc: Curve | None
    pixel_roc: Curve | None
    histogram: Histogram | None
    not_measured: dict[str, str]
    region: RegionFigures | None = None
    inside_pixel_auroc: float | None = None
    inside_aupro: float | None = None


def compute_figures(
    rows: Iterable[ScoredImage],
    *,
    threshold: ThresholdChoice | NotMeasured | None = None,
    settings: DecisionSettings | None = None,
    seconds: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> Figures:
    """Every figure from one pass over `rows`; `threshold` comes from tuning images, never from these.

    `settings` overrides the threshold and adds recheck band and smallest area; `seconds` is how long scoring took;
    `progress` hears how many images are done. Raises ValueError naming the image whose map and mask do not fit.
    """
    gathered = _Gathered()
    for done, row in enumerate(rows, start=1):
        gathered.add(row)
        if progress is not None:
            progress(done)
    return _Summary(gathered, threshold, settings, seconds).figures()


class _Gathered:
    """What one pass keeps: scores, and pixel counts of the good images, of each defect class, and inside regions."""

    def __init__(self) -> None:
        self.rows: list[ScoredImage] = []
        self.good_pixels = PixelCounts()
        self.inside = PixelCounts()
        self.class_pixels: dict[str, PixelCounts] = {}
        self.masks: dict[str, int] = {}
        self.masks_empty = 0
        self.maps = 0

    def add(self, row: ScoredImage) -> None:
        self.rows.append(row)
        if row.label == "unlabelled" or row.inspected is None:
            return
        masks = [] if row.label == "good" else _several(row.load_mask())
        if row.label == "defective" and not masks:
            return  # which of its pixels are defective is not known
        maps = _several(row.load_map())
        if not maps:
            return
        if masks and len(masks) != len(maps):
            raise ValueError(f"image {row.id}: {len(maps)} maps with {len(masks)} masks")
        counts = self.good_pixels
        if row.label == "defective":
            counts = self.class_pixels.setdefault(row.defect_class, PixelCounts())
            self.masks[row.defect_class] = self.masks.get(row.defect_class, 0) + 1
            self.masks_empty += not any(mask.any() for mask in masks)
        self.maps += 1
        regions = _several(row.load_region())
        for place, pixels in enumerate(maps):
            mask = masks[place] if masks else None
            try:
                counts.add(pixels, mask)
                if regions:
                    self.inside.add(pixels, mask, region=regions[place])
            except ValueError as error:
                raise ValueError(f"image {row.id}: {error}") from error


class _Summary:
    def __init__(
        self,
        gathered: _Gathered,
        threshold: ThresholdChoice | NotMeasured | None,
        settings: DecisionSettings | None,
        seconds: float | None,
    ) -> None:
        self.gathered, self.rows, self.seconds = gathered, gathered.rows, seconds
        self.reasons: dict[str, str] = {}
        self.choice = threshold if isinstance(threshold, ThresholdChoice) else None
        if isinstance(threshold, NotMeasured) and settings is None:
            self.reasons["threshold"] = threshold.reason
        self.settings = settings or (DecisionSettings(self.choice.value) if self.choice else None)
        self.known = [r for r in self.rows if r.label != "unlabelled" and r.inspected is not None]
        self.scores = np.array([r.score for r in self.known], dtype=np.float64)
        self.truth = np.array([r.label == "defective" for r in self.known], dtype=bool)
        self.ranking = Ranking.of(self.scores, self.truth)
        self.table = self._table()
        self.escaped: frozenset[str] = frozenset()
        if self.settings is not None:
            members = self.table.members(self.settings.threshold, self.settings.recheck_from)
            self.escaped = frozenset(members.escapes)

    def figures(self) -> Figures:
        best = self._measured("accuracy_best", self.table.best_accuracy())
        return Figures.model_validate(
            self._counts()
            | self._image()
            | self._pixel()
            | {
                "classes": self._classes(),
                "threshold": self.choice,
                "confusion": self._confusion(),
                "accuracy_best": None if best is None else rate_figure(best.accuracy),
                "accuracy_best_threshold": None if best is None else best.threshold,
                "false_rejects_without_escape": rate_figure(self.table.false_rejects_without_escape()),
                "seconds": self.seconds,
                "histogram": self._histogram(),
                "not_measured": self.reasons,
            }
        )

    def _table(self) -> PartTable:
        minimum = self.settings.minimum_area if self.settings else 0
        areas = None
        if minimum > 0:
            lacking = next((r.id for r in self.rows if r.areas is None and r.inspected is not None), None)
            if lacking is not None:
                raise ValueError(f"image {lacking}: a smallest defect area needs the areas that scoring stored")
            areas = [r.areas or [0] * 64 for r in self.rows]
        scores = [math.nan if r.inspected is None else r.inspected for r in self.rows]
        parts, labels = [r.part for r in self.rows], [r.label for r in self.rows]
        return PartTable(parts, labels, scores, areas=areas, minimum_area=minimum)

    def _counts(self) -> dict[str, Any]:
        labels = [r.label for r in self.rows]
        scored = [r for r in self.rows if r.inspected is not None]
        times = [r.ms for r in scored if r.ms is not None]
        return {
            "images": len(self.rows),
            "good": labels.count("good"),
            "defective": labels.count("defective"),
            "unlabelled": labels.count("unlabelled"),
            "not_inspectable": len(self.rows) - len(scored),
            "parts": self.table.names.size,
            "masks": sum(self.gathered.masks.values()),
            "masks_empty": self.gathered.masks_empty,
            "gated": rate_figure(rate(sum(r.gated for r in scored), len(scored))),
            "ms_per_image": median(times) if times else None,
        }

    def _image(self) -> dict[str, Any]:
        found = delong(self.scores, self.truth) if self.known else self.ranking.refusal()
        estimate = self._measured("image_auroc", found)
        interval = estimate.interval if isinstance(estimate, AucEstimate) else None
        best = self._measured("f1_max", self.ranking.f1_max())
        roc = self.ranking.roc(_CURVE_POINTS)
        return {
            "image_auroc": estimate.auc if isinstance(estimate, AucEstimate) else None,
            "image_auroc_low": interval.low if interval else None,
            "image_auroc_high": interval.high if interval else None,
            "image_auroc_note": estimate.note if isinstance(estimate, AucEstimate) else "",
            "first_auroc": self._first(),
            "image_ap": self._measured("image_ap", self.ranking.ap()),
            "f1_max": best.f1 if best else None,
            "f1_max_threshold": best.threshold if best else None,
            "image_roc": _curve(roc),
        }

    def _first(self) -> float | None:
        firsts = [r.first for r in self.known if r.first is not None]
        if not firsts or len(firsts) < len(self.known):
            self.reasons["first_auroc"] = "the score of the first pass was not stored"
            return None
        return self._measured("first_auroc", Ranking.of(firsts, self.truth).auroc())

    def _pixel(self) -> dict[str, Any]:
        counts = sum(self.gathered.class_pixels.values(), self.gathered.good_pixels)
        if not self.gathered.maps:
            self.reasons.update(dict.fromkeys(_PIXEL, "no anomaly maps with ground truth were given"))
            return dict.fromkeys((*_PIXEL, "pixel_roc")) | {"pixel_error": 0.0, "components": 0}
        values = {"pixel_auroc": counts.auroc(), "pixel_ap": counts.ap(), "aupro": counts.aupro()}
        if not counts.components:
            values = dict.fromkeys(_PIXEL, NotMeasured("no defect is painted in these images"))
        return {name: self._measured(name, value) for name, value in values.items()} | {
            "inside_pixel_auroc": _value(self.gathered.inside.auroc()),
            "inside_aupro": _value(self.gathered.inside.aupro()),
            "pixel_error": counts.resolution(),
            "components": counts.components,
            "pixel_roc": _curve(counts.roc(_CURVE_POINTS)),
        }

    def _classes(self) -> list[ClassFigures]:
        good = self.scores[~self.truth]
        names = sorted({r.defect_class for r in self.known if r.label == "defective"})
        return [self._class(name, good) for name in names]

    def _class(self, name: str, good: NDArray[np.float64]) -> ClassFigures:
        own = [r for r in self.known if r.label == "defective" and r.defect_class == name]
        scores = np.array([r.score for r in own], dtype=np.float64)
        every, truth = np.concatenate([good, scores]), np.arange(good.size + scores.size) >= good.size
        ranking, estimate = Ranking.of(every, truth), delong(every, truth)
        interval = estimate.interval if isinstance(estimate, AucEstimate) else None
        best = ranking.f1_max()
        pixels = self.gathered.class_pixels.get(name)
        both = None if pixels is None else pixels + self.gathered.good_pixels
        return ClassFigures(
            name=name,
            images=len(own),
            masks=self.gathered.masks.get(name, 0),
            image_auroc=_value(ranking.auroc()),
            image_auroc_low=interval.low if interval else None,
            image_auroc_high=interval.high if interval else None,
            image_ap=_value(ranking.ap()),
            f1_max=None if isinstance(best, NotMeasured) else best.f1,
            pixel_auroc=None if both is None else _value(both.auroc()),
            pixel_ap=None if both is None else _value(both.ap()),
            aupro=None if both is None else _value(both.aupro()),
            escapes=self._class_escapes(own),
        )

    def _class_escapes(self, own: list[ScoredImage]) -> RateFigure | None:
        if self.settings is None:
            return None
        mine = {r.part for r in own}
        return rate_figure(rate(len(mine & self.escaped), len(mine)))

    def _confusion(self) -> ConfusionFigures | None:
        if self.settings is None:
            return None
        found = self.table.confusion(self.settings.threshold, self.settings.recheck_from)
        counts = {name: getattr(found, name) for name in Confusion.__dataclass_fields__}
        return ConfusionFigures(
            threshold=self.settings.threshold,
            **counts,
            escape_rate=rate_figure(found.escape_rate()),
            false_reject_rate=rate_figure(found.false_reject_rate()),
            overkill_share=rate_figure(found.overkill_share()),
            accuracy=rate_figure(found.accuracy()),
        )

    def _histogram(self) -> Histogram | None:
        if not self.known:
            return None
        low, high = min(0.0, float(self.scores.min())), max(float(self.scores.max()), 1e-9)
        good, _ = np.histogram(self.scores[~self.truth], BINS, (low, high))
        bad, _ = np.histogram(self.scores[self.truth], BINS, (low, high))
        return Histogram(low=low, high=high, good=tuple(good.tolist()), defective=tuple(bad.tolist()))

    def _measured(self, name: str, value: _T | NotMeasured | None) -> _T | None:
        if isinstance(value, NotMeasured):
            self.reasons[name] = value.reason
            return None
        return value


def _several(found: NDArray[Any] | Sequence[NDArray[Any]] | None) -> list[NDArray[Any]]:
    if found is None:
        return []
    return [found] if isinstance(found, np.ndarray) else list(found)


def _value(found: float | NotMeasured) -> float | None:
    return None if isinstance(found, NotMeasured) else found


def rate_figure(found: Rate | NotMeasured) -> RateFigure | None:
    """A rate as it is stored; None where there was nothing to count."""
    if isinstance(found, NotMeasured):
        return None
    return RateFigure(value=found.value, k=found.k, n=found.n, low=found.interval.low, high=found.interval.high)


def _curve(found: Roc | NotMeasured) -> Curve | None:
    if isinstance(found, NotMeasured):
        return None
    return Curve(x=tuple(found.fpr.round(6).tolist()), y=tuple(found.tpr.round(6).tolist()))
