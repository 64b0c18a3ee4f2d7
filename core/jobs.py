"""The job folder, and the child process that works on it: create, start, follow, stop, find again.

A job folder holds `job.json`, `manifest.jsonl` (written here), `events.jsonl`, `state.json`, `log.txt` and the results
(written by the worker). A training lives in `runs/<id>`; a later scoring of it is a job of its own in
`runs/<id>/scores/<scoring id>`, with the same files beside its `scores.jsonl` and `heatmaps/`.

States: queued -> starting -> running <-> paused -> stopping -> finished | stopped | failed; and *interrupted* when the
process is gone without having said how it ended (killed, power cut, owner gone): such a training can be resumed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import psutil
from pydantic import ValidationError

from core.errors import ExitCode, InputError, StorageError, TrainingError
from core.events import (
    AnyEvent,
    Checkpoint,
    Done,
    EventTail,
    Failure,
    Heartbeat,
    Hello,
    PhaseChanged,
    Step,
    append_line,
)
from core.files import atomic_write, atomic_writer
from core.jobfiles import ACTIVE, SCHEMA, JobSpec, JobState, ManifestRow, ScoreSpec, Status, read_state, write_state

Command = Literal["stop", "pause", "resume", "checkpoint", "detach"]
Outcome = Literal["finished", "stopped", "failed", "interrupted", "terminated", "killed"]

__all__ = [
    "Command",
    "Job",
    "JobSpec",
    "JobState",
    "ManifestRow",
    "Outcome",
    "RunningJob",
    "ScoreSpec",
    "Status",
    "follow",
]
_START_PATIENCE_S: Final = 60.0  # a "starting" without a process for this long never started
_STOP_PATIENCE_S: Final = 10.0
_UNMEASURED_PATIENCE_S: Final = 60.0  # before a first step was measured: a slow machine is no hung worker
_TERMINATE_PATIENCE_S: Final = 3.0
_SILENCE_S: Final = 30.0  # heartbeats come every 2 s
_SAME_START_S: Final = 1.0  # two readings of one process's start differ by less


class Job:
    """A job folder. Creating and reading never starts anything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @classmethod
    def create(cls, folder: Path, spec: JobSpec, manifest: Iterable[ManifestRow]) -> Job:
        """A new folder with settings and images, queued. Raises `StorageError`, `InputError` (it is in use)."""
        job = cls(folder)
        if job.state().active:
            raise InputError("a job is already running in this folder", path=folder, kept="Nothing was changed")
        with atomic_writer(job.folder / "manifest.jsonl") as stream:
            for row in manifest:
                stream.write(row.to_json().encode() + b"\n")
        job._write_spec(spec)
        write_state(job.folder, JobState("queued", host=platform.node()))
        return job

    @property
    def events_path(self) -> Path:
        return self.folder / "events.jsonl"

    def spec(self) -> JobSpec:
        """Raises `InputError` when job.json is missing or from a newer version."""
        path = self.folder / "job.json"
        try:
            spec = JobSpec.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise InputError(f"not a job: {_first_line(error)}", path=path) from error
        if spec.schema_ > SCHEMA:
            raise InputError("this job was written by a newer Flawscope", path=path, kept="It was not changed")
        return spec

    def manifest(self) -> Iterator[ManifestRow]:
        """The images, streamed. Raises `InputError` naming the line."""
        path = self.folder / "manifest.jsonl"
        try:
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        yield ManifestRow.from_json(line)
                    except (ValueError, KeyError, TypeError) as error:
                        raise InputError(f"line {number} is not an image of the job: {error}", path=path) from error
        except OSError as error:
            raise InputError(f"the list of images cannot be read: {error}", path=path) from error

    def state(self) -> JobState:
        """The job's state; *interrupted* when its process is gone (same pid and start time no longer run)."""
        state = read_state(self.folder)
        if state.status not in ACTIVE:
            return state
        if state.host and state.host != platform.node():
            gone = time.time() - self._last_sign(state) > 2 * _SILENCE_S
        elif state.pid is None:
            gone = time.time() - state.updated > _START_PATIENCE_S
        else:
            gone = find_process(state) is None
        if not gone:
            return state
        again = read_state(self.folder)  # it may have ended well between the two looks
        return again if again.status not in ACTIVE else _with_status(again, "interrupted")

    def start(self, *, detach: bool = False, resume: bool = False, devices: int | None = None) -> RunningJob:
        """Start the worker: own session, low priority, output into log.txt, never this process's imports or folder.

        With `detach` it outlives this process; `devices` over those of its settings. Raises `InputError` (no job,
        already running), `TrainingError` (the program could not be started), `StorageError`.
        """
        spec = self.spec()
        if self.state().active:
            raise InputError("this job is already running", path=self.folder, kept="It goes on undisturbed")
        wanted = spec.model_copy(update={"resume": resume, "devices": devices or spec.devices})
        if wanted != spec:
            self._write_spec(wanted)
        (self.folder / "control.jsonl").unlink(missing_ok=True)  # commands that an earlier worker was given
        write_state(self.folder, JobState("starting", host=platform.node()))
        offset = self.events_path.stat().st_size if self.events_path.exists() else 0
        process = _spawn(self.folder, spec.command, detach=detach)
        with contextlib.suppress(psutil.NoSuchProcess):  # so that it is found before it has said a word
            born = psutil.Process(process.pid).create_time()
            write_state(self.folder, JobState("starting", process.pid, born, platform.node()))
        return RunningJob(self, process=process, tail=EventTail(self.events_path, offset))

    def attach(self, offset: int = 0) -> RunningJob:
        """Find a detached worker again. Raises `InputError` when none runs here."""
        found = find_process(self.state())
        if found is None:
            raise InputError("no worker runs for this job", path=self.folder)
        return RunningJob(self, process=found, tail=EventTail(self.events_path, offset))

    def discard_start(self) -> None:
        """Take back *starting* after a start that failed."""
        write_state(self.folder, JobState("queued", host=platform.node()))

    def _write_spec(self, spec: JobSpec) -> None:
        atomic_write(self.folder / "job.json", spec.model_dump_json(by_alias=True, indent=1))

    def _last_sign(self, state: JobState) -> float:
        with contextlib.suppress(OSError):
            return max(state.updated, self.events_path.stat().st_mtime)
        return state.updated


