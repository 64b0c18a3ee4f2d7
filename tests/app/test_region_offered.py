"""How a person comes to the first region of a product, and what is said while a region is laid over images."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import laying
from app.laying import EndedEarlyError, LayingLine
from app.pages.annotate import AnnotatePage
from app.pages.dataset import DatasetPage
from app.session import Session
from app.window import MainWindow
from core.project.records import Zone
from core.workflow import aligning
from core.workflow.progress import Progress
from core.workflow.training import Order
from tests.app.conftest import WindowMaker
from tests.app.training import train_page

CLICK = Qt.MouseButton.LeftButton


def dataset(qtbot: QtBot, window: MainWindow, path: Path) -> DatasetPage:
    window.open_path(path)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("dataset")
    page = cast(DatasetPage, window.page)
    qtbot.waitUntil(lambda: page._facts.without_region is not None or bool(page._facts.runs))
    return page


def drag(page: AnnotatePage, *points: tuple[float, float]) -> None:
    view = page.canvas.view
    first, *others = [(QPointF(*view.to_device(*point)) / view.dpr).toPoint() for point in points]
    QTest.mousePress(page.canvas, CLICK, pos=first)
    for place in others:
        QTest.mouseMove(page.canvas, place)
    QTest.mouseRelease(page.canvas, CLICK, pos=others[-1])


def test_the_first_region_is_a_click_and_a_drag(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    page = dataset(qtbot, window, project_file)
    session = window.session
    qtbot.waitUntil(page.region_hint.isVisible)
    session.set_current(10)  # a defective image, as an import may leave one on screen

    QTest.mouseClick(page.region_hint.draw, CLICK)

    annotate = cast(AnnotatePage, window.page)
    qtbot.waitUntil(lambda: annotate.region.is_on and session.current != 10 and annotate.shown == session.current)
    qtbot.waitUntil(lambda: annotate.region.board.found is not None and annotate.region.tool == "tool.rectangle")
    qtbot.waitUntil(lambda: session.background.is_idle)
    drag(annotate, (8, 6), (20, 20), (50, 40))
    qtbot.waitUntil(lambda: session.background.is_idle and annotate.region.board.found.roi is not None)  # type: ignore[union-attr]
    assert session.project is not None
    roi = session.project.roi(1)
    assert roi is not None and roi.template_image_id is not None
    assert session.project.image(roi.template_image_id).label == "good"
    window.go("dataset")
    qtbot.waitUntil(lambda: not page.region_hint.isVisible())


def test_m_on_the_dataset_draws_on_the_chosen_image(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    page, session = dataset(qtbot, window, project_file), window.session
    page.grid.setFocus()
    session.set_selection([3])
    qtbot.waitUntil(lambda: session.background.is_idle)

    QTest.keyClick(page.grid, Qt.Key.Key_M)

    annotate = cast(AnnotatePage, window.page)
    qtbot.waitUntil(lambda: annotate.region.is_on and annotate.shown == 3)
    qtbot.waitUntil(lambda: annotate.region.board.found is not None and session.background.is_idle)
    QTest.keyClick(annotate.canvas, Qt.Key.Key_M)
    assert not annotate.region.is_on and session.current == 3


def test_the_hint_goes_for_good(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    page = dataset(qtbot, window, project_file)
    qtbot.waitUntil(page.region_hint.isVisible)
    QTest.mouseClick(page.region_hint.close_button, CLICK)
    assert not page.region_hint.isVisible()
    window.go("annotate")
    window.go("dataset")
    page._show_step()
    assert page._facts.without_region is not None and not page.region_hint.isVisible()
    window.session.close()
    qtbot.waitUntil(lambda: window.session.background.is_idle)
    assert not dataset(qtbot, window, project_file).region_hint.isVisible()


def test_train_leads_to_the_region(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    page = train_page(qtbot, window, project_file)
    button = page.setup.checklist.button("roi")
    qtbot.waitUntil(button.isVisible)
    assert button.text() == "Draw one"
    QTest.mouseClick(button, CLICK)
    annotate = cast(AnnotatePage, window.page)
    qtbot.waitUntil(lambda: annotate.region.is_on and annotate.region.board.found is not None)


# -- laying it over images


def test_what_takes_long_is_told_and_can_be_ended(
    qtbot: QtBot, session: Session, project_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laying, "_NEWS_MS", 1)
    session.open(project_file)
    qtbot.waitUntil(lambda: session.is_complete)
    line = LayingLine()
    qtbot.addWidget(line)
    runner = session.trainings.laying
    line.follow(runner)
    assert not line.isVisible()
    failed: list[Exception] = []

    def work(said: Progress) -> None:
        for number in itertools.count(1):
            said("Laying the region over images", number, 1 << 30)

    runner.run(work, lambda _: None, failed.append)
    qtbot.waitUntil(lambda: line.isVisible() and " of 1,073," in line.words.text())
    QTest.mouseClick(line.cancel, CLICK)
    assert line.cancel.text() == "Cancelling …" and not line.cancel.isEnabled()
    qtbot.waitUntil(lambda: bool(failed))
    assert isinstance(failed[0], EndedEarlyError) and not line.isVisible() and runner.following is None
    QApplication.processEvents()


def test_a_training_is_not_made_when_laying_is_ended(qtbot: QtBot, session: Session, project_file: Path) -> None:
    session.settings.set("train.keep_awake", False)
    session.open(project_file)
    qtbot.waitUntil(lambda: session.is_complete)
    project = session.project
    assert project is not None
    (view,) = project.views()
    box = Zone("part", "inspect", {"box": [5, 5, 50, 40]})
    project.change_roi(view.id, zones=[box], template_image_id=1, settings={"align": "translation"})
    trainings = session.trainings
    with qtbot.waitSignal(trainings.ordered) as heard:
        trainings.order([("chip", "main", Order(preset="micro"))])
        trainings.laying.cancel()
    assert heard.args == [()] and project.runs() == [] and trainings.queue == ()
    assert aligning.fits(project, view).pending == 14
