"""A project whose images were scored, with maps whose answer is known by hand; no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.config import preset, with_overrides
from core.imaging import save_png
from core.jobfiles import weights_file
from core.project import NewImage, Project
from core.project.results import NewScore, RunRow
from core.words import Label, Split
from core.workflow import evaluating

SIDE = 64
SPOT = (16, 20, 32, 40)  # x0, y0, x1, y1 in pixels of image and map alike


@dataclass(frozen=True)
class Shot:
    """One image and the score that it got; without a score it could not be inspected."""

    name: str
    label: Label
    split: Split
    score: float | None
    part: str = ""
    lot: str = ""
    first: float | None = None


def strip_of_shots() -> list[Shot]:
    """Tuning up to 0.30, so the threshold lies just above; test: 2 of 4 good rejected, 1 of 3 defective passed."""
    tuning = [Shot(f"tuning {n}", "good", "tuning", 0.20 + 0.05 * n) for n in range(3)]
    good = [Shot(f"good {n}", "good", "test", score) for n, score in enumerate((0.10, 0.45, 0.60, 0.20))]
    bad = [Shot(f"scratch {n}", "defective", "test", score) for n, score in enumerate((0.90, 0.15, 0.70))]
    return [*tuning, *good, *bad]


def make_project(folder: Path, shots: Sequence[Shot], *, width: int = SIDE, height: int = SIDE) -> Project:
    """A project that holds these images, open for writing; masks of defective ones cover `SPOT`."""
    rows = []
    for number, shot in enumerate(shots):
        path = folder / "pictures" / f"{shot.name}.png"
        save_png(path, _pixels(number, width, height, spotted=shot.label == "defective"))
        kind = "scratch" if shot.label == "defective" else ""
        row = NewImage(path, "nut", split=shot.split, label=shot.label, defect_class=kind, part=shot.part, lot=shot.lot)
        rows.append(row)
    project = Project.create(folder / "work", "work", author="AB")
    project.add_images(rows, root=folder / "pictures")
    project.set_sizes([(row.id, width, height, 3, 8) for row in project.images()])
    for row in project.images(label="defective"):
        mask = np.zeros((height, width), np.uint8)
        mask[SPOT[1] : SPOT[3], SPOT[0] : SPOT[2]] = 1
        project.import_mask(row.id, mask)
    return project


def add_training(
    project: Project, shots: Sequence[Shot], *, changes: Sequence[str] = (), state: str = "finished"
) -> RunRow:
    """A training with its scores and maps, not measured yet."""
    config = with_overrides(preset("prff", "micro"), ["preprocess.crop=fit", f"preprocess.size={SIDE}", *changes])
    run = project.add_run(
        product="nut", view="main", model="prff", preset="micro", config=config.model_dump(mode="json")
    )
    scoring_id = add_scoring(project, run, shots)
    assert scoring_id
    return project.update_run(run.id, state=state)  # type: ignore[arg-type]


def add_scoring(
    project: Project,
    run: RunRow,
    shots: Sequence[Shot],
    *,
    purpose: str = "training",
    passes: int | None = None,
    weights: str = "best",
) -> int:
    """One more scoring of a training, with another number of passes or other weights where that is said."""
    place = f"runs/{run.number}/scores/{purpose}"
    settings = {} if passes is None else {"progressive": {"n": passes}}
    settings |= {} if weights == "best" else {"weights": weights_file(weights)}
    scoring = project.add_scoring(run.id, settings, purpose=purpose, folder=place)
    by_name = {shot.name: shot for shot in shots}
    rows = []
    for image in project.images():
        shot = by_name.get(image.path.stem)
        if shot is None:
            continue
        if shot.score is None:
            rows.append(NewScore(image.id, None, problem="the image is black"))
            continue
        save_png(project.folder / place / "heatmaps" / f"{image.id}.png", spot_map(shot.score))
        box = (0, 0, image.width or SIDE, image.height or SIDE)
        first = shot.score if shot.first is None else shot.first
        facts = {"score": shot.score, "peak": min(1.0, shot.score + 0.05), "first": first, "gated": first > 0.5}
        rows.append(NewScore(image.id, passes=2 if first > 0.5 else 1, ms=5.0, **facts))  # type: ignore[arg-type]
        rows.append(
            NewScore(image.id, scope="crop", name="0", box=box, heatmap=f"heatmaps/{image.id}.png", **facts)  # type: ignore[arg-type]
        )
    project.add_scores(scoring, rows)
    return scoring


def scored_project(folder: Path, shots: Sequence[Shot] | None = None) -> Project:
    """A project with one training, measured, its threshold a draft."""
    chosen = strip_of_shots() if shots is None else shots
    project = make_project(folder, chosen)
    run = add_training(project, chosen)
    evaluating.evaluate(project, run.number, decide=True)
    return project


def spot_map(score: float) -> NDArray[np.uint16]:
    """A map that is `score` where the spot is and a tenth of it elsewhere."""
    values = np.full((SIDE, SIDE), score / 10)
    values[SPOT[1] : SPOT[3], SPOT[0] : SPOT[2]] = score
    return np.rint(values * 65535).astype(np.uint16)


def _pixels(seed: int, width: int, height: int, *, spotted: bool) -> NDArray[np.uint8]:
    pixels = np.random.default_rng(seed).integers(90, 130, (height, width, 3), dtype=np.uint8)
    if spotted:
        pixels[SPOT[1] : SPOT[3], SPOT[0] : SPOT[2]] = (220, 40, 30)
    return pixels
