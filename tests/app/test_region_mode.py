"""Drawing regions as a person does it: mouse and keys on the canvas, what is stored, what undo brings back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from app.canvas.tools.cells import CellTool
from app.canvas.view import Canvas
from app.dialogs.region_fits import RegionFits
from app.pages.annotate import region_hints as hints
from app.pages.annotate.region_strip import TOOLS
from app.pages.annotate.zone_list import NAME
from app.pages.annotate.zone_panel import ZonePanel
from core.annotation.roi import rasterise
from core.imaging import load_rgb8, save_png
from core.project import NewImage, Project
from core.project.records import Roi
from core.workflow import aligning
from tests.app.desk import Desk, DeskOpener

M = Qt.Key.Key_M
HELD = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """The page on the first image of the small project, 64 x 48 pixels."""
    return open_desk(project_file).go_to(1)


def roi(desk: Desk) -> Roi | None:
    """What the project holds of the view, once everything is written."""
    desk.settled()
    project = desk.session.project
    assert project is not None
    return project.roi(project.views()[0].id)


def present(desk: Desk) -> Roi:
    found = roi(desk)
    assert found is not None
    return found


def panel(desk: Desk) -> ZonePanel:
    """What the inspector says of the region."""
    found = desk.panel.findChild(ZonePanel)
    assert found is not None
    return found


def start(desk: Desk, key: Qt.Key | None = None) -> None:
    """Switch to regions, wait until they are read, take a tool."""
    desk.press(M)
    desk.qtbot.waitUntil(lambda: desk.page.region.board.found is not None)
    desk.settled()
    if key is not None:
        desk.press(key)


def test_a_region_of_a_new_product_is_a_key_and_a_drag(desk: Desk) -> None:
    start(desk)
    region = desk.page.region
    assert region.is_on and region.tool == "tool.rectangle" and desk.page.toolbar.isHidden()
    assert region.strip.all_images.text() == "All 14 images" and region.strip.all_images.isChecked()
    assert "applies to all 14 images" in panel(desk).place.text()
    first, last = desk.seen(8.5, 6.5), desk.seen(50.5, 40.5)

    desk.drag((8.5, 6.5), (20, 20), (50.5, 40.5))

    stored = present(desk)
    expected = np.zeros((48, 64), np.uint8)
    expected[int(first[1]) : int(last[1]) + 1, int(first[0]) : int(last[0]) + 1] = 1
    assert np.array_equal(rasterise(stored.zones, 64, 48), expected)
    assert stored.template_image_id == 1 and [zone.name for zone in stored.zones] == ["part"]
    assert desk.stored(1) is None, "no defect was painted"


def test_a_real_image_gets_the_region_that_was_drawn(desk: Desk, real_data: Path, tmp_path: Path) -> None:
    path = sorted((real_data / "full_resolution").glob("pill_good*.png"))[0]
    height, width = load_rgb8(path).shape[:2]
    desk.page.region.leave()
    desk.session.close()
    folder = tmp_path / "real"
    with Project.create(folder, "real") as made:
        made.add_images([NewImage(path, "pill", label="good", width=width, height=height)], root=path.parent)
    desk.session.open(folder)
    desk.qtbot.waitUntil(lambda: desk.session.is_complete and desk.session.project is not None, timeout=10_000)
    desk.go_to(1)
    start(desk)
    a, b = desk.seen(0.2 * width, 0.25 * height), desk.seen(0.8 * width, 0.7 * height)

    desk.drag((0.2 * width, 0.25 * height), (0.8 * width, 0.7 * height))

    expected = np.zeros((height, width), np.uint8)
    expected[int(a[1]) : int(b[1]) + 1, int(a[0]) : int(b[0]) + 1] = 1
    assert np.array_equal(rasterise(present(desk).zones, width, height), expected)


def test_every_change_is_undone_and_done_again(desk: Desk) -> None:
    start(desk)
    desk.drag((8, 6), (50, 40))
    one = present(desk)
    desk.drag((2, 2), (7, 45))
    two = present(desk)
    assert [zone.name for zone in two.zones] == ["part", "part 2"]
    for expected in (one, None, one, two):
        undo = (expected is one and present_or_none(desk) == two) or expected is None
        desk.actions.run("edit.undo" if undo else "edit.redo")
        desk.settled()
        assert roi(desk) == expected
        desk.qtbot.waitUntil(
            lambda expected=expected: len(desk.page.region.board.marks) == (len(expected.zones) if expected else 0)
        )


def present_or_none(desk: Desk) -> Roi | None:
    return roi(desk)


def test_zones_are_chosen_moved_resized_renamed_and_removed(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (30, 30))
    before = present(desk).zones[0].shape["box"]
    desk.press(Qt.Key.Key_Q)
    start_at, end_at = desk.seen(20, 20), desk.seen(26, 23)
    desk.drag((20, 20), (23, 21), (26, 23))
    dx, dy = round(end_at[0] - start_at[0]), round(end_at[1] - start_at[1])
    moved = present(desk).zones[0].shape["box"]
    assert moved == [before[0] + dx, before[1] + dy, before[2] + dx, before[3] + dy]

    corner = (moved[2], moved[3])
    start_at, end_at = desk.seen(*corner), desk.seen(corner[0] + 8, corner[1] + 4)
    desk.drag(corner, (corner[0] + 8, corner[1] + 4))
    larger = present(desk).zones[0].shape["box"]
    grown = (round(end_at[0] - start_at[0]), round(end_at[1] - start_at[1]))
    assert larger == [moved[0], moved[1], moved[2] + grown[0], moved[3] + grown[1]]

    table = panel(desk).table
    QTest.keyClick(table, Qt.Key.Key_F2)
    name = table.findChild(QLineEdit)
    assert name is not None
    name.selectAll()
    QTest.keyClicks(name, "rim b")  # b and m are keys of tools elsewhere
    QTest.keyClick(name, Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: [zone.name for zone in present(desk).zones] == ["rim b"])
    assert desk.page.region.tool == "tool.look" and desk.page.region.is_on

    QTest.mouseClick(desk.page.region.strip._signs["ignore"], Qt.MouseButton.LeftButton)
    assert present(desk).zones[0].sign == "ignore"
    desk.page.canvas.setFocus()
    desk.press(Qt.Key.Key_Delete)
    assert present(desk).zones == ()


def test_ignore_while_a_box_is_drawn_is_of_the_next_one(desk: Desk) -> None:
    start(desk)
    desk.drag((4, 4), (60, 44))
    assert [zone.sign for zone in present(desk).zones] == ["inspect"]
    QTest.mouseClick(desk.page.region.strip._signs["ignore"], Qt.MouseButton.LeftButton)
    desk.drag((10, 10), (20, 20))
    assert [(zone.name, zone.sign) for zone in present(desk).zones] == [("part", "inspect"), ("ignored", "ignore")]


def test_brush_and_eraser_change_the_chosen_zone(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (30, 30))
    box = present(desk).zones[0]
    desk.page.region.bench.set_size(5)
    desk.press(Qt.Key.Key_B)
    desk.drag((40.5, 40.5), (45.5, 40.5))
    painted = present(desk).zones[0]
    filled = rasterise([box], 64, 48)
    assert filled is not None and painted.mask is not None and painted.name == "part"
    extra = painted.mask.astype(int) - filled
    assert extra.min() == 0 and extra[38:43, 42].all() and extra.sum() < 80

    desk.press(Qt.Key.Key_E)
    desk.drag((40.5, 40.5), (45.5, 40.5))
    erased = present(desk).zones[0].mask
    assert erased is not None and np.array_equal(erased, filled)
    assert desk.stored(1) is None


def test_the_brush_begins_a_zone_where_none_is_chosen(desk: Desk) -> None:
    start(desk, Qt.Key.Key_B)
    desk.page.region.board.set_sign("ignore")
    desk.page.region.bench.set_size(7)
    desk.drag((20.5, 20.5), (30.5, 20.5))
    desk.drag((20.5, 25.5), (30.5, 25.5))
    (zone,) = present(desk).zones
    assert (zone.name, zone.sign) == ("ignored", "ignore") and zone.mask is not None and zone.mask[19:28, 25].all()


def test_five_cells_are_a_box_a_drag_and_enter(desk: Desk) -> None:
    start(desk, Qt.Key.Key_C)
    tool = desk.page.canvas.tool
    assert isinstance(tool, CellTool)
    desk.drag((4, 8), (12, 40))
    assert len(tool.boxes) == 5 and tool.first == tool.boxes[0]
    assert not desk.page.region.strip._repeat.isHidden()
    last = tool.boxes[-1]
    middle = ((last[0] + last[2]) / 2, (last[1] + last[3]) / 2)
    way = desk.seen(middle[0] - 2, middle[1] + 3)[0] - desk.seen(*middle)[0]
    desk.drag(middle, (middle[0] - 2, middle[1] + 3))
    assert tool.boxes[-1][0] == last[0] + round(way)
    desk.page.region.strip.count.setValue(4)
    boxes = tool.boxes
    assert len(boxes) == 4
    desk.page.canvas.setFocus()
    desk.press(Qt.Key.Key_Return)

    cells = present(desk).cells
    assert [cell.name for cell in cells] == ["1", "2", "3", "4"] and [cell.box for cell in cells] == boxes
    desk.actions.run("edit.undo")
    assert roi(desk) is None


def test_esc_gives_up_what_is_being_drawn(desk: Desk) -> None:
    start(desk, Qt.Key.Key_C)
    desk.drag((4, 8), (12, 40))
    desk.press(Qt.Key.Key_Escape)
    tool = desk.page.canvas.tool
    assert isinstance(tool, CellTool) and tool.boxes == []
    desk.press(Qt.Key.Key_R)
    canvas = desk.page.canvas
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=desk.at(5, 5))
    QTest.mouseMove(canvas, desk.at(30, 30))
    desk.press(Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=desk.at(30, 30))
    assert roi(desk) is None


def test_an_image_gets_a_region_of_its_own_and_follows_the_template_again(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (30, 30))
    template = present(desk).zones
    desk.go_to(2)
    desk.qtbot.waitUntil(lambda: len(desk.page.region.board.marks) == 1)
    QTest.mouseClick(desk.page.region.strip.this_image, Qt.MouseButton.LeftButton)
    assert present(desk).own == {2}
    desk.qtbot.waitUntil(lambda: "alone" in panel(desk).place.text())
    desk.drag((40, 5), (60, 20))
    found = present(desk)
    assert found.zones == template
    assert desk.session.project is not None
    assert len(desk.session.project.own_zones(found.id, 2)) == 2

    desk.session.set_selection([1, 2, 4, 5])
    assert panel(desk).copy.text() == "Copy to 3 chosen"
    QTest.mouseClick(panel(desk).copy, Qt.MouseButton.LeftButton)
    assert present(desk).own == {1, 2, 4, 5}
    QTest.mouseClick(desk.page.region.strip.all_images, Qt.MouseButton.LeftButton)
    assert present(desk).own == {1, 4, 5}
    desk.qtbot.waitUntil(lambda: len(desk.page.region.board.marks) == 1)


def test_what_is_drawn_on_a_shifted_image_becomes_the_template_s(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (30, 30))
    found = present(desk)
    project = desk.session.project
    assert project is not None
    from core.project import Alignment

    project.set_alignments(found.id, [Alignment(2, (1, 0, 6, 0, 1, 4), 0.9, "phase correlation", "model")])
    desk.go_to(2)
    desk.qtbot.waitUntil(lambda: desk.page.region.board.found is not None and bool(desk.page.region.board.marks))
    box = desk.page.region.board.marks[0].zone.shape["box"]
    assert box == [found.zones[0].shape["box"][i] + (6, 4)[i % 2] for i in range(4)]
    assert "Fit 0.90" in panel(desk).fits.text()
    desk.drag((40, 5), (60, 20))
    one, two = present(desk).zones
    drawn = desk.page.region.board.marks[1].zone.shape["box"]
    assert one == found.zones[0] and two.shape["box"] == [drawn[i] - (6, 4)[i % 2] for i in range(4)]


def test_back_to_defects_the_brush_paints_defects(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    start(desk)
    desk.drag((10, 10), (30, 30))
    desk.press(M)
    desk.settled()
    assert not desk.page.region.is_on and not desk.page.toolbar.isHidden() and desk.page.region.strip.isHidden()
    desk.shows(1)
    desk.drag((20.5, 20.5), (25.5, 20.5))
    mask = desk.stored(1)
    assert mask is not None and mask.any() and len(present(desk).zones) == 1


def test_the_frame_is_tinted_while_regions_are_drawn(desk: Desk) -> None:
    from tests.app.hand import screen

    plain = screen(desk.page.canvas).astype(int)
    start(desk)
    tinted = screen(desk.page.canvas).astype(int)
    assert (tinted[0, 0] != plain[0, 0]).any() and tuple(tinted[1, 1]) == (86, 180, 233)
    middle = np.array(tinted.shape[:2]) // 2
    assert tinted[middle[0], middle[1], 2] > plain[middle[0], middle[1], 2], "more blue, also over the image"


def test_without_the_right_to_write_no_region_is_drawn(qtbot: QtBot, desk: Desk, project_file: Path) -> None:
    desk.session.close()
    desk.settled()
    desk.session.open(project_file, read_only=True)
    qtbot.waitUntil(lambda: desk.session.is_complete and desk.session.project is not None, timeout=10_000)
    desk.page._begin()
    desk.press(M)
    assert not desk.page.region.is_on


def test_worst_fits_come_first_and_a_click_opens_the_image(desk: Desk, tmp_path: Path) -> None:
    project = desk.session.project
    assert project is not None
    blank = project.image(3)
    save_png(blank.path, np.full((48, 64, 3), 100, np.uint8))
    start(desk)
    desk.drag((2, 2), (60, 45))
    present(desk)
    QTest.mouseClick(panel(desk).fits, Qt.MouseButton.LeftButton)
    dialog = next(one for one in QApplication.topLevelWidgets() if isinstance(one, RegionFits))
    desk.qtbot.waitUntil(lambda: len(dialog.cards) == 12)
    assert "of 14 images were looked at; the region lies alike" in dialog.words.text()
    assert "may lie wrong" in dialog.cards[0].text()
    dialog.way.setCurrentIndex(1)
    dialog.way.activated.emit(1)
    desk.qtbot.waitUntil(lambda: "was laid over 14 of 14 images" in dialog.words.text())
    (view,) = project.views()
    assert aligning.fits(project, view).way == "translation" and aligning.fits(project, view).pending == 0
    worst = aligning.fits(project, view).worst(1)[0].image_id
    QTest.mouseClick(dialog.cards[0], Qt.MouseButton.LeftButton)
    desk.qtbot.waitUntil(lambda: desk.session.current == worst)
    desk.shows(worst)


def test_the_line_above_a_narrow_image_says_a_whole_sentence_or_a_shorter_one(desk: Desk) -> None:
    start(desk)
    hint, narrow = desk.page.region.strip.hint, 867  # beside the inspector of a window of 1280 px
    desk.page.region.strip.setFixedWidth(narrow)
    said = {}
    for command in TOOLS:
        desk.page.region.choose(command)
        QApplication.processEvents()
        said[command] = hint.shown
    assert all(said.values()), said
    desk.page.region.strip.show_cells(5)
    for words in (hints.of_tool("tool.polygon"), hints.of_repeated_cells()):
        desk.page.region.strip.say(*words)
        QApplication.processEvents()
        assert hint.shown in ("", words[1])  # never a part of a sentence
    assert hint.shown
    desk.page.region.strip.show_cells(None)
    desk.page.region.choose("tool.polygon")
    desk.page.region.strip.setFixedWidth(1400)
    QApplication.processEvents()
    assert hint.shown == panel(desk).hint.text() != said["tool.polygon"]


def test_f2_on_the_image_renames_the_chosen_zone(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (30, 30))
    present(desk)
    desk.page.canvas.setFocus()
    label = desk.session.table.label.tolist() if desk.session.table is not None else []
    desk.press(Qt.Key.Key_F2)
    table = panel(desk).table
    desk.qtbot.waitUntil(lambda: table.findChild(QLineEdit) is not None)
    name = table.findChild(QLineEdit)
    QTest.keyClicks(name, "laser mark")  # l, k and m label, and leave the mode, on the image
    QTest.keyClick(name, Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: [zone.name for zone in present(desk).zones] == ["laser mark"])
    assert desk.page.region.is_on
    assert desk.session.table is not None and desk.session.table.label.tolist() == label


def test_once_drawn_nothing_says_that_there_is_no_region(desk: Desk) -> None:
    start(desk)
    image_panel = desk.page.region.panel
    assert image_panel is not None and not image_panel._checks["roi"].isEnabled()
    desk.drag((10, 10), (30, 30))
    present(desk)
    desk.qtbot.waitUntil(lambda: image_panel._checks["roi"].isEnabled())
    assert image_panel._roi_note.text() == ""


def test_typing_a_name_never_draws(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (30, 30))
    before = present(desk)
    table = panel(desk).table
    QTest.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(table.zones.index(0, NAME)).center()
    )
    QTest.keyClick(table, Qt.Key.Key_F2)
    name = table.findChild(QLineEdit)
    assert name is not None
    QTest.keyClicks(name, "mbrecq")
    assert desk.page.region.is_on and desk.page.region.tool == "tool.look"
    QTest.keyClick(name, Qt.Key.Key_Escape)
    assert present(desk) == before
    assert isinstance(desk.page.canvas, Canvas)
