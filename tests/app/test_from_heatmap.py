"""The model's heatmap while one paints: seen with H, taken over area by area, never unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.canvas.layers import HeatLayer
from app.session import Session
from core.project import Project
from tests.app.desk import Desk
from tests.app.hand import wheel
from tests.scored import SIDE, SPOT, scored_project

NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
Opener = Callable[[Project, str], Desk]
REJECTED = "good 2.png"


@pytest.fixture
def opener(qtbot: QtBot, session: Session) -> Iterator[Opener]:
    """Shows an image of a project; H has the canvas."""
    made: list[Desk] = []

    def open_at(project: Project, name: str) -> Desk:
        image = next(row.id for row in project.images() if row.path.name == name)
        session.adopt(project)
        qtbot.waitUntil(lambda: session.table is not None)
        desk = Desk(qtbot, session)
        made.append(desk)
        desk.go_to(image).settled()
        return desk

    yield open_at
    for one in made:
        one.page.leave()


def spot() -> NDArray[np.uint8]:
    """What the map of `tests.scored` holds above the threshold: it is as large as the image."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[SPOT[1] : SPOT[3], SPOT[0] : SPOT[2]] = 1
    return mask


def hinted(desk: Desk) -> list[str]:
    said: list[str] = []
    desk.page.painting.bench.hinted.connect(said.append)
    return said


def test_the_map_lies_ready_under_h(opener: Opener, tmp_path: Path) -> None:
    desk = opener(scored_project(tmp_path), REJECTED)
    layer = desk.page.canvas.layer("heatmap")
    assert isinstance(layer, HeatLayer) and layer.extent == (0, 0, SIDE, SIDE)
    hot = layer.levels > 0
    np.testing.assert_array_equal(hot, spot() > 0)


def test_a_click_takes_an_area_over_as_a_stroke_of_the_person(opener: Opener, tmp_path: Path) -> None:
    desk = opener(scored_project(tmp_path), REJECTED)
    project = desk.session.project
    assert project is not None
    image = desk.page.shown
    assert image is not None
    said = hinted(desk)
    desk.press(Qt.Key.Key_H, SHIFT)
    desk.settled()
    assert desk.page.painting.tool == "tool.from_heatmap"
    assert said[-1].startswith("Training #1 sees one area above 0.3")
    assert desk.stored(image) is None  # nothing unasked
    desk.drag((24.5, 30.5))
    np.testing.assert_array_equal(desk.stored(image), spot())
    assert [(one.origin, one.author) for one in project.layers(image)] == [("person", "AB")]
    assert any("from heatmap of training 1" in row.action for row in project.audit_rows())
    assert not desk.page.painting.bench.proposals.areas
    desk.page.painting.undo()
    after = desk.stored(image)
    assert after is not None and not after.any()


def test_enter_takes_all_above_a_level_into_empty_pixels_only(opener: Opener, tmp_path: Path) -> None:
    project = scored_project(tmp_path)
    project.add_class("crack")
    project.add_class("dirt")
    desk = opener(project, REJECTED)
    image, bench = desk.page.shown, desk.page.painting.bench
    assert image is not None
    desk.press(Qt.Key.Key_B)
    bench.set_size(5)
    bench.set_shape("square")
    desk.press(Qt.Key.Key_2)
    desk.drag((16.5, 20.5))
    desk.press(Qt.Key.Key_1)
    bench.set_only_empty(True)
    desk.press(Qt.Key.Key_H, SHIFT)
    desk.settled()
    wheel(desk.page.canvas, QPointF(desk.at(50, 50)), -40, Qt.KeyboardModifier.AltModifier)
    assert bench.proposals.level == pytest.approx(bench.proposals.heat.threshold * 1.05**-40)  # type: ignore[union-attr]
    desk.settled()
    desk.press(Qt.Key.Key_Return)
    expected = np.ones((SIDE, SIDE), np.uint8)  # a tenth of the score lies everywhere
    expected[18:23, 14:19] = 2
    np.testing.assert_array_equal(desk.stored(image), expected)


def test_escape_leaves_for_the_tool_before_and_the_level_begins_at_the_threshold(
    opener: Opener, tmp_path: Path
) -> None:
    desk = opener(scored_project(tmp_path), REJECTED)
    proposals = desk.page.painting.bench.proposals
    desk.press(Qt.Key.Key_B)
    desk.press(Qt.Key.Key_H, SHIFT)
    desk.settled()
    assert proposals.heat is not None
    threshold = proposals.heat.threshold
    assert proposals.level == threshold
    desk.press(Qt.Key.Key_BracketRight)
    assert proposals.level == pytest.approx(1.05 * threshold)
    proposals.set_level(0.7)
    desk.settled()
    assert not proposals.areas  # the score is 0.6
    desk.press(Qt.Key.Key_Escape)
    assert desk.page.painting.tool == "tool.brush"
    desk.press(Qt.Key.Key_H, SHIFT)
    desk.settled()
    assert proposals.level == threshold and len(proposals.areas) == 1


def test_an_image_whose_map_is_gone_says_what_to_do(opener: Opener, tmp_path: Path) -> None:
    project = scored_project(tmp_path)
    image = next(row.id for row in project.images() if row.path.name == REJECTED)
    for path in project.folder.rglob(f"heatmaps/{image}.png"):
        path.unlink()
    desk = opener(project, REJECTED)
    said: list[str] = []
    desk.session.said.connect(said.append)
    QTest.keyPress(desk.page.canvas, Qt.Key.Key_H)
    QTest.keyRelease(desk.page.canvas, Qt.Key.Key_H)
    assert said[-1] == "Training #1 kept no heatmap of this image and left no model: train again"


def test_without_a_training_it_says_where_to_start_one(
    qtbot: QtBot, session: Session, project_file: Path, opener: Opener
) -> None:
    with Project.open(project_file) as project:
        name = next(row.path.name for row in project.images())
    desk = opener(Project.open(project_file), name)
    said = hinted(desk)
    desk.press(Qt.Key.Key_H, SHIFT)
    desk.settled()
    assert said[-1].startswith("No training has looked at images of this view yet")
