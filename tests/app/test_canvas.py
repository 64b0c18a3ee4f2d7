"""The canvas as a person uses it: what is on screen, zoom, pan, canvases that are linked, tools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QCursor, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.canvas.link import link, unlink
from app.canvas.picture import Adjust, Picture
from app.canvas.sampling import Placed, linear, nearest, pooled
from app.canvas.tools.base import Pointer
from app.canvas.view import Canvas
from app.canvas.viewport import Viewport
from core.errors import ImageError
from tests.app.hand import drag, make_canvas, noise, screen, wheel


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    return make_canvas(qtbot)


# -- geometry


@given(st.floats(0.05, 60), st.floats(-500, 4000), st.floats(-500, 4000), st.integers(1, 2000), st.integers(1, 2000))
def test_a_point_goes_to_the_screen_and_back(scale: float, cx: float, cy: float, width: int, height: int) -> None:
    view = Viewport(scale, cx, cy, width, height)
    x, y = view.to_image(*view.to_device(12.5, 700.25))
    assert (x, y) == (pytest.approx(12.5, abs=1e-6), pytest.approx(700.25, abs=1e-6))
    assert view.dx == int(view.dx)


@settings(deadline=None)
@given(st.floats(0.3, 30), st.floats(0.3, 30), st.floats(0, 400), st.floats(0, 300))
def test_zooming_keeps_the_point_under_the_cursor(before: float, after: float, x: float, y: float) -> None:
    extent = (0.0, 0.0, 400.0, 300.0)
    view = Viewport(before, 200, 150, 400, 300)
    px, py = view.to_image(x, y)
    if not (0 <= px <= 400 and 0 <= py <= 300):
        return
    zoomed = view.zoomed(after, extent, (x, y))
    if zoomed == zoomed.held(extent):
        qx, qy = zoomed.to_device(px, py)
        assert abs(qx - x) <= 1.5 and abs(qy - y) <= 1.5  # offsets are whole device pixels


def test_an_image_cannot_be_pushed_out_of_sight() -> None:
    extent = (0.0, 0.0, 1000.0, 800.0)
    view = Viewport(1.0, 500, 400, 400, 300).panned(-10_000, 99_999, extent)
    x0, y0, x1, y1 = view.visible()
    assert x0 < 1000 - 40 and y1 > 40 and x1 > x0 and y1 > y0


def test_fitting_shows_all_of_it_and_never_blows_a_tiny_image_up() -> None:
    view = Viewport(width=400, height=300).fitted((0, 0, 4000, 1000))
    left, top = view.to_device(0, 0)
    right, bottom = view.to_device(4000, 1000)
    assert left >= 0 and right <= 400 and top >= 0 and bottom <= 300
    assert Viewport(width=4000, height=3000).fitted((0, 0, 2, 2)).scale == 24


# -- sampling


@given(st.floats(0.1, 9), st.floats(-20, 60), st.floats(-20, 60))
def test_nearest_is_the_pixel_under_the_centre(scale: float, cx: float, cy: float) -> None:
    pixels = np.arange(40 * 30, dtype=np.int64).reshape(30, 40)
    view = Viewport(scale, cx, cy, 64, 48)
    box = (5, 7, 50, 41)
    found = nearest(Placed(pixels), view, box)
    for row, column in ((0, 0), (10, 20), (33, 44)):
        x, y = view.to_image(box[0] + column + 0.5, box[1] + row + 0.5)
        wanted = pixels[min(max(int(np.floor(y + 1e-9)), 0), 29), min(max(int(np.floor(x + 1e-9)), 0), 39)]
        assert found[row, column] == wanted


def test_linear_meets_the_pixels_at_their_centres() -> None:
    pixels = noise(30, 40)
    view = Viewport(1.0, 20, 15, 40, 30)
    assert np.array_equal(linear(Placed(pixels), view, view.bounds), pixels)
    twice = Viewport(2.0, 20, 15, 80, 60)
    ramp = np.tile(np.arange(0, 200, 5, dtype=np.uint8), (30, 1))
    shown = linear(Placed(ramp), twice, twice.bounds).astype(int)
    assert np.array_equal(np.diff(shown[20, 4:-4]) >= 2, np.ones(71, bool))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_pooling_loses_no_painted_pixel(height: int, width: int, seed: int) -> None:
    labels = np.random.default_rng(seed).choice(np.array([0, 0, 0, 1, 7], np.uint8), (height, width))
    small = pooled(labels)
    assert small.shape == ((height + 1) // 2, (width + 1) // 2)
    for row, column in np.ndindex(small.shape):
        assert small[row, column] == labels[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max()


def test_a_view_of_a_large_image_reads_a_coarser_level() -> None:
    picture = Picture(noise(1500, 2000))
    view = Viewport(width=500, height=375).fitted(picture.extent)
    shown = picture.render(view, (100, 100, 300, 200))
    x0, y0 = view.to_image(100, 100)
    x1, y1 = view.to_image(300, 200)
    area = picture.pixels[round(y0) : round(y1), round(x0) : round(x1)]
    assert abs(float(shown.mean()) - float(area.mean())) < 2
    assert shown.std() < area.std() / 2  # averaged, not picked


# -- the widget


def test_at_100_percent_the_screen_shows_the_very_pixels(canvas: Canvas) -> None:
    pixels = noise(900, 1100)
    canvas.show_image(pixels)
    canvas.zoom_to(1.0)
    x, y = -round(canvas.view.dx), -round(canvas.view.dy)
    assert np.array_equal(screen(canvas), pixels[y : y + 300, x : x + 400])


def test_an_image_is_fitted_and_stays_fitted_when_the_window_grows(canvas: Canvas) -> None:
    canvas.show_image(noise(600, 800))
    assert canvas.zoom == pytest.approx((300 - 16) / 600)
    canvas.resize(800, 600)
    assert canvas.zoom == pytest.approx((600 - 16) / 600)
    canvas.zoom_to(3.0)
    canvas.resize(500, 400)
    assert canvas.zoom == 3.0


def test_the_wheel_zooms_at_the_cursor_and_stops_at_100_percent(canvas: Canvas) -> None:
    canvas.show_image(noise(600, 800))
    at = QPointF(120, 200)
    before = canvas.view.to_image(at.x(), at.y())
    wheel(canvas, at, 2)
    after = canvas.view.to_image(at.x(), at.y())
    assert canvas.zoom > 0.6
    assert np.allclose(before, after, atol=1.5)
    wheel(canvas, at, 9)
    assert canvas.zoom == 1.0
    wheel(canvas, at, 1)
    assert canvas.zoom == pytest.approx(1.2)


@pytest.mark.parametrize("button", [Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton])
def test_dragging_moves_the_image(canvas: Canvas, button: Qt.MouseButton) -> None:
    canvas.show_image(noise(600, 800))
    canvas.zoom_to(1.0)
    x, y = canvas.view.dx, canvas.view.dy
    drag(canvas, button, QPoint(40, -20))
    assert (canvas.view.dx - x, canvas.view.dy - y) == (40, -20)
    QTest.mouseMove(canvas, QPoint(10, 10))
    assert canvas.view.dx - x == 40


def test_a_double_click_shows_actual_pixels_and_another_one_everything(canvas: Canvas) -> None:
    canvas.show_image(noise(600, 800))
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert canvas.zoom == 1.0
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert canvas.is_fitted and canvas.zoom < 0.5


def test_the_cursor_tells_the_pixel_and_its_value(canvas: Canvas, qtbot: QtBot) -> None:
    pixels = noise(300, 400)
    canvas.show_image(pixels)
    canvas.zoom_to(1.0)
    with qtbot.waitSignal(canvas.cursor_moved) as told:
        QTest.mouseMove(canvas, QPoint(37, 52))
    assert told.args == [37, 52, tuple(int(v) for v in pixels[52, 37])]
    canvas.zoom_to(0.5)
    with qtbot.waitSignal(canvas.cursor_moved) as told:
        QTest.mouseMove(canvas, QPoint(1, 1))
    assert told.args == [-1, -1, None]


def test_zoom_is_kept_for_images_of_one_size_when_asked(canvas: Canvas) -> None:
    canvas.show_image(noise(600, 800))
    canvas.zoom_to(2.0)
    canvas.show_image(noise(600, 800, seed=1), keep_view=True)
    assert canvas.zoom == 2.0
    canvas.show_image(noise(500, 800), keep_view=True)
    assert canvas.is_fitted
    canvas.zoom_to(2.0)
    canvas.show_image(noise(500, 800))
    assert canvas.is_fitted


def test_brightness_and_contrast_change_what_is_shown_only(canvas: Canvas) -> None:
    pixels = np.full((300, 400, 3), 100, np.uint8)
    canvas.show_image(pixels)
    canvas.set_adjust(Adjust(brightness=0.2))
    assert screen(canvas)[150, 200].tolist() == [151, 151, 151]
    assert (pixels == 100).all()
    assert np.array_equal(Adjust().table(), np.arange(256))
    assert (np.diff(Adjust(contrast=0.5, gamma=-0.5).table().astype(int)) >= 0).all()


def test_what_cannot_be_shown_says_why(canvas: Canvas) -> None:
    canvas.show_image(noise(30, 40))
    canvas.show_error(ImageError("the image is cut short", path="/data/a.png", mend="Copy it again"))
    assert canvas.picture is None
    assert canvas.shows_notice == "The image is cut short"
    assert len(np.unique(screen(canvas).reshape(-1, 3), axis=0)) > 3  # words are drawn
    canvas.show_image(noise(30, 40))
    assert canvas.shows_notice == ""


# -- linked canvases


def test_linked_canvases_look_at_the_same_place(canvas: Canvas, qtbot: QtBot) -> None:
    other = Canvas()
    qtbot.addWidget(other)
    other.resize(300, 300)
    other.show()
    canvas.show_image(noise(600, 800))
    other.show_image(noise(64, 64), extent=(200.0, 100.0, 600.0, 500.0))  # a reconstruction on its crop
    link(canvas, other)
    canvas.zoom_to(2.0)
    canvas.pan(-35, 20)
    assert other.zoom == 2.0
    assert (other.view.cx, other.view.cy) == (canvas.view.cx, canvas.view.cy)
    other.zoom_by(1.5)
    assert canvas.zoom == 3.0
    unlink(canvas, other)
    canvas.fit()
    assert other.zoom == 3.0


def test_a_reconstruction_lies_on_its_crop(canvas: Canvas) -> None:
    picture = Picture(noise(64, 64), extent=(100.0, 50.0, 300.0, 250.0))
    assert picture.value(99.9, 60) is None
    found = picture.value(101, 51)
    assert found is not None and found[:2] == (0, 0)
    canvas.show_image(picture)
    assert canvas.extent == (100.0, 50.0, 300.0, 250.0)


# -- tools


class Pen:
    """A tool that notes what it is told."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.where: list[tuple[int, int]] = []
        self.cursor = QCursor(Qt.CursorShape.CrossCursor)

    def start(self, canvas: Canvas) -> None:
        self.log.append("start")

    def stop(self) -> None:
        self.log.append("stop")

    def pressed(self, pointer: Pointer) -> bool:
        self.log.append("pressed")
        self.where.append(pointer.pixel)
        return True

    def moved(self, pointer: Pointer) -> bool:
        self.where.append(pointer.pixel)
        return True

    def released(self, pointer: Pointer) -> bool:
        self.log.append("released")
        return True

    def double_clicked(self, pointer: Pointer) -> bool:
        return True

    def wheeled(self, pointer: Pointer) -> bool:
        return bool(pointer.modifiers & Qt.KeyboardModifier.AltModifier)

    def wants_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        return False

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        self.log.append(f"key {key}")
        return True

    def left(self) -> None:
        self.log.append("left")

    def paint(self, painter: QPainter, view: Viewport) -> None:
        self.log.append("paint")


