"""The worker that rebuilds images for Review: real child processes, a real (untrained) model."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.config import preset
from core.errors import ImageError, TrainingError
from core.imaging import load_rgb8, save_png
from core.jobs import worker_environment
from core.preprocess import Preprocessor
from core.reconstructions import Request, read
from core.workflow.reconstructing import Answer, Reconstructor
from tests.models import make_training

OWNER = """
import sys, time
from pathlib import Path
from core.workflow.reconstructing import Reconstructor
from core.reconstructions import Request
child = Reconstructor(Path(sys.argv[1]))
child.ask(Request(1, sys.argv[2]))
while not child.poll():
    time.sleep(0.02)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training(tmp_path_factory.mktemp("projekt ü") / "runs" / "3", "preprocess.crop=roi")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bilder") / "teil 1.png"
    save_png(path, np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def child(training: Path) -> Iterator[Reconstructor]:
    made = Reconstructor(training)
    yield made
    made.close()


def answers(child: Reconstructor, count: int, seconds: float = 90) -> list[Answer]:
    found: list[Answer] = []
    wait(lambda: found.extend(child.poll()) or len(found) >= count, seconds)
    return found


def wait(done: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.02)


def test_an_image_is_rebuilt_pass_by_pass(child: Reconstructor, training: Path, picture: Path) -> None:
    request = Request(11, str(picture), ((0, 0, 60, 90), (60, 0, 120, 90)), 3)
    child.ask(request)
    assert child.busy and child.alive
    (answer,) = answers(child, 1)
    assert answer == Answer(request) and child.ready and not child.busy
    found = read(training, request)
    assert found is not None and len(found.crops) == 2
    preprocessor = Preprocessor(preset("prff", "micro").preprocess)
    for crop, box in zip(found.crops, request.boxes or (), strict=True):
        assert crop.geometry.box == box and len(crop.passes) == 3
        assert np.array_equal(crop.given, preprocessor.image(load_rgb8(picture), crop.geometry))
        assert all(one.map.shape == (64, 64) and 0 <= one.score <= one.peak <= 1 for one in crop.passes)
        assert [int(one.map.max()) for one in crop.passes] == [
            pytest.approx(one.peak * 65535, abs=1) for one in crop.passes
        ]


def test_one_bad_image_is_one_answer_and_the_newest_request_comes_first(
    child: Reconstructor, picture: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"\x89PNG\r\n\x1a\n torn")
    for image, path in ((1, picture), (2, picture), (3, torn), (4, picture)):
        child.ask(Request(image, str(path), passes=1))
    found = answers(child, 4)
    assert [answer.request.image for answer in found] == [1, 4, 3, 2]
    error = found[2].error
    assert isinstance(error, ImageError) and error.path == torn and "torn.png" in str(error)
    assert [answer.error is None for answer in found] == [True, True, False, True]
    pid = child.pid
    child.ask(Request(1, str(picture), passes=2))
    assert answers(child, 1)[0].error is None and child.pid == pid


@pytest.mark.slow
def test_many_requests_leave_the_last_ones(child: Reconstructor, picture: Path) -> None:
    for image in range(1, 31):
        child.ask(Request(image, str(picture), passes=1))
    found = answers(child, 9)
    assert [answer.request.image for answer in found] == [1, 30, 29, 28, 27, 26, 25, 24, 23]
    assert not child.busy


@pytest.mark.slow
def test_a_killed_worker_is_started_once_more(child: Reconstructor, picture: Path) -> None:
    assert child.pid is not None
    killed = child.pid
    psutil.Process(killed).suspend()  # so that it cannot answer before it is killed
    child.ask(Request(32, str(picture), passes=1))
    psutil.Process(killed).kill()
    (answer,) = answers(child, 1)
    assert answer.error is None and answer.request.image == 32 and child.pid != killed


@pytest.mark.slow
def test_an_idle_worker_ends(training: Path, picture: Path) -> None:
    child = Reconstructor(training, idle_s=0.2)
    child.ask(Request(21, str(picture), passes=1))
    answers(child, 1)
    pid = child.pid
    assert pid is not None
    wait(lambda: bool(child.poll()) or not child.alive)
    assert not psutil.pid_exists(pid) and not child.ready


@pytest.mark.slow
def test_an_image_that_takes_too_long_is_given_up(training: Path, picture: Path) -> None:
    child = Reconstructor(training, patience_s=0.1)
    child.ask(Request(41, str(picture)))
    (answer,) = answers(child, 1)
    assert isinstance(answer.error, TrainingError) and answer.error.reason == "patience" and not child.alive


def test_a_training_without_a_model_says_so(tmp_path: Path, picture: Path) -> None:
    child = Reconstructor(tmp_path / "runs" / "1")
    child.ask(Request(1, str(picture)))
    (answer,) = answers(child, 1)
    assert isinstance(answer.error, TrainingError) and answer.error.reason == "no_model"
    assert "no model yet" in str(answer.error) and "Finish" in answer.error.mend
    child.close()


def test_closing_leaves_no_process(training: Path, picture: Path) -> None:
    child = Reconstructor(training)
    child.warm()
    pid = child.pid
    assert pid is not None and psutil.pid_exists(pid)
    child.ask(Request(1, str(picture)))
    child.close()
    assert not psutil.pid_exists(pid) and not child.busy and not child.poll()


@pytest.mark.slow
def test_a_worker_ends_with_its_owner(training: Path, picture: Path) -> None:
    command = [sys.executable, "-P", "-c", OWNER, str(training), str(picture)]
    with subprocess.Popen(command, env=worker_environment(), stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        worker = psutil.Process(int(owner.stdout.readline()))
        assert worker.is_running()
        owner.kill()
    worker.wait(10)


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_running() -> Iterator[None]:
    yield
    assert [child for child in psutil.Process().children() if "core.worker" in child.cmdline()] == []
