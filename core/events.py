"""What a worker says: typed events, one JSON object a line in `events.jsonl`; writing them and following them."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

VERSION: Final = 1
MAX_LINE: Final = 64 * 1024  # bytes a worker may write as one line
_POLL_BYTES: Final = 4 * 1024 * 1024  # read at most this much a poll, so that a window is never held up
_TAIL_BYTES: Final = 2 * MAX_LINE

PhaseName = Literal["loading", "preparing", "training", "paused", "stopping", "finishing", "scoring"]
Outcome = Literal["finished", "stopped"]


class Event(BaseModel):
    """Common to all: protocol version, sequence number within the job (also across resumes), seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    v: int = VERSION
    seq: int = 0
    t: float = 0.0


class Hello(Event):
    """The worker is up, before anything heavy is loaded (`framework` is empty) and again once it is."""

    ev: Literal["hello"] = "hello"
    run: str
    command: str
    pid: int
    host: str
    framework: str = ""
    computing_on: str = ""
    threads: int = 0
    resumed: bool = False
    nondeterministic: tuple[str, ...] = ()


class PhaseChanged(Event):
    """Another stretch of work began. `finish` is when the whole job should be done (seconds since 1970), if known."""

    ev: Literal["phase"] = "phase"
    name: PhaseName
    text: str = ""
    total: int = 0
    finish: float | None = None


class Heartbeat(Event):
    """Alive, every 2 s; `done` of `total` in the present phase."""

    ev: Literal["heartbeat"] = "heartbeat"
    name: PhaseName
    done: int = 0
    total: int = 0
    finish: float | None = None
    memory: int = 0  # resident bytes


class Step(Event):
    """One optimiser step; sent a few times a second at most. `steps` is an estimate when a time was asked for."""

    ev: Literal["step"] = "step"
    step: int
    steps: int
    epoch: int
    progress: float  # 0..1 of the schedule
    lr: float
    losses: dict[str, float]
    seconds: float  # median of the recent steps
    finish: float | None = None


class Estimate(Event):
    """What the whole training will take, as one measured step says: seconds of it, seconds of steps, bytes."""

    ev: Literal["estimate"] = "estimate"
    step: float
    seconds: float
    memory: int  # at its peak
    disk: int  # written in all


class Epoch(Event):
    """An epoch ended: mean training losses; losses on tuning images when they were measured."""

    ev: Literal["epoch"] = "epoch"
    epoch: int
    step: int
    lr: float
    losses: dict[str, float]
    tuning: dict[str, float] | None = None
    best: bool = False


class Picture(Event):
    """One of the same four images: names of PNG files below the job folder, by role."""

    ev: Literal["picture"] = "picture"
    step: int
    epoch: int
    index: int
    files: dict[str, str]  # image (with artificial defect), reconstruction, map, mask


class Checkpoint(Event):
    """A checkpoint was written and replaced the older one of its kind."""

    ev: Literal["checkpoint"] = "checkpoint"
    kind: Literal["last", "best", "kept"]
    step: int
    epoch: int
    file: str
    seconds: float = 0.0
    bytes: int = 0


class Warn(Event):
    """Something a person should know; the job goes on. `code` is stable, `text` is one sentence."""

    ev: Literal["warning"] = "warning"
    code: str
    text: str
    path: str | None = None


class Failure(Event):
    """No result: stable code, one sentence, what was kept, what to do; the rest is in log.txt.

    With `image` it is that image only, and the worker goes on.
    """

    ev: Literal["error"] = "error"
    code: str
    text: str
    kept: str = ""
    mend: str = ""
    image: int | None = None


class Reconstructed(Event):
    """The passes of one image lie in the training's folder (see `core.reconstructions`)."""

    ev: Literal["reconstructed"] = "reconstructed"
    image: int
    passes: int
    seconds: float = 0.0


class Done(Event):
    """The job ended well: a usable model, and scores where `scored` is not 0."""

    ev: Literal["done"] = "done"
    outcome: Outcome
    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    weights: str = ""
    scores: str = ""
    scored: int = 0
    unreadable: int = 0
    memory: int = 0  # peak resident bytes


AnyEvent = (
    Hello
    | PhaseChanged
    | Heartbeat
    | Step
    | Estimate
    | Epoch
    | Picture
    | Checkpoint
    | Warn
    | Failure
    | Done
    | Reconstructed
)
_ADAPTER: Final[TypeAdapter[AnyEvent]] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="ev")])


