"""Errors above the page: what happened, which file, what was kept, what to do; nothing is hidden behind a dialog."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.words import describe, tr


class Banner(QFrame):
    """The last error, until a person closes it; says how many came before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setObjectName("banner")
        self._count = 0
        self._last = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(12)
        sign = QLabel(self)
        sign.setPixmap(icon("warning", theme.COLOUR["warning"]).pixmap(22, 22))
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        self._headline = QLabel(self)
        self._headline.setProperty("role", "section")
        self._headline.setWordWrap(True)
        self._rest = QLabel(self)
        self._rest.setWordWrap(True)
        self._rest.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self._headline)
        column.addWidget(self._rest)
        row.addLayout(column, 1)
        self._copy = self._button(tr("Copy"), self._on_copy_clicked)
        self._close = self._button(tr("Close"), self.dismiss)
        row.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def show_error(self, error: Exception) -> None:
        """Show an error, above an earlier one that nobody closed."""
        self._count = self._count + 1 if self.isVisible() else 1
        headline, rest = describe(error)
        self._last = f"{headline}\n{rest}"
        more = tr("  (and {n} before it)", n=self._count - 1) if self._count > 1 else ""
        self._headline.setText(headline + more)
        self._rest.setText(rest)
        self._rest.setVisible(bool(rest))
        self.show()

    def dismiss(self) -> None:
        """Put it away."""
        self._count = 0
        self.hide()

    def _button(self, text: str, slot: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("role", "flat")
        button.clicked.connect(slot)
        return button

    def _on_copy_clicked(self) -> None:
        QApplication.clipboard().setText(self._last)
