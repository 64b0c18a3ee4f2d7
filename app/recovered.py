"""A quiet line after a crash: that it happened, and until when everything is there."""

from __future__ import annotations

import time
from datetime import datetime

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app import theme
from app.icons import icon
from app.session import Session
from app.words import tr


class RecoveryLine(QFrame):
    """Shown when a project was not closed in order; gone with a click, or with the project."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("recovered")
        self.setProperty("role", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 4, 2)
        row.setSpacing(theme.SPACE)
        self.text = QLabel(self)
        self.text.setProperty("role", "muted")
        row.addWidget(self.text, 1)
        close = QToolButton(self)
        close.setAutoRaise(True)
        close.setIcon(icon("close"))
        close.setIconSize(QSize(14, 14))
        close.setToolTip(tr("Close"))
        close.clicked.connect(self.hide)
        row.addWidget(close)
        self.hide()
        session.opened.connect(self._on_session_opened)
        session.closed.connect(self.hide)

    def _on_session_opened(self) -> None:
        project = self._session.project
        if project is not None and project.crashed is not None:
            self._session.background.run(project.last_change, self._say, owner=self)

    def _say(self, at: str | None) -> None:
        if at is None or self._session.project is None:
            return
        words = tr("Flawscope ended unexpectedly. Everything painted and labelled until {clock} is here.")
        self.text.setText(words.format(clock=_clock(at)))
        self.show()


def _clock(at: str) -> str:
    """The local time of a change; with the day where that was another one."""
    there = datetime.fromisoformat(at).astimezone()
    is_today = there.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d")
    return there.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")
