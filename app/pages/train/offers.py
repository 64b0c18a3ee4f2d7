"""Good parts that the machine rejected and a person passed: what this training would learn besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app import theme
from app.words import count_words, split_word, tr
from core.workflow.feeding import Offer

_ROWS_SHOWN: Final = 4
_ROW_PX: Final = 26


class Offers(QFrame):
    """A list with ticks, shown only where something is offered."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(theme.SPACE)
        self._title = QLabel(self)
        self._title.setProperty("role", "heading")
        column.addWidget(self._title)
        hint = QLabel(tr("You judged them Good. What is ticked moves into train before this training starts."), self)
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        column.addWidget(hint)
        self._list = QListWidget(self)
        self._list.setStyleSheet("background: transparent")
        self._list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        column.addWidget(self._list)
        self.hide()

    def show_offers(self, offers: Sequence[Offer]) -> None:
        """Offer these, all ticked; what a person took the tick from stays so."""
        refused = set(self._ids()) - set(self.ticked())
        self._list.clear()
        for offer in offers:
            item = QListWidgetItem(_line(offer))
            item.setData(Qt.ItemDataRole.UserRole, offer.image_id)
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
            item.setCheckState(Qt.CheckState.Unchecked if offer.image_id in refused else Qt.CheckState.Checked)
            item.setToolTip(str(offer.path))
            self._list.addItem(item)
        count = count_words(len(offers), "rejected part that you passed", "rejected parts that you passed")
        self._title.setText(tr("Learn from {parts}?", parts=count))
        self._list.setFixedHeight(_ROW_PX * min(_ROWS_SHOWN, max(1, len(offers))) + 4)
        self.setVisible(bool(offers))

    def ticked(self) -> list[int]:
        """The images that shall be learnt from."""
        items = [self._list.item(row) for row in range(self._list.count())]
        chosen = [item for item in items if item.checkState() == Qt.CheckState.Checked]
        return [int(item.data(Qt.ItemDataRole.UserRole)) for item in chosen]

    def _ids(self) -> list[int]:
        return [int(self._list.item(row).data(Qt.ItemDataRole.UserRole)) for row in range(self._list.count())]


def _line(offer: Offer) -> str:
    words = tr("{name}   from {split}", name=offer.name, split=split_word(offer.split).lower())
    if offer.score is not None and offer.threshold is not None:
        words += tr("   score {score:.3f} above {threshold:.3f}", score=offer.score, threshold=offer.threshold)
    return words + (tr("   its lot is also in test") if offer.lot_in_test else "")
