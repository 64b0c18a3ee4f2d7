"""Tiles in a scroll area: virtual, so that they cost what is on screen; walked and chosen by mouse and keys."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QToolTip, QWidget

from app import theme
from app.gallery.keys import target_of, walks
from app.gallery.model import ImageModel, score_text
from app.gallery.plan import Plan, fitting
from app.gallery.selection import Selection
from app.gallery.thumbnails import Thumbnails
from app.gallery.tiles import PAD, Tile, TilePainter
from core.words import LABELS, SPLITS

_CHECK_MS: Final = 30  # between two steps while a band is drawn beyond the edge
_STEP: Final = 32
_LARGEST: Final = 640
_SETTLED_MS: Final = 120  # after scrolling: what comes next is made ahead


class TileArea(QAbstractScrollArea):
    """Shows `model` as tiles; knows no session."""

    activated = Signal(int)  # image id: double click or Enter
    choice_made = Signal()  # by mouse or keys: what is chosen or where the keyboard is
    resize_wanted = Signal(int)  # another side of the pictures in px, by Ctrl and the wheel

    def __init__(self, thumbnails: Thumbnails, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self.model = ImageModel(self)
        self.threshold: float | None = None
        self._chosen = Selection()
        self._hovered = -1
        self._pressed: QPoint | None = None
        self._band: QRect | None = None
        self._wheeled = 0
        self._wish = side
        self._painter = TilePainter(side, self.font())
        self._plan = Plan(0, self._painter.size, 1)
        self._edge = QTimer(self)
        self._edge.setInterval(_CHECK_MS)
        self._edge.timeout.connect(self._on_edge_checked)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._settled.timeout.connect(self._on_scrolling_settled)
        self._set_up()

    def _set_up(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.viewport().setMouseTracking(True)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Base)
        self.viewport().setAutoFillBackground(True)
        self._thumbnails.ready.connect(self._on_thumbnail_ready)
        self._thumbnails.forgotten.connect(self.viewport().update)

    @property
    def tile_size(self) -> int:
        """The side that pictures have at least, in px; they grow a little so that rows end at the edge."""
        return self._wish

    @property
    def picture_side(self) -> int:
        """The side that pictures have now, in px."""
        return self._painter.side

    @property
    def picture_pixels(self) -> int:
        """The side that thumbnails are asked for, in device pixels: in steps, so that resizing finds them made."""
        return min(_LARGEST, math.ceil(self._painter.side * self.devicePixelRatioF() / _STEP) * _STEP)

    def shown_ids(self) -> NDArray[np.int64]:
        """The ids as they stand, for `session.set_order`."""
        return self.model.ids()

    def chosen_ids(self) -> tuple[int, ...]:
        """The ids that are chosen, in the order shown."""
        return tuple(self.model.ids()[self._chosen.places].tolist())

    def select_all(self) -> None:
        """Choose everything that is shown."""
        self._chosen.choose_all()
        self._tell()

    def show_image(self, image_id: int) -> None:
        """Scroll until the image is in sight."""
        place = self.model.place_of(image_id)
        if place >= 0:
            self._reveal(place)

    def tile_rect(self, image_id: int) -> QRect:
        """Where the image's tile lies in the viewport; empty when it is not shown."""
        place = self.model.place_of(image_id)
        return QRect() if place < 0 else self._rect(place)

    def _tell(self) -> None:
        self.viewport().update()
        self.choice_made.emit()

    def _on_thumbnail_ready(self, image_id: int) -> None:
        place = self.model.place_of(image_id)
        if place >= 0:
            self.viewport().update(self._rect(place))

    def _set_side(self, side: int) -> None:
        keep = self._chosen.current if self._chosen.current >= 0 else self._first_in_sight()
        self._wish = side
        self._lay_out()
        self._reveal(keep, centred=True)

    # -- places and scrolling

    def _lay_out(self) -> None:
        width = self.viewport().width()
        side = fitting(self._wish, width, 2 * PAD)
        if side != self._painter.side or self.font() != self._painter.font:
            self._painter = TilePainter(side, self.font())
        self._plan = Plan(len(self.model), self._painter.size, width)
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(1, self._plan.pitch // 3))
        bar.setRange(0, max(0, self._plan.height - self.viewport().height()))
        bar.setEnabled(bar.maximum() > 0)  # the bar keeps its room, so that rows do not jump; its handle is hidden
        self.viewport().update()
        self._settled.start()

    def _rect(self, place: int) -> QRect:
        return self._plan.rect(place).translated(0, -self.verticalScrollBar().value())

    def _place_at(self, point: QPoint) -> int:
        return self._plan.place_at(point + QPoint(0, self.verticalScrollBar().value()))

    def _first_in_sight(self) -> int:
        top = self.verticalScrollBar().value()
        return next(iter(self._plan.span(top + self._plan.pitch // 2, top + self._plan.pitch)), 0)

    def _reveal(self, place: int, *, centred: bool = False) -> None:
        if not 0 <= place < len(self.model):
            return
        rect, bar = self._plan.rect(place), self.verticalScrollBar()
        top, bottom = bar.value(), bar.value() + self.viewport().height()
        if rect.top() >= top and rect.bottom() <= bottom:
            return
        if centred:
            bar.setValue(rect.center().y() - self.viewport().height() // 2)
        elif rect.top() < top:
            bar.setValue(rect.top() - 8)
        else:
            bar.setValue(rect.bottom() - self.viewport().height() + 8)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """What stays in sight is moved, not painted anew."""
        if self._hovered >= 0:
            self.viewport().update(self._rect(self._hovered).translated(0, -dy))
            self._hovered = -1
        if self._band is None:
            self.viewport().scroll(0, dy)
        else:
            self.viewport().update()
        self._settled.start()

    def _on_scrolling_settled(self) -> None:
        """Ask for the next page and the one before while nobody waits."""
        if not self.isVisible() or not len(self.model):
            return
        top, height = self.verticalScrollBar().value(), self.viewport().height()
        after, before = self._plan.span(top + height, top + 2 * height), self._plan.span(top - height, top - 1)
        places = np.r_[after.start : after.stop, before.start : before.stop]
        self._thumbnails.prefetch(self.model.ids()[places], self.picture_pixels)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tiles that the event asks for."""
        painter = QPainter(self.viewport())
        top, exposed = self.verticalScrollBar().value(), event.rect()
        focused, palette, side = self.hasFocus(), self.palette(), self.picture_pixels
        for place in self._plan.span(exposed.top() + top, exposed.bottom() + top):
            rect = self._rect(place)
            if rect.intersects(exposed):
                self._painter.paint(painter, rect, self._tile(place, side), palette, focused=focused)
        if self._band is not None:
            _draw_band(painter, self._band.normalized().translated(0, -top))

    def _tile(self, place: int, side: int) -> Tile:
        table, row = self.model.table, int(self.model.rows[place])
        image_id = int(table.ids[row])
        picture = self._thumbnails.pixmap(image_id, side)
        if picture is not None:
            picture.setDevicePixelRatio(self.devicePixelRatioF())
        score = self.model.score_at(place)
        return Tile(
            name=table.names[row].rpartition("/")[2],
            label=LABELS[table.label[row]],
            split=SPLITS[table.split[row]],
            detail=self.model.class_at(place) or table.lots[table.lot[row]],
            score="" if score is None else score_text(score),
            rejected=score is not None and self.threshold is not None and score >= self.threshold,
            masked=bool(table.masked[row]),
            problem=self.model.problem_at(place),
            reason=self._thumbnails.reason(image_id),
            picture=picture,
            chosen=bool(self._chosen.chosen[place]),
            current=place == self._chosen.current,
            hovered=place == self._hovered,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what is in sight in sight."""
        keep = self._first_in_sight()
        self._lay_out()
        self._reveal(keep)

    def changeEvent(self, event: QEvent) -> None:
        """Another font or palette."""
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_painter"):
            self._lay_out()
        super().changeEvent(event)

    def sizeHint(self) -> QSize:
        """Room for some tiles."""
        return QSize(4 * self._painter.size.width(), 3 * self._painter.size.height())

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose as file managers do."""
        place = self._place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.RightButton and place >= 0 and not self._chosen.chosen[place]:
            self._chosen.only(place)
            self._tell()
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._pressed = event.position().toPoint() + QPoint(0, self.verticalScrollBar().value())
        modifiers = event.modifiers()
        if place >= 0:
            self._choose(place, modifiers)
        elif not modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
            self._chosen.choose_none()
        self._tell()

    def _choose(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        keeping = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._chosen.reach(place, adding=keeping)
        elif keeping:
            self._chosen.toggle(place)
        else:
            self._chosen.only(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw a band while the button is down; else follow the mouse."""
        point = event.position().toPoint()
        if self._pressed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._stretch_band(point, event.modifiers())
            return
        place = self._place_at(point)
        if place != self._hovered:
            for changed in (self._hovered, place):
                if changed >= 0:
                    self.viewport().update(self._rect(changed))
            self._hovered = place

    def _stretch_band(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        assert self._pressed is not None
        end = point + QPoint(0, self.verticalScrollBar().value())
        if self._band is None:
            if (end - self._pressed).manhattanLength() < QApplication.startDragDistance():
                return
            self._chosen.begin_band(keeping=bool(modifiers & Qt.KeyboardModifier.ControlModifier))
            self._edge.start()
        self._band = QRect(self._pressed, end)
        self._chosen.set_band(self._plan.under(self._band.normalized()))
        self.viewport().update()

    def _on_edge_checked(self) -> None:
        """A band that leaves the window takes it along."""
        point = self.viewport().mapFromGlobal(self.cursor().pos())
        beyond = min(0, point.y()) + max(0, point.y() - self.viewport().height())
        if beyond and self._band is not None:
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + max(-60, min(60, beyond)))
            self._stretch_band(point, QApplication.keyboardModifiers())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A band ends."""
        self._pressed = None
        self._edge.stop()
        if self._band is not None:
            self._band = None
            self._tell()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open it."""
        place = self._place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self.activated.emit(self.model.id_at(place))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl change the size of the tiles."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event)
            return
        self._wheeled += event.angleDelta().y()
        steps, self._wheeled = int(self._wheeled / 120), self._wheeled - 120 * int(self._wheeled / 120)
        if steps:
            self.resize_wanted.emit(self.tile_size + 32 * steps)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        self._hovered = -1
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        """Tooltips; the mouse leaving."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self._place_at(event.pos())
            reason = self._thumbnails.reason(self.model.id_at(place)) if place >= 0 else ""
            text = "\n".join(part for part in (self.model.describe(place), reason) if part) if place >= 0 else ""
            QToolTip.showText(event.globalPos(), text, self.viewport(), self._rect(place) if place >= 0 else QRect())
            return True
        if event.type() == QEvent.Type.Leave:
            self.leaveEvent(event)
        return super().viewportEvent(event)

    # -- keys

    def event(self, event: QEvent) -> bool:
        """Arrows and pages walk the tiles here, whatever else they do elsewhere; with Alt they are the window's."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and walks(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk, choose, open."""
        current, modifiers = self._chosen.current, event.modifiers()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current >= 0:
            self.activated.emit(self.model.id_at(current))
        elif event.key() == Qt.Key.Key_Space and current >= 0:
            self._chosen.toggle(current)
            self._tell()
        elif walks(event) and len(self.model):
            page = max(1, self.viewport().height() // self._plan.pitch)
            place = target_of(Qt.Key(event.key()), current, self._plan, page)
            if modifiers & Qt.KeyboardModifier.ControlModifier and not modifiers & Qt.KeyboardModifier.ShiftModifier:
                self._chosen.go(place)
            else:
                self._choose(place, modifiers)
            self._reveal(place)
            self._tell()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The frame of the current tile says that keys act here."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keys act elsewhere."""
        super().focusOutEvent(event)
        self.viewport().update()


def _draw_band(painter: QPainter, band: QRect) -> None:
    colour = QColor(theme.COLOUR["accent"])
    painter.setPen(QPen(colour, 1))
    colour.setAlpha(40)
    painter.setBrush(colour)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.drawRect(band)
