"""Painting as a person does it: a real mouse on the page, and what the project holds afterwards."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSpinBox
from pytestqt.qtbot import QtBot

from app.session import Session
from core.annotation.strokes import sweep
from core.project import Project
from tests.app.desk import Desk, DeskOpener

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
WIDTH, HEIGHT = 64, 48


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """Image 9, defective and without a mask, in a project of two classes."""
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack")
        project.add_class("dirt")
    return open_desk(project_file).go_to(9)


def expected(desk: Desk, *points: tuple[float, float], size: int, value: int = 1) -> np.ndarray:
    """The mask that a round brush leaves on its way."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    ways = list(pairwise(points)) or [(points[0], points[0])]
    for start, end in ways:
        swept = sweep(desk.seen(*start), desk.seen(*end), size, "round", WIDTH, HEIGHT)
        assert swept is not None
        bits, (x0, y0, x1, y1) = swept
        mask[y0:y1, x0:x1][bits] = value
    return mask


def stored(desk: Desk) -> np.ndarray:
    mask = desk.stored(9)
    return np.zeros((HEIGHT, WIDTH), np.uint8) if mask is None else mask


def test_a_stroke_is_in_the_project_as_it_was_painted(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.page.painting.bench.set_size(5)
    way = ((10.5, 10.5), (30.2, 14.8), (31.0, 40.0))
    desk.drag(*way)
    np.testing.assert_array_equal(stored(desk), expected(desk, *way, size=5))
    sheet = desk.page.painting.bench.sheet
    assert sheet is not None
    np.testing.assert_array_equal(sheet.labels, stored(desk))


def test_the_right_button_erases_and_numbers_choose_the_class(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.page.painting.bench.set_size(9)
    desk.press(Qt.Key.Key_2)
    desk.drag((20, 20))
    desk.drag((20, 20), (24, 20), button=RIGHT)
    mask = expected(desk, (20, 20), size=9, value=2)
    mask[expected(desk, (20, 20), (24, 20), size=9) > 0] = 0
    np.testing.assert_array_equal(stored(desk), mask)


def test_shift_draws_a_straight_line_from_the_last_point(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.page.painting.bench.set_size(3)
    desk.drag((8, 8))
    desk.drag((50, 30), held=Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_array_equal(stored(desk), expected(desk, (8, 8), (50, 30), size=3))


def test_only_empty_pixels_are_painted_when_one_wants_that(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    bench = desk.page.painting.bench
    bench.set_size(9)
    desk.drag((20, 20))
    bench.set_only_empty(True)
    desk.press(Qt.Key.Key_2)
    desk.drag((24, 20))
    mask = expected(desk, (24, 20), size=9, value=2)
    mask[expected(desk, (20, 20), size=9) > 0] = 1
    np.testing.assert_array_equal(stored(desk), mask)


def test_undo_and_redo_stroke_by_stroke(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.page.painting.bench.set_size(5)
    states = [stored(desk)]
    for number in range(4):
        desk.drag((10 + 8 * number, 12), (12 + 8 * number, 30))
        states.append(stored(desk))
    sheet = desk.page.painting.bench.sheet
    assert sheet is not None
    for state in reversed(states[:-1]):
        desk.page.painting.undo()
        np.testing.assert_array_equal(stored(desk), state)
        np.testing.assert_array_equal(sheet.labels, state)
    for state in states[1:]:
        desk.page.painting.redo()
        np.testing.assert_array_equal(stored(desk), state)
        np.testing.assert_array_equal(sheet.labels, state)


def test_escape_gives_a_stroke_up(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    canvas = desk.page.canvas
    QTest.mousePress(canvas, LEFT, Qt.KeyboardModifier.NoModifier, desk.at(20, 20))
    sheet = desk.page.painting.bench.sheet
    assert sheet is not None and sheet.labels.any()
    desk.press(Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, Qt.KeyboardModifier.NoModifier, desk.at(20, 20))
    assert not sheet.labels.any() and not stored(desk).any()


def test_a_long_stroke_is_stored_on_its_way_and_undone_as_one(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.page.painting.bench.set_size(5)
    canvas = desk.page.canvas
    QTest.mousePress(canvas, LEFT, Qt.KeyboardModifier.NoModifier, desk.at(10, 10))
    desk.qtbot.waitUntil(lambda: bool(stored(desk).any()))  # the button is still down
    QTest.mouseMove(canvas, desk.at(40, 10))
    QTest.mouseRelease(canvas, LEFT, Qt.KeyboardModifier.NoModifier, desk.at(40, 10))
    np.testing.assert_array_equal(stored(desk), expected(desk, (10, 10), (40, 10), size=5))
    desk.page.painting.undo()
    assert not stored(desk).any()


def test_painting_an_image_without_a_label_makes_it_defective(desk: Desk) -> None:
    desk.press(Qt.Key.Key_L)
    desk.session.set_current(9)
    desk.shows(9)
    desk.settled()
    assert desk.label_of(9) == "unlabelled"
    desk.press(Qt.Key.Key_B)
    desk.drag((20, 20))
    desk.settled()
    assert desk.label_of(9) == "defective"
    desk.page.painting.undo()
    desk.settled()
    assert desk.label_of(9) == "unlabelled"


def test_each_project_keeps_the_size_of_its_brushes(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    session, benches = desk.session, (desk.page.painting.bench, desk.page.region.bench)
    assert session.project is not None
    first = session.project.file
    with Project.create(tmp_path / "other", "other") as other:
        second = other.file

    def sizes_in(file: Path) -> list[int]:
        session.open(file)
        qtbot.waitUntil(lambda: session.project is not None and session.project.file == file and session.is_complete)
        return [bench.size for bench in benches]

    for bench, size in zip(benches, (7, 20), strict=True):
        bench.set_size(size)
    assert sizes_in(second) == [7, 20]  # new: as they were last
    for bench in benches:
        bench.set_size(64)
    assert sizes_in(first) == [7, 20]
    assert sizes_in(second) == [64, 64]


def test_typing_a_number_never_chooses_or_paints(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    field = desk.page.options.findChild(QSpinBox)
    assert field is not None
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "2")
    QTest.keyClick(field, Qt.Key.Key_E)
    assert desk.page.painting.bench.size == 2
    assert desk.page.painting.bench.class_id == 1 and desk.page.painting.tool == "tool.brush"
    assert not stored(desk).any()


def test_a_project_without_classes_gets_one_with_its_first_stroke(
    session: Session, open_desk: DeskOpener, project_file: Path
) -> None:
    desk = open_desk(project_file).go_to(9)
    desk.press(Qt.Key.Key_B)
    desk.drag((20, 20))
    assert set(np.unique(stored(desk))) == {0, 1}
    assert session.project is not None and [one.code for one in session.project.classes()] == ["defect"]
    desk.qtbot.waitUntil(lambda: len(session.classes) == 1)
