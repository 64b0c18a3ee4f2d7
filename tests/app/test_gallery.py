"""Grid, filmstrip and thumbnails over a real project: mouse, keys, filters, what they say when there is nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QWheelEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from app.commands import Actions
from app.gallery.filmstrip import Filmstrip
from app.gallery.filters import Filter
from app.gallery.model import Role
from app.gallery.plan import MARGIN
from app.gallery.thumbnails import Thumbnails
from app.gallery.tiles import PAD
from app.gallery.view import SIZES, ImageGrid
from app.session import Session
from core.project import Project

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(qtbot: QtBot, session: Session, project_file: Path) -> Session:
    """The session with the project of fourteen images; ids 1 to 14."""
    session.open(project_file)
    qtbot.waitUntil(lambda: session.is_complete)
    return session


@pytest.fixture
def grid(qtbot: QtBot, opened: Session) -> ImageGrid:
    made = ImageGrid(opened, opened.thumbnails)
    qtbot.addWidget(made)
    made.resize(760, 500)
    made.show()
    qtbot.waitUntil(lambda: len(made.model) == 14)
    return made


@pytest.fixture
def window_with_actions(qtbot: QtBot, opened: Session) -> tuple[QMainWindow, ImageGrid]:
    """A grid in a window that has the focus, with the commands' keys."""
    window = QMainWindow()
    qtbot.addWidget(window)
    made = ImageGrid(opened, opened.thumbnails, Actions(window))
    window.setCentralWidget(made)
    window.resize(760, 500)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(lambda: window.isActiveWindow() and len(made.model) == 14)
    return window, made


def click(qtbot: QtBot, grid: ImageGrid, image_id: int, modifiers: Qt.KeyboardModifier | None = None) -> None:
    where = grid.tile_rect(image_id).center()
    qtbot.mouseClick(grid.viewport(), LEFT, modifiers or Qt.KeyboardModifier.NoModifier, where)


def named(menu_actions: list[QAction], text: str) -> QAction:
    return next(action for action in menu_actions if action.text().split("\t")[0] == text)


# -- thumbnails


def test_a_picture_is_asked_for_once_and_comes(qtbot: QtBot, opened: Session) -> None:
    thumbnails = opened.thumbnails
    assert thumbnails.pixmap(1, 32) is None
    with qtbot.waitSignal(thumbnails.ready, check_params_cb=lambda image_id: image_id == 1):
        pass
    made = thumbnails.pixmap(1, 32)
    assert made is not None
    assert (made.width(), made.height()) == (32, 24)
    assert thumbnails.reason(1) == ""


def test_unreadable_files_say_why_and_are_not_tried_again(qtbot: QtBot, opened: Session) -> None:
    assert opened.table is not None
    opened.table.path(2).write_bytes(b"no picture")
    opened.table.path(3).unlink()
    thumbnails = opened.thumbnails
    for image_id in (3, 4):
        assert thumbnails.pixmap(image_id, 32) is None
    qtbot.waitUntil(lambda: bool(thumbnails.reason(3) and thumbnails.reason(4)))
    assert "not an image" in thumbnails.reason(3)
    assert "not there" in thumbnails.reason(4)
    assert thumbnails.pixmap(3, 32) is None
    assert thumbnails.is_idle


def test_memory_stays_below_its_limit(qtbot: QtBot, opened: Session) -> None:
    thumbnails = Thumbnails(opened, memory=5 * 32 * 24 * 4)
    for image_id in range(1, 15):
        thumbnails.pixmap(image_id, 32)
    qtbot.waitUntil(lambda: thumbnails.is_idle)
    assert 0 < thumbnails.bytes_held <= 5 * 32 * 24 * 4


def test_what_is_forgotten_is_made_anew(qtbot: QtBot, opened: Session) -> None:
    thumbnails = opened.thumbnails
    thumbnails.prefetch([1, 2], 32)
    qtbot.waitUntil(lambda: thumbnails.is_idle and thumbnails.pixmap(1, 32) is not None)
    with qtbot.waitSignal(thumbnails.forgotten):
        thumbnails.forget([1])
    assert thumbnails.pixmap(1, 32) is None
    assert thumbnails.pixmap(2, 32) is not None
    qtbot.waitUntil(lambda: thumbnails.pixmap(1, 32) is not None)


def test_closing_the_project_forgets_its_pictures(qtbot: QtBot, opened: Session) -> None:
    thumbnails = opened.thumbnails
    thumbnails.prefetch(range(1, 15), 32)
    qtbot.waitUntil(lambda: thumbnails.bytes_held > 0)
    opened.close()
    assert thumbnails.bytes_held == 0
    qtbot.waitUntil(lambda: opened.background.is_idle)
    assert thumbnails.bytes_held == 0


