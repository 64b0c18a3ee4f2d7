"""How an image looks in the grid and the filmstrip: picture, name, label by colour and shape, split, score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen, QPixmap, QPixmapCache, QPolygonF

from app import theme
from app.icons import icon
from app.words import split_word
from core.words import Label, Split

PAD: Final = 6  # between a tile's edge and what it holds
_LINE: Final = 18
_SHAPE: Final = 9
_LEGIBLE: Final = 92  # px: smaller pictures have no room for a reason in words
_ALIGN_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_WRAPPED: Final = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap


@dataclass
class Tile:
    """What is drawn of one image."""

    name: str
    label: Label
    split: Split
    detail: str = ""  # defect class or lot
    score: str = ""
    rejected: bool = False
    masked: bool = False
    problem: str = ""
    reason: str = ""  # why there is no picture
    picture: QPixmap | None = None
    chosen: bool = False
    current: bool = False
    hovered: bool = False


class TilePainter:
    """Draws tiles of one size; made anew when size or font change."""

    def __init__(self, side: int, font: QFont) -> None:
        self.side = side
        self.font = QFont(font)
        self.small = theme.mono_numbers(QFont(font))
        if font.pixelSize() > 0:
            self.small.setPixelSize(max(10, font.pixelSize() - 1))

    @cached_property
    def size(self) -> QSize:
        """Of a whole tile."""
        return QSize(self.side + 2 * PAD, self.side + 2 * PAD + 2 * _LINE + 4)

    @cached_property
    def _measure(self) -> QFontMetrics:
        return QFontMetrics(self.font)

    @cached_property
    def _measure_small(self) -> QFontMetrics:
        return QFontMetrics(self.small)

    def paint(self, painter: QPainter, rect: QRect, tile: Tile, palette: QPalette, *, focused: bool) -> None:
        """Draw one tile in `rect`."""
        _ground(painter, rect, tile, palette, focused)
        well = QRect(rect.left() + PAD, rect.top() + PAD, self.side, self.side)
        draw_picture(painter, well, tile.picture, tile.reason, palette, self.small)
        if tile.score:
            self._score(painter, well, tile)
        if tile.problem and not tile.reason:
            _corner_icon(painter, well, "warning", theme.COLOUR["warning"])
        self._caption(painter, QRect(well.left(), well.bottom() + 5, well.width(), 2 * _LINE), tile, palette)

    def _caption(self, painter: QPainter, rect: QRect, tile: Tile, palette: QPalette) -> None:
        draw_label(painter, QRectF(rect.left() + 1, rect.top() + (_LINE - _SHAPE) / 2, _SHAPE, _SHAPE), tile.label)
        left = rect.left() + _SHAPE + 7
        width = rect.right() - left + 1
        sign = 18 if tile.masked else 0
        painter.setFont(self.font)
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        name = self._measure.elidedText(tile.name, Qt.TextElideMode.ElideMiddle, width - sign)
        painter.drawText(QRect(left, rect.top(), width - sign, _LINE), _ALIGN_LEFT, name)
        if tile.masked:
            draw_icon(painter, QRect(rect.right() - 13, rect.top() + 2, 14, 14), "annotate", theme.muted())
        self._second_line(painter, QRect(rect.left(), rect.top() + _LINE - 1, rect.width(), _LINE), tile)

    def _second_line(self, painter: QPainter, rect: QRect, tile: Tile) -> None:
        """A square in the split's colour below the label's shape, then its word and what else is known."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.COLOUR[tile.split])
        painter.drawRoundedRect(QRectF(rect.left() + 2, rect.center().y() - 3, 7, 7), 1.5, 1.5)
        left = rect.left() + _SHAPE + 7
        words = " · ".join(word for word in (split_word(tile.split), tile.detail) if word)
        shown = self._measure_small.elidedText(words, Qt.TextElideMode.ElideRight, rect.right() - left + 1)
        painter.setFont(self.small)
        painter.setPen(theme.muted())
        painter.drawText(QRect(left, rect.top(), rect.right() - left + 1, _LINE), _ALIGN_LEFT, shown)

    def _score(self, painter: QPainter, well: QRect, tile: Tile) -> None:
        painter.setFont(self.small)
        width = self._measure_small.horizontalAdvance(tile.score) + 12
        chip = QRectF(well.right() - width - 3, well.bottom() - 22, width, 19)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.COLOUR["defective"], 1.5) if tile.rejected else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(16, 18, 20, 205))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(QColor(Qt.GlobalColor.white))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, tile.score)


