"""Annotating as a person does it: keys, buttons, what is shown and what is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from app.pages.annotate import progress
from app.session import Session
from core.annotation import masks
from core.project import Alignment, Project, Zone
from core.words import SPLITS
from tests.app.desk import Desk, DeskOpener


@pytest.fixture
def painted(project_file: Path) -> Path:
    """Image 9 has a mask of two classes; the view has a region of interest that lies shifted on image 9."""
    with Project.open(project_file, author="AB") as project:
        for code in ("crack", "dirt"):
            project.add_class(code)
        mask = np.zeros((48, 64), np.uint8)
        mask[20:28, 30:44] = 1
        mask[0:2, 0:3] = 2
        project.import_mask(9, mask, origin="import")
        roi = project.set_roi(project.image(9).view_id, zones=[Zone("part", "inspect", {"box": [8, 8, 50, 40]})])
        project.set_alignments(roi.id, [Alignment(9, (1.0, 0.0, 3.0, 0.0, 1.0, -2.0), 0.9, "phase", "model")])
    return project_file


@pytest.fixture
def desk(open_desk: DeskOpener, painted: Path) -> Desk:
    return open_desk(painted)


def test_it_begins_at_the_first_defective_image_that_nobody_painted(desk: Desk) -> None:
    desk.shows(10)
    assert desk.page.canvas.is_fitted
    assert "1 of 4 defective images painted" in desk.page.headline()
    assert "2 not labelled yet" in desk.page.headline()


def test_the_mask_and_the_region_of_an_image_are_laid_over_it(desk: Desk) -> None:
    desk.session.set_current(9)
    desk.shows(9)
    overlays = desk.page.overlays
    assert overlays is not None and overlays.mask is not None and overlays.roi is not None
    assert overlays.painted == ((1, 8 * 14), (2, 6))
    assert desk.page.canvas.layer("mask") is overlays.mask
    assert overlays.regions == ("part",)
    desk.qtbot.waitUntil(lambda: "crack" in desk.texts() and "112 px" in desk.texts())
    assert "Imported. The work of" in desk.texts()
    desk.session.set_current(1)
    desk.shows(1)
    mask = desk.page.canvas.layer("mask")
    assert mask is not None and mask.extent is None
    assert "Nothing is painted" in desk.texts()


def test_a_region_lies_as_the_image_is_aligned(desk: Desk) -> None:
    desk.session.set_current(9)
    desk.shows(9)
    layer = desk.page.canvas.layer("roi")
    image = desk.page.canvas.grab().toImage()
    assert layer is not None and not image.isNull()
    view = desk.page.canvas.view

    def brightness(x: float, y: float) -> int:
        at = view.to_device(x, y)
        return image.pixelColor(round(at[0]), round(at[1])).lightness()

    assert brightness(51.5, 30.5) > 60  # inside only because it was moved by 3
    assert brightness(9.5, 30.5) < 60


def test_j_and_k_label_what_is_seen_and_go_on(desk: Desk) -> None:
    desk.session.set_current(13)
    desk.shows(13)
    desk.press(Qt.Key.Key_J)
    desk.shows(14)
    assert desk.label_of(13) == "good"
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.press(Qt.Key.Key_K)
    desk.settled()
    assert desk.label_of(14) == "defective"
    assert any("last image" in words for words in said)
    assert desk.session.current == 14
    desk.press(Qt.Key.Key_L)
    desk.settled()
    assert desk.label_of(14) == "unlabelled"
    project = desk.session.project
    assert project is not None
    assert [step.label for step in [project.next_undo()] if step] == ["Label unlabelled"]


def test_an_image_that_is_not_on_screen_yet_is_never_labelled(desk: Desk) -> None:
    desk.shows(10)
    desk.session.loader.forget()
    desk.session.set_current(1)
    assert desk.page.shown != 1
    desk.page.label("defective")
    desk.settled()
    assert desk.label_of(1) == "good"
    assert desk.session.current == 1


def test_marking_defective_again_keeps_the_class(desk: Desk) -> None:
    desk.session.label([11], "defective", "crack")
    desk.settled()
    desk.session.set_current(11)
    desk.shows(11)
    desk.press(Qt.Key.Key_K)
    desk.settled()
    assert desk.session.table is not None
    row = desk.session.table.row_of([11])[0]
    assert desk.session.table.classes[desk.session.table.defect_class[row]] == "crack"


def test_a_and_d_walk_and_the_number_follows(desk: Desk) -> None:
    desk.shows(10)
    desk.press(Qt.Key.Key_D)
    desk.shows(11)
    desk.press(Qt.Key.Key_A)
    desk.press(Qt.Key.Key_A)
    desk.shows(9)
    assert "9 of 14" in [label.text() for label in desk.page.findChildren(QLabel)]


def test_the_next_unlabelled_one_is_a_key_away(desk: Desk) -> None:
    desk.shows(10)
    held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    desk.press(Qt.Key.Key_D, held)
    desk.shows(13)
    desk.press(Qt.Key.Key_D, held)
    desk.shows(14)
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.press(Qt.Key.Key_D, held)
    assert desk.session.current == 14 and "Nothing is left" in said[-1]
    desk.press(Qt.Key.Key_A, held)
    desk.shows(13)


def test_undo_brings_a_label_back(desk: Desk) -> None:
    desk.session.set_current(13)
    desk.shows(13)
    desk.press(Qt.Key.Key_J)
    desk.settled()
    with desk.qtbot.waitSignal(desk.session.images_changed, timeout=5000):
        desk.session.undo()
    assert desk.label_of(13) == "unlabelled"


def test_a_stroke_that_is_undone_elsewhere_leaves_the_canvas(desk: Desk) -> None:
    desk.session.set_current(9)
    desk.shows(9)
    before = np.zeros((48, 64), np.uint8)
    project = desk.session.project
    assert project is not None
    painted = project.mask(9)
    assert painted is not None
    before, after = painted.copy(), painted.copy()
    after[40:44, 10:20] = 2
    delta = masks.delta_between(before, after)
    assert delta is not None
    project.add_stroke(9, delta, tool="brush", class_id=2)
    desk.session.reload()
    desk.qtbot.waitUntil(
        lambda: desk.page.overlays is not None and desk.page.overlays.painted[1] == (2, 46), timeout=5000
    )
    assert "Painted by" in desk.texts()
    desk.session.undo()
    desk.qtbot.waitUntil(lambda: "6 px" in desk.texts() and "46 px" not in desk.texts())


def test_buttons_and_lists_of_the_inspector_do_the_same(desk: Desk) -> None:
    desk.session.set_current(14)
    desk.shows(14)
    button = desk.panel.findChild(QToolButton, "label.defective")
    assert button is not None
    desk.session.settings.set("work.move_on", False)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    desk.settled()
    assert desk.label_of(14) == "defective" and desk.session.current == 14
    assert desk.page.canvas.hasFocus()
    classes, split = desk.panel.findChildren(QComboBox)
    classes.setCurrentIndex(classes.findData("dirt"))
    classes.activated.emit(classes.currentIndex())
    desk.settled()
    split.setCurrentIndex(split.findData("test"))
    split.activated.emit(split.currentIndex())
    desk.settled()
    assert desk.session.table is not None
    row = desk.session.table.row_of([14])[0]
    assert desk.session.table.classes[desk.session.table.defect_class[row]] == "dirt"
    assert SPLITS[desk.session.table.split[row]] == "test"


def test_letters_typed_in_a_field_label_nothing(desk: Desk) -> None:
    desk.shows(10)
    classes = desk.panel.findChildren(QComboBox)[0]
    classes.setFocus()
    QTest.keyClicks(classes, "jkl")
    desk.settled()
    assert desk.session.current == 10 and desk.label_of(10) == "defective"


def test_a_damaged_image_says_so_and_the_next_one_comes(desk: Desk) -> None:
    desk.shows(10)
    assert desk.session.table is not None
    desk.session.loader.forget()
    desk.session.table.path(3).write_bytes(b"")
    desk.session.set_current(4)
    desk.qtbot.waitUntil(lambda: desk.page.canvas.shows_notice == "The file is empty", timeout=5000)
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.press(Qt.Key.Key_K)
    desk.settled()
    assert desk.label_of(4) == "good" and "not labelled" in said[-1]
    desk.press(Qt.Key.Key_D)
    desk.shows(5)
    assert desk.page.canvas.shows_notice == ""


def test_leaving_takes_its_commands_along(desk: Desk) -> None:
    desk.shows(10)
    desk.page.leave()
    assert not desk.actions.action("label.good").isEnabled()
    desk.session.set_current(1)
    assert desk.page.shown is None and desk.page.painting.bench.sheet is None
    desk.page.enter()
    desk.shows(1)
    assert desk.actions.action("label.good").isEnabled()


def test_another_page_can_ask_for_images(desk: Desk) -> None:
    desk.page.show_what({"ids": [2, 9, 12], "title": "False rejects", "id": 9})
    desk.shows(9)
    assert desk.session.order.tolist() == [2, 9, 12]
    assert desk.page.headline().startswith("False rejects")
    desk.page.show_what({"open": True})
    desk.shows(12)


def test_places_are_told_for_the_status_line(desk: Desk) -> None:
    desk.shows(10)
    said: list[str] = []
    desk.page.placed.connect(said.append)
    QTest.mouseMove(desk.page.canvas, desk.page.canvas.rect().center())
    assert said and said[-1].startswith("3") and "10 of 14" in said[-1] and "%" in said[-1]


def test_a_project_that_is_read_only_offers_no_labels(qtbot: QtBot, session: Session, painted: Path) -> None:
    session.open(painted, read_only=True)
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
    desk = Desk(qtbot, session)
    desk.shows(10)
    button = desk.panel.findChild(QToolButton, "label.good")
    assert button is not None and not button.isEnabled()
    assert not desk.actions.action("label.good").isEnabled()
    desk.page.leave()


def test_closing_the_project_empties_the_page(desk: Desk) -> None:
    desk.shows(10)
    desk.session.close()
    assert desk.page.canvas.picture is None
    assert desk.page.canvas.shows_notice == "No image is chosen"
    assert desk.page.headline() == ""
    desk.settled()


def test_the_hint_on_painting_is_said_until_it_is_closed(qtbot: QtBot, session: Session) -> None:
    desk = Desk(qtbot, session)
    words = [label for label in desk.page.findChildren(QLabel) if "Painting is optional" in label.text()]
    assert words and words[0].isVisible()
    close = words[0].parentWidget().findChild(QToolButton)
    assert close is not None
    close.click()
    assert not words[0].isVisible()
    assert session.memory.recall("annotate.painting is optional", False)
    desk.page.leave()


def test_what_wants_something_is_unlabelled_first_then_unpainted(qtbot: QtBot, session: Session, painted: Path) -> None:
    session.open(painted)
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
    table = session.table
    assert table is not None
    rows = np.arange(len(table))
    assert table.ids[progress.open_rows(table, rows)].tolist() == [13, 14]
    assert table.ids[rows[:12][progress.open_rows(table, rows[:12])]].tolist() == [10, 11, 12]
    assert progress.next_open(table, rows, 13, forward=True) == -1
    assert progress.first_open(table, rows[:0]) == -1
    assert progress.count(table, rows) == progress.Count(14, 4, 1, 2)
