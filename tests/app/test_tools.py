"""Every tool with a real mouse on a real image: what it paints is what it should, to the pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from app.canvas.tools import TOOLS
from app.canvas.tools.polygon import Polygon
from app.canvas.tools.proposing import Proposing
from app.canvas.tools.scribble import Scribble
from app.canvas.tools.threshold import Threshold
from app.canvas.tools.wand import Wand
from app.commands import BY_ID
from app.session import Session
from core.annotation.cutting import cut_out
from core.annotation.shapes import Patch, placed
from core.annotation.strokes import sweep
from core.imaging import load_rgb8
from core.project import NewImage, Project
from tests.app.desk import Desk
from tests.app.hand import wheel
from tests.core.test_annotation_assist import slow_wand
from tests.core.test_annotation_components import slow_near
from tests.core.test_annotation_shapes import slow_polygon

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier
SIDE = 800
Labels = NDArray[np.uint8]
Points = tuple[tuple[float, float], ...]


class Bench(Desk):
    """A pill with a crack, two classes, looked at closely; nothing is painted yet."""

    def __init__(self, qtbot: QtBot, session: Session, pixels: NDArray[np.uint8]) -> None:
        super().__init__(qtbot, session)
        self.pixels = pixels
        self.shows(1)
        qtbot.waitUntil(lambda: self.page.painting.bench.sheet is not None)
        self.page.canvas.show_area((340.0, 250.0, 440.0, 330.0))

    @property
    def labels(self) -> Labels:
        """What is on screen; the project holds the same."""
        sheet = self.page.painting.bench.sheet
        assert sheet is not None and not sheet.is_open
        kept = self.stored(1)
        np.testing.assert_array_equal(sheet.labels, np.zeros((SIDE, SIDE), np.uint8) if kept is None else kept)
        return sheet.labels

    def tool(self, command: str) -> Proposing:
        """Take a tool by its key."""
        self.page.canvas.setFocus()
        QTest.keyClicks(self.page.canvas, BY_ID[command].keys[0].lower())
        found = self.page.canvas.tool
        assert self.page.painting.tool == command and isinstance(found, Proposing)
        return found

    def click(self, x: float, y: float, button: Qt.MouseButton = LEFT) -> None:
        QTest.mouseClick(self.page.canvas, button, NONE, self.at(x, y))

    def down(self, x: float, y: float) -> None:
        QTest.mousePress(self.page.canvas, LEFT, NONE, self.at(x, y))

    def move(self, x: float, y: float) -> None:
        QTest.mouseMove(self.page.canvas, self.at(x, y))

    def up(self, x: float, y: float) -> None:
        QTest.mouseRelease(self.page.canvas, LEFT, NONE, self.at(x, y))

    def undo(self) -> None:
        self.page.painting.undo()
        self.settled()

    def paint(self, x0: int, y0: int, x1: int, y1: int, value: int) -> None:
        """A rectangle of another stroke."""
        bench = self.page.painting.bench
        sheet = bench.begin("brush", value)
        assert sheet is not None
        sheet.paint(np.ones((y1 - y0, x1 - x0), np.bool_), (x0, y0, x1, y1), value)
        bench.end()


@pytest.fixture(scope="module")
def pill(real_data: Path) -> NDArray[np.uint8]:
    return load_rgb8(real_data / "full_resolution" / "pill_crack_000.png")


@pytest.fixture
def desk(qtbot: QtBot, session: Session, real_data: Path, pill: NDArray[np.uint8], tmp_path: Path) -> Iterator[Bench]:
    file = real_data / "full_resolution" / "pill_crack_000.png"
    with Project.create(tmp_path / "work", "work", author="AB") as project:
        project.add_images([NewImage(file, "pill", label="defective", width=SIDE, height=SIDE)], root=file.parent)
        project.add_class("crack")
        project.add_class("dirt")
        opened = project.file
    session.open(opened)
    qtbot.waitUntil(lambda: session.is_complete)
    made = Bench(qtbot, session, pill)
    yield made
    made.page.leave()


def painted(bits: NDArray[np.bool_], value: int = 1) -> Labels:
    return bits.astype(np.uint8) * np.uint8(value)


def polygon_at(desk: Bench, points: Points) -> NDArray[np.bool_]:
    """Slowly, around where the clicks were."""
    seen = [desk.seen(*point) for point in points]
    found = np.zeros((SIDE, SIDE), np.bool_)
    found[240:340, 330:450] = slow_polygon([(x - 330, y - 240) for x, y in seen], 120, 100)
    return found


# -- polygon

CORNERS: Points = ((350.3, 262.1), (402.7, 258.4), (421.2, 300.9), (380.5, 280.2), (352.8, 311.6))


def test_a_polygon_closed_by_enter_a_double_click_or_its_first_corner(desk: Bench) -> None:
    desk.tool("tool.polygon")
    for point in CORNERS:
        desk.click(*point)
    assert not desk.labels.any()
    desk.press(Qt.Key.Key_Return)
    wanted = painted(polygon_at(desk, CORNERS))
    np.testing.assert_array_equal(desk.labels, wanted)
    desk.undo()
    for point in CORNERS:
        desk.click(*point)
    QTest.mouseDClick(desk.page.canvas, LEFT, NONE, desk.at(*CORNERS[-1]))
    np.testing.assert_array_equal(desk.labels, wanted)
    desk.undo()
    for point in CORNERS:
        desk.click(*point)
    desk.click(CORNERS[0][0] + 0.4, CORNERS[0][1] - 0.3)
    np.testing.assert_array_equal(desk.labels, wanted)


def test_corners_are_taken_back_one_by_one_and_all_and_two_are_no_polygon(desk: Bench) -> None:
    tool = desk.tool("tool.polygon")
    assert isinstance(tool, Polygon)
    desk.click(420, 270)
    for point in (*CORNERS, (360.0, 300.0), (350.0, 252.0), (430.0, 252.0)):
        desk.click(*point)
    desk.click(400, 300, RIGHT)
    desk.press(Qt.Key.Key_Backspace)
    desk.page.painting.undo()
    assert len(tool.points) == 1 + len(CORNERS)
    desk.press(Qt.Key.Key_Escape)
    assert not tool.points
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.click(*CORNERS[0])
    desk.click(*CORNERS[1])
    desk.press(Qt.Key.Key_Return)
    assert not desk.labels.any() and "three corners" in said[-1]


# -- rectangle


def _corner(desk: Bench, point: tuple[float, float]) -> tuple[int, int]:
    x, y = desk.seen(*point)
    return int(np.floor(x)), int(np.floor(y))


def test_a_rectangle_from_pixel_to_pixel_and_a_square_that_spares_what_is_painted(desk: Bench) -> None:
    desk.tool("tool.rectangle")
    desk.press(Qt.Key.Key_2)
    desk.drag((420.6, 300.2), (380.0, 280.0), (371.5, 262.4))
    (x1, y1), (x0, y0) = _corner(desk, (420.6, 300.2)), _corner(desk, (371.5, 262.4))
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    wanted[y0 : y1 + 1, x0 : x1 + 1] = 2
    np.testing.assert_array_equal(desk.labels, wanted)
    desk.undo()
    desk.press(Qt.Key.Key_1)
    desk.paint(350, 260, 400, 270, 2)
    desk.page.painting.bench.set_only_empty(True)
    desk.drag((360.5, 265.5), (390.5, 280.5), held=Qt.KeyboardModifier.ShiftModifier)
    (x0, y0), (x1, _) = _corner(desk, (360.5, 265.5)), _corner(desk, (390.5, 280.5))
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    wanted[y0 : y0 + x1 - x0 + 1, x0 : x1 + 1] = 1
    wanted[260:270, 350:400] = 2
    np.testing.assert_array_equal(desk.labels, wanted)


def test_what_is_interrupted_is_not_painted(desk: Bench) -> None:
    for change_of_mind in ("escape", "right", "another tool", "another image"):
        for command in ("tool.rectangle", "tool.wand"):
            tool = desk.tool(command)
            desk.down(380, 290)
            desk.move(384, 286)
            assert tool.proposal is not None
            if change_of_mind == "escape":
                desk.press(Qt.Key.Key_Escape)
            elif change_of_mind == "right":
                QTest.mousePress(desk.page.canvas, RIGHT, NONE, desk.at(384, 286))
            elif change_of_mind == "another tool":
                desk.press(Qt.Key.Key_P)
            else:
                desk.page.canvas.show_image(desk.pixels)
            desk.move(390, 280)
            desk.up(390, 280)
            assert tool.proposal is None and not desk.labels.any(), (command, change_of_mind)
            desk.press(Qt.Key.Key_Q)


# -- fill


def test_a_closed_outline_is_filled_a_defect_gets_another_class_and_an_open_area_is_left(desk: Bench) -> None:
    for box in ((350, 260, 400, 262), (350, 298, 400, 300), (350, 260, 352, 300), (398, 260, 400, 300)):
        desk.paint(*box, 1)
    desk.tool("tool.fill")
    desk.press(Qt.Key.Key_2)
    desk.click(370, 280)
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    wanted[260:300, 350:400] = 1
    wanted[262:298, 352:398] = 2
    np.testing.assert_array_equal(desk.labels, wanted)
    desk.click(351, 280)
    np.testing.assert_array_equal(desk.labels, painted(wanted > 0, 2))
    desk.click(370, 280, RIGHT)
    assert not desk.labels.any()
    desk.paint(350, 260, 400, 262, 2)
    before = desk.labels.copy()
    said: list[str] = []
    desk.session.said.connect(said.append)
    desk.click(370, 280)
    assert "open" in said[-1]
    desk.click(370, 261)
    assert "already" in said[-1]
    np.testing.assert_array_equal(desk.labels, before)


# -- wand


def _wand_at(desk: Bench, point: tuple[float, float], tolerance: int) -> NDArray[np.bool_]:
    """Slowly, in a part of the image that holds all of it."""
    x, y = _corner(desk, point)
    found = np.zeros((SIDE, SIDE), np.bool_)
    x0, y0, x1, y1 = x - 140, y - 140, x + 140, y + 140
    part = slow_wand(desk.pixels[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2], x - x0 + 2, y - y0 + 2, tolerance)
    assert not (part[:4].any() or part[-4:].any() or part[:, :4].any() or part[:, -4:].any())
    found[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = part
    return found


def test_dragging_the_wand_sets_its_tolerance_for_this_once(desk: Bench) -> None:
    tool = desk.tool("tool.wand")
    assert isinstance(tool, Wand)
    bench = desk.page.painting.bench
    bench.set_tolerance(2)
    begin = (381.5, 260.5)
    desk.down(*begin)
    np.testing.assert_array_equal(_whole(tool.proposal), _wand_at(desk, begin, 2))
    place = desk.at(*begin)
    QTest.mouseMove(desk.page.canvas, QPointF(place.x() + 8, place.y() - 4).toPoint())
    assert tool.tolerance == 5
    QTest.mouseRelease(desk.page.canvas, LEFT, NONE, QPointF(place.x() + 8, place.y() - 4).toPoint())
    np.testing.assert_array_equal(desk.labels, painted(_wand_at(desk, begin, 5)))
    assert bench.tolerance == 2 and desk.page.options.tolerance_field.value() == 2
    desk.undo()
    desk.click(*begin)
    np.testing.assert_array_equal(desk.labels, painted(_wand_at(desk, begin, 2)))
    desk.undo()
    desk.press(Qt.Key.Key_BracketRight)
    desk.click(*begin)
    np.testing.assert_array_equal(desk.labels, painted(_wand_at(desk, begin, 3)))


def _whole(patch: Patch | None) -> NDArray[np.bool_]:
    assert patch is not None
    return placed(patch, (0, 0, SIDE, SIDE))


# -- threshold


def test_a_threshold_in_a_box_is_moved_and_painted(desk: Bench) -> None:
    tool = desk.tool("tool.threshold")
    assert isinstance(tool, Threshold)
    desk.drag((352.5, 262.5), (400.0, 280.0), (420.5, 310.5))
    (x0, y0), (x1, y1) = _corner(desk, (352.5, 262.5)), _corner(desk, (420.5, 310.5))
    grey = cv2.cvtColor(desk.pixels[y0 : y1 + 1, x0 : x1 + 1], cv2.COLOR_RGB2GRAY)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    assert tool.level == otsu
    desk.press(Qt.Key.Key_BracketRight)
    desk.press(Qt.Key.Key_BracketRight)
    desk.press(Qt.Key.Key_BracketLeft)
    wheel(desk.page.canvas, QPointF(desk.at(380, 290)), 3)
    assert tool.level == otsu + 4
    assert not desk.labels.any()
    side = tool.polarity
    desk.press(Qt.Key.Key_I)
    assert tool.polarity != side
    desk.press(Qt.Key.Key_Return)
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    wanted[y0 : y1 + 1, x0 : x1 + 1] = (grey <= tool.level) == (tool.polarity == "dark")
    np.testing.assert_array_equal(desk.labels, wanted)
    assert tool.proposal is None
    desk.undo()
    desk.drag((352.5, 262.5), (420.5, 310.5))
    canvas = desk.page.canvas
    gauge = tool._gauge(canvas.view)
    for share, level in ((0.25, 64), (0.75, 192)):
        place = QPointF(gauge.center().x(), gauge.bottom() - share * gauge.height()).toPoint()
        QTest.mousePress(canvas, LEFT, NONE, place)
        QTest.mouseRelease(canvas, LEFT, NONE, place)
        assert abs(tool.level - level) <= 2
    desk.press(Qt.Key.Key_Escape)
    desk.press(Qt.Key.Key_Return)
    assert tool.proposal is None and not desk.labels.any()


# -- scribble


def _swept(desk: Bench, *points: tuple[float, float]) -> Patch:
    found = sweep(desk.seen(*points[0]), desk.seen(*points[1]), desk.page.painting.bench.size, "round", SIDE, SIDE)
    assert found is not None
    return found


def test_scribbles_cut_a_defect_out_and_are_taken_back(desk: Bench) -> None:
    tool = desk.tool("tool.scribble")
    assert isinstance(tool, Scribble)
    desk.page.painting.bench.set_size(5)
    on: Points = ((372.0, 285.0), (400.0, 290.0))
    beside: Points = ((360.0, 318.0), (420.0, 318.0))
    desk.drag(*on)
    desk.qtbot.waitUntil(lambda: tool.proposal is not None)
    alone = cut_out(desk.pixels, [_swept(desk, on[0], on[0]), _swept(desk, *on)], [])
    np.testing.assert_array_equal(_whole(tool.proposal), _whole(alone))
    desk.drag(*beside, button=RIGHT)
    assert not desk.labels.any()
    desk.press(Qt.Key.Key_Return)
    both = cut_out(
        desk.pixels,
        [_swept(desk, on[0], on[0]), _swept(desk, *on)],
        [_swept(desk, beside[0], beside[0]), _swept(desk, *beside)],
    )
    desk.qtbot.waitUntil(lambda: not tool.lines)
    np.testing.assert_array_equal(desk.labels, painted(_whole(both)))
    desk.undo()
    desk.drag((372.0, 285.0), (400.0, 290.0))
    desk.drag((360.0, 318.0), (420.0, 318.0), button=RIGHT)
    desk.page.painting.undo()
    assert len(tool.lines) == 1
    desk.press(Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: not tool.lines)
    np.testing.assert_array_equal(desk.labels, painted(_whole(alone)))
    desk.undo()
    desk.drag((360.0, 318.0), (420.0, 318.0), button=RIGHT)
    assert not tool.lines
    desk.drag((372.0, 285.0), (400.0, 290.0))
    desk.press(Qt.Key.Key_Escape)
    desk.settled()
    assert tool.proposal is None and not desk.labels.any()


# -- holes, grow, shrink; keys


def test_keys_alone_fill_holes_grow_and_shrink_the_class(desk: Bench) -> None:
    for box in ((350, 260, 400, 265), (350, 295, 400, 300), (350, 260, 355, 300), (395, 260, 400, 300)):
        desk.paint(*box, 1)
    desk.paint(370, 275, 380, 285, 2)
    desk.page.canvas.setFocus()
    desk.press(Qt.Key.Key_1)
    desk.press(Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    wanted[260:300, 350:400] = 1
    wanted[275:285, 370:380] = 2
    np.testing.assert_array_equal(desk.labels, wanted)
    desk.press(Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    grown = wanted.copy()
    grown[slow_near_box(wanted == 1, (340, 250, 410, 310)) & (wanted == 0)] = 1
    np.testing.assert_array_equal(desk.labels, grown)
    desk.press(Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    shrunk = grown.copy()
    shrunk[(grown == 1) & slow_near_box(grown != 1, (340, 250, 410, 310))] = 0
    np.testing.assert_array_equal(desk.labels, shrunk)
    desk.paint(390, 305, 395, 310, 2)
    desk.move(350, 320)
    desk.move(392, 307)
    before = desk.labels.copy()
    desk.press(Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)  # the one under the cursor alone
    before[304:311, 390:395] = 2
    before[305:310, 389:396] = 2
    np.testing.assert_array_equal(desk.labels, before)


def slow_near_box(bits: NDArray[np.bool_], box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    x0, y0, x1, y1 = box
    found = bits.copy()
    found[y0:y1, x0:x1] = slow_near(bits[y0:y1, x0:x1], 1)
    return found


def test_a_key_takes_a_tool_that_stays_a_field_keeps_its_keys_and_a_locked_image_says_so(desk: Bench) -> None:
    desk.page.canvas.setFocus()
    for kind in TOOLS:
        if not kind.is_kept:
            continue  # from the heatmap: there is none here
        key = BY_ID[kind.command].keys[0].lower()
        QTest.keyClicks(desk.page.canvas, key)
        assert desk.page.painting.tool == kind.command and desk.page.toolbar.buttons[kind.command].isChecked()
        QTest.keyClicks(desk.page.canvas, key)
        desk.page.toolbar.buttons[kind.command].click()
        assert desk.page.painting.tool == kind.command and desk.page.toolbar.buttons[kind.command].isChecked()
    QTest.keyClicks(desk.page.canvas, "q")
    assert desk.page.painting.tool == "tool.look"
    tool = desk.tool("tool.wand")
    field = desk.page.options.tolerance_field
    assert isinstance(field, QSpinBox) and field.isVisible()
    line = field.findChild(QLineEdit)
    assert line is not None
    line.setFocus()
    field.selectAll()
    QTest.keyClicks(line, "pft2rs")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert desk.page.canvas.tool is tool and desk.page.painting.bench.tolerance == 2
    desk.press(Qt.Key.Key_Q)
    assert not desk.labels.any()
    desk.page.painting.leave("The image is locked")
    said: list[str] = []
    desk.session.said.connect(said.append)
    for name in ("polygon", "rectangle", "fill", "wand", "threshold", "scribble"):
        said.clear()
        tool = desk.tool(f"tool.{name}")
        desk.drag((380.0, 290.0), (390.0, 300.0))
        assert said == ["The image is locked"] and tool.proposal is None
