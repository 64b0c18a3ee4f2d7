"""What tests of the Train page share: the page on a project, typing, trainings that a worker is made to have said."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.pages.train import TrainPage
from app.window import MainWindow
from core.config import preset
from core.events import (
    Epoch,
    Event,
    EventWriter,
    Hello,
    PhaseChanged,
    Picture,
    Step,
)
from core.imaging import save_png
from core.jobfiles import JobState, write_state
from core.project import Project


def train_page(qtbot: QtBot, window: MainWindow, path: Path, *, read_only: bool = False) -> TrainPage:
    window.session.memory.remember("computing_on", [socket.gethostname(), "processor, 2 threads"])
    window.session.settings.set("train.keep_awake", False)
    window.session.open(path, read_only=read_only)
    qtbot.waitUntil(lambda: window.session.is_complete, timeout=10_000)
    window.go("train")
    page = window.page
    assert isinstance(page, TrainPage)
    qtbot.waitUntil(lambda: page.setup.facts is not None, timeout=10_000)
    return page


def retype(qtbot: QtBot, field: QWidget, text: str) -> None:
    """Into a field, in place of what stands there."""
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
    qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    qtbot.keyClicks(field, text)


def states(page: TrainPage) -> dict[str, str]:
    return {check.key: check.state for check in page.setup.checklist.found}


def a_run(path: Path, state: str, *events: Event, error: str = "") -> None:
    """A training that a worker is made to have said all this of."""
    with Project.open(path) as project:
        config = preset("prff", "quick").model_dump(mode="json")
        run = project.add_run(product="chip", model="prff", preset="quick", config=config)
        project.update_run(run.id, state="running")
        project.update_run(run.id, state=state, error=error)  # type: ignore[arg-type]
    run.folder.mkdir(parents=True, exist_ok=True)
    for role in ("image", "reconstruction", "map", "mask"):
        save_png(run.folder / f"pictures/{role}.png", np.full((32, 32, 3), 90, np.uint8))
    writer = EventWriter(run.folder / "events.jsonl")
    for event in events:
        writer.write(event)  # type: ignore[arg-type]
    writer.close()
    write_state(run.folder, JobState(state))  # type: ignore[arg-type]


def some_steps(last: int = 40) -> list[Event]:
    files = {role: f"pictures/{role}.png" for role in ("image", "reconstruction", "map", "mask")}
    said: list[Event] = [Hello(run="1", command="train", pid=1, host="h", computing_on="processor, 2 threads")]
    said.append(PhaseChanged(name="training", total=last))
    for step in range(1, last + 1):
        share = step / last
        losses = {"total": 2 - share, "mse": 0.1}
        said.append(Step(step=step, steps=last, epoch=0, progress=share, lr=1e-3, losses=losses, seconds=0.1))
    said.append(Epoch(epoch=1, step=last, lr=1e-3, losses={"total": 1.0}, tuning={"total": 1.2}))
    said += [Picture(step=last, epoch=1, index=index, files=files) for index in range(4)]
    return said
