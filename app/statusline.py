"""The line at the bottom: where the cursor is, who works, how the training goes, when something was saved."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app import theme
from app.laying import LayingLine
from app.words import count_words, tr

_SAID_MS: Final = 6_000


class StatusLine(QWidget):
    """Left: place on the image or what was just done. Right: who, training, saved."""

    initials_wanted = Signal()
    training_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(28)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        row.setSpacing(2 * theme.SPACE)
        self._said = QLabel(self)
        self._said.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._place = QLabel(self)
        self._place.setProperty("role", "muted")
        self._place.setFont(theme.mono_numbers(self._place.font()))
        self._said.hide()
        row.addWidget(self._said)
        row.addWidget(self._place)
        row.addStretch(1)
        self._read_only = QLabel(tr("Reading only"), self)
        self._read_only.setProperty("role", "warning")
        self._read_only.hide()
        row.addWidget(self._read_only)
        self._who = self._flat(tr("Who works: written beside every label and verdict"))
        self._who.clicked.connect(self.initials_wanted)
        row.addWidget(self._who)
        self._bar = QProgressBar(self)
        self._bar.setFixedWidth(96)
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.hide()
        row.addWidget(self._bar)
        self.laying = LayingLine(self)
        row.addWidget(self.laying)
        self._training = self._flat(tr("Show the training"))
        self._training.setFont(theme.mono_numbers(self._training.font()))
        self._training.clicked.connect(self.training_wanted)
        self._training.hide()
        row.addWidget(self._training)
        self._saved = QLabel(self)
        self._saved.setProperty("role", "muted")
        self._saved.setFont(theme.mono_numbers(self._saved.font()))
        row.addWidget(self._saved)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SAID_MS)
        self._timer.timeout.connect(self._on_time_passed)

    def say(self, text: str) -> None:
        """Show `text` for some seconds in place of the cursor's position."""
        self._said.setText(text)
        self._said.setVisible(bool(text))
        self._place.setVisible(not text)
        self._timer.start()

    def set_place(self, text: str) -> None:
        """Cursor, value, zoom, number of the image."""
        self._place.setText(text)

    def set_who(self, initials: str, *, read_only: bool, is_open: bool) -> None:
        """Initials of the person at work."""
        self._who.setText(tr("Initials: {who}", who=initials or "…"))
        self._who.setVisible(is_open)
        self._read_only.setVisible(is_open and read_only)

    def set_saved(self, clock: str) -> None:
        """When the last change was saved; '' when nothing is open."""
        self._saved.setText(tr("Saved {clock}", clock=clock) if clock else "")

    def set_unsaved(self, strokes: int) -> None:
        """How many strokes cannot be saved at the moment; while there are any, nothing is called saved."""
        if strokes:
            self._saved.setText(tr("{strokes} not saved", strokes=count_words(strokes, "stroke", "strokes")))
        self._saved.setProperty("role", "warning" if strokes else "muted")
        self._saved.style().unpolish(self._saved)
        self._saved.style().polish(self._saved)

    def set_training(self, word: str, share: float | None, finish: float | None) -> None:
        """A training's state, share done and end; '' when none runs."""
        self._training.setVisible(bool(word))
        self._bar.setVisible(bool(word) and share is not None)
        if not word:
            return
        if share is not None:
            self._bar.setValue(round(1000 * share))
            word = f"{word} {100 * share:.0f} %"
        if finish is not None:
            word = tr("{training}, done {clock}", training=word, clock=time.strftime("%H:%M", time.localtime(finish)))
        self._training.setText(word)

    def _flat(self, hint: str) -> QPushButton:
        button = QPushButton(self)
        button.setProperty("role", "flat")
        button.setFixedHeight(24)
        button.setStyleSheet("padding: 0 4px")
        button.setToolTip(hint)
        return button

    def _on_time_passed(self) -> None:
        self._said.clear()
        self._said.hide()
        self._place.show()
