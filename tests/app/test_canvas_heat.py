"""Heat over an image that is moved, and keys that are held over one of two linked canvases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.canvas.layers import HeatLayer
from app.canvas.link import link, unlink
from app.canvas.view import Canvas

HEIGHT, WIDTH = 900, 1200


@pytest.fixture
def pair(qtbot: QtBot) -> Iterator[tuple[Canvas, Canvas]]:
    """Two linked canvases with an image and one heatmap over both."""
    made = (Canvas(), Canvas())
    heat = waves()
    for canvas in made:
        qtbot.addWidget(canvas)
        canvas.resize(400, 300)
        canvas.show()
        qtbot.waitExposed(canvas)
        canvas.show_image(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        canvas.set_layer("heatmap", heat)
    link(made[0], made[1])
    yield made


def waves() -> HeatLayer:
    rows, columns = np.mgrid[0:90, 0:120]
    values = (0.5 + 0.5 * np.sin(rows / 5) * np.cos(columns / 7)).astype(np.float32)
    return HeatLayer(values, (0, 0, WIDTH, HEIGHT), threshold=0.5)


def screen(canvas: Canvas) -> NDArray[np.int16]:
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(np.int16)


def is_hot(canvas: Canvas) -> bool:
    return bool((screen(canvas) != 90).any(axis=2)[100:200, 100:300].mean() > 0.2)


def test_h_and_x_held_over_one_canvas_act_on_both(pair: tuple[Canvas, Canvas]) -> None:
    left, right = pair
    for held, other in ((left, right), (right, left)):
        QTest.keyPress(held, Qt.Key.Key_H)
        assert is_hot(left) and is_hot(right)
        QTest.keyPress(other, Qt.Key.Key_X)
        assert not is_hot(left) and not is_hot(right)
        QTest.keyRelease(other, Qt.Key.Key_X)
        QTest.keyRelease(held, Qt.Key.Key_H)
        assert not is_hot(left) and not is_hot(right)


def test_a_canvas_that_loses_the_focus_lets_go_on_both(pair: tuple[Canvas, Canvas], qtbot: QtBot) -> None:
    left, right = pair
    left.activateWindow()
    left.setFocus()
    qtbot.waitUntil(left.hasFocus)
    QTest.keyPress(left, Qt.Key.Key_H)
    assert is_hot(right)
    left.clearFocus()
    assert not is_hot(left) and not is_hot(right)


def test_canvases_that_are_linked_no_more_hold_their_own_keys(pair: tuple[Canvas, Canvas]) -> None:
    left, right = pair
    unlink(left, right)
    QTest.keyPress(left, Qt.Key.Key_H)
    assert is_hot(left) and not is_hot(right)


@pytest.mark.parametrize("zoom", [0.31, 1.0, 2.7])
def test_heat_that_is_moved_lies_where_heat_drawn_anew_lies(pair: tuple[Canvas, Canvas], zoom: float) -> None:
    left, right = pair
    left.pin_heat(True)
    right.pin_heat(True)
    left.zoom_to(zoom)
    for dx, dy in ((0, 0), (-3, 2), (40, -25), (-260, 130), (500, -400), (7, 3)):
        left.pan(dx, dy)
        moved = screen(left)
        right.set_layer("heatmap", waves())
        fresh = screen(right)
        apart = np.abs(moved - fresh)
        assert apart.max() <= 8 and apart.mean() < 0.2  # one pixel aside is ten times that
    heat = left.layer("heatmap")
    assert isinstance(heat, HeatLayer)
    heat.set_colour_map("viridis")
    assert np.abs(screen(left) - fresh).max() > 20
