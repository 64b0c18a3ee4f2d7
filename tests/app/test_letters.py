"""Letters of menus: Alt and a letter opens each, an underlined letter chooses an entry, no two are alike."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.commands import MENUS
from app.letters import LetterMenu, plain, with_letters
from app.pages.annotate import AnnotatePage
from app.pages.annotate.chooser import QueueChooser
from app.window import MainWindow
from tests.app.conftest import WindowMaker

ALT = Qt.KeyboardModifier.AltModifier


def letter(text: str) -> str:
    """The one after the mark; '' where there is none."""
    marked = text.replace("&&", "").partition("&")[2]
    return marked[:1].casefold()


def on_annotate(qtbot: QtBot, window: MainWindow, project_file: Path) -> tuple[MainWindow, AnnotatePage]:
    """The window with an image of the project on its Annotate page."""
    window.session.open(project_file)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("annotate")
    page = window.page
    assert isinstance(page, AnnotatePage)
    qtbot.waitUntil(lambda: page.shown is not None and window.session.background.is_idle)
    return window, page


def test_a_letter_is_given_once_and_a_key_is_nobody_elses() -> None:
    assert with_letters(("Open", "Open it", "Close & go", "12 %")) == ("&Open", "Open &it", "&Close && go", "12 %")
    assert with_letters(("Good\tJ", "Just still good", "Magic wand"), ("J", "", "G")) == (
        *("G&ood\tJ", "Just &still good", "Ma&gic wand"),
    )
    assert [plain(one) for one in with_letters(("Cut & paste", "a"))] == ["Cut & paste", "a"]


def test_alt_and_a_letter_opens_every_menu_and_its_entries_have_letters_of_their_own(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window, page = on_annotate(qtbot, window_maker(), project_file)
    titles = [action.text() for action in window.menuBar().actions()]
    assert [plain(one) for one in titles] == list(MENUS)
    assert len({letter(one) for one in titles} - {""}) == len(MENUS)
    for title in titles:
        page.canvas.setFocus()
        QTest.keyClick(page.canvas, Qt.Key(ord(letter(title).upper())), ALT)
        qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu) and menu.title() == title
        given = [one for entry in menu.actions() if (one := letter(entry.text()))]
        assert len(set(given)) == len(given) >= min(len(menu.actions()), 9)
        menu.close()
        qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)
    assert not window.isFullScreen()
    QTest.keyClick(page.canvas, Qt.Key.Key_V, ALT)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    strip = next(one for one in menu.actions() if one.objectName() == "view.filmstrip")
    before = window.session.memory.recall("filmstrip", True)
    QTest.keyClick(menu, Qt.Key(ord(letter(strip.text()).upper())))
    assert window.session.memory.recall("filmstrip", True) is not before


def test_a_letter_chooses_a_list_to_walk_through_and_is_no_key_of_the_image(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    _, page = on_annotate(qtbot, window_maker(), project_file)
    chooser = page.findChild(QueueChooser)
    assert chooser is not None
    menu = chooser.menu()
    assert isinstance(menu, LetterMenu)
    menu.popup(chooser.mapToGlobal(chooser.rect().topLeft()))
    entries = {one.objectName(): letter(one.text()) for one in menu.actions()}
    assert len(set(entries.values())) == len(entries)
    QTest.keyClick(menu, Qt.Key(ord(entries["unlabelled"].upper())))
    assert page.flow.queues.queue == "unlabelled" and QApplication.activePopupWidget() is None