# -- the grid


def test_all_images_are_shown_in_natural_order(grid: ImageGrid) -> None:
    assert grid.shown_ids().tolist() == list(range(1, 15))
    first = grid.model.index(0)
    assert grid.model.data(first) == "part 00.png"
    assert (grid.model.data(first, Role.LABEL), grid.model.data(first, Role.SPLIT)) == ("good", "train")
    assert "part 00.png" in grid.model.data(first, Qt.ItemDataRole.ToolTipRole)


def test_what_is_on_screen_gets_its_picture(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    grid.show_image(9)  # a defective part with a red spot a little left of its middle
    qtbot.waitUntil(lambda: opened.thumbnails.pixmap(9, grid.picture_pixels) is not None and opened.thumbnails.is_idle)
    tile = grid.tile_rect(9)
    spot = (
        grid.viewport()
        .grab()
        .toImage()
        .pixelColor(QPoint(tile.center().x(), tile.top() + PAD + grid.picture_side // 2))
    )
    assert (spot.red() > 180, spot.green() < 80) == (True, True)


def test_a_click_chooses_and_shows(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    click(qtbot, grid, 2)
    assert (opened.current, opened.selection) == (2, (2,))
    click(qtbot, grid, 5, SHIFT)
    assert (opened.current, opened.selection) == (5, (2, 3, 4, 5))
    click(qtbot, grid, 3, CONTROL)
    assert opened.selection == (2, 4, 5)
    qtbot.mouseClick(grid.viewport(), LEFT, pos=QPoint(2, 2))
    assert opened.selection == ()


def test_a_band_chooses_what_it_touches(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    start, end = grid.tile_rect(1).topLeft() - QPoint(4, 4), grid.tile_rect(6).center()
    viewport = grid.viewport()
    qtbot.mousePress(viewport, LEFT, pos=start)
    qtbot.mouseMove(viewport, end)
    grid._stretch_band(end, Qt.KeyboardModifier.NoModifier)  # offscreen moves carry no pressed button
    qtbot.mouseRelease(viewport, LEFT, pos=end)
    columns = grid._plan.columns
    assert opened.selection == (1, 2, columns + 1, columns + 2)


def test_keys_walk_choose_and_open(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert opened.current == 1
    qtbot.keyClick(grid, Qt.Key.Key_Right, SHIFT)
    qtbot.keyClick(grid, Qt.Key.Key_Down, SHIFT)
    assert opened.selection == tuple(range(1, 3 + grid._plan.columns))
    qtbot.keyClick(grid, Qt.Key.Key_End)
    assert (opened.current, opened.selection) == (14, (14,))
    qtbot.keyClick(grid, Qt.Key.Key_Left, CONTROL)
    qtbot.keyClick(grid, Qt.Key.Key_Space)
    assert opened.selection == (13, 14)
    with qtbot.waitSignal(grid.activated) as opened_one:
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert opened_one.args == [13]


def test_a_double_click_opens(qtbot: QtBot, grid: ImageGrid) -> None:
    with qtbot.waitSignal(grid.activated) as opened_one:
        qtbot.mouseDClick(grid.viewport(), LEFT, pos=grid.tile_rect(3).center())
    assert opened_one.args == [3]


def test_all_are_chosen_by_the_command_of_the_visible_grid(qtbot: QtBot, opened: Session) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = Actions(window)
    grid = ImageGrid(opened, opened.thumbnails, actions)
    window.setCentralWidget(grid)
    window.show()
    qtbot.waitUntil(lambda: len(grid.model) == 14)
    actions.run("edit.select_all")
    assert len(opened.selection) == 14
    window.hide()
    assert not actions.action("edit.select_all").isEnabled()


def test_it_follows_the_session(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    opened.set_order(grid.shown_ids())
    opened.set_current(14)
    assert opened.selection == (14,)
    assert grid.viewport().rect().contains(grid.tile_rect(14))
    opened.step(-1)
    assert (opened.current, opened.selection) == (13, (13,))
    opened.set_selection([1, 2])
    assert grid.chosen_ids() == (1, 2)


def test_a_filter_and_an_order_show_what_they_say(qtbot: QtBot, grid: ImageGrid) -> None:
    with qtbot.waitSignal(grid.arranged) as shown:
        grid.set_filter(Filter(label=frozenset({"defective"})))
    assert shown.args == [4, 14]
    assert grid.shown_ids().tolist() == [9, 10, 11, 12]
    with qtbot.waitSignal(grid.arranged):
        grid.set_sort("newest")
    assert grid.shown_ids().tolist() == [12, 11, 10, 9]


def test_scores_are_shown_and_sorted(qtbot: QtBot, grid: ImageGrid) -> None:
    grid.set_sort("score")
    with qtbot.waitSignal(grid.arranged):
        grid.set_scores(np.array([3, 9, 10]), np.array([0.2, 0.7, 0.9]), threshold=0.5)
    assert grid.shown_ids().tolist()[:4] == [10, 9, 3, 1]
    assert grid.model.score_at(0) == 0.9
    assert "0.900" in grid.model.describe(0)
    assert grid.model.score_at(3) is None
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter(score=(0.5, None)))
    assert grid.shown_ids().tolist() == [10, 9]


def test_what_is_hidden_is_no_longer_chosen(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    click(qtbot, grid, 9)
    click(qtbot, grid, 1, CONTROL)
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter(label=frozenset({"defective"})))
    assert opened.selection == (9,), "the next command must not change what nobody sees"
    with qtbot.waitSignal(grid.arranged):
        grid.set_sort("newest")
    assert grid.chosen_ids() == (9,)


def test_a_labelled_image_stays_until_the_grid_is_arranged(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter(label=frozenset({"unlabelled"})))
    assert grid.shown_ids().tolist() == [13, 14]
    with qtbot.waitSignal(grid.stale_changed) as stale:
        opened.label([13], "good")
    assert stale.args == [True]
    assert grid.shown_ids().tolist() == [13, 14]
    assert grid.model.data(grid.model.index(0), Role.LABEL) == "good"
    with qtbot.waitSignal(grid.stale_changed):
        opened.undo()
    assert not grid.is_stale
    opened.label([13], "good")
    qtbot.waitUntil(lambda: grid.is_stale)
    with qtbot.waitSignal(grid.arranged):
        grid.arrange()
    assert grid.shown_ids().tolist() == [14]


def test_a_list_that_is_out_of_date_says_so_and_f5_mends_it(
    qtbot: QtBot, opened: Session, window_with_actions: tuple[QMainWindow, ImageGrid]
) -> None:
    window, grid = window_with_actions
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter(label=frozenset({"unlabelled"})))
    assert not grid.chip.isVisible()
    with qtbot.waitSignal(grid.stale_changed):
        opened.label([13], "good")
    assert grid.chip.isVisible() and grid.chip.text() == "List is out of date: F5"
    assert grid.viewport().geometry().contains(grid.chip.geometry())
    with qtbot.waitSignal(grid.arranged):
        qtbot.keyClick(window, Qt.Key.Key_F5)
    assert grid.shown_ids().tolist() == [14]
    assert not grid.chip.isVisible() and not grid.is_stale


def test_a_press_on_the_chip_does_the_same_and_the_keys_stay_with_the_images(
    qtbot: QtBot, opened: Session, window_with_actions: tuple[QMainWindow, ImageGrid]
) -> None:
    _, grid = window_with_actions
    grid.setFocus()
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter(split=frozenset({"unused"})))
    with qtbot.waitSignal(grid.stale_changed):
        opened.split([13], "test")
    with qtbot.waitSignal(grid.arranged):
        qtbot.mouseClick(grid.chip, LEFT)
    assert grid.shown_ids().tolist() == [14]
    assert grid.hasFocus()


def test_an_image_that_matches_now_makes_the_list_out_of_date_too(
    qtbot: QtBot, opened: Session, grid: ImageGrid
) -> None:
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter(label=frozenset({"defective"})))
    with qtbot.waitSignal(grid.stale_changed):
        opened.label([1], "defective")
    assert grid.shown_ids().tolist() == [9, 10, 11, 12]
    with qtbot.waitSignal(grid.arranged):
        grid.arrange()
    assert grid.shown_ids().tolist() == [1, 9, 10, 11, 12]


def test_a_list_in_the_order_of_labels_is_out_of_date_when_one_changes(
    qtbot: QtBot, opened: Session, grid: ImageGrid
) -> None:
    with qtbot.waitSignal(grid.arranged):
        grid.set_sort("label")
    with qtbot.waitSignal(grid.stale_changed):
        opened.label([1], "defective")
    with qtbot.waitSignal(grid.stale_changed):
        opened.undo()
    assert not grid.is_stale


def test_the_menu_labels_and_splits_in_bulk(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    click(qtbot, grid, 13)
    click(qtbot, grid, 14, CONTROL)
    menu = grid.make_menu(opened.selection)
    assert "2 images" in [action.text() for action in menu.actions()]
    with qtbot.waitSignal(opened.images_changed):
        named(menu.actions(), "Good").trigger()
    splits = menu.findChild(QMenu, "split")
    assert splits is not None
    with qtbot.waitSignal(opened.images_changed):
        named(splits.actions(), "Test").trigger()
    assert opened.project is not None
    assert {(image.label, image.split) for image in opened.project.images(ids=[13, 14])} == {("good", "test")}
    named(menu.actions(), "Copy paths").trigger()
    assert QApplication.clipboard().text().count("part 1") == 2
    menu.deleteLater()


def test_pages_add_to_the_menu(grid: ImageGrid) -> None:
    grid.menu_made.connect(lambda menu, ids: menu.addAction(f"score {len(ids)}"))
    menu = grid.make_menu((1, 2))
    assert menu.actions()[-1].text() == "score 2"
    menu.deleteLater()


def test_nothing_found_offers_a_way_back(qtbot: QtBot, grid: ImageGrid) -> None:
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter(text="no such name"))
    button = grid.viewport().findChild(QPushButton)
    assert button is not None
    assert button.isVisible()
    with qtbot.waitSignal(grid.all_wanted):
        button.click()
    with qtbot.waitSignal(grid.arranged):
        grid.set_filter(Filter())
    assert not button.isVisible()


def test_a_project_without_images_says_what_to_do(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    Project.create(tmp_path / "empty", "empty").close()
    grid = ImageGrid(session, session.thumbnails)
    qtbot.addWidget(grid)
    grid.set_empty("No images yet", "Drop a folder here.", "Add images …")
    grid.show()
    session.open(tmp_path / "empty")
    qtbot.waitUntil(lambda: session.is_complete)
    button = grid.viewport().findChild(QPushButton)
    assert button is not None
    qtbot.waitUntil(button.isVisible)
    with qtbot.waitSignal(grid.empty_pressed):
        button.click()


def test_tiles_have_three_sizes_and_every_one_between(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    grid.set_tile_size(SIZES["L"])
    assert grid.tile_size == 256
    assert 256 < grid.tile_rect(1).width() < 400
    last = max(grid.tile_rect(image_id).right() for image_id in range(1, 15))
    assert abs(grid.viewport().width() - last - MARGIN) <= 2, "rows end at the edge"
    where = QPointF(grid.tile_rect(1).center())
    event = QWheelEvent(
        where, grid.mapToGlobal(where), QPoint(), QPoint(0, -240), Qt.MouseButton.NoButton, CONTROL,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(grid.viewport(), event)
    assert grid.tile_size == 192
    assert opened.settings.get("look.thumbnail") == 192


def test_images_that_came_are_shown_and_the_view_stays(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    click(qtbot, grid, 3)
    project = opened.project
    assert project is not None
    with qtbot.waitSignal(grid.arranged):
        opened.write(lambda one: one.add_problem("x.png", "is odd", image_id=2), touched=None)
    assert grid.model.problem_at(1)
    assert grid.chosen_ids() == (3,)


def test_closing_the_project_empties_the_grid(qtbot: QtBot, grid: ImageGrid, opened: Session) -> None:
    opened.close()
    qtbot.waitUntil(lambda: len(grid.model) == 0)


# -- the filmstrip


@pytest.fixture
def strip(qtbot: QtBot, opened: Session) -> Filmstrip:
    made = Filmstrip(opened, opened.thumbnails)
    qtbot.addWidget(made)
    made.resize(500, 96)
    made.show()
    assert opened.table is not None
    opened.set_order(opened.table.ids)
    return made


def test_the_filmstrip_follows_and_leads(qtbot: QtBot, strip: Filmstrip, opened: Session) -> None:
    opened.set_current(8)
    assert abs(strip.place_rect(7).center().x() - 250) <= 1
    qtbot.mouseClick(strip, LEFT, pos=strip.place_rect(9).center())
    assert opened.current == 10
    qtbot.keyClick(strip, Qt.Key.Key_Left)
    assert opened.current == 9
    qtbot.keyClick(strip, Qt.Key.Key_Home)
    assert (opened.current, strip.place_rect(0).left()) == (1, 8)
    qtbot.keyClick(strip, Qt.Key.Key_End)
    assert opened.current == 14
    assert strip.place_rect(13).right() < 500


def test_the_filmstrip_paints_its_pictures(qtbot: QtBot, strip: Filmstrip, opened: Session) -> None:
    opened.set_current(1)
    strip.grab()
    qtbot.waitUntil(lambda: opened.thumbnails.is_idle and opened.thumbnails.pixmap(1, 72) is not None)
    assert not strip.grab().isNull()
    opened.set_order([])
    assert not strip.grab().isNull()
