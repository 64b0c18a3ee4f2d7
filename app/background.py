"""Work off the GUI thread: a few lanes of threads, results handed back to the GUI thread, stale ones dropped."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from app.importing import import_packages

T = TypeVar("T")
_LANES: Final[dict[str, tuple[int, bool]]] = {  # threads, newest first
    "work": (2, False),
    "write": (1, False),
    "measure": (1, False),
    "images": (2, True),
    "thumbs": (2, True),
}


class Task:
    """One piece of work. `cancel` before it began: it never runs; later: its result is dropped."""

    def __init__(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[Exception], None] | None,
        owner: QObject | None,
        still: Callable[[], bool] | None,
    ) -> None:
        self.work = work
        self.done = done
        self.failed = failed
        self.owner = owner
        self.still = still
        self.cancelled = False
        self.name: tuple[int, str] | None = None

    def cancel(self) -> None:
        """Nothing of it will be heard any more."""
        self.cancelled = True

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it."""
        if self.cancelled or (self.owner is not None and not shiboken6.isValid(self.owner)):
            return False
        return self.still is None or self.still()


class _Lane:
    """Some threads and what waits for them; started with the first task."""

    def __init__(self, name: str, threads: int, newest_first: bool, deliver: Callable[[Task, Any, bool], None]) -> None:
        self._name = name
        self._count = threads
        self._sign = -1 if newest_first else 1
        self._deliver = deliver
        self._numbers = itertools.count(1)
        self._queue: queue.PriorityQueue[tuple[int, int, Task | None]] = queue.PriorityQueue()
        self._threads: list[threading.Thread] = []

    def put(self, task: Task) -> None:
        """Queue it."""
        number = next(self._numbers)
        self._queue.put((0, self._sign * number, task))
        if len(self._threads) < self._count:
            thread = threading.Thread(
                target=self._work, name=f"flawscope {self._name} {len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def close(self, *, drop: bool) -> None:
        """End the threads; with `drop` what waits is forgotten, else it is done first."""
        for _ in self._threads:
            self._queue.put((-1 if drop else 1, 0, None))
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while True:
            _, _, task = self._queue.get()
            if task is None:
                return
            result: Any = None
            fine = True
            if not task.cancelled:
                try:
                    import_packages()
                    result = task.work()
                except Exception as error:
                    result, fine = error, False
            self._deliver(task, result, fine)


class Background(QObject):
    """Runs work in threads; `done` and `failed` are called on the GUI thread. Errors nobody handles go to `failed`."""

    failed = Signal(object)
    _arrived = Signal(object, object, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes = {name: _Lane(name, count, newest, self._deliver) for name, (count, newest) in _LANES.items()}
        self._latest: dict[tuple[int, str], Task] = {}
        self._pending = 0
        self._closed = False
        self._arrived.connect(self._on_arrived, Qt.ConnectionType.QueuedConnection)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits."""
        return self._pending == 0

    @property
    def is_closed(self) -> bool:
        """Whether nothing is run any more."""
        return self._closed

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
        *,
        owner: QObject | None = None,
        key: str = "",
        lane: str = "work",
        still: Callable[[], bool] | None = None,
    ) -> Task:
        """Queue `work`. A newer task of the same owner and key replaces the older one.

        `still` is asked on the GUI thread before anybody hears of result or error: False, and nobody does.
        """
        task = Task(work, done, failed, owner, still)
        if key:
            task.name = (id(owner), key)
            if (older := self._latest.get(task.name)) is not None:
                older.cancel()
            self._latest[task.name] = task
        if self._closed:
            task.cancel()
            return task
        self._pending += 1
        self._lanes[lane].put(task)
        return task

    def close(self) -> None:
        """Finish what writes, drop what reads, end every thread."""
        self._closed = True
        for name, lane in self._lanes.items():
            lane.close(drop=name != "write")

    def _deliver(self, task: Task, result: Any, fine: bool) -> None:
        if not self._closed:
            self._arrived.emit(task, result, fine)

    def _on_arrived(self, task: Task, result: Any, fine: bool) -> None:
        self._pending -= 1
        if task.name is not None and self._latest.get(task.name) is task:
            del self._latest[task.name]
        if not task.wanted:
            return
        if fine:
            if task.done is not None:
                task.done(result)
        elif task.failed is not None:
            task.failed(result)
        else:
            self.failed.emit(result)
