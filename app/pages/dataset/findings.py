"""Problems, each in one sentence with its mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.words import tr
from core.workflow.findings import Finding

_FIRST: Final = 6  # shown before a person asks for all


class FindingList(QWidget):
    """`mend_wanted` and `show_wanted` carry the finding, with the mend that was pressed."""

    mend_wanted = Signal(object)
    show_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._findings: tuple[Finding, ...] = ()
        self._all = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SPACE, 0, 0)
        column.setSpacing(theme.SPACE)
        self._heading = QLabel(self)
        self._heading.setProperty("role", "section")
        column.addWidget(self._heading)
        self._column = QVBoxLayout()
        self._column.setSpacing(10)
        column.addLayout(self._column)
        self._more = QPushButton(self)
        self._more.setProperty("role", "link")
        self._more.clicked.connect(self._on_more_clicked)
        column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is listed."""
        return self._findings

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """List these; nothing at all is shown when there are none."""
        self._findings = tuple(findings)
        self._fill()

    def _fill(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        shown = self._findings if self._all else self._findings[:_FIRST]
        for finding in shown:
            self._column.addWidget(self._line(finding))
        hidden = len(self._findings) - len(shown)
        self._more.setText(tr("Show {n} more", n=hidden))
        self._more.setVisible(hidden > 0)
        self._heading.setText(tr("Worth a look ({n})", n=len(self._findings)))
        self.setVisible(bool(self._findings))

    def _line(self, finding: Finding) -> QWidget:
        line = QWidget(self)
        line.setObjectName(f"finding {finding.kind}")
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        sign = QLabel(line)
        colour = theme.COLOUR["defective"] if finding.stops else theme.COLOUR["warning"]
        sign.setPixmap(icon("warning", colour).pixmap(18, 18))
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        text = QLabel(finding.sentence, line)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(text)
        if finding.hint:
            hint = QLabel(finding.hint, line)
            hint.setWordWrap(True)
            hint.setProperty("role", "muted")
            column.addWidget(hint)
        links = QHBoxLayout()
        links.setSpacing(theme.SPACE)
        if finding.images:
            links.addWidget(self._link(tr("Show"), lambda: self.show_wanted.emit(finding), line))
        for mend in (finding.mend, finding.instead):
            if word := mend_words(mend):
                chosen = replace(finding, mend=mend)
                links.addWidget(self._link(word, lambda _=False, chosen=chosen: self.mend_wanted.emit(chosen), line))
        links.addStretch(1)
        column.addLayout(links)
        row.addLayout(column, 1)
        return line

    def _link(self, word: str, slot: object, parent: QWidget) -> QPushButton:
        button = QPushButton(word, parent)
        button.setProperty("role", "link")
        button.clicked.connect(slot)
        return button

    def _on_more_clicked(self) -> None:
        self._all = True
        self._fill()


def mend_words(mend: str) -> str:
    """The word of a mend's button; '' where there is nothing to press."""
    words = {
        "find_folder": tr("Find the folder …"),
        "look_again": tr("Look again"),
        "seen": tr("Take off the list"),
        "take_out": tr("Take out of test"),
    }
    return words.get(mend, "")
