"""A line above the canvas that is said until a person has read it."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from app.elided import Elided
from app.icons import icon
from app.settings import Memory
from app.words import tr

_KEY: Final = "annotate.painting is optional"


class Hint(QFrame):
    """Painting is optional; what it is good for."""

    def __init__(self, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
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
        close.setToolTip(tr("Do not say it again"))
        close.clicked.connect(self._on_closed)
        row.addWidget(words, 1)
        row.addWidget(close)
        self.setVisible(not memory.recall(_KEY, False))

    def _on_closed(self) -> None:
        self._memory.remember(_KEY, True)
        self.hide()
