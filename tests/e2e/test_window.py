"""The main job in the real window: `main()`, real clicks and keys, a real worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from app.dialogs.import_assistant import ImportAssistant
from app.pages.dataset import DatasetPage
from app.pages.review import ReviewPage
from app.pages.train import TrainPage
from app.window import MainWindow
from core.project import Project
from core.samples import write_samples
from tests.e2e.driver import Condition, button, click, play_main, press

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of its own, without waiting for what this computer computes on."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("FLAWSCOPE_HOME", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # a tiny training is done sooner by one thread than by two that wait
    (folder / "memory.json").write_text(json.dumps({"computing_on": [socket.gethostname(), "processor, 1 thread"]}))
    (folder / "settings.json").write_text(json.dumps({"train.keep_awake": False, "work.initials": "AB"}))
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Twelve good chips to learn from, nine to test, one file that is no image any more."""
    folder = tmp_path / "Prüfung 检" / "chips"
    write_samples(folder, kinds=["flip_chip_a"], train=12, test_good=4, per_class=1)
    broken = next((folder / "flip_chip_a" / "train" / "good").glob("*.png"))
    broken.with_name("torn.png").write_bytes(broken.read_bytes()[:900])
    return folder


def assistant(window: MainWindow) -> ImportAssistant | None:
    found = [one for one in window.findChildren(ImportAssistant) if one.isVisible()]
    return found[0] if found else None


def train_tiny(window: MainWindow) -> Iterator[Condition]:
    """From the rail to a started training of the smallest preset."""
    click(window._rail.button("train"))
    yield lambda: isinstance(window.page, TrainPage) and window.page.setup.facts is not None
    page = window.page
    assert isinstance(page, TrainPage)
    click(button(page, "Details"))
    click(button(page, "Trial"))
    yield page.setup.button.isEnabled
    click(page.setup.button)
    yield lambda: window.session.trainings.current is not None


