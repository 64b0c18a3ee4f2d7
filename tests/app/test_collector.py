"""Where Python's cyclic garbage is collected."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.collector import GarbageCollector


def lose_a_widget(died_in: list[str]) -> None:
    """A widget that only itself holds."""
    widget = QWidget()
    widget.itself = widget  # type: ignore[attr-defined]
    weakref.finalize(widget, lambda: died_in.append(threading.current_thread().name))


def litter() -> None:
    """Far more garbage than Python lets pass before it collects."""
    for _ in range(20_000):
        cycle: list[object] = []
        cycle.append(cycle)


def test_a_lost_widget_dies_on_the_gui_thread(qtbot: QtBot, collector: GarbageCollector) -> None:
    gc.collect()
    died_in: list[str] = []
    lose_a_widget(died_in)
    thread = threading.Thread(target=litter)
    thread.start()
    thread.join()
    assert died_in == []
    qtbot.waitUntil(lambda: bool(died_in), timeout=60_000)
    assert died_in == [threading.main_thread().name]


def test_little_garbage_is_left_for_later(collector: GarbageCollector) -> None:
    gc.collect()
    assert collector.collect() == 0


def test_older_generations_have_their_turn(collector: GarbageCollector) -> None:
    class Node:
        pass

    node = Node()
    node.itself = node  # type: ignore[attr-defined]
    gone = weakref.ref(node)
    gc.collect(0)
    gc.collect(1)  # now it is old
    del node
    for _ in range(200):
        litter()
        collector.collect()
    assert gone() is None
