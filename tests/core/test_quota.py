"""Maps under a quota: the oldest go first, what figures and people rest on stays, the rest is drawn again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import reconstructions
from core.preprocess import Geometry
from core.project import Project
from core.project.results import RunRow, Scoring
from core.reconstructions import CropPasses, CropWork, Pass, Reconstruction, Request
from core.workflow import evaluating
from core.workflow.heatmaps import image_maps
from core.workflow.quota import keep_quota
from core.workflow.review import NEAR
from tests.scored import SIDE, Shot, add_scoring, add_training, make_project, spot_map

FAR = [Shot(f"far {n}", "good", "train", 0.01) for n in range(NEAR + 4)]
SHOTS = [
    *[Shot(f"tuning {n}", "good", "tuning", 0.30) for n in range(3)],
    *[Shot("rejected", "good", "train", 0.8), Shot("escape", "defective", "unused", 0.02)],
    *[Shot("test good", "good", "test", 0.01), Shot("test bad", "defective", "test", 0.9)],
    *FAR,
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two scorings of one training with a model, the older with other passes."""
    with make_project(tmp_path, SHOTS) as made:
        run = add_training(made, SHOTS)
        evaluating.evaluate(made, run.number, decide=True)
        add_scoring(made, run, SHOTS, purpose="again", passes=1)
        (run.folder / "model.json").write_text("{}")
        yield made


def left(project: Project, scoring: Scoring) -> set[str]:
    """The images that still have a heatmap."""
    names = {row.id: row.path.stem for row in project.images()}
    return {names[int(path.stem)] for path in (project.folder / scoring.folder / "heatmaps").glob("*.png")}


def size(project: Project, scoring: Scoring) -> int:
    return sum(path.stat().st_size for path in (project.folder / scoring.folder / "heatmaps").glob("*.png"))


def the_run(project: Project) -> RunRow:
    (run,) = project.runs()
    return run


def test_within_the_quota_nothing_goes(project: Project) -> None:
    old, new = project.scorings()
    assert keep_quota(project, keep=size(project, old) + size(project, new)) == 0
    assert len(left(project, old)) == len(left(project, new)) == len(SHOTS)


def test_the_oldest_scoring_goes_first_and_keeps_what_counts(project: Project) -> None:
    old, new = project.scorings()
    both = size(project, old) + size(project, new)
    freed = keep_quota(project, keep=both - 1)
    assert 0 < freed < size(project, new) / 10  # no more than had to
    assert len(left(project, new)) == len(SHOTS)
    keep_quota(project, keep=1)
    for scoring in (old, new):
        stay = left(project, scoring)
        assert {"test good", "test bad", "rejected", "escape", "tuning 0", "tuning 1", "tuning 2"} <= stay
        assert FAR[-1].name not in stay
    before = evaluating.evaluate(project, the_run(project).number)
    assert before.figures.pixel_auroc is not None and before.figures.masks == 1


def test_maps_that_cannot_be_made_again_stay(project: Project) -> None:
    (the_run(project).folder / "model.json").unlink()
    assert keep_quota(project, keep=1) == 0


def test_a_verdict_keeps_the_map_that_it_rests_on(project: Project) -> None:
    last = FAR[-1].name
    project.add_verdict(next(row.id for row in project.images() if row.path.stem == last), "good")
    keep_quota(project, keep=1)
    assert all(last in left(project, scoring) for scoring in project.scorings())


def test_reconstructions_give_way_to_heatmaps_but_for_a_quarter(project: Project, tmp_path: Path) -> None:
    run = the_run(project)
    one = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    for image in (1, 2, 3):
        noise = np.random.default_rng(image).integers(0, 255, one.shape, dtype=np.uint8)
        work = CropWork(
            Geometry((0, 0, SIDE, SIDE), SIDE), noise, noise[:1, ..., 0].astype(np.uint16), [1], [1], [1], 1
        )
        reconstructions.write(run.folder, Request(image, "x.png", passes=1), iter([work]), model="", gate=0.5)
    cached = reconstructions.size(project.folder)
    heat = sum(size(project, scoring) for scoring in project.scorings())
    keep_quota(project, keep=heat + cached // 2)
    assert sum(size(project, scoring) for scoring in project.scorings()) + reconstructions.size(project.folder) <= (
        heat + cached // 2
    )
    assert reconstructions.size(project.folder) > 0


def test_a_map_that_went_is_taken_from_the_passes(project: Project) -> None:
    run, (old, _) = the_run(project), project.scorings()
    image = next(row.id for row in project.images() if row.path.stem == "rejected")
    kept = image_maps(project, run, old, image)
    (project.folder / old.folder / "heatmaps" / f"{image}.png").unlink()
    gone = image_maps(project, run, old, image)
    assert gone.values() is None and "not kept" in gone.missing
    empty = np.zeros((SIDE, SIDE, 3), np.uint8)
    passes = tuple(Pass(empty, spot_map(score), score, score, score, True) for score in (0.4, 0.8, 0.1))
    crop = CropPasses(Geometry((0, 0, SIDE, SIDE), SIDE), empty, passes, judged=2)
    filled = gone.filled(Reconstruction(image, SIDE, 0.5, (crop,)))
    assert not filled.missing
    found, before = filled.values(), kept.values()
    assert found is not None and before is not None
    np.testing.assert_array_equal(found, before)
    assert len(filled.contours(0.5)) == len(kept.contours(0.5)) == 1
