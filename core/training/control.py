"""What the worker hears: commands on stdin, read from the first moment on; after *detach* from control.jsonl."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
import threading
from pathlib import Path
from typing import Final

OWNER_GONE_EXIT: Final = 75  # EX_TEMPFAIL: resumable
COMMANDS: Final = "control.jsonl"
_HARD_EXIT_S: Final = 4.0
_POLL_S: Final = 0.2


class Control:
    """The wishes of whoever owns the job, set by a thread, looked at by the work between two steps.

    `stops` counts *stop* commands: one asks for a good end, two for one without scores. When stdin ends without a
    *detach*, the owner is gone: `owner_gone` is set, and the process ends after 4 s whatever it is doing.
    """

    def __init__(self, folder: Path, *, detached: bool, hard_exit_s: float = _HARD_EXIT_S) -> None:
        self.folder = folder
        self._path = folder / COMMANDS
        self._hard_exit_s = hard_exit_s
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._running.set()
        self._checkpoint = False
        self._offset = 0
        self.detached = detached
        self.stops = 0
        self.owner_gone = False
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def paused(self) -> bool:
        return not self._running.is_set()

    @property
    def leaving(self) -> bool:
        """Whether the work has to end: a stop, or nobody is left who wants it."""
        return self.owner_gone or self.stops > 0

    def wait_while_paused(self, seconds: float) -> bool:
        """Wait up to `seconds`; True once the work may go on (or has to end)."""
        return self._running.wait(seconds) or self.leaving

    def take_checkpoint_wish(self) -> bool:
        """Whether a checkpoint was asked for since the last call."""
        with self._lock:
            wish, self._checkpoint = self._checkpoint, False
        return wish

    def hear(self, line: str) -> None:
        """One command: a word, or a JSON object with `command`. What is no command is logged and ignored."""
        text = line.strip()
        if text.startswith("{"):
            try:
                text = str(json.loads(text).get("command", ""))
            except ValueError:
                text = line
        with self._lock:
            if text == "stop":
                self.stops += 1
                self._running.set()
            elif text == "pause":
                self._running.clear()
            elif text == "resume":
                self._running.set()
            elif text == "checkpoint":
                self._checkpoint = True
            elif text == "detach":
                self.detached = True
            elif text:
                sys.stderr.write(f"not a command: {line.strip()[:200]!r}\n")

    def _listen(self) -> None:
        if not self.detached:
            self._listen_to_stdin()
        if self.detached:
            self._listen_to_file()

    def _listen_to_stdin(self) -> None:
        rest = b""
        while not self.detached:
            try:  # not sys.stdin: its lock would be held by this thread while the interpreter ends
                fresh = os.read(0, 4096)
            except OSError:
                fresh = b""
            if not fresh:
                break
            *lines, rest = (rest + fresh).split(b"\n")
            for line in lines:
                self.hear(line.decode("utf-8", "replace"))
        if not self.detached:
            self._leave()

    def _listen_to_file(self) -> None:
        pause = threading.Event()
        rest = b""
        while True:
            with contextlib.suppress(FileNotFoundError), self._path.open("rb") as stream:
                stream.seek(self._offset)
                fresh = stream.read()
                self._offset += len(fresh)
                *lines, rest = (rest + fresh).split(b"\n")
                for line in lines:
                    self.hear(line.decode("utf-8", "replace"))
            pause.wait(_POLL_S)

    def _leave(self) -> None:
        self.owner_gone = True
        self._running.set()
        timer = threading.Timer(self._hard_exit_s, _exit_hard)
        timer.daemon = True
        timer.start()


def _exit_hard() -> None:
    sys.stderr.write("the owner is gone and the work did not end in time; the last checkpoint stays\n")
    faulthandler.dump_traceback(file=sys.stderr)
    sys.stderr.flush()
    os._exit(OWNER_GONE_EXIT)
