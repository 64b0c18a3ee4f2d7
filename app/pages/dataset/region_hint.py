"""After images were taken in: that a region may be drawn, in one line that goes for good when it is closed."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app import theme
from app.icons import icon
from app.settings import Memory
from app.words import tr

_KEY: Final = "dataset.a region may be drawn"


class RegionHint(QFrame):
    """`wanted` when a person presses *Draw a region*."""

    wanted = Signal()

    def __init__(self, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * theme.SPACE, 0, theme.SPACE, theme.SPACE // 2)
        row.setSpacing(theme.SPACE)
        sign = QLabel(self)
        sign.setPixmap(icon("region", theme.COLOUR["roi"]).pixmap(18, 18))
        words = QLabel(tr("Is only a part of the image to be judged?"), self)
        words.setProperty("role", "muted")
        self.draw = QPushButton(tr("Draw a region of interest"), self)
        self.draw.setProperty("role", "link")
        self.draw.setCursor(Qt.CursorShape.PointingHandCursor)
        self.draw.clicked.connect(self.wanted)
        self.close_button = QToolButton(self)
        self.close_button.setAutoRaise(True)
        self.close_button.setIcon(icon("close"))
        self.close_button.setToolTip(tr("Do not say it again"))
        self.close_button.clicked.connect(self._on_closed)
        for part in (sign, words, self.draw):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.close_button)
        self.hide()

    def show_for(self, is_missing: bool) -> None:
        """The place on screen has images and no region."""
        self.setVisible(is_missing and not self._memory.recall(_KEY, False))

    def _on_closed(self) -> None:
        self._memory.remember(_KEY, True)
        self.hide()
