"""Which products and views to train, one after another, and by when they must be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import Qt, QTime, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.pages.train.words import place
from app.words import count_words, tr

_ROWS_SHOWN: Final = 5
_ROW_PX: Final = 26
_MORNING: Final = QTime(6, 30)
_PLACE: Final = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Candidate:
    """A view that may be trained, with how many good images it has to learn from."""

    product: str
    view: str
    good: int


class Products(QFrame):
    """A tick for every view; shown only where there is a choice."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._candidates: tuple[Candidate, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(theme.SPACE)
        head = QHBoxLayout()
        title = QLabel(tr("Which products?"), self)
        title.setProperty("role", "heading")
        head.addWidget(title)
        hint = QLabel(tr("They are trained one after another."), self)
        hint.setProperty("role", "muted")
        head.addWidget(hint, 1)
        column.addLayout(head)
        self._list = QListWidget(self)
        self._list.setStyleSheet("background: transparent")
        self._list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self._list.itemChanged.connect(lambda _: self.changed.emit())
        column.addWidget(self._list)

    def show_candidates(self, candidates: Sequence[Candidate], ticked: tuple[str, str] | None) -> None:
        """Offer these; what was ticked stays ticked, at first it is the product we are at."""
        if tuple(candidates) == self._candidates:
            return
        before = set(self.ticked())
        self._candidates = tuple(candidates)
        self._list.blockSignals(True)
        self._list.clear()
        for one in candidates:
            text = f"{place(one.product, one.view)}   {count_words(one.good, 'good image', 'good images')}"
            item = QListWidgetItem(text)
            item.setData(_PLACE, (one.product, one.view))
            usable = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled
            item.setFlags(usable if one.good else Qt.ItemFlag.NoItemFlags)
            wanted = (one.product, one.view) in before or (not before and (one.product, one.view) == ticked)
            item.setCheckState(Qt.CheckState.Checked if wanted and one.good else Qt.CheckState.Unchecked)
            self._list.addItem(item)
        self._list.blockSignals(False)
        self._list.setFixedHeight(_ROW_PX * min(_ROWS_SHOWN, max(1, len(candidates))) + 4)
        self.setVisible(len(candidates) > 1)

    def ticked(self) -> list[tuple[str, str]]:
        """The (product, view) pairs that are ticked."""
        items = [self._list.item(row) for row in range(self._list.count())]
        return [item.data(_PLACE) for item in items if item.checkState() == Qt.CheckState.Checked]

    def tick(self, product: str, view: str, on: bool = True) -> None:
        """Tick one, or take the tick away."""
        for row in range(self._list.count()):
            item = self._list.item(row)
            if tuple(item.data(_PLACE)) == (product, view):
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


class StopBy(QWidget):
    """`Stop by 06:30`: what is best by then is kept."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        self._box = QCheckBox(tr("Stop by"), self)
        self._box.setToolTip(tr("Trainings are fitted into the time until then, and the best is kept."))
        self._time = QTimeEdit(_MORNING, self)
        theme.indent(self._time)
        self._time.setDisplayFormat("HH:mm")
        self._time.setMinimumWidth(84)
        self._time.setEnabled(False)
        self._hint = QLabel(tr("and keep the best"), self)
        self._hint.setProperty("role", "muted")
        row.addWidget(self._box)
        row.addWidget(self._time)
        row.addWidget(self._hint)
        row.addStretch(1)
        self._box.toggled.connect(self._on_box_toggled)
        self._time.timeChanged.connect(lambda _: self.changed.emit())

    def moment(self, now: datetime) -> datetime | None:
        """The next time the clock shows it; None when it was not asked for."""
        if not self._box.isChecked():
            return None
        shown = self._time.time()
        today = now.replace(hour=shown.hour(), minute=shown.minute(), second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)

    def set_time(self, hour: int, minute: int) -> None:
        """Ask for a time."""
        self._time.setTime(QTime(hour, minute))
        self._box.setChecked(True)

    def forget(self) -> None:
        """Nothing is asked for; the clock shows the morning again."""
        self._box.setChecked(False)
        self._time.setTime(_MORNING)

    def _on_box_toggled(self, on: bool) -> None:
        self._time.setEnabled(on)
        self.changed.emit()
