"""One project after another in one window: the open one is gone to, the one before is forgotten on every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.canvas.view import Canvas
from app.pages.dataset import DatasetPage
from app.pages.review import ReviewPage
from app.window import MainWindow
from tests.app.conftest import WindowMaker
from tests.scored import Shot, scored_project, strip_of_shots


def recent_button(window: MainWindow, file: Path) -> QPushButton:
    assert window.page is not None
    return next(one for one in window.page.findChildren(QPushButton) if one.toolTip() == str(file))


def opened(qtbot: QtBot, window: MainWindow, file: Path) -> None:
    window.open_path(file)
    qtbot.waitUntil(lambda: window.session.project is not None and window.session.project.file == file)
    qtbot.waitUntil(lambda: window.session.is_complete)


def test_the_open_project_among_the_recent_ones_is_gone_to(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    opened(qtbot, window, project_file)
    project, asked = window.session.project, []
    window.session.busy_elsewhere.connect(lambda *_: asked.append("busy"))
    window.go("annotate")
    window.go("start")
    qtbot.mouseClick(recent_button(window, project_file), Qt.MouseButton.LeftButton)
    assert window.page is not None and window.page.key == "annotate"
    window.open_path(project_file.parent)  # its folder, dropped on the window
    qtbot.waitUntil(lambda: window.session.background.is_idle)
    assert window.session.project is project and window.session.can_write and not asked


@pytest.mark.parametrize("page", ["dataset", "annotate", "review"])
def test_every_page_forgets_the_project_before(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, tmp_path: Path, page: str
) -> None:
    with scored_project(tmp_path / "scored", [*strip_of_shots(), Shot("twin", "good", "train", 0.05)]) as project:
        file = project.file
    window = window_maker()
    opened(qtbot, window, file)
    window.go("review")
    review = window.page
    assert isinstance(review, ReviewPage) and review._inspector is not None
    qtbot.waitUntil(lambda: review._inspector is not None and review._inspector.nearest.image_id is not None)
    window.go("dataset")
    window.go("annotate")
    qtbot.waitUntil(lambda: all(one.picture is not None for one in (window.page.findChildren(Canvas))))  # type: ignore[union-attr]
    window.go("dataset")
    dataset = window.page
    assert isinstance(dataset, DatasetPage)
    window.session.set_selection([int(dataset.grid.shown_ids()[0])])
    qtbot.waitUntil(lambda: dataset._panel.title.text() == "good 0.png")
    window.session.memory.remember(f"page {project_file}", page)
    window.session.close()
    seen = [one for one in window.findChildren(Canvas) if one.picture is not None]
    assert not seen
    assert review._inspector.nearest.isHidden() and review._inspector.nearest.image_id is None
    assert review._inspector.offer.isHidden() and review.review.row is None
    assert not review.viewer.strip._steps and dataset._panel.title.text() == ""
    opened(qtbot, window, project_file)
    assert window.page is not None and window.page.key == page
    if page == "review":
        qtbot.waitUntil(lambda: review._empty_title.text() == "Nothing to review yet")
        assert review._inspector.nearest.isHidden()
        assert review._inspector.name.text() == "No image chosen"
