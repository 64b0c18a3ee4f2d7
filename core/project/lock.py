"""One project, one writer: the lock file beside it, which also says who works there.

The operating system's lock on the file decides on one computer and vanishes with its process; the words inside decide
between computers and are what a second window shows. A lock left by a crash is recognised by process id and start time.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from core.errors import ProjectBusyError
from core.files import storage_error

_WINDOWS: Final = os.name == "nt"
_LOCKED_BYTE: Final = 1 << 20  # far behind the words, because Windows forbids others to read what is locked
_CREATE_TIME_SLACK_S: Final = 1.0


@dataclass(frozen=True)
class Owner:
    """Who holds a project: host, process and its start (s since 1970), since when (UTC), initials."""

    host: str
    pid: int
    created: float
    since: str
    author: str

    def __str__(self) -> str:
        who = f" by {self.author}" if self.author else ""
        return f"{self.host}, process {self.pid}, since {self.since}{who}"

    @property
    def is_alive(self) -> bool:
        """False only when it is certain: same host, and no such process with that start time."""
        if self.host != socket.gethostname():
            return True
        try:
            return abs(psutil.Process(self.pid).create_time() - self.created) <= _CREATE_TIME_SLACK_S
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


class ProjectLock:
    """Holds `NAME.flawscope.lock` from construction to `release`. Raises `ProjectBusyError` or `StorageError`."""

    def __init__(self, project: Path, author: str) -> None:
        self.path = lock_path(project)
        self.left_by: Owner | None = None  # who crashed here, if anybody
        deadline = time.monotonic() + 1.0
        while True:  # the file may be removed by its last owner between opening and locking
            self._handle = self._open()
            if not _take(self._handle):
                owner = read_owner(project)
                os.close(self._handle)
                raise _busy(project, owner)
            if self._is_current() or time.monotonic() > deadline:
                break
            os.close(self._handle)
        self._claim(project, author)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._handle < 0:
            return
        if not _WINDOWS:
            self._remove()
        _let_go(self._handle)
        os.close(self._handle)
        self._handle = -1
        if _WINDOWS:
            self._remove()

    def _remove(self) -> None:
        """What cannot be removed (the share is gone, the next owner has it open) names a process that has let go."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def _is_current(self) -> bool:
        try:
            return _WINDOWS or os.path.samestat(os.fstat(self._handle), self.path.stat())
        except FileNotFoundError:
            return False

    def _claim(self, project: Path, author: str) -> None:
        previous = read_owner(project)
        if previous is not None and previous.host != socket.gethostname():  # here the system's lock has decided
            _let_go(self._handle)
            os.close(self._handle)
            raise _busy(project, previous)
        self.left_by = None if previous is None or previous.is_alive else previous
        words = json.dumps(asdict(this_process(author)), ensure_ascii=False).encode()
        try:
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, words)
            os.fsync(self._handle)
        except OSError as error:
            os.close(self._handle)
            raise storage_error(error, self.path) from error


def lock_path(project: Path) -> Path:
    """Where the lock of a project file lies."""
    return project.with_name(project.name + ".lock")


def this_process(author: str) -> Owner:
    """This process as the owner of a lock."""
    created = psutil.Process().create_time()
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Owner(socket.gethostname(), os.getpid(), created, since, author)


def read_owner(project: Path) -> Owner | None:
    """Who the lock file names; None without a file or when it holds no such words (a crash while it was written)."""
    try:
        words: Any = json.loads(lock_path(project).read_bytes())
        return Owner(
            str(words["host"]), int(words["pid"]), float(words["created"]), str(words["since"]), str(words["author"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _busy(project: Path, owner: Owner | None) -> ProjectBusyError:
    by = f"on {owner}" if owner else "in another program"
    elsewhere = owner is not None and owner.host != socket.gethostname()
    mend = "Close it there, or open the project read-only"
    if elsewhere:
        mend += f". If that computer has crashed, delete {lock_path(project).name}"
    return ProjectBusyError(f"the project is open {by}", path=project, kept="Nothing was changed", mend=mend)


def _take(handle: int) -> bool:
    try:
        if _WINDOWS:
            import msvcrt

            os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _let_go(handle: int) -> None:
    if _WINDOWS:
        import msvcrt

        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_UN)
