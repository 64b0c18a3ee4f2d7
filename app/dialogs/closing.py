"""Closing while something is computed: let it go on by itself, or stop at a checkpoint; never lost, never unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.dialogs.dialog import choice_card
from app.icons import icon
from app.pages.train.words import finish_clock
from app.words import tr

if TYPE_CHECKING:
    from app.workers import Shutdown, Trainings

_PATIENCE_MS: Final = 15_000  # a worker ends 4 s after its owner has gone; measuring may take a little longer


class ClosingDialog(QDialog):
    """Asks, then waits until nothing is left that would end with the window. Accepted: the project may be closed."""

    def __init__(self, trainings: Trainings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trainings = trainings
        self._is_waiting = False
        self.setObjectName("closing")
        self.setWindowTitle(tr("A training is running"))
        self.setModal(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        self._text = QLabel(_what(trainings), self)
        column.addLayout(self._head())
        self._choices = QWidget(self)
        column.addWidget(self._choices)
        self.go_on, self.stop = self._two_choices()
        self._queue = QLabel(_queue_words(len(trainings.queue)), self)
        self._queue.setProperty("role", "muted")
        self._queue.setWordWrap(True)
        self._queue.setVisible(bool(trainings.queue))
        column.addWidget(self._queue)
        self._bar = QProgressBar(self)
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.hide()
        column.addWidget(self._bar)
        self.stay = QPushButton(tr("Keep the window open"), self)
        self.stay.clicked.connect(self.reject)
        column.addWidget(self.stay, 0, Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(480)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE_MS)
        self._timer.timeout.connect(self.accept)
        trainings.shut.connect(self._on_shut)

    def choose(self, mode: Shutdown) -> None:
        """Do it, and close when it is done."""
        if self._is_waiting:
            return
        self._is_waiting = True
        self._choices.hide()
        self._queue.hide()
        self.stay.hide()
        self._bar.show()
        words = tr("Handing over …") if mode == "detach" else tr("Saving what was learnt …")
        self._text.setText(words)
        self._timer.start()
        self._trainings.shutdown(mode)

    def reject(self) -> None:
        """Stay; not any more once it was decided."""
        if not self._is_waiting:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._is_waiting:
            event.ignore()
        else:
            super().closeEvent(event)

    def done(self, result: int) -> None:
        self._timer.stop()
        super().done(result)

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(14)
        sign = QLabel(self)
        sign.setPixmap(icon("train", theme.COLOUR["accent"]).pixmap(QSize(32, 32)))
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        self._text.setProperty("role", "heading")
        self._text.setWordWrap(True)
        head.addWidget(self._text, 1)
        return head

    def _two_choices(self) -> tuple[QPushButton, QPushButton]:
        column = QVBoxLayout(self._choices)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        go_on = self._choice(
            column,
            tr("Close, and let it go on"),
            tr("It trains without the window. You find it again when you open the project."),
            "detach",
        )
        stop = self._choice(
            column,
            tr("Close, and stop at a checkpoint"),
            tr("What was learnt is saved within seconds. “Go on” continues from there."),
            "checkpoint",
        )
        can_go_on = _can_go_on(self._trainings)
        card = go_on.parentWidget()
        if card is not None:
            card.setVisible(can_go_on)
        (go_on if can_go_on else stop).setFocus()
        return go_on, stop

    def _choice(self, column: QVBoxLayout, title: str, sentence: str, mode: Shutdown) -> QPushButton:
        button = choice_card(column, title, sentence)
        button.setObjectName(mode)
        button.clicked.connect(lambda: self.choose(mode))
        return button

    def _on_shut(self) -> None:
        if self._is_waiting:
            self.accept()


def ask_and_leave(trainings: Trainings, parent: QWidget | None = None) -> bool:
    """Whether the project may be closed now; asks where that would cut a training short."""
    if not trainings.would_end:
        return True
    dialog = ClosingDialog(trainings, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return accepted


def _can_go_on(trainings: Trainings) -> bool:
    number = trainings.current
    return number is not None and trainings.trace(number) is not None


def _what(trainings: Trainings) -> str:
    number = trainings.current
    if number is None:
        return tr("Results are still being worked out.")
    trace = trainings.trace(number)
    if trace is None or not trace.position:
        return tr("Training #{n} has just begun.", n=number)
    share = round(100 * trace.fraction)
    if trace.finish is None:
        return tr("Training #{n} is at {share} %.", n=number, share=share)
    return tr(
        "Training #{n} is at {share} %, done about {clock}.", n=number, share=share, clock=finish_clock(trace.finish)
    )


def _queue_words(count: int) -> str:
    if count == 1:
        return tr("Another training waits behind it. It stays in the list and starts when you say so.")
    return tr("{n} trainings wait behind it. They stay in the list and start when you say so.", n=count)
