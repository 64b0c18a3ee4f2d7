"""From a finished training to rows of results.csv: figures, losses at some moments, what a region changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.evaluation.figures import Figures, ScoredImage, compute_figures
from core.evaluation.regional import RegionTally
from core.events import Epoch, EventTail
from core.experiments.registry import Moment
from core.imaging import decode_mask
from core.project import Project
from core.project.results import Scoring
from core.words import Label
from core.workflow import evaluating
from core.workflow.evaluating import ScoredRow, Subject

_LOSSES: Final = ("adversarial", "contextual", "encoder", "ssim")
_WINDOW: Final = 0.1  # of the steps before a moment, where no epoch has ended
Values = dict[str, float]


@dataclass(frozen=True)
class LossPoint:
    """Losses by name after `step` steps."""

    step: int
    losses: Mapping[str, float]


def of_figures(scoring: Scoring) -> Values:
    """Headline figures in percent; what could not be measured is left out."""
    figures = Figures.model_validate(dict(scoring.figures))
    accuracy = figures.confusion.accuracy if figures.confusion is not None else None
    found = {
        "image_auroc": figures.image_auroc,
        "pixel_auroc": figures.pixel_auroc,
        "aupro": figures.aupro,
        "image_ap": figures.image_ap,
        "accuracy_best": None if figures.accuracy_best is None else figures.accuracy_best.value,
        "accuracy": None if accuracy is None else accuracy.value,
    }
    return {name: 100 * value for name, value in found.items() if value is not None}


def of_losses(training: Path, moment: Moment) -> Values:
    """The four losses of the generator at a moment, `<loss>_train` and `<loss>_tuning`; as they are, unweighted."""
    steps = training_steps(training)
    if not steps:
        return {}
    mark = max(1, round(moment.share * steps[-1].step))
    epochs = _epochs(training)
    train = _before(epochs, mark)
    if train is None:
        window = [one for one in steps if mark - max(1.0, _WINDOW * mark) < one.step <= mark]
        train = LossPoint(mark, _mean([one.losses for one in window]))
    tuning = _before(tuning_points(training), mark)
    found = {f"{name}_train": train.losses.get(f"generator.{name}") for name in _LOSSES}
    found |= {f"{name}_tuning": None if tuning is None else tuning.losses.get(name) for name in _LOSSES}
    return {name: value for name, value in found.items() if value is not None}


def of_region(project: Project, number: int, scoring: int, region: NDArray[np.uint8]) -> Values:
    """What is rejected inside and outside of a region (H, W) uint8 0/1, judged by the training's own threshold.

    As `core.evaluation.regional`, with a region that the training need not have seen: an image is defective when its
    mask reaches into the region, `outside_flagged` is the share of defects wholly outside that are rejected all the
    same. Pixels of defects outside count as good ones. Defective images without a mask are left out.
    """
    subject = evaluating.find(project, number, scoring)
    rows = [row for row in evaluating.scored_rows(subject, "test") if row.score.score is not None]
    stored = Figures.model_validate(dict(subject.scoring.figures)).threshold
    limit = None if stored is None else stored.value
    tally = RegionTally(limit, subject.kernel)
    reaches = {row.image.id: _add(tally, subject, row, region) for row in rows}
    pixels = compute_figures(_as_inside(subject, row, region, reaches[row.image.id]) for row in rows)
    figures = tally.figures()
    inside = [row.score.score or 0.0 for row in rows if reaches[row.image.id]]
    escapes = sum(score < limit for score in inside) / len(inside) if inside and limit is not None else None
    found = {
        "inside_image_auroc": figures.image_auroc,
        "inside_pixel_auroc": pixels.pixel_auroc,
        "inside_escapes": escapes,
        "outside_flagged": None if figures.outside is None else figures.outside.value,
    }
    return {name: 100 * value for name, value in found.items() if value is not None}


def read_region(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8, 1 where to look. Raises `InputError` where there is none."""
    if not path.is_file():
        raise InputError(
            "this experiment needs the region of interest",
            path=path,
            mend="Put it there as PNG of the images' size: white where to look, black elsewhere",
        )
    return np.asarray(decode_mask(path) > 0, np.uint8)


def training_steps(training: Path) -> list[LossPoint]:
    """The losses of every step; empty when the training kept none."""
    path = training / "metrics.jsonl"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as stream:
        records = [json.loads(line) for line in stream]
    return [LossPoint(record["step"], record["losses"]) for record in records]


def tuning_points(training: Path) -> list[LossPoint]:
    """The losses on tuning images, epoch by epoch where they were measured, and of the weights that were kept."""
    events = EventTail(training / "events.jsonl").drain()
    found = {one.step: one.tuning for one in events if isinstance(one, Epoch) and one.tuning}
    path = training / "scores" / "final" / "settings.json"
    trained: dict[str, Any] = json.loads(path.read_bytes()).get("trained", {}) if path.is_file() else {}
    if trained.get("tuning") and trained.get("step"):
        found.setdefault(trained["step"], trained["tuning"])
    return [LossPoint(step, found[step]) for step in sorted(found)]


def _epochs(training: Path) -> list[LossPoint]:
    events = EventTail(training / "events.jsonl").drain()
    found = {one.step: one.losses for one in events if isinstance(one, Epoch)}  # a resume says some epochs twice
    return [LossPoint(step, found[step]) for step in sorted(found)]


def _before(points: Sequence[LossPoint], mark: int) -> LossPoint | None:
    return next((one for one in reversed(points) if one.step <= mark), None)


def _mean(losses: Sequence[Mapping[str, float]]) -> Values:
    names = losses[0] if losses else {}
    return {name: sum(one[name] for one in losses) / len(losses) for name in names}


def _fitting(region: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = mask.shape
    if region.shape == mask.shape:
        return region
    return np.asarray(cv2.resize(region, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _add(tally: RegionTally, subject: Subject, row: ScoredRow, region: NDArray[np.uint8]) -> bool | None:
    """Count one image; whether a defect of it reaches into the region, None where no mask says where it is."""
    score = row.score.score or 0.0
    if row.image.label == "good":
        tally.add_good(score)
        return False
    mask = subject.project.mask(row.image.id)
    if mask is None or row.image.label != "defective":
        return None
    here = _fitting(region, mask)
    reaches = bool((mask * here).any())
    tally.add_defective(score, *subject.seen(row, mask, here), inside=reaches)
    return reaches


def _as_inside(subject: Subject, row: ScoredRow, region: NDArray[np.uint8], reaches: bool | None) -> ScoredImage:
    image = row.image
    label: Label = "unlabelled" if reaches is None else "defective" if reaches else "good"

    def load_mask() -> list[NDArray[np.uint8]] | None:
        mask = subject.project.mask(image.id)
        if mask is None:
            return None
        inside, how = mask * _fitting(region, mask), subject.config.eval.mask_binarize
        return [subject.preprocessor.mask(inside, subject.geometry(crop), binarize=how) for crop in row.crops]

    return ScoredImage(
        id=image.id,
        part=f"{image.lot}/{image.part}",
        label=label,
        score=row.score.score,
        load_map=lambda: subject.maps(row.crops),
        load_mask=load_mask,
    )
