"""One row of small pictures: the order that previous and next walk, the current image in its middle."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
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
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.commands import Actions
from app.gallery.marks import draw_marks, mark_words
from app.gallery.thumbnails import Thumbnails
from app.gallery.tiles import draw_label, draw_picture
from app.session import Session
from app.words import tr
from core.words import LABELS

HEIGHT: Final = 96
_SIDE: Final = 72
_PITCH: Final = 80
_TOP: Final = 9
_EDGE: Final = 8
_TRACK: Final = 3


class Filmstrip(QWidget):
    """Follows `session.order` and `session.current`; a click shows an image, the wheel scrolls."""

    activated = Signal(int)  # image id: double click

    def __init__(
        self, session: Session, thumbnails: Thumbnails, actions: Actions | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._thumbnails = thumbnails
        self._offset = 0
        self._hovered = -1
        self._place = -1
        self._colours: dict[str, QColor] = {}  # of defect classes
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setBackgroundRole(QPalette.ColorRole.Window)
        self.setAutoFillBackground(True)
        self.setAccessibleName(tr("Filmstrip"))
        if actions is not None:
            actions.attach(self)
        session.order_changed.connect(self._on_session_order_changed)
        session.current_changed.connect(self._on_session_current_changed)
        session.images_changed.connect(self._on_session_images_changed)
        session.table_loaded.connect(self._on_session_table_loaded)
        thumbnails.ready.connect(self._on_thumbnail_ready)
        thumbnails.forgotten.connect(self.update)
        self._on_session_table_loaded()
        self._on_session_order_changed()

    def place_rect(self, place: int) -> QRect:
        """Where the image at `place` of the order lies."""
        return QRect(_EDGE + place * _PITCH - self._offset, _TOP, _SIDE, _SIDE)

    def _places(self, left: int, right: int) -> range:
        first = max(0, (left + self._offset - _EDGE) // _PITCH)
        last = (right + self._offset - _EDGE) // _PITCH
        return range(first, max(first, min(len(self._session.order), last + 1)))

    def _place_at(self, point: QPoint) -> int:
        place = (point.x() + self._offset - _EDGE) // _PITCH
        return place if 0 <= place < len(self._session.order) and point.y() < HEIGHT - _TRACK else -1

    def _farthest(self) -> int:
        return max(0, len(self._session.order) * _PITCH + 2 * _EDGE - (_PITCH - _SIDE) - self.width())

    def _scroll_to(self, offset: int) -> None:
        self._offset = max(0, min(self._farthest(), offset))
        self._hovered = -1
        self.update()

    def _centre(self) -> None:
        if self._place >= 0:
            self._scroll_to(_EDGE + self._place * _PITCH + _SIDE // 2 - self.width() // 2)
        else:
            self._scroll_to(self._offset)

    # -- news

    def _on_session_order_changed(self) -> None:
        self._place = self._session.position()
        self._centre()

    def _on_session_current_changed(self, _: object) -> None:
        self._place = self._session.position()
        self._centre()
        ahead = range(max(0, self._place - 2), min(len(self._session.order), self._place + 3))
        if self._place >= 0 and self.isVisible():
            self._thumbnails.prefetch(self._session.order[ahead.start : ahead.stop], self._pixels())

    def _on_session_images_changed(self, ids: object) -> None:
        if ids is None:
            self._on_session_table_loaded()
        self.update()

    def _on_session_table_loaded(self, *_: object) -> None:
        self._colours = {one.code: QColor(one.colour) for one in self._session.classes}
        self.update()

    def _on_thumbnail_ready(self, image_id: int) -> None:
        for place in self._places(0, self.width()):
            if self._session.order[place] == image_id:
                self.update(self.place_rect(place).adjusted(-4, -4, 4, 4))

    # -- painting

    def sizeHint(self) -> QSize:
        """As wide as it gets."""
        return QSize(10 * _PITCH, HEIGHT)

    def _pixels(self) -> int:
        return round(_SIDE * self.devicePixelRatioF())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pictures that the event asks for."""
        painter = QPainter(self)
        painter.setPen(theme.line())
        painter.drawLine(0, 0, self.width(), 0)
        if not len(self._session.order):
            painter.setPen(theme.muted())
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr("No images in this list"))
            return
        for place in self._places(event.rect().left() - _PITCH, event.rect().right() + _PITCH):
            self._draw(painter, place)
        self._draw_track(painter)

    def _draw(self, painter: QPainter, place: int) -> None:
        image_id, well = int(self._session.order[place]), self.place_rect(place)
        picture = self._thumbnails.pixmap(image_id, self._pixels())
        if picture is not None:
            picture.setDevicePixelRatio(self.devicePixelRatioF())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        draw_picture(painter, well, picture, self._thumbnails.reason(image_id), self.palette(), self.font())
        self._draw_badge(painter, well, image_id)
        current = place == self._place
        if current or place == self._hovered:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            colour = theme.COLOUR["accent"] if current else theme.muted()
            painter.setPen(QPen(colour, 2.5 if current else 1))
            frame = QRectF(well).adjusted(-2, -2, 2, 2) if current else QRectF(well).adjusted(-0.5, -0.5, 0.5, 0.5)
            painter.drawRoundedRect(frame, 3, 3)

    def _draw_badge(self, painter: QPainter, well: QRect, image_id: int) -> None:
        """The label's shape on a dark disc, so that it is seen on dark and bright pictures."""
        table = self._session.table
        row = -1 if table is None else int(table.row_of([image_id])[0])
        if table is None or row < 0:
            return
        spot = QRectF(well.left() + 3, well.bottom() - 15, 13, 13)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(16, 18, 20, 190))
        painter.drawEllipse(spot.adjusted(-1, -1, 1, 1))
        draw_label(painter, spot.adjusted(2.5, 2.5, -2.5, -2.5), LABELS[table.label[row]])
        draw_marks(painter, well, table, row, self._colours)

    def _draw_track(self, painter: QPainter) -> None:
        """A thin line at the foot: how much of the list is in sight, and where."""
        whole = self._farthest() + self.width()
        if whole <= self.width():
            return
        length = max(24, self.width() * self.width() // whole)
        left = round((self.width() - length) * self._offset / max(1, self._farthest()))
        painter.fillRect(QRect(left, HEIGHT - _TRACK, length, _TRACK), theme.line())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The current image stays in the middle."""
        self._centre()

    # -- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Show the image."""
        place = self._place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self._session.set_current(int(self._session.order[place]))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open it."""
        if event.button() == Qt.MouseButton.LeftButton and self._session.current is not None:
            self.activated.emit(self._session.current)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A thin frame under the mouse."""
        place = self._place_at(event.position().toPoint())
        if place != self._hovered:
            self._hovered = place
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse."""
        self._hovered = -1
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll along the row."""
        delta = event.angleDelta().x() or event.angleDelta().y()
        self._scroll_to(self._offset - delta)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right walk; to the ends with Home and End."""
        order = self._session.order
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._session.step(-1 if event.key() == Qt.Key.Key_Left else 1)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End) and len(order):
            self._session.set_current(int(order[0 if event.key() == Qt.Key.Key_Home else -1]))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """The name of the image under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place, table = self._place_at(event.pos()), self._session.table
            row = -1 if place < 0 or table is None else int(table.row_of([int(self._session.order[place])])[0])
            lines = (
                [] if table is None or row < 0 else [table.names[row], mark_words(table, row, self._session.classes)]
            )
            lines += [self._thumbnails.reason(int(self._session.order[place]))] if lines else []
            QToolTip.showText(event.globalPos(), "\n".join(line for line in lines if line), self)
            return True
        return super().event(event)
