"""Making room: what is offered, what stays whatever is asked for, and that the trail tells what went."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import ProjectError
from core.imaging import save_png
from core.project import NewImage, Project
from core.project.results import NewScore, RunRow, RunState
from core.workflow import cleaning


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    path = tmp_path / "images" / "a.png"
    save_png(path, np.zeros((8, 8, 3), np.uint8))
    with Project.create(tmp_path / "work", author="AB") as made:
        made.add_images([NewImage(path, "nut", label="good", split="train")], root=path.parent)
        yield made


def trained(project: Project, state: RunState = "finished", *, product: str = "nut") -> RunRow:
    """A training with files as a worker leaves them."""
    run = project.add_run(product=product, model="prff", preset="micro")
    project.update_run(run.id, state=state)
    for name, size in (
        ("checkpoints/best.safetensors", 2000),
        ("checkpoints/kept-050.safetensors", 1000),
        ("checkpoints/last.safetensors", 9000),
        ("model.json", 100),
        ("pictures/0000010_0_map.png", 500),
        ("scores/final/heatmaps/1.png", 700),
        ("scores/final/scores.jsonl", 50),
        ("reconstructions/1_0.png", 400),
        ("cache/crops.u8", 2000),
        ("job.json", 20),
        ("metrics.jsonl", 30),
        ("events.jsonl", 30),
        ("log.txt", 10),
    ):
        path = run.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return project.run(run.id)


def heap(project: Project, key: str) -> cleaning.Heap:
    return next(one for one in cleaning.survey(project).heaps if one.key == key)


def test_everything_that_takes_room_is_listed_with_its_size(project: Project) -> None:
    trained(project)
    (project.folder / "cache" / "thumbnails").mkdir(parents=True)
    (project.folder / "cache" / "thumbnails" / "thumbnails.sqlite").write_bytes(b"t" * 300_000)
    found = {one.key: one.size for one in cleaning.survey(project).heaps}
    assert found == {
        "1/working": 2000,
        "1/resume": 9000,
        "1/reconstructions": 400,
        "1/pictures": 500,
        "1/maps": 700,
        "1/model": 3100,
        "thumbnails": 300_000,
    }
    assert cleaning.survey(project).document >= project.file.stat().st_size


def test_what_is_made_again_by_itself_goes_freely(project: Project) -> None:
    run = trained(project)
    free = {one.key for one in cleaning.survey(project).heaps if one.goes_freely}
    assert free == {"1/working", "1/resume", "1/reconstructions"}
    done = cleaning.clean(project, free)
    assert done.freed == 2000 + 9000 + 400
    assert not (run.folder / "cache").exists()
    assert not (run.folder / "checkpoints" / "last.safetensors").exists()
    assert (run.folder / "checkpoints" / "best.safetensors").exists()
    assert (run.folder / "scores" / "final" / "scores.jsonl").exists()
    assert "freed" in done.sentence()


def test_a_stopped_training_says_that_it_could_not_go_on(project: Project) -> None:
    trained(project, "stopped")
    resume = heap(project, "1/resume")
    assert resume.may_go and not resume.goes_freely
    assert "cannot go on" in resume.loss


def test_the_latest_model_of_a_product_stays(project: Project) -> None:
    first, second = trained(project), trained(project)
    assert heap(project, "1/model").may_go
    assert "latest" in heap(project, "2/model").kept
    done = cleaning.clean(project, ["1/model", "2/model"])
    assert not (first.folder / "model.json").exists()
    assert (second.folder / "model.json").exists()
    assert "stays" not in done.sentence() and "latest model of nut" in done.sentence()


def test_a_model_that_a_verdict_rests_on_stays_with_its_maps(project: Project) -> None:
    first, _ = trained(project), trained(project)
    scoring = project.add_scoring(first.id)
    project.add_scores(scoring, [NewScore(1, 0.4)])
    project.add_verdict(1, "good", run_id=first.id, scoring_id=scoring, threshold=0.3, score=0.4)
    assert "verdicts" in heap(project, "1/model").kept
    assert "verdicts" in heap(project, "1/maps").kept
    cleaning.clean(project, ["1/model", "1/maps", "1/pictures"])
    assert (first.folder / "model.json").exists()
    assert (first.folder / "scores" / "final" / "heatmaps" / "1.png").exists()
    assert not (first.folder / "pictures").exists()


def test_a_model_that_a_kept_decision_rests_on_stays_the_proposal_of_the_machine_does_not_count(
    project: Project,
) -> None:
    first, _ = trained(project), trained(project)
    decision = project.add_decision(first.id, 0.5)
    assert heap(project, "1/model").may_go
    project.set_decision_state(decision.id, "approved", reason="checked")
    assert "version 1" in heap(project, "1/model").kept
    project.set_decision_state(decision.id, "retired", reason="replaced")
    assert not heap(project, "1/model").may_go


def test_a_training_at_work_keeps_everything(project: Project) -> None:
    run = trained(project, "running")
    assert not any(one.may_go for one in cleaning.survey(project).heaps if one.number == run.number)
    before = sorted(path for path in run.folder.rglob("*"))
    done = cleaning.clean(project, [one.key for one in cleaning.survey(project).heaps])
    assert done.freed == 0 and "Nothing was removed." in done.sentence()
    assert sorted(path for path in run.folder.rglob("*")) == before


def test_the_audit_trail_tells_that_a_model_went(project: Project) -> None:
    run, _ = trained(project), trained(project)
    cleaning.clean(project, ["1/model", "1/maps", "1/pictures"])
    last = list(project.audit_rows(subject="run", subject_id=run.id))[-1]
    assert last.reason == "clean up: maps, model removed"
    assert project.run(run.id).environment["removed"] == ["maps", "model"]
    assert project.verify().is_whole


def test_older_backups_are_offered_the_newest_three_stay(project: Project) -> None:
    made = []
    for number in range(5):
        project.set_setting("step", number)
        made.append(project.backup())
    backups = heap(project, "backups")
    assert set(backups.places) == set(made[:2]) and not backups.goes_freely
    cleaning.clean(project, ["backups"])
    assert [path.exists() for path in made] == [False, False, True, True, True]


def test_annotations_and_images_are_as_they_were(project: Project) -> None:
    trained(project), trained(project)
    empty = np.zeros((8, 8), np.uint8)
    painted = empty.copy()
    painted[2:4, 2:4] = project.add_class("scratch")
    project.import_mask(1, painted)
    rows = sum(1 for _ in project.audit_rows())
    cleaning.clean(project, [one.key for one in cleaning.survey(project).heaps])
    mask = project.mask(1)
    assert mask is not None and np.array_equal(mask, painted)
    assert project.image(1).path.is_file()
    assert sum(1 for _ in project.audit_rows()) == rows + 1


def test_links_are_neither_counted_nor_followed(project: Project, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "photo.png").write_bytes(b"p" * 5000)
    run = trained(project)
    (run.folder / "reconstructions" / "link").symlink_to(precious)
    assert heap(project, "1/reconstructions").size == 400
    cleaning.clean(project, ["1/reconstructions"])
    assert (precious / "photo.png").is_file()


def test_a_project_that_is_open_for_reading_is_not_cleaned(project: Project) -> None:
    run = trained(project)
    with (
        Project.open(project.file, read_only=True) as reader,
        pytest.raises(ProjectError, match="reading only"),
    ):
        cleaning.clean(reader, ["1/working"])
    assert (run.folder / "cache" / "crops.u8").exists()


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 kB"), (640_000, "640 kB"), (12_400_000, "12.4 MB"), (999_600_000, "1.0 GB"), (3_100_000_000, "3.1 GB")],
)
def test_sizes_read_well(size: int, words: str) -> None:
    assert cleaning.size_words(size) == words
