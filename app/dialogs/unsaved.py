"""Leaving a project that does not take what was painted: keep trying, close with a rescue copy, or go back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.dialogs.dialog import choice_card
from app.icons import icon
from app.session import Session
from app.words import count_words, describe, tr
from core.errors import FlawscopeError
from core.workflow.rescue import SUFFIX

if TYPE_CHECKING:
    from app.saving import StrokeSaver

_LEAST_PX: Final = 480


class UnsavedDialog(QDialog):
    """Accepted: the project may be closed, because all is saved or lies in a rescue file."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("unsaved_dialog")
        self.setModal(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        self._text = QLabel(self)
        self._text.setProperty("role", "muted")
        self._text.setWordWrap(True)
        column.addLayout(self._head())
        column.addWidget(self._text)
        self.again = choice_card(
            column, tr("Keep trying"), tr("Tried every two seconds; closes as soon as everything is saved.")
        )
        self.again.clicked.connect(self._on_again)
        self.leave = choice_card(column, "", "")
        self.leave.clicked.connect(self._on_leave)
        self.stay = QPushButton(tr("Go back"), self)
        self.stay.clicked.connect(self.reject)
        column.addWidget(self.stay, 0, Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(_LEAST_PX)
        session.unsaved_changed.connect(self._on_unsaved_changed)
        self._on_unsaved_changed(session.strokes.waiting)
        self.again.setFocus()

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(14)
        sign = QLabel(self)
        sign.setPixmap(icon("warning", theme.COLOUR["warning"]).pixmap(QSize(32, 32)))
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        self._headline = QLabel(self)
        self._headline.setProperty("role", "heading")
        self._headline.setWordWrap(True)
        head.addWidget(self._headline, 1)
        return head

    # -- slots

    def _on_unsaved_changed(self, strokes: int) -> None:
        if not strokes:
            self.accept()
            return
        saver = self._session.strokes
        title = tr("{strokes} not saved", strokes=count_words(strokes, "stroke", "strokes"))
        self.setWindowTitle(title)
        self._headline.setText(title)
        what = "" if saver.error is None else describe(saver.error)[0] + ". "
        self._text.setText(what + sentence(saver))
        is_kept = saver.rescued is not None
        self.leave.setText(tr("Close, and keep the rescue copy") if is_kept else tr("Save a rescue copy and close …"))
        card = self.leave.parentWidget()
        note = None if card is None else card.findChild(QLabel)
        if note is not None:
            note.setText(
                tr("The strokes are put in when this project is opened here again.")
                if is_kept
                else tr("Choose a place on another disk. Opening that file in this project puts the strokes in.")
            )

    def _on_again(self) -> None:
        self.again.setText(tr("Trying …"))
        self._session.strokes.try_now()

    def _on_leave(self) -> None:
        if self._session.strokes.rescued is not None or ask_copy(self._session, self):
            self.accept()


def sentence(saver: StrokeSaver) -> str:
    """How many strokes are kept where, and what a person can do."""
    parts = [tr("{strokes} kept in this window", strokes=_are(saver.waiting))]
    if saver.rescued is not None:
        parts[0] += tr(" and in a rescue file on this computer")
    mend = saver.error.mend if isinstance(saver.error, FlawscopeError) else ""
    if mend:
        parts.append(mend)
    parts.append(tr("Saving is tried again every two seconds"))
    return " ".join(f"{part}." for part in parts)


def ask_copy(session: Session, parent: QWidget) -> bool:
    """Let a person choose where a copy of the strokes goes; whether it was written."""
    project = session.project
    name = ("" if project is None else project.name) + SUFFIX
    start = str(Path(session.memory.recall("folder", str(Path.home()))) / name)
    words = tr("Rescue copies") + f" (*{SUFFIX})"
    chosen, _ = QFileDialog.getSaveFileName(parent, tr("Save a rescue copy"), start, words)
    if not chosen:
        return False
    path = Path(chosen) if chosen.endswith(SUFFIX) else Path(chosen + SUFFIX)
    try:
        count = session.strokes.save_copy(path)
    except FlawscopeError as error:
        session.report(error)
        return False
    strokes = count_words(count, "stroke", "strokes")
    session.said.emit(tr("Rescue copy of {strokes} saved: {path}", strokes=strokes, path=str(path)))
    return True


def ask_and_leave(session: Session, parent: QWidget | None = None) -> bool:
    """Whether the project may be closed now; asks where strokes wait to be saved."""
    if "strokes" not in vars(session) or not session.strokes.is_failing or not session.strokes.waiting:
        return True
    dialog = UnsavedDialog(session, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return accepted


def _are(count: int) -> str:
    return tr("1 stroke is") if count == 1 else tr("{n} strokes are", n=count)
