"""Real child processes: trained, killed, orphaned, detached, full disk. Starting one costs seconds: few tests do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from core.config import preset, with_overrides
from core.errors import StorageError
from core.events import AnyEvent, Checkpoint, Done, Hello, Picture, Warn
from core.imaging import decode, save_png
from core.jobs import Job, JobSpec, ManifestRow, RunningJob, ScoreSpec, follow, worker_environment

SETTINGS = ["simulate.textures=self", "train.checkpoint_minutes=1e-9", "train.threads=1"]
OWNER = """
import sys, time
from pathlib import Path
from core.jobs import Job
running = Job(Path(sys.argv[1])).start(resume=sys.argv[2] == "resume")
if sys.argv[2] == "resume":
    running.send("detach")
print(running.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[ManifestRow]:
    """Eight small drawn images, and two files that only claim to be images."""
    folder = tmp_path_factory.mktemp("bilder ä")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(10):
        pixels = np.full((80, 100, 3), 110, np.uint8)
        cv2.rectangle(pixels, (20, 15), (80, 65), rng.integers(150, 180, 3).tolist(), -1)
        pixels = np.clip(pixels + rng.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8)
        path = folder / f"teil {number}.png"
        save_png(path, pixels)
        split = "train" if number < 6 else "tuning" if number < 8 else "test"
        rows.append(ManifestRow(number, str(path), split, "good"))  # type: ignore[arg-type]
    for number in (5, 9):
        Path(rows[number].path).write_bytes(b"\x89PNG\r\n\x1a\n torn")
    return rows


def a_job(folder: Path, rows: list[ManifestRow], *changes: str) -> Job:
    config = with_overrides(preset("prff", "micro"), [*SETTINGS, *changes])
    return Job.create(folder, JobSpec(run="1", config=config.model_dump(mode="json")), rows)


def follow_until(running: RunningJob, wanted: Callable[[AnyEvent], bool]) -> list[AnyEvent]:
    """Events up to the wanted one; the log, when the worker ends before."""
    events: list[AnyEvent] = []
    while True:
        alive = running.running
        fresh = running.poll_events()
        events += fresh
        if any(wanted(event) for event in fresh):
            return events
        if not alive:
            raise AssertionError((running.job.folder / "log.txt").read_text()[-3000:])
        time.sleep(0.02)


def checkpoint_of(step: int) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, Checkpoint) and event.kind == "last" and event.step >= step


