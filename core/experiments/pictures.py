"""Pictures like the papers': a grid of methods, passes of a reconstruction with their maps, losses of two trainings."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import FlawscopeError, ImageError
from core.evaluation.pictures import panels
from core.experiments.measuring import LossPoint, training_steps, tuning_points
from core.experiments.registry import Curve
from core.experiments.running import Arm
from core.imaging import load_rgb8, save_png
from core.project import Project
from core.reconstructions import Reconstruction, read
from core.workflow import evaluating, reconstructing
from core.workflow.evaluating import ScoredRow, Subject

MOST_IMAGES: Final = 4
PASSES: Final = 2
_SIDE: Final = 224
_POINTS: Final = 160  # of one curve
_POLL_S: Final = 0.05
CHART: Final = (420, 180)  # pixels of a drawn chart


@dataclass(frozen=True)
class Shot:
    """One picture of a row: its caption, and its file relative to the page."""

    caption: str
    file: str


@dataclass(frozen=True)
class Strip:
    """One row of pictures, all of one test image."""

    name: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Line:
    """One curve: points of an SVG polyline; tuning losses are dashed."""

    title: str
    points: str
    tone: int  # 0 or 1: which training
    is_tuning: bool


@dataclass(frozen=True)
class Chart:
    """Losses of up to two trainings over their steps, the loss on a logarithmic scale."""

    title: str
    lines: tuple[Line, ...]
    steps: int
    low: float
    high: float


def method_grid(arms: Sequence[Arm], folder: Path) -> list[Strip]:
    """Image, ground truth and one heatmap a method for some defective test images of one category, one seed.

    Writes PNG files below `folder`. Methods without maps are left out. Raises `StorageError`.
    """
    with Project.open(arms[0].project, read_only=True) as project:
        names = [row.image.relative for row in _chosen(evaluating.find(project, arms[0].training, arms[0].scoring))]
    shots: dict[str, list[Shot]] = {name: [] for name in names}
    for place, arm in enumerate(arms):
        with Project.open(arm.project, read_only=True) as project:
            subject = evaluating.find(project, arm.training, arm.scoring)
            for row in evaluating.scored_rows(subject, "test"):
                if row.image.relative in shots:
                    known = shots[row.image.relative]
                    known += _drawn(subject, row, arm, folder, place, with_truth=not known)
    return [Strip(name, tuple(found)) for name, found in shots.items() if found]


def pass_strips(arm: Arm, folder: Path) -> list[Strip]:
    """What the model saw (n = 0), its reconstructions (n = 1, 2), and the maps after each, of some test images.

    Asks the training's own worker, which begins it when needed. Raises `FlawscopeError`.
    """
    with Project.open(arm.project, read_only=True) as project:
        subject = evaluating.find(project, arm.training, arm.scoring)
        rows = _chosen(subject)
        orders = [reconstructing.order(project, arm.training, row.image.id, passes=PASSES) for row in rows]
    strips = []
    child = reconstructing.Reconstructor(arm.folder)
    try:
        for row, order in zip(rows, orders, strict=True):
            found = read(order.training, order.request) or _rebuilt(child, order)
            strips.append(
                Strip(row.image.relative, tuple(_pass_shots(found, folder, f"{arm.category}-{row.image.id}")))
            )
    finally:
        child.close()
    return strips


def loss_chart(arms: Sequence[Arm], curve: Curve) -> Chart | None:
    """One loss of up to two trainings overlaid, of training steps and of tuning images; None where none has it."""
    series = [
        (place, arm.setting, is_tuning, points)
        for place, arm in enumerate(arms[:2])
        for is_tuning, points in (
            (False, thinned(_series(training_steps(arm.folder), curve.train))),
            (True, _series(tuning_points(arm.folder), curve.tuning)),
        )
        if points
    ]
    values = [value for *_, points in series for _, value in points if value > 0]
    if not values:
        return None
    steps = max(step for *_, points in series for step, _ in points)
    low, high = min(values), max(values)
    lines = [
        Line(f"{title}, {'tuning' if is_tuning else 'train'}", _polyline(points, steps, low, high), place, is_tuning)
        for place, title, is_tuning, points in series
    ]
    return Chart(curve.title, tuple(lines), steps, low, high)


def thinned(points: Sequence[tuple[int, float]], most: int = _POINTS) -> list[tuple[int, float]]:
    """At most `most` points: each the mean of its stretch, at the stretch's last step."""
    size = max(1, math.ceil(len(points) / most))
    pieces = [points[start : start + size] for start in range(0, len(points), size)]
    return [(piece[-1][0], sum(value for _, value in piece) / len(piece)) for piece in pieces]


