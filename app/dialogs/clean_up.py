"""What the project takes on the disk, and making room: what goes freely is ticked, what costs something says what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from app import theme
from app.dialogs.dialog import Dialog
from app.session import Session
from app.words import tr
from core.workflow.cleaning import Cleaned, Heap, Kind, Survey, size_words

_KEY: Final = Qt.ItemDataRole.UserRole
_COLOURS: Final[dict[Kind | str, str]] = {
    "document": "accent",
    "model": "good",
    "resume": "tuning",
    "maps": "defective",
    "reconstructions": "unsure",
    "pictures": "roi",
    "working": "unused",
    "thumbnails": "test",
    "backups": "warning",
}


class Shares(QWidget):
    """One bar of everything, a colour a kind, with its words below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[tuple[str, int, QColor]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_survey(self, survey: Survey) -> None:
        """Sizes by kind."""
        sizes: dict[str, int] = {"document": survey.document}
        for heap in survey.heaps:
            sizes[heap.kind] = sizes.get(heap.kind, 0) + heap.size
        known = [
            (kind_words(kind), sizes[kind], theme.COLOUR[name]) for kind, name in _COLOURS.items() if kind in sizes
        ]
        self._parts = [part for part in known if part[1]]
        self.setAccessibleDescription(", ".join(f"{word} {size_words(size)}" for word, size, _ in self._parts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, 62)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        total = sum(size for _, size, _ in self._parts) or 1
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(0, 4, self.width(), 12), 6, 6)
        painter.setClipPath(shape)
        painter.fillRect(QRectF(0, 4, self.width(), 12), theme.line())
        left = 0.0
        for _, size, colour in self._parts:
            width = self.width() * size / total
            painter.fillRect(QRectF(left, 4, width, 12), colour)
            left += width
        painter.setClipping(False)
        x, y = 0, 24
        metrics = painter.fontMetrics()
        for word, size, colour in self._parts:
            text = f"{word} {size_words(size)}"
            width = 14 + metrics.horizontalAdvance(text) + 16
            if x + width > self.width() and x:
                x, y = 0, y + 18
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QRectF(x, y + 4, 8, 8))
            painter.setPen(theme.muted())
            painter.drawText(x + 14, y + metrics.ascent(), text)
            x += width


