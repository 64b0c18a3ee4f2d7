"""A line of text that gives way where there is no room for it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolTip, QWidget


class Elided(QLabel):
    """One line of text that gives way: what does not fit is cut with an ellipsis and told by the tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def shown(self) -> str:
        """The text as it is seen."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())

    def event(self, event: QEvent) -> bool:
        """All of the text where it is cut, unless the tooltip says something else."""
        is_told = bool(self.toolTip()) or self.shown == self.text()
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and not is_told:
            QToolTip.showText(event.globalPos(), self.text(), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.rect(),
            int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft),
            self.palette(),
            self.isEnabled(),
            self.shown,
            self.foregroundRole(),
        )


class Fitting(Elided):
    """Says the longest of several wordings that fits, and nothing where none does; the tooltip has the longest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wordings: tuple[str, ...] = ()

    def set_wordings(self, *wordings: str) -> None:
        """The longest first."""
        self._wordings = wordings
        self.setText(wordings[0])
        self.update()

    @property
    def shown(self) -> str:
        """The wording that is seen."""
        room = self.width()
        return next((one for one in self._wordings if self.fontMetrics().horizontalAdvance(one) <= room), "")