def draw_picture(
    painter: QPainter, well: QRect, picture: QPixmap | None, reason: str, palette: QPalette, font: QFont
) -> None:
    """The picture in the middle of its well, or why there is none, or the well alone while it is made."""
    painter.fillRect(well, palette.color(QPalette.ColorRole.AlternateBase))
    if picture is not None:
        scale = well.width() / max(picture.width(), picture.height())
        width, height = round(picture.width() * scale), round(picture.height() * scale)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        x = well.left() + (well.width() - width) // 2
        painter.drawPixmap(QRect(x, well.top() + (well.height() - height) // 2, width, height), picture)
    elif reason:
        _draw_reason(painter, well, reason, font)


def draw_label(painter: QPainter, rect: QRectF, label: Label) -> None:
    """Good: a disc; defective: a triangle; unlabelled: a ring. Colour and shape say the same."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour = theme.COLOUR[label]
    if label == "unlabelled":
        painter.setPen(QPen(colour, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(rect.adjusted(0.8, 0.8, -0.8, -0.8))
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if label == "good":
        painter.drawEllipse(rect)
        return
    height = rect.width() * math.sqrt(3) / 2 * 1.12
    top, foot = rect.center().y() - height / 2, rect.center().y() + height / 2
    corners = (QPointF(rect.center().x(), top), QPointF(rect.right() + 0.6, foot), QPointF(rect.left() - 0.6, foot))
    painter.drawPolygon(QPolygonF(corners))


def _ground(painter: QPainter, rect: QRect, tile: Tile, palette: QPalette, focused: bool) -> None:
    """Chosen: a tinted card with a frame; under the mouse: a faint one; where the keyboard is: a second frame."""
    if not (tile.chosen or tile.hovered or tile.current):
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    frame = QRectF(rect).adjusted(1, 1, -1, -1)
    accent = QColor(theme.COLOUR["accent"])
    if tile.chosen:
        tint = QColor(accent)
        tint.setAlpha(64 if theme.is_dark() else 40)
        painter.setBrush(tint)
        painter.setPen(QPen(accent, 2 if tile.current and focused else 1))
    elif tile.hovered:
        painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
        painter.setPen(Qt.PenStyle.NoPen)
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(accent if focused else theme.line(), 1, Qt.PenStyle.DashLine))
    painter.drawRoundedRect(frame, 6, 6)


def _draw_reason(painter: QPainter, well: QRect, reason: str, font: QFont) -> None:
    size, told = 20, well.width() >= _LEGIBLE
    top = well.top() + max(4, well.height() // 2 - size - 12) if told else well.center().y() - size // 2
    sign = QRect(well.center().x() - size // 2, top, size, size)
    draw_icon(painter, sign, "warning", theme.COLOUR["warning"])
    painter.setFont(font)
    painter.setPen(theme.muted())
    text = reason[:1].upper() + reason[1:]
    if told:
        painter.drawText(well.adjusted(6, top - well.top() + size + 4, -6, -4), int(_WRAPPED), text)


def _corner_icon(painter: QPainter, well: QRect, name: str, colour: QColor) -> None:
    spot = QRectF(well.right() - 24, well.top() + 3, 22, 22)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 18, 20, 205))
    painter.drawRoundedRect(spot, 4, 4)
    draw_icon(painter, spot.toRect().adjusted(4, 4, -4, -4), name, colour)


def draw_icon(painter: QPainter, rect: QRect, name: str, colour: QColor) -> None:
    """An icon from Qt's cache of pixmaps: drawing SVG for every tile would be seen while scrolling."""
    ratio = painter.device().devicePixelRatioF()
    key = f"gallery {name} {colour.name()} {rect.width()} {ratio}"
    drawn = QPixmap()
    if not QPixmapCache.find(key, drawn):
        drawn = QPixmap(rect.size() * ratio)
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(Qt.GlobalColor.transparent)
        inner = QPainter(drawn)
        icon(name, colour).paint(inner, QRect(QPoint(0, 0), rect.size()))
        inner.end()
        QPixmapCache.insert(key, drawn)
    painter.drawPixmap(rect, drawn)
