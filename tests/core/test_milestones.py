"""Models that are kept on the way through a training: written once, the same after a stop, scored like others."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.config import preset, with_overrides
from core.errors import ConfigError, InputError
from core.events import Checkpoint
from core.jobfiles import ScoreSpec, kept_name, weights_file
from core.jobs import Job, JobSpec, ManifestRow
from core.models.base import Batch
from core.training.checkpoint import read_record
from core.training.control import Control
from core.training.judge import OwnerGone
from core.training.reporter import Reporter
from core.training.work import Worker
from core.workflow import evaluating, review, scoring
from core.workflow.deciding import differs
from core.workflow.reconstructing import order
from tests.scored import Shot, add_scoring, add_training, make_project
from tests.tiny import Run, TinyRecipe, a_config, kept_settings, make_rows, same

MILESTONES = "train.keep_at=0.25,0.5,1.0"
NAMES = ("kept-250", "kept-500", "kept-1000")


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    with kept_settings():
        yield


@pytest.fixture
def rows(tmp_path: Path) -> list[ManifestRow]:
    return make_rows(tmp_path)


@pytest.fixture
def whole(tmp_path: Path, rows: list[ManifestRow]) -> Run:
    run = Run(tmp_path / "whole", rows, a_config(MILESTONES))
    run.go()
    return run


def kept(run: Run) -> list[tuple[int, str]]:
    return [(one.step, one.file) for one in run.events if isinstance(one, Checkpoint) and one.kind == "kept"]


def test_the_model_is_kept_at_its_shares_of_the_length(whole: Run, tmp_path: Path, rows: list[ManifestRow]) -> None:
    assert kept(whole) == [
        (3, weights_file("kept-250")),
        (6, weights_file("kept-500")),
        (12, weights_file("kept-1000")),
    ]
    record = read_record(whole.job.folder / weights_file("kept-500"))
    assert (record["kind"], record["step"], record["epoch"]) == ("kept", 6, 2) and record["tuning"]["total"] > 0
    halves = [whole.weights(weights_file(name)) for name in NAMES[:2]]
    assert not same(*halves)
    plain = Run(tmp_path / "plain", rows, a_config())
    plain.go()
    assert same(plain.weights(), whole.weights())  # keeping changes nothing of what is learnt
    assert not list((plain.job.folder / "checkpoints").glob("kept*"))


@pytest.mark.parametrize("step", [3, 4, 6])
def test_a_stop_on_the_way_keeps_the_same_models_once(
    whole: Run, tmp_path: Path, rows: list[ManifestRow], step: int
) -> None:
    run = Run(tmp_path / "run", rows, a_config(MILESTONES))

    def leave(call: int, _: Batch) -> None:
        if call == step:
            run.control.owner_gone = True

    with pytest.raises(OwnerGone):
        run.go(leave)
    run.control = Control(run.job.folder, detached=True)
    run.go(resume=True)
    assert kept(run) == kept(whole)
    for name in NAMES:
        assert same(run.weights(weights_file(name)), whole.weights(weights_file(name)))


def test_a_stopped_training_has_only_what_it_reached_and_may_be_asked_for_more(
    tmp_path: Path, rows: list[ManifestRow]
) -> None:
    run = Run(tmp_path / "run", rows, a_config("train.keep_at=0.25,1.0"))
    run.go(lambda call, _: run.control.hear("stop") if call == 5 else None)
    assert [file for _, file in kept(run)] == [weights_file("kept-250")]
    run.config = a_config("train.keep_at=0.1,0.5,1.0")  # the first of these has passed unkept
    run.control = Control(run.job.folder, detached=True)
    run.go(resume=True)
    assert [step for step, _ in kept(run)] == [3, 6, 12]


def _scored(run: Run, name: str) -> list[float]:
    spec = ScoreSpec(scoring=name, training="../..", weights=name)
    job = Job.create(
        run.job.folder / "scores" / name, JobSpec(command="score", run="1", score=spec), list(run.job.manifest())
    )
    control = Control(job.folder, detached=True)
    with Reporter(job.folder, run="1", command="score", log=io.StringIO()) as reporter:
        Worker(job, job.spec(), run.config, reporter, control, TinyRecipe).score()
    settings = json.loads((job.folder / "settings.json").read_bytes())
    assert Path(settings["weights"]).name == f"{name}.safetensors" and settings["trained"]["kind"] in ("kept", "best")
    lines = (job.folder / "scores.jsonl").read_text().splitlines()
    return [json.loads(line)["score"] for line in lines]


def test_scores_are_of_the_weights_that_were_asked_for(whole: Run) -> None:
    early, late, best = (_scored(whole, name) for name in ("kept-250", "kept-1000", "best"))
    assert len(early) == 9 and early != late
    final = (whole.job.folder / "scores/final/scores.jsonl").read_text().splitlines()
    assert best[-3:] == [json.loads(line)["score"] for line in final]


@pytest.mark.parametrize("shares", ["0.5,0.2", "0,0.5", "0.5,1.2", "0.5,0.5001", "0.0001"])
def test_shares_that_cannot_be_told_apart_are_refused(shares: str) -> None:
    with pytest.raises(ConfigError, match="rising shares"):
        with_overrides(preset("prff", "micro"), [f"train.keep_at={shares}"])


def test_names_are_per_mille() -> None:
    assert [kept_name(share) for share in (0.05, 0.175, 1.0)] == ["kept-050", "kept-175", "kept-1000"]
    with pytest.raises(ValidationError):
        ScoreSpec(weights="../best")


def test_a_scoring_with_other_weights_stands_for_itself(tmp_path: Path) -> None:
    shots = [Shot(f"tuning {n}", "good", "tuning", 0.30) for n in range(3)]
    shots += [Shot("good", "good", "test", 0.01), Shot("bad", "defective", "test", 0.9)]
    with make_project(tmp_path, shots) as project:
        run = add_training(project, shots)
        own = evaluating.evaluate(project, run.number, decide=True)
        other = add_scoring(project, run, shots, purpose="again", weights="kept-050")
        evaluating.evaluate(project, run.number, other)
        (run.folder / "model.json").write_text("{}")
        (run.folder / "checkpoints").mkdir(exist_ok=True)
        (run.folder / weights_file("kept-050")).write_bytes(b"")
        found = {one.id: differs(run, one) for one in project.scorings()}
        assert found == {own.scoring: {}, other: {"weights": "kept-050"}}
        assert review.load(project).scoring.id == own.scoring
        with pytest.raises(InputError, match="kept-050"):
            order(project, run.number, 1, scoring=other)
        with pytest.raises(InputError, match="There are kept-050"):
            scoring.start(project, run.number, scoring.Wish(weights="kept-070"))
