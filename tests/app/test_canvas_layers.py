"""What is laid over the image: masks, heat, contours, regions; keys that hide and show it while they are held."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.canvas.layers import ContourLayer, HeatLayer, MaskLayer, outlines
from app.canvas.regions import RoiLayer, regions_of
from app.canvas.view import Canvas
from app.canvas.viewport import Viewport
from core.project.records import Cell, Roi, Zone
from core.words import Box
from tests.app.hand import make_canvas, noise, screen, wheel

RED = QColor("#d55e00")


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    return make_canvas(qtbot)


def test_one_painted_pixel_of_a_large_image_is_seen_when_fitted(canvas: Canvas) -> None:
    canvas.show_image(np.zeros((3000, 4000, 3), np.uint8))
    labels = np.zeros((3000, 4000), np.uint8)
    labels[1501, 2003] = 3
    canvas.set_layer("mask", MaskLayer(labels, {3: RED}))
    shown = screen(canvas)
    assert (shown == [RED.red(), RED.green(), RED.blue()]).all(axis=2).any()


def test_a_mask_lies_exactly_on_its_pixels(canvas: Canvas) -> None:
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    canvas.zoom_to(1.0)
    labels = np.zeros((300, 400), np.uint8)
    labels[100:120, 50:90] = 1
    canvas.set_layer("mask", MaskLayer(labels, {1: RED}))
    assert np.array_equal(screen(canvas).any(axis=2), labels > 0)
    canvas.zoom_to(5.0)
    view = canvas.view
    shown = screen(canvas).any(axis=2)
    x0, y0, x1, y1 = view.device_box((50, 100, 90, 120))
    wanted = np.zeros((300, 400), bool)
    wanted[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    assert np.array_equal(shown, wanted)


def test_painting_in_a_buffer_is_followed_inside_its_box(canvas: Canvas) -> None:
    labels = np.zeros((501, 703), np.uint8)
    layer = MaskLayer(labels, {1: RED, 2: QColor("blue")})
    assert layer.extent is None
    labels[17:40, 680:703] = 2
    layer.changed((680, 17, 703, 40))
    labels[500, 0] = 1
    layer.changed((0, 500, 1, 501))
    fresh = MaskLayer(labels, {})
    for one, other in zip(layer._levels, fresh._levels, strict=True):
        assert np.array_equal(one, other)
    assert layer.extent == (0, 17, 703, 501)


class Probe:
    """A layer that notes what it was asked to paint."""

    extent = (0.0, 0.0, 400.0, 300.0)

    def __init__(self) -> None:
        self.boxes: list[Box] = []

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        self.boxes.append(box)


def test_a_small_change_paints_a_small_part(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    canvas.zoom_to(1.0)
    probe = Probe()
    canvas.set_layer("probe", probe)
    qtbot.waitUntil(lambda: len(probe.boxes) > 0)
    probe.boxes.clear()
    canvas.refresh("probe", (100, 100, 110, 110))
    qtbot.waitUntil(lambda: len(probe.boxes) > 0)
    x0, y0, x1, y1 = probe.boxes[0]
    assert x1 - x0 < 40 and y1 - y0 < 40
    assert x0 <= 100 and x1 >= 110


def test_x_hides_everything_while_it_is_held(canvas: Canvas) -> None:
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    canvas.set_layer("mask", MaskLayer(np.ones((300, 400), np.uint8), {1: RED}))
    assert screen(canvas).any()
    QTest.keyPress(canvas, Qt.Key.Key_X)
    black = screen(canvas)[20:-20, 20:-20]
    assert not black.any()
    QTest.keyRelease(canvas, Qt.Key.Key_X)
    assert screen(canvas)[150, 200].any()


def test_losing_the_focus_lets_go_of_held_keys(canvas: Canvas) -> None:
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    canvas.set_layer("mask", MaskLayer(np.ones((300, 400), np.uint8), {1: RED}))
    QTest.keyPress(canvas, Qt.Key.Key_X)
    canvas.clearFocus()
    assert screen(canvas)[150, 200].any()


def test_heat_is_seen_while_h_is_held_and_stays_after_two(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    canvas.set_layer("heatmap", HeatLayer(np.ones((30, 40), np.float32), (0, 0, 400, 300), threshold=0.5))
    assert not screen(canvas)[150, 200].any()
    clock = [0.0]
    canvas._held._clock = lambda: clock[0]
    QTest.keyPress(canvas, Qt.Key.Key_H)
    assert screen(canvas)[150, 200].any()
    QTest.keyRelease(canvas, Qt.Key.Key_H)
    assert not screen(canvas)[150, 200].any()
    clock[0] = 1.0
    with qtbot.waitSignal(canvas.heat_pinned) as told:
        QTest.keyClick(canvas, Qt.Key.Key_H)
        clock[0] = 1.2
        QTest.keyClick(canvas, Qt.Key.Key_H)
    assert told.args == [True]
    assert screen(canvas)[150, 200].any()
    with qtbot.waitSignal(canvas.heat_pinned) as told:
        QTest.keyClick(canvas, Qt.Key.Key_H)
    assert told.args == [False]
    assert not screen(canvas)[150, 200].any()


def test_heat_is_clear_below_half_the_threshold_and_dense_above(canvas: Canvas) -> None:
    grey = np.full((300, 400, 3), 90, np.uint8)
    canvas.show_image(grey)
    canvas.zoom_to(1.0)
    values = np.zeros((300, 400), np.float32)
    values[:, 100:200], values[:, 200:300], values[:, 300:] = 0.19, 0.3, 0.9
    canvas.set_layer("heatmap", HeatLayer(values, (0, 0, 400, 300), threshold=0.4))
    canvas.pin_heat(True)
    row = screen(canvas)[150].astype(int)
    change = np.abs(row - 90).sum(axis=1)
    assert change[50] == change[150] == 0
    assert 0 < change[250] < change[350]


def test_a_map_of_16_bits_is_read_by_its_whole_range() -> None:
    values = np.array([[0, 65535]], np.uint16)
    assert HeatLayer(values, (0, 0, 2, 1), threshold=0.5).levels.tolist() == [[0, 255]]


def test_shift_and_wheel_change_the_opacity_of_what_is_seen(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_image(noise(300, 400))
    canvas.set_layer("mask", MaskLayer(np.ones((300, 400), np.uint8), {1: RED}))
    with qtbot.waitSignal(canvas.opacity_changed) as told:
        wheel(canvas, QPointF(200, 150), -2, Qt.KeyboardModifier.ShiftModifier)
    assert told.args == ["mask", pytest.approx(0.9)]
    canvas.set_layer("heatmap", HeatLayer(np.ones((3, 4), np.float32), (0, 0, 400, 300), threshold=0.5))
    canvas.pin_heat(True)
    with qtbot.waitSignal(canvas.opacity_changed) as told:
        wheel(canvas, QPointF(200, 150), -1, Qt.KeyboardModifier.ShiftModifier)
    assert told.args == ["heatmap", pytest.approx(0.95)]


def test_layers_go_with_their_image_and_their_switches_stay(canvas: Canvas) -> None:
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    canvas.set_layer("mask", MaskLayer(np.ones((300, 400), np.uint8), {1: RED}))
    canvas.set_layer_visible("mask", False)
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    assert canvas.layer("mask") is None
    canvas.set_layer("mask", MaskLayer(np.ones((300, 400), np.uint8), {1: RED}))
    assert not screen(canvas)[150, 200].any()
    canvas.set_layer_visible("mask", True)
    assert screen(canvas)[150, 200].any()


def test_contours_are_drawn_around_what_they_enclose(canvas: Canvas) -> None:
    region = np.zeros((300, 400), bool)
    region[100:150, 200:260] = True
    canvas.show_image(np.zeros((300, 400, 3), np.uint8))
    canvas.zoom_to(1.0)
    canvas.set_layer("contours", ContourLayer(outlines(region), QColor("yellow")))
    shown = screen(canvas).max(axis=2)
    assert shown[100:102, 210:250].min() > 100
    assert shown[110:140, 210:250].max() == 0
    assert shown[60:90].max() == 0


def test_outside_of_the_region_is_dimmed_and_an_alignment_moves_it(canvas: Canvas) -> None:
    mask = np.zeros((300, 400), np.uint8)
    mask[100:200, 100:200] = 1
    zones = (Zone("part", "inspect", mask=mask), Zone("code", "ignore", {"box": [120, 120, 140, 140]}))
    roi = Roi(1, 1, 1, "", "", None, {}, zones, (Cell("left", (0, 0, 50, 50)),))
    canvas.show_image(np.full((300, 400, 3), 200, np.uint8))
    canvas.zoom_to(1.0)
    regions = regions_of(roi, (1.0, 0.0, 50.0, 0.0, 1.0, 0.0))
    assert [(region.name, region.kind) for region in regions] == [
        ("part", "inspect"),
        ("code", "ignore"),
        ("left", "cell"),
    ]
    canvas.set_layer("roi", RoiLayer(regions, (400, 300), QColor("#56b4e9")))
    shown = screen(canvas)
    assert shown[160, 230].tolist() == [200, 200, 200]
    assert shown[250, 300].max() < 110
    assert shown[160, 120].max() < 110  # inside before the alignment moved it


def test_an_image_s_own_zone_replaces_the_template() -> None:
    own = Zone("own", "inspect", {"polygon": [[0, 0], [10, 0], [0, 10]]}, image_id=7)
    roi = Roi(1, 1, 1, "", "", None, {}, (Zone("part", "inspect", {"box": [0, 0, 5, 5]}),), (), frozenset({7}))
    assert [region.name for region in regions_of(roi, own=[own])] == ["own"]
    assert [region.name for region in regions_of(roi)] == ["part"]
