"""Errors above the page: what happened, which file, what was kept, what to do; nothing is hidden behind a dialog."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.words import describe, tr


class WarningCard(QFrame):
    """A sign, a headline with words below it, and buttons on the right; hidden until there is something to say."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("role", "card")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 8, 8)
        self._row.setSpacing(12)
        sign = QLabel(self)
        sign.setPixmap(icon("warning", theme.COLOUR["warning"]).pixmap(22, 22))
        self._row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        self.headline = QLabel(self)
        self.headline.setProperty("role", "section")
        self.text = QLabel(self)
        for label in (self.headline, self.text):
            label.setWordWrap(True)
            column.addWidget(label)
        self._row.addLayout(column, 1)
        self.hide()

    def add_button(self, words: str, slot: Callable[[], object]) -> QPushButton:
        """One more, right of the others; a click leaves the focus where it is."""
        button = QPushButton(words, self)
        button.setProperty("role", "flat")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: slot())
        self._row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return button


class Banner(WarningCard):
    """The last error, until a person closes it; says how many came before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("banner", parent)
        self._count = 0
        self._last = ""
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.add_button(tr("Copy"), lambda: QApplication.clipboard().setText(self._last))
        self.add_button(tr("Close"), self.dismiss)

    def show_error(self, error: Exception) -> None:
        """Show an error, above an earlier one that nobody closed."""
        self._count = self._count + 1 if self.isVisible() else 1
        headline, rest = describe(error)
        self._last = f"{headline}\n{rest}"
        more = tr("  (and {n} before it)", n=self._count - 1) if self._count > 1 else ""
        self.headline.setText(headline + more)
        self.text.setText(rest)
        self.text.setVisible(bool(rest))
        self.show()

    def dismiss(self) -> None:
        """Put it away."""
        self._count = 0
        self.hide()
