"""The zones of a region under a hand: where the image lies, the template, the list, names, corners, undo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from app.pages.annotate.zone_list import AREA, KIND, NAME, REMOVE, ZoneTable
from app.pages.annotate.zone_panel import ZonePanel
from core.annotation.roi import rasterise
from core.annotation.shapes import polygon
from core.project import Alignment
from core.project.records import Roi, Zone
from tests.app.desk import Desk, DeskOpener

CLICK = Qt.MouseButton.LeftButton
GOOD, OTHER_GOOD, DEFECTIVE = 1, 2, 9
FOUR = ((10.0, 10.0), (50.0, 12.0), (52.0, 40.0), (12.0, 38.0))


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """The page on the first image of the small project, 64 x 48 pixels."""
    return open_desk(project_file).go_to(GOOD)


def start(desk: Desk) -> None:
    desk.press(Qt.Key.Key_M)
    desk.qtbot.waitUntil(lambda: desk.page.region.board.found is not None)
    desk.settled()


def present(desk: Desk) -> Roi:
    """The region in the project, once it is written and read again."""
    desk.settled()
    project = desk.session.project
    assert project is not None
    found = project.roi(project.views()[0].id)
    assert found is not None
    desk.qtbot.waitUntil(lambda: len(desk.page.region.board.marks) == len(found.zones))
    desk.settled()
    return found


def panel(desk: Desk) -> ZonePanel:
    found = desk.panel.findChild(ZonePanel)
    assert found is not None
    return found


def cell(desk: Desk, row: int, column: int) -> tuple[ZoneTable, QModelIndex, QPoint]:
    table = panel(desk).table
    index = table.zones.index(row, column)
    return table, index, table.visualRect(index).center()


def click(desk: Desk, row: int, column: int) -> None:
    table, _, place = cell(desk, row, column)
    QTest.mouseClick(table.viewport(), CLICK, pos=place)


def field(desk: Desk, row: int) -> QLineEdit:
    """The field that a double click on a name opens."""
    table, _, place = cell(desk, row, NAME)
    QTest.mouseClick(table.viewport(), CLICK, pos=place)
    QTest.mouseDClick(table.viewport(), CLICK, pos=place)
    found = table.findChild(QLineEdit)
    assert found is not None and found.isVisible()
    found.selectAll()
    return found


def draw(desk: Desk, corners: tuple[tuple[float, float], ...]) -> None:
    """Click the corners of a polygon, Enter."""
    desk.press(Qt.Key.Key_P)
    for x, y in corners:
        QTest.mouseClick(desk.page.canvas, CLICK, pos=desk.at(x, y))
    desk.press(Qt.Key.Key_Return)


def points(zone: Zone) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zone.shape["polygon"]]


def near(found: tuple[float, float], wanted: tuple[float, float]) -> bool:
    return max(abs(a - b) for a, b in zip(found, wanted, strict=True)) < 0.01


# -- where the image lies


@pytest.mark.parametrize("size", [(1200, 700), (1280, 480)])
@pytest.mark.parametrize("key", [Qt.Key.Key_Q, Qt.Key.Key_B, Qt.Key.Key_U])
@pytest.mark.parametrize("zoomed", [False, True])
def test_the_image_stays_where_it_is(desk: Desk, size: tuple[int, int], key: Qt.Key, zoomed: bool) -> None:
    desk.window.resize(*size)
    desk.press(key)
    desk.settled()
    canvas = desk.page.canvas
    if zoomed:
        canvas.zoom_to(9.0)
        canvas.pan(13, -7)

    def places() -> list[QPoint]:
        return [canvas.mapToGlobal(desk.at(*point)) for point in ((0, 0), (20.5, 30.5), (64, 48))]

    before, view = places(), canvas.view
    start(desk)
    assert places() == before and canvas.view == view
    for tool in (Qt.Key.Key_B, Qt.Key.Key_C, Qt.Key.Key_Q):
        desk.press(tool)
        assert places() == before, "nor does a tool move it"
    desk.press(Qt.Key.Key_M)
    desk.shows(GOOD)
    assert places() == before and canvas.view == view


# -- the template


def test_the_first_region_is_drawn_on_a_good_image(desk: Desk) -> None:
    desk.session.set_current(DEFECTIVE)
    desk.shows(DEFECTIVE)
    assert desk.label_of(DEFECTIVE) == "defective"
    desk.press(Qt.Key.Key_M)
    desk.qtbot.waitUntil(lambda: desk.session.current != DEFECTIVE)
    led = desk.session.current
    assert led is not None and desk.label_of(led) == "good"
    desk.shows(led)
    desk.qtbot.waitUntil(lambda: desk.page.region.board.found is not None)
    assert "(good) the template" in panel(desk).template.text()
    desk.session.set_current(DEFECTIVE)  # a person may insist
    desk.shows(DEFECTIVE)
    assert "(defective)" in panel(desk).template.text() and panel(desk).lead_button.isVisible()
    desk.drag((8, 6), (50, 40))
    assert present(desk).template_image_id == DEFECTIVE
    assert panel(desk).template.property("role") == "warning"


def test_another_image_becomes_the_template(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (30, 30))
    found = present(desk)
    assert found.template_image_id == GOOD and "this image" in panel(desk).template.text()
    assert desk.session.project is not None
    desk.session.project.set_alignments(found.id, [Alignment(OTHER_GOOD, (1, 0, 6, 0, 1, 4), 0.9, "", "model")])
    desk.session.set_current(OTHER_GOOD)
    desk.shows(OTHER_GOOD)
    desk.qtbot.waitUntil(panel(desk).take_button.isVisible)
    assert "(good)" in panel(desk).template.text() and panel(desk).show_button.isVisible()
    box = found.zones[0].shape["box"]

    QTest.mouseClick(panel(desk).take_button, CLICK)

    taken = present(desk)
    assert taken.template_image_id == OTHER_GOOD
    assert taken.zones[0].shape["box"] == [box[0] + 6, box[1] + 4, box[2] + 6, box[3] + 4]
    desk.actions.run("edit.undo")
    assert present(desk).template_image_id == GOOD
    desk.qtbot.waitUntil(panel(desk).show_button.isVisible)
    QTest.mouseClick(panel(desk).show_button, CLICK)
    desk.shows(GOOD)


# -- the list


def test_zones_are_listed_with_kind_and_area(desk: Desk) -> None:
    start(desk)
    desk.drag((4, 4), (60, 44))
    QTest.mouseClick(desk.page.region.strip._signs["ignore"], CLICK)
    desk.drag((10, 10), (20, 20))
    zones = present(desk).zones
    table = panel(desk).table
    rows = [[table.zones.index(row, column).data() for column in (NAME, KIND)] for row in range(2)]
    assert rows == [["part", "Inspect"], ["ignored", "Ignore"]]
    x0, y0, x1, y1 = zones[0].shape["box"]
    pixels = (x1 - x0) * (y1 - y0)
    share = f"{100 * pixels / (64 * 48):.1f} %"
    assert table.zones.index(0, AREA).data() == f"{pixels:,} px\n{share}"
    table.set_scale(50.0)
    assert table.zones.index(0, AREA).data() == f"{pixels:,} px\n{pixels * 0.0025:.3g} mm² · {share}"
    assert not desk.page._panel.class_list.isVisible()  # type: ignore[union-attr]
    desk.press(Qt.Key.Key_M)
    desk.shows(GOOD)
    assert desk.page._panel.class_list.isVisible() and not table.isVisible()  # type: ignore[union-attr]


def test_a_click_chooses_in_the_list_and_on_the_image(desk: Desk) -> None:
    from tests.app.hand import screen

    start(desk)
    desk.drag((4, 4), (30, 40))
    desk.drag((40, 4), (60, 40))
    present(desk)
    board, table = desk.page.region.board, panel(desk).table
    assert board.chosen == ("zone", 1) and table.currentIndex().row() == 1
    plain = screen(desk.page.canvas).astype(int)
    click(desk, 0, NAME)
    assert board.chosen == ("zone", 0) and desk.page.region.tool == "tool.look"
    box = board.outline(("zone", 0))
    assert box is not None
    corner = desk.at(box[0], box[1])
    now = screen(desk.page.canvas).astype(int)
    rows, columns = slice(corner.y() - 3, corner.y() + 4), slice(corner.x() - 3, corner.x() + 4)
    assert np.abs(now - plain)[rows, columns].max() > 100, "it has handles now"
    QTest.mouseClick(desk.page.canvas, CLICK, pos=desk.at(50, 20))
    assert board.chosen == ("zone", 1) and table.currentIndex().row() == 1
    QTest.mouseClick(desk.page.canvas, CLICK, pos=desk.at(35, 46))
    assert board.chosen is None and not table.selectionModel().hasSelection()


def test_kind_and_end_of_a_zone_from_the_list_are_undone(desk: Desk) -> None:
    start(desk)
    desk.drag((4, 4), (30, 40))
    desk.drag((40, 4), (60, 40))
    before = present(desk)
    click(desk, 0, KIND)
    menu = panel(desk).table.kinds
    assert menu is not None and [action.isChecked() for action in menu.actions()] == [True, False]
    QTest.mouseClick(menu, CLICK, pos=menu.actionGeometry(menu.actions()[1]).center())
    desk.qtbot.waitUntil(lambda: [zone.sign for zone in present(desk).zones] == ["ignore", "inspect"])
    click(desk, 1, REMOVE)
    desk.qtbot.waitUntil(lambda: [zone.name for zone in present(desk).zones] == ["part"])
    click(desk, 0, AREA)
    QTest.keyClick(panel(desk).table, Qt.Key.Key_Delete)
    desk.qtbot.waitUntil(lambda: present(desk).zones == ())
    for _ in range(3):
        desk.actions.run("edit.undo")
        desk.settled()
    assert present(desk) == before


# -- names


def test_a_name_that_is_taken_is_refused_at_the_field(desk: Desk) -> None:
    start(desk)
    desk.drag((4, 4), (30, 40))
    desk.drag((40, 4), (60, 40))
    before = present(desk)
    name = field(desk, 1)
    QTest.keyClicks(name, "part")
    assert panel(desk).wrong.isVisible() and "already" in panel(desk).wrong.text() and name.property("wrong")
    QTest.keyClick(name, Qt.Key.Key_Return)
    desk.settled()
    assert name.isVisible() and present(desk) == before, "the field stays open"
    QTest.keyClicks(name, "ner")
    assert not panel(desk).wrong.isVisible()
    QTest.keyClick(name, Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: [zone.name for zone in present(desk).zones] == ["part", "partner"])
    desk.actions.run("edit.undo")
    assert present(desk) == before


def test_a_field_with_a_taken_name_is_left_without_a_change(desk: Desk) -> None:
    start(desk)
    desk.drag((4, 4), (30, 40))
    desk.drag((40, 4), (60, 40))
    before = present(desk)
    QTest.keyClicks(field(desk, 1), "part")
    desk.page.canvas.setFocus()
    desk.qtbot.waitUntil(lambda: not panel(desk).wrong.isVisible())
    assert present(desk) == before and panel(desk).table.zones.index(1, NAME).data() == "part 2"


# -- corners


def test_a_polygon_keeps_its_corners(desk: Desk) -> None:
    start(desk)
    draw(desk, FOUR)
    seen = [desk.seen(*point) for point in FOUR]
    (zone,) = present(desk).zones
    assert zone.mask is None and all(near(*pair) for pair in zip(points(zone), seen, strict=True))

    desk.press(Qt.Key.Key_Q)
    desk.drag(FOUR[2], (55, 42), (58, 44))  # a corner
    seen[2] = desk.seen(58, 44)
    (zone,) = present(desk).zones
    assert all(near(*pair) for pair in zip(points(zone), seen, strict=True))

    middle = tuple((a + b) / 2 for a, b in zip(points(zone)[0], points(zone)[1], strict=True))
    desk.drag((middle[0], middle[1]), (30, 8), (30, 5))  # between two: a new one
    seen.insert(1, desk.seen(30, 5))
    (zone,) = present(desk).zones
    assert len(points(zone)) == 5 and near(points(zone)[1], seen[1])
    expected = polygon(seen, 64, 48)
    drawn = rasterise([zone], 64, 48)
    assert expected is not None and drawn is not None and drawn.sum() == expected[0].sum()

    QTest.mouseClick(desk.page.canvas, Qt.MouseButton.RightButton, pos=desk.at(*points(zone)[1]))
    (zone,) = present(desk).zones
    assert len(points(zone)) == 4
    before = points(zone)
    desk.drag((30, 25), (32, 25), (33, 26))  # inside: all of it
    way = np.round(np.array(desk.seen(33, 26)) - desk.seen(30, 25))
    (zone,) = present(desk).zones
    assert all(near(*pair) for pair in zip(points(zone), (np.array(before) + way).tolist(), strict=True))
    for _ in range(5):
        desk.actions.run("edit.undo")
        desk.settled()
    assert desk.session.project is not None and desk.session.project.roi(1) is None


def test_three_corners_are_left_and_none_lies_beside_the_image(desk: Desk) -> None:
    start(desk)
    draw(desk, ((10, 10), (50, 10), (30, 40)))
    desk.press(Qt.Key.Key_Q)
    (zone,) = present(desk).zones
    QTest.mouseClick(desk.page.canvas, Qt.MouseButton.RightButton, pos=desk.at(*points(zone)[2]))
    assert present(desk).zones == (zone,) and "three corners" in panel(desk).wrong.text()
    desk.drag(points(zone)[2], (30, 44), (30, 60))
    assert points(present(desk).zones[0])[2][1] == 48


def test_a_double_click_on_a_box_makes_a_corner(desk: Desk) -> None:
    start(desk)
    desk.drag((10, 10), (40, 30))
    x0, y0, x1, _ = present(desk).zones[0].shape["box"]
    desk.press(Qt.Key.Key_Q)
    place = desk.at((3 * x0 + x1) / 4, y0)
    QTest.mouseClick(desk.page.canvas, CLICK, pos=place)
    QTest.mouseDClick(desk.page.canvas, CLICK, pos=place)
    QTest.mouseRelease(desk.page.canvas, CLICK, pos=place)
    (zone,) = present(desk).zones
    assert len(points(zone)) == 5 and points(zone)[0] == (x0, y0) and points(zone)[2] == (x1, y0)


def test_what_was_painted_simply_has_corners_too(desk: Desk) -> None:
    project = desk.session.project
    assert project is not None
    patch = polygon(FOUR, 64, 48)
    assert patch is not None
    mask = np.zeros((48, 64), np.uint8)
    mask[patch[1][1] : patch[1][3], patch[1][0] : patch[1][2]] = patch[0]
    project.change_roi(1, zones=[Zone("part", "inspect", mask=mask)], template_image_id=GOOD)
    start(desk)
    desk.press(Qt.Key.Key_Q)
    QTest.mouseClick(desk.page.canvas, CLICK, pos=desk.at(30, 25))
    desk.settled()
    corners = desk.page.region.board.corners
    assert corners is not None and len(corners) <= 8
    at = int(np.hypot(*(corners - FOUR[2]).T).argmin())
    assert present(desk).zones[0].mask is not None, "nothing changes before a corner is moved"
    desk.drag((corners[at, 0], corners[at, 1]), (56, 42), (58, 44))
    (zone,) = present(desk).zones
    assert zone.mask is None and near(points(zone)[at], desk.seen(58, 44))
