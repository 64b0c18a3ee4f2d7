"""Problems with masks beside the images: named once, gone by themselves once the mended mask came in."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.dialogs.add_images import AddImages
from app.pages.dataset import DatasetPage
from app.window import MainWindow
from core.imaging import save_png
from core.workflow.importing import Choice, import_folder
from tests.app.conftest import WindowMaker


@pytest.fixture
def nut(tmp_path: Path) -> Path:
    """Four good and two bad images; one mask is too small, and one has no image."""
    rng = np.random.default_rng(3)
    root = tmp_path / "nut"
    for name in ("good/0", "good/1", "good/2", "good/3", "bad/0", "bad/1"):
        save_png(root / f"{name}.png", rng.integers(0, 256, (16, 24, 3), dtype=np.uint8))
    save_png(root / "ground_truth" / "bad" / "0_mask.png", np.full((8, 8), 255, np.uint8))
    save_png(root / "ground_truth" / "bad" / "1_mask.png", np.full((16, 24), 255, np.uint8))
    save_png(root / "ground_truth" / "bad" / "9_mask.png", np.full((16, 24), 255, np.uint8))
    return root


def lines(page: DatasetPage) -> dict[str, QWidget]:
    """What is listed, by its first word: the name of the file."""
    found = page._panel.findings.findChildren(QWidget, "finding file")
    texts = [[label.text() for label in line.findChildren(QLabel) if label.text()] for line in found]
    return {text[0].partition(":")[0]: line for text, line in zip(texts, found, strict=True) if not line.isHidden()}


def button(line: QWidget, word: str) -> QPushButton:
    return next(one for one in line.findChildren(QPushButton) if one.text() == word)


def opened(qtbot: QtBot, window: MainWindow, place: Path) -> DatasetPage:
    window.session.open(place)
    qtbot.waitUntil(lambda: window.session.is_complete)
    window.go("dataset")
    return cast(DatasetPage, window.page)


def test_masks_that_did_not_come_in_are_listed_and_leave_the_list_when_they_are_mended(
    qtbot: QtBot, window_maker: WindowMaker, nut: Path, tmp_path: Path
) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    window = window_maker()
    page = opened(qtbot, window, tmp_path / "project")
    qtbot.waitUntil(lambda: set(lines(page)) == {"0_mask.png", "9_mask.png"})
    said = " ".join(label.text() for label in lines(page)["0_mask.png"].findChildren(QLabel))
    assert "this mask measures 8 x 8 pixels, its image 24 x 16: it is left out, the image stays as it is" in said
    assert str(nut / "ground_truth" / "bad") in said
    save_png(nut / "ground_truth" / "bad" / "0_mask.png", np.full((16, 24), 255, np.uint8))
    qtbot.mouseClick(button(lines(page)["0_mask.png"], "Look again"), Qt.MouseButton.LeftButton)

    def dialog() -> AddImages | None:
        return next((one for one in QApplication.topLevelWidgets() if isinstance(one, AddImages)), None)

    qtbot.waitUntil(lambda: (found := dialog()) is not None and bool(found.headline.text()))
    adding = dialog()
    assert adding is not None
    assert "9_mask.png: this mask has no image of its name" in adding.said.text()
    assert "0_mask.png" not in adding.said.text()
    adding.accept()
    qtbot.waitUntil(lambda: set(lines(page)) == {"9_mask.png"})
    qtbot.mouseClick(button(lines(page)["9_mask.png"], "Take off the list"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: lines(page) == {})
    assert window.session.project is not None
    assert len(window.session.project.masked_images()) == 2


def test_problems_show_good_images_with_a_mask_and_say_when_there_are_none(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    page = opened(qtbot, window, project_file)
    session, left = window.session, Qt.MouseButton.LeftButton
    qtbot.waitUntil(lambda: len(page.grid.model) == 14)
    page.grid.setFocus()
    qtbot.mouseClick(page.filters.problems, left)
    qtbot.waitUntil(lambda: not len(page.grid.model))
    assert page.grid._empty._title.text() == "No problems found"
    assert page.grid.hasFocus() and page.filters.problems.isChecked()
    assert session.project is not None
    good = next(iter(session.project.images(label="good"))).id
    session.write(lambda project: project.import_mask(good, np.ones((48, 64), np.uint8)), touched=(good,))
    qtbot.waitUntil(lambda: bool(page._panel.findings.findings))
    assert "1 image labelled good has a mask of a defect" in page._panel.findings.findings[0].sentence
    page.grid.arrange()
    qtbot.waitUntil(lambda: page.grid.shown_ids().tolist() == [good])
    assert "Labelled good, but there is a mask" in page.grid.model.problem_at(0)
    qtbot.mouseClick(page.filters.problems, left)
    qtbot.waitUntil(lambda: len(page.grid.model) == 14)
    assert not page.filters.problems.isChecked() and not page.filters.problems.hasFocus()


def test_a_cleared_search_has_nothing_to_clear(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    page = opened(qtbot, window, project_file)
    search = page.filters.search
    cross = max(search.findChildren(QToolButton), key=lambda one: one.x())
    qtbot.keyClicks(search, "09")
    qtbot.waitUntil(lambda: len(page.grid.model) == 1 and cross.property("opacity") == 1.0)
    page.filters.clear()
    qtbot.waitUntil(lambda: cross.property("opacity") == 0.0)
