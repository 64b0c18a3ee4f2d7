"""The separate defects of an image as a list: class, area, size; what is pointed at is shown on the image, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from app import theme
from app.pages.annotate.words import swatch
from app.words import class_word, tr
from core.annotation.components import Component
from core.project.records import DefectClass

_ROOT: Final = QModelIndex()
_CLASS, _AREA, _MM2, _SIZE = range(4)
_ROW: Final = 24
_ALIGNED: Final = (
    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
)
_MOST_ROWS: Final = 9  # before it scrolls
_LEAST_PX: Final = 44  # of a column
_ARROWS: Final = {Qt.SortOrder.AscendingOrder: "↑", Qt.SortOrder.DescendingOrder: "↓"}
_NO_ARROWS: Final = "QHeaderView::up-arrow, QHeaderView::down-arrow { image: none; width: 0px; height: 0px; }"


class ComponentModel(QAbstractTableModel):
    """Components in the order that a person chose."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Component] = []
        self.pointed_at = -1
        self._names: dict[int, str] = {}
        self._icons: dict[int, QIcon] = {}
        self._scale_um: float | None = None
        self._order: tuple[int, Qt.SortOrder] = (_AREA, Qt.SortOrder.DescendingOrder)

    def show(self, found: Sequence[Component], scale_um: float | None) -> None:
        """Show these; `scale_um` is how wide a pixel is, in micrometres."""
        self.beginResetModel()
        self.rows, self._scale_um, self.pointed_at = list(found), scale_um, -1
        self._arrange()
        self.endResetModel()

    def show_classes(self, classes: Sequence[DefectClass]) -> None:
        """How classes are called and coloured."""
        self._names = {one.id: class_word(one) for one in classes}
        self._icons = {one.id: QIcon(swatch(QColor(one.colour))) for one in classes}
        self.layoutChanged.emit()

    def point_at(self, row: int) -> None:
        """Which one lies under the mouse on the image; -1: none."""
        before, self.pointed_at = self.pointed_at, row
        for one in {before, row} - {-1}:
            self.dataChanged.emit(self.index(one, 0), self.index(one, _SIZE), [Qt.ItemDataRole.BackgroundRole])

    # -- for the view

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            word = (tr("Class"), tr("Pixels"), tr("mm²"), tr("Size"))[section]
            return f"{word} {_ARROWS[self._order[1]]}" if section == self._order[0] else word
        return _ALIGNED[section == _CLASS] if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        one, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(one, column)
        if role == Qt.ItemDataRole.DecorationRole and column == _CLASS:
            return self._icons.get(one.class_id)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGNED[column == _CLASS]
        if role == Qt.ItemDataRole.BackgroundRole and index.row() == self.pointed_at:
            colour = QColor(theme.COLOUR["accent"])
            colour.setAlpha(70)
            return colour
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(one)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._order = (column, order)
        self.beginResetModel()
        self._arrange()
        self.endResetModel()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, _SIZE)

    def _arrange(self) -> None:
        column, order = self._order
        if column == _CLASS:
            self.rows.sort(key=lambda one: (self._names.get(one.class_id, ""), -one.area))
        elif column == _SIZE:
            self.rows.sort(key=lambda one: max(_extent(one)))
        else:
            self.rows.sort(key=lambda one: one.area)
        if order == Qt.SortOrder.DescendingOrder:
            self.rows.reverse()

    def _tip(self, one: Component) -> str:
        """The whole name, which the column may cut, and what can be done."""
        x, y = one.box[:2]
        place = tr("{n} pixels at {x}, {y}", n=f"{one.area:,}", x=f"{x:,}", y=f"{y:,}")
        deeds = tr("Click: show it, Del: erase, a number: another class")
        return f"{self._text(one, _CLASS)} · {place}\n{deeds}"

    def _text(self, one: Component, column: int) -> str:
        if column == _CLASS:
            return self._names.get(one.class_id, tr("Class {n}", n=one.class_id))
        if column == _AREA:
            return f"{one.area:,}"
        if column == _MM2:
            return "" if self._scale_um is None else f"{one.area_mm2(self._scale_um):.3g}"
        width, height = _extent(one)
        return f"{width:,} × {height:,}"


