"""Collects cyclic garbage on the GUI thread only: a widget that dies on another thread takes the window along."""

from __future__ import annotations

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimerEvent

_EVERY_MS: Final = 1000
_OLDER: Final = 10  # collections of one generation before the next older one is looked at


class GarbageCollector(QObject):
    """Python's own collector rests while this one lives; a collection is made once a second, on this object's thread.

    Python collects in whichever thread happens to allocate. A dialog and its slots are such a cycle, and Qt lets a
    widget be destroyed on the GUI thread alone.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._counts = [0, 0]
        gc.disable()
        self.startTimer(_EVERY_MS)

    def timerEvent(self, event: QTimerEvent) -> None:
        self.collect()

    def collect(self) -> int:
        """Collect what is due; returns how many objects went."""
        if gc.get_count()[0] <= gc.get_threshold()[0]:
            return 0
        generation = 0
        for older, count in enumerate(self._counts):
            if count < _OLDER:
                self._counts[older] += 1
                break
            self._counts[older] = 0
            generation = older + 1
        return gc.collect(generation)
