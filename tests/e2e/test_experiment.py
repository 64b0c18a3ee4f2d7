"""An experiment from a shell: stopped, gone on with, and started once more."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.experiments.planning import Options, categories, plan
from core.experiments.registry import experiment
from core.experiments.running import Runner
from core.imaging import save_png
from core.project import Project
from core.samples import draw, write_samples
from tests.e2e.conftest import flawscope

_PATIENCE_S = 120.0
_ARGUMENTS = ("experiment", "grdnet-roi", "--data", "parts", "--preset", "micro", "--epochs", "8", "--out", "out")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chip with its region, a defect outside of it, and a second category whose images are none."""
    folder = tmp_path_factory.mktemp("experiment")
    (chip,) = write_samples(folder / "parts", kinds=["flip_chip_a"], train=12, test_good=3, per_class=1)
    spoiled = draw("flip_chip_a", seed=0, index=60).image.copy()
    mask = spoiled[..., 0] * 0
    spoiled[2:12, 2:12], mask[2:12, 2:12] = (220, 30, 30), 255
    save_png(chip / "test" / "outside" / "0.png", spoiled)
    save_png(chip / "ground_truth" / "outside" / "0_mask.png", mask)
    for part in ("train/good", "test/good"):
        path = folder / "parts" / "broken" / part / "0.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no picture")
    save_png(folder / "parts" / "broken" / "roi.png", mask)
    return folder


def _runs(folder: Path, name: str) -> list[str]:
    with Project.open(folder / "out" / "projects" / name, read_only=True) as project:
        return [run.state for run in project.runs()]


def _interrupted(folder: Path) -> tuple[int, str]:
    """Start, wait for the first checkpoint, press Ctrl+C once."""
    command = [str(Path(sys.executable).with_name("flawscope")), *_ARGUMENTS]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not list((folder / "out").glob("projects/*/runs/*/checkpoints/last*")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=_PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, said


@pytest.mark.slow
def test_an_experiment_goes_on_where_it_was_stopped_and_repeats_nothing(folder: Path) -> None:
    code, said = _interrupted(folder)
    assert code == 130, said
    assert "the same command goes on from here" in said
    page = folder / "out" / "grdnet-roi" / "index.html"
    assert "0 of 4 trainings are done; it was stopped" in page.read_text()
    assert "stopped" in _runs(folder, "flip_chip_a") + _runs(folder, "broken")

    ended = flawscope(*_ARGUMENTS, "--figures", "--json", cwd=folder)
    assert ended.code == 0, ended.err
    document = ended.document
    assert (document["planned"], document["done"], document["repeated"]) == (4, 2, 0)
    assert [one["task"] for one in document["failed"]] == [
        "broken · without region · seed 0",
        "broken · with region · seed 0",
    ]
    assert _runs(folder, "flip_chip_a") == _runs(folder, "flip_chip_a-region") == ["finished"]
    with (folder / "out" / "grdnet-roi" / "results.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {(row["setting"], row["category"], row["seed"]) for row in rows} == {
        ("without region", "flip_chip_a", "0"),
        ("with region", "flip_chip_a", "0"),
    }
    assert {row["metric"] for row in rows} == {
        *("inside_image_auroc", "inside_pixel_auroc", "inside_escapes", "outside_flagged")
    }
    text = page.read_text()
    for words in (
        "Not the published schedule: preset micro, 8 epochs at 64 px",
        "2 of 4 trainings",
        "n = 2",
        "Focal loss",
    ):
        assert words in text, words
    named = [part.split('"')[0] for part in text.split('<img src="')[1:]]
    assert len(named) >= 4 * 4 and all((page.parent / name).is_file() for name in named)

    again = flawscope(*_ARGUMENTS, "--json", cwd=folder).document
    assert (again["done"], again["repeated"]) == (2, 2)
    assert again["rows"] == document["rows"]
    assert _runs(folder, "flip_chip_a") == ["finished"]


def test_experiments_are_listed_and_what_is_missing_is_said(tmp_path: Path) -> None:
    listed = flawscope("experiment", "--json", cwd=tmp_path)
    assert listed.code == 0, listed.err
    assert [one["name"] for one in listed.document][:2] == ["prff-table3", "prff-table4"]
    ended = flawscope("experiment", "prff-table3", cwd=tmp_path)
    assert (ended.code, "--data DIR" in ended.err) == (3, True)


@pytest.mark.slow
def test_a_training_is_read_at_its_milestones(folder: Path) -> None:
    """The models that are kept on the way are scored, once, and give a column each."""
    whole = experiment("grdnet-epochs")
    draem = whole.settings[0]
    one = replace(whole, settings=(replace(draem, kept=(draem.kept[0], draem.kept[-1])),))
    options = Options(preset="micro", categories=("flip_chip_a",))
    said: list[str] = []
    for _ in range(2):
        tasks = plan(one, categories(folder / "parts", options), options)
        runner = Runner(one, options, folder / "parts", folder / "milestones", lambda job: job.wait(), said.append)
        outcome = runner.run(tasks)
        assert not outcome.failed and {row.setting for row in outcome.rows} == {"DRAEM, 10 epochs", "DRAEM, 200 epochs"}
    assert outcome.repeated == 1 and [line.split(" ")[0] for line in said].count("Scoring") == 2
    early, late = outcome.arms
    with Project.open(early.project, read_only=True) as project:
        (run,) = project.runs()
        names = {path.stem for path in (run.folder / "checkpoints").iterdir()}
        assert names == {"best", "last", "kept-050", "kept-1000"}
        scores = [[one.score for one in project.scores(arm.scoring)] for arm in (early, late)]
    assert len(scores[0]) == len(scores[1]) > 4 and scores[0] != scores[1]
