"""Undo and redo where they meet something else on its way: an open stroke, an image being read, another product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.imaging import save_png
from core.project import NewImage, Project
from tests.app.desk import Desk, DeskOpener

LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """Image 9 on screen, a brush in the hand; image 15 is of another product."""
    other = project_file.parent.parent / "pictures" / "vial.png"
    save_png(other, np.full((48, 64, 3), 120, np.uint8))
    with Project.open(project_file, author="AB") as project:
        project.add_images([NewImage(other, "vial", width=64, height=48)], root=other.parent)
        project.add_class("crack")
        project.add_class("dirt")
    return open_desk(project_file).go_to(9).take_brush()


def shows(desk: Desk, image_id: int) -> None:
    desk.session.show_image(image_id)
    seen(desk, image_id)


def seen(desk: Desk, image_id: int) -> None:
    desk.shows(image_id)
    desk.qtbot.waitUntil(lambda: desk.page.painting.bench.sheet is not None)


def agrees(desk: Desk, image_id: int) -> np.ndarray:
    """What is seen, once it is what the project holds."""
    mask, sheet = desk.stored(image_id), desk.page.painting.bench.sheet
    assert sheet is not None
    np.testing.assert_array_equal(sheet.labels, np.zeros((48, 64), np.uint8) if mask is None else mask)
    return sheet.labels.copy()


def test_undo_shows_the_image_of_another_product_and_redo_again(desk: Desk) -> None:
    shows(desk, 15)
    desk.drag((20, 20))
    shows(desk, 9)
    assert 15 not in desk.session.order
    desk.page.painting.undo()
    seen(desk, 15)
    assert not agrees(desk, 15).any() and desk.session.product == "vial"
    shows(desk, 9)
    desk.page.painting.redo()
    seen(desk, 15)
    assert agrees(desk, 15).any()


def test_undo_in_the_middle_of_a_stroke_gives_up_that_stroke_alone(desk: Desk) -> None:
    desk.drag((10, 10))
    before = agrees(desk, 9)
    QTest.mousePress(desk.page.canvas, LEFT, NO_KEY, desk.at(30, 30))
    desk.page.painting.undo()
    QTest.mouseRelease(desk.page.canvas, LEFT, NO_KEY, desk.at(30, 30))
    np.testing.assert_array_equal(agrees(desk, 9), before)


def test_many_undos_at_once_and_a_stroke_between_them(desk: Desk) -> None:
    for x in (10, 20, 30, 40):
        desk.drag((x, 20))
    agrees(desk, 9)
    for _ in range(3):
        desk.page.painting.undo()
    desk.drag((50, 40))  # refused: undos are on their way
    assert np.unique(agrees(desk, 9)[:, 20:]).tolist() == [0]
    desk.drag((50, 40))
    after = agrees(desk, 9)
    desk.page.painting.redo()  # nothing: a new stroke was painted
    np.testing.assert_array_equal(agrees(desk, 9), after)


def test_undo_while_the_image_is_still_being_read(desk: Desk) -> None:
    desk.drag((10, 10))
    shows(desk, 10)
    desk.drag((20, 20))
    desk.session.set_current(9)
    desk.page.painting.undo()  # of image 10, which is left just now
    seen(desk, 10)
    assert not agrees(desk, 10).any()
    desk.session.set_current(9)
    desk.qtbot.waitUntil(lambda: desk.page.shown == 9)
    desk.page.painting.undo()  # of image 9, whose mask may not be there yet
    seen(desk, 9)
    assert not agrees(desk, 9).any()


def test_one_stroke_on_each_visit_is_one_step_of_undo(desk: Desk) -> None:
    desk.drag((10, 10))
    first = agrees(desk, 9)
    shows(desk, 10)
    shows(desk, 9)
    desk.drag((30, 30))
    agrees(desk, 9)
    desk.page.painting.undo()
    np.testing.assert_array_equal(agrees(desk, 9), first)


def test_a_label_in_the_middle_of_a_long_stroke_is_not_taken_for_it(desk: Desk) -> None:
    canvas = desk.page.canvas
    QTest.mousePress(canvas, LEFT, NO_KEY, desk.at(10, 10))
    desk.qtbot.waitUntil(lambda: desk.stored(9) is not None)  # a part is stored, the button is down
    desk.page.label("good")
    assert desk.session.current == 9
    desk.press(Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NO_KEY, desk.at(10, 10))
    assert not agrees(desk, 9).any() and desk.label_of(9) == "defective"


def test_a_merge_of_classes_and_its_undo_never_meet_a_stroke(desk: Desk) -> None:
    desk.drag((20, 20))
    before = agrees(desk, 9)
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.session.rewrite_masks(lambda project: project.merge_class(1, 2), why="Classes are being merged")
    desk.drag((20, 20))
    assert said == ["Classes are being merged"]
    desk.settled()
    seen(desk, 9)
    assert np.unique(agrees(desk, 9)).tolist() == [0, 2]
    desk.page.painting.undo()
    desk.drag((22, 20))
    desk.settled()
    seen(desk, 9)
    np.testing.assert_array_equal(agrees(desk, 9), before)
    desk.drag((22, 20))
    agrees(desk, 9)


def test_an_undo_that_a_closing_project_overtakes_blocks_nothing(desk: Desk, project_file: Path) -> None:
    desk.drag((20, 20))
    desk.page.painting.undo()
    desk.session.close()
    desk.session.open(project_file)
    desk.qtbot.waitUntil(lambda: desk.session.is_complete)
    shows(desk, 9)
    desk.page.painting.choose("tool.look")
    desk.page.painting.choose("tool.brush")
    desk.drag((30, 30))
    assert agrees(desk, 9).any()
