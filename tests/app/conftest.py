"""What window tests share: a home of their own, a project of real images, and a watch over what is left behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.collector import GarbageCollector
from app.gui import build
from app.session import Session
from app.settings import Memory, Settings
from app.window import MainWindow
from core.imaging import save_png
from core.project import NewImage, Project
from tests.app.desk import Desk, DeskOpener

WindowMaker = Callable[[], MainWindow]


_PATIENCE_MS = 30_000


class PatientBot(QtBot):
    """Waits longer than 5 s before it gives up: a machine that is busy elsewhere is no failure."""

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = _PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = _PATIENCE_MS, **wishes: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **wishes)


@pytest.fixture(scope="session", autouse=True)
def collector(qapp: QApplication) -> GarbageCollector:
    """Garbage is collected on the GUI thread only, as in the program."""
    return GarbageCollector(qapp)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> PatientBot:
    """pytest-qt's robot, with patience."""
    return PatientBot(request)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings and remembered places of a test are its own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FLAWSCOPE_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """A thread, process, timer or window that outlives its test fails that test, and says what it is."""
    threads = set(threading.enumerate())
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    for widget in QApplication.topLevelWidgets():
        if not widget.isVisible() and widget.parent() is None:
            widget.deleteLater()
    gc.collect()
    qapp.sendPostedEvents(None, 52)  # DeferredDelete: what asked to be deleted is
    shown = [repr(widget) for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    assert not shown, f"windows left open: {shown}"
    left = [thread.name for thread in threading.enumerate() if thread not in threads and thread.is_alive()]
    assert not left, f"threads left running: {left}"
    alive = [child for child in psutil.Process().children(recursive=True) if child.pid not in children]
    assert not alive, f"processes left running: {[child.cmdline() for child in alive]}"
    ticking = [timer.parent() for timer in qapp.findChildren(QTimer) if timer.isActive() and timer.parent() is not None]
    assert not ticking, f"timers left running: {ticking}"


@pytest.fixture
def session(qtbot: QtBot, own_home: Path) -> Iterator[Session]:
    """A session without a window."""
    made = Session(Settings(own_home / "settings.json"), Memory(own_home / "memory.json"))
    yield made
    made.shut_down()
    made.settings.save()
    made.memory.save()


@pytest.fixture
def window_maker(qtbot: QtBot, qapp: QApplication) -> Iterator[WindowMaker]:
    """Makes the real main window; closes each at the end."""
    made: list[MainWindow] = []

    def make() -> MainWindow:
        window = build(qapp)
        window.resize(1280, 800)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        made.append(window)
        return window

    yield make
    for window in made:
        if "trainings" in vars(window.session):  # a test that failed half-way: closing would ask, nobody would answer
            window.session.trainings.close()
        window.close()
        window.deleteLater()


@pytest.fixture
def open_desk(qtbot: QtBot, session: Session) -> Iterator[DeskOpener]:
    """Opens a project, read to its end, on the page Annotate; AB works."""
    made: list[Desk] = []

    def make(file: Path) -> Desk:
        session.settings.set("work.initials", "AB")
        session.open(file)
        qtbot.waitUntil(lambda: session.is_complete)
        made.append(Desk(qtbot, session))
        return made[-1]

    yield make
    for desk in made:
        desk.page.leave()  # before anything waits: the window goes with the next turn of the event loop
        desk.window.close()


@pytest.fixture
def project_file(tmp_path: Path) -> Path:
    """A project of twelve small pictures in three lots: eight good, four defective (two unlabelled beside them)."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(14):
        path = tmp_path / "pictures" / f"part {number:02}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = rng.integers(90, 130, (48, 64, 3), dtype=np.uint8)
        if 8 <= number < 12:
            pixels[20:28, 30:44] = (220, 40, 30)
        save_png(path, pixels)
        label = "good" if number < 8 else "defective" if number < 12 else "unlabelled"
        split = "train" if number < 6 else "tuning" if number < 7 else "test" if number < 12 else "unused"
        rows.append(
            NewImage(
                path, "chip", label=label, split=split, part=f"p{number}", lot=f"lot {number % 3}", width=64, height=48
            )
        )
    with Project.create(tmp_path / "work", "work", author="test") as project:
        project.add_images(rows, root=tmp_path / "pictures")
        return project.file
