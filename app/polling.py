"""Listens to workers ten times a second, as long as there are any."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.live_worker import LiveWorker

_POLL_MS: Final = 100


class Poller(QObject):
    """Holds the workers that are followed; what they say means nothing here."""

    heard = Signal(object, object)  # LiveWorker, what it has said since the last time: AnyEvents, often none
    ended = Signal(object)  # LiveWorker, after its last events; it is followed no more

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.workers: list[LiveWorker] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._on_timer_timeout)

    def add(self, worker: LiveWorker) -> None:
        """Follow it."""
        self.workers.append(worker)
        if not self._timer.isActive():
            self._timer.start()

    def remove(self, worker: LiveWorker) -> None:
        """Follow it no more; it goes on."""
        self.workers.remove(worker)
        if not self.workers:
            self._timer.stop()

    def clear(self) -> None:
        """Follow none."""
        self._timer.stop()
        self.workers.clear()

    def _on_timer_timeout(self) -> None:
        for worker in list(self.workers):
            alive = worker.running.running  # asked before the poll, so that the last events are never missed
            self.heard.emit(worker, worker.running.poll_events())
            if not alive:
                self.remove(worker)
                self.ended.emit(worker)
