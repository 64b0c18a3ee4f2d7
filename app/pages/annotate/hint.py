"""A line above the canvas that is said once: until it is closed, or something was painted; never again after that."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from app.elided import Elided
from app.icons import icon
from app.pages.annotate.painting import Painting
from app.session import Session
from app.words import tr

_KEY: Final = "annotate.painting is optional"


class Hint(QFrame):
    """Painting is optional; what it is good for. After the first stroke it goes with the next image: nothing jumps."""

    def __init__(self, session: Session, painting: Painting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = session.memory
        self._is_done = False
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        words = Elided(self)
        words.setText(
            tr("Painting is optional: training uses good images only. Painted defects show whether places are found.")
        )
        words.setProperty("role", "muted")
        close = QToolButton(self)
        close.setAutoRaise(True)
        close.setIcon(icon("close"))
        close.setToolTip(tr("Close"))
        close.clicked.connect(self._on_closed)
        row.addWidget(words, 1)
        row.addWidget(close)
        self.setVisible(not self._memory.recall(_KEY, False))
        painting.painted.connect(self._on_painted)
        session.current_changed.connect(self._on_current_changed)

    def showEvent(self, event: QShowEvent) -> None:
        """It is said now: the next start says it no more."""
        super().showEvent(event)
        self._memory.remember(_KEY, True)

    # -- slots

    def _on_closed(self) -> None:
        self.hide()

    def _on_painted(self) -> None:
        self._is_done = True

    def _on_current_changed(self, _: object) -> None:
        if self._is_done:
            self.hide()
