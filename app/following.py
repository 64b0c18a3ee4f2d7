"""Watching a worker from a terminal: progress with a finish time; the first Ctrl+C stops well, the second kills."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from app.console import Screen, clock, format_seconds
from core import events
from core.jobs import RunningJob
from core.workflow.readiness import estimated

_PAUSE_S: Final = 0.1
_STOPPING: Final = "Stopping: this step is finished and a usable model is kept. Ctrl+C again kills at once."
_PHASES: Final = {
    "loading": "Starting",
    "preparing": "Reading images",
    "training": "Training",
    "paused": "Paused",
    "stopping": "Stopping",
    "finishing": "Finishing the model",
    "scoring": "Scoring",
}


def watch(following: RunningJob, screen: Screen, *, leave: bool = False) -> bool:
    """Show what the worker says until it has ended, whatever the end is; True then.

    With `leave` Ctrl+C ends only the watching, and the answer is False: the worker goes on by itself.
    """
    view = _Bars(screen.err if screen.as_json else screen.out) if _terminal(screen) else _Lines(screen)
    interrupted = threading.Event()
    with _on_interrupt(following, screen, interrupted if leave else None), view:
        while not interrupted.is_set():
            ended = not following.running  # asked before the poll, so that the last events are never missed
            for event in following.poll_events():
                _warn(event, screen)
                view.show(event)
            if ended:
                return True
            time.sleep(_PAUSE_S)
    return False


def _terminal(screen: Screen) -> bool:
    return (screen.err if screen.as_json else screen.out).is_terminal


def _warn(event: events.AnyEvent, screen: Screen) -> None:
    if isinstance(event, events.Estimate):
        screen.say(f"  {estimated(event)}", style="dim")
    if isinstance(event, events.Warn):
        screen.warn(event.text if event.path is None or event.path in event.text else f"{event.path}: {event.text}")


@contextmanager
def _on_interrupt(following: RunningJob, screen: Screen, leave: threading.Event | None) -> Iterator[None]:
    presses = 0

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if leave is not None:
            leave.set()
        elif presses == 1:
            screen.warn(_STOPPING)
            following.stop()
        else:
            following.kill()

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


class _Bars:
    """One bar a phase on a terminal, with losses and the finish time."""

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
        self._progress = Progress(*columns, console=console)
        self._task: TaskID | None = None
        self._name = ""

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: events.AnyEvent) -> None:
        if isinstance(event, events.PhaseChanged):
            self._begin(event.name, event.total or None)
        elif (
            isinstance(event, events.Heartbeat) and event.name == self._name and event.total and self._task is not None
        ):
            self._progress.update(self._task, completed=event.done, total=event.total, note=_finish_note(event.finish))
        elif isinstance(event, events.Step) and self._task is not None:
            loss = event.losses.get("total", 0.0)
            note = f"step {event.step}/{event.steps}  loss {loss:.4f}  {_finish_note(event.finish)}"
            self._progress.update(self._task, completed=round(event.progress * 1000), total=1000, note=note)

    def _begin(self, name: str, total: int | None) -> None:
        if name == self._name:
            return
        if self._task is not None:
            self._progress.update(self._task, total=1, completed=1, note="")
        self._name = name
        self._task = self._progress.add_task(_PHASES.get(name, name), total=total, note="")


class _Lines:
    """The same for a pipe or a log: one line a phase and about one every thirty seconds."""

    _EVERY_S: Final = 30.0

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._next = 0.0
        self._name = ""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: events.AnyEvent) -> None:
        if isinstance(event, events.PhaseChanged) and event.name != self._name:
            self._name = event.name
            self._screen.say(f"{_PHASES.get(event.name, event.name)} …", style="dim")
        elif isinstance(event, events.Step) and event.t >= self._next:
            self._next = event.t + self._EVERY_S
            losses = "  ".join(f"{name} {value:.4f}" for name, value in event.losses.items())
            line = f"  {100 * event.progress:3.0f} %  step {event.step}/{event.steps}  {losses}"
            self._screen.say(f"{line}  {_finish_note(event.finish)}", style="dim")


def _finish_note(finish: float | None) -> str:
    if finish is None:
        return ""
    left = max(0.0, finish - time.time())
    return f"{format_seconds(left)} left, done {clock(left)}"
