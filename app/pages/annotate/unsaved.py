"""Above the canvas while strokes cannot be saved: what happened, what was kept, what to do, until it is over."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.dialogs.unsaved import ask_copy, sentence
from app.icons import icon
from app.session import Session
from app.words import describe, tr


class UnsavedBanner(QFrame):
    """Hidden as long as everything is saved."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("unsaved")
        self.setProperty("role", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(12)
        sign = QLabel(self)
        sign.setPixmap(icon("warning", theme.COLOUR["warning"]).pixmap(22, 22))
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        self.headline = QLabel(self)
        self.headline.setProperty("role", "section")
        self.text = QLabel(self)
        for label in (self.headline, self.text):
            label.setWordWrap(True)
            column.addWidget(label)
        row.addLayout(column, 1)
        self.again = self._button(tr("Try now"), session.strokes.try_now)
        self.copy = self._button(tr("Save a rescue copy …"), lambda: ask_copy(session, self))
        for button in (self.again, self.copy):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        session.unsaved_changed.connect(self._on_unsaved_changed)
        self._on_unsaved_changed(session.strokes.waiting if session.strokes.is_failing else 0)

    def _button(self, text: str, slot: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("role", "flat")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(slot)
        return button

    def _on_unsaved_changed(self, strokes: int) -> None:
        error = self._session.strokes.error
        if strokes and error is not None:
            what, _ = describe(error)
            self.headline.setText(tr("Your strokes cannot be saved: {what}", what=what[:1].lower() + what[1:]))
            self.text.setText(sentence(self._session.strokes))
        self.setVisible(bool(strokes))
