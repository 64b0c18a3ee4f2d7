"""Strokes that the project cannot take: said once, kept, rescued, written when the disk works again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from app.dialogs.unsaved import UnsavedDialog
from app.pages.annotate import AnnotatePage
from app.pages.annotate.unsaved import UnsavedBanner
from app.session import Session
from app.window import MainWindow
from core.project import Project
from core.workflow import rescue
from tests.app.conftest import WindowMaker
from tests.app.desk import Desk, DeskOpener
from tests.faults import FaultyDisk

CODES = {
    "the disk is full": sqlite3.SQLITE_FULL,
    "the project cannot be written to": sqlite3.SQLITE_READONLY,
    "the disk reported an error": sqlite3.SQLITE_IOERR,
    "another program is writing to the project": sqlite3.SQLITE_BUSY,
}


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack")
    return open_desk(project_file).go_to(9).take_brush()


def broken(desk: Desk, code: int = sqlite3.SQLITE_FULL) -> FaultyDisk:
    assert desk.session.project is not None
    disk = FaultyDisk(desk.session.project, code)
    disk.fail()
    return disk


def banner(desk: Desk) -> UnsavedBanner:
    found = desk.page.findChild(UnsavedBanner)
    assert isinstance(found, UnsavedBanner)
    return found


def labels(desk: Desk) -> np.ndarray:
    sheet = desk.page.painting.bench.sheet
    assert sheet is not None
    return sheet.labels.copy()


def fails(desk: Desk) -> None:
    desk.qtbot.waitUntil(lambda: desk.session.strokes.is_failing)


@pytest.mark.parametrize("what", CODES)
def test_a_save_that_fails_is_said_once_and_made_good(desk: Desk, what: str) -> None:
    said: list[object] = []
    desk.session.problem_reported.connect(said.append)
    desk.session.strokes.failed.connect(said.append)
    desk.drag((10, 10))
    desk.settled()
    assert "Saved" in desk.page.headline() and not banner(desk).isVisible()
    disk = broken(desk, CODES[what])
    for x in (20, 30, 40):
        desk.drag((x, 20))
    fails(desk)
    desk.settled()
    assert what in banner(desk).headline.text()
    assert "3 strokes are kept in this window and in a rescue file" in banner(desk).text.text()
    assert "Saved" not in desk.page.headline()
    desk.session.strokes.try_now()
    desk.settled()
    assert len(said) == 1 and banner(desk).isVisible()
    (file,) = rescue.rescue_folder().rglob("*.flawrescue")
    assert len(rescue.read_rescue(file).strokes) == 3
    disk.mend()
    desk.qtbot.mouseClick(banner(desk).again, Qt.MouseButton.LeftButton)
    desk.qtbot.waitUntil(lambda: not desk.session.strokes.is_failing)
    np.testing.assert_array_equal(desk.stored(9), labels(desk))
    assert not banner(desk).isVisible() and "Saved" in desk.page.headline()
    assert len(said) == 1 and not list(rescue.rescue_folder().rglob("*.flawrescue"))
    assert desk.session.project is not None and desk.session.project.verify().is_whole


def test_it_is_tried_again_by_itself(desk: Desk) -> None:
    disk = broken(desk)
    desk.drag((20, 20))
    fails(desk)
    disk.mend()
    desk.qtbot.waitUntil(lambda: not desk.session.strokes.is_failing)
    np.testing.assert_array_equal(desk.stored(9), labels(desk))


def test_undo_takes_back_what_waits_and_then_what_is_stored(desk: Desk) -> None:
    states = [labels(desk)]
    desk.drag((10, 10))
    states.append(labels(desk))
    desk.settled()
    disk = broken(desk)
    for x in (20, 30):
        desk.drag((x, 20))
        states.append(labels(desk))
    fails(desk)
    desk.settled()
    for state in (states[2], states[1]):
        desk.page.painting.undo()
        desk.settled()
        np.testing.assert_array_equal(labels(desk), state)
    assert not desk.session.strokes.is_failing and not banner(desk).isVisible()
    assert not list(rescue.rescue_folder().rglob("*.flawrescue"))
    disk.mend()
    desk.page.painting.undo()
    desk.settled()
    np.testing.assert_array_equal(labels(desk), states[0])
    desk.drag((44, 30))
    np.testing.assert_array_equal(desk.stored(9), labels(desk))


def test_a_stroke_that_waits_on_another_image_is_shown_when_it_is_undone(desk: Desk) -> None:
    disk = broken(desk)
    desk.drag((20, 20))
    fails(desk)
    desk.session.set_current(10)
    desk.shows(10)
    desk.page.painting.undo()
    desk.shows(9)
    assert not labels(desk).any()
    disk.mend()


def test_painting_goes_on_over_images_while_nothing_can_be_saved(desk: Desk) -> None:
    disk = broken(desk)
    desk.drag((20, 20))
    fails(desk)
    nine = labels(desk)
    desk.session.set_current(10)
    desk.shows(10)
    desk.drag((30, 20), (40, 24))
    ten = labels(desk)
    desk.session.set_current(9)
    desk.shows(9)
    np.testing.assert_array_equal(labels(desk), nine)  # what waits is seen
    disk.mend()
    desk.session.strokes.try_now()
    np.testing.assert_array_equal(desk.stored(9), nine)
    np.testing.assert_array_equal(desk.stored(10), ten)


def test_strokes_of_one_project_never_come_into_another(
    qtbot: QtBot, session: Session, desk: Desk, project_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "other.flawscope"
    other.parent.mkdir()
    other.write_bytes(project_file.read_bytes())
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("UPDATE meta SET value = 'another' WHERE key = 'id'")
        connection.commit()
    disk = broken(desk)
    desk.drag((20, 20))
    painted = labels(desk)
    fails(desk)
    session.open(other)
    qtbot.waitUntil(lambda: session.project is not None and session.project.file == other and session.is_complete)
    disk.remove()
    session.strokes.try_now()
    assert desk.stored(9) is None and not session.strokes.waiting and not banner(desk).isVisible()
    session.open(project_file)  # puts them in
    qtbot.waitUntil(lambda: session.project is not None and session.project.file == project_file)
    np.testing.assert_array_equal(desk.stored(9), painted)
    assert session.project is not None and "rescue strokes" in [row.action for row in session.project.audit_rows()]


def test_a_rescue_copy_is_written_where_a_person_wants_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tmp_path / "stick" / "copy"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(chosen), ""))
    disk = broken(desk)
    desk.drag((20, 20))
    painted = labels(desk)
    fails(desk)
    desk.qtbot.mouseClick(banner(desk).copy, Qt.MouseButton.LeftButton)
    copy = tmp_path / "stick" / "copy.flawrescue"
    assert len(rescue.read_rescue(copy).strokes) == 1
    desk.page.painting.undo()
    desk.settled()
    disk.mend()
    desk.session.strokes.put_in(copy)
    desk.settled()
    np.testing.assert_array_equal(desk.stored(9), painted)
    desk.qtbot.waitUntil(lambda: desk.page.painting.bench.sheet is not None)
    np.testing.assert_array_equal(labels(desk), painted)
    desk.session.strokes.put_in(copy)  # twice is once
    np.testing.assert_array_equal(desk.stored(9), painted)


def window_with_waiting(qtbot: QtBot, make: WindowMaker, file: Path) -> tuple[MainWindow, FaultyDisk]:
    window = make()
    window.open_path(file)
    session = window.session
    qtbot.waitUntil(lambda: session.is_complete)
    session.set_current(9)
    window.go("annotate")
    page = window.page
    assert isinstance(page, AnnotatePage)
    qtbot.waitUntil(lambda: page.painting.bench.sheet is not None)
    assert session.project is not None
    disk = FaultyDisk(session.project)
    disk.fail()
    sheet = page.painting.bench.begin("brush", 1)
    assert sheet is not None
    sheet.paint(np.ones((4, 4), np.bool_), (8, 8, 12, 12), 1)
    page.painting.bench.end()
    qtbot.waitUntil(lambda: session.strokes.is_failing and session.background.is_idle)
    return window, disk


def answer(press: str) -> None:
    """Presses a button of the dialog that asks, as soon as it is there."""
    dialog = next((one for one in QApplication.topLevelWidgets() if isinstance(one, UnsavedDialog)), None)
    if dialog is None or not dialog.isVisible():
        QTimer.singleShot(20, lambda: answer(press))
    else:
        getattr(dialog, press).click()


def test_closing_asks_and_the_next_opening_puts_the_strokes_in(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window, disk = window_with_waiting(qtbot, window_maker, project_file)
    assert "1 stroke not saved" in window._status._saved.text()
    QTimer.singleShot(0, lambda: answer("stay"))
    window.close()
    assert window.isVisible() and window.session.strokes.waiting == 1
    QTimer.singleShot(0, lambda: answer("leave"))
    window.close()
    assert not window.isVisible()
    disk.remove()
    with Project.open(project_file) as project:
        assert project.mask(9) is None
        assert len(rescue.find_rescue(project).strokes) == 1
    again = window_maker()
    again.open_path(project_file)
    qtbot.waitUntil(lambda: again.session.is_complete and again.session.background.is_idle)
    assert again.session.project is not None
    mask = again.session.project.mask(9)
    assert mask is not None and np.count_nonzero(mask) == 16
    assert "put in" in again._status._said.text()


def test_keep_trying_closes_as_soon_as_all_is_saved(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window, disk = window_with_waiting(qtbot, window_maker, project_file)
    QTimer.singleShot(0, lambda: (disk.mend(), answer("again")))
    window.session.close = lambda: closed.append(True)  # type: ignore[method-assign]
    closed: list[bool] = []
    window.actions_table.run("file.close")
    assert closed and not window.session.strokes.waiting
    del window.session.close
    with qtbot.waitSignal(window.session.closed):
        window.session.close()
    with Project.open(project_file, read_only=True) as project:
        mask = project.mask(9)
    assert mask is not None and np.count_nonzero(mask) == 16