def parse_line(line: str | bytes) -> AnyEvent | None:
    """The event in `line`, or None: garbage, an unknown kind and a half-written line are not events."""
    try:
        return _ADAPTER.validate_json(line)
    except (ValidationError, UnicodeDecodeError):
        return None


class EventWriter:
    """The only writer of a job's events file: appends whole lines, numbers them, safe from several threads.

    A line that an earlier process left half-written is closed first; numbering goes on after the last whole line.
    Raises `OSError` when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        self._seq = self._heal(path)

    def write(self, event: AnyEvent) -> AnyEvent:
        """`event` with its number and time, as it was written."""
        with self._lock:
            self._seq += 1
            stamped, line = _stamped(event, self._seq)
            os.write(self._handle, line)
        return stamped

    def sync(self) -> None:
        """Force what was written to the disk."""
        os.fsync(self._handle)

    def close(self) -> None:
        with self._lock:
            os.close(self._handle)

    def _heal(self, path: Path) -> int:
        size = path.stat().st_size
        with path.open("rb") as stream:
            stream.seek(max(0, size - _TAIL_BYTES))
            tail = stream.read()
        if tail and not tail.endswith(b"\n"):
            os.write(self._handle, b"\n")
        for line in reversed(tail.splitlines()):
            event = parse_line(line)
            if event is not None:
                return event.seq
        return 0


class EventPipe:
    """Events as lines into a pipe that a living owner reads: how a worker answers that serves one owner.

    Raises `OSError` (`BrokenPipeError`) when the owner is gone.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._seq = 0

    def write(self, event: AnyEvent) -> AnyEvent:
        """`event` with its number and time, as it was sent."""
        self._seq += 1
        stamped, line = _stamped(event, self._seq)
        while line:
            line = line[os.write(self._handle, line) :]
        return stamped


class EventTail:
    """Follows an events file that another process writes: call `poll` about every 100 ms.

    `offset` is where the first line not yet handed out begins: keep it to go on later. Lines that are no events
    (garbage, invalid UTF-8, longer than any event can be) are counted in `skipped` and cost no memory.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.skipped = 0
        self._rest = b""
        self._overlong = False

    def poll(self) -> list[AnyEvent]:
        """The events that were completed since the last call (at most 4 MB of them), oldest first."""
        try:
            with self.path.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if size < self.offset:  # another file under the same name
                    self.offset, self._rest, self._overlong = 0, b"", False
                stream.seek(self.offset + len(self._rest))
                fresh = stream.read(_POLL_BYTES)
        except FileNotFoundError:
            return []
        return self._feed(fresh)

    def drain(self) -> list[AnyEvent]:
        """Everything that is in the file by now."""
        events: list[AnyEvent] = []
        while True:
            before = self.offset + len(self._rest)
            events += self.poll()
            if self.offset + len(self._rest) == before:
                return events

    def _feed(self, fresh: bytes) -> list[AnyEvent]:
        *lines, rest = (self._rest + fresh).split(b"\n")
        self._rest = rest
        events: list[AnyEvent] = []
        for line in lines:
            self.offset += len(line) + 1
            if self._overlong:  # the end of a line whose beginning was dropped
                self._overlong = False
                continue
            event = parse_line(line) if len(line) <= MAX_LINE else None
            if event is not None:
                events.append(event)
            elif line.strip():
                self.skipped += 1
        if len(self._rest) > MAX_LINE:
            self.offset += len(self._rest)
            self._rest = b""
            self.skipped += 0 if self._overlong else 1
            self._overlong = True
        return events


def _stamped(event: AnyEvent, seq: int) -> tuple[AnyEvent, bytes]:
    stamped = event.model_copy(update={"seq": seq, "t": time.time()})
    line = stamped.model_dump_json().encode() + b"\n"
    if len(line) > MAX_LINE:
        stamped = Warn(seq=seq, t=stamped.t, code="event", text="An event was too long and was left out.")
        line = stamped.model_dump_json().encode() + b"\n"
    return stamped, line


def append_line(path: Path, record: dict[str, object]) -> None:
    """Append one JSON line in one write, so that a reader never sees two mixed. Raises `OSError`."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        os.write(handle, json.dumps(record, ensure_ascii=False).encode() + b"\n")
    finally:
        os.close(handle)