def test_from_a_folder_to_a_verdict(tmp_path: Path, parts: Path, home: Path) -> None:
    """Open, import, look, train, review, say what is wrong, close: what a person did is in the project."""
    seen: dict[str, object] = {}

    def play(window: MainWindow) -> Iterator[Condition]:
        session = window.session
        yield lambda: assistant(window) is not None and assistant(window).go.isEnabled()  # type: ignore[union-attr]
        dialog = assistant(window)
        assert dialog is not None
        seen["sentence"] = dialog.title.text()
        click(dialog.go)
        yield lambda: session.is_complete and session.project is not None
        seen["project"] = session.project.file if session.project else None
        yield lambda: isinstance(window.page, DatasetPage)
        yield lambda: "Problems" in button(window, "problems").text()
        seen["problems"] = len(session.project.problems()) if session.project else 0
        yield from train_tiny(window)
        yield lambda: session.trainings.current is None and not session.trainings.is_busy
        click(window._rail.button("review"))
        yield lambda: isinstance(window.page, ReviewPage) and window.page.review.table is not None
        page = window.page
        assert isinstance(page, ReviewPage)
        page.review.set_kind("all")
        yield lambda: page.review.reviewed()[1] == 9
        canvas = page.queue.list
        window.activateWindow()
        yield window.isActiveWindow
        canvas.setFocus()
        yield canvas.hasFocus
        first = page.review.position
        press(canvas, Qt.Key.Key_K)
        yield lambda: page.review.reviewed()[0] == 1
        yield lambda: page.review.position != first
        press(canvas, Qt.Key.Key_J)
        yield lambda: page.review.reviewed()[0] == 2
        press(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        yield lambda: page.review.reviewed()[0] == 1
        window.close()

    code = play_main(play, "gui", str(parts), patience=90, picture=tmp_path / "stuck.png")
    assert code == 0
    assert "MVTec" in str(seen["sentence"])
    assert seen["problems"] == 1
    with Project.open(Path(str(seen["project"]))) as project:
        assert project.crashed is None
        (run,) = project.runs()
        assert run.state == "finished"
        assert run.figures["images"] == 9
        (verdict,) = project.verdicts()
        assert (verdict.verdict, verdict.who) == ("defective", "AB")
        assert verdict.run_id == run.id and verdict.score is not None and verdict.threshold is not None
        assert project.verify().is_whole


@pytest.mark.slow
def test_a_killed_window_leaves_a_whole_project_and_no_worker(tmp_path: Path, parts: Path, home: Path) -> None:
    """SIGKILL while it trains: the worker notices, checkpoints and ends; the next window can go on."""
    code = (
        "import sys; from pathlib import Path;"
        "from tests.e2e.test_window import start_and_wait; from tests.e2e.driver import play_main;"
        "play_main(start_and_wait, 'gui', sys.argv[1], patience=90, picture=Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(parts), str(tmp_path / "stuck.png")]
    root = Path(__file__).resolve().parents[2]
    window = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert window.stdout is not None
    project_file = Path(window.stdout.readline().strip())
    assert project_file.is_file(), f"the window ended: {window.poll()}"
    workers = [one for one in psutil.Process(window.pid).children(recursive=True) if "core.worker" in one.cmdline()]
    assert len(workers) == 1
    window.send_signal(signal.SIGKILL)
    window.wait()
    killed = time.monotonic()
    psutil.wait_procs(workers, timeout=15)
    assert not workers[0].is_running(), f"the worker still runs {time.monotonic() - killed:.0f} s after its owner"
    with Project.open(project_file) as project:
        assert project.crashed is not None
        assert project.verify().is_whole
        (run,) = project.runs()
        assert list((run.folder / "checkpoints").glob("last*"))

    seen: dict[str, object] = {}

    def play(again: MainWindow) -> Iterator[Condition]:
        trainings = again.session.trainings
        yield lambda: again.session.is_complete
        click(again._rail.button("train"))
        yield lambda: isinstance(again.page, TrainPage) and trainings.state(run.number) == "interrupted"
        page = again.page
        assert isinstance(page, TrainPage)
        page.show_training(run.number)
        yield lambda: page.watch.head.button("resume").isVisible()
        click(page.watch.head.button("resume"))
        yield lambda: (trace := trainings.trace(run.number)) is not None and trace.step > 1
        click(page.watch.head.button("stop"))
        yield lambda: trainings.state(run.number) == "stopped" and not trainings.is_busy
        seen["headline"] = page.watch.head.headline
        again.close()

    assert play_main(play, "gui", str(project_file), patience=90, picture=tmp_path / "stuck.png") == 0
    with Project.open(project_file) as project:
        assert project.run_by_number(run.number).state == "stopped"
        assert project.run_by_number(run.number).figures["images"] == 9


def start_and_wait(window: MainWindow) -> Iterator[Condition]:
    """Import, start a long training, say where the project is, and wait to be killed."""
    session = window.session
    yield lambda: assistant(window) is not None and assistant(window).go.isEnabled()  # type: ignore[union-attr]
    dialog = assistant(window)
    assert dialog is not None
    click(dialog.go)
    yield lambda: session.is_complete and session.project is not None
    click(window._rail.button("train"))
    yield lambda: isinstance(window.page, TrainPage) and window.page.setup.facts is not None
    page = window.page
    assert isinstance(page, TrainPage)
    click(button(page, "Details"))
    click(button(page, "Trial"))
    page.setup.draft.set("train.steps", "100000")
    yield page.setup.button.isEnabled
    click(page.setup.button)
    trainings = session.trainings
    yield lambda: trainings.current is not None
    yield lambda: (trace := trainings.trace(trainings.current or 0)) is not None and trace.step > 1
    assert session.project is not None
    sys.stdout.write(f"{session.project.file}\n")
    sys.stdout.flush()
    yield lambda: False


def test_a_project_that_was_moved_finds_its_images_again(tmp_path: Path, parts: Path, home: Path) -> None:
    """Moved as one folder, the images are where they were told; moved apart, the window says so and mends it."""
    from core.workflow.importing import Choice, import_folder

    import_folder(parts, tmp_path / "work", Choice())
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "work").rename(moved / "work")
    parts.rename(moved / "chips")
    found: list[int] = []

    def play(window: MainWindow) -> Iterator[Condition]:
        yield lambda: window.session.is_complete and isinstance(window.page, DatasetPage)
        project = window.session.project
        assert project is not None
        assert not any(root.is_there for root in project.roots())
        yield lambda: [one for one in window.findChildren(QWidget, "finding folder_missing") if one.isVisible()]
        (line,) = window.findChildren(QWidget, "finding folder_missing")
        click(button(line, "…"))
        yield lambda: window.findChildren(QFileDialog)
        (dialog,) = window.findChildren(QFileDialog)
        dialog.fileSelected.emit(str(moved / "chips"))
        dialog.close()
        yield lambda: all(root.is_there for root in project.roots())
        yield lambda: not [one for one in window.findChildren(QWidget, "finding folder_missing") if one.isVisible()]
        found.append(len(project.roots()))
        window.close()

    play_main(play, "gui", str(moved / "work"), patience=60, picture=tmp_path / "stuck.png")
    assert found == [1]
    with Project.open(moved / "work") as project:
        assert all(row.path.is_file() for row in project.images(present_only=True))
