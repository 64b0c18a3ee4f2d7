"""Several processes make one training: on loopback, for real; started by the first one or as torchrun does it."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from core.config import MODELS, TrainingConfig, preset, with_overrides
from core.errors import ConfigError, TrainingError
from core.events import AnyEvent, Done, EventTail, Failure, Hello, Step, Warn
from core.imaging import decode
from core.jobs import Job, JobSpec, ManifestRow, RunningJob, ScoreSpec, worker_environment
from core.training.averaging import Gradients
from core.training.checkpoint import load
from core.training.control import Control
from core.training.group import Group, share
from core.training.helpers import Member
from core.training.progress import LAST
from core.training.recording import read_config
from core.training.reporter import Reporter
from core.training.work import Worker
from tests.ranks import trained
from tests.tiny import a_config, kept_settings, make_rows

SETTINGS = [
    "simulate.textures=self",
    "train.steps=5",
    "train.threads=1",
    "train.batch=4",
    "train.checkpoint_minutes=1e-9",
]


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    with kept_settings():
        yield


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[ManifestRow]:
    """Six images to learn from; of the three to be scored one is none."""
    rows = make_rows(tmp_path_factory.mktemp("images"))
    Path(rows[7].path).write_bytes(b"no image")
    return rows


def a_job(folder: Path, rows: list[ManifestRow], *changes: str) -> Job:
    config = with_overrides(preset("prff", "micro"), [*SETTINGS, *changes])
    return Job.create(folder, JobSpec(run="1", config=config.model_dump(mode="json")), rows)


def work_here(job: Job) -> Done:
    """Do a job in this process, as one that was started would."""
    spec = job.spec()
    with Reporter(job.folder, run="1", command=spec.command, log=io.StringIO()) as reporter:
        done = Worker(job, spec, read_config(job, spec), reporter, Control(job.folder, detached=True)).work()
        reporter.finished(done)
    return done


def said(folder: Path) -> list[AnyEvent]:
    return EventTail(folder / "events.jsonl").drain()


def log_of(job: Job) -> str:
    return (job.folder / "log.txt").read_text()[-3000:]


def scores_of(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "ms"} for line in lines]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, rows: list[ManifestRow]) -> tuple[Job, Job]:
    """A training by two processes that the first one starts, and one by one process that adds up two halves."""
    folder = tmp_path_factory.mktemp("runs")
    jobs = a_job(folder / "two", rows, "train.devices=2"), a_job(folder / "one", rows, "train.accumulate=2")
    running = [job.start() for job in jobs]
    for one in running:
        assert one.wait(300) == "finished", log_of(one.job)
    return jobs


@pytest.fixture(scope="module")
def two(both: tuple[Job, Job]) -> Job:
    return both[0]


@pytest.mark.slow
def test_two_processes_equal_one_that_accumulates_two_halves(both: tuple[Job, Job]) -> None:
    two, one = both
    ours, theirs = load(two.folder / LAST)[0], load(one.folder / LAST)[0]
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        if name.endswith("num_batches_tracked"):
            assert (value, theirs[name]) in [(5, 10), (0, 0)]  # the statistics are those of the first process
        elif name.startswith(("model/", "optimizer/")) and "running_" not in name:
            torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-5, msg=name)
    hello = [event for event in said(two.folder) if isinstance(event, Hello)]
    assert hello[-1].computing_on == "2 × processor, 1 thread"


@pytest.mark.slow
def test_scoring_in_shards_equals_scoring_at_once(two: Job, rows: list[ManifestRow]) -> None:
    folder = two.folder / "scores" / "again"
    spec = JobSpec(command="score", run="1", score=ScoreSpec(scoring="again"), devices=1)
    work_here(Job.create(folder, spec, [row for row in rows if row.split != "train"]))
    shards, whole = scores_of(two.folder / "scores" / "final"), scores_of(folder)
    assert [line["id"] for line in shards] == [6, 7, 8] and shards[1]["problem"]
    assert not list((two.folder / "scores" / "final").glob("scores.partial*"))
    for mine, theirs in zip(shards, whole, strict=True):
        crops, others = mine.pop("crops"), theirs.pop("crops")
        assert mine.pop("areas", None) == theirs.pop("areas", None)
        assert mine == pytest.approx(theirs, abs=1e-6)
        assert [crop["areas"] for crop in crops] == [crop["areas"] for crop in others]
    for row in (6, 8):
        ours, theirs = (decode(one / "heatmaps" / f"{row}.png") for one in (two.folder / "scores" / "final", folder))
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
    named = [event.path for event in said(two.folder) if isinstance(event, Warn) and event.code == "image"]
    assert named.count(rows[7].path) == 2  # as a tuning image, and by the process that scored it


def test_images_are_shared_out_whole_and_never_one_alone() -> None:
    assert [share(8, rank, 2) for rank in range(2)] == [(0, 4), (4, 8)]
    assert [share(7, rank, 3) for rank in range(3)] == [(0, 3), (3, 5), (5, 7)]
    assert [share(3, rank, 2) for rank in range(2)] == [(0, 3), (3, 3)]
    with pytest.raises(ConfigError, match="2 computing units need at least 4 images a step"):
        a_config("train.batch=3", "train.devices=2")


def test_a_process_knows_its_place_from_what_torchrun_says() -> None:
    said = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    there = {"MASTER_ADDR": "node0", "MASTER_PORT": "29500"}
    assert Member.of(said | there) == Member(3, 4, 1, 2, launched=True)
    assert Member.of(said) == Member()  # somebody else's RANK
    with pytest.raises(TrainingError, match="not all numbers"):
        Member.of(said | there | {"RANK": "three"})
    helper = Member(1, 2, 1, 2, meeting="/tmp/x")
    assert Member.of(helper.environment()) == helper and helper.helper


class Launched:
    """Two processes started as torchrun starts them; whatever is left at the end is killed."""

    def __init__(self, what: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
        self.log = folder / "ranks.txt"
        with self.log.open("wb") as log:
            self.processes = [
                subprocess.Popen(
                    [sys.executable, "-P", "-m", "tests.ranks", what, str(folder)],
                    env={**worker_environment(), **address, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
                for rank in range(2)
            ]

    def __enter__(self) -> Launched:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def wait(self) -> list[int]:
        """Exit codes."""
        return [process.wait(300) for process in self.processes]


@pytest.mark.slow
def test_every_model_trains_in_two_processes_as_in_one(tmp_path: Path) -> None:
    with Launched("models", tmp_path) as ranks:
        assert ranks.wait() == [0, 0], ranks.log.read_text()[-3000:]
    for model in MODELS:
        ours, theirs = load(tmp_path / f"{model}.safetensors")[0], trained(model, Group(), parts=2)
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-5, msg=f"{model} {name}")


@pytest.mark.slow
def test_what_one_process_meets_all_of_them_answer(tmp_path: Path, rows: list[ManifestRow]) -> None:
    config: TrainingConfig = a_config("train.steps=8", "train.batch=8")
    job = Job.create(tmp_path / "run", JobSpec(run="1", config=config.model_dump(mode="json")), rows)
    with Launched("trouble", job.folder) as ranks:
        assert ranks.wait() == [0, 0], ranks.log.read_text()[-3000:]
    events = said(job.folder)
    codes = [event.code for event in events if isinstance(event, Warn) and event.code in ("memory", "diverged")]
    assert codes == ["memory", "diverged"]
    record = load(job.folder / LAST)[1]
    assert (record["parts"], record["devices"]) == (2, 2)
    assert record["progress"]["setbacks"] == 1 and record["progress"]["step"] == 8
    assert isinstance(events[-1], Done)


@pytest.mark.slow
def test_a_process_that_hangs_is_given_up_and_the_last_checkpoint_kept(tmp_path: Path, rows: list[ManifestRow]) -> None:
    config: TrainingConfig = a_config("train.steps=1000000", "train.batch=8")
    job = Job.create(tmp_path / "run", JobSpec(run="1", config=config.model_dump(mode="json")), rows)
    with Launched("hang", job.folder) as ranks:
        until = time.monotonic() + 120
        while not any(isinstance(event, Step) for event in said(job.folder)):
            assert time.monotonic() < until and ranks.processes[0].poll() is None, ranks.log.read_text()[-3000:]
            time.sleep(0.05)
        ranks.processes[1].send_signal(signal.SIGSTOP)
        assert ranks.processes[0].wait(60) != 0
        assert ranks.processes[1].poll() is None
    failure = said(job.folder)[-1]
    assert isinstance(failure, Failure) and failure.code == "devices"
    assert "does not answer" in failure.text and "checkpoint was kept" in failure.kept
    assert load(job.folder / LAST)[1]["progress"]["step"] >= 0


def follow_to_step(running: RunningJob, step: int) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if any(isinstance(event, Step) and event.step >= step for event in running.poll_events()):
            return
        assert running.running, log_of(running.job)
        time.sleep(0.02)
    raise AssertionError("no step came")


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_training_and_a_resume_changes_no_bit(
    two: Job, tmp_path: Path, rows: list[ManifestRow]
) -> None:
    job = a_job(tmp_path / "killed", rows, "train.devices=2", "train.steps=100000")
    running = job.start()
    follow_to_step(running, 2)
    (helper,) = psutil.Process(running.pid).children()
    os.kill(helper.pid, 9)
    assert running.wait(60) == "failed"
    failure = running.failure()
    assert isinstance(failure, TrainingError) and failure.reason == "devices"
    assert "process 2 of 2 ended: SIGKILL" in str(failure) and "checkpoint was kept" in str(failure)
    again = job.start(resume=True)
    follow_to_step(again, load(job.folder / LAST)[1]["progress"]["step"] + 1)
    (helper,) = psutil.Process(again.pid).children()
    os.kill(again.pid, 9)
    assert again.wait(60) == "interrupted"
    helper.wait(10)


@pytest.mark.slow
def test_a_stop_reaches_all_and_a_resume_goes_on_to_the_same_bits(
    two: Job, tmp_path: Path, rows: list[ManifestRow]
) -> None:
    job = a_job(tmp_path / "stopped", rows, "train.devices=2")
    running = job.start()
    follow_to_step(running, 1)
    running.send("pause")
    running.stop()
    assert running.wait(120) == "stopped", log_of(job)
    assert load(job.folder / LAST)[1]["progress"]["step"] < 5
    again = job.start(resume=True)
    assert again.wait(300) == "finished", log_of(job)
    ours, theirs = load(job.folder / LAST)[0], load(two.folder / LAST)[0]
    moved = [name for name in ours if name.startswith("model/") and not torch.equal(ours[name], theirs[name])]
    assert moved == []


def test_a_gradient_that_only_others_have_lies_in_memory_as_its_parameter_does() -> None:
    weight = nn.Parameter(torch.zeros(2, 3, 3, 3).to(memory_format=torch.channels_last))

    def from_others(flat: torch.Tensor) -> None:
        flat.copy_(torch.arange(len(flat)))

    Gradients([weight]).average(from_others)

    assert weight.grad is not None and weight.grad.stride() == weight.stride()
    assert torch.equal(weight.grad, torch.arange(54.0).reshape(2, 3, 3, 3))
