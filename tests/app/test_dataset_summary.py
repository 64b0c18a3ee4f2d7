"""What the dataset page says, without a window: counts in a sentence, the tree, the next step, which scores count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.pages.dataset.reading import read_facts
from app.pages.dataset.summary import (
    Counts,
    Facts,
    Place,
    classes_of,
    count,
    next_step,
    places,
    sentence,
)
from core.imaging import save_png
from core.project import NewImage, Project
from core.project.results import NewScore, RunState
from core.project.table import ImageTable
from core.words import LABELS, SPLITS
from tests.scored import Shot, add_scoring, scored_project


def image(folder: Path, name: str, **facts: object) -> NewImage:
    path = folder / name
    seed = int.from_bytes(name.encode()[-8:], "little") % 2**31
    save_png(path, np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8))
    return NewImage(path, width=32, height=24, **facts)  # type: ignore[arg-type]


def table_of(project_file: Path) -> ImageTable:
    with Project.open(project_file) as project:
        return project.image_table()


def test_counts_are_said_in_one_sentence(project_file: Path) -> None:
    counts = count(table_of(project_file), Place("chip"))
    assert sentence(counts) == ("14 images: 8 good, 4 defective, 2 unlabelled. 6 train, 1 tuning, 5 test, 2 not used.")
    assert sentence(Counts()) == "No images yet"


def test_the_tree_leaves_out_what_says_nothing_new(project_file: Path, tmp_path: Path) -> None:
    found = [(place.words(), counts.images) for place, counts in places(table_of(project_file))]
    assert found == [
        ("chip", 14),
        ("chip > Lot lot 0", 5),
        ("chip > Lot lot 1", 5),
        ("chip > Lot lot 2", 4),
    ]
    with Project.open(project_file) as project:
        rows = [image(tmp_path / "more", f"{n}.png", product="vial", view=f"cam{n % 2}") for n in range(4)]
        project.add_images(rows, root=tmp_path / "more")
    found = [(place.words(), counts.images) for place, counts in places(table_of(project_file))]
    assert found[0] == ("All images", 18)
    assert found[-3:] == [("vial", 4), ("vial > cam0", 2), ("vial > cam1", 2)]


def test_images_that_are_gone_are_not_counted(project_file: Path) -> None:
    with Project.open(project_file) as project:
        folder = project.roots()[0].path
        kept = [row for row in project.images() if row.id > 2]
        project.add_images([NewImage(row.path, "chip") for row in kept], root=folder, complete=True)
        assert count(project.image_table(), Place("chip")).images == 12


def test_defect_classes_are_counted_largest_first(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    rows = [
        image(folder, f"{n}.png", product="nut", label="defective", defect_class="ab"[n % 3 == 0]) for n in range(7)
    ]
    with Project.create(tmp_path / "work") as project:
        project.add_images(rows, root=folder)
        assert classes_of(project.image_table(), Place("nut")) == [("a", 4), ("b", 3)]


def facts_with(project: Project, *states: RunState) -> Facts:
    for state in states:
        run = project.add_run(product="chip", model="prff", preset="micro")
        project.update_run(run.id, state=state)
    return Facts(runs=tuple(project.runs()))


@pytest.mark.parametrize(
    ("states", "key", "page"),
    [
        ((), "train", "train"),
        (("running",), "watch", "train"),
        (("failed",), "train", "train"),
        (("finished",), "review", "review"),
        (("finished", "failed"), "review", "review"),
    ],
)
def test_the_next_step_follows_the_trainings(
    project_file: Path, states: tuple[RunState, ...], key: str, page: str
) -> None:
    with Project.open(project_file) as project:
        facts = facts_with(project, *states)
        step = next_step(count(project.image_table()), facts, Place("chip"))
        assert (step.key, step.page) == (key, page)


def test_the_next_step_before_there_is_anything_to_train_on() -> None:
    def step(labels: tuple[int, int, int], splits: tuple[int, int, int, int], missing: int = 0) -> str:
        by_label = dict(zip(("good", "defective", "unlabelled"), labels, strict=True))
        by_split = dict(zip(("train", "tuning", "test", "unused"), splits, strict=True))
        counts = Counts(
            sum(labels), sum(labels), tuple(by_label[one] for one in LABELS), tuple(by_split[one] for one in SPLITS)
        )
        return next_step(counts, Facts(missing_folders=missing), Place()).key

    assert step((0, 0, 0), (0, 0, 0, 0)) == "add"
    assert step((0, 0, 9), (0, 0, 0, 9)) == "label"
    assert step((0, 9, 0), (0, 0, 0, 9)) == "add"
    assert step((9, 0, 0), (0, 0, 0, 9)) == "split"
    assert step((9, 0, 0), (7, 1, 1, 0)) == "train"
    assert step((9, 0, 0), (7, 1, 1, 0), missing=1) == "find_folder"


def test_a_lot_that_was_never_scored_is_proposed(project_file: Path, tmp_path: Path) -> None:
    with Project.open(project_file) as project:
        facts_with(project, "finished")
        scoring = project.add_scoring(project.runs()[0].id)
        project.add_scores(scoring, [NewScore(one, 0.1 * one) for one in range(8, 13)])
        project.add_decision(project.runs()[0].id, 0.9)
        rows = [image(tmp_path / "new", f"{n}.png", product="chip", lot="monday") for n in range(3)]
        project.add_images(rows, root=tmp_path / "new")
        table = project.image_table()
        facts, scored = read_facts(project, "chip", "main", table)
        assert facts.unscored_lots == ("monday",)
        assert scored.ids.tolist() == [8, 9, 10, 11, 12] and scored.threshold == 0.9
        step = next_step(count(table), facts, Place("chip"))
        assert (step.key, step.what) == ("score", {"lot": "monday", "training": 1})


def test_scores_of_other_passes_are_not_those_of_the_training(tmp_path: Path) -> None:
    with scored_project(tmp_path) as project:
        run = project.run_by_number(1)
        other = add_scoring(project, run, [Shot("good 3", "good", "test", 0.99)], purpose="again", passes=5)
        project.add_decision(run.id, 0.98, scoring_id=other)
        _, scored = read_facts(project, "nut", "main", project.image_table())
    assert scored.scores.max() == 0.9
    assert scored.threshold is not None and 0.30 < scored.threshold < 0.45
