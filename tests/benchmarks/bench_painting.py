"""The brush against DESIGN's budget: from a mouse event to painted pixels, at 5 and at 64 megapixels; undo."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.background import Background
from app.canvas.layers import MaskLayer
from app.canvas.sheet import Sheet
from app.canvas.tools.brush import Brush
from app.canvas.view import Canvas
from app.canvas.workbench import Workbench
from app.settings import Memory
from core.annotation.masks import Delta, empty
from tests.benchmarks.bench_canvas import SIDES, said, textured

COLOURS = {1: QColor("#d55e00"), 2: QColor("#e69f00")}
EVENTS = 120


def milliseconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


@pytest.mark.parametrize("size", SIDES)
@pytest.mark.parametrize("brush", [12, 100, 500])
def test_brush(qtbot: QtBot, tmp_path: Path, size: tuple[int, int], brush: int) -> None:
    """Prints milliseconds an event, the window painted each time: the first stroke, a long one, its undo."""
    height, width = size
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(1280, 800)
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.show_image(textured(height, width))
    labels = empty(width, height)
    sheet = Sheet(MaskLayer(labels, COLOURS), empty(width, height))
    canvas.set_layer("mask", sheet.layer)
    background = Background(canvas)
    bench = Workbench(canvas, Memory(tmp_path / "memory.json"), background)
    bench.set_sheet(sheet)
    bench.set_class(1)
    bench.set_size(brush)
    canvas.set_tool(Brush(bench))
    deltas: list[Delta] = []
    sheet.settled.connect(lambda delta, *_: deltas.append(delta))
    canvas.repaint()
    first, later = strokes(canvas, 2), strokes(canvas, EVENTS)

    def undo() -> None:
        sheet.apply(deltas[-1])
        canvas.repaint()

    print(f"\n{width} x {height}, brush {brush:3d} px: first {first.max():5.1f} ms (40)  then {said(later)} (p95 8)")
    print(f"    undo of the long stroke {milliseconds(undo):.1f} ms (30)")
    background.close()


def strokes(canvas: Canvas, events: int) -> NDArray[np.float64]:
    """One stroke of so many mouse events."""
    start = QPoint(200, 200)

    def press() -> None:
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
        canvas.repaint()

    def move(number: int) -> None:
        QTest.mouseMove(canvas, start + QPoint(6 * number % 800, 5 * number % 400))
        canvas.repaint()

    found = [milliseconds(press), *(milliseconds(partial(move, number)) for number in range(events))]
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    return np.array(found)
