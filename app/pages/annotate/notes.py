"""Notes on the image that is shown: who said what and when; Enter adds one, each can be withdrawn."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.session import Session
from app.words import tr
from core.project.records import Note


class NoteField(QLineEdit):
    """Esc goes back to the image and keeps what was typed."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class NoteList(QWidget):
    """Reads and writes notes of `session.current`."""

    left = Signal()  # the keys are the image's again

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._image_id: int | None = None
        self._typed: dict[int, str] = {}  # what was begun on an image and not entered
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.SPACE)
        self._list = QWidget(self)
        self._column.addWidget(self._list)
        self.field = NoteField(self)
        self.field.setPlaceholderText(tr("A note on this image, then Enter"))
        self.field.setAccessibleName(tr("A note on this image"))
        self.field.setMaxLength(2_000)
        self.field.returnPressed.connect(self._on_entered)
        self.field.left.connect(self.left)
        self._column.addWidget(self.field)
        session.current_changed.connect(self._on_current_changed)
        session.images_changed.connect(self._on_images_changed)
        session.table_loaded.connect(self.read)
        session.closed.connect(self._on_session_closed)
        self._on_current_changed(session.current)

    def read(self, *_: object) -> None:
        """The notes as the project holds them."""
        project, image_id = self._session.project, self._image_id
        if project is None or image_id is None:
            self._show([])
            return
        self._session.background.run(
            lambda: project.notes("image", image_id), partial(self._on_read, image_id), owner=self, key="notes"
        )

    def _show(self, notes: list[Note]) -> None:
        fresh = QWidget(self)
        grid = QGridLayout(fresh)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        for row, note in enumerate(notes):
            text = QLabel(note.text, fresh)
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            foot = QLabel(f"{note.who} · {when_word(note.at)}", fresh)
            foot.setProperty("role", "muted")
            gone = QToolButton(fresh)
            gone.setAutoRaise(True)
            gone.setIcon(icon("close"))
            gone.setIconSize(QSize(14, 14))
            gone.setToolTip(tr("Withdraw this note; it stays in the audit trail"))
            gone.setAccessibleName(tr("Withdraw this note"))
            gone.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            gone.setEnabled(self._session.can_write)
            gone.clicked.connect(partial(self._withdraw, note.id))
            grid.addWidget(text, 2 * row, 0)
            grid.addWidget(gone, 2 * row, 1, 2, 1, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(foot, 2 * row + 1, 0)
        self._column.replaceWidget(self._list, fresh)
        self._list.deleteLater()
        self._list.hide()
        self._list = fresh
        fresh.setVisible(bool(notes))
        self.field.setEnabled(self._session.can_write and self._image_id is not None)

    def _withdraw(self, note_id: int) -> None:
        self._session.write(
            lambda project: project.withdraw_note(note_id),
            touched=() if self._image_id is None else (self._image_id,),
            say=tr("Note withdrawn"),
        )
        self.left.emit()

    # -- slots

    def _on_entered(self) -> None:
        text, image_id = self.field.text().strip(), self._image_id
        if not text or image_id is None:
            return
        self.field.clear()
        self._session.write(
            lambda project: project.add_note("image", image_id, text),
            touched=(image_id,),  # it is read again, here and wherever images are listed
            say=tr("Note kept"),
            failed=partial(self._on_failed, image_id, text),
        )
        self.left.emit()

    def _on_failed(self, image_id: int, text: str, error: Exception) -> None:
        """What was typed comes back into the field."""
        if image_id == self._image_id and not self.field.text():
            self.field.setText(text)
        else:
            self._typed.setdefault(image_id, text)
        self._session.report(error)

    def _on_current_changed(self, image_id: int | None) -> None:
        if self._image_id is not None and self.field.text().strip():
            self._typed[self._image_id] = self.field.text()
        self._image_id = image_id
        self.field.setText("" if image_id is None else self._typed.pop(image_id, ""))
        self._show([])
        self.read()

    def _on_images_changed(self, ids: object) -> None:
        if ids is None or (isinstance(ids, tuple) and self._image_id in ids):
            self.read()

    def _on_read(self, image_id: int, notes: list[Note]) -> None:
        if image_id == self._image_id:
            self._show(notes)

    def _on_session_closed(self) -> None:
        self._image_id = None
        self._typed.clear()
        self.field.clear()
        self._show([])


def when_word(at: str) -> str:
    """A moment of the store (UTC) on this computer's clock, short."""
    moment = datetime.fromisoformat(at).astimezone()
    today = moment.date() == datetime.now().astimezone().date()
    return moment.strftime("%H:%M") if today else moment.strftime("%d %b %Y %H:%M")
