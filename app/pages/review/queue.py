"""The queue as a list: small picture, name, score, label and verdict; the worst on top. Rows are made when painted."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.commands import Actions
from app.gallery.tiles import draw_label, draw_picture
from app.pages.review import kinds
from app.pages.review.state import Review
from app.words import label_word, tr, verdict_word

_SIDE: Final = 48
_ROW: Final = 60
_Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()


class QueueModel(QAbstractListModel):
    """Rows of the queue; the data of a row is its row in the table."""

    def __init__(self, review: Review, parent: QWidget) -> None:
        super().__init__(parent)
        self._review = review

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """As many as the queue holds."""
        return 0 if parent.isValid() else int(self._review.rows.size)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The name; with UserRole the table's row."""
        if not index.isValid() or index.row() >= self._review.rows.size:
            return None
        row = int(self._review.rows[index.row()])
        if role == Qt.ItemDataRole.UserRole:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.name(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.sentence(row)
        return None

    def name(self, row: int) -> str:
        """The image's path inside its folder, with its cell."""
        table, images = self._review.table, self._review.session.table
        if table is None:
            return ""
        image_id, cell = table.place(row)
        at = -1 if images is None else int(images.row_of([image_id])[0])
        name = str(image_id) if images is None or at < 0 else images.names[at]
        return f"{name} · {cell}" if cell else name

    def sentence(self, row: int) -> str:
        """What a screen reader says."""
        table = self._review.table
        if table is None:
            return ""
        verdict = table.verdict_of(row)
        said = tr(", verdict {word}", word=verdict_word(verdict)) if verdict else ""
        return f"{self.name(row)}, {label_word(table.label_of(row))}, {table.units.score[row]:.4f}{said}"

    def renew(self) -> None:
        """The queue is another one."""
        self.beginResetModel()
        self.endResetModel()

    def touch(self, row: int) -> None:
        """A verdict was given."""
        for place in np.flatnonzero(self._review.rows == row).tolist():
            index = self.index(place)
            self.dataChanged.emit(index, index)


class QueueDelegate(QStyledItemDelegate):
    """Paints one row."""

    def __init__(self, review: Review, model: QueueModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._review = review
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """All rows are alike."""
        return QSize(200, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Picture, name, score with its place beside the threshold, label, verdict."""
        table = self._review.table
        row = index.data(Qt.ItemDataRole.UserRole)
        if table is None or row is None or row >= len(table):
            return
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        state: QStyle.StateFlag = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        self._ground(painter, rect, chosen, bool(state & QStyle.StateFlag.State_MouseOver))
        image_id, _ = table.place(row)
        thumbs = self._review.session.thumbnails
        ratio = painter.device().devicePixelRatioF()
        picture = thumbs.pixmap(image_id, round(_SIDE * ratio))
        if picture is not None:
            picture.setDevicePixelRatio(ratio)
        well = QRect(rect.left() + 8, rect.top() + (_ROW - _SIDE) // 2, _SIDE, _SIDE)
        draw_picture(painter, well, picture, thumbs.reason(image_id), self._palette(), painter.font())
        self._words(painter, QRect(well.right() + 10, rect.top() + 9, rect.right() - well.right() - 18, _ROW - 18), row)
        painter.restore()

    def _palette(self) -> QPalette:
        return QApplication.palette()

    def _ground(self, painter: QPainter, rect: QRect, chosen: bool, hovered: bool) -> None:
        if chosen:
            tint = QColor(theme.COLOUR["accent"])
            tint.setAlpha(64 if theme.is_dark() else 40)
            painter.fillRect(rect, tint)
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), theme.COLOUR["accent"])
        elif hovered:
            painter.fillRect(rect, self._palette().color(QPalette.ColorRole.AlternateBase))

    def _words(self, painter: QPainter, area: QRect, row: int) -> None:
        table = self._review.table
        if table is None:
            return
        metrics = QFontMetrics(painter.font())
        mark = 18 if table.verdict_of(row) else 0
        name = metrics.elidedText(self._model.name(row), Qt.TextElideMode.ElideLeft, area.width() - mark)
        painter.setPen(self._palette().color(QPalette.ColorRole.Text))
        first = QRect(area.left(), area.top(), area.width() - mark, 20)
        painter.drawText(first, Qt.AlignmentFlag.AlignVCenter, name)
        if (verdict := table.verdict_of(row)) is not None:
            painter.setPen(theme.COLOUR[verdict])
            at = QRect(area.right() - 14, area.top(), 16, 20)
            painter.drawText(at, Qt.AlignmentFlag.AlignCenter, theme.SHAPE[verdict])
        second = QRect(area.left(), area.top() + 22, area.width(), 20)
        draw_label(painter, QRectF(second.left() + 1, second.center().y() - 4, 9, 9), table.label_of(row))
        score = float(table.units.score[row])
        text = f"{score:.4f}" if np.isfinite(score) else tr("no score")
        painter.setFont(theme.mono_numbers(painter.font()))
        painter.setPen(theme.muted())
        wide = metrics.horizontalAdvance("0.0000") + 4
        painter.drawText(second.adjusted(16, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
        if np.isfinite(score):
            bar = QRectF(second.left() + 22 + wide, second.center().y() - 2, second.width() - wide - 24, 5)
            self._bar(painter, bar, score)

    def _bar(self, painter: QPainter, bar: QRectF, score: float) -> None:
        """The score from 0 to the highest, with a tick at the threshold: how far beyond it lies is seen at once."""
        table = self._review.table
        if table is None or bar.width() < 12:
            return
        top = max(table.columns(self._review.scope).highest(), self._review.threshold, 1e-9)
        rejected = score >= self._review.threshold
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.line())
        painter.drawRoundedRect(bar, 2.5, 2.5)
        painter.setBrush(theme.COLOUR["defective"] if rejected else theme.muted())
        painter.drawRoundedRect(
            QRectF(bar.left(), bar.top(), max(bar.width() * score / top, 3), bar.height()), 2.5, 2.5
        )
        x = bar.left() + bar.width() * self._review.threshold / top
        painter.fillRect(QRectF(x - 0.75, bar.top() - 3, 1.5, bar.height() + 6), theme.COLOUR["accent"])


class QueueView(QListView):
    """The list; walking it shows what it stands on."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName(tr("Queue"))

    def currentChanged(self, current: _Index, previous: _Index) -> None:
        """Say where we stand."""
        super().currentChanged(current, previous)
        if current.isValid():
            self.chosen.emit(current.row())

    def keyboardSearch(self, search: str) -> None:
        """Letters are commands here."""


class Queue(QWidget):
    """Which queue, how far we are, and the list."""

    def __init__(self, review: Review, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self._is_following = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 8, 0)
        self.kind = QComboBox(self)
        for kind in kinds.all_kinds():
            self.kind.addItem(kinds.kind_word(kind), kind)
            self.kind.setItemData(self.kind.count() - 1, kinds.kind_hint(kind), Qt.ItemDataRole.ToolTipRole)
        self.kind.setAccessibleName(tr("Which queue"))
        head.addWidget(self.kind, 1)
        column.addLayout(head)
        self.progress = QLabel(self)
        self.progress.setProperty("role", "muted")
        self.progress.setContentsMargins(10, 0, 8, 2)
        column.addWidget(self.progress)
        self.model = QueueModel(review, self)
        self.list = QueueView(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(QueueDelegate(review, self.model, self.list))
        actions.attach(self.list)
        column.addWidget(self.list, 1)
        self.setMinimumWidth(190)
        self._connect()

    def _connect(self) -> None:
        review = self._review
        self.kind.activated.connect(self._on_kind_activated)
        self.list.chosen.connect(self._on_list_chosen)
        review.queue_changed.connect(self._on_queue_changed)
        review.row_changed.connect(self._on_row_changed)
        review.loaded.connect(self._on_queue_changed)
        review.verdict_given.connect(self._on_verdict_given)
        review.threshold_moved.connect(lambda _: self.list.viewport().update())
        review.session.thumbnails.ready.connect(lambda _: self.list.viewport().update())
        review.session.thumbnails.forgotten.connect(self.list.viewport().update)

    def _on_kind_activated(self, _: int) -> None:
        self._review.set_kind(self.kind.currentData())

    def _on_list_chosen(self, place: int) -> None:
        if not self._is_following:
            self._review.go_to(place)

    def _on_queue_changed(self) -> None:
        self._is_following = True
        self.kind.setCurrentIndex(self.kind.findData(self._review.kind))
        self.kind.setToolTip(kinds.kind_hint(self._review.kind))
        self.model.renew()
        self._is_following = False
        self._on_row_changed()

    def _on_row_changed(self) -> None:
        self._is_following = True
        at = self._review.position
        if at < 0:
            self.list.clearSelection()
            self.list.setCurrentIndex(QModelIndex())
        elif self.list.currentIndex().row() != at:
            self.list.setCurrentIndex(self.model.index(at))
        self._is_following = False
        self._say_progress()

    def _on_verdict_given(self, row: int, _: str) -> None:
        self.model.touch(row)
        self._say_progress()

    def _say_progress(self) -> None:
        done, total = self._review.reviewed()
        if not total:
            self.progress.setText(tr("Empty"))
            return
        at = self._review.position
        place = tr("{at} of {total}", at=f"{at + 1:,}" if at >= 0 else "–", total=f"{total:,}")
        self.progress.setText(tr("{place} · {done} reviewed", place=place, done=f"{done:,}"))
