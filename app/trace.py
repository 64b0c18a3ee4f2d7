"""What a training has said so far, ready to be drawn: curves, pictures, log, where it is and when it will be done."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.words import tr
from core.events import (
    AnyEvent,
    Checkpoint,
    Done,
    Epoch,
    Estimate,
    EventTail,
    Failure,
    Heartbeat,
    Hello,
    PhaseChanged,
    Picture,
    Step,
    Warn,
)
from core.workflow.readiness import estimated

LOG_LINES: Final = 500
_FIRST_ROOM: Final = 256
_LEARNING: Final = 0.9  # of the work, while nobody knows how long the scoring will take
_LAST: Final = 0.99  # all of it is done when the worker says so


class Series:
    """Points of one curve; grows without copying every time."""

    def __init__(self) -> None:
        self._points = np.empty((2, _FIRST_ROOM), np.float64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, x: float, y: float) -> None:
        """One more point; what is no number is left out, and an x that came before cuts what followed it."""
        if not math.isfinite(y):
            return
        while self._count and self._points[0, self._count - 1] >= x:  # a training that went on from a checkpoint
            self._count -= 1
        if self._count == self._points.shape[1]:
            self._points = np.concatenate([self._points, np.empty_like(self._points)], axis=1)
        self._points[:, self._count] = x, y
        self._count += 1

    @property
    def x(self) -> NDArray[np.float64]:
        """(N,) rising."""
        return self._points[0, : self._count]

    @property
    def y(self) -> NDArray[np.float64]:
        """(N,) finite."""
        return self._points[1, : self._count]


@dataclass(frozen=True)
class Line:
    """One line of the log for a person."""

    t: float
    kind: str  # info, warning, error
    text: str


class Trace:
    """Takes events in, in order; everything it holds is what was said last."""

    def __init__(self) -> None:
        self.phase = ""
        self.phase_text = ""
        self.done = 0
        self.total = 0
        self.position = 0.0  # 0..1 of the schedule
        self.finish: float | None = None  # seconds since 1970
        self.step = 0
        self.steps = 0
        self.epoch = 0
        self.step_seconds = 0.0
        self.memory = 0
        self.computing_on = ""
        self.checkpoint_at: float | None = None
        self.best_step = 0
        self.train: dict[str, Series] = {}
        self.tuning: dict[str, Series] = {}
        self.pictures: dict[int, Picture] = {}
        self.log: deque[Line] = deque(maxlen=LOG_LINES)
        self.ended: Done | Failure | None = None
        self.heard = 0  # events so far
        self._learning = _LEARNING  # share of the whole work
        self._after = 0.0  # seconds of measuring and scoring that follow it
        self._reached = 0.0
        self._learnt = 0.0  # what was reached when the scoring began

    @property
    def fraction(self) -> float:
        """How much of the whole work is done, learning, measuring and scoring: by the time that it takes, never back.

        While the finish is not known, the learning counts for most of it.
        """
        return 1.0 if isinstance(self.ended, Done) else self._reached

    def feed_all(self, events: Iterable[AnyEvent]) -> None:
        """Take several in."""
        for event in events:
            self.feed(event)

    def feed(self, event: AnyEvent) -> None:
        """Take one in."""
        self.heard += 1
        if isinstance(event, Step):
            self._step(event)
        elif isinstance(event, Heartbeat):
            self.phase, self.done, self.total = event.name, event.done, event.total
            self.finish, self.memory = event.finish, event.memory
        elif isinstance(event, PhaseChanged):
            self._phase(event)
        elif isinstance(event, Epoch):
            self._epoch(event)
        elif isinstance(event, Estimate):
            self.log.append(Line(event.t, "info", estimated(event)))
        elif isinstance(event, Picture):
            self.pictures[event.index] = event
        elif isinstance(event, Checkpoint):
            self._checkpoint(event)
        elif isinstance(event, Hello | Warn | Failure | Done):
            self._words(event)
        self._reach(event)

    def _reach(self, event: AnyEvent) -> None:
        if self.phase == "scoring":
            share = min(1.0, self.done / self.total) if self.total else 0.0
            found = self._learnt + (_LAST - self._learnt) * share
        elif self.position < 1.0 or self.finish is None or not self._after:
            found = self._learning * self.position
        elif self.phase == "paused":
            return  # the finish that was said is that of an earlier moment
        else:
            left = min(1.0, max(0.0, self.finish - event.t) / self._after)
            found = 1.0 - (1.0 - self._learning) * left
        self._reached = max(self._reached, min(_LAST, found))

    def _weigh(self, event: Step) -> None:
        """How much of the whole work the learning is: what is left until the finish besides it comes after it."""
        if event.finish is None or event.progress >= 1.0 or event.steps <= event.step:
            return
        left = (event.steps - event.step) * event.seconds
        whole = left / (1.0 - event.progress)
        self._after = max(0.0, event.finish - event.t - left)
        self._learning = whole / max(1e-9, whole + self._after)

    def _step(self, event: Step) -> None:
        self.step, self.steps, self.epoch = event.step, event.steps, event.epoch
        self.position, self.step_seconds = event.progress, event.seconds
        self.finish = event.finish if event.finish is not None else self.finish
        self._weigh(event)
        for name, value in event.losses.items():
            self.train.setdefault(name, Series()).add(event.step, value)

    def _phase(self, event: PhaseChanged) -> None:
        changed = event.name != self.phase
        self.phase, self.phase_text, self.done, self.total = event.name, event.text, 0, event.total
        self.finish = event.finish
        if event.name == "scoring":
            self._learnt = self._reached
        if changed and event.text:
            self.log.append(Line(event.t, "info", event.text))

    def _epoch(self, event: Epoch) -> None:
        self.epoch = event.epoch
        for name, value in (event.tuning or {}).items():
            self.tuning.setdefault(name, Series()).add(event.step, value)

    def _checkpoint(self, event: Checkpoint) -> None:
        self.checkpoint_at = event.t
        if event.kind == "best":
            self.best_step = event.step
            self.log.append(Line(event.t, "info", tr("Best so far kept, step {step}", step=event.step)))

    def _words(self, event: Hello | Warn | Failure | Done) -> None:
        if isinstance(event, Hello):
            if isinstance(self.ended, Done):  # it learns on from where it was stopped
                self.phase, self.done, self.total, self._reached = "loading", 0, 0, 0.0
            self.ended = None
            if event.computing_on:
                self.computing_on = event.computing_on
                begun = tr("Went on, computing on {what}") if event.resumed else tr("Began, computing on {what}")
                self.log.append(Line(event.t, "info", begun.format(what=event.computing_on)))
        elif isinstance(event, Warn):
            where = "" if event.path is None or event.path in event.text else f" ({event.path})"
            self.log.append(Line(event.t, "warning", event.text + where))
        elif isinstance(event, Failure):
            self.ended = event
            self.log.append(Line(event.t, "error", event.text))
        else:
            self.ended = event
            self.finish = event.t or time.time()
            self.log.append(Line(event.t, "info", tr("Finished") if event.outcome == "finished" else tr("Stopped")))


def read_trace(folder: Path) -> tuple[Trace, int]:
    """Everything that a job has said up to now, and where to go on reading. For a thread: an overnight log is long."""
    tail = EventTail(folder / "events.jsonl")
    trace = Trace()
    trace.feed_all(tail.drain())
    return trace, tail.offset
