"""The next start goes on where the last one ended: in order, or not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.pages.annotate import AnnotatePage
from app.recovered import RecoveryLine
from app.window import MainWindow
from core.project import Project
from core.project.lock import lock_path, this_process
from tests.app.conftest import WindowMaker


def looks_at(qtbot: QtBot, window: MainWindow, image_id: int) -> AnnotatePage:
    page = window.page
    assert isinstance(page, AnnotatePage)
    qtbot.waitUntil(lambda: page.shown == image_id and page.canvas.picture is not None)
    qtbot.waitUntil(lambda: window.session.background.is_idle)
    return page


def at_work(qtbot: QtBot, window: MainWindow, file: Path) -> AnnotatePage:
    """Image 5 on Annotate, at a zoom of its own."""
    window.open_path(file)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.session.set_current(5)
    window.go("annotate")
    page = looks_at(qtbot, window, 5)
    page.canvas.zoom_to(7.0)
    return page


def test_a_start_goes_on_with_project_page_image_and_zoom(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    before = at_work(qtbot, window, project_file).canvas.view
    window.close()
    again = window_maker()
    assert again.whereabouts.reopen()
    qtbot.waitUntil(lambda: again.session.is_complete)
    page = looks_at(qtbot, again, 5)
    qtbot.waitUntil(lambda: page.canvas.view.scale == before.scale)
    assert (page.canvas.view.cx, page.canvas.view.cy) == pytest.approx((before.cx, before.cy), abs=1)
    line = again.findChild(RecoveryLine)
    assert line is not None and not line.isVisible()


def test_nothing_is_opened_where_nothing_was_open(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    assert not window.whereabouts.reopen()
    at_work(qtbot, window, project_file)
    window.session.close()
    window.close()
    again = window_maker()
    assert not again.whereabouts.reopen()
    assert again.page is not None and again.page.key == "start"


def test_where_one_is_is_written_while_one_goes_on(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, own_home: Path
) -> None:
    window = window_maker()
    page = at_work(qtbot, window, project_file)

    def remembered() -> dict[str, object]:
        file = own_home / "memory.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        assert isinstance(found, dict)
        return found

    def goes_on() -> bool:
        page.canvas.pan(1, 0)  # always something new
        where = remembered().get(f"where {project_file}", {})
        assert isinstance(where, dict)
        return where.get("image") == 5 and bool(where.get("look"))

    qtbot.waitUntil(goes_on)
    assert remembered()["last"] == str(project_file)


def test_after_a_crash_a_quiet_line_says_until_when_all_is_there(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = this_process("AB")
    owner = {"host": mine.host, "pid": ended.pid, "created": 1.0, "since": mine.since, "author": "AB"}
    lock_path(project_file).write_text(json.dumps(owner))
    window = window_maker()
    window.open_path(project_file)
    line = window.findChild(RecoveryLine)
    assert line is not None
    qtbot.waitUntil(line.isVisible)
    assert line.text.text().startswith("Flawscope ended unexpectedly. Everything painted and labelled until ")
    window.session.close()
    assert not line.isVisible()


def test_a_project_that_brings_the_window_down_is_not_opened_for_ever(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    window.session.memory.remember("last", str(project_file))
    window.session.memory.remember("reopened in vain", 3)
    assert not window.whereabouts.reopen()


def test_a_project_that_is_open_elsewhere_is_not_asked_about_at_the_start(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window, asked = window_maker(), []
    window.session.busy_elsewhere.connect(lambda *_: asked.append(1))
    window.session.memory.remember("last", str(project_file))
    said: list[str] = []
    window.session.said.connect(said.append)
    with Project.open(project_file):
        assert window.whereabouts.reopen()
        qtbot.waitUntil(lambda: len(said) == 2)
    assert said == ["Opening work …", "work is open in another window"]
    assert not asked and window.session.project is None
