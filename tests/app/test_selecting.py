"""Defects that are selected with a real mouse and keys: moved, copied, pasted, given another class, erased."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.canvas.selection import Piece, Selection, composed, outline
from app.pages.annotate.components import ComponentList
from core.annotation.components import component_at
from core.imaging import save_png
from core.project import NewImage, Project
from tests.app.desk import Desk, DeskOpener

NONE, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
Labels = NDArray[np.uint8]
WIDTH, HEIGHT = 64, 48


def three_defects() -> Labels:
    """A crack with a corner missing, dirt, and a crack of one pixel."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[6:12, 4:10] = 1
    mask[6:8, 4:6] = 0
    mask[10:14, 20:27] = 2
    mask[30, 40] = 1
    return mask


CRACK = (slice(6, 12), slice(4, 10))


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """Image 9 with three defects of two classes, the tool for selecting in the hand."""
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack")
        project.add_class("dirt")
        project.import_mask(9, three_defects())
    made = open_desk(project_file).go_to(9)
    made.press(Qt.Key.Key_C)
    return made


def selection(desk: Desk) -> Selection:
    return desk.page.painting.bench.selection


def listed(desk: Desk) -> ComponentList:
    found = desk.panel.findChild(ComponentList)
    assert found is not None
    desk.settled()
    return found


def on_screen(desk: Desk) -> Labels:
    sheet = desk.page.painting.bench.sheet
    assert sheet is not None
    return sheet.labels


def moved(mask: Labels, part: tuple[slice, slice], dx: int, dy: int) -> Labels:
    """What is in `part` elsewhere, over what lies there."""
    piece = np.where(np.isin(np.arange(mask.size).reshape(mask.shape), _places(mask, part)), mask, 0)
    rest = np.where(piece > 0, 0, mask).astype(np.uint8)
    for y, x in np.argwhere(piece):
        if 0 <= y + dy < HEIGHT and 0 <= x + dx < WIDTH:
            rest[y + dy, x + dx] = piece[y, x]
    return rest


def _places(mask: Labels, part: tuple[slice, slice]) -> NDArray[np.int64]:
    return np.arange(mask.size).reshape(mask.shape)[part][mask[part] > 0]


def test_a_click_selects_and_a_drag_moves(desk: Desk) -> None:
    before = three_defects()
    desk.drag((7.5, 9.5))
    assert [one.box for one in selection(desk).pieces] == [(4, 6, 10, 12)]
    desk.drag((7.5, 9.5), (15.5, 11.5), (23.5, 12.5))
    after = moved(before, CRACK, 16, 3)
    np.testing.assert_array_equal(desk.stored(9), after)
    np.testing.assert_array_equal(on_screen(desk), after)
    desk.drag((23.5, 14.5), (24.5, 30.5))  # what it covered comes back
    np.testing.assert_array_equal(desk.stored(9), moved(before, CRACK, 17, 19))
    desk.press(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(desk.stored(9), after)
    assert [one.box for one in selection(desk).pieces] == [(20, 9, 26, 15)]  # goes back with it
    desk.press(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(desk.stored(9), before)


def test_what_is_dragged_is_seen_and_escape_puts_it_back(desk: Desk) -> None:
    canvas = desk.page.canvas
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, NONE, desk.at(7.5, 9.5))
    QTest.mouseMove(canvas, desk.at(22.5, 9.5))
    np.testing.assert_array_equal(on_screen(desk), moved(three_defects(), CRACK, 15, 0))
    desk.press(Qt.Key.Key_Escape)
    np.testing.assert_array_equal(on_screen(desk), three_defects())
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, NONE, desk.at(22.5, 9.5))
    np.testing.assert_array_equal(desk.stored(9), three_defects())
    assert len(selection(desk).pieces) == 1


def test_beyond_the_border_it_is_cut_off_only_at_the_end(desk: Desk) -> None:
    desk.drag((7.5, 9.5), (2.5, 9.5))
    np.testing.assert_array_equal(desk.stored(9), moved(three_defects(), CRACK, -5, 0))
    desk.drag((2.5, 9.5), (12.5, 9.5))
    np.testing.assert_array_equal(desk.stored(9), moved(three_defects(), CRACK, 5, 0))


def test_arrows_nudge_and_go_on_to_the_next_image_when_nothing_is_selected(desk: Desk) -> None:
    desk.drag((40.5, 30.5))
    desk.press(Qt.Key.Key_Right)
    desk.press(Qt.Key.Key_Down, SHIFT)
    expected = three_defects()
    expected[30, 40], expected[40, 41] = 0, 1
    np.testing.assert_array_equal(desk.stored(9), expected)
    assert desk.session.current == 9
    desk.press(Qt.Key.Key_Escape)
    assert not selection(desk).pieces
    desk.press(Qt.Key.Key_Right)
    assert desk.session.current == 10


