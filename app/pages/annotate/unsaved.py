"""Above the canvas while strokes cannot be saved: what happened, what was kept, what to do, until it is over."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.banner import WarningCard
from app.dialogs.unsaved import ask_copy, sentence
from app.session import Session
from app.words import describe, tr


class UnsavedBanner(WarningCard):
    """Hidden as long as everything is saved."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("unsaved", parent)
        self._session = session
        self.again = self.add_button(tr("Try now"), session.strokes.try_now)
        self.copy = self.add_button(tr("Save a rescue copy …"), lambda: ask_copy(session, self))
        session.unsaved_changed.connect(self._on_unsaved_changed)
        self._on_unsaved_changed(session.strokes.waiting if session.strokes.is_failing else 0)

    def _on_unsaved_changed(self, strokes: int) -> None:
        error = self._session.strokes.error
        if strokes and error is not None:
            what, _ = describe(error)
            self.headline.setText(tr("Your strokes cannot be saved: {what}", what=what[:1].lower() + what[1:]))
            self.text.setText(sentence(self._session.strokes))
        self.setVisible(bool(strokes))
