"""Measuring one step of what is set up, off the GUI thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.config import TrainingConfig
from core.events import Estimate
from core.workflow.readiness import Measured

if TYPE_CHECKING:
    from app.session import Session
    from core.workflow.training import Order


class StepMeasure(QObject):
    """One measurement at a time; it gives way to a training, and ends with the project."""

    changed = Signal(object)  # Measured (without a result while it goes on), or None

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._stop: threading.Event | None = None
        session.closing.connect(self.cancel)
        session.trainings.state_changed.connect(self._on_training_state_changed)

    @property
    def goes_on(self) -> bool:
        """Whether a step is being measured."""
        return self._stop is not None

    def begin(self, order: Order, config: TrainingConfig, product: str, view: str) -> None:
        """Measure a step of this training; `changed` follows twice."""
        self.cancel()
        project = self._session.project
        if project is None:
            return
        stop = self._stop = threading.Event()

        def work() -> Estimate | None:
            from core.workflow.measuring import Cancelled, measure

            try:
                ((_, found),) = measure(project, order, product=product, view=view, stop=stop.is_set)
            except Cancelled:
                return None
            return found

        def done(found: Estimate | None) -> None:
            if stop is self._stop:
                self._end(None if found is None else Measured(config, found))

        def failed(error: Exception) -> None:
            if stop is self._stop:
                self._end(None)
                self._session.report(error)

        self.changed.emit(Measured(config))
        self._session.background.run(work, done, failed, owner=self, lane="measure")

    def cancel(self) -> None:
        """Give up what is being measured."""
        if self._stop is not None:
            self._stop.set()
            self._end(None)

    def _end(self, found: Measured | None) -> None:
        self._stop = None
        self.changed.emit(found)

    def _on_training_state_changed(self, _: int, state: str) -> None:
        if state == "starting":
            self.cancel()