def test_a_tool_is_asked_before_the_image_moves(canvas: Canvas) -> None:
    canvas.show_image(noise(600, 800))
    canvas.zoom_to(1.0)
    pen = Pen()
    canvas.set_tool(pen)
    dx = canvas.view.dx
    drag(canvas, Qt.MouseButton.LeftButton, QPoint(40, 10))
    assert canvas.view.dx == dx
    assert [word for word in pen.log if word in ("start", "pressed", "released")] == ["start", "pressed", "released"]
    begin = canvas.view.to_image(200, 150)
    assert pen.where[0] == (int(begin[0]), int(begin[1]))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert f"key {int(Qt.Key.Key_Return)}" in pen.log
    zoom = canvas.zoom
    wheel(canvas, QPointF(5, 5), 1)
    assert canvas.zoom > zoom


def test_space_and_the_middle_button_move_the_image_with_any_tool(canvas: Canvas) -> None:
    canvas.show_image(noise(600, 800))
    canvas.zoom_to(1.0)
    pen = Pen()
    canvas.set_tool(pen)
    dx = canvas.view.dx
    drag(canvas, Qt.MouseButton.MiddleButton, QPoint(30, 0))
    assert canvas.view.dx == dx + 30
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    drag(canvas, Qt.MouseButton.LeftButton, QPoint(30, 0))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.view.dx == dx + 60
    assert "pressed" not in pen.log
    canvas.show_image(noise(600, 800))
    assert "stop" in pen.log  # another image: what was begun is rolled back
