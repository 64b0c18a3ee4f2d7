"""The worker's voice: events, heartbeat, state.json. No torch here: it speaks before torch is imported."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import Final, TextIO

import psutil

from core.errors import FlawscopeError, StorageError
from core.events import (
    AnyEvent,
    Checkpoint,
    Done,
    Epoch,
    Estimate,
    EventWriter,
    Failure,
    Heartbeat,
    Hello,
    PhaseChanged,
    PhaseName,
    Picture,
    Step,
    Warn,
)
from core.files import storage_error
from core.jobfiles import JobState, Status, write_state

HEARTBEAT_S: Final = 2.0
_STATE_EVERY_S: Final = 10.0
_STEP_EVERY_S: Final = 0.25
_RESERVE_BYTES: Final = 256 * 1024
_LONGEST: Final = 4000  # characters of a reason

_STATUS_OF: Final[dict[PhaseName, Status]] = {
    "loading": "running",
    "preparing": "running",
    "training": "running",
    "paused": "paused",
    "stopping": "stopping",
    "finishing": "running",
    "scoring": "running",
}


class Reporter:
    """Writes events.jsonl and state.json of one job folder; used as a context manager, safe from several threads.

    A small reserve file is given up when the disk is full, so that the reason can still be written down.
    Every method raises `StorageError` when the disk refuses.
    """

    def __init__(self, folder: Path, *, run: str, command: str, log: TextIO = sys.stderr) -> None:
        self.folder = folder
        self.run = run
        self.command = command
        self._log = log
        self._process = psutil.Process()
        self._started = self._process.create_time()
        self._age = max(0.0, time.time() - self._started) - time.monotonic()
        self._events = EventWriter(folder / "events.jsonl")
        self._status: Status = "running"
        self._phase: PhaseName = "loading"
        self._stopping = False
        self._done = self._total = self._step = self._epoch = 0
        self._finish: float | None = None
        self._peak = 0
        self._last_state = self._last_step = 0.0
        self._lock = threading.RLock()
        self._quit = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Reporter:
        self._hold_reserve()
        self.write_state()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._quit.set()
        self._thread.join()
        self._reserve.unlink(missing_ok=True)
        self._events.close()

    @property
    def elapsed(self) -> float:
        """Seconds since this process was started, the loading of everything included; no clock that is set matters."""
        return self._age + time.monotonic()

    @property
    def peak_memory(self) -> int:
        """Largest resident size seen, bytes."""
        self._memory()
        return self._peak

    def hello(
        self,
        *,
        framework: str = "",
        computing_on: str = "",
        threads: int = 0,
        resumed: bool = False,
        nondeterministic: tuple[str, ...] = (),
    ) -> None:
        self._emit(
            Hello(
                run=self.run,
                command=self.command,
                pid=os.getpid(),
                host=platform.node(),
                framework=framework,
                computing_on=computing_on,
                threads=threads,
                resumed=resumed,
                nondeterministic=nondeterministic,
            )
        )

    def phase(self, name: PhaseName, text: str = "", *, total: int = 0) -> None:
        """Another stretch of work; state.json follows."""
        with self._lock:
            self._phase, self._done, self._total = name, 0, total
            self._stopping = self._stopping or name == "stopping"
            self._status = "stopping" if self._stopping else _STATUS_OF[name]
            self._emit(PhaseChanged(name=name, text=text, total=total, finish=self._finish))
            self.write_state()

    def progress(self, done: int, total: int | None = None) -> None:
        """How far the present phase is; said with the next heartbeat."""
        self._done = done
        self._total = self._total if total is None else total

    def expect(self, finish: float | None) -> None:
        """When the whole job should be done, seconds since 1970."""
        self._finish = finish

    def step(self, event: Step) -> None:
        """A step; passed on a few times a second at most."""
        self._step, self._epoch = event.step, event.epoch
        self.progress(event.step, event.steps)
        now = time.monotonic()
        if now - self._last_step >= _STEP_EVERY_S:
            self._last_step = now
            self._emit(event.model_copy(update={"finish": self._finish}))

    def tell(self, event: Epoch | Estimate | Picture | Checkpoint | Done) -> None:
        """Pass on an event; the bytes of an epoch and of a checkpoint are forced to the disk."""
        self._emit(event)
        if isinstance(event, Epoch | Checkpoint):
            self._sync()

    def warn(self, code: str, text: str, path: Path | str | None = None) -> None:
        self._log.write(f"warning {code}: {text}{'' if path is None else f' [{path}]'}\n")
        self._emit(Warn(code=code, text=text, path=None if path is None else str(path)))

    def finished(self, event: Done) -> None:
        """The last word of a job that ended well."""
        self._status = "finished" if event.outcome == "finished" else "stopped"
        self._emit(event)
        self._sync()
        self.write_state()

    def interrupted(self) -> None:
        """The owner is gone; the job can be resumed."""
        self._status = "interrupted"
        self.write_state()

    def failed(self, error: FlawscopeError, code: str) -> None:
        """The last word of a job that failed; on a full disk as much of it as fits."""
        self._reserve.unlink(missing_ok=True)
        text = error.what if error.path is None else f"{error.path}: {error.what}"
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."  # an event has a limit, the log has all
        with contextlib.suppress(StorageError):  # log.txt and the exit code still tell
            self._emit(Failure(code=code, text=text, kept=error.kept, mend=error.mend))
            self._sync()
        self._status = "failed"
        with contextlib.suppress(StorageError):
            self.write_state(error_code=code, error=text)

    def write_state(self, *, error_code: str = "", error: str = "") -> None:
        with self._lock:
            self._last_state = time.monotonic()
            write_state(
                self.folder,
                JobState(
                    self._status,
                    pid=os.getpid(),
                    create_time=self._started,
                    host=platform.node(),
                    step=self._step,
                    epoch=self._epoch,
                    error_code=error_code,
                    error=error,
                ),
            )

    @property
    def _reserve(self) -> Path:
        return self.folder / ".reserve"

    def _hold_reserve(self) -> None:
        try:
            self._reserve.write_bytes(b"\0" * _RESERVE_BYTES)
        except OSError as error:
            raise storage_error(error, self.folder) from error

    def _emit(self, event: AnyEvent) -> None:
        try:
            self._events.write(event)
        except OSError as error:
            raise storage_error(error, self.folder / "events.jsonl") from error

    def _sync(self) -> None:
        try:
            self._events.sync()
        except OSError as error:
            raise storage_error(error, self.folder / "events.jsonl") from error

    def _memory(self) -> int:
        resident = int(self._process.memory_info().rss)
        self._peak = max(self._peak, resident)
        return resident

    def _beat(self) -> None:
        while not self._quit.wait(HEARTBEAT_S):
            try:
                self._emit(
                    Heartbeat(
                        name=self._phase,
                        done=self._done,
                        total=self._total,
                        finish=self._finish,
                        memory=self._memory(),
                    )
                )
                if time.monotonic() - self._last_state > _STATE_EVERY_S:
                    self.write_state()
            except StorageError as error:  # the work itself meets the same disk and says so
                self._log.write(f"heartbeat: {error}\n")
