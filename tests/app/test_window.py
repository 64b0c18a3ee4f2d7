"""The frame: pages, commands, keys, settings, what is remembered."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QImage, QKeySequence, QTextDocument
from PySide6.QtWidgets import QComboBox, QLineEdit, QTextBrowser
from pytestqt.qtbot import QtBot

from app import theme
from app.commands import BY_ID, COMMANDS
from app.dialogs.help import HelpDialog
from app.dialogs.keys import KeySheet
from app.dialogs.palette import Palette
from app.dialogs.settings import SettingsDialog
from app.letters import plain
from app.settings import SETTINGS, Memory, Settings
from core.assets import resources
from core.project import Project
from tests.app.conftest import WindowMaker

BANNED = ("torch", "timm", "sklearn", "scipy", "statsmodels", "pandas", "matplotlib", "onnxruntime", "pyqtgraph")


def open_project(qtbot: QtBot, window: object, path: Path) -> None:
    session = window.session  # type: ignore[attr-defined]
    session.open(path)
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)


def test_the_window_starts_without_what_only_charts_and_models_need(own_home: Path) -> None:
    code = (
        "import sys; from app.gui import application, build; w = build(application(None)); w.show(); w.grab();"
        f"print([m for m in {BANNED!r} if m in sys.modules]); w.close()"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]", said.stdout


def test_closing_on_the_start_page_keeps_the_width_of_the_inspector(window_maker: WindowMaker) -> None:
    window = window_maker()
    window.session.memory.remember("middle", [1100, 420])
    window.close()
    assert window.session.memory.recall("middle", []) == [1100, 420]


def test_the_hidden_start_measures_itself(own_home: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "gui", "--hidden-probe"]
    begin = time.time()
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(said.stdout)
    assert found["torch_in_gui"] is False
    assert begin < found["usable_at"] < time.time()


def test_without_a_project_only_the_start_page_can_be_gone_to(qtbot: QtBot, window_maker: WindowMaker) -> None:
    window = window_maker()
    assert window.page is not None and window.page.key == "start"
    window.go("review")
    assert window.page.key == "start"
    assert not window.actions_table.action("go.review").isEnabled()
    assert window.actions_table.action("file.open_folder").isEnabled()


def test_a_project_opens_and_the_next_start_remembers_it(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    open_project(qtbot, window, project_file)
    assert window.windowTitle().startswith("work")
    assert window.page is not None and window.page.key == "dataset"
    window.close()
    again = window_maker()
    assert again.recent() == [str(project_file)]


def test_a_second_window_is_offered_to_read(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    with Project.open(project_file, author="other"), qtbot.waitSignal(window.session.busy_elsewhere, timeout=10_000):
        window.session.open(project_file)
    box = window.findChild(object, "busy")
    assert box is not None
    box.defaultButton().click()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: window.session.project is not None, timeout=10_000)
    assert window.session.project is not None and window.session.project.read_only
    window.session.label([1], "defective")
    assert not window.actions_table.action("edit.undo").isEnabled()


def test_a_folder_that_is_no_project_shows_one_error(qtbot: QtBot, window_maker: WindowMaker, tmp_path: Path) -> None:
    window = window_maker()
    broken = tmp_path / "broken.flawscope"
    broken.write_bytes(b"this is no project")
    with qtbot.waitSignal(window.session.problem_reported, timeout=10_000):
        window.session.open(broken)
    assert window._banner.isVisible()
    assert str(broken) in window._banner.text.text()
    assert window.session.project is None


NEVER_BOUND_AT_ONCE = (
    {"tool.smaller", "view.pass_previous"},
    {"tool.larger", "view.pass_next"},
    {"tool.select", "zone.cells"},
)


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.keys and not one.held], ids=lambda one: one.id)
def test_every_key_is_known_and_used_once(command: object) -> None:
    mine = {QKeySequence(keys).toString() for keys in command.keys}  # type: ignore[attr-defined]
    assert "" not in mine
    others = {
        QKeySequence(keys).toString(): one.id
        for one in COMMANDS
        for keys in one.keys
        if one is not command and {one.id, command.id} not in NEVER_BOUND_AT_ONCE  # type: ignore[attr-defined]
    }
    assert not mine & set(others)


def test_a_command_reads_as_the_page_that_bound_it_says(qtbot: QtBot, window_maker: WindowMaker) -> None:
    actions = window_maker().actions_table
    done: list[str] = []

    def act() -> None:
        done.append("page")

    actions.bind("label.unsure", act, text="Unlabelled")
    assert plain(actions.action("label.unsure").text()) == "Unlabelled"
    actions.run("label.unsure")
    actions.unbind("label.unsure", act)
    actions.run("label.unsure")
    assert done == ["page"]
    assert plain(actions.action("label.unsure").text()) == BY_ID["label.unsure"].text
    assert not actions.action("label.unsure").isEnabled()


def test_the_palette_finds_and_does(qtbot: QtBot, window_maker: WindowMaker) -> None:
    window = window_maker()
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    palette = window.findChild(Palette)
    assert palette is not None
    qtbot.keyClicks(palette.field, "light dark")
    before = theme.is_dark()
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert theme.is_dark() != before
    window.actions_table.run("view.theme")
    assert theme.is_dark() == before


def test_the_palette_says_that_nothing_was_found(qtbot: QtBot, window_maker: WindowMaker) -> None:
    window = window_maker()
    window.actions_table.run("help.palette")
    palette = window.findChild(Palette)
    assert palette is not None
    qtbot.keyClicks(palette.field, "teapot")
    assert palette.list.isHidden() and "Nothing found for “teapot”" in palette._empty._title.text()
    palette.field.clear()
    assert not palette.list.isHidden() and palette._empty.isHidden()
    palette.close()


@pytest.mark.parametrize("page", sorted(path.stem for path in (resources() / "help").glob("*.md")))
def test_every_page_of_help_opens_from_the_menu_with_its_pictures(
    qtbot: QtBot, window_maker: WindowMaker, page: str
) -> None:
    window = window_maker()
    window.actions_table.run(f"help.{page}")
    dialog = window.findChild(HelpDialog)
    assert dialog is not None and dialog.isVisible()
    text = dialog.findChild(QTextBrowser)
    assert text is not None and len(text.toPlainText()) > 500
    pictures = re.findall(r'<img src="([^"]+)"', text.toHtml())
    kind = QTextDocument.ResourceType.ImageResource.value
    assert len(pictures) == (resources() / "help" / f"{page}.md").read_text(encoding="utf-8").count("![")
    assert all(not QImage.fromData(text.loadResource(kind, QUrl(name))).isNull() for name in pictures)
    dialog.accept()


def test_the_key_sheet_lists_every_key_and_filters(qtbot: QtBot, window_maker: WindowMaker) -> None:
    window = window_maker()
    window.actions_table.run("help.keys")
    sheet = window.findChild(KeySheet)
    assert sheet is not None
    rows = sum(sheet.tree.topLevelItem(i).childCount() for i in range(sheet.tree.topLevelItemCount()))
    assert rows == sum(1 for one in COMMANDS if one.keys)
    sheet.field.setText("heatmap")
    shown = [
        group.child(row).text(0)
        for i in range(sheet.tree.topLevelItemCount())
        if not (group := sheet.tree.topLevelItem(i)).isHidden()
        for row in range(group.childCount())
        if not group.child(row).isHidden()
    ]
    assert shown == [one.text for one in COMMANDS if one.keys and "heatmap" in one.text.lower()] and len(shown) == 2
    sheet.close()


def test_settings_act_at_once_and_only_differences_are_kept(
    qtbot: QtBot, window_maker: WindowMaker, own_home: Path
) -> None:
    window = window_maker()
    window.actions_table.run("edit.settings")
    dialog = window.findChild(SettingsDialog)
    assert dialog is not None
    for setting in SETTINGS:
        assert dialog.findChild(object, setting.key) is not None
    look = dialog.findChild(QComboBox, "look.theme")
    look.setCurrentIndex(look.findData("dark"))
    assert theme.is_dark()
    qtbot.keyClicks(dialog.findChild(QLineEdit, "work.initials"), "AB")
    dialog.close()
    window.close()
    assert json.loads((own_home / "settings.json").read_text()) == {"look.theme": "dark", "work.initials": "AB"}


def test_an_unreadable_settings_file_is_set_aside(own_home: Path) -> None:
    path = own_home / "settings.json"
    path.write_text("{ not json")
    settings = Settings(path)
    assert settings.get("look.theme") == "system"
    settings.set("look.theme", "dark")
    settings.save()
    assert (own_home / "settings.unreadable.json").read_text() == "{ not json"
    assert json.loads(path.read_text()) == {"look.theme": "dark"}


def test_a_remembered_value_of_another_kind_is_ignored(own_home: Path) -> None:
    memory = Memory(own_home / "memory.json")
    memory.remember("middle", "nonsense")
    assert memory.recall("middle", [1, 2]) == [1, 2]
