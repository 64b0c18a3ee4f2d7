"""Seven lines: what is there, what is missing, and a way to mend each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.pages.train.presets import preset_title
from app.words import tr
from core.workflow.readiness import Check, Fix, Key, State

_SIGNS: Final[dict[State, tuple[str, str]]] = {
    "fine": ("check", "good"),
    "warning": ("warning", "warning"),
    "missing": ("cross", "defective"),
    "open": ("dots", "muted"),
}
_SIGN_PX: Final = 18


def check_word(key: Key) -> str:
    """What a line is about."""
    words: dict[Key, str] = {
        "good": tr("Good parts"),
        "roi": tr("Where to look"),
        "defect": tr("Smallest defect"),
        "tuning": tr("Tuning and test"),
        "disk": tr("Disk"),
        "computing": tr("Computing on"),
        "finish": tr("Finish"),
    }
    return words[key]


def fix_word(check: Check) -> str:
    """What the button beside a line says."""
    if check.preset is not None:
        return tr("Use ‘{preset}’", preset=preset_title(check.preset))
    words: dict[Fix, str] = {
        "": "",
        "label": tr("Label images"),
        "roi": tr("Look at the images"),
        "draw": tr("Draw one"),
        "split": tr("Set images aside"),
        "preset": "",  # by its name
        "space": tr("Free space"),
        "install": tr("How to install"),
        "measure": tr("Measure"),
        "leave": tr("Cancel"),
    }
    return words[check.fix]


class Checklist(QFrame):
    """A card with the seven lines."""

    fix_wanted = Signal(object)  # the Check

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._found: tuple[Check, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 12, 12)
        column.setSpacing(theme.SPACE)
        self._title = QLabel(tr("Is everything there?"), self)
        self._title.setProperty("role", "heading")
        column.addWidget(self._title)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(11)
        self._grid.setColumnStretch(2, 1)
        column.addLayout(self._grid)
        column.addStretch(1)
        self._rows: dict[Key, _Row] = {}

    @property
    def found(self) -> tuple[Check, ...]:
        """The lines as they are shown."""
        return self._found

    def show_checks(self, found: Sequence[Check]) -> None:
        """Show these lines."""
        if tuple(found) == self._found:
            return
        self._found = tuple(found)
        for number, check in enumerate(found):
            if check.key not in self._rows:
                self._rows[check.key] = _Row(self, self._grid, number, check.key)
            self._rows[check.key].show_check(check)
        missing = sum(check.state == "missing" for check in found)
        self._title.setText(tr("Is everything there?") if not missing else tr("Something is missing"))

    def button(self, key: Key) -> QPushButton:
        """The button that mends a line."""
        return self._rows[key].button


class _Row:
    def __init__(self, card: Checklist, grid: QGridLayout, number: int, key: Key) -> None:
        self.sign = QLabel(card)
        self.sign.setFixedSize(_SIGN_PX, _SIGN_PX)
        self.word = QLabel(check_word(key), card)
        self.word.setProperty("role", "section")
        holder = QWidget(card)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.sentence = QLabel(holder)
        self.sentence.setWordWrap(True)
        self.sentence.setFont(theme.mono_numbers(self.sentence.font()))
        row.addWidget(self.sentence, 1)
        self.button = QPushButton(holder)
        self.button.setProperty("role", "link")
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button.clicked.connect(lambda: card.fix_wanted.emit(self._check))
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        top = Qt.AlignmentFlag.AlignTop
        grid.addWidget(self.sign, number, 0, top)
        grid.addWidget(self.word, number, 1, top)
        grid.addWidget(holder, number, 2)
        self._check: Check | None = None

    def show_check(self, check: Check) -> None:
        self._check = check
        name, colour = _SIGNS[check.state]
        self.sign.setPixmap(icon(name, theme.COLOUR[colour]).pixmap(QSize(_SIGN_PX, _SIGN_PX)))
        self.sign.setAccessibleName(check.state)
        self.sentence.setText(check.sentence)
        self.button.setText(fix_word(check))
        self.button.setVisible(bool(check.fix))