class CleanUp(Dialog):
    """Ticks say what goes. Annotations, images, scores and the records of trainings are never among them."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Clean up"), parent)
        self._session = session
        self._survey: Survey | None = None
        self._filling = False
        self._is_working = False
        self.resize(860, 620)
        self.setMinimumSize(640, 420)
        self._build()
        session.closing.connect(self.reject)
        self.look()

    @property
    def survey(self) -> Survey | None:
        """What was found last."""
        return self._survey

    def look(self) -> None:
        """Measure everything, in the background."""
        project = self._session.project
        if project is None:
            return

        def work() -> Survey:
            from core.workflow.cleaning import survey

            return survey(project)

        self._session.background.run(work, self._on_surveyed, owner=self, key="survey")

    def chosen(self) -> list[Heap]:
        """What is ticked."""
        keys = {str(item.data(0, _KEY)) for item in self._leaves() if item.checkState(0) == Qt.CheckState.Checked}
        return [] if self._survey is None else [heap for heap in self._survey.heaps if heap.key in keys]

    def start(self) -> None:
        """Remove what is ticked, then measure again."""
        project, chosen = self._session.project, self.chosen()
        if project is None or not chosen or self._is_working:
            return
        self._is_working = True
        self._show_sums()
        thumbnails = tuple(heap for heap in chosen if heap.kind == "thumbnails")
        keys = [heap.key for heap in chosen if heap not in thumbnails]

        def work() -> Cleaned:
            from core.workflow.cleaning import clean

            return clean(project, keys)

        def done(cleaned: Cleaned) -> None:
            if not thumbnails:
                self._on_cleaned(cleaned)
                return
            whole = replace(
                cleaned,
                removed=cleaned.removed + thumbnails,
                freed=cleaned.freed + sum(heap.size for heap in thumbnails),
            )
            self._session.thumbnails.empty_cache(lambda: self._on_cleaned(whole))  # in use: emptied, not removed

        self._session.background.run(work, done, self._on_failed, owner=self)

    # -- building

    def _build(self) -> None:
        self.headline = QLabel(tr("Measuring …"), self)
        self.headline.setProperty("role", "title")
        self.headline.setWordWrap(True)
        about = QLabel(tr("Annotations, images, scores, figures and the record of each training always stay."), self)
        about.setProperty("role", "muted")
        about.setWordWrap(True)
        self.shares = Shares(self)
        self.tree = QTreeWidget(self)
        self.tree.setHeaderLabels([tr("What"), tr("Size"), tr("Without it")])
        self.tree.setUniformRowHeights(False)
        self.tree.setWordWrap(True)
        self.tree.setAlternatingRowColors(False)
        header = self.tree.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, 290)
        header.resizeSection(1, 90)
        head = self.tree.headerItem()
        if head is not None:
            head.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.tree.itemChanged.connect(self._on_item_changed)
        for widget in (self.headline, about, self.shares):
            self.column.addWidget(widget)
        self.column.addWidget(self.tree, 1)
        self.loss = QLabel(self)
        self.loss.setProperty("role", "warning")
        self.loss.setWordWrap(True)
        self.loss.hide()
        self.column.addWidget(self.loss)
        row = QHBoxLayout()
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        row.addWidget(self.said, 1)
        self.close_button = QPushButton(tr("Close"), self)
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.accept)
        self.go = QPushButton(tr("Remove"), self)
        self.go.setProperty("role", "primary")
        self.go.setEnabled(False)
        self.go.clicked.connect(self.start)
        row.addWidget(self.close_button)
        row.addWidget(self.go)
        self.column.addLayout(row)

    def _fill(self, survey: Survey) -> None:
        self._filling = True
        self.tree.clear()
        groups: dict[int | None, QTreeWidgetItem] = {}
        for heap in survey.heaps:
            if heap.number is not None and heap.number not in groups:
                group = QTreeWidgetItem([heap.title.partition(":")[0], "", ""])
                total = sum(one.size for one in survey.heaps if one.number == heap.number)
                group.setText(1, size_words(total))
                group.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                groups[heap.number] = group
                self.tree.addTopLevelItem(group)
            item = self._item(heap)
            if heap.number is None:
                self.tree.addTopLevelItem(item)
            else:
                groups[heap.number].addChild(item)
        self.tree.setRootIsDecorated(bool(groups))
        self.tree.expandAll()
        self._filling = False

    def _item(self, heap: Heap) -> QTreeWidgetItem:
        name = kind_words(heap.kind) if heap.number is not None else heap.title
        item = QTreeWidgetItem([name, size_words(heap.size), _without(heap)])
        item.setData(0, _KEY, heap.key)
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(2, _without(heap))
        if heap.may_go:
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(0, Qt.CheckState.Checked if heap.goes_freely else Qt.CheckState.Unchecked)
        else:
            for column in range(3):
                item.setForeground(column, theme.muted())
        if heap.goes_freely:
            item.setForeground(2, theme.ink("good"))
        return item

    def _leaves(self) -> Sequence[QTreeWidgetItem]:
        found: list[QTreeWidgetItem] = []
        for index in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(index)
            if item is None:
                continue
            children = [item.child(place) for place in range(item.childCount())]
            found += [child for child in children if child is not None] or [item]
        return found

    def _show_sums(self) -> None:
        chosen = self.chosen()
        size = sum(heap.size for heap in chosen)
        self.go.setText(tr("Remove {size}", size=size_words(size)) if chosen else tr("Remove"))
        self.go.setEnabled(bool(chosen) and not self._is_working and self._session.can_write)
        if self._is_working:
            self.go.setText(tr("Removing …"))
        losses = [f"{heap.title}: {heap.loss}." for heap in chosen if heap.loss]
        more = tr(" And {n} more.", n=len(losses) - 3) if len(losses) > 3 else ""
        self.loss.setText("\n".join(losses[:3]) + more)
        self.loss.setVisible(bool(losses))

    # -- slots

    def _on_surveyed(self, survey: Survey) -> None:
        self._survey = survey
        free = survey.free()
        said = tr("This project takes {size}", size=size_words(survey.total))
        said += (
            tr(": {free} can go without any loss", free=size_words(free)) if free else tr(": nothing is superfluous")
        )
        self.headline.setText(said)
        self.shares.show_survey(survey)
        self._fill(survey)
        self._show_sums()

    def _on_item_changed(self, _: QTreeWidgetItem, column: int) -> None:
        if not self._filling and column == 0:
            self._show_sums()

    def _on_cleaned(self, cleaned: Cleaned) -> None:
        self._is_working = False
        self.said.setText(cleaned.sentence() if cleaned.removed or cleaned.stayed else tr("Done."))
        self._session.trainings_changed.emit()
        self.look()

    def _on_failed(self, error: Exception) -> None:
        self._is_working = False
        self._show_sums()
        self._session.report(error)


def kind_words(kind: str) -> str:
    """What a kind of files is, for a person."""
    return {
        "document": tr("Labels, masks, scores"),
        "model": tr("Model"),
        "resume": tr("Checkpoint to go on from"),
        "maps": tr("Heatmaps"),
        "reconstructions": tr("Reconstructions"),
        "pictures": tr("Pictures of learning"),
        "working": tr("Working files"),
        "thumbnails": tr("Thumbnails"),
        "backups": tr("Older backups"),
    }[kind]


def _without(heap: Heap) -> str:
    if heap.kept:
        return tr("Stays: {why}", why=heap.kept)
    if not heap.loss:
        return tr("Nothing is lost")
    return heap.loss[:1].upper() + heap.loss[1:]
