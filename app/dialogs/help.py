"""A short page of help from resources/help, as text that can be read while working."""

from __future__ import annotations

from PySide6.QtWidgets import QDialogButtonBox, QTextBrowser, QWidget

from app.dialogs.dialog import Dialog
from app.words import tr
from core.assets import resources


class HelpDialog(Dialog):
    """Not modal: the window behind it stays usable."""

    def __init__(self, page: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Help"), parent)
        self.setModal(False)
        self.resize(640, 680)
        text = QTextBrowser(self)
        text.setOpenLinks(False)
        text.setMarkdown((resources() / "help" / f"{page}.md").read_text(encoding="utf-8"))
        self.column.addWidget(text, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.accept)
        self.column.addWidget(buttons)

    def open(self) -> None:
        """Show it beside the window."""
        self.show()
