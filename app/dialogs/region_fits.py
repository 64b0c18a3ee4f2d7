"""How the template of a view lies on its images: twelve of them, the worst fits first; and whether they are aligned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.canvas.regions import RoiLayer, regions_of
from app.canvas.viewport import Viewport
from app.dialogs.progress import CancelledError, Following
from app.dialogs.working import WorkingDialog
from app.session import Session
from app.words import tr
from core.annotation.alignment import LOW, WAYS, Way
from core.errors import ImageError
from core.imaging import Window, thumbnail
from core.project import Project
from core.project.records import Alignment, Roi, View
from core.workflow import aligning
from core.workflow.aligning import AlignReport, Fits
from core.workflow.templates import usable

_COUNT: Final = 12
_COLUMNS: Final = 4
_SIDE: Final = 176


@dataclass(frozen=True)
class _Card:
    """One image with the region as it lies."""

    image_id: int
    name: str
    confidence: float | None
    picture: QImage


@dataclass(frozen=True)
class _Seen:
    fits: Fits
    images: int  # of the view that the template is laid over
    cards: tuple[_Card, ...]
    report: AlignReport | None


class RegionFits(WorkingDialog):
    """Lays the template over images when it opens, and when another way is chosen; `opened`: an image was clicked."""

    opened = Signal(int)

    def __init__(self, session: Session, view: View, parent: QWidget | None = None) -> None:
        super().__init__(tr("How the region lies on the images"), parent)
        self._session = session
        self._view = view
        self.cards: list[QToolButton] = []
        self._build()
        self.resize(QSize(_COLUMNS * (_SIDE + 24) + 60, 620))
        self._look(again=False)

    # -- building

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel(tr("The template"), self))
        self.way = QComboBox(self)
        names: dict[Way, str] = {
            "off": tr("lies alike on all images"),
            "translation": tr("is moved to where the part lies"),
            "similarity": tr("is moved, turned and scaled with the part"),
        }
        for way in WAYS:
            self.way.addItem(names[way], way)
        self.way.activated.connect(self._on_way_chosen)
        self.way.setEnabled(self._session.can_write)
        row.addWidget(self.way)
        self.again = QPushButton(tr("Look at all again"), self)
        self.again.setToolTip(tr("Align every image anew, not only those that wait for it"))
        self.again.clicked.connect(lambda: self._look(again=True))
        row.addWidget(self.again)
        row.addStretch(1)
        self.column.addLayout(row)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.column.addWidget(self.words)
        self._stack = QStackedWidget(self)
        self._grid_page = QWidget(self._stack)
        inner = QVBoxLayout(self._grid_page)
        inner.setContentsMargins(0, 0, 0, 0)
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.SPACE)
        inner.addLayout(self._grid)
        inner.addStretch(1)
        self._stack.addWidget(self._grid_page)
        self._stack.addWidget(self.waiting)
        self.column.addWidget(self._stack, 1)
        close = QPushButton(tr("Close"), self)
        close.clicked.connect(self.reject)
        self.column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)

    # -- the work

    def _look(self, *, again: bool) -> None:
        """Align what waits for it, then show the worst fits."""
        project, view = self._session.project, self._view
        if project is None or self.is_working:
            return
        following = self.begin(tr("Laying the region over images"))
        self._stack.setCurrentWidget(self.waiting)
        self.words.clear()  # what was said of the way before
        for widget in (self.way, self.again):
            widget.setEnabled(False)
        self._session.background.run(
            lambda: _look_at(project, view, following, again=again),
            self._on_seen,
            self._on_failed,
            owner=self,
        )

    def _on_seen(self, seen: _Seen) -> None:
        self.end()
        self._stack.setCurrentWidget(self._grid_page)
        for widget in (self.way, self.again):
            widget.setEnabled(self._session.can_write)
        self.way.setCurrentIndex(WAYS.index(seen.fits.way))
        self.again.setVisible(seen.fits.way != "off")
        self.words.setText(_sentence(seen))
        self._show_cards(seen.cards)

    def _on_failed(self, error: Exception) -> None:
        project, view = self._session.project, self._view
        if isinstance(error, CancelledError) and project is not None:
            self._session.background.run(lambda: _seen(project, view, None), self._on_seen, owner=self)
            return
        self.end()
        self._session.report(error)
        self.reject()

    def _show_cards(self, cards: tuple[_Card, ...]) -> None:
        for old in self.cards:
            old.deleteLater()
        self.cards = []
        for number, card in enumerate(cards):
            button = QToolButton(self._grid_page)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIcon(QIcon(QPixmap.fromImage(card.picture)))
            button.setIconSize(QSize(_SIDE, _SIDE * 3 // 4))
            button.setAutoRaise(True)
            button.setText(_fit_words(card.confidence))
            is_low = card.confidence is not None and card.confidence < LOW
            if is_low:
                button.setProperty("role", "doubtful")
            button.setToolTip(card.name)
            button.setAccessibleName(f"{card.name}, {_fit_words(card.confidence)}")
            button.clicked.connect(partial(self._on_card_clicked, card.image_id))
            self._grid.addWidget(button, number // _COLUMNS, number % _COLUMNS)
            self.cards.append(button)

    # -- slots

    def _on_card_clicked(self, image_id: int) -> None:
        self.opened.emit(image_id)
        self.reject()

    def _on_way_chosen(self, index: int) -> None:
        way: Way = self.way.itemData(index)
        view_id = self._view.id
        self._session.write(lambda project: aligning.set_way(project, view_id, way), lambda _: self._look(again=False))


def _look_at(project: Project, view: View, following: Following, *, again: bool) -> _Seen:
    report = None
    if not project.read_only:
        report = aligning.align(project, view, again=again, progress=following)
    return _seen(project, view, report)


def _seen(project: Project, view: View, report: AlignReport | None) -> _Seen:
    fits = aligning.fits(project, view)
    roi = project.roi(view.id)
    found = [] if roi is None else [_card(project, view, roi, one) for one in fits.worst(_COUNT)]
    own = frozenset[int]() if roi is None else roi.own
    images = sum(row.id not in own for row in usable(project, view))
    return _Seen(fits, images, tuple(card for card in found if card is not None), report)


def _card(project: Project, view: View, roi: Roi, alignment: Alignment) -> _Card | None:
    row = project.image(alignment.image_id)
    try:
        pixels = thumbnail(row.path, 2 * _SIDE, None if view.window is None else Window(*view.window))
    except ImageError:
        return None
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    wrapped = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    image = wrapped.convertToFormat(QImage.Format.Format_RGB32)
    size = (row.width or width, row.height or height)
    own = project.own_zones(roi.id, row.id) if row.id in roi.own else ()
    layer = RoiLayer(regions_of(roi, alignment.matrix, own), size, QColor(theme.COLOUR["roi"]))
    looked = Viewport(width / size[0], size[0] / 2, size[1] / 2, width, height, 2.0)
    painter = QPainter(image)
    layer.paint(painter, looked, (0, 0, width, height), 1.0)
    painter.end()
    return _Card(row.id, row.relative, alignment.confidence, image)


def _fit_words(confidence: float | None) -> str:
    if confidence is None:
        return tr("not looked at yet")
    if confidence < LOW:
        return tr("▲ {confidence:.2f}  may lie wrong", confidence=confidence)
    return f"{confidence:.2f}"


def _sentence(seen: _Seen) -> str:
    known, low, whole = len(seen.fits.known), len(seen.fits.low), f"{seen.images:,}"
    if seen.fits.way == "off":
        words = tr(
            "{n} of {all} images were looked at; the region lies alike on all of them.", n=f"{known:,}", all=whole
        )
    else:
        words = tr("The region was laid over {n} of {all} images.", n=f"{known:,}", all=whole)
    parts = [words]
    if low:
        parts.append(
            tr("On {n} it may lie wrong (below {low:.2f}): click one, and draw its own.", n=f"{low:,}", low=LOW)
        )
    elif known:
        parts.append(tr("None is doubtful; the worst fits come first."))
    if seen.fits.pending:
        parts.append(tr("{n} images are still to be done.", n=f"{seen.fits.pending:,}"))
    if seen.report is not None and seen.report.unreadable:
        parts.append(tr("{n} could not be read.", n=f"{len(seen.report.unreadable):,}"))
    return " ".join(parts)
