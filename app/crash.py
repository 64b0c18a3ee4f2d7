"""A crash leaves a trace in a file, and the next start shows it once."""

from __future__ import annotations

import faulthandler
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QPlainTextEdit, QWidget

from app import theme
from app.dialogs.dialog import Dialog
from app.words import tr


class CrashTrace:
    """Python errors and hard crashes of this process go into `crash.log`; an orderly end removes it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "crash.log"
        self._stream: IO[str] | None = None
        self.on_error: Callable[[Exception], None] | None = None

    def left_behind(self) -> str:
        """The trace of the last run, '' when it ended in order; it is handed out once."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        self._path.rename(self._path.with_suffix(".last.log")) if text.strip() else None
        return text.strip()

    def start(self) -> None:
        """Begin to keep traces. Does nothing where the folder cannot be written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
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
