"""Long work in a thread: what it says, how far it is, when it will be done, and how to end it early."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.words import tr

_DRAW_MS: Final = 100
_SURE_AFTER_S: Final = 1.5  # before that a finish is a guess


class CancelledError(Exception):
    """A person ended the work; raised inside it at its next word."""


class Following:
    """A `core.workflow.progress.Progress` for a thread; the window reads its fields. Calls raise once cancelled."""

    def __init__(self) -> None:
        self.phase = ""
        self.done = 0
        self.total: int | None = None
        self.began = time.monotonic()
        self._cancelled = threading.Event()

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        if self._cancelled.is_set():
            raise CancelledError
        if phase != self.phase:
            self.phase, self.began = phase, time.monotonic()
        self.done, self.total = done, total

    def cancel(self) -> None:
        """End the work at its next word."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to end."""
        return self._cancelled.is_set()

    def seconds_left(self) -> float | None:
        """Of this phase, when that can be told."""
        spent = time.monotonic() - self.began
        if not self.total or not self.done or spent < _SURE_AFTER_S:
            return None
        return spent / self.done * max(0, self.total - self.done)


class ProgressPane(QWidget):
    """Shows a `Following` until it is told to stop; `cancel_wanted` when a person has had enough."""

    cancel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._following: Following | None = None
        column = QVBoxLayout(self)
        column.addStretch(2)
        self.phase = QLabel(self)
        self.phase.setProperty("role", "heading")
        self.phase.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.phase)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setMinimumWidth(420)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.bar, 3)
        row.addStretch(1)
        column.addSpacing(theme.SPACE)
        column.addLayout(row)
        self.detail = QLabel(self)
        self.detail.setProperty("role", "muted")
        self.detail.setFont(theme.mono_numbers(self.detail.font()))
        self.detail.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.detail)
        self.note = QLabel(self)
        self.note.setProperty("role", "muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.note.setWordWrap(True)
        column.addSpacing(theme.SPACE)
        column.addWidget(self.note)
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.clicked.connect(self._on_cancel_clicked)
        column.addSpacing(theme.SPACE)
        column.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self._timer = QTimer(self)
        self._timer.setInterval(_DRAW_MS)
        self._timer.timeout.connect(self._draw)

    def follow(self, following: Following, title: str, note: str = "") -> None:
        """Show how this goes on."""
        self._following = following
        self.phase.setText(title)
        self.note.setText(note)
        self.detail.setText("")
        self.bar.setRange(0, 0)
        self.cancel.setEnabled(True)
        self.cancel.setText(tr("Cancel"))
        self._timer.start()
        self._draw()

    def stop(self) -> None:
        """Stand still."""
        self._timer.stop()
        self._following = None

    def _draw(self) -> None:
        following = self._following
        if following is None or not following.phase:
            return
        self.phase.setText(tr(following.phase))
        total = following.total
        if not total or following.done >= total:  # it goes on, and how far cannot be told
            self.bar.setRange(0, 0)
            self.detail.setText(f"{following.done:,}" if following.done else "")
            return
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * following.done / total))
        left = following.seconds_left()
        said = tr("{done} of {total}", done=f"{following.done:,}", total=f"{total:,}")
        self.detail.setText(said if left is None else f"{said}  ·  {left_words(left)}")

    def _on_cancel_clicked(self) -> None:
        self.cancel.setEnabled(False)
        self.cancel.setText(tr("Cancelling …"))
        self.cancel_wanted.emit()


def left_words(seconds: float) -> str:
    """`a few seconds left`, `40 s left, done 14:02`."""
    if seconds < 5:
        return tr("a few seconds left")
    done = (datetime.now() + timedelta(seconds=seconds)).strftime("%H:%M")
    if seconds < 90:
        return tr("{n} s left, done {clock}", n=round(seconds), clock=done)
    return tr("{n} min left, done {clock}", n=round(seconds / 60), clock=done)
