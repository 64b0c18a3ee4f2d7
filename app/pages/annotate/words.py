"""How a defect class is called and shown on the screen."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPixmap

from app.words import language
from core.project.records import DefectClass


def class_word(one: DefectClass) -> str:
    """The name of a class in the person's language, else its code."""
    return one.names.get(language()) or one.names.get("en") or one.code


def swatch(colour: QColor, side: int = 14) -> QPixmap:
    """A small square of a class's colour."""
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(0, 0, side, side, 3, 3)
    painter.end()
    return pixmap
