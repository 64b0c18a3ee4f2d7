"""The canvas against DESIGN's budgets: the next image, repaints at 64 megapixels, a brush's dirty rectangle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEventLoop, QPointF
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from app.canvas.layers import HeatLayer, MaskLayer
from app.canvas.picture import Picture
from app.canvas.view import Canvas
from app.commands import Actions
from app.pages.annotate import AnnotatePage
from app.session import Session
from app.settings import Memory, Settings
from core.imaging import load_rgb8, save_png
from core.project import NewImage, Project

SIDES = ((2048, 2448), (8192, 8192))
RED = QColor("#d55e00")


def textured(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture that compresses like a photograph of a part, not like noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 200, (height // 64 + 1, width // 64 + 1, 3), dtype=np.uint8)
    pixels = np.repeat(np.repeat(coarse, 64, 0), 64, 1)[:height, :width].copy()
    pixels += rng.integers(0, 12, (height, width, 1), dtype=np.uint8)
    return pixels


def milliseconds(work: Callable[[], object], times: int = 20) -> NDArray[np.float64]:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - begin))
    return np.array(found)


def said(times: NDArray[np.float64]) -> str:
    return f"median {np.median(times):6.1f} ms  p95 {np.percentile(times, 95):6.1f} ms  worst {times.max():6.1f} ms"


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    widget = Canvas()
    qtbot.addWidget(widget)
    widget.resize(1280, 800)
    widget.show()
    qtbot.waitExposed(widget)
    yield widget


class Hand:
    """Zooms and pans a little, and waits until it is painted."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.closer = False

    def zoom(self) -> None:
        self.closer = not self.closer
        self.canvas.zoom_by(1.01 if self.closer else 1 / 1.01, at=QPointF(400, 300))
        self.canvas.repaint()

    def pan(self) -> None:
        self.canvas.pan(7, 3)
        self.canvas.repaint()


