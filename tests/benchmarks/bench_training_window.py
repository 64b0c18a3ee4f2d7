"""While a real worker trains: from its word to the plot, how evenly the window ticks, what drawing curves costs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from app.charts.losses import LossChart, decimated
from app.gui import build
from app.pages.train import TrainPage
from app.trace import Series
from app.window import MainWindow
from core.events import EventTail, Step
from core.imaging import save_png
from core.project import NewImage, Project

TRAINED_S = 15.0
POINTS = 200_000  # an overnight training, four steps a second


@pytest.fixture
def window(qtbot: QtBot, qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setenv("FLAWSCOPE_HOME", str(tmp_path / "home"))
    made = build(qapp)  # type: ignore[arg-type]
    made.resize(1600, 1000)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.session.trainings.close()
    made.close()


def a_project(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(40):
        path = folder / "pictures" / f"{number:02}.png"
        save_png(path, rng.integers(80, 140, (256, 256, 3), dtype=np.uint8))
        split = "train" if number < 30 else "tuning" if number < 34 else "test"
        rows.append(NewImage(path, "chip", label="good", split=split, width=256, height=256))  # type: ignore[arg-type]
    with Project.create(folder / "project", author="bench") as project:
        project.add_images(rows, root=folder / "pictures")
        return project.file


def test_from_the_workers_word_to_the_plot_and_the_tick_of_the_window(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    session = window.session
    session.memory.remember("computing_on", [socket.gethostname(), "processor, 2 threads"])
    session.open(a_project(tmp_path))
    qtbot.waitUntil(lambda: session.is_complete, timeout=20_000)
    began = time.perf_counter()
    window.go("train")
    page = window.page
    assert isinstance(page, TrainPage)
    window.grab()
    shown_ms = 1000 * (time.perf_counter() - began)
    qtbot.waitUntil(lambda: page.setup.facts is not None, timeout=20_000)
    page.setup.choose_preset("micro")
    assert page.setup.form is None
    page.setup._details.set_open(True)
    assert page.setup.form is not None
    page.setup.draft.set("train.steps", "1000000")
    page.start()
    trainings = session.trainings
    qtbot.waitUntil(lambda: trainings.trace(1) is not None and trainings.trace(1).step > 5, timeout=120_000)  # type: ignore[union-attr]

    delay, ticks, per_second = _watched(qtbot, window, page)
    asked = time.perf_counter()
    trainings.stop()
    page.watch.grab()
    said_ms = 1000 * (time.perf_counter() - asked)
    state = page.watch.head.headline
    with qtbot.waitSignal(trainings.ended, timeout=120_000):
        pass
    stopped_s = time.perf_counter() - asked
    print(
        f"\nTrain page shown in {shown_ms:.0f} ms"
        f"\nevent to plot: median {np.median(delay):.0f} ms, p95 {np.percentile(delay, 95):.0f} ms, "
        f"most {delay.max():.0f} ms of {len(delay)} events (budget 250), {per_second:.1f} redraws a second (at most 5)"
        f"\ntick of 10 ms while training on {os.cpu_count()} cores: median {np.median(ticks):.1f} ms, "
        f"p99 {np.percentile(ticks, 99):.1f} ms, most {ticks.max():.1f} ms (budget p99 33)"
        f"\nstop: “{state}” after {said_ms:.0f} ms, done and measured after {stopped_s:.1f} s"
    )


def _watched(
    qtbot: QtBot, window: MainWindow, page: TrainPage
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Event to plot in ms, ticks in ms, redraws a second."""
    chart = page.watch.chart
    assert chart is not None
    drawn: list[tuple[float, float]] = []  # newest step that can be seen, since when
    at: list[float] = []
    trainings = window.session.trainings

    def note() -> None:
        trace = trainings.trace(1)
        if trace is not None:
            drawn.append((float(trace.train["total"].x[-1]), time.time()))

    began = time.time()
    chart.drawn.connect(note)
    timer = QTimer(window)
    timer.setInterval(10)
    timer.timeout.connect(lambda: at.append(time.perf_counter()))
    timer.start()
    redraws = chart.redraws
    qtbot.wait(round(1000 * TRAINED_S))
    timer.stop()
    run = trainings.run(1)
    assert run is not None
    said = [event for event in EventTail(run.folder / "events.jsonl").drain() if isinstance(event, Step)]
    seen = [(event.t, next((t for step, t in drawn if step >= event.step), None)) for event in said if event.t > began]
    delays = [shown - told for told, shown in seen if shown is not None]
    return 1000 * np.array(delays), 1000 * np.diff(at), (chart.redraws - redraws) / TRAINED_S


def test_drawing_a_night_of_steps(qtbot: QtBot) -> None:
    rng = np.random.default_rng(0)
    x = np.arange(float(POINTS))
    y = 1 / (1 + x / 1000) + rng.normal(0, 0.02, POINTS)
    chart = LossChart()
    qtbot.addWidget(chart)
    chart.resize(600, 240)
    chart.show()
    qtbot.waitExposed(chart)
    series = Series()
    began = time.perf_counter()
    for step, value in zip(x, y, strict=True):
        series.add(step, value)
    filled = time.perf_counter() - began
    chart.show_series({"total": series}, {})
    timings = {}
    for name, points in (("all points", (x, y)), ("decimated", decimated(x, y, 600))):
        took = []
        for _ in range(5):
            began = time.perf_counter()
            chart._curve.setData(*points)
            chart.grab()
            took.append(time.perf_counter() - began)
        timings[name] = float(np.median(took))
    began = time.perf_counter()
    decimated(x, y, 600)
    alone = time.perf_counter() - began
    few, every = 1000 * timings["decimated"], 1000 * timings["all points"]
    print(
        f"\n{POINTS:,} steps: kept in {1e6 * filled / POINTS:.1f} µs each; drawn in {few:.1f} ms decimated (of which "
        f"deciding {1000 * alone:.1f} ms), {every:.1f} ms whole: {every / few:.1f} x"
    )
