"""The trainings of the project, newest first, each with its state in words; and the button for a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPalette
from PySide6.QtWidgets import (
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.icons import icon
from app.words import tr

_ROW_PX: Final = 52
_ENTRY: Final = Qt.ItemDataRole.UserRole
_SIGNS: Final[dict[str, tuple[str, str]]] = {
    "queued": ("pause", "muted"),
    "waiting": ("clock", "accent"),
    "starting": ("play", "accent"),
    "running": ("play", "accent"),
    "collecting": ("play", "accent"),
    "paused": ("pause", "muted"),
    "stopping": ("stop", "warning"),
    "not_responding": ("warning", "warning"),
    "finished": ("check", "muted"),
    "stopped": ("stop", "muted"),
    "failed": ("cross", "defective"),
    "interrupted": ("warning", "warning"),
    "discarded": ("close", "muted"),
}


@dataclass(frozen=True)
class Entry:
    """One line: number, state, what it is of, how it goes or ended."""

    number: int
    state: str
    title: str
    words: str
    share: float | None = None
    is_guess: bool = False


def state_sign(state: str, *, is_guess: bool = False) -> tuple[str, QColor]:
    """The icon of a state and its colour: to have ended is neither good nor bad; a guess is a warning."""
    name, colour = ("warning", "warning") if is_guess else _SIGNS.get(state, ("dots", "muted"))
    return name, theme.COLOUR[colour]


class TrainingList(QWidget):
    """The panel on the right."""

    chosen = Signal(object)  # a number, or None: a new one

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(theme.SPACE)
        self._new = QPushButton(icon("add"), tr("New training"), self)
        self._new.setCheckable(True)
        self._new.clicked.connect(lambda: self.chosen.emit(None))
        column.addWidget(self._new)
        title = QLabel(tr("Trainings"), self)
        title.setProperty("role", "section")
        column.addWidget(title)
        self._empty = QLabel(tr("None yet. The first one will stand here, and stay."), self)
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        column.addWidget(self._empty)
        self._list = QListWidget(self)
        self._list.setItemDelegate(_Delegate(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setStyleSheet("background: transparent")
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemClicked.connect(self._on_item_chosen)
        self._list.itemActivated.connect(self._on_item_chosen)
        self._list.setAccessibleName(tr("Trainings"))
        column.addWidget(self._list, 1)
        self._rest = QWidget(self)
        column.addWidget(self._rest, 1)

    @property
    def entries(self) -> list[Entry]:
        """The lines as they are shown."""
        return [self._list.item(row).data(_ENTRY) for row in range(self._list.count())]

    def show_entries(self, entries: Sequence[Entry], shown: int | None) -> None:
        """Show these lines, newest first; `shown` is the one that is looked at."""
        while self._list.count() > len(entries):
            self._list.takeItem(self._list.count() - 1)
        for row, entry in enumerate(entries):
            item = self._list.item(row)
            if item is None:
                item = QListWidgetItem()
                self._list.addItem(item)
            if item.data(_ENTRY) != entry:
                item.setData(_ENTRY, entry)
                item.setText(f"{entry.title}, {entry.words}")  # for whoever listens instead of looking
            if entry.number == shown and self._list.currentItem() is not item:
                self._list.setCurrentItem(item)
        self._empty.setVisible(not entries)
        self._list.setVisible(bool(entries))
        self._rest.setVisible(not entries)
        self._new.setChecked(shown is None)
        if shown is None:
            self._list.setCurrentRow(-1)
            self._list.clearSelection()

    def _on_item_chosen(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(_ENTRY).number)


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, _ROW_PX)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry: Entry = index.data(_ENTRY)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        palette: QPalette = option.palette
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            fill = QColor(theme.COLOUR["accent"])
            fill.setAlpha(48)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 6, 6)
        name, colour = state_sign(entry.state, is_guess=entry.is_guess)
        painter.drawPixmap(rect.left() + 8, rect.top() + 8, icon(name, colour).pixmap(16, 16))
        bold = QFont(option.font)
        bold.setWeight(QFont.Weight.DemiBold)
        words = rect.adjusted(32, 6, -8, -9)
        metrics = painter.fontMetrics()
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        painter.setFont(bold)
        painter.drawText(
            words, Qt.AlignmentFlag.AlignTop, metrics.elidedText(entry.title, _RIGHT, round(words.width() * 0.96))
        )
        painter.setFont(theme.mono_numbers(option.font))
        painter.setPen(theme.muted())
        painter.drawText(words, Qt.AlignmentFlag.AlignBottom, metrics.elidedText(entry.words, _RIGHT, words.width()))
        if entry.share is not None:
            self._draw_share(painter, rect, entry.share)
        painter.restore()

    def _draw_share(self, painter: QPainter, rect: QRect, share: float) -> None:
        bar = QRect(rect.left() + 32, rect.bottom() - 6, rect.width() - 40, 2)
        painter.fillRect(bar, theme.line())
        painter.fillRect(QRect(bar.left(), bar.top(), round(bar.width() * share), bar.height()), theme.COLOUR["accent"])


_RIGHT: Final = Qt.TextElideMode.ElideRight
