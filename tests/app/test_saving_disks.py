"""Painting on disks that break, fill up or turn read-only: said once, kept, stored when the disk is well again.

And in a project that another window has.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.pages.annotate import AnnotatePage
from app.pages.annotate.unsaved import UnsavedBanner
from app.session import Session
from app.window import MainWindow
from core.annotation.masks import Delta
from core.files import sync_files
from core.project import Project
from core.workflow import rescue
from core.workflow.painting import FreshStroke
from tests import disks
from tests.app.conftest import WindowMaker
from tests.app.desk import DeskOpener
from tests.app.test_saving import answer, banner, labels
from tests.disks import BreakingDisk
from tests.faulty_files import LOOKING, Fault, faults_of_sqlite


@dataclass
class Told:
    """What was said: why strokes cannot be saved, and errors of any other kind."""

    failed: list[Exception] = field(default_factory=list)
    reported: list[Exception] = field(default_factory=list)

    @classmethod
    def by(cls, session: Session) -> Told:
        told = cls()
        session.strokes.failed.connect(told.failed.append)
        session.problem_reported.connect(told.reported.append)
        return told


@pytest.fixture
def marked(session: Session, project_file: Path) -> Path:
    """A project with a class, and somebody at work."""
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack")
    session.settings.set("work.initials", "AB")
    return project_file


@pytest.fixture
def faulty() -> Iterator[Fault]:
    with faults_of_sqlite() as fault:
        yield fault


@pytest.fixture
def own_disks() -> Iterator[Path]:
    with disks.own_folder() as folder:
        yield folder


def moved(file: Path, place: Path) -> Path:
    """The project and its pictures on another disk, and really there."""
    shutil.copytree(file.parent.parent / "pictures", place / "pictures")
    folder = shutil.copytree(file.parent, place / "work")
    sync_files(path for path in place.rglob("*") if path.is_file())
    return folder / file.name


def waiting_files() -> list[Path]:
    return sorted(rescue.rescue_folder().rglob("*.flawrescue*"))


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for good"])
def test_every_file_operation_may_fail_under_a_stroke(
    qtbot: QtBot, session: Session, marked: Path, faulty: Fault, open_desk: DeskOpener, lasts: bool
) -> None:
    desk = open_desk(marked).go_to(9).take_brush()
    saver, told = session.strokes, Told.by(session)
    number, total = 0, 1
    while number < total:
        number += 1
        told.failed.clear()
        faulty.fail(number, lasts=lasts, spares=LOOKING)
        button = Qt.MouseButton.LeftButton if number % 2 else Qt.MouseButton.RightButton
        desk.drag((20, 20), (20 + number % 9, 24), button=button)
        desk.settled()
        total = max(total, faulty.count + 1)
        assert len(told.failed) <= 1 and banner(desk).isVisible() == bool(told.failed and saver.waiting)
        if saver.waiting:
            assert saver.rescued is not None and len(rescue.read_rescue(saver.rescued).strokes) == saver.waiting == 1
            saver.try_now()  # where it fails again nothing more is said
            desk.settled()
            assert len(told.failed) == 1
        faulty.mend()
        saver.try_now()
        qtbot.waitUntil(lambda: not saver.is_failing)
        np.testing.assert_array_equal(desk.stored(9), labels(desk))
        assert not saver.waiting and not banner(desk).isVisible() and not waiting_files()
        assert session.project is not None and session.project.verify().is_whole
    assert number > 15 and not told.reported


@pytest.mark.parametrize("home", ["elsewhere", "on the same disk"])
def test_a_disk_that_is_really_full(
    qtbot: QtBot,
    session: Session,
    marked: Path,
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_desk: DeskOpener,
    home: str,
) -> None:
    if home != "elsewhere":
        monkeypatch.setenv("FLAWSCOPE_HOME", str(small_disk / "home"))
    desk, told = open_desk(moved(marked, small_disk)).go_to(9).take_brush(), Told.by(session)
    filler = disks.fill(small_disk)
    for number in range(60):
        desk.drag((5 + number % 50, 5 + number % 38))
        desk.settled()
        if session.strokes.is_failing:
            break
    assert "the disk is full" in banner(desk).headline.text()
    desk.drag((40, 10), (50, 40))
    desk.settled()
    assert ("in a rescue file" in banner(desk).text.text()) == (home == "elsewhere") == bool(waiting_files())
    session.strokes.try_now()
    desk.settled()
    assert len(told.failed) == 1 and not told.reported and session.strokes.waiting == 2
    filler.unlink()
    session.strokes.try_now()
    qtbot.waitUntil(lambda: not session.strokes.is_failing)
    np.testing.assert_array_equal(desk.stored(9), labels(desk))
    assert session.project is not None and session.project.verify().is_whole and not waiting_files()
    session.close()
    qtbot.waitUntil(lambda: session.background.is_idle)


def painted(qtbot: QtBot, window: MainWindow, *places: tuple[float, float]) -> np.ndarray | None:
    """The mask on screen after a dab of the brush at each place of image 9; None where nothing can be painted."""
    session = window.session
    qtbot.waitUntil(lambda: session.is_complete)
    session.set_current(9)
    window.go("annotate")
    page = window.page
    assert isinstance(page, AnnotatePage)
    qtbot.waitUntil(lambda: page.shown == 9 and page.overlays is not None)
    qtbot.waitUntil(lambda: session.background.is_idle)
    if session.can_write:
        qtbot.waitUntil(lambda: page.painting.bench.sheet is not None)
        if page.painting.tool != "tool.brush":
            page.painting.choose("tool.brush")
        page.painting.bench.set_size(7)
    view = page.canvas.view
    for place in places:
        dx, dy = view.to_device(*place)
        at: QPoint = QPointF(dx / view.dpr, dy / view.dpr).toPoint()
        QTest.mouseClick(page.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    qtbot.waitUntil(lambda: session.background.is_idle)
    sheet = page.painting.bench.sheet
    return None if sheet is None else sheet.labels.copy()


def test_a_disk_that_turns_read_only_under_the_brush(
    qtbot: QtBot, window_maker: WindowMaker, marked: Path, own_disks: Path
) -> None:
    disk = BreakingDisk(own_disks)
    with disk.mounted() as place:
        window, file = window_maker(), moved(marked, place)
        told = Told.by(window.session)
        window.open_path(file)
        before = painted(qtbot, window, (10, 10))
        disk.turn_read_only()
        after = painted(qtbot, window, (30, 10), (50, 10), (30, 30))
        window.session.strokes.try_now()
        qtbot.waitUntil(lambda: window.session.background.is_idle)
        said = window.findChild(UnsavedBanner)
        assert isinstance(said, UnsavedBanner) and said.isVisible()
        assert "3 strokes are kept in this window and in a rescue file" in said.text.text()
        assert len(told.failed) == 1 and not told.reported and not window._banner.isVisible()
        (waiting,) = waiting_files()
        assert len(rescue.read_rescue(waiting).strokes) == 3
        with Project.open(file, read_only=True) as project:
            np.testing.assert_array_equal(project.mask(9), before)
            assert project.verify().is_whole
        QTimer.singleShot(0, lambda: answer("leave"))
        window.close()
        assert not window.isVisible()
    with disk.mounted():
        again = window_maker()
        again.open_path(file)
        np.testing.assert_array_equal(painted(qtbot, again), after)
        project = again.session.project
        assert project is not None and not project.read_only
        np.testing.assert_array_equal(project.mask(9), after)
        assert project.verify().is_whole and not waiting_files()
        assert [row.action for row in project.audit_rows()].count("rescue strokes") == 1
        again.close()


def test_a_project_on_a_read_only_disk_is_shown_and_waits(
    qtbot: QtBot, window_maker: WindowMaker, marked: Path, small_disk: Path
) -> None:
    file = moved(marked, small_disk)
    with Project.open(file) as project:
        stroke = rescued_stroke(project)
    disks.make_read_only(small_disk)
    window = window_maker()
    told = Told.by(window.session)
    window.open_path(file)
    assert painted(qtbot, window, (30, 10)) is None
    project = window.session.project
    assert project is not None and project.read_only and not window.session.can_write
    assert len(told.reported) == 1 and not told.failed and window._status._read_only.isVisible()
    assert "open for reading only: this place cannot be written to" in window._banner.headline.text()
    assert "1 stroke waits in a rescue file" in window._banner.text.text()
    window.close()
    disks.make_writable(small_disk)
    again = window_maker()
    again.open_path(file)
    assert np.count_nonzero(painted(qtbot, again)) == stroke
    assert again.session.can_write and not waiting_files()
    again.close()


def test_a_second_window_reads_what_the_first_goes_on_painting(
    qtbot: QtBot, window_maker: WindowMaker, marked: Path
) -> None:
    first = window_maker()
    first.session.settings.set("work.initials", "AB")
    told = Told.by(first.session)
    first.open_path(marked)
    begun = painted(qtbot, first, (10, 10))
    second = window_maker()
    told_there = Told.by(second.session)
    with qtbot.waitSignal(second.session.busy_elsewhere) as heard:
        second.open_path(marked)
    assert heard.args is not None and "by AB" in str(heard.args[1])
    box = second.findChild(QMessageBox, "busy")
    assert box is not None
    box.defaultButton().click()
    assert painted(qtbot, second, (30, 30)) is None  # nothing can be painted, and nothing was
    assert second._status._read_only.isVisible() and not second.actions_table.action("edit.undo").isEnabled()
    first.activateWindow()
    after = painted(qtbot, first, (30, 10), (50, 10), (30, 30))
    assert begun is not None and after is not None and np.count_nonzero(after) > np.count_nonzero(begun)
    reader = second.session.project
    assert reader is not None and reader.read_only
    np.testing.assert_array_equal(reader.mask(9), after)  # as it is read when the image is shown again
    first.close()
    assert second.isVisible() and reader.verify().is_whole
    second.close()
    assert not (told.failed or told.reported or told_there.failed or told_there.reported) and not waiting_files()
    with Project.open(marked) as project:
        np.testing.assert_array_equal(project.mask(9), after)
        assert project.verify().is_whole and project.crashed is None


def rescued_stroke(project: Project) -> int:
    """Leave a stroke in a rescue file, as a window does that could not store it; how many pixels it covers."""
    bits = np.ones((5, 5), np.uint8)
    stroke = FreshStroke(9, Delta((48, 64), (20, 20, 25, 25), bits), "brush", 1, (1, 1), "AB")
    base = {9: rescue.base_of(project, 9, (48, 64))}
    rescue.write_rescue(rescue.new_rescue_path(project), project, [stroke], base)
    return bits.size
