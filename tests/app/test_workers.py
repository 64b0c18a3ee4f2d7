"""Real workers under a session: queue, stop, silence, detaching, being found again. Starting one costs seconds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.dialogs.closing import ClosingDialog, ask_and_leave
from app.session import Session
from app.settings import Memory, Settings
from app.workers import Trainings
from core.config import preset
from core.errors import ConfigError, TrainingError
from core.events import Picture, Step
from core.jobfiles import weights_file
from core.jobs import Job, find_process
from core.project import Project
from core.workflow.scoring import Wish
from core.workflow.training import Order
from tests.models import make_training

QUICKLY = ("train.threads=1", "train.workers=0", "simulate.textures=self")
SHORT = Order(preset="micro", changes=QUICKLY)
LONG = Order(preset="micro", changes=(*QUICKLY, "train.steps=1000000", "train.checkpoint_minutes=0.001"))
PATIENCE = 90_000

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture
def open_session(qtbot: QtBot, own_home: Path, project_file: Path) -> Iterator[Callable[[], Session]]:
    """Opens the project in a session of its own; each is closed at the end."""
    made: list[Session] = []

    def make() -> Session:
        session = Session(Settings(own_home / "settings.json"), Memory(own_home / "memory.json"))
        session.settings.set("train.keep_awake", False)
        made.append(session)
        session.open(project_file)
        qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
        return session

    yield make
    for session in made:
        session.shut_down()
        session.settings.save()


def in_state(trainings: Trainings, number: int, *states: str) -> Callable[[], bool]:
    return lambda: trainings.state(number) in states


def beyond(trainings: Trainings, number: int, step: int) -> Callable[[], bool]:
    return lambda: (trace := trainings.trace(number)) is not None and trace.step > step


def started(qtbot: QtBot, trainings: Trainings, *orders: Order) -> tuple[int, ...]:
    with qtbot.waitSignal(trainings.ordered, timeout=20_000) as heard:
        trainings.order([("chip", "main", order) for order in orders])
    return tuple(heard.args[0])


@pytest.mark.slow
def test_a_training_is_followed_to_its_figures_and_scores_once_more(
    qtbot: QtBot, open_session: Callable[[], Session]
) -> None:
    session = open_session()
    trainings = session.trainings
    events: list[object] = []
    shares: list[float] = []
    words: list[str] = []
    trainings.heard.connect(lambda _, event: events.append(event))
    trainings.progress.connect(lambda _, share, __: shares.append(share))
    trainings.status_changed.connect(lambda word, share, finish: words.append(word))
    with qtbot.waitSignal(trainings.ended, timeout=PATIENCE) as heard:
        (number,) = started(qtbot, trainings, SHORT)
    assert heard.args[:2] == [number, "finished"]
    assert any(isinstance(event, Step) for event in events)
    assert sum(isinstance(event, Picture) for event in events) >= 4
    assert shares[-1] == 1.0
    assert "Training" in words and "Scoring" in words
    qtbot.waitUntil(lambda: trainings.run(number) is not None and trainings.run(number).state == "finished")  # type: ignore[union-attr]
    assert trainings.run(number).figures["images"] == 5  # type: ignore[union-attr]
    assert not trainings.is_busy

    with qtbot.waitSignal(trainings.scored, timeout=PATIENCE) as scored:
        trainings.score(number, Wish(splits=("test", "unused")))
    assert scored.args[0] == number
    assert session.project is not None
    assert len(session.project.scorings(trainings.run(number).id)) == 2  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: words[-1] == "")


@pytest.mark.slow
def test_pause_silence_stop_and_the_next_in_the_queue(qtbot: QtBot, open_session: Callable[[], Session]) -> None:
    session = open_session()
    trainings = session.trainings
    first, second = started(qtbot, trainings, LONG, LONG)
    assert trainings.queue == (second,)
    qtbot.waitUntil(beyond(trainings, first, 2), timeout=PATIENCE)
    trainings.pause(first)
    qtbot.waitUntil(in_state(trainings, first, "paused"), timeout=20_000)
    trainings.go_on(first)
    qtbot.waitUntil(in_state(trainings, first, "running"), timeout=20_000)

    pid = Job(trainings.run(first).folder).state().pid  # type: ignore[union-attr]
    assert pid is not None
    trainings.silence_s = 3.0
    os.kill(pid, signal.SIGSTOP)
    qtbot.waitUntil(in_state(trainings, first, "not_responding"), timeout=20_000)
    os.kill(pid, signal.SIGCONT)
    qtbot.waitUntil(in_state(trainings, first, "running"), timeout=20_000)

    trainings.stop(first)
    assert trainings.state(first) == "stopping"
    with qtbot.waitSignal(trainings.ended, timeout=PATIENCE) as heard:
        pass
    assert heard.args[:2] == [first, "stopped"]
    assert trainings.current == second
    qtbot.waitUntil(lambda: trainings.trace(second) is not None, timeout=20_000)
    with qtbot.waitSignal(trainings.ended, timeout=20_000) as heard:
        trainings.discard(second)
    assert heard.args[:2] == [second, "discarded"]
    assert not trainings.is_busy


@pytest.mark.slow
def test_a_worker_that_hangs_is_said_and_can_be_ended_while_the_window_goes_on(
    qtbot: QtBot, open_session: Callable[[], Session]
) -> None:
    session = open_session()
    trainings = session.trainings
    (number,) = started(qtbot, trainings, LONG)
    qtbot.waitUntil(beyond(trainings, number, 2), timeout=PATIENCE)
    ticks: list[int] = []
    timer = QTimer(session)
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(10)
    trainings.silence_s = 3.0
    pid = trainings._poller.workers[0].running.pid
    os.kill(pid, signal.SIGSTOP)
    qtbot.waitUntil(in_state(trainings, number, "not_responding"), timeout=20_000)
    assert len(ticks) > 30  # of about 300: nothing waits for the worker
    ticks.clear()
    with qtbot.waitSignal(trainings.ended, timeout=20_000) as heard:
        trainings.kill(number)
        qtbot.waitUntil(lambda: bool(ticks))
    assert heard.args[:2] == [number, "interrupted"]
    assert not psutil.pid_exists(pid) and not trainings.is_busy
    run = trainings.run(number)
    assert run is not None and (run.folder / weights_file("last")).is_file()


@pytest.mark.slow
def test_closing_at_a_checkpoint_then_going_on_detached_and_being_found_again(
    qtbot: QtBot, open_session: Callable[[], Session], project_file: Path
) -> None:
    session = open_session()
    (number,) = started(qtbot, session.trainings, LONG)
    trainings = session.trainings
    qtbot.waitUntil(beyond(trainings, number, 2), timeout=PATIENCE)
    reached = trainings.trace(number).step  # type: ignore[union-attr]
    QTimer.singleShot(200, lambda: press("checkpoint"))
    assert ask_and_leave(trainings)
    session.close()
    qtbot.waitUntil(lambda: session.background.is_idle, timeout=10_000)
    with Project.open(project_file) as project:
        run = project.run_by_number(number)
    assert run.state == "interrupted"
    assert find_process(Job(run.folder).state()) is None

    session = open_session()
    trainings = session.trainings
    qtbot.waitUntil(lambda: trainings.state(number) == "interrupted")
    assert trainings.current is None  # nothing starts by itself
    trainings.resume(number)
    qtbot.waitUntil(
        lambda: trainings.trace(number) is not None and trainings.trace(number).step > reached, timeout=PATIENCE
    )  # type: ignore[union-attr]
    assert len(trainings.trace(number).train["total"]) > 1  # type: ignore[union-attr]
    QTimer.singleShot(200, lambda: press("detach"))
    assert ask_and_leave(trainings)
    session.close()
    qtbot.waitUntil(lambda: session.background.is_idle, timeout=10_000)
    worker = find_process(Job(run.folder).state())
    assert worker is not None and worker.is_running()

    session = open_session()
    trainings = session.trainings
    qtbot.waitUntil(lambda: trainings.current == number, timeout=10_000)
    assert not trainings.would_end
    with qtbot.waitSignal(trainings.ended, timeout=20_000) as heard:
        worker.kill()
    assert heard.args[:2] == [number, "interrupted"]
    assert "checkpoint" in str(heard.args[2])
    psutil.wait_procs([worker], timeout=5)


def test_staying_leaves_everything_as_it_is(qtbot: QtBot, open_session: Callable[[], Session]) -> None:
    session = open_session()
    (number,) = started(qtbot, session.trainings, LONG)
    qtbot.waitUntil(lambda: session.trainings.trace(number) is not None, timeout=20_000)
    QTimer.singleShot(100, lambda: closing().stay.click())
    assert not ask_and_leave(session.trainings)
    assert session.trainings.current == number
    session.close()  # nobody asked: it still does not outlive the project
    assert not session.trainings.is_busy


def test_a_scoring_whose_worker_dies_says_what_was_kept(
    qtbot: QtBot, open_session: Callable[[], Session], project_file: Path
) -> None:
    with Project.open(project_file) as project:
        config = preset("prff", "micro").model_dump(mode="json")
        run = project.add_run(product="chip", view="main", model="prff", config=config)
        project.update_run(run.id, state="finished")
        make_training(run.folder)
    session = open_session()
    trainings = session.trainings
    trainings.score(1, Wish(splits=("test",)))
    qtbot.waitUntil(lambda: bool(trainings._poller.workers), timeout=20_000)
    with qtbot.waitSignal(trainings.scoring_failed, timeout=20_000) as heard:
        os.kill(trainings._poller.workers[0].running.pid, signal.SIGKILL)
    number, error = heard.args
    assert number == 1 and isinstance(error, TrainingError) and "ended unexpectedly" in error.what
    assert error.kept == "Training #1 and its earlier scores are as they were"
    assert error.mend == "Score the images again"
    assert not trainings.is_busy and session.project is not None and session.project.scorings() == []
    with qtbot.waitSignal(trainings.scoring_failed, timeout=20_000) as heard:
        trainings.score(1, Wish(gate=9.0))
    assert isinstance(heard.args[1], ConfigError) and "gate" in heard.args[1].what


def test_what_cannot_be_started_is_reported(qtbot: QtBot, open_session: Callable[[], Session]) -> None:
    session = open_session()
    with qtbot.waitSignal(session.problem_reported, timeout=20_000) as heard:
        session.trainings.order([("vial", "main", SHORT)])
    assert "no product or view" in str(heard.args[0])
    assert not session.trainings.is_busy
    assert ask_and_leave(session.trainings)  # nothing to ask


def closing() -> ClosingDialog:
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, ClosingDialog) and w.isVisible())


def press(name: str) -> None:
    dialog = closing()
    (dialog.go_on if name == "detach" else dialog.stop).click()