class ComponentList(QWidget):
    """Says what a person points at and chooses; changes nothing itself."""

    pointed = Signal(object)  # Component, or None
    chosen = Signal(object, bool)  # list of components; whether one was clicked, and wants to be seen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_following = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE // 2)
        self.summary = QLabel(self)
        self.summary.setProperty("role", "muted")
        self.summary.setWordWrap(True)
        self.model: Final = ComponentModel(self)
        self.view: Final = QTableView(self)
        self._build()
        column.addWidget(self.summary)
        column.addWidget(self.view)
        self.show_components((), None)

    def _build(self) -> None:
        view = self.view
        view.setModel(self.model)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setFont(theme.mono_numbers(view.font()))
        view.setAccessibleName(tr("Defects of this image"))
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(_ROW)
        head = view.horizontalHeader()
        head.setHighlightSections(False)
        head.setStyleSheet(_NO_ARROWS)  # they would lie over the words, which tell the order themselves
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(_CLASS, QHeaderView.ResizeMode.Stretch)
        head.setResizeContentsPrecision(20)  # of hundreds of rows those that are seen
        head.setMinimumSectionSize(_LEAST_PX)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.sortByColumn(_AREA, Qt.SortOrder.DescendingOrder)
        view.setSortingEnabled(True)
        view.setMouseTracking(True)
        view.viewport().installEventFilter(self)
        view.entered.connect(lambda index: self.pointed.emit(self.model.rows[index.row()]))
        view.clicked.connect(lambda _: self._tell(clicked=True))
        view.selectionModel().selectionChanged.connect(lambda *_: self._tell(clicked=False))

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """The mouse leaves the list."""
        if event.type() == QEvent.Type.Leave:
            self.pointed.emit(None)
        return super().eventFilter(watched, event)

    # -- what is shown

    def show_components(self, found: Sequence[Component], scale_um: float | None) -> None:
        """Those of an image, none of them selected; `scale_um` is how wide a pixel is."""
        bar = self.view.verticalScrollBar()
        place = bar.value()
        self._is_following = True
        self.model.show(found, scale_um)
        self._is_following = False
        bar.setValue(place)
        self._show_areas_in(_AREA if scale_um is None else _MM2)
        self.setVisible(bool(found))
        rows = min(len(found), _MOST_ROWS)
        self.view.setFixedHeight(rows * _ROW + self.view.horizontalHeader().sizeHint().height() + 2)
        self.summary.setText(_summary(found))

    def _show_areas_in(self, column: int) -> None:
        """Pixels, or mm² where the view has a scale: both would leave no room for the name of the class."""
        other = _MM2 if column == _AREA else _AREA
        self.view.setColumnHidden(column, False)
        self.view.setColumnHidden(other, True)
        head = self.view.horizontalHeader()
        if head.sortIndicatorSection() == other:
            head.setSortIndicator(column, head.sortIndicatorOrder())

    def select(self, components: Sequence[Component]) -> None:
        """Mark these as selected; `chosen` does not follow."""
        rows = {id(one): row for row, one in enumerate(self.model.rows)}
        marked = QItemSelection()
        for one in components:
            if (row := rows.get(id(one))) is not None:
                marked.select(self.model.index(row, 0), self.model.index(row, _SIZE))
        self._is_following = True
        self.view.selectionModel().select(marked, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._is_following = False
        if len(components) == 1 and not self.view.hasFocus() and id(components[0]) in rows:
            self.view.scrollTo(self.model.index(rows[id(components[0])], 0))

    def selected(self) -> list[Component]:
        """Those that are selected in the list."""
        return [self.model.rows[index.row()] for index in self.view.selectionModel().selectedRows()]

    def point_at(self, component: Component | None) -> None:
        """Highlight what lies under the mouse on the image."""
        row = next((row for row, one in enumerate(self.model.rows) if one is component), -1)
        if row != self.model.pointed_at:
            self.model.point_at(row)
            if row >= 0:
                self.view.scrollTo(self.model.index(row, 0))

    def _tell(self, *, clicked: bool) -> None:
        if not self._is_following:
            self.chosen.emit(self.selected(), clicked)


def _extent(one: Component) -> tuple[int, int]:
    return one.box[2] - one.box[0], one.box[3] - one.box[1]


def _summary(found: Sequence[Component]) -> str:
    if not found:
        return ""
    least = int(np.min([one.area for one in found]))
    if len(found) == 1:
        return tr("One defect of {n} pixels", n=f"{least:,}")
    return tr("{n} defects, the smallest has {least} pixels", n=f"{len(found):,}", least=f"{least:,}")
