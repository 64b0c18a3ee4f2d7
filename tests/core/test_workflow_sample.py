"""The example project that comes with the program: small, opened in a moment, with a model that works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.project import Project
from core.reconstructions import Request
from core.workflow import evaluating
from core.workflow.reconstructing import order
from core.workflow.sample import open_sample, packed_sample, sample_folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return open_sample(tmp_path_factory.mktemp("data ä") / "example")


def test_it_is_small_and_names_no_computer() -> None:
    assert packed_sample().stat().st_size <= 8 * 2**20
    data = packed_sample().read_bytes()
    assert b"/home/" not in data and b"/root" not in data and b"\\Users\\" not in data


def test_it_opens_with_a_finished_training_and_its_figures(unpacked: Path) -> None:
    with Project.open(unpacked) as project:
        assert project.verify(images=True).is_whole
        (run,) = project.runs()
        assert run.state == "finished" and run.figures["image_auroc"] >= 0.95
        subject = evaluating.find(project, None, None)
        rows = list(evaluating.scored_rows(subject, "test"))
        assert {row.image.label for row in rows} == {"good", "defective"}
        for row in rows:
            found = subject.map(row.crops[0])
            assert found is not None and found.dtype == np.uint16
        assert all(row.image.path.is_file() for row in rows)
        again = evaluating.evaluate(project)
        assert again.as_json()["image_auroc"] == run.figures["image_auroc"]
        (view,) = project.views()
        roi = project.roi(view.id)
        assert roi is not None and roi.zones


def test_whole_lots_lie_on_one_side(unpacked: Path) -> None:
    with Project.open(unpacked, read_only=True) as project:
        assert project.straddling() == {"part": [], "lot": []}
        assert {row.split for row in project.images()} == {"train", "tuning", "test"}


def test_what_a_person_did_in_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAWSCOPE_HOME", str(tmp_path))
    file = open_sample()
    assert file.is_relative_to(tmp_path) and file.parent == sample_folder()
    with Project.open(file) as project:
        project.set_label([1], "unlabelled")
    assert open_sample() == file
    with Project.open(file) as project:
        assert project.image(1).label == "unlabelled"


def test_its_images_can_be_asked_for_pass_by_pass(unpacked: Path) -> None:
    with Project.open(unpacked, read_only=True) as project:
        row = next(iter(project.images(split="test")))
        wanted = order(project, 1, row.id, passes=2)
        assert wanted.request == Request(row.id, str(row.path), None, 2)
        assert wanted.training == project.run_by_number(1).folder
        with pytest.raises(InputError):
            order(project, 7, row.id)
