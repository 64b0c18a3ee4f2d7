"""What goes along with painting, with a real mouse and real keys: queues, classes, defect book, ruler, notes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QCursor, QPaintEvent, QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.canvas.picture import Adjust
from app.dialogs.class_editor import ClassEditor
from app.pages.annotate.chooser import QueueChooser
from app.pages.annotate.classes import ClassRow, code_of
from app.session import Session
from core.project import Project
from core.project.results import NewScore
from tests.app.desk import Desk, DeskOpener

CTRL, SHIFT, NONE = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def desk(open_desk: DeskOpener, project_file: Path) -> Desk:
    """Image 9 of a project of two classes: 9 to 12 are defective, 9 has a mask, 13 and 14 have no label."""
    with Project.open(project_file, author="AB") as project:
        project.add_class("crack", names={"en": "Crack"})
        project.add_class("dirt")
        mask = np.zeros((48, 64), np.uint8)
        mask[20:28, 30:44] = 2
        project.import_mask(9, mask)
        run = project.add_run(product="chip", view="main", model="prff", preset="micro", config={})
        scoring = project.add_scoring(run.id)
        project.add_scores(scoring, [NewScore(image_id, score) for image_id, score in ((3, 0.2), (12, 0.9), (9, 0.4))])
    return open_desk(project_file).go_to(9)


def project_of(desk: Desk) -> Project:
    desk.settled()
    assert desk.session.project is not None
    return desk.session.project


# -- queues


def test_queues_say_how_far_they_are_and_are_walked_through(desk: Desk) -> None:
    chooser = desk.page.findChild(QueueChooser)
    assert chooser is not None and chooser.text() == "All of this view  ·  14"
    desk.qtbot.waitUntil(lambda: desk.page.flow.queues.worst is not None)
    menu = chooser.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [
        "Unpainted defective\t1 of 4 painted",
        "Unlabelled\t2 left",
        "By score of Training #1, worst first\t3",
        "All of this view\t14",
    ]
    menu.actions()[0].trigger()
    assert desk.session.order.tolist() == [10, 11, 12]
    desk.shows(10)
    desk.press(Qt.Key.Key_B)
    desk.drag((20, 20))
    desk.qtbot.waitUntil(lambda: chooser.text() == "Unpainted defective  ·  2 of 4 painted")
    desk.press(Qt.Key.Key_D)
    desk.shows(11)
    assert "2 of 4 defective images painted" in desk.page.headline()
    menu.aboutToShow.emit()
    menu.actions()[2].trigger()
    assert desk.session.order.tolist() == [12, 9, 3]
    desk.shows(12)


def test_images_that_another_page_chose_are_a_queue_of_their_own(desk: Desk) -> None:
    desk.page.show_what({"ids": [2, 9, 12], "title": "False rejects"})
    desk.actions.run("queue.unlabelled")
    assert desk.session.order.tolist() == [13, 14]
    desk.shows(13)
    queues = desk.page.flow.queues
    assert queues.word("given") == "As chosen: False rejects"
    queues.choose("given")
    assert desk.session.order.tolist() == [2, 9, 12] and desk.session.order_title == "False rejects"
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.session.label([13, 14], "good")
    desk.settled()
    desk.actions.run("queue.unlabelled")
    assert said[-1] == "Every image of this view has a label" and queues.queue == "given"


def test_a_few_images_of_another_page_say_of_how_many_and_lead_back_to_all(desk: Desk) -> None:
    chooser, everything = desk.page.findChild(QueueChooser), desk.page.place.all
    assert chooser is not None and everything.isHidden()
    for way in ("a click", "a key"):
        desk.session.set_order([2, 9], "Review")  # as Review leaves it
        assert chooser.text() == "As chosen: Review  ·  2 of 14 images"
        assert everything.isVisible() and everything.text() == "Show all 14"
        if way == "a click":
            QTest.mouseClick(everything, LEFT)
        else:
            desk.press(Qt.Key.Key_W)
        assert desk.session.order.size == 14 and desk.session.current == 9
        assert everything.isHidden() and chooser.text() == "All of this view  ·  14"
    desk.session.set_order(list(range(14, 0, -1)), "Chip")  # nothing is left out
    assert everything.isHidden() and chooser.text() == "As chosen: Chip  ·  14"


# -- the look at an image


def test_an_image_comes_back_as_it_was_looked_at(desk: Desk) -> None:
    canvas, settings = desk.page.canvas, desk.session.settings
    settings.set("work.keep_zoom", False)
    settings.set("work.keep_contrast", False)
    canvas.zoom_to(20.0)
    canvas.set_adjust(Adjust(contrast=0.4))
    seen = canvas.view
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert canvas.is_fitted and canvas.adjust.is_neutral
    desk.press(Qt.Key.Key_A)
    desk.shows(9)
    assert canvas.view == seen and canvas.adjust == Adjust(contrast=0.4)
    settings.set("work.keep_zoom", True)
    settings.set("work.keep_contrast", True)
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert canvas.view == seen and canvas.adjust == Adjust(contrast=0.4)


def test_a_zoom_by_hand_goes_on_to_the_next_image_a_close_up_does_not(desk: Desk) -> None:
    canvas = desk.page.canvas
    look = next(one for one in desk.panel.findChildren(QPushButton) if one.text() == "Look closely")
    desk.qtbot.waitUntil(look.isVisible)
    canvas.zoom_to(4.0)
    mine = canvas.view
    QTest.mouseClick(look, LEFT)
    canvas.show_area((0.0, 0.0, 8.0, 8.0))  # and a defect of the list after that
    canvas.pan(9.0, 5.0)
    assert canvas.zoom != mine.scale
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert canvas.view == mine and not canvas.is_fitted
    desk.press(Qt.Key.Key_A)
    desk.shows(9)
    QTest.mouseClick(look, LEFT)
    canvas.zoom_by(0.5)
    by_hand = canvas.view
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert canvas.view == by_hand
    canvas.fit()
    desk.page.flow.look_at(9, (30, 20, 44, 28))
    desk.shows(9)
    assert not canvas.is_fitted
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert canvas.is_fitted


# -- classes


def test_a_row_is_the_whole_width_and_says_what_is_chosen(desk: Desk) -> None:
    rows = [row for row in desk.panel.findChildren(ClassRow) if row.isVisible()]
    assert [row.text() for row in rows] == ["Crack", "dirt"] and rows[0].isChecked()
    QTest.mouseClick(rows[1], LEFT, NONE, rows[1].rect().center())
    assert desk.page.painting.bench.class_id == 2 and rows[1].isChecked() and not rows[0].isChecked()
    assert desk.page.canvas.hasFocus()
    assert "112 px" in desk.texts()


def test_a_class_is_made_in_place_and_painted(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    plus = next(one for one in desk.panel.findChildren(QToolButton) if one.accessibleName() == "Another class")
    QTest.mouseClick(plus, LEFT)
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    QTest.keyClicks(field, "Black spot 2 ekj")
    assert desk.page.painting.tool == "tool.brush" and desk.label_of(9) == "defective"
    assert desk.session.current == 9
    QTest.keyClick(field, Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: len(desk.session.classes) == 3)
    made = desk.session.classes[2]
    assert (made.code, made.names) == ("black_spot_2_ekj", {"en": "Black spot 2 ekj"})
    desk.qtbot.waitUntil(lambda: desk.page.painting.bench.class_id == made.id)
    assert desk.page.canvas.hasFocus() and not field.isVisible()
    desk.session.undo()
    desk.qtbot.waitUntil(lambda: len(desk.session.classes) == 2)
    assert code_of("Größe & Form") == "größe_form"


def test_the_editor_changes_all_classes_in_one_step(desk: Desk) -> None:
    desk.actions.run("class.edit")
    editor = desk.window.findChild(ClassEditor)
    assert editor is not None
    desk.qtbot.waitUntil(lambda: editor.list.count() == 2)
    form = editor.form
    assert [editor.list.item(n).text() for n in range(2)] == ["1   Crack", "2   dirt"]
    QTest.keyClicks(form.names["de"], "Riss")
    QTest.keyClicks(form.description, "A dark line. 2 kj")
    editor.move_row(1)
    assert [editor.list.item(n).text() for n in range(2)] == ["1   dirt", "2   Crack"]
    QTest.mouseClick(editor.new_button, LEFT)
    QTest.keyClicks(form.code, "dirt")
    editor.save()
    assert "Two classes" in editor.problem.text()
    form.code.selectAll()
    QTest.keyClicks(form.code, "chip")
    QTest.mouseClick(next(iter(form.swatches.values())), LEFT)
    editor.save()
    desk.qtbot.waitUntil(lambda: len(desk.session.classes) == 3)
    assert [one.code for one in desk.session.classes] == ["dirt", "crack", "chip"]
    crack = desk.session.classes[1]
    assert crack.names == {"en": "Crack", "de": "Riss"} and crack.description == "A dark line. 2 kj"
    assert desk.label_of(9) == "defective" and desk.page.painting.bench.class_id == 1
    desk.qtbot.waitUntil(lambda: desk.window.findChild(ClassEditor) is None)
    desk.window.activateWindow()
    desk.qtbot.waitUntil(desk.page.canvas.hasFocus)
    desk.press(Qt.Key.Key_1)
    assert desk.page.painting.bench.class_id == 2  # keys follow the order
    desk.session.undo()
    desk.qtbot.waitUntil(lambda: [one.code for one in desk.session.classes] == ["crack", "dirt"])
    assert desk.session.classes[0].description == ""


def test_a_class_is_merged_into_another_with_what_is_painted_of_it(desk: Desk) -> None:
    desk.actions.run("class.edit")
    editor = desk.window.findChild(ClassEditor)
    assert editor is not None
    desk.qtbot.waitUntil(lambda: editor.list.count() == 2)
    editor.list.setCurrentRow(1)
    editor.form.merge.menu().actions()[0].trigger()
    assert [editor.list.item(n).text() for n in range(2)] == ["1   Crack", "dirt → Crack"]
    editor.save()
    desk.qtbot.waitUntil(lambda: [one.code for one in desk.session.classes] == ["crack"])
    assert set(np.unique(desk.stored(9))) == {0, 1}
    desk.session.undo()
    desk.qtbot.waitUntil(lambda: len(desk.session.classes) == 2)
    assert set(np.unique(desk.stored(9))) == {0, 2}


def test_the_editor_asks_once_before_it_throws_changes_away(desk: Desk) -> None:
    editor = ClassEditor(desk.session, desk.window)
    editor.open()
    desk.qtbot.waitUntil(lambda: editor.list.count() == 2)
    editor.form.take_out_wanted.emit()
    QTest.keyClick(editor.list, Qt.Key.Key_Escape)
    assert editor.isVisible() and "not saved" in editor.problem.text()
    with desk.qtbot.waitSignal(editor.finished):
        QTest.keyClick(editor.list, Qt.Key.Key_Escape)
    assert len(project_of(desk).classes()) == 2


def test_a_project_without_classes_is_offered_those_of_vials(
    qtbot: QtBot, session: Session, project_file: Path
) -> None:
    session.open(project_file)
    qtbot.waitUntil(lambda: session.is_complete)
    editor = ClassEditor(session)
    editor.open()
    QTest.mouseClick(editor.presets["vial"], LEFT)
    editor.save()
    qtbot.waitUntil(lambda: len(session.classes) == 3)
    assert [one.code for one in session.classes] == ["particle", "scratch", "black_spot"]
    assert session.classes[1].names["de"] == "Kratzer"


# -- the defect book


def test_the_defect_under_the_cursor_goes_into_the_book_and_is_found_again(desk: Desk) -> None:
    QCursor.setPos(desk.page.canvas.mapToGlobal(desk.at(35, 24)))
    desk.press(Qt.Key.Key_E, CTRL)
    project = project_of(desk)
    assert [(one.kind, one.box, one.image_id) for one in project.examples(2)] == [("example", (30, 20, 44, 28), 9)]
    assert desk.page.painting.bench.class_id == 2
    desk.qtbot.waitUntil(lambda: desk.panel.findChild(QToolButton, "example 1") is not None)
    desk.session.set_current(1)
    desk.shows(1)
    tile = desk.panel.findChild(QToolButton, "example 1")
    assert tile is not None
    desk.qtbot.waitUntil(lambda: not tile.icon().isNull())
    tile.click()
    desk.shows(9)
    view = desk.page.canvas.view
    assert not desk.page.canvas.is_fitted and (view.cx, view.cy) == pytest.approx((37, 24), abs=1)
    tile = desk.panel.findChild(QToolButton, "example 1")
    assert tile is not None
    tile.setFocus()
    QTest.keyClick(tile, Qt.Key.Key_Delete)
    assert project_of(desk).examples(2) == []


def test_beside_a_defect_what_is_seen_is_the_limit_sample(desk: Desk) -> None:
    desk.page.canvas.show_area((10, 10, 14, 14))
    QCursor.setPos(desk.page.canvas.mapToGlobal(desk.at(12, 12)))
    desk.press(Qt.Key.Key_J, CTRL)
    (found,) = project_of(desk).examples(1)
    assert found.kind == "limit_good" and found.box is not None
    x0, y0, x1, y1 = found.box
    assert 0 <= x0 <= 10 and 14 <= x1 <= 64 and 0 <= y0 <= 10 and 14 <= y1 <= 48
    assert desk.label_of(9) == "defective"  # Ctrl+J is no J
    desk.qtbot.waitUntil(lambda: "Just still good" in desk.texts())


# -- the ruler


def test_the_ruler_measures_sets_the_scale_and_areas_follow(desk: Desk) -> None:
    desk.press(Qt.Key.Key_U)
    tool = desk.page.canvas.tool
    desk.drag((10, 10), (30, 13), (40, 10.5))
    start, end = desk.seen(10, 10), desk.seen(40, 10.5)
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    assert tool is not None and tool.words.startswith(f"{length:,.1f} px · ")  # type: ignore[attr-defined]
    field = next(one for one in desk.page.options.findChildren(QLineEdit) if "millimetres" in one.accessibleName())
    field.setFocus()
    QTest.keyClicks(field, "1.5")
    QTest.keyClick(field, Qt.Key.Key_Return)
    view = project_of(desk).views()[0]
    assert view.scale_um is not None and view.scale_um * length == pytest.approx(1500)
    assert "1.5 mm" in tool.words  # type: ignore[attr-defined]
    assert desk.page.canvas.hasFocus()
    desk.qtbot.waitUntil(lambda: f"112 px · {112 * (view.scale_um / 1000) ** 2:.3g} mm²" in desk.texts())
    assert set(np.unique(desk.stored(9))) == {0, 2}
    desk.session.undo()
    desk.qtbot.waitUntil(lambda: desk.page.painting.bench.scale_um is None)
    assert "mm²" not in desk.texts()


def test_shift_keeps_the_ruler_to_45_degrees_and_escape_takes_it_away(desk: Desk) -> None:
    desk.press(Qt.Key.Key_U)
    desk.drag((10, 10), (30, 28), held=SHIFT)
    tool = desk.page.canvas.tool
    assert tool is not None and tool.words.endswith("−45.0°")  # type: ignore[attr-defined]
    desk.press(Qt.Key.Key_Escape)
    assert tool.words == "" and desk.page.painting.bench.line == 0  # type: ignore[attr-defined]


def test_a_line_goes_from_where_it_lies_after_zooming(desk: Desk) -> None:
    canvas = desk.page.canvas
    desk.press(Qt.Key.Key_U)
    desk.drag((30, 20), (32, 20))
    before = desk.at(31, 20)
    canvas.zoom_to(40.0, at=QPointF(desk.at(20, 20)))
    canvas.repaint()
    after, seen = desk.at(31, 20), _Painted(canvas)
    assert after.x() - before.x() > 300 and canvas.rect().contains(after)  # beyond the room for the words
    desk.press(Qt.Key.Key_Escape)
    desk.qtbot.waitUntil(lambda: seen.region.contains(after))


class _Painted(QObject):
    """All that a widget paints from now on."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.region = QRegion()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.region = self.region.united(event.region())
        return False


