"""The threshold above Review by mouse: looking closely, double clicks, what stays still, what is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.pages.review import ReviewPage
from app.window import MainWindow
from tests.app.conftest import WindowMaker
from tests.scored import Shot, add_scoring, make_project, scored_project, strip_of_shots

_LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(window_maker: WindowMaker, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """The window on the Review page of `strip_of_shots`, loaded."""
    with scored_project(tmp_path / "scored") as project:
        file = project.file
    shown = window_maker()
    shown.open_path(file)
    qtbot.waitUntil(lambda: shown.session.is_complete)
    shown.go("review")
    page = shown.page
    assert isinstance(page, ReviewPage)
    qtbot.waitUntil(lambda: page.review.row is not None)
    return shown


def page_of(window: MainWindow) -> ReviewPage:
    assert isinstance(window.page, ReviewPage)
    return window.page


def drag(qtbot: QtBot, page: ReviewPage, score: float) -> None:
    """Take the line and let it go at a score."""
    histogram = page.panel.histogram
    y = histogram.height() // 2
    qtbot.mousePress(histogram, _LEFT, pos=QPoint(round(histogram.x_of(histogram.threshold)), y))
    to = QPoint(round(histogram.x_of(score)), y)
    qtbot.mouseMove(histogram, to)
    qtbot.mouseRelease(histogram, _LEFT, pos=to)


def test_the_magnifier_shows_its_state_and_goes_back(window: MainWindow, qtbot: QtBot) -> None:
    panel = page_of(window).panel
    whole, threshold = panel.histogram.span, panel.histogram.threshold
    qtbot.mouseClick(panel.near, _LEFT)
    low, high = panel.histogram.span
    assert panel.near.isChecked() and high - low == pytest.approx((whole[1] - whole[0]) / 4)
    assert low <= threshold <= high
    qtbot.mouseClick(panel.near, _LEFT)
    assert not panel.near.isChecked() and panel.histogram.span == whole
    panel.histogram.setFocus()
    qtbot.keyClick(panel.histogram, Qt.Key.Key_Plus)
    assert panel.near.isChecked()
    qtbot.keyClick(panel.histogram, Qt.Key.Key_0)
    assert not panel.near.isChecked()


def test_a_double_click_shows_everything_and_leaves_the_threshold(window: MainWindow, qtbot: QtBot) -> None:
    page = page_of(window)
    histogram, before, rows = page.panel.histogram, page.review.threshold, page.review.rows.tolist()
    whole = histogram.span
    qtbot.mouseClick(page.panel.near, _LEFT)
    place = QPoint(histogram.width() - 40, 70)
    qtbot.mousePress(histogram, _LEFT, pos=place)
    qtbot.mouseRelease(histogram, _LEFT, pos=place)
    assert page.review.threshold != before
    qtbot.mouseDClick(histogram, _LEFT, pos=place)
    assert page.review.threshold == before and not page.review.is_moved
    assert page.review.rows.tolist() == rows and histogram.span == whole


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 720), (1024, 700)])
def test_nothing_above_the_image_moves_while_the_line_is_dragged(
    window: MainWindow, qtbot: QtBot, size: tuple[int, int]
) -> None:
    window.resize(*size)
    for _ in range(3):  # the choice between one line and two moves the splitters
        QApplication.processEvents()
    page = page_of(window)
    panel = page.panel
    watched = (page.training, page.scope, panel.value, panel.keep, panel.badge, panel.log, panel.near)

    def places() -> list[tuple[int, int, int]]:
        return [(one.mapTo(panel, QPoint()).x(), one.mapTo(panel, QPoint()).y(), one.width()) for one in watched]

    before, height = places(), panel.height()
    drag(qtbot, page, 0.42)
    QApplication.processEvents()
    assert not panel.badge.isHidden() and not panel.back.isHidden()
    assert places() == before and panel.height() == height
    for one in (*watched, panel.back):
        right = one.mapTo(panel, QPoint()).x() + one.width()
        assert one.isVisible() and right <= panel.width()
    sizes = [page.viewer.left.width(), page.viewer.right.width()]
    assert abs(sizes[0] - sizes[1]) <= 1


def test_a_moved_threshold_is_shown_as_moved_again(
    window: MainWindow, qtbot: QtBot, project_file: Path, window_maker: WindowMaker
) -> None:
    page, session = page_of(window), window.session
    assert session.project is not None and page.review.table is not None
    file, kept = session.project.file, page.review.table.threshold
    drag(qtbot, page, 0.42)
    moved = page.review.threshold
    window.open_path(project_file)
    qtbot.waitUntil(lambda: session.project is not None and session.project.file == project_file)
    qtbot.waitUntil(lambda: session.is_complete)
    window.open_path(file)
    qtbot.waitUntil(lambda: window.page is page and page.review.row is not None)
    assert page.review.threshold == moved and page.review.is_moved
    assert not page.panel.back.isHidden() and not page.panel.badge.isHidden()
    qtbot.mouseClick(page.panel.back, _LEFT)
    assert page.review.threshold == kept
    assert session.memory.recall(f"moved {file}", {}) == {}


def test_each_scoring_has_its_own_moved_threshold(window: MainWindow, qtbot: QtBot) -> None:
    page, project = page_of(window), window.session.project
    assert project is not None and page.review.table is not None
    run = project.runs()[0]
    with qtbot.waitSignal(page.review.loaded):
        add_scoring(project, run, strip_of_shots(), purpose="lot", passes=1)
        window.session.scores_changed.emit()
    qtbot.waitUntil(lambda: page.training.count() == 2)
    drag(qtbot, page, 0.42)
    moved, mine = page.review.threshold, page.review.table.scoring.id
    other = next(one for one in page.review.choices if one.scoring != mine)
    place = [page.training.itemData(one)[1] for one in range(2)].index(other.scoring)
    for wanted, expected in ((place, False), (1 - place, True)):
        page.training.setCurrentIndex(wanted)
        with qtbot.waitSignal(page.review.loaded):
            page.training.activated.emit(wanted)
        assert page.review.is_moved is expected
    assert page.review.threshold == moved


def test_images_wait_below_the_verdict_to_be_fed_back(window_maker: WindowMaker, tmp_path: Path, qtbot: QtBot) -> None:
    shots = [*strip_of_shots(), Shot("new", "unlabelled", "unused", 0.5)]
    with scored_project(tmp_path / "fed", shots) as project:
        file = project.file
    window = window_maker()
    window.open_path(file)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("review")
    page = page_of(window)
    qtbot.waitUntil(lambda: page.review.row is not None)
    inspector = page._inspector
    assert inspector is not None and page.review.table is not None
    assert not inspector.offer.isHidden() and inspector.decide.isHidden()
    assert "no training learns from it" in inspector.note.text()
    new = next(row.id for row in window.session.project.images() if row.path.stem == "new")  # type: ignore[union-attr]
    page.review.show_row(page.review.table.row_of(new, None))
    assert "waits below" in inspector.note.text()
    qtbot.mouseClick(inspector.buttons["good"], _LEFT)
    qtbot.waitUntil(lambda: not inspector.decide.isHidden())
    assert "1 good image" in inspector.offer_words.text()


def test_review_says_that_a_training_is_at_work(window_maker: WindowMaker, tmp_path: Path, qtbot: QtBot) -> None:
    with make_project(tmp_path, strip_of_shots()) as project:
        file = project.file
    window = window_maker()
    window.open_path(file)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("review")
    page = page_of(window)
    qtbot.waitUntil(lambda: page._empty_title.text() == "Nothing to review yet")
    trainings = window.session.trainings
    trainings._starting = 1
    trainings.status_changed.emit("Training", None, None)
    assert page._empty_title.text() == "A training is at work" and page._train.text() == "Watch the training"
    trainings._starting = None
    trainings.status_changed.emit("", None, None)
    assert page._empty_title.text() == "Nothing to review yet"
