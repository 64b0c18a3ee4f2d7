"""What the filmstrip marks, painted with a real mouse in a real window: masks, their class, notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from app.gallery.filmstrip import Filmstrip
from app.gallery.marks import mark_words
from app.settings import Memory
from core.project import Project
from tests.app.desk import Desk, DeskOpener

LEFT = Qt.MouseButton.LeftButton
CRACK, DIRT = QColor("#123fe0"), QColor("#e0c012")


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """Image 10, defective and not painted yet; 9 has an imported mask, and 11 a note."""
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack", names={"en": "Crack"}, colour=CRACK.name())
        project.add_class("dirt", names={"en": "Dirt"}, colour=DIRT.name())
        project.import_mask(9, np.ones((48, 64), np.uint8))
        project.set_label([9], "defective", defect_class="dirt")
        project.add_note("image", 11, "Glare")
    return open_desk(project_file).go_to(10)


@pytest.fixture
def strip(desk: Desk) -> Filmstrip:
    made = Filmstrip(desk.session, desk.session.thumbnails)
    desk.qtbot.addWidget(made)
    made.resize(900, made.height())
    return made


def words(desk: Desk, image_id: int) -> str:
    table = desk.session.table
    assert table is not None
    return mark_words(table, int(table.row_of([image_id])[0]), desk.session.classes)


def seen(strip: Filmstrip, image_id: int) -> tuple[bool, bool]:
    """Whether the colours of Crack and of Dirt are drawn at the lower right corner of the image's picture."""
    place = strip._session.order.tolist().index(image_id)
    strip._scroll_to(80 * place - 300)
    well = strip.place_rect(place)
    shown = strip.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    found = {shown.pixelColor(x, y).name() for x in range(well.right() - 14, well.right()) for y in range(80 - 18, 80)}
    return CRACK.name() in found, DIRT.name() in found


def test_the_filmstrip_follows_each_stroke(desk: Desk, strip: Filmstrip) -> None:
    assert seen(strip, 9) == (False, True) and words(desk, 9) == "Defective (Dirt) · painted"
    assert seen(strip, 10) == (False, False) and words(desk, 10) == "Defective"
    desk.press(Qt.Key.Key_B)
    desk.press(Qt.Key.Key_1)
    desk.drag((20.5, 20.5), (30.5, 20.5))
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective · painted, last Crack")
    assert seen(strip, 10) == (True, False)
    desk.press(Qt.Key.Key_2)
    desk.drag((40.5, 30.5))
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective · painted, last Dirt")
    assert seen(strip, 10) == (False, True)
    desk.page.painting.undo()
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective · painted, last Crack")


def test_a_mark_goes_when_all_is_erased_and_comes_back_with_undo(desk: Desk, strip: Filmstrip) -> None:
    desk.press(Qt.Key.Key_B)
    desk.drag((20.5, 20.5))
    desk.qtbot.waitUntil(lambda: "painted" in words(desk, 10))
    desk.page.painting.bench.set_size(60)
    desk.drag((20.5, 20.5), (24.5, 24.5), button=Qt.MouseButton.RightButton)
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective")
    assert seen(strip, 10) == (False, False)
    desk.settled()
    desk.page.painting.undo()
    desk.qtbot.waitUntil(lambda: "painted" in words(desk, 10))
    desk.page.painting.undo()
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective")
    desk.settled()
    assert desk.session.project is not None
    mask = desk.session.project.mask(10)
    assert mask is not None and not mask.any()


def test_a_stroke_that_is_undone_after_the_image_was_left_takes_the_mark_along(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.drag((20.5, 20.5))
    desk.qtbot.waitUntil(lambda: "painted" in words(desk, 10))
    desk.press(Qt.Key.Key_D)
    desk.shows(11)
    desk.page.painting.undo()
    desk.shows(10)
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective")


def test_a_note_is_marked_as_soon_as_it_is_written(desk: Desk, strip: Filmstrip) -> None:
    assert words(desk, 11) == "Defective · has a note"
    desk.press(Qt.Key.Key_N)
    field = desk.page.flow.panel.notes.field  # type: ignore[union-attr]
    QTest.keyClicks(field, "Ask the line")
    QTest.keyClick(field, Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective · has a note")
    desk.qtbot.waitUntil(lambda: "Ask the line" in desk.texts())
    desk.session.undo()
    desk.qtbot.waitUntil(lambda: words(desk, 10) == "Defective")
    place = desk.session.position()
    at = strip.place_rect(place).center()
    QApplication.sendEvent(strip, QHelpEvent(QEvent.Type.ToolTip, at, strip.mapToGlobal(at)))
    assert QToolTip.text() == "part 09.png\nDefective"
    QToolTip.hideText()


def test_that_painting_is_optional_is_said_once(desk: Desk, own_home: Path) -> None:
    said = "Painting is optional"
    hint = next(one for one in desk.page.children() if type(one).__name__ == "Hint")
    assert hint.isVisible() and said in hint.children()[1].text()  # type: ignore[attr-defined]
    desk.press(Qt.Key.Key_B)
    desk.drag((20.5, 20.5))
    assert hint.isVisible(), "nothing jumps under the hand"
    desk.press(Qt.Key.Key_D)
    desk.shows(11)
    assert not hint.isVisible()
    desk.session.memory.save()
    again = Memory(own_home / "memory.json")
    assert again.recall("annotate.painting is optional", False) is True
