"""Which tile an arrow, page or end key leads to."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.gallery.plan import Plan

NAVIGATION: Final = frozenset(
    {
        *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down),
        *(Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End),
    }
)


def walks(event: QKeyEvent) -> bool:
    """Whether a key leads to another tile: an arrow, page or end key, with Ctrl or Shift or neither."""
    others = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    return event.key() in NAVIGATION and not event.modifiers() & others


def target_of(key: Qt.Key, current: int, plan: Plan, page: int) -> int:
    """From tile `current` (-1: none); `page` is the rows in sight. Stays where there is nothing beyond."""
    last = plan.count - 1
    if current < 0:
        return last if key == Qt.Key.Key_End else 0
    columns = plan.columns
    steps = {
        Qt.Key.Key_Left: -1,
        Qt.Key.Key_Right: 1,
        Qt.Key.Key_Up: -columns,
        Qt.Key.Key_Down: columns,
        Qt.Key.Key_PageUp: -columns * page,
        Qt.Key.Key_PageDown: columns * page,
        Qt.Key.Key_Home: -current,
        Qt.Key.Key_End: last - current,
    }
    step = steps[key]
    target = current + step
    if 0 <= target <= last:
        return target
    if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
        column = current % columns
        return column if step < 0 else min(last, (plan.lines - 1) * columns + column)
    if key == Qt.Key.Key_Down and current // columns < plan.lines - 1:
        return last  # the row below is shorter
    return current
