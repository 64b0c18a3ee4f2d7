"""The tree product > view > lot, each line with its count and a bar of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView, QWidget

from app import theme
from app.pages.dataset.summary import Counts, Place, lot_words, sentence
from app.words import tr

_LINE_PX: Final = 34
_LABELS: Final = ("good", "defective", "unlabelled")
_OPEN: Final = 40  # a line with more lines below it begins folded

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


@dataclass
class Node:
    """One line. `number` is its place in the list, `row` its place among its sisters; -1: at the top."""

    place: Place
    counts: Counts
    number: int
    row: int
    above: int = -1
    below: list[int] = field(default_factory=list)


def nodes_of(places: Sequence[tuple[Place, Counts]]) -> list[Node]:
    """Lines from top to bottom, each under the line that it belongs to. Pure: made in the background."""
    nodes: list[Node] = []
    known: dict[Place, int] = {}
    tops = 0
    for place, counts in places:
        above = -1 if place == Place() else known.get(_above(place), -1)
        node = Node(place, counts, len(nodes), tops if above < 0 else len(nodes[above].below), above)
        tops += above < 0
        if above >= 0:
            nodes[above].below.append(node.number)
        known[place] = node.number
        nodes.append(node)
    return nodes


class _Places(QAbstractItemModel):
    """Nodes as Qt wants them: nothing is made for a line before it is looked at."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.nodes: list[Node] = []
        self.tops: list[int] = []
        self.numbers: dict[Place, int] = {}

    def show(self, nodes: list[Node]) -> bool:
        """Take these; True when they are the same lines, with other counts perhaps."""
        if [node.place for node in nodes] == [node.place for node in self.nodes]:
            self.nodes = nodes
            return True
        self.beginResetModel()
        self.nodes = nodes
        self.tops = [node.number for node in nodes if node.above < 0]
        self.numbers = {node.place: node.number for node in nodes}
        self.endResetModel()
        return False

    def node(self, index: Index) -> Node | None:
        """The line of an index."""
        return self.nodes[index.internalId()] if index.isValid() else None

    def index_of(self, place: Place) -> QModelIndex:
        """Where a place stands; invalid when it does not."""
        number = self.numbers.get(place)
        return QModelIndex() if number is None else self.createIndex(self.nodes[number].row, 0, number)

    def index(self, row: int, column: int, parent: Index = _NOWHERE) -> QModelIndex:
        """The line `row` below `parent`."""
        node = self.node(parent)
        below = self.tops if node is None else node.below
        return self.createIndex(row, column, below[row]) if 0 <= row < len(below) else QModelIndex()

    def parent(self, index: Index = _NOWHERE) -> Any:  # the one without arguments is QObject's
        """The line above."""
        node = self.node(index)
        if node is None or node.above < 0:
            return QModelIndex()
        return self.createIndex(self.nodes[node.above].row, 0, node.above)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """How many lines are below."""
        node = self.node(parent)
        return len(self.tops) if node is None else len(node.below)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """One."""
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words, and counts as words."""
        node = self.node(index)
        if node is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _word(node.place)
        if role == Qt.ItemDataRole.ToolTipRole:
            return sentence(node.counts)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{_word(node.place)}, {sentence(node.counts)}"
        return None


class _Line(QStyledItemDelegate):
    """Name at the left, number at the right, under both a thin bar: good, defective, unlabelled."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        node = cast(_Places, index.model()).node(index)
        if node is None:
            return
        counts = node.counts
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
        elided = shown.fontMetrics.elidedText(_word(node.place), Qt.TextElideMode.ElideMiddle, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, elided)
        painter.setFont(numbers)
        painter.setPen(theme.muted())
        painter.drawText(
            area.adjusted(0, 0, -8, -4), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number
        )
        self._bar(painter, QRect(area.left() + 6, area.bottom() - 6, area.width() - 14, 3), counts)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, _LINE_PX)

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
        self._places = _Places(self)
        self._folded: dict[Place, bool] = {}  # as a person left it
        self._filling = False
        self.setModel(self._places)
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
        self.collapsed.connect(lambda index: self._on_folded(index, True))
        self.expanded.connect(lambda index: self._on_folded(index, False))

    def show_nodes(self, nodes: list[Node]) -> None:
        """Fill the tree; what was chosen and folded stays so, when it is still there."""
        chosen = self.place()
        self._filling = True
        same = self._places.show(nodes)
        if not same:
            for node in nodes:
                if node.below and not self._folded.get(node.place, len(node.below) > _OPEN):
                    self.expand(self._places.index_of(node.place))
        self._filling = False
        if same:
            self.viewport().update()
        else:
            self.choose(chosen)

    def show_places(self, places: Sequence[tuple[Place, Counts]]) -> None:
        """`show_nodes` of these."""
        self.show_nodes(nodes_of(places))

    def place(self) -> Place:
        """What is chosen; the first line when nothing is."""
        node = self._places.node(self.currentIndex())
        if node is None and self._places.nodes:
            node = self._places.nodes[0]
        return Place() if node is None else node.place

    def choose(self, place: Place) -> None:
        """Choose `place`, or the first line when it is not there."""
        index = self._places.index_of(place)
        if not index.isValid():
            index = self._places.index(0, 0)
        if index.isValid() and index != self.currentIndex():
            self.setCurrentIndex(index)

    def _on_folded(self, index: QModelIndex, folded: bool) -> None:
        node = self._places.node(index)
        if node is not None and not self._filling:
            self._folded[node.place] = folded

    def _on_current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        node = self._places.node(current)
        if not self._filling and node is not None:
            self.place_chosen.emit(node.place)


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
