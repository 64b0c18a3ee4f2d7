"""Dragging the threshold: counts, histogram and curve on screen, at 10,000 and at 230,000 images."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app.commands import Actions
from app.pages.review.state import Review
from app.pages.review.threshold import ThresholdPanel
from app.session import Session
from app.settings import Memory, Settings
from core.project import NewImage, NewScore, Project
from core.project.units import UnitTable
from core.workflow import review
from core.workflow.review import ReviewTable

BUDGET_MS = {10_000: 16, 230_000: 66}


def _rows(folder: Path, count: int) -> Iterator[NewImage]:
    for number in range(count):
        label = "defective" if number % 20 == 0 else "good"
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        yield NewImage(path, "vial", split="test", label=label, size=1, mtime_ns=1, width=64, height=64)


def _project(folder: Path, count: int) -> Project:
    project = Project.create(folder / "work")
    project.add_images(_rows(folder, count), root=folder)
    rng = np.random.default_rng(1)
    run = project.add_run(product="vial", model="prff", preset="micro", config={})
    scoring = project.add_scoring(run.id)
    scores = rng.beta(2, 8, count) + np.where(np.arange(count) % 20 == 0, 0.3, 0.0)
    project.add_scores(
        scoring, (NewScore(i, float(s), peak=float(s), first=float(s)) for i, s in enumerate(scores, start=1))
    )
    return project


def _naive(units: UnitTable, threshold: float) -> tuple[int, int]:
    """What a list of rows would do for every move."""
    over = escaped = 0
    for score, label in zip(units.score.tolist(), units.label.tolist(), strict=True):
        over += label == 0 and score >= threshold
        escaped += label == 1 and score < threshold
    return over, escaped


def _percentile(times: Sequence[float], share: float) -> float:
    return 1000 * sorted(times)[min(len(times) - 1, int(share * len(times)))]


@pytest.mark.parametrize("count", [10_000, 230_000])
def test_dragging_the_threshold(count: int, tmp_path: Path, qtbot: QtBot) -> None:
    with _project(tmp_path, count) as project:
        begin = time.perf_counter()
        table = review.load(project)
        loaded = time.perf_counter() - begin
        begin = time.perf_counter()
        table.columns("test"), table.roc("test")
        prepared = time.perf_counter() - begin
        moves, queues = _drag(table, qtbot, tmp_path)
        begin = time.perf_counter()
        _naive(table.units, 0.4)
        naive = time.perf_counter() - begin
    print(
        f"\nthreshold at {count:,} images: table read in {loaded:.2f} s and prepared in {prepared:.2f} s (background); "
        f"a move with counts, histogram and curve painted {_percentile(moves, 0.5):.1f} ms, p95 "
        f"{_percentile(moves, 0.95):.1f} ms (budget {BUDGET_MS[count]} ms), {naive / np.median(moves):.0f} x faster "
        f"than counting rows alone; the queue after a drag {_percentile(queues, 0.5):.1f} ms"
    )


def _drag(table: ReviewTable, qtbot: QtBot, folder: Path) -> tuple[list[float], list[float]]:
    """Moves through the histogram as a mouse would make them, painted at once."""
    session = Session(Settings(folder / "settings.json"), Memory(folder / "memory.json"))
    window = QMainWindow()
    qtbot.addWidget(window)
    Actions(window)
    state = Review(session, window)
    state.table, state.scope, state.threshold = table, "test", table.threshold
    panel = ThresholdPanel(state, window)
    window.setCentralWidget(panel)
    window.resize(1280, 240)
    window.show()
    qtbot.waitExposed(window)
    state.loaded.emit()
    moves, queues = [], []
    for step in range(120):
        begin = time.perf_counter()
        state.move_threshold(0.05 + 0.8 * step / 120)
        panel.histogram.repaint()
        panel.roc.repaint()
        panel.counts.repaint()
        moves.append(time.perf_counter() - begin)
    for step in range(10):
        begin = time.perf_counter()
        review.queue(table, "false_rejects", 0.1 + 0.05 * step)
        queues.append(time.perf_counter() - begin)
    state.set_threshold(0.5)
    session.shut_down()
    return moves, queues