def _chosen(subject: Subject) -> list[ScoredRow]:
    """Defective test images, of each class in turn: the first of all classes, then the second ones."""
    by_class: dict[str, list[ScoredRow]] = {}
    for row in evaluating.scored_rows(subject, "test"):
        if row.image.label == "defective" and row.score.score is not None:
            by_class.setdefault(row.image.defect_class, []).append(row)
    deepest = max((len(rows) for rows in by_class.values()), default=0)
    turns = [rows[turn] for turn in range(deepest) for rows in by_class.values() if turn < len(rows)]
    return turns[:MOST_IMAGES]


def _drawn(subject: Subject, row: ScoredRow, arm: Arm, folder: Path, place: int, *, with_truth: bool) -> Iterator[Shot]:
    anomaly = subject.blended(row.image, row.crops)
    if anomaly is None:
        return
    try:
        image = load_rgb8(row.image.path, subject.window)
    except ImageError:
        return
    threshold = subject.scoring.figures.get("threshold") or {}
    limit = float(threshold.get("value", 0.5))
    mask = subject.project.mask(row.image.id)
    rejected = (row.score.score or 0.0) >= limit
    shown = panels(image, anomaly, threshold=limit, rejected=rejected, mask=mask, side=_SIDE)
    named = [(arm.title, f"{place}", shown.heat)]
    if with_truth:
        plain = panels(image, anomaly, threshold=limit, rejected=False, side=_SIDE).image
        truth = [] if shown.truth is None else [("Ground truth", "truth", shown.truth)]
        named = [("Image", "image", plain), *truth, *named]
    for caption, key, picture in named:
        file = f"pictures/{arm.category}-{row.image.id}-{key}.png"
        save_png(folder / file, picture)
        yield Shot(caption, file)


def _pass_shots(found: Reconstruction, folder: Path, name: str) -> Iterator[Shot]:
    crop = found.worst
    pictures = [("n = 0", crop.given), *((f"n = {k}", one.picture) for k, one in enumerate(crop.passes, 1))]
    maps = [(f"map at n = {k}", (one.map >> 8).astype("uint8")) for k, one in enumerate(crop.passes, 1)]
    for number, (caption, picture) in enumerate([*pictures[: PASSES + 1], *maps[:PASSES]]):
        file = f"pictures/{name}-pass{number}.png"
        save_png(folder / file, picture)
        yield Shot(caption, file)


def _rebuilt(child: reconstructing.Reconstructor, order: reconstructing.Order) -> Reconstruction:
    child.ask(order.request)
    answers: list[reconstructing.Answer] = []
    while child.busy and not answers:
        time.sleep(_POLL_S)
        answers = child.poll()
    for answer in answers:
        if answer.error is not None:
            raise answer.error
    found = read(order.training, order.request)
    if found is None:
        raise FlawscopeError("a reconstruction was made and cannot be read", path=order.training)
    return found


def _series(points: Sequence[LossPoint], names: Sequence[str]) -> list[tuple[int, float]]:
    for name in names:
        found = [(one.step, one.losses[name]) for one in points if name in one.losses]
        if found:
            return found
    return []


def _polyline(points: Sequence[tuple[int, float]], steps: int, low: float, high: float) -> str:
    width, height = CHART
    span = math.log(high / low) or 1.0
    placed = [
        (width * step / max(1, steps), height * math.log(high / max(value, low)) / span) for step, value in points
    ]
    if len(placed) == 1:  # a point alone: a short dash that can be seen
        x, y = placed[0]
        placed = [(max(0.0, x - 12), y), (x, y)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
