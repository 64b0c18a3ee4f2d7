"""A crash leaves a trace in a file, and the next start shows it once."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QPlainTextEdit, QWidget

from app import theme
from app.dialogs.dialog import Dialog
from app.words import tr

_LAST: Final = "crash.last.log"
_MOST: Final = 10  # traces that are kept and shown
_STALE_S: Final = 86_400.0  # another computer cannot be asked whether its process still runs


class CrashTrace:
    """Python errors and hard crashes of this process go into a file of its own; an orderly end removes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"crash-{socket.gethostname()}-{os.getpid()}-{int(time.time())}.log"
        self._stream: IO[str] | None = None
        self.on_error: Callable[[Exception], None] | None = None

    def left_behind(self) -> str:
        """The traces of processes that did not end in order, oldest first; '' without any. They are handed out once.

        Those of processes that still run are left alone. What was handed out last stays in `crash.last.log`.
        """
        texts = []
        for path in sorted(self._folder.glob("crash*.log"), key=_changed):
            if path.name == _LAST or _is_running(path):
                continue
            try:
                text = path.read_text(encoding="utf-8", errors="replace").strip()
                path.unlink()
            except OSError:
                continue  # another window was faster, or it cannot be read
            texts += [text] if text else []
        whole = "\n\n".join(texts[-_MOST:])
        if whole:
            with contextlib.suppress(OSError):
                (self._folder / _LAST).write_text(whole + "\n", encoding="utf-8")
        return whole

    def start(self) -> None:
        """Begin to keep traces. Does nothing where the folder cannot be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("w", encoding="utf-8")
        except OSError:
            return
        faulthandler.enable(self._stream)
        sys.excepthook = self._on_exception
        threading.excepthook = lambda args: self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)

    def stop(self) -> None:
        """The run ended in order: nothing to show next time."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        faulthandler.disable()
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self._path.unlink(missing_ok=True)

    def _on_exception(
        self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lines = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(lines)
        if self._stream is not None:
            self._stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{lines}\n")
            self._stream.flush()
        if self.on_error is not None and isinstance(error, Exception):
            self.on_error(error)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # gone meanwhile


def _is_running(path: Path) -> bool:
    """Whether the process that a trace is named after may still write it."""
    host, _, rest = path.stem.removeprefix("crash-").rpartition("-")[0].rpartition("-")
    began = path.stem.rpartition("-")[2]
    if not rest.isdecimal() or not began.isdecimal():
        return False  # of a version that had one file for all
    if host != socket.gethostname():
        return time.time() - _changed(path) < _STALE_S
    import psutil  # only where there is a trace

    try:
        return (
            psutil.Process(int(rest)).create_time() <= int(began) + 2
        )  # s, both rounded; else the number went to another process
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


class CrashDialog(Dialog):
    """What the last run left behind: said once, with the text to copy."""

    def __init__(self, trace: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Flawscope did not end in order last time"), parent)
        self.resize(680, 420)
        said = QLabel(
            tr("What you did is safe: every change was saved as you made it. The trace below helps to mend the cause."),
            self,
        )
        said.setWordWrap(True)
        text = QPlainTextEdit(trace, self)
        text.setReadOnly(True)
        text.setFont(theme.mono())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(trace))
        buttons.rejected.connect(self.accept)
        for widget in (said, text, buttons):
            self.column.addWidget(widget)
