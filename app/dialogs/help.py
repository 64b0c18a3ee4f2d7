"""A short page of help from resources/help, as text that can be read while working."""

from __future__ import annotations

from PySide6.QtGui import QTextBlockFormat, QTextCursor, QTextDocument, QTextTable
from PySide6.QtWidgets import QDialogButtonBox, QTextBrowser, QWidget

from app import theme
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
        text.document().setDocumentMargin(2 * theme.SPACE)
        pages = resources() / "help"
        text.setSearchPaths([str(pages)])
        text.setMarkdown((pages / f"{page}.md").read_text(encoding="utf-8"))
        _air(text.document())
        self.column.addWidget(text, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.accept)
        self.column.addWidget(buttons)

    def open(self) -> None:
        """Show it beside the window."""
        self.show()


def _air(document: QTextDocument) -> None:
    """Room between paragraphs, and tables without a grid."""
    block = document.begin()
    while block.isValid():
        cursor = QTextCursor(block)
        if cursor.currentTable() is None:
            shape = QTextBlockFormat(block.blockFormat())
            shape.setTopMargin(2 * theme.SPACE if shape.headingLevel() and block.position() else 0)
            shape.setBottomMargin(theme.SPACE)
            cursor.setBlockFormat(shape)
        block = block.next()
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            look = frame.format()
            look.setBorder(0)
            look.setCellPadding(4)
            frame.setFormat(look)
