"""What stands on the canvas instead of an image: nothing chosen, being read, cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPalette

from app import theme
from app.canvas.viewport import Viewport
from app.icons import icon

_SIGN = 48
_WIDEST = 520


@dataclass(frozen=True)
class Notice:
    """A headline, a few words, and an icon's name."""

    headline: str
    text: str = ""
    sign: str = ""


def of_error(error: Exception) -> Notice:
    """An error in the words that its author gave it."""
    from app.words import describe

    headline, rest = describe(error)
    return Notice(headline, rest, "warning")


def paint(painter: QPainter, shown: Notice, view: Viewport, palette: QPalette) -> None:
    """Centred on the widget; the painter works in device pixels."""
    dpr = view.dpr
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(dpr, dpr)
    width, height = view.width / dpr, view.height / dpr
    room = min(_WIDEST, width - 32)
    top = height / 2 - (_SIGN + 12 if shown.sign else 20)
    if shown.sign:
        colour = theme.COLOUR["warning"] if shown.sign == "warning" else theme.muted()
        icon(shown.sign, colour).paint(painter, QRectF((width - _SIGN) / 2, top, _SIGN, _SIGN).toRect())
        top += _SIGN + 12
    font = QFont(painter.font())
    font.setPixelSize(16)
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(palette.color(QPalette.ColorRole.WindowText))
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    area = QRectF((width - room) / 2, top, room, height - top)
    used = painter.boundingRect(area, flags, shown.headline)
    painter.drawText(area, flags, shown.headline)
    font.setPixelSize(theme.TEXT_PX)
    font.setWeight(QFont.Weight.Normal)
    painter.setFont(font)
    painter.setPen(theme.muted())
    painter.drawText(area.adjusted(0, used.height() + 6, 0, 0), flags, shown.text)
    painter.restore()
