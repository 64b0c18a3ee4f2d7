"""Where one is in the list of images: back, forward, the number, the queue and the name, on the left of the bar."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton

from app import theme
from app.canvas.bar import CanvasBar
from app.commands import tooltip
from app.elided import Elided
from app.icons import icon
from app.pages.annotate.chooser import QueueChooser, Queues
from app.session import Session
from app.words import tr


class Place:
    """Fills the left part of a canvas's bar."""

    def __init__(self, bar: CanvasBar, queues: Queues, session: Session) -> None:
        for command, sign, step in (("image.previous", "back", -1), ("image.next", "forward", 1)):
            button = QToolButton(bar)
            button.setAutoRaise(True)
            button.setIcon(icon(sign))
            button.setIconSize(QSize(18, 18))
            button.setToolTip(tooltip(command))
            button.setFocusPolicy(bar.zoom_button.focusPolicy())
            button.clicked.connect(partial(session.step, step))
            bar.left.addWidget(button)
        self._number = QLabel(bar)
        self._number.setFont(theme.mono_numbers(self._number.font()))
        self._name = Elided(bar)
        self._name.setProperty("role", "muted")
        self._queues = queues
        self.all = QPushButton(bar)
        self.all.setProperty("role", "link")
        self.all.setCursor(Qt.CursorShape.PointingHandCursor)
        self.all.setFocusPolicy(bar.zoom_button.focusPolicy())
        self.all.setToolTip(tooltip("queue.view"))
        self.all.clicked.connect(partial(queues.choose, "view"))
        bar.left.addWidget(self._number)
        bar.left.addWidget(QueueChooser(queues, bar))
        bar.left.addWidget(self.all)
        bar.left.addWidget(self._name, 1)
        queues.changed.connect(self._show_all)
        self._show_all()

    def show(self, at: int, count: int, name: str) -> None:
        """The image `at` (from 0; below: none) of `count`, and its name."""
        self._number.setText(tr("{n} of {all}", n=f"{at + 1:,}", all=f"{count:,}") if at >= 0 else "")
        self._name.setText(name)

    def _show_all(self) -> None:
        """A way back to all images, where another page chose only some of them."""
        self.all.setText(tr("Show all {n}", n=f"{self._queues.rows().size:,}"))
        self.all.setVisible(self._queues.is_narrowed)
