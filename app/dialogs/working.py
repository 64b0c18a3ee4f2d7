"""What dialogs share that work for a while: what runs is shown, can be cancelled, and keeps the dialog open."""

from __future__ import annotations

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

from app.dialogs.dialog import Dialog
from app.dialogs.progress import Following, ProgressPane


class WorkingDialog(Dialog):
    """`waiting` shows the work between `begin` and `end`; closing meanwhile asks it to end and waits for that."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._following: Following | None = None
        self.waiting = ProgressPane(self)
        self.waiting.cancel_wanted.connect(self.cancel_work)

    @property
    def is_working(self) -> bool:
        """Whether something runs that must end before the dialog closes."""
        return self._following is not None

    def begin(self, title: str, note: str = "") -> Following:
        """Show work that begins; it tells the returned `Following` how far it is."""
        self._following = Following()
        self.waiting.follow(self._following, title, note)
        return self._following

    def end(self) -> None:
        """The work is over, one way or another."""
        self.waiting.stop()
        self._following = None

    def cancel_work(self) -> None:
        """Ask what runs to end at its next word."""
        if self._following is not None:
            self._following.cancel()

    def reject(self) -> None:
        """Esc, Cancel and the cross: what runs is cancelled first."""
        if self.is_working:
            self.waiting.cancel.click()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.is_working:
            self.waiting.cancel.click()
            event.ignore()
        else:
            super().closeEvent(event)
