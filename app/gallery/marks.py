"""Small marks in the corners of a picture: a brush and the colour of the class where something is painted, a note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app import theme
from app.gallery.tiles import draw_icon
from app.words import class_words, label_word, tr
from core.project.records import DefectClass
from core.project.table import ImageTable
from core.words import LABELS

_SIDE: Final = 15
_ICON: Final = 11
_DOT: Final = 8
_EDGE: Final = 2
_PAPER: Final = QColor(16, 18, 20, 205)  # the marks are seen on dark and on bright pictures
_WHITE: Final = QColor("#ffffff")


def draw_marks(painter: QPainter, well: QRect, table: ImageTable, row: int, colours: Mapping[str, QColor]) -> None:
    """Draw what the image at `row` has, in the corners on the right of `well`; `colours` by code of a class."""
    if table.masked[row]:
        spot = QRect(well.right() - _EDGE - _SIDE - _DOT - 2, well.bottom() - _EDGE - _SIDE, _SIDE + _DOT + 3, _SIDE)
        _chip(painter, spot, "brush")
        dot = QRectF(spot.right() - _DOT - 2, spot.center().y() - _DOT / 2 + 0.5, _DOT, _DOT)
        painter.setBrush(colours.get(_class_at(table, row), theme.COLOUR["defective"]))
        painter.setPen(QPen(_WHITE, 1))
        painter.drawEllipse(dot)
    if table.noted[row]:
        _chip(painter, QRect(well.right() - _EDGE - _SIDE, well.top() + _EDGE + 1, _SIDE, _SIDE), "note")


def mark_words(table: ImageTable, row: int, classes: Iterable[DefectClass]) -> str:
    """What the marks of the image at `row` say: Defective (Scratch) · painted · has a note."""
    names = class_words(classes)
    kind = table.classes[table.defect_class[row]]
    parts = [label_word(LABELS[table.label[row]]) + (f" ({names.get(kind, kind)})" if kind else "")]
    if table.masked[row]:
        last = table.classes[table.painted_class[row]]
        parts.append(tr("painted, last {name}", name=names.get(last, last)) if last else tr("painted"))
    if table.noted[row]:
        parts.append(tr("has a note"))
    return " · ".join(parts)


def _class_at(table: ImageTable, row: int) -> str:
    """What was painted last, else what the image is of (an imported mask)."""
    code: str = table.classes[table.painted_class[row]] or table.classes[table.defect_class[row]]
    return code


def _chip(painter: QPainter, spot: QRect, sign: str) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PAPER)
    painter.drawRoundedRect(QRectF(spot), 4, 4)
    inset = (_SIDE - _ICON) // 2
    draw_icon(painter, QRect(spot.left() + inset, spot.top() + inset, _ICON, _ICON), sign, _WHITE)