class RunningJob:
    """A started (or found) worker: poll it, command it, and learn by name how it ended.

    Nothing here blocks except `wait` and `kill`. `stop` escalates by itself while `poll_events` is being called:
    command; after max(10 s, 2 x step + checkpoint) without an answer terminate; after 3 s kill the whole group.
    """

    def __init__(self, job: Job, *, process: subprocess.Popen[bytes] | psutil.Process, tail: EventTail) -> None:
        self.job = job
        self.tail = tail
        self.pid = process.pid
        self._process = process
        self._detached = isinstance(process, psutil.Process)
        self._deadline: float | None = None
        self._force: Literal["", "terminated", "killed"] = ""
        self._pace = (0.0, 0.0)  # seconds a step, seconds a checkpoint
        self._ended: Done | Failure | None = None
        self._ending = False  # in the work that follows a stop: from there on only silence counts

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll() is None
        try:
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def exit_code(self) -> int | None:
        """The child's exit code (negative: the signal); None while it runs or when it is not our child."""
        return self._process.poll() if isinstance(self._process, subprocess.Popen) else None

    def poll_events(self) -> list[AnyEvent]:
        """What it said since the last call; also carries a stop through its stages."""
        alive = self.running
        events = self.tail.poll() if alive else self.tail.drain()
        for event in events:
            self._note(event)
        if alive and self._deadline is not None and time.monotonic() > self._deadline:
            self._escalate()
        return events

    def send(self, command: Command) -> None:
        """Pass a command on: by stdin, or by control.jsonl once detached. A worker that is gone ignores it."""
        if self._detached:
            append_line(self.job.folder / "control.jsonl", {"command": command})
            return
        assert isinstance(self._process, subprocess.Popen)
        pipe = self._process.stdin
        if pipe is None:
            append_line(self.job.folder / "control.jsonl", {"command": command})
            return
        with contextlib.suppress(OSError):  # the reader has gone: the outcome tells
            pipe.write(json.dumps({"command": command}).encode() + b"\n")
            pipe.flush()
        if command == "detach":
            self._detached = True
            with contextlib.suppress(OSError):
                pipe.close()

    def stop(self) -> None:
        """Ask for a good end: checkpoint, usable model, scores. A second call leaves out the scores."""
        self.send("stop")
        step, checkpoint = self._pace
        patience = max(_STOP_PATIENCE_S, 2 * step + checkpoint) if step else _UNMEASURED_PATIENCE_S
        self._deadline = time.monotonic() + patience

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Wait for the end; None when `timeout` seconds pass first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.running:
            if deadline is not None and time.monotonic() > deadline:
                return None
            self.poll_events()
            time.sleep(0.05)
        self.poll_events()
        return self.outcome()

    def outcome(self) -> Outcome | None:
        """How it ended: by its own word, else by what was done to it; None while it runs."""
        if self.running:
            return None
        for event in self.tail.drain():
            self._note(event)
        if isinstance(self._ended, Done):
            return self._ended.outcome
        if isinstance(self._ended, Failure):
            return "failed"
        status = self.job.state().status
        if status in ("finished", "stopped", "failed"):
            return status
        return self._force or "interrupted"

    def failure(self) -> TrainingError | StorageError | None:
        """The worker's error for a person, or None. One that died without a word gets a sentence, too."""
        if isinstance(self._ended, Failure):
            return worker_error(self._ended.code, self._ended.text, kept=self._ended.kept, mend=self._ended.mend)
        outcome = self.outcome()
        if outcome == "failed":  # there was room for the state, not for the event
            state = self.job.state()
            return worker_error(state.error_code, state.error)
        if outcome != "interrupted":
            return None
        code = self.exit_code
        if code == ExitCode.STORAGE:  # the disk was too full for the reason itself
            return StorageError(
                "the disk is full or cannot be written to",
                path=self.job.folder,
                kept="The last checkpoint was kept",
                mend="Free some space and resume the training",
            )
        how = "" if code is None else f" ({signal_name(code)})"
        return TrainingError(
            f"the worker ended unexpectedly{how}",
            path=self.job.folder / "log.txt",
            kept="The last checkpoint was kept",
            mend="Resume the training",
            reason="interrupted",
        )

    def terminate(self) -> None:
        """Ask the system to end it now; the last checkpoint stays."""
        self._force = self._force or "terminated"
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it and everything that it started, and wait for it; the last checkpoint stays."""
        self._force = "killed"
        _kill_group(self.pid)
        with contextlib.suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired, psutil.NoSuchProcess):
            self._process.wait(_TERMINATE_PATIENCE_S)

    def close(self) -> None:
        """Let go of the pipe: an attached worker checkpoints and ends, a detached one goes on."""
        if isinstance(self._process, subprocess.Popen) and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _note(self, event: AnyEvent) -> None:
        step, checkpoint = self._pace
        if isinstance(event, Step):
            self._pace = (event.seconds, checkpoint)
        elif isinstance(event, Checkpoint):
            self._pace = (step, event.seconds)
        elif isinstance(event, Hello):
            self._ended = None  # what an earlier worker of this folder said does not count
        elif isinstance(event, Done | Failure):
            self._ended = event
        elif isinstance(event, PhaseChanged | Heartbeat):
            self._ending = event.name in ("stopping", "finishing", "scoring")
        if self._deadline is None or self._force:
            return
        if self._ending and isinstance(event, PhaseChanged | Heartbeat | Checkpoint):
            self._deadline = time.monotonic() + _SILENCE_S

    def _escalate(self) -> None:
        if not self._force:
            self.terminate()
            self._deadline = time.monotonic() + _TERMINATE_PATIENCE_S
        else:
            self._deadline = None
            self.kill()


def worker_error(code: str, text: str, *, kept: str = "", mend: str = "") -> TrainingError | StorageError:
    """What a worker said of its failure, as an error that can be raised and shown."""
    if code == StorageError.code:
        return StorageError(text, kept=kept, mend=mend)
    return TrainingError(text, kept=kept, mend=mend, reason=code)


def follow(folder: Path, from_offset: int = 0) -> EventTail:
    """A tail of a job's events, whoever started the job."""
    return EventTail(Job(folder).events_path, from_offset)


