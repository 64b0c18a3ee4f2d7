"""Keeping the computer awake while it trains: by the system's own means, as well as it goes, never a reason to fail."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from app.words import tr

_CONTINUOUS: Final = 0x80000000  # SetThreadExecutionState: until it is said otherwise
_SYSTEM_REQUIRED: Final = 0x00000001
_PATIENCE_S: Final = 1.0


class KeepAwake:
    """Holds the computer awake from `hold` to `release`; both may be called again. Use it from one thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._held = False

    @property
    def is_held(self) -> bool:
        """Whether it was asked to stay awake."""
        return self._held

    def hold(self) -> None:
        """Stay awake from now on."""
        if self._held:
            return
        self._held = True
        if sys.platform == "win32":
            _windows(_CONTINUOUS | _SYSTEM_REQUIRED)
        elif sys.platform == "darwin":
            self._child = _spawn(["caffeinate", "-i", "-w", str(os.getpid())])
        else:  # `cat` ends with the pipe, and the pipe with this process, however it ends
            self._child = _spawn([*_inhibit(), "cat"])

    def release(self) -> None:
        """The computer may sleep again."""
        if not self._held:
            return
        self._held = False
        if sys.platform == "win32":
            _windows(_CONTINUOUS)
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        child.terminate()
        try:
            child.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def keep(self, awake: bool) -> None:
        """Hold it awake, or let it sleep."""
        if awake:
            self.hold()
        else:
            self.release()

    def outlive(self, pid: int) -> None:
        """Stay awake until the process `pid` has ended, also without this program (not on Windows)."""
        if sys.platform == "darwin":
            _spawn(["caffeinate", "-i", "-w", str(pid)], alone=True)
        elif sys.platform != "win32":
            _spawn([*_inhibit(), "tail", f"--pid={pid}", "-f", "/dev/null"], alone=True)


def _inhibit() -> list[str]:
    why = tr("A training is running")
    return ["systemd-inhibit", "--what=idle:sleep", "--who=Flawscope", f"--why={why}", "--mode=block"]


def _spawn(command: Sequence[str], *, alone: bool = False) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL if alone else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=alone,
        )
    except OSError:  # this system has no such program: it may sleep
        return None


def _windows(state: int) -> None:
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetThreadExecutionState(state)
