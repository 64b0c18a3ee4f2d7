"""What ended overnight, said on the page that a project opens with."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.morning import MorningBanner
from app.pages.dataset import DatasetPage
from app.pages.review import ReviewPage
from app.window import MainWindow
from core.project.records import Zone
from tests.app.conftest import WindowMaker
from tests.scored import scored_project, strip_of_shots


@pytest.fixture
def window(window_maker: WindowMaker, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """The window on a project of which one training finished and one failed."""
    with scored_project(tmp_path) as project:
        failed = project.add_run(product="nut", view="main", model="prff", preset="micro", config={})
        project.update_run(failed.id, state="failed", error="memory ran out")
        file = project.file
    made = window_maker()
    made.open_path(file)
    qtbot.waitUntil(lambda: isinstance(made.page, DatasetPage))
    qtbot.waitUntil(lambda: not dataset(made).morning.isHidden())
    return made


def dataset(window: MainWindow) -> DatasetPage:
    assert isinstance(window.page, DatasetPage)
    return window.page


def review(window: MainWindow) -> ReviewPage:
    assert isinstance(window.page, ReviewPage)
    return window.page


def words(banner: MorningBanner) -> str:
    return "\n".join(label.text() for label in banner.findChildren(QLabel))


def button(banner: MorningBanner, text: str) -> QPushButton:
    return next(one for one in banner.findChildren(QPushButton) if text in one.text())


def test_the_worst_false_reject_is_one_click_from_opening(window: MainWindow, qtbot: QtBot) -> None:
    banner = dataset(window).morning
    said = words(banner)
    assert "#1 finished" in said and "2 of 4 good rejected" in said
    assert "#2 failed" in said and "memory ran out" in said
    qtbot.mouseClick(button(banner, "Worst false reject: 0.6000"), Qt.MouseButton.LeftButton)
    page = review(window)
    qtbot.waitUntil(lambda: page.review.row is not None)
    assert page.review.kind == "false_rejects" and page.review.unit is not None
    assert page.queue.model.name(page.review.unit.row) == "good 2.png"
    window.go("dataset")
    assert banner.isHidden()


def test_figures_that_went_out_of_date_say_so(window: MainWindow, qtbot: QtBot) -> None:
    banner, session = dataset(window).morning, window.session
    assert "AUROC" in words(banner) and "out of date" not in words(banner)
    zone = Zone("nut", "inspect", {"box": [1, 1, 9, 9]})
    session.write(lambda project: project.set_roi(project.views()[0].id, zones=[zone]), touched=None)
    qtbot.waitUntil(lambda: session.background.is_idle)
    for page in ("review", "dataset"):
        window.go(page)
        one = review(window).morning if page == "review" else banner
        qtbot.waitUntil(lambda one=one: "out of date: AUROC" in words(one))


def test_what_was_put_away_on_one_page_is_put_away_on_the_other(window: MainWindow, qtbot: QtBot) -> None:
    window.go("review")
    page = review(window)
    qtbot.waitUntil(lambda: not page.morning.isHidden())
    window.go("dataset")
    qtbot.mouseClick(button(dataset(window).morning, "Close"), Qt.MouseButton.LeftButton)
    assert dataset(window).morning.isHidden()
    window.go("review")
    assert page.morning.isHidden()


def test_what_was_seen_is_not_told_again_at_the_next_opening(window: MainWindow, qtbot: QtBot) -> None:
    session, banner = window.session, dataset(window).morning
    assert session.project is not None
    file = session.project.file
    qtbot.mouseClick(button(banner, "Close"), Qt.MouseButton.LeftButton)
    session.close()
    qtbot.waitUntil(lambda: session.background.is_idle)  # the file is let go of
    with qtbot.waitSignal(banner.found) as found:
        window.open_path(file)
    assert found.args == [0] and banner.isHidden()


def test_what_failed_leads_to_training(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(button(dataset(window).morning, "See why"), Qt.MouseButton.LeftButton)
    assert window.page is not None and window.page.key == "train"


def test_nothing_leads_to_what_is_looked_at_already(window_maker: WindowMaker, tmp_path: Path, qtbot: QtBot) -> None:
    shots = [one for one in strip_of_shots() if one.label == "defective" or (one.score or 0) <= 0.3]  # no false reject
    with scored_project(tmp_path, shots) as project:
        file = project.file
    window = window_maker()
    window.open_path(file)
    qtbot.waitUntil(lambda: isinstance(window.page, DatasetPage) and not dataset(window).morning.isHidden())
    assert not button(dataset(window).morning, "Look at it").isHidden()
    window.go("review")
    page = review(window)
    qtbot.waitUntil(lambda: page.review.row is not None and not page.morning.isHidden())
    assert button(page.morning, "Look at it").isHidden()