# -- notes


def test_a_note_is_typed_kept_and_withdrawn_and_labels_nothing(desk: Desk) -> None:
    desk.press(Qt.Key.Key_B)
    desk.press(Qt.Key.Key_N)
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    QTest.keyClicks(field, "jkl ebd 2 glare?")
    assert desk.session.current == 9 and desk.page.painting.tool == "tool.brush"
    assert desk.page.painting.bench.class_id == 1
    QTest.keyClick(field, Qt.Key.Key_Return)
    (note,) = project_of(desk).notes("image", 9)
    assert (note.text, note.who) == ("jkl ebd 2 glare?", "AB") and desk.label_of(9) == "defective"
    assert desk.page.canvas.hasFocus()
    desk.qtbot.waitUntil(lambda: "jkl ebd 2 glare?" in desk.texts())
    gone = next(one for one in desk.panel.findChildren(QToolButton) if one.accessibleName() == "Withdraw this note")
    gone.click()
    desk.qtbot.waitUntil(lambda: "glare" not in desk.texts())
    assert project_of(desk).notes("image", 9) == []
    desk.session.undo()
    desk.qtbot.waitUntil(lambda: "jkl ebd 2 glare?" in desk.texts())


def test_what_was_begun_on_an_image_waits_there(desk: Desk) -> None:
    field = desk.page.flow.panel.notes.field  # type: ignore[union-attr]
    field.setFocus()
    QTest.keyClicks(field, "half a th")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert desk.page.canvas.hasFocus()
    desk.press(Qt.Key.Key_D)
    desk.shows(10)
    assert field.text() == ""
    desk.press(Qt.Key.Key_A)
    desk.shows(9)
    assert field.text() == "half a th" and project_of(desk).notes("image", 9) == []
    assert not [label for label in desk.panel.findChildren(QLabel) if "half" in label.text()]


def test_a_queue_that_began_with_the_first_rows_grows_to_all(
    qtbot: QtBot, session: Session, project_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.contents._FIRST_ROWS", 5)
    desk = Desk(qtbot, session)
    session.open(project_file)
    qtbot.waitUntil(lambda: session.is_complete and session.current is not None)
    desk.settled()
    assert session.order.size == 14
    desk.page.leave()


def test_a_scale_that_cannot_be_set_says_the_true_reason(desk: Desk) -> None:
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.page.flow.put_down()  # no image is on screen
    desk.page.flow.calibrate(3.0)
    assert said == ["No image is on screen: open one of the view whose scale it is"]
    file = project_of(desk).file
    desk.session.close()
    desk.settled()
    desk.session.open(file, read_only=True)
    desk.qtbot.waitUntil(lambda: desk.session.is_complete and desk.session.project is not None)
    desk.session.set_current(9)
    desk.shows(9)
    desk.page.flow.calibrate(3.0)
    assert "open for reading only" in said[-1] and desk.session.views[0].scale_um is None
