"""Masks of two people that differ: from the report to the image, both seen, chosen by a key, undone, remembered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.canvas.theirs import LAYER
from app.dialogs.annotations import ExportAnnotations, ImportAnnotations
from app.pages.annotate import AnnotatePage
from app.pages.annotate.chooser import QueueChooser
from core.annotation.masks import Mask
from core.project import Project
from core.workflow.annotations import import_annotations
from tests.app.conftest import WindowMaker
from tests.app.desk import Desk, DeskOpener
from tests.app.test_annotations_dialogs import dialog, finished, opened

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def box(x0: int, y0: int, x1: int, y1: int, value: int = 1) -> Mask:
    mask = np.zeros((48, 64), np.uint8)
    mask[y0:y1, x0:x1] = value
    return mask


MINE, THEIRS = box(30, 20, 44, 28), box(34, 18, 50, 26)


def file_of(folder: Path, code: str = "crack") -> Path:
    """CD drew the same box on the images 9 to 11."""
    corners = [[34, 18, 50, 18, 50, 26, 34, 26]]
    images = [{"id": n, "file_name": f"part {n - 1:02}.png", "width": 64, "height": 48} for n in (9, 10, 11)]
    shapes = [{"id": n, "image_id": n, "category_id": 1, "segmentation": corners} for n in (9, 10, 11)]
    document = {"images": images, "annotations": shapes, "categories": [{"id": 1, "name": code}]}
    folder.mkdir(exist_ok=True)
    (folder / "cd.json").write_text(json.dumps(document))
    return folder / "cd.json"


@pytest.fixture
def painted(project_file: Path) -> Path:
    """AB painted the images 9 to 11; on 11 just what CD did."""
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack")
        for image, mask in ((9, MINE), (10, MINE), (11, THEIRS)):
            project.import_mask(image, mask, origin="person")
    return project_file


@pytest.fixture
def desk(open_desk: DeskOpener, painted: Path, tmp_path: Path) -> Desk:
    """The masks of CD came in, and image 9 is shown among all of the view."""
    with Project.open(painted, author="AB") as project:
        import_annotations(project, file_of(tmp_path / "cd"), author="CD")
    return open_desk(painted).go_to(9)


def amount(desk: Desk) -> str:
    chooser = desk.page.findChild(QueueChooser)
    assert chooser is not None
    return chooser.text()


def test_conflicts_are_walked_through_and_each_choice_is_a_step(desk: Desk) -> None:
    page, strip = desk.page, desk.page.conflicts.strip
    assert strip.isVisible() and page.canvas.layer(LAYER) is not None
    assert (strip.mine.text(), strip.other.text()) == ("AB, painted", "CD, imported")
    assert [one.text() for one in strip.buttons.values()] == ["Keep mine", "Take CD’s", "Join both"]
    desk.qtbot.waitUntil(lambda: strip.words.text() == "120 px differ in place")
    page.flow.queues.choose("conflicts")
    assert desk.session.order.tolist() == [9, 10] and amount(desk).endswith("0 of 2 decided")
    desk.press(Qt.Key.Key_T, SHIFT)  # theirs; on to the next
    desk.shows(10)
    assert amount(desk).endswith("1 of 2 decided")
    np.testing.assert_array_equal(desk.stored(9), THEIRS)
    desk.press(Qt.Key.Key_J, SHIFT)
    desk.qtbot.waitUntil(lambda: amount(desk).endswith("2 of 2 decided"))
    np.testing.assert_array_equal(desk.stored(10), np.maximum(MINE, THEIRS))
    desk.qtbot.waitUntil(lambda: strip.words.text().startswith("Decided: joined"))
    sheet = page.painting.bench.sheet
    assert sheet is not None and np.array_equal(sheet.labels, np.maximum(MINE, THEIRS))
    desk.press(Qt.Key.Key_Z, CTRL)
    desk.qtbot.waitUntil(lambda: amount(desk).endswith("1 of 2 decided"))
    np.testing.assert_array_equal(desk.stored(10), MINE)
    desk.press(Qt.Key.Key_Z, CTRL)
    desk.shows(9)
    np.testing.assert_array_equal(desk.stored(9), MINE)
    desk.qtbot.waitUntil(lambda: amount(desk).endswith("0 of 2 decided"))
    desk.press(Qt.Key.Key_K, SHIFT)
    desk.shows(10)
    assert amount(desk).endswith("1 of 2 decided")
    desk.session.set_current(11)
    desk.shows(11)
    assert not strip.isVisible() and page.canvas.layer(LAYER) is None  # CD and AB agree there


def test_what_is_painted_meanwhile_counts_and_the_other_mask_is_seen(desk: Desk) -> None:
    strip, canvas = desk.page.conflicts.strip, desk.page.canvas
    inside, edge = desk.at(36, 24), desk.at(50, 22)
    picture = canvas.grab().toImage()
    white = [picture.pixelColor(edge.x() + dx, edge.y() + dy) for dx in (-1, 0, 1) for dy in range(-4, 5)]
    assert any(min(one.red(), one.green(), one.blue()) > 200 for one in white)  # CD's edge
    assert picture.pixelColor(inside.x() + 3, inside.y() + 3).red() > 150  # AB's fill
    desk.qtbot.waitUntil(lambda: strip.words.text() == "120 px differ in place")
    desk.press(Qt.Key.Key_R)
    desk.drag((44.5, 20.5), (49.5, 25.5))
    desk.press(Qt.Key.Key_Return)
    desk.stored(9)
    desk.qtbot.waitUntil(lambda: strip.words.text() not in ("120 px differ in place", ""))
    desk.press(Qt.Key.Key_R)
    desk.press(Qt.Key.Key_T, SHIFT)
    desk.qtbot.waitUntil(lambda: not strip.isVisible())  # decided, and another list is walked through
    np.testing.assert_array_equal(desk.stored(9), THEIRS)


def test_from_the_report_to_the_image_and_all_of_it_taken_back(
    qtbot: QtBot, window_maker: WindowMaker, painted: Path, tmp_path: Path
) -> None:
    window = opened(qtbot, window_maker, painted)
    project = window.session.project
    assert project is not None
    project.author = "AB"
    back = dialog(qtbot, window, "file.import_annotations", ImportAnnotations)
    back.author.setText("CD")
    back.set_place(file_of(tmp_path / "cd", "dent"))
    finished(qtbot, back)
    assert [name for _, name, _ in back.findings] == ["part 08.png", "part 09.png", "part 10.png"]
    assert "120 pixels differ in place" in back.findings[0][2] and "in class" in back.findings[0][2]
    assert "the same place, another class on 128 pixels" in back.findings[2][2] and "IoU" not in back.findings[2][2]
    assert back.walk.isVisible() and "Ctrl+Z takes all of it back" in back.said.text()
    back.list.setCurrentItem(back.list.topLevelItem(1))
    back.list.setFocus()
    QTest.keyClick(back.list, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: isinstance(window.page, AnnotatePage) and window.page.shown == 10)
    page = window.page
    assert isinstance(page, AnnotatePage) and QApplication.activeModalWidget() is None
    qtbot.waitUntil(lambda: page.flow.queues.queue == "conflicts" and page.conflicts.strip.isVisible())
    assert window.session.order.tolist() == [9, 10, 11] and page.flow.queues.amount("conflicts") == "0 of 3 decided"
    qtbot.waitUntil(lambda: window.session.background.is_idle)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(page.canvas, Qt.Key.Key_Z, CTRL)
    qtbot.waitUntil(lambda: not page.conflicts.strip.isVisible() and page.painting.bench.sheet is not None)
    assert [one.code for one in project.classes()] == ["crack"] and project.conflicts() == []
    qtbot.waitUntil(lambda: window.session.background.is_idle)


def test_an_export_proposes_what_was_done_last(
    qtbot: QtBot, window_maker: WindowMaker, painted: Path, tmp_path: Path
) -> None:
    window = opened(qtbot, window_maker, painted)
    out = dialog(qtbot, window, "file.export_annotations", ExportAnnotations)
    out.formats.setCurrentIndex(out.formats.findData("coco"))
    out.shapes.setCurrentIndex(out.shapes.findData("masks"))
    (tmp_path / "out").mkdir()
    out.set_place(tmp_path / "out")
    finished(qtbot, out)
    out.accept()
    again = ExportAnnotations(window.session, window)
    again.open()
    assert (again.formats.currentData(), again.shapes.currentData()) == ("coco", "masks")
    assert again.where.text() == str(tmp_path / "out") and again.go.isEnabled()
    again.close()