def step_of(folder: Path) -> int:
    with safe_open(folder / "checkpoints/last.safetensors", "np") as stream:
        return int(json.loads(stream.metadata()["flawscope"])["progress"]["step"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, rows: list[ManifestRow]) -> tuple[Job, list[AnyEvent]]:
    job = a_job(tmp_path_factory.mktemp("runs") / "1", rows)
    running = job.start()
    events = follow_until(running, lambda event: isinstance(event, Done))
    assert running.wait(60) == "finished" and running.exit_code == 0
    return job, events


def test_a_training_runs_to_its_end_beside_us(trained: tuple[Job, list[AnyEvent]]) -> None:
    job, events = trained
    assert isinstance(events[0], Hello) and events[0].framework == ""
    assert job.state().status == "finished"
    assert {event.index for event in events if isinstance(event, Picture)} == {0, 1, 2, 3}
    named = [Path(event.path or "").name for event in events if isinstance(event, Warn) and event.code == "image"]
    assert named == ["teil 5.png", "teil 9.png"]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


def test_scores_say_how_every_image_was_judged(trained: tuple[Job, list[AnyEvent]]) -> None:
    folder = trained[0].folder / "scores" / "final"
    lines = [json.loads(line) for line in (folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == [6, 7, 8, 9]
    assert lines[3]["score"] is None and lines[3]["problem"]
    for line in lines[:3]:
        heatmap = decode(folder / "heatmaps" / f"{line['id']}.png")
        assert heatmap.dtype == np.uint16 and heatmap.shape == (64, 64, 3)
        assert heatmap.max() == pytest.approx(line["peak"] * 65535, abs=1)
        assert line["crops"][0]["box"] == [0, 0, 100, 80] and line["crops"][0]["areas"][0] <= 8000


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bits(
    trained: tuple[Job, list[AnyEvent]], tmp_path: Path, rows: list[ManifestRow]
) -> None:
    job = a_job(tmp_path / "runs" / "1", rows)
    running = job.start()
    follow_until(running, checkpoint_of(4))
    running.kill()
    assert running.wait(10) == "killed" and job.state().status == "interrupted"
    assert 4 <= step_of(job.folder) < 12
    again = job.start(resume=True)
    events = follow_until(again, lambda event: isinstance(event, Done))
    assert again.wait(60) == "finished"
    assert any(isinstance(event, Hello) and event.resumed for event in events)
    for file in ("checkpoints/last.safetensors", "checkpoints/best.safetensors"):
        ours, theirs = load_file(job.folder / file), load_file(trained[0].folder / file)
        assert ours.keys() == theirs.keys()
        assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []


@pytest.mark.slow
def test_an_orphan_saves_and_ends_and_a_detached_one_is_found_again(tmp_path: Path, rows: list[ManifestRow]) -> None:
    job = a_job(tmp_path / "runs" / "1", rows, "train.steps=100000")
    with Owner(job, "start") as (process, trainer):
        watch = RunningJob(job, process=trainer, tail=follow(job.folder))
        follow_until(watch, checkpoint_of(2))
        process.kill()
        trainer.wait(10)
    assert job.state().status == "interrupted" and step_of(job.folder) >= 2
    before = step_of(job.folder)
    with Owner(job, "resume") as (process, trainer):
        process.kill()
        process.wait()
        found = job.attach()
        follow_until(found, checkpoint_of(before + 2))
        assert job.state().status == "running"
        found.stop()
        assert found.wait(120) == "stopped"
    assert (job.folder / "scores/final/scores.jsonl").is_file()
    assert job.state().status == "stopped"


def test_a_model_scores_again_with_other_settings(trained: tuple[Job, list[AnyEvent]], rows: list[ManifestRow]) -> None:
    training = trained[0].folder
    folder = training / "scores" / "two"
    score = ScoreSpec(scoring="two", passes=2, gate=-1, heatmaps=False, training="../..")
    job = Job.create(folder, JobSpec(command="score", run="1", score=score), rows)
    running = job.start()
    assert running.wait(120) == "finished", (folder / "log.txt").read_text()[-2000:]
    lines = [json.loads(line) for line in (folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == list(range(10))
    assert all(line["passes"] == 2 and line["gated"] for line in lines if line["problem"] is None)
    first = json.loads((training / "scores/final/scores.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert lines[6]["first"] == pytest.approx(first["first"], abs=1e-6)


@pytest.mark.slow
def test_a_full_disk_while_saving_is_one_sentence_and_the_old_checkpoint(
    tmp_path: Path, rows: list[ManifestRow]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=26m", "tmpfs", disk], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        job = a_job(disk / "runs" / "1", rows)
        running = job.start()
        assert running.wait(120) == "failed"
        failure = running.failure()
        assert isinstance(failure, StorageError) and "disk is full" in str(failure)
        assert step_of(job.folder) == 0 and job.state().error_code == "storage"
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


class Owner:
    """A process that owns a trainer and can be killed; whatever is left at the end is killed, too."""

    def __init__(self, job: Job, how: str) -> None:
        command = [sys.executable, "-P", "-c", OWNER, str(job.folder), how]
        self.process = subprocess.Popen(command, env=worker_environment(), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.trainer = psutil.Process(int(self.process.stdout.readline()))

    def __enter__(self) -> tuple[subprocess.Popen[str], psutil.Process]:
        return self.process, self.trainer

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        if self.trainer.is_running():
            self.trainer.kill()


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_running() -> Iterator[None]:
    yield
    assert [child for child in psutil.Process().children() if "core.worker" in child.cmdline()] == []
