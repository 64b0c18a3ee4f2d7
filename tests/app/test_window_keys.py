"""Keys of the window where something else could take them: a list, a chart, a menu that is open."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.canvas.view import Canvas
from app.charts.histogram import Histogram
from app.commands import COMMANDS
from app.gallery.filmstrip import Filmstrip
from app.gallery.view import ImageGrid
from app.pages.review import ReviewPage
from app.window import MainWindow
from tests.app.conftest import WindowMaker
from tests.scored import scored_project

_HELD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


def combinations() -> list[tuple[str, QKeyCombination]]:
    """Keys of the window that are pressed with Ctrl or Alt, and the commands they stand for."""
    keys = [(one.id, QKeySequence(key)[0]) for one in COMMANDS if one.where == "app" for key in one.keys]
    return [(command, key) for command, key in keys if key.keyboardModifiers() & _HELD]


def shown(qtbot: QtBot, window: MainWindow, file: Path, page: str) -> None:
    window.open_path(file)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go(page)


@pytest.mark.parametrize(
    ("page", "kind"),
    [("dataset", ImageGrid), ("annotate", Canvas), ("annotate", Filmstrip), ("review", Histogram), ("review", QWidget)],
)
def test_ctrl_and_alt_keys_act_wherever_the_focus_is(
    qtbot: QtBot, window_maker: WindowMaker, tmp_path: Path, page: str, kind: type[QWidget]
) -> None:
    with scored_project(tmp_path) as project:
        file = project.file
    window = window_maker()
    shown(qtbot, window, file, page)
    if isinstance(window.page, ReviewPage):
        review = window.page
        qtbot.waitUntil(lambda: review.review.row is not None)
        focus = review.panel.histogram if kind is Histogram else review.queue.list
    else:
        focus = next(one for one in window.findChildren(kind) if one.isVisible())
    for command, key in combinations():
        done: list[str] = []
        window.actions_table.bind(command, lambda done=done: done.append("done"))  # type: ignore[misc]
        focus.setFocus()
        qtbot.keyClick(focus, key.key(), key.keyboardModifiers())
        assert done == ["done"], command


def test_keys_in_an_open_menu_leave_the_image_behind_it_alone(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    shown(qtbot, window, project_file, "annotate")
    session = window.session
    qtbot.waitUntil(lambda: session.current is not None)
    image, bar = session.current, window.menuBar()
    action = next(one for one in bar.actions() if one.text() == "&Image")
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.actionGeometry(action).center())
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    for key in (Qt.Key.Key_D, Qt.Key.Key_K):
        QTest.keyClick(menu, key)
    assert session.current == image and QApplication.activePopupWidget() is menu
    QTest.keyClick(menu, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() not in (None, menu))  # the menu beside it
    QTest.keyClick(QApplication.activePopupWidget(), Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is menu)
    while menu.activeAction() is None or menu.activeAction().objectName() != "image.next":
        QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert QApplication.activePopupWidget() is None
    assert session.current != image
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.actionGeometry(action).center())
    entry = next(one for one in menu.actions() if one.objectName() == "image.previous")
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(entry).center())
    assert session.current == image
    assert session.project is not None and session.project.image(image or 0).label == "defective"


def test_keys_in_a_menu_of_a_tool_leave_the_image_behind_it_alone(
    qtbot: QtBot, window_maker: WindowMaker, tmp_path: Path
) -> None:
    with scored_project(tmp_path) as project:
        file = project.file
    window = window_maker()
    shown(qtbot, window, file, "review")
    page = window.page
    assert isinstance(page, ReviewPage)
    qtbot.waitUntil(lambda: page.review.row is not None and page.viewer.left.hasFocus())
    menu = page.panel.suggest.menu()
    menu.popup(page.panel.suggest.mapToGlobal(page.panel.suggest.rect().bottomLeft()))
    qtbot.keyClick(menu, Qt.Key.Key_K)
    menu.close()
    assert page.review.reviewed()[0] == 0
    qtbot.keyClick(page.viewer.left, Qt.Key.Key_K)
    assert page.review.reviewed()[0] == 1
