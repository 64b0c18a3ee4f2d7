"""The line that says how a scoring goes on, and what came of it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app.session import Session
from app.words import tr


class ScoringStrip(QFrame):
    """Hidden until images are scored; `review_wanted` carries what the review page shall show."""

    review_wanted = Signal(dict)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._is_working = False
        self._listens = False
        self._what: dict[str, Any] = {}
        self.setProperty("role", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 6, 4)
        row.setSpacing(12)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setFixedWidth(180)
        self.look = QPushButton(tr("Look at them"), self)
        self.look.clicked.connect(self._on_look_clicked)
        self.close_button = QPushButton(tr("Close"), self)
        self.close_button.setProperty("role", "flat")
        self.close_button.clicked.connect(self.hide)
        row.addWidget(self.text, 1)
        for widget in (self.bar, self.look, self.close_button):
            row.addWidget(widget)
        self.hide()
        session.problem_reported.connect(self._on_problem_reported)
        session.closed.connect(self._on_closed)

    def listen(self) -> None:
        """Hear of scorings from now on."""
        if not self._listens:
            self._listens = True
            trainings = self._session.trainings
            trainings.scoring_progress.connect(self._on_progress)
            trainings.scored.connect(self._on_scored)
            trainings.status_changed.connect(self._on_status_changed)

    def begin(self, words: str) -> None:
        """A scoring was asked for."""
        self._is_working = True
        self.text.setText(tr("Scoring: {words}", words=words))
        self.bar.setRange(0, 0)
        self._show(working=True)

    def _show(self, *, working: bool) -> None:
        self.bar.setVisible(working)
        self.look.setVisible(not working)
        self.close_button.setVisible(not working)
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
        self._show(working=False)

    def _on_problem_reported(self, _: object) -> None:
        if self._is_working:
            self._is_working = False
            self.hide()

    def _on_closed(self) -> None:
        self._is_working = False
        self.hide()

    def _on_look_clicked(self) -> None:
        self.hide()
        self.review_wanted.emit(self._what)