def test_a_number_changes_the_class_and_delete_erases(desk: Desk) -> None:
    desk.drag((7.5, 9.5))
    desk.press(Qt.Key.Key_2)
    expected = three_defects()
    expected[CRACK][expected[CRACK] > 0] = 2
    np.testing.assert_array_equal(desk.stored(9), expected)
    desk.press(Qt.Key.Key_Delete)
    expected[CRACK] = 0
    np.testing.assert_array_equal(desk.stored(9), expected)
    desk.press(Qt.Key.Key_Z, CTRL)
    desk.press(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(desk.stored(9), three_defects())


def test_shift_adds_and_a_frame_takes_all_that_it_touches(desk: Desk) -> None:
    desk.drag((7.5, 9.5))
    desk.drag((23.5, 12.5), held=SHIFT)
    assert [one.class_id for one in selection(desk).pieces] == [1, 2]
    desk.drag((15.5, 25.5))  # on nothing
    assert not selection(desk).pieces
    desk.drag((15.5, 8.5), (30.5, 20.5), (50.5, 36.5))
    assert sorted(one.box for one in selection(desk).pieces) == [(20, 10, 27, 14), (40, 30, 41, 31)]
    desk.press(Qt.Key.Key_Down)
    expected = moved(moved(three_defects(), (slice(10, 14), slice(20, 27)), 0, 1), (slice(30, 31), slice(40, 41)), 0, 1)
    np.testing.assert_array_equal(desk.stored(9), expected)


def test_only_empty_pixels_are_moved_onto_when_one_wants_that(desk: Desk) -> None:
    desk.page.painting.bench.set_only_empty(True)
    desk.drag((7.5, 9.5), (23.5, 12.5))
    expected = moved(three_defects(), CRACK, 16, 3)
    expected[three_defects() == 2] = 2
    np.testing.assert_array_equal(desk.stored(9), expected)
    desk.press(Qt.Key.Key_Left, SHIFT)
    np.testing.assert_array_equal(desk.stored(9), moved(three_defects(), CRACK, 6, 3))


def test_copied_here_and_pasted_on_another_image(desk: Desk) -> None:
    desk.drag((7.5, 9.5))
    desk.drag((23.5, 12.5), held=SHIFT)
    desk.press(Qt.Key.Key_C, CTRL)
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    desk.press(Qt.Key.Key_V, CTRL)
    expected = three_defects()
    expected[30, 40] = 0
    np.testing.assert_array_equal(desk.stored(10), expected)
    assert len(selection(desk).pieces) == 2
    desk.press(Qt.Key.Key_Right)  # it can be moved at once
    np.testing.assert_array_equal(desk.stored(10), np.roll(expected, 1, axis=1))
    desk.press(Qt.Key.Key_Z, CTRL)
    desk.press(Qt.Key.Key_Z, CTRL)
    after = desk.stored(10)
    assert after is not None and not after.any()
    np.testing.assert_array_equal(desk.stored(9), three_defects())
    desk.press(Qt.Key.Key_Y, CTRL)
    np.testing.assert_array_equal(desk.stored(10), expected)


def test_cut_and_pasted_with_the_brush_in_the_hand(desk: Desk) -> None:
    desk.drag((40.5, 30.5))
    desk.press(Qt.Key.Key_X, CTRL)
    expected = three_defects()
    expected[30, 40] = 0
    np.testing.assert_array_equal(desk.stored(9), expected)
    desk.press(Qt.Key.Key_B)
    desk.press(Qt.Key.Key_V, CTRL)
    np.testing.assert_array_equal(desk.stored(9), three_defects())
    assert desk.page.painting.tool == "tool.select" and len(selection(desk).pieces) == 1


def test_pasted_in_another_project_that_lacks_the_class(desk: Desk, tmp_path: Path) -> None:
    save_png(tmp_path / "small" / "one.png", np.full((30, 32, 3), 90, np.uint8))
    with Project.create(tmp_path / "other", "other", author="AB") as project:
        rows = [NewImage(tmp_path / "small" / "one.png", "chip", label="defective", split="test", width=32, height=30)]
        project.add_images(rows, root=tmp_path / "small")
        project.add_class("dirt")
        other = project.file
    desk.drag((23.5, 12.5))
    desk.drag((40.5, 30.5), held=SHIFT)
    desk.press(Qt.Key.Key_C, CTRL)
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.session.open(other)
    desk.qtbot.waitUntil(lambda: desk.session.project is not None and desk.session.project.file == other)
    desk.shows(1)
    desk.qtbot.waitUntil(lambda: desk.page.painting.bench.sheet is not None)
    desk.press(Qt.Key.Key_V, CTRL)
    expected = np.zeros((30, 32), np.uint8)
    expected[9:13, 11:18] = 1  # 9 pixels to the left and 1 up: there it fits; dirt is class 1 here
    expected[29, 31] = 1
    np.testing.assert_array_equal(desk.stored(1), expected)
    assert any("no class crack here" in words for words in said)


def test_the_list_shows_what_is_there_and_leads_to_it(desk: Desk) -> None:
    shown = listed(desk)
    assert [one.area for one in shown.model.rows] == [32, 28, 1]  # the largest first
    assert "3 defects, the smallest has 1 pixels" in desk.texts()
    place = shown.view.visualRect(shown.model.index(1, 0)).center()
    QTest.mouseMove(shown.view.viewport(), place - QPoint(2, 0))
    QTest.mouseMove(shown.view.viewport(), place)
    hovered = selection(desk).hovered
    assert hovered is not None and hovered.box == (20, 10, 27, 14)
    QApplication.sendEvent(shown.view.viewport(), QEvent(QEvent.Type.Leave))
    assert selection(desk).hovered is None
    QTest.mouseClick(shown.view.viewport(), Qt.MouseButton.LeftButton, NONE, place)
    assert [one.box for one in selection(desk).pieces] == [(20, 10, 27, 14)]
    QTest.keyClick(shown.view, Qt.Key.Key_1)
    expected = three_defects()
    expected[expected == 2] = 1
    np.testing.assert_array_equal(desk.stored(9), expected)
    QTest.keyClick(shown.view, Qt.Key.Key_Delete)
    expected[10:14, 20:27] = 0
    np.testing.assert_array_equal(desk.stored(9), expected)
    assert [one.area for one in listed(desk).model.rows] == [32, 1]


def test_what_lies_under_the_mouse_is_marked_in_the_list(desk: Desk) -> None:
    shown = listed(desk)
    QTest.mouseMove(desk.page.canvas, desk.at(40.5, 30.5))
    assert shown.model.rows[shown.model.pointed_at].area == 1
    desk.press(Qt.Key.Key_B)
    QTest.mouseMove(desk.page.canvas, desk.at(23.5, 12.5))
    assert shown.model.rows[shown.model.pointed_at].class_id == 2
    QTest.mouseMove(desk.page.canvas, desk.at(50.5, 40.5))
    assert shown.model.pointed_at == -1


def test_a_stroke_brings_the_list_up_to_date_and_areas_are_in_mm(desk: Desk) -> None:
    shown = listed(desk)
    assert shown.view.isColumnHidden(2) and not shown.view.isColumnHidden(1)
    desk.page.flow.calibrate(100.0)  # a pixel is 0.1 mm wide
    desk.qtbot.waitUntil(lambda: shown.view.isColumnHidden(1))
    assert shown.model.data(shown.model.index(0, 2)) == "0.32"
    assert not shown.view.isColumnHidden(2)
    words = [shown.model.headerData(column, Qt.Orientation.Horizontal) for column in range(4)]
    assert words == ["Class", "Pixels", "mm² ↓", "Size"]
    assert "32 pixels" in shown.model.data(shown.model.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    desk.press(Qt.Key.Key_B)
    desk.page.painting.bench.set_size(3)
    desk.page.painting.bench.set_shape("square")
    desk.drag((50.5, 20.5))
    assert [one.area for one in listed(desk).model.rows] == [32, 28, 9, 1]
    shown.view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert [one.class_id for one in shown.model.rows] == [1, 1, 1, 2]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-12, 12), st.integers(-12, 12)), min_size=1, max_size=6),
    st.integers(0, 2**31),
    st.booleans(),
)
def test_wherever_a_piece_went_the_rest_comes_back(ways: list[tuple[int, int]], seed: int, only_empty: bool) -> None:
    rng = np.random.default_rng(seed)
    before = (rng.random((20, 24)) < 0.3).astype(np.uint8) * rng.integers(1, 4, (20, 24), dtype=np.uint8)
    places = np.argwhere(before)[:2]
    found = {}
    for y, x in places:
        patch = component_at(before, int(x), int(y))
        assert patch is not None
        found[patch[1]] = Piece.found(before, patch)
    first = pieces = tuple(found.values())
    labels = before.copy()
    for dx, dy in [*ways, (-sum(x for x, _ in ways), -sum(y for _, y in ways))]:
        step = composed(labels, pieces, tuple(one.moved(dx, dy) for one in pieces), only_empty=only_empty)
        pieces = tuple(one.moved(dx, dy) for one in pieces) if step is None else step[2]
        if step is not None:
            x0, y0, x1, y1 = step[1]
            labels[y0:y1, x0:x1] = step[0]
    np.testing.assert_array_equal(labels, before)
    assert [one.box for one in pieces] == [one.box for one in first]


def test_an_outline_follows_the_edges_of_pixels() -> None:
    bits = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.bool_)
    found = outline(bits, (5, 7, 8, 10)).boundingRect()
    assert (found.left(), found.top(), found.right(), found.bottom()) == (5, 7, 8, 10)
    one = outline(np.ones((1, 1), np.bool_), (2, 3, 3, 4)).boundingRect()
    assert (one.left(), one.top(), one.right(), one.bottom()) == (2, 3, 3, 4)
