"""The zones and cells of a region as a list: name, kind, area; chosen, renamed, turned and removed in place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QBrush, QColor, QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app import theme
from app.canvas.zone_board import Chosen, Sign, ZoneBoard
from app.icons import icon
from app.words import tr

NAME, KIND, AREA, REMOVE = range(4)
_ROOT: Final = QModelIndex()
_ROW: Final = 40
_MOST_ROWS: Final = 7  # before it scrolls
_LONGEST: Final = 40
_SIDE: Final = 14


@dataclass(frozen=True)
class Row:
    """One zone or cell; `pixels` None: not counted yet."""

    chosen: Chosen
    name: str
    kind: str  # inspect, ignore or cell
    pixels: int | None


class ZoneModel(QAbstractTableModel):
    """Zones, then cells, in the order in which they were drawn."""

    def __init__(self, board: ZoneBoard, parent: QObject) -> None:
        super().__init__(parent)
        self._board = board
        self.rows: list[Row] = []
        self.scale_um: float | None = None
        self._signs: Final = {kind: QIcon(_sign(kind)) for kind in ("inspect", "ignore", "cell")}

    def read(self) -> None:
        """Show what is on the board."""
        rows = _rows(self._board)
        if len(rows) != len(self.rows):
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
        elif rows != self.rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, REMOVE))

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else 4

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        found = super().flags(index)
        return found | Qt.ItemFlag.ItemIsEditable if index.isValid() and index.column() == NAME else found

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return (row.name, _kind_word(row.kind), self.area(row), "")[column]
        if role == Qt.ItemDataRole.DecorationRole:
            return {NAME: self._signs[row.kind], REMOVE: icon("close")}.get(column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column == AREA:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and column == AREA:
            return theme.muted()
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._hint(row, column)
        return None

    def setData(
        self, index: QModelIndex | QPersistentModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Rename it."""
        row = self.rows[index.row()]
        self._board.choose(row.chosen)
        self._board.rename(str(value).strip())
        return self._board.name == str(value).strip()

    def area(self, row: Row) -> str:
        """`67,842 px`, and below it mm² where the view has a scale, and the share of the image."""
        if row.pixels is None:
            return ""
        width, height = self._board.size
        share = f"{100 * row.pixels / (width * height):.1f} %"
        if self.scale_um is not None:
            share = tr("{area} mm² · {share}", area=f"{row.pixels * (self.scale_um / 1000) ** 2:.3g}", share=share)
        return f"{tr('{n} px', n=f'{row.pixels:,}')}\n{share}"

    def _hint(self, row: Row, column: int) -> str:
        if column == REMOVE:
            return tr("Remove {name}  (Del)", name=row.name)
        if column == KIND and row.kind != "cell":
            return tr("Inspect it, or ignore it")
        if column == AREA:
            return tr("Area, and its share of the image")
        return tr("{name}: double click or F2 for another name", name=row.name)


