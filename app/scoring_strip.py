"""The line that says how a scoring goes on, and what came of it; the dataset and the review page have one each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app import theme
from app.icons import icon
from app.session import Session
from app.words import describe, tr
from core.errors import FlawscopeError


class ScoringStrip(QFrame):
    """Hidden until images are scored; `review_wanted` carries what the review page shall show."""

    review_wanted = Signal(dict)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._is_working = False
        self._listens = False
        self._what: dict[str, Any] = {}
        self._again: Callable[[], object] | None = None
        self.setProperty("role", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 6, 4)
        row.setSpacing(12)
        self.sign = QLabel(self)
        self.sign.setPixmap(icon("warning", theme.COLOUR["warning"]).pixmap(18, 18))
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setFixedWidth(180)
        self.look = self._button(tr("Look at them"), self._on_look_clicked)
        self.again = self._button(tr("Score again"), self._on_again_clicked)
        self.close_button = self._button(tr("Close"), self.hide)
        self.close_button.setProperty("role", "flat")
        row.addWidget(self.sign)
        row.addWidget(self.text, 1)
        for widget in (self.bar, self.look, self.again, self.close_button):
            row.addWidget(widget)
        self.hide()
        session.closed.connect(self._on_closed)

    def listen(self) -> None:
        """Hear of scorings from now on."""
        if not self._listens:
            self._listens = True
            trainings = self._session.trainings
            trainings.scoring_progress.connect(self._on_progress)
            trainings.scored.connect(self._on_scored)
            trainings.scoring_failed.connect(lambda _, error: self.fail(error))
            trainings.status_changed.connect(self._on_status_changed)

    def begin(self, words: str, again: Callable[[], object] | None = None) -> None:
        """A scoring was asked for; `again` asks once more, should it fail."""
        self._is_working, self._again = True, again
        self.text.setText(tr("Scoring: {words}", words=words))
        self.bar.setRange(0, 0)
        self._show(self.bar)

    def fail(self, error: Exception) -> None:
        """It ended without scores: what happened, what was kept, what to do."""
        self._is_working = False
        self.text.setText(tr("Scoring failed. {why}", why=_sentences(error)))
        self.text.setToolTip("\n".join(describe(error)))
        may_repeat = self._again is not None and self._session.can_write
        self._show(self.sign, self.close_button, *([self.again] if may_repeat else []))

    def _button(self, word: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(word, self)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: slot())
        return button

    def _show(self, *shown: QWidget) -> None:
        for widget in (self.sign, self.bar, self.look, self.again, self.close_button):
            widget.setVisible(widget in shown)
        if self.sign not in shown:
            self.text.setToolTip("")
        self.show()

    def _on_progress(self, number: int, share: float) -> None:
        if not self._is_working:
            self.begin(tr("with training #{n}", n=number))
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * share))

    def _on_status_changed(self, word: str, _: object, __: object) -> None:
        if self._is_working and not word:
            self.text.setText(tr("Taking the scores in …"))
            self.bar.setRange(0, 0)

    def _on_scored(self, number: int, result: Any) -> None:
        self._is_working = False
        lines = result.lines()
        self.text.setText(lines[0] if lines else tr("Scored"))
        self._what = {"training": number, "scoring": result.scoring, "queue": "rejects"}
        self._show(self.look, self.close_button)

    def _on_closed(self) -> None:
        self._is_working, self._again = False, None
        self.hide()

    def _on_look_clicked(self) -> None:
        self.hide()
        self.review_wanted.emit(self._what)

    def _on_again_clicked(self) -> None:
        if self._again is not None:
            self._again()


def _sentences(error: Exception) -> str:
    """What happened, what was kept, what to do, in one line; which file stands in the tooltip."""
    if not isinstance(error, FlawscopeError):
        return "{}. {}".format(*describe(error))
    parts = [error.what[:1].upper() + error.what[1:], error.kept, error.mend]
    return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts if part)
