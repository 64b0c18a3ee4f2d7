"""Work off the GUI thread: where results arrive, what is dropped, what is finished at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.background import Background


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    made = Background()
    yield made
    made.close()


def test_results_arrive_on_the_gui_thread(qtbot: QtBot, background: Background) -> None:
    seen: list[tuple[int, int, int]] = []
    background.run(threading.get_ident, lambda where: seen.append((where, threading.get_ident(), 0)))
    qtbot.waitUntil(lambda: bool(seen))
    worker, here, _ = seen[0]
    assert here == threading.get_ident() != worker


def test_a_newer_task_of_the_same_key_replaces_the_older(qtbot: QtBot, background: Background) -> None:
    owner, gate, seen = QObject(), threading.Event(), []
    background.run(lambda: gate.wait(5), lambda _: seen.append("old"), owner=owner, key="one", lane="write")
    background.run(lambda: "new", seen.append, owner=owner, key="one", lane="write")
    gate.set()
    qtbot.waitUntil(lambda: background.is_idle)
    assert seen == ["new"]


def test_nothing_reaches_an_owner_that_is_gone(qtbot: QtBot, background: Background) -> None:
    import shiboken6

    owner, gate, seen = QObject(), threading.Event(), []
    background.run(lambda: gate.wait(5), seen.append, owner=owner)
    shiboken6.delete(owner)
    gate.set()
    qtbot.waitUntil(lambda: background.is_idle)
    assert seen == []


def test_nobody_hears_what_does_not_matter_any_more(qtbot: QtBot, background: Background) -> None:
    seen: list[object] = []
    background.failed.connect(seen.append)
    background.run(lambda: 1, seen.append, still=lambda: False)
    background.run(lambda: 1 / 0, still=lambda: False)
    background.run(lambda: 1 / 0, failed=seen.append, still=lambda: False)
    background.run(lambda: 2, seen.append, still=lambda: True)
    qtbot.waitUntil(lambda: background.is_idle)
    assert seen == [2]


def test_errors_go_to_who_asked_or_to_everybody(qtbot: QtBot, background: Background) -> None:
    mine: list[Exception] = []
    background.run(lambda: 1 / 0, failed=mine.append)
    with qtbot.waitSignal(background.failed) as heard:
        background.run(lambda: int("x"))
    assert isinstance(heard.args[0], ValueError)
    qtbot.waitUntil(lambda: bool(mine))
    assert isinstance(mine[0], ZeroDivisionError)


def test_the_newest_picture_comes_first_and_a_cancelled_one_never(qtbot: QtBot, background: Background) -> None:
    first_gate, second_gate, order = threading.Event(), threading.Event(), []
    running = threading.Barrier(3)

    def hold(gate: threading.Event) -> None:
        running.wait(5)
        gate.wait(5)

    for gate in (first_gate, second_gate):  # both threads of the lane are busy
        background.run(lambda gate=gate: hold(gate), lane="images")
    running.wait(5)
    background.run(lambda: order.append("first"), lane="images")
    cancelled = background.run(lambda: order.append("cancelled"), lane="images")
    background.run(lambda: order.append("last"), lane="images")
    cancelled.cancel()
    first_gate.set()  # one thread goes on, so that the order is its own
    qtbot.waitUntil(lambda: len(order) == 2)
    second_gate.set()
    qtbot.waitUntil(lambda: background.is_idle)
    assert order == ["last", "first"]


def test_what_writes_is_finished_before_the_end(qtbot: QtBot) -> None:
    background, gate, done = Background(), threading.Event(), []
    background.run(lambda: gate.wait(5), lane="write")
    for number in range(20):
        background.run(lambda number=number: done.append(number), lane="write")
    gate.set()
    background.close()
    assert done == list(range(20))


_TWO_ENDS = """
from PySide6.QtCore import QCoreApplication
from app.background import Background

def whole():
    from core.project import Project

def part():
    from core.project.table import Names

app, failed = QCoreApplication([]), []
background = Background()
background.run(whole, None, failed.append)
background.run(part, None, failed.append)
while not background.is_idle:
    app.processEvents()
background.close()
assert not failed, failed
"""


def test_two_threads_may_ask_for_a_package_from_both_ends_at_the_first_start_of_all(tmp_path: Path) -> None:
    cold = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}  # nothing is compiled yet: reading takes its time
    done = subprocess.run([sys.executable, "-c", _TWO_ENDS], env=cold, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