class ZoneTable(QTableView):
    """Shows a board and hands back what is done to it; `refused` says at the field why a name cannot be taken."""

    refused = Signal(str)

    def __init__(self, board: ZoneBoard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._board = board
        self._is_following = False
        self.kinds: QMenu | None = None
        """Open over the kind of a zone."""
        self.zones: Final = ZoneModel(board, self)
        self.setModel(self.zones)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setFont(theme.mono_numbers(self.font()))
        self.setAccessibleName(tr("Zones and cells of the region"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        head = self.horizontalHeader()
        head.hide()
        head.setMinimumSectionSize(16)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        head.setResizeContentsPrecision(20)
        self._names: Final = NameDelegate(self)
        self._names.refused.connect(self.refused)
        self.setItemDelegateForColumn(NAME, self._names)
        self.clicked.connect(self._on_clicked)
        self.selectionModel().currentRowChanged.connect(self._on_row_changed)
        for signal in (board.loaded, board.known, board.finished, board.chosen_changed):
            signal.connect(self.read)
        self.read()

    def set_scale(self, scale_um: float | None) -> None:
        """How wide a pixel is, in micrometres."""
        if scale_um != self.zones.scale_um:
            self.zones.scale_um = scale_um
            self.read()
            self.viewport().update()

    def why_not(self, name: str, row: int) -> str:
        """Why the zone of a row cannot be called so."""
        return self._board.why_not(name.strip(), self.zones.rows[row].chosen)

    def edit_name(self) -> None:
        """Open the field over the name of the chosen one."""
        if self.currentIndex().isValid():
            self.setFocus()
            self.edit(self.currentIndex().siblingAtColumn(NAME))

    def read(self, _: object = None) -> None:
        """Show what is on the board, and which one is chosen."""
        self._is_following = True
        self.zones.read()
        rows = [row.chosen for row in self.zones.rows]
        at = rows.index(self._board.chosen) if self._board.chosen in rows else -1
        if at < 0:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != at or not self.selectionModel().isRowSelected(at):
            self.setCurrentIndex(self.zones.index(at, NAME))
        self._is_following = False
        self.setFixedHeight(max(1, min(len(rows), _MOST_ROWS)) * _ROW + 2)
        self.setVisible(bool(rows))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._board.remove()
        else:
            super().keyPressEvent(event)

    # -- slots

    def _on_row_changed(self, index: QModelIndex, _: QModelIndex) -> None:
        if not self._is_following and index.isValid():
            self._board.choose(self.zones.rows[index.row()].chosen)

    def _on_clicked(self, index: QModelIndex) -> None:
        row = self.zones.rows[index.row()]
        self._board.choose(row.chosen)
        if index.column() == REMOVE:
            self._board.remove()
        elif index.column() == KIND and row.kind != "cell":
            self._ask_kind(index, row)

    def _ask_kind(self, index: QModelIndex, row: Row) -> None:
        self.kinds = QMenu(self)
        self.kinds.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        signs: tuple[Sign, ...] = ("inspect", "ignore")
        for sign in signs:
            action = self.kinds.addAction(_kind_word(sign), partial(self._board.turn, sign))
            action.setCheckable(True)
            action.setChecked(row.kind == sign)
        self.kinds.popup(self.viewport().mapToGlobal(self.visualRect(index).bottomLeft()))


class NameDelegate(QStyledItemDelegate):
    """A field in place of the name; it stays open, and says why, while the name cannot be taken."""

    refused = Signal(str)

    def __init__(self, table: ZoneTable) -> None:
        super().__init__(table)
        self._table = table

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        """The field."""
        field = QLineEdit(parent)
        field.setMaxLength(_LONGEST)
        field.setAccessibleName(tr("Name of the zone"))
        field.textChanged.connect(partial(self._judge, field, QPersistentModelIndex(index)))
        field.destroyed.connect(lambda: self.refused.emit(""))
        return field

    def setModelData(
        self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Take the name, when it can be taken."""
        if isinstance(editor, QLineEdit) and not self._table.why_not(editor.text(), index.row()):
            model.setData(index, editor.text())

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        """Enter does not close a field with a name that cannot be taken; leaving it does, and the name stays."""
        wrong = isinstance(editor, QLineEdit) and editor.property("wrong")
        if wrong and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab):
                return True
        elif wrong and event.type() == QEvent.Type.FocusOut and isinstance(editor, QLineEdit):
            self.closeEditor.emit(editor, QAbstractItemDelegate.EndEditHint.RevertModelCache)
            return True
        return super().eventFilter(editor, event)

    def _judge(self, field: QLineEdit, index: QPersistentModelIndex, text: str) -> None:
        why = self._table.why_not(text, index.row()) if index.isValid() else ""
        field.setProperty("wrong", bool(why))
        field.setToolTip(why)
        field.style().unpolish(field)
        field.style().polish(field)
        self.refused.emit(why)


def _rows(board: ZoneBoard) -> list[Row]:
    rows = []
    for number, mark in enumerate(board.marks):
        facts = board.facts(mark.zone)
        pixels = None if facts is None else facts.pixels
        rows.append(Row(("zone", number), mark.zone.name, mark.zone.sign, pixels))
    for number, frame in enumerate(board.frames):
        x0, y0, x1, y1 = frame.cell.box
        rows.append(Row(("cell", number), frame.cell.name, "cell", (x1 - x0) * (y1 - y0)))
    return rows


def _kind_word(kind: str) -> str:
    return {"inspect": tr("Inspect"), "ignore": tr("Ignore")}.get(kind, tr("Cell"))


def _sign(kind: str) -> QPixmap:
    """As it is drawn on the image: filled, hatched, or a frame."""
    colour = QColor(theme.COLOUR["roi"])
    pixmap = QPixmap(_SIDE, _SIDE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(colour)
    fills = {"inspect": Qt.BrushStyle.SolidPattern, "ignore": Qt.BrushStyle.BDiagPattern}
    painter.setBrush(QBrush(colour, fills.get(kind, Qt.BrushStyle.NoBrush)))
    painter.drawRect(0, 0, _SIDE - 1, _SIDE - 1)
    painter.end()
    return pixmap
