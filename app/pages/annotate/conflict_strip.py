"""Above the canvas where masks of two people differ: whose they are, what differs, and the choice."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app import theme
from app.commands import keys_text, tooltip
from app.elided import Elided
from app.icons import icon
from app.pages.annotate.sides import Sides, choice_words, difference_words, whose
from app.words import tr
from core.project.records import Layer
from core.words import MaskChoice
from core.workflow.disagreement import Difference

_SIDE: Final = 14


class ConflictStrip(QFrame):
    """Shows one pair of masks and hands wishes on."""

    chosen = Signal(str)  # a MaskChoice
    other_chosen = Signal(int)
    look_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("options")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, theme.SPACE, 4)
        row.setSpacing(theme.SPACE)
        self.mine = QLabel(self)
        self.other = QLabel(self)
        self.others = QComboBox(self)
        self.others.setAccessibleName(tr("The mask that lies beside"))
        self.others.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.others.activated.connect(self.other_chosen)
        self.words = Elided(self)
        for sign, widget in ((_filled(), self.mine), (_outlined(), None)):
            mark = QLabel(self)
            mark.setPixmap(sign)
            row.addWidget(mark)
            for one in (self.other, self.others) if widget is None else (widget,):
                row.addWidget(one)
        row.addWidget(self.words, 1)
        self.look = QToolButton(self)
        self.look.setIcon(icon("zoom_in"))
        self.look.setIconSize(QSize(18, 18))
        self.look.setAutoRaise(True)
        self.look.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.look.setToolTip(tr("Look closely at what differs"))
        self.look.setAccessibleName(tr("Look closely at what differs"))
        self.look.clicked.connect(self.look_wanted)
        row.addWidget(self.look)
        self.buttons: Final[dict[MaskChoice, QPushButton]] = {}
        choices: tuple[MaskChoice, ...] = ("mine", "theirs", "both")
        for choice in choices:
            button = QPushButton(self)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setStyleSheet("QPushButton { padding: 2px 10px; }")
            button.clicked.connect(partial(self.chosen.emit, choice))
            self.buttons[choice] = button
            row.addWidget(button)
        self.amount = QLabel(self)
        self.amount.setProperty("role", "muted")
        self.amount.setFont(theme.mono_numbers(self.amount.font()))
        row.addWidget(self.amount)
        self._decided = ""
        self.hide()

    def show_sides(self, sides: Sides | None, at: int, me: str, amount: str, *, writable: bool) -> None:
        """The pair that is looked at, by whom (`me`), and how far the list is; None hides the strip."""
        if sides is None or sides.shown is None:
            self.hide()
            return
        shown, others = sides.shown, [one.layer for one in sides.others]
        self.mine.setText(whose(shown))
        self.other.setText(whose(others[at]))
        self.other.setVisible(len(others) == 1)
        self.others.setVisible(len(others) > 1)
        self.others.clear()
        self.others.addItems([whose(one) for one in others])
        self.others.setCurrentIndex(at)
        is_mine = (shown.origin, shown.author) == ("person", me)
        words: dict[MaskChoice, str] = {
            "mine": tr("Keep mine") if is_mine else tr("Keep {who}’s", who=shown.author),
            "theirs": _take_word(shown, others[at], me),
            "both": tr("Join both"),
        }
        for choice, button in self.buttons.items():
            button.setText(words[choice])
            button.setToolTip(tooltip(f"conflict.{choice}"))
            button.setAccessibleDescription(keys_text(f"conflict.{choice}"))
            button.setEnabled(writable)
        made = None if sides.open else sides.choice
        self._decided = "" if made is None else tr("Decided: {what}", what=choice_words(made).lower()) + " · "
        self.amount.setText(amount)
        self.amount.setVisible(bool(amount))
        self.show()

    def show_difference(self, found: Difference | None) -> None:
        """How the two differ."""
        self.words.setText(self._decided + difference_words(found))
        self.words.setToolTip(self.words.text())
        self.look.setEnabled(found is not None)


def _take_word(shown: Layer, other: Layer, me: str) -> str:
    if other.author != me:
        return tr("Take {who}’s", who=other.author)
    return tr("Take the imported") if shown.author == me else tr("Take mine")


def _filled() -> QPixmap:
    """How the mask that counts is shown."""
    pixmap, painter = _canvas()
    colour = QColor(theme.COLOUR["defective"])
    wash = QColor(colour)
    wash.setAlphaF(0.42)
    painter.setPen(QPen(colour, 1.0))
    painter.setBrush(wash)
    painter.drawRect(1, 1, _SIDE - 3, _SIDE - 3)
    painter.end()
    return pixmap


def _outlined() -> QPixmap:
    """How the other one is."""
    pixmap, painter = _canvas()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(QColor(12, 14, 16), 3.0), QPen(QColor("#ffffff"), 2.0)):
        painter.setPen(pen)
        painter.drawRect(2, 2, _SIDE - 5, _SIDE - 5)
    pen = QPen(QColor(theme.COLOUR["defective"]), 2.0)
    pen.setDashPattern((1.5, 1.5))
    painter.setPen(pen)
    painter.drawRect(2, 2, _SIDE - 5, _SIDE - 5)
    painter.end()
    return pixmap


def _canvas() -> tuple[QPixmap, QPainter]:
    pixmap = QPixmap(_SIDE, _SIDE)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap, QPainter(pixmap)
