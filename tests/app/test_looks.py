"""What only a picture shows: words that are cut off, pages that hold the window apart, what another project left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QColor, QHelpEvent, QImage, QPainter
from PySide6.QtWidgets import QApplication, QLabel, QSpinBox, QToolTip
from pytestqt.qtbot import QtBot

from app import theme
from app.canvas.regions import Region, RoiLayer
from app.canvas.viewport import Viewport
from app.dialogs.add_images import AddImages
from app.dialogs.dialog import Dialog
from app.elided import Elided
from app.gallery.empty import EmptyState
from app.pages.annotate import AnnotatePage
from app.pages.dataset import DatasetPage
from app.pages.train.head import Head
from core.imaging import save_png
from core.workflow.importing import Choice, import_folder
from tests.app.conftest import WindowMaker
from tests.scored import scored_project

ROOT = Path(__file__).resolve().parents[2]


def test_words_that_are_cut_are_told_whole(qtbot: QtBot) -> None:
    line = Elided()
    qtbot.addWidget(line)
    line.setText("Left paints, right erases, Shift+click draws a straight line")
    line.resize(120, 20)
    line.show()
    asked = QHelpEvent(QEvent.Type.ToolTip, line.rect().center(), line.mapToGlobal(line.rect().center()))
    assert QApplication.sendEvent(line, asked) and QToolTip.text() == line.text()
    QToolTip.hideText()
    line.resize(900, 20)
    QApplication.sendEvent(line, asked)
    assert line.shown == line.text() and not asked.isAccepted(), "what lies below may say more"


def test_scores_of_one_project_are_not_shown_on_the_images_of_another(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, tmp_path: Path
) -> None:
    with scored_project(tmp_path / "scored") as project:
        scored = project.file
    window = window_maker()
    window.open_path(scored)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("dataset")
    page = cast(DatasetPage, window.page)
    qtbot.waitUntil(lambda: page.grid.model.scores is not None)
    window.session.close()
    assert page.next.isHidden() and page.why.text() == ""
    window.open_path(project_file)
    qtbot.waitUntil(lambda: window.session.is_complete and bool(page.next.text()) and len(page.grid.model) == 14)
    qtbot.waitUntil(lambda: window.session.background.is_idle)
    assert page.grid.model.scores is None


def test_the_count_follows_when_images_are_gone(qtbot: QtBot, window_maker: WindowMaker, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for name in ("good/0", "good/1", "good/2", "bad/0"):
        save_png(tmp_path / "nut" / f"{name}.png", rng.integers(0, 256, (16, 24, 3), dtype=np.uint8))
    window = window_maker()
    window.open_path(import_folder(tmp_path / "nut", tmp_path / "project", Choice()).project)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("dataset")
    page = cast(DatasetPage, window.page)
    qtbot.waitUntil(lambda: page.filters.count.text() == "4")
    (tmp_path / "nut" / "good" / "1.png").unlink()
    page.mends.look_again()
    qtbot.waitUntil(lambda: page.filters.count.text() == "3")
    for dialog in QApplication.topLevelWidgets():
        if isinstance(dialog, AddImages):
            qtbot.waitUntil(dialog.close)


def test_without_an_image_no_label_is_ticked(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    window.open_path(project_file)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("annotate")
    page = cast(AnnotatePage, window.page)
    qtbot.waitUntil(lambda: page.shown is not None)
    panel = page._panel
    assert panel is not None and any(button.isChecked() for button in panel._buttons.values())
    panel.show_image(None)
    assert not any(button.isChecked() for button in panel._buttons.values())


def test_every_line_of_an_empty_state_is_seen(qtbot: QtBot) -> None:
    empty = EmptyState()
    qtbot.addWidget(empty)
    empty.resize(700, 500)
    empty.say("Nothing", "A sentence of so many words that it needs two lines, or even three where letters are wide.")
    empty.show()
    label = max(empty.findChildren(QLabel), key=lambda one: len(one.text()))
    assert label.height() >= label.heightForWidth(label.width()) > label.fontMetrics().height()


def test_a_training_that_was_not_shown_yet_holds_no_window_apart(qtbot: QtBot) -> None:
    head = Head()
    qtbot.addWidget(head)
    assert head.minimumSizeHint().width() < 700


def test_no_dialog_is_larger_than_the_screen(qtbot: QtBot) -> None:
    dialog = Dialog("Large")
    qtbot.addWidget(dialog)
    dialog.resize(5000, 5000)
    dialog.open()
    room = dialog.screen().availableGeometry().size()
    assert dialog.size().boundedTo(room) == dialog.size() != QSize(5000, 5000)
    dialog.close()


def test_a_number_has_room_before_it(qtbot: QtBot) -> None:
    box = QSpinBox()
    qtbot.addWidget(box)
    theme.indent(box)
    assert box.lineEdit().textMargins().left() > 0


def test_what_lies_outside_is_dimmed_to_the_last_pixel_of_the_image(qtbot: QtBot) -> None:
    """At a scale at which its edge falls between two pixels of the screen."""
    corners = np.array([[10, 10], [20, 10], [20, 20], [10, 20]], np.float64)
    layer = RoiLayer([Region("", "inspect", (corners,))], (33, 33), QColor("#56b4e9"))
    screen = QImage(100, 100, QImage.Format.Format_RGB32)
    screen.fill(QColor("#ffffff"))
    view = Viewport(scale=1.5, cx=100 / 3, cy=100 / 3, width=100, height=100)
    assert (view.dx, view.dy) == (0, 0)
    painter = QPainter(screen)
    layer.paint(painter, view, (0, 0, 100, 100), 1.0)
    painter.end()
    inside, edge, beyond = (screen.pixelColor(x, 40).lightness() for x in (45, 49, 51))
    assert edge == inside < 200 < beyond


@pytest.mark.slow
def test_a_state_of_the_window_yields_a_picture(tmp_path: Path) -> None:
    """In a process of its own, as `make pictures` starts it."""
    command = [sys.executable, str(ROOT / "packaging" / "take_pictures.py"), str(tmp_path), "--look", "dark"]
    home = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
    done = subprocess.run(
        [*command, "--size", "1280x720", "--only", "dataset_full"],
        env=home,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    picture = QImage(str(tmp_path / "dataset_full_dark_1280x720.png"))
    assert (picture.width(), picture.height()) == (1280, 720)
    shades = {picture.pixel(x, y) for x in range(0, 1280, 8) for y in range(0, 720, 8)}
    assert len(shades) > 100
    assert [path.name for path in tmp_path.iterdir()] == ["dataset_full_dark_1280x720.png"]
