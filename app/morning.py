"""The first look in the morning: how each training ended since the last visit, one click to its worst false reject.

The dataset and the review page have one each; what was seen on one is seen on the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.elided import Elided
from app.icons import icon
from app.session import Session
from app.words import tr
from core.project import Project
from core.project.writer import utc_now

if TYPE_CHECKING:
    from core.workflow.overnight import Ended

_MOST: Final = 5
_SIGNS: Final = {"finished": "check", "stopped": "stop", "failed": "cross", "interrupted": "warning"}


class MorningBanner(QFrame):
    """Hidden while there is nothing new. `look` asks; closing it, or following it, counts as seen."""

    chosen = Signal(dict)  # what the review shall show
    train_wanted = Signal()
    found = Signal(int)  # trainings that ended since the last visit

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._asked_for = ""
        self._seen_at = ""
        self._newest = ""  # when the last of those that are told of ended
        self._is_wanted = False
        self._here: int | None = None
        self._links: list[tuple[int, QPushButton]] = []  # scoring, and what leads to it
        self.setProperty("role", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 8, 8)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(2)
        row.addLayout(self._lines, 1)
        close = QPushButton(tr("Close"), self)
        close.setProperty("role", "flat")
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        close.clicked.connect(self.dismiss)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        session.closed.connect(self._on_session_closed)
        session.table_loaded.connect(self._on_table_loaded)
        session.images_changed.connect(self._on_changed)
        session.scores_changed.connect(self._on_changed)
        self.hide()

    def look(self) -> None:
        """What ended since the last visit to this project; asked when its images are there, again after a change."""
        project = self._session.project
        self._is_wanted = True
        if project is None or not self._session.is_complete:
            return
        since = self._session.memory.recall(f"visited {project.file}", None)
        moment = since if isinstance(since, str) else None
        if self._asked_for == str(project.file):
            if moment is not None and moment >= self._newest:  # seen on another page
                self.hide()
            return
        self._asked_for = str(project.file)

        self._session.background.run(
            lambda: _look(project, moment), self._show, owner=self, key="morning", still=self._session.still(project)
        )

    def be_at(self, scoring: int | None) -> None:
        """The scoring that is looked at already: nothing leads to it."""
        self._here = scoring
        for number, button in self._links:
            button.setVisible(number != scoring)

    def dismiss(self) -> None:
        """Seen."""
        project = self._session.project
        if project is not None and self._seen_at:
            self._session.memory.remember(f"visited {project.file}", self._seen_at)
        self.hide()

    def _show(self, outcome: tuple[str, list[Ended]]) -> None:
        self._seen_at, ended = outcome
        self._newest = max((one.at for one in ended), default="")
        self._empty()
        for one in ended[:_MOST]:
            self._lines.addWidget(self._line(one))
        if len(ended) > _MOST:
            self._lines.addWidget(QLabel(tr("and {n} more", n=len(ended) - _MOST), self))
        self.setVisible(bool(ended))
        self.found.emit(len(ended))

    def _line(self, one: Ended) -> QWidget:
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        sign = QLabel(holder)
        colour = theme.COLOUR["defective"] if one.state == "failed" else theme.COLOUR["accent"]
        sign.setPixmap(icon(_SIGNS.get(one.state, "check"), colour).pixmap(16, 16))
        row.addWidget(sign)
        words = Elided(holder)
        words.setText(ended_words(one))
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setToolTip(f"{one.title}\n{words.text()}")
        words.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        words.setMinimumWidth(80)
        row.addWidget(words)
        if one.worst is not None:
            button = self._link(holder, tr("Worst false reject: {score}", score=f"{one.worst.score:.4f}"))
            button.setToolTip(one.worst.name)
            what: dict[str, object] = {"training": one.number, "scoring": one.scoring, "queue": "false_rejects"}
            what |= {"image": one.worst.image_id, "cell": one.worst.cell}
            button.clicked.connect(lambda: self._follow(what))
            row.addWidget(button)
        elif one.scoring is not None:
            button = self._link(holder, tr("Look at it"))
            button.clicked.connect(lambda: self._follow({"training": one.number, "scoring": one.scoring}))
            button.setVisible(one.scoring != self._here)
            self._links.append((one.scoring, button))
            row.addWidget(button)
        else:
            button = self._link(holder, tr("Look at it") if one.state in ("finished", "stopped") else tr("See why"))
            button.clicked.connect(self.train_wanted)
            row.addWidget(button)
        row.addStretch(1)
        return holder

    def _link(self, parent: QWidget, words: str) -> QPushButton:
        button = QPushButton(words, parent)
        button.setProperty("role", "link")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        return button

    def _follow(self, what: dict[str, object]) -> None:
        self.dismiss()
        self.chosen.emit(what)

    def _empty(self) -> None:
        self._links.clear()
        while (item := self._lines.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()

    def _on_table_loaded(self, complete: bool) -> None:
        if complete and self._is_wanted:
            self.look()

    def _on_changed(self, *_: object) -> None:
        """Figures that are told may be out of date now: the next look asks again."""
        if not self.isHidden():
            self._asked_for = ""

    def _on_session_closed(self) -> None:
        self._asked_for = self._seen_at = self._newest = ""
        self._is_wanted = False
        self._empty()
        self.hide()


def ended_words(one: Ended) -> str:
    """How a training ended, in one line."""
    states = {
        "finished": tr("#{n} finished {when}"),
        "stopped": tr("#{n} was stopped {when}"),
        "failed": tr("#{n} failed {when}"),
        "interrupted": tr("#{n} was interrupted {when}"),
    }
    parts = [states.get(one.state, "#{n} {when}").format(n=one.number, when=_clock(one.at))]
    if one.error:
        parts.append(one.error.splitlines()[0])
    if one.image_auroc is not None:
        words = tr("out of date: AUROC {p} %") if one.is_outdated else tr("AUROC {p} %")
        parts.append(words.format(p=f"{100 * one.image_auroc:.1f}"))
    if one.good:
        parts.append(tr("{k} of {n} good rejected", k=f"{one.false_rejects:,}", n=f"{one.good:,}"))
    if one.defective:
        parts.append(tr("{k} of {n} defective passed", k=f"{one.escapes:,}", n=f"{one.defective:,}"))
    return " · ".join(parts)


def _clock(at: str) -> str:
    """The time alone where it was today."""
    moment = datetime.fromisoformat(at).astimezone()
    today = moment.date() == datetime.now().astimezone().date()
    return moment.strftime("%H:%M" if today else "%d %b %H:%M")


def _look(project: Project, moment: str | None) -> tuple[str, list[Ended]]:
    from core.workflow.overnight import ended_since  # brings the figures' libraries along: never on the GUI thread

    now = utc_now()
    return now, ended_since(project, moment, told=_MOST)
