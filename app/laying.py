"""Regions that are laid over images before a training or a scoring: how far it is, when it is done, how to end it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app import theme
from app.dialogs.progress import CancelledError, Following, left_words
from app.words import tr
from core.errors import InputError

if TYPE_CHECKING:
    from app.session import Session
    from core.workflow.progress import Progress

T = TypeVar("T")
_DRAW_MS: Final = 200
_NEWS_MS: Final = 1_000  # what is over sooner is not worth a word


class EndedEarlyError(InputError):
    """A person ended it; nothing of what it was for has begun."""


class Laying(QObject):
    """Runs what has to be done before a worker starts, in the background; `went_on` when something begins or ends."""

    went_on = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._running: list[Following] = []

    @property
    def following(self) -> Following | None:
        """What began last and goes on."""
        return self._running[-1] if self._running else None

    def cancel(self) -> None:
        """End all of it; images that are done stay done."""
        for following in self._running:
            following.cancel()

    def run(
        self, work: Callable[[Progress], T], done: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        """`failed` gets an `EndedEarlyError` where a person had enough. Neither is called for another project."""
        following, still = Following(), self._session.still(self._session.project)

        def finished(value: T) -> None:
            self._end(following)
            if still():
                done(value)

        def went_wrong(error: Exception) -> None:
            self._end(following)
            if still():
                failed(_ended_early() if isinstance(error, CancelledError) else error)

        self._running.append(following)
        self.went_on.emit()
        self._session.background.run(lambda: work(following), finished, went_wrong, owner=self)

    def _end(self, following: Following) -> None:
        self._running.remove(following)
        self.went_on.emit()


def _ended_early() -> EndedEarlyError:
    return EndedEarlyError(
        "laying the region over the images was ended early",
        kept="Images that were done stay done",
        mend="It goes on from there the next time",
    )


class LayingLine(QWidget):
    """A part of the status line, which moves nothing: there from the second second on, with a way to end it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._laying: Laying | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        self.words = QLabel(self)
        self.words.setFont(theme.mono_numbers(self.words.font()))
        self.bar = QProgressBar(self)
        self.bar.setFixedWidth(96)
        self.bar.setTextVisible(False)
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.setProperty("role", "flat")
        self.cancel.setFixedHeight(24)
        self.cancel.setStyleSheet("padding: 0 4px")
        self.cancel.setToolTip(tr("End it after the present images; those that are done stay done"))
        self.cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cancel.clicked.connect(self._on_cancel_clicked)
        for part in (self.words, self.bar, self.cancel):
            row.addWidget(part)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw)
        self.hide()

    def follow(self, laying: Laying) -> None:
        """Show how this goes on."""
        self._laying = laying
        laying.went_on.connect(self._on_went_on)
        self._on_went_on()

    def _on_went_on(self) -> None:
        if self._laying is None or self._laying.following is None:
            self._timer.stop()
            self.hide()
        elif not self._timer.isActive():
            self._timer.start(_NEWS_MS)

    def _draw(self) -> None:
        following = None if self._laying is None else self._laying.following
        if following is None:
            return
        self._timer.start(_DRAW_MS)
        if not following.phase:  # nothing waits: the training itself is being made ready
            return
        total = following.total or 0
        self.bar.setRange(0, total)
        self.bar.setValue(following.done)
        left = following.seconds_left()
        parts = [
            tr(following.phase),
            tr("{done} of {total}", done=f"{following.done:,}", total=f"{total:,}") if total else "",
            "" if left is None else left_words(left),
        ]
        self.words.setText("  ·  ".join(part for part in parts if part))
        self.cancel.setEnabled(not following.cancelled)
        self.cancel.setText(tr("Cancelling …") if following.cancelled else tr("Cancel"))
        self.show()

    def _on_cancel_clicked(self) -> None:
        if self._laying is not None:
            self._laying.cancel()
            self._draw()
