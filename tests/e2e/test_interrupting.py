"""What a person or the system may do to a training that was started from a shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.project import Project
from tests.e2e.conftest import Trained, flawscope

_PATIENCE_S = 120.0


@pytest.fixture
def going(trained: Trained) -> Iterator[subprocess.Popen[str]]:
    """A training of five minutes, watched until it has made some steps and a checkpoint."""
    command = [str(Path(sys.executable).with_name("flawscope")), "train", "project", "--minutes", "5", "--json"]
    settings = ["--set", "preprocess.size=64", "--set", "train.checkpoint_minutes=0.02", "--set", "bn_reestimate=2"]
    process = subprocess.Popen(
        [*command, *settings], cwd=trained.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for_checkpoint(trained.project, process)
        yield process
    finally:
        process.kill()
        process.communicate()


def _latest(project: Path) -> Path:
    return max((project / "runs").iterdir(), key=lambda folder: int(folder.name))


def _wait_for_checkpoint(project: Path, process: subprocess.Popen[str]) -> None:
    before = {folder.name for folder in (project / "runs").iterdir()}
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        fresh = [folder for folder in (project / "runs").iterdir() if folder.name not in before]
        if fresh and list(fresh[0].glob("checkpoints/last*")):
            return
        time.sleep(0.1)
    raise AssertionError("no checkpoint came")


def _worker(project: Path) -> psutil.Process:
    state = json.loads((_latest(project) / "state.json").read_bytes())
    return psutil.Process(state["pid"])


@pytest.mark.slow
def test_ctrl_c_once_ends_with_a_usable_model_and_figures(trained: Trained, going: subprocess.Popen[str]) -> None:
    going.send_signal(signal.SIGINT)
    out, err = going.communicate(timeout=_PATIENCE_S)
    assert going.returncode == 0, err
    assert "Stopping" in err
    result = json.loads(out)
    assert result["state"] == "stopped"
    assert result["image_auroc"] is not None


@pytest.mark.slow
def test_a_killed_trainer_leaves_the_project_whole_and_can_go_on(
    trained: Trained, going: subprocess.Popen[str]
) -> None:
    worker = _worker(trained.project)
    os.kill(worker.pid, signal.SIGKILL)
    out, err = going.communicate(timeout=_PATIENCE_S)
    assert going.returncode == 6, err
    assert "esume" in err
    assert flawscope("audit", "verify", "project", cwd=trained.folder).code == 0
    number = int(_latest(trained.project).name)
    with Project.open(trained.project, read_only=True) as project:
        assert project.run_by_number(number).state == "interrupted"
    resumed = subprocess.Popen(
        [str(Path(sys.executable).with_name("flawscope")), "train", "project", "--resume", str(number), "--json"],
        cwd=trained.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + _PATIENCE_S
        events = _latest(trained.project) / "events.jsonl"
        while time.monotonic() < deadline and '"resumed":true' not in events.read_text():
            time.sleep(0.1)
        resumed.send_signal(signal.SIGINT)
        out, err = resumed.communicate(timeout=_PATIENCE_S)
        assert resumed.returncode == 0, err
        assert json.loads(out)["state"] == "stopped"
    finally:
        resumed.kill()
        resumed.wait()


@pytest.mark.slow
def test_a_killed_owner_takes_its_trainer_with_it(trained: Trained, going: subprocess.Popen[str]) -> None:
    worker = _worker(trained.project)
    going.kill()
    _, alive = psutil.wait_procs([worker], timeout=30)
    assert alive == []
    assert list(_latest(trained.project).glob("checkpoints/last*"))
    again = flawscope("list", "project", "--json", cwd=trained.folder)
    assert again.code == 0, again.err
    assert again.document["trainings"][-1]["state"] == "interrupted"


@pytest.mark.slow
def test_a_detached_training_is_found_again(trained: Trained) -> None:
    started = flawscope("train", "project", "--preset", "micro", "--detach", "--json", cwd=trained.folder)
    assert started.code == 0, started.err
    number = str(started.document["training"])
    followed = flawscope("follow", "project", number, "--json", cwd=trained.folder)
    assert followed.code == 0, followed.err
    assert followed.document["state"] == "finished"
    once_more = flawscope("follow", "project", number, "--json", cwd=trained.folder)
    assert once_more.document["image_auroc"] == followed.document["image_auroc"]
