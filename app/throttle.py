"""News that comes faster than it can be looked at: shown at once, then at most so often, the last never lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Throttle(QObject):
    """Calls `slot` at once when asked after a pause, else when `milliseconds` have passed since the last call."""

    def __init__(self, slot: Callable[[], object], milliseconds: int, parent: QObject) -> None:
        super().__init__(parent)
        self._slot = slot
        self._pause = milliseconds / 1000
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.now)

    def ask(self) -> None:
        """There is news."""
        if self._timer.isActive():
            return
        wait = self._last + self._pause - time.monotonic()
        if wait <= 0:
            self.now()
        else:
            self._timer.start(max(1, round(1000 * wait)))

    def now(self) -> None:
        """Do it now."""
        self._timer.stop()
        self._last = time.monotonic()
        self._slot()

    def stop(self) -> None:
        """What was asked for is not done any more."""
        self._timer.stop()


class Slowly(QObject):
    """Calls `slot` once, a moment after the last of many calls to `start`."""

    def __init__(self, slot: Callable[[], object], milliseconds: int, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(slot)

    def start(self) -> None:
        """Call it a moment from now."""
        self._timer.start()

    def stop(self) -> None:
        """Do not call it."""
        self._timer.stop()
