"""The tree product > view > lot, each line with its count and a bar of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView, QWidget

from app import theme
from app.pages.dataset.summary import Counts, Place, lot_words, sentence
from app.words import tr

_PLACE: Final = Qt.ItemDataRole.UserRole + 1
_COUNTS: Final = Qt.ItemDataRole.UserRole + 2
_LINE_PX: Final = 34
_LABELS: Final = ("good", "defective", "unlabelled")

Index = QModelIndex | QPersistentModelIndex


class _Line(QStyledItemDelegate):
    """Name at the left, number at the right, under both a thin bar: good, defective, unlabelled."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        counts: Counts = index.data(_COUNTS)
        shown = cast(Any, option)  # the fields of a QStyleOption are not typed
        area: QRect = shown.rect
        painter.save()
        self._ground(painter, area, shown.state)
        painter.setFont(shown.font)
        painter.setPen(shown.palette.text().color())
        number = f"{counts.images:,}"
        numbers = theme.mono_numbers(shown.font)
        room = QFontMetrics(numbers).horizontalAdvance(number)
        name = area.adjusted(6, 0, -room - 16, -4)
        elided = shown.fontMetrics.elidedText(index.data(), Qt.TextElideMode.ElideMiddle, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, elided)
        painter.setFont(numbers)
        painter.setPen(theme.muted())
        painter.drawText(
            area.adjusted(0, 0, -8, -4), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number
        )
        self._bar(painter, QRect(area.left() + 6, area.bottom() - 6, area.width() - 14, 3), counts)
        painter.restore()

    def _ground(self, painter: QPainter, area: QRect, state: QStyle.StateFlag) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            wash = QColor(theme.COLOUR["accent"])
            wash.setAlpha(56 if selected else 22)
            painter.fillRect(area, wash)
        if selected and state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.COLOUR["accent"])
            painter.drawRect(area.adjusted(0, 0, -1, -1))

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, _LINE_PX)

    def _bar(self, painter: QPainter, area: QRect, counts: Counts) -> None:
        if not counts.images:
            return
        left = float(area.left())
        for label in _LABELS:
            width = area.width() * counts.label(label) / counts.images
            if width > 0:
                colour = theme.line() if label == "unlabelled" else theme.COLOUR[label]
                painter.fillRect(round(left), area.top(), max(1, round(left + width) - round(left)), 3, colour)
            left += width


class PlaceTree(QTreeView):
    """`place_chosen` carries the place that a person clicked or walked to."""

    place_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = QStandardItemModel(self)
        self._items: dict[Place, QStandardItem] = {}
        self._filling = False
        self.setModel(self._model)
        self.setItemDelegate(_Line(self))
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setMouseTracking(True)
        self.setStyleSheet("QTreeView { show-decoration-selected: 0; }")
        self.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        self.setIndentation(14)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(190)
        self.setAccessibleName(tr("Products, views and lots"))
        self.selectionModel().currentChanged.connect(self._on_current_changed)

    def show_places(self, places: Sequence[tuple[Place, Counts]]) -> None:
        """Fill the tree; what was chosen and folded stays so, when it is still there."""
        chosen = self.place()
        folded = {place for place, item in self._items.items() if item.hasChildren() and not self._is_open(item)}
        if [place for place, _ in places] == list(self._items):
            for place, counts in places:
                self._tell(self._items[place], counts)
            return
        self._filling = True
        self._model.clear()
        self._items.clear()
        for place, counts in places:
            item = QStandardItem(_word(place))
            item.setData(place, _PLACE)
            self._tell(item, counts)
            self._items[place] = item
            above = self._items.get(_above(place))
            if above is None or place == Place():
                self._model.appendRow(item)
            else:
                above.appendRow(item)
        self.expandAll()
        for place in folded & self._items.keys():
            self.collapse(self._items[place].index())
        self._filling = False
        self.choose(chosen)

    def place(self) -> Place:
        """What is chosen; everything when nothing is."""
        found: Any = self.currentIndex().data(_PLACE)
        return found if isinstance(found, Place) else Place()

    def choose(self, place: Place) -> None:
        """Choose `place`, or everything when it is not there."""
        item = self._items.get(place) or self._model.item(0)
        if item is not None and item.index() != self.currentIndex():
            self.setCurrentIndex(item.index())

    def _tell(self, item: QStandardItem, counts: Counts) -> None:
        item.setData(counts, _COUNTS)
        item.setToolTip(sentence(counts))
        item.setData(f"{item.text()}, {sentence(counts)}", Qt.ItemDataRole.AccessibleTextRole)

    def _is_open(self, item: QStandardItem) -> bool:
        return self.isExpanded(item.index())

    def _on_current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        place = current.data(_PLACE)
        if not self._filling and isinstance(place, Place):
            self.place_chosen.emit(place)


def _above(place: Place) -> Place:
    if place.lot is not None:
        return Place(place.product, place.view)
    if place.view is not None:
        return Place(place.product)
    return Place()


def _word(place: Place) -> str:
    if place.lot is not None:
        return lot_words(place.lot)
    return place.view or place.product or tr("All images")