def find_process(state: JobState) -> psutil.Process | None:
    """The very process that `state` speaks of, when it still runs on this machine."""
    if state.pid is None or state.create_time is None or (state.host and state.host != platform.node()):
        return None
    try:
        process = psutil.Process(state.pid)
        same = abs(process.create_time() - state.create_time) < _SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def worker_command(command: Literal["train", "score", "reconstruct"], folder: Path) -> list[str]:
    """The command line of a worker: the interpreter, or the frozen program itself."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--worker", command, str(folder)]
    return [sys.executable, "-P", "-m", "core.worker", command, str(folder)]


def worker_environment() -> dict[str, str]:
    """This process's environment, with our packages found first from any working folder, and offline."""
    home = str(Path(__file__).resolve().parent.parent)
    paths = [home, *(part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != home)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "HF_HUB_OFFLINE": "1",
        # Threads wait awake for a third of libgomp's usual time: sleeping at once made a step on a quiet machine a
        # third longer, never sleeping made it ten times longer beside other programs.
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "100000"),
        # glibc would give every large tensor back to the system and take it again, page by page, each step.
        "MALLOC_MMAP_THRESHOLD_": os.environ.get("MALLOC_MMAP_THRESHOLD_", str(4 * 2**30)),
        "MALLOC_TRIM_THRESHOLD_": os.environ.get("MALLOC_TRIM_THRESHOLD_", str(8 * 2**30)),
        # Pages of 2 MiB, where the system has them, make a step some 3 % shorter.
        "GLIBC_TUNABLES": os.environ.get("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
        "PYTORCH_ALLOC_CONF": os.environ.get("PYTORCH_ALLOC_CONF", "expandable_segments:True"),
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
    }


def own_session() -> dict[str, Any]:
    """How `Popen` starts a worker that no key press in our terminal reaches."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _spawn(folder: Path, command: Literal["train", "score"], *, detach: bool) -> subprocess.Popen[bytes]:
    arguments = [*worker_command(command, folder), *(["--detached"] if detach else [])]
    try:
        with (folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL if detach else subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=worker_environment(),
                **own_session(),
            )
    except OSError as error:
        Job(folder).discard_start()
        raise TrainingError(f"the worker could not be started: {error}", path=folder, reason="start") from error


def _kill_group(pid: int) -> None:
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid:  # it leads its own group; never ours
                os.killpg(pid, signal.SIGKILL)
    for process in [*children, *_existing(pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _existing(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(pid)]
    return []


def _with_status(state: JobState, status: Status) -> JobState:
    return JobState(**{**vars(state), "status": status})


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split("\n")[:2])[:200]


def signal_name(code: int) -> str:
    """How a process ended, from its exit code."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