@pytest.mark.parametrize("size", SIDES)
def test_zoom_and_pan(canvas: Canvas, size: tuple[int, int]) -> None:
    height, width = size
    pixels = textured(height, width)
    made = milliseconds(lambda: Picture(pixels), 3)
    labels = np.zeros((height, width), np.uint8)
    labels[height // 3 : height // 2, width // 3 : width // 2] = 1
    heat = np.random.default_rng(1).random((256, 256), np.float32)
    canvas.show_image(Picture(pixels))
    canvas.set_layer("mask", MaskLayer(labels, {1: RED}))
    canvas.set_layer("heatmap", HeatLayer(heat, canvas.extent, threshold=0.5))
    print(f"\n{width} x {height} in a canvas of 1280 x 800")
    print(f"  picture and pyramid (not on the GUI thread)  {said(made)}")
    hand = Hand(canvas)
    for zoom in (None, 1.0, 8.0):
        if zoom is None:
            canvas.fit()
        else:
            canvas.zoom_to(zoom)
        canvas.repaint()
        name = "fitted" if zoom is None else f"{100 * zoom:.0f} %"
        print(f"  {name:7} zoom {said(milliseconds(hand.zoom))}")
        print(f"  {name:7} pan  {said(milliseconds(hand.pan))}")
        canvas.pin_heat(True)
        print(f"  {name:7} heat {said(milliseconds(hand.pan))}")
        canvas.pin_heat(False)
    canvas.fit()
    ours, naive = milliseconds(canvas.repaint), milliseconds(lambda: _naive(pixels, labels), 3)
    print(f"  repaint, fitted: {said(ours)}")
    print(f"  blending all of it into a QPixmap: {said(naive)}, ratio {np.median(ours) / np.median(naive):.4f}")


def _naive(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> QPixmap:
    blended = pixels.copy()
    blended[labels > 0] = blended[labels > 0] // 2 + np.array([106, 47, 0], np.uint8)
    height, width = labels.shape
    whole = QPixmap.fromImage(QImage(blended.data, width, height, 3 * width, QImage.Format.Format_RGB888))
    target = QPixmap(1280, 800)
    painter = QPainter(target)
    painter.drawPixmap(target.rect(), whole)
    painter.end()
    return target


@pytest.mark.parametrize("size", SIDES)
@pytest.mark.parametrize("radius", [12, 100])
def test_a_brush_paints_its_dirty_rectangle(canvas: Canvas, size: tuple[int, int], radius: int) -> None:
    height, width = size
    canvas.show_image(Picture(textured(height, width)))
    labels = np.zeros((height, width), np.uint8)
    layer = MaskLayer(labels, {1: RED})
    canvas.set_layer("mask", layer)
    canvas.zoom_to(1.0)
    canvas.repaint()
    offsets = np.arange(-radius, radius + 1)
    disc = (offsets[:, None] ** 2 + offsets[None, :] ** 2 <= radius**2).astype(np.uint8)
    x0, y0, _, _ = canvas.view.visible()
    path = iter([(int(x0) + 150 + 5 * step, int(y0) + 300 + step) for step in range(150)])

    def dab() -> None:
        x, y = next(path)
        box = (x - radius, y - radius, x + radius + 1, y + radius + 1)
        np.maximum(labels[box[1] : box[3], box[0] : box[2]], disc, out=labels[box[1] : box[3], box[0] : box[2]])
        layer.changed(box)
        canvas.repaint(canvas._widget_rect(canvas.view.device_box(box, margin=6)))

    first = milliseconds(dab, 1)
    times = milliseconds(dab, 120)
    print(f"\nbrush r = {radius} at {width} x {height}: first {first[0]:.1f} ms, {said(times)} (budget 40, p95 8)")


def test_the_next_image(qtbot: QtBot, tmp_path: Path) -> None:
    """Prefetched and cold, 5 megapixels with a mask, from the step to the painted canvas."""
    _project(tmp_path)
    session = Session(Settings(tmp_path / "settings.json"), Memory(tmp_path / "memory.json"))
    session.open(tmp_path / "project")
    qtbot.waitUntil(lambda: session.is_complete, timeout=20_000)
    window = QMainWindow()
    qtbot.addWidget(window)
    page = AnnotatePage(session, Actions(window))
    window.setCentralWidget(page)
    window.resize(1600, 1000)
    window.show()
    qtbot.waitExposed(window)
    page.enter()
    _until(lambda: page.overlays is not None and session.loader.is_quiet)
    ahead, whole, cold = [], [], []
    for _ in range(10):
        times = _went(page, lambda: session.step(1))
        ahead.append(times[0])
        whole.append(times[1])
        _until(lambda: session.loader.is_quiet)
    for image_id in (1, 6, 12, 3, 9, 14):
        session.loader.forget()
        cold.append(_went(page, lambda image_id=image_id: session.set_current(image_id))[0])
        _until(lambda: session.loader.is_quiet)
    print(f"\nnext image, 5 MP PNG: prefetched     {said(np.array(ahead))} (budget 30)")
    print(f"                      with its mask  {said(np.array(whole))}")
    print(f"                      cold           {said(np.array(cold))} (budget 120)")
    decoding = milliseconds(lambda: load_rgb8(tmp_path / "pictures" / "03.png"), 5)
    share = np.median(cold) / np.median(decoding)
    print(f"                      decoding alone {said(decoding)}, cold / decoding {share:.2f}")
    page.leave()
    session.shut_down()


def _project(folder: Path) -> None:
    rows = []
    for number in range(14):
        path = folder / "pictures" / f"{number:02}.png"
        save_png(path, textured(2048, 2448, number))
        rows.append(NewImage(path, "board", label="defective", width=2448, height=2048))
    mask = np.zeros((2048, 2448), np.uint8)
    mask[900:1100, 800:1300] = 1
    with Project.create(folder / "project") as project:
        project.add_images(rows, root=folder / "pictures")
        project.import_masks([(image.id, mask) for image in project.images()])


def _went(page: AnnotatePage, go: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds until the image is painted, and until its mask is."""
    begin = time.perf_counter()
    go()
    _until(lambda: page.shown == page.session.current)
    page.canvas.repaint()
    image = time.perf_counter()
    _until(lambda: page.overlays is not None)
    page.canvas.repaint()
    return 1000 * (image - begin), 1000 * (time.perf_counter() - begin)


def _until(ready: Callable[[], bool]) -> None:
    """Wakes with every event: qtbot waits in steps of 10 ms, too coarse for what is measured here."""
    while not ready():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
