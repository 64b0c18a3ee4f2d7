"""Counts as short bars: a word, a bar in the colour of its meaning, a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme

_ROW_PX: Final = 22
_WORD_PX: Final = 104
_NUMBER_PX: Final = 58


@dataclass(frozen=True)
class Bar:
    """One line; `mark` is the shape that goes with its colour."""

    word: str
    number: int
    colour: QColor
    mark: str = ""


class Bars(QWidget):
    """Lines of one scale: the longest bar is the largest number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Show these lines."""
        self._bars = tuple(bars)
        self.setAccessibleDescription(", ".join(f"{bar.word} {bar.number}" for bar in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(220, _ROW_PX * len(self._bars))

    def minimumSizeHint(self) -> QSize:
        return QSize(180, _ROW_PX * len(self._bars))

    def _word_px(self) -> int:
        """As wide as the longest word, within bounds, so that the lines of a list begin below each other."""
        longest = max((self.fontMetrics().horizontalAdvance(bar.word) for bar in self._bars), default=0)
        return min(max(_WORD_PX, longest + 12), self.width() // 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        longest = max((bar.number for bar in self._bars), default=0) or 1
        words = self._word_px()
        room = self.width() - words - _NUMBER_PX - 8
        text = self.palette().color(self.palette().ColorRole.WindowText)
        numbers = theme.mono_numbers(self.font())
        for index, bar in enumerate(self._bars):
            top = index * _ROW_PX
            painter.setFont(self.font())
            x = 0
            if bar.mark:
                painter.setPen(bar.colour)
                painter.drawText(QRect(0, top, 16, _ROW_PX), Qt.AlignmentFlag.AlignVCenter, bar.mark)
                x = 18
            painter.setPen(text if bar.number else theme.muted())
            word = painter.fontMetrics().elidedText(bar.word, Qt.TextElideMode.ElideRight, words - x - 4)
            painter.drawText(QRect(x, top, words - x, _ROW_PX), Qt.AlignmentFlag.AlignVCenter, word)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.line())
            painter.drawRoundedRect(QRectF(words, top + 9, room, 4), 2, 2)
            if bar.number:
                painter.setBrush(bar.colour)
                painter.drawRoundedRect(QRectF(words, top + 9, max(4.0, room * bar.number / longest), 4), 2, 2)
            painter.setFont(numbers)
            painter.setPen(text if bar.number else theme.muted())
            number = QRect(self.width() - _NUMBER_PX, top, _NUMBER_PX, _ROW_PX)
            painter.drawText(number, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{bar.number:,}")
