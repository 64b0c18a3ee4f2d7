"""What our dialogs share: they delete themselves, close with Esc, and never block the window's event loop."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme

_FRAME: Final = QSize(16, 48)  # what a desktop draws around a dialog


class Dialog(QDialog):
    """A window-modal dialog with our margins; `column` is its layout."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(3 * theme.SPACE, 2 * theme.SPACE, 3 * theme.SPACE, 2 * theme.SPACE)
        self.column.setSpacing(theme.SPACE)

    def showEvent(self, event: QShowEvent) -> None:
        """Never larger than the screen: its buttons are at the bottom."""
        super().showEvent(event)
        room = self.screen().availableGeometry().size() - _FRAME
        if not event.spontaneous():
            self.resize(self.size().boundedTo(room))


def choice_card(column: QVBoxLayout, title: str, sentence: str) -> QPushButton:
    """A button with a sentence below it on a card of its own, at the end of `column`; its parent is the card."""
    card = QFrame(column.parentWidget())
    card.setProperty("role", "card")
    inner = QVBoxLayout(card)
    inner.setContentsMargins(12, 10, 12, 12)
    inner.setSpacing(4)
    button = QPushButton(title, card)
    button.setAutoDefault(True)
    label = QLabel(sentence, card)
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    inner.addWidget(button)
    inner.addWidget(label)
    column.addWidget(card)
    return button
