"""The other processes of a training: where this one stands among them, starting them here, noticing their end."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil

from core.errors import TrainingError
from core.jobfiles import read_state
from core.jobs import signal_name, worker_command
from core.training.control import OWNER_GONE_EXIT

VOICES: Final = "devices"  # below the job folder: what each further process says, in the files of a job
_MEETING: Final = "FLAWSCOPE_MEETING"
_LOOK_S: Final = 0.05
_LAST_WORD_S: Final = 3.0  # for a process that was left by another one to be seen as ended
_LEAVE_S: Final = 5.0
_NO_WINDOW: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)


@dataclass(frozen=True)
class Member:
    """One process's place: among all, and on its own computer. `meeting` names the file where helpers meet."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    meeting: str = ""
    launched: bool = False
    """By torchrun or the like, not by a Flawscope."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Member:
        """The place that torchrun, or the first process, wrote into the environment. Raises `TrainingError`."""
        meeting = environment.get(_MEETING, "")
        if not meeting and not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= environment.keys():
            return cls()
        try:
            rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
            local = int(environment.get("LOCAL_RANK", "0")), int(environment.get("LOCAL_WORLD_SIZE", "1"))
        except ValueError as error:
            raise TrainingError(
                f"RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE are not all numbers ({error})",
                mend="Start with torchrun, or leave these variables out",
                reason="devices",
            ) from error
        return cls(rank, size, *local, meeting=meeting, launched=not meeting)

    @property
    def helper(self) -> bool:
        """Whether another process here started this one."""
        return bool(self.meeting) and self.rank > 0

    def voice(self, job: Path) -> Path:
        """Where this process writes its events: the job folder, or one of its own below it."""
        return job if self.rank == 0 else job / VOICES / str(self.rank)

    def environment(self) -> dict[str, str]:
        """What `of` reads."""
        names = {"RANK": self.rank, "WORLD_SIZE": self.size, "LOCAL_RANK": self.local_rank}
        return {name: str(value) for name, value in names.items()} | {
            "LOCAL_WORLD_SIZE": str(self.local_size),
            _MEETING: self.meeting,
        }


class Helpers:
    """`size` - 1 processes on this computer, children of the first one. They end with it, however it ends."""

    def __init__(self, folder: Path, command: Literal["train", "score"], size: int) -> None:
        self._folder = folder
        self._home = Path(tempfile.mkdtemp(prefix="flawscope-"))
        self.first = Member(0, size, 0, size, meeting=str(self._home / "meeting"))
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        shutil.rmtree(folder / VOICES, ignore_errors=True)  # what those of an earlier start said
        try:
            for rank in range(1, size):
                self._processes[rank] = self._start(command, rank)
        except OSError as error:
            self.end()
            raise TrainingError(
                f"another process of this training could not be started: {error}", path=folder, reason="devices"
            ) from error

    def wait(self, arrived: Callable[[int], bool], look_up: Callable[[], None]) -> None:
        """Wait until every process has arrived. Raises `TrainingError` when one ends before; `look_up` may raise."""
        while not all(arrived(rank) for rank in self._processes):
            look_up()
            problem = self._ended()
            if problem:
                raise TrainingError(problem, kept="Nothing was changed", mend="The log says more", reason="devices")
            time.sleep(_LOOK_S)

    def why(self) -> str:
        """Which process has ended, and how; empty when all seem to live."""
        until = time.monotonic() + _LAST_WORD_S
        while time.monotonic() < until:
            problem = self._ended()
            if problem:
                return problem
            time.sleep(_LOOK_S)
        return ""

    def end(self) -> None:
        """Let go of all of them, and wait; what does not go is killed."""
        for process in self._processes.values():
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
        until = time.monotonic() + _LEAVE_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _start(self, command: Literal["train", "score"], rank: int) -> subprocess.Popen[bytes]:
        member = Member(rank, self.first.size, rank, self.first.size, meeting=self.first.meeting)
        return subprocess.Popen(  # with our output and in our group: the log and whoever kills a job find them
            worker_command(command, self._folder),
            stdin=subprocess.PIPE,
            env={**os.environ, **member.environment()},
            creationflags=_NO_WINDOW,
        )

    def _ended(self) -> str:
        for rank, process in self._processes.items():
            code = process.poll()
            if code is not None:
                said = read_state(Member(rank).voice(self._folder)).error
                return f"process {rank + 1} of {self.first.size} ended: {said or signal_name(code)}"
        return ""


def leave_with_owner() -> None:
    """End this process as soon as the one that started it is gone: its end of our standard input closes."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        os._exit(OWNER_GONE_EXIT)

    threading.Thread(target=wait, name="owner", daemon=True).start()


def loopback() -> str:
    """Name of the network interface that leaves this computer never; empty when none is found."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(one.family == socket.AF_INET and one.address == "127.0.0.1" for one in addresses):
            return name
    return ""
