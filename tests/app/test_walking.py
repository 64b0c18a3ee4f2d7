"""Going through images while painting: what was begun stays, the list stays, the class that is meant is in the hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.walking import place_beside
from core.project import Project
from tests.app.desk import Desk, DeskOpener


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """Images 9 to 12 are defective; 10 is of the second class."""
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack")
        project.add_class("dirt")
        project.set_label([10], "defective", defect_class="dirt")
    return open_desk(project_file).go_to(9)


def test_from_an_image_beside_the_list_one_goes_to_its_neighbours(desk: Desk) -> None:
    table = desk.session.table
    order = np.array([2, 5, 9], np.int64)
    assert place_beside(table, order, 6, 1) == 2 and place_beside(table, order, 6, -1) == 1
    assert place_beside(table, order, 1, -1) == -1 and place_beside(table, order, 12, 1) == 3
    assert place_beside(table, order[::-1], 6, 1) == 0  # by score nothing lies beside it


def test_a_polygon_of_three_corners_is_painted_when_one_goes_on(desk: Desk) -> None:
    desk.press(Qt.Key.Key_P)
    for corner in ((10, 10), (30, 10), (30, 30)):
        QTest.mouseClick(desk.page.canvas, Qt.MouseButton.LeftButton, pos=desk.at(*corner))
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert desk.stored(10) is None
    mask = desk.stored(9)
    assert mask is not None and mask[12, 25] == 1 and mask[28, 12] == 0
    assert any("Ctrl+Z" in one for one in said)


def test_the_class_follows_the_image_where_nothing_is_painted(desk: Desk) -> None:
    bench = desk.page.painting.bench
    assert bench.class_id == 1
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert bench.class_id == 2
    desk.press(Qt.Key.Key_1)
    desk.session.reload()
    desk.settled()
    assert bench.class_id == 1  # a person's choice stays while the image does


def test_undo_on_an_image_beside_the_list_leaves_the_list(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.drag((20, 20))
    assert desk.stored(9) is not None
    desk.session.set_order([1, 2, 11], "Chosen")
    desk.session.set_current(2)
    desk.shows(2)
    desk.page.painting.undo()
    desk.qtbot.waitUntil(lambda: desk.session.current == 9)
    assert desk.session.order.tolist() == [1, 2, 11] and desk.session.order_title == "Chosen"
    desk.shows(9)
    desk.press(Qt.Key.Key_D)
    assert desk.session.current == 11


def test_a_label_that_stands_already_is_no_step(desk: Desk) -> None:
    project = desk.session.project
    assert project is not None
    before = project.next_undo()
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.session.label([9], "defective")
    desk.settled()
    assert said == ["Already labelled Defective"] and project.next_undo() == before
