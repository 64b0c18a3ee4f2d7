"""How long a training may take: one card a preset, named by what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.words import tr
from core.config import PresetInfo

TRIAL: Final = "micro"  # shows that everything works and finds nothing: offered in the details only
_HEIGHT: Final = 50
_RADIUS: Final = 6
_DOT: Final = 16
_LEFT: Final = 40
_RIGHT: Final = 12


class PresetCard(QAbstractButton):
    """One preset: its cost, what it is good for, and how many pixels the detector sees."""

    def __init__(self, preset: PresetInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preset = preset
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(preset_title(preset))
        self.setAccessibleName(self.text())
        self.setAccessibleDescription(tr(preset.line))
        self.setToolTip(tr("{line}\nThe detector sees {size} x {size} pixels.", line=tr(preset.line), size=preset.size))

    def sizeHint(self) -> QSize:
        return QSize(320, self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(220, self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def enterEvent(self, event: QEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        accent, line = theme.COLOUR["accent"], theme.line()
        fill = QColor(accent)
        fill.setAlpha(26 if self.isChecked() else 12 if self.underMouse() else 0)
        painter.setPen(QPen(accent if self.isChecked() or self.hasFocus() else line, 1.5 if self.isChecked() else 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(box, _RADIUS, _RADIUS)
        self._draw_dot(painter, accent)
        self._draw_words(painter)
        painter.end()

    def _height(self) -> int:
        """Higher where the line does not fit: it is wrapped, never cut."""
        room = self.width() - _LEFT - _RIGHT
        metrics = self.fontMetrics()
        lines = metrics.boundingRect(0, 0, max(80, room), 1000, int(Qt.TextFlag.TextWordWrap), tr(self.preset.line))
        return _HEIGHT + max(0, lines.height() - metrics.height())

    def _draw_dot(self, painter: QPainter, accent: QColor) -> None:
        circle = QRectF(12, (self.height() - _DOT) / 2, _DOT, _DOT)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(accent if self.isChecked() else theme.muted(), 1.5))
        painter.drawEllipse(circle)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(accent)
            painter.drawEllipse(circle.adjusted(4, 4, -4, -4))

    def _draw_words(self, painter: QPainter) -> None:
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        numbers = theme.mono_numbers(self.font())
        painter.setFont(numbers)
        size = tr("{size} px", size=self.preset.size)
        taken = painter.fontMetrics().horizontalAdvance(size)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        half = _HEIGHT / 2
        upper = QRectF(_LEFT, 6, self.width() - _LEFT - _RIGHT, half - 6)
        lower = QRectF(_LEFT, half, self.width() - _LEFT - _RIGHT, self.height() - half - 6)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.muted())
        painter.drawText(upper, int(Qt.AlignmentFlag.AlignRight | centre), size)
        painter.drawText(lower, int(centre) | int(Qt.TextFlag.TextWordWrap), tr(self.preset.line))
        painter.setFont(bold)
        painter.setPen(text)
        painter.drawText(upper.adjusted(0, 0, -taken - 8, 0), int(centre), self.text())


class PresetCards(QFrame):
    """The presets of a model, cheapest first."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 12)
        self._column.setSpacing(6)
        title = QLabel(tr("How long may it take?"), self)
        title.setProperty("role", "heading")
        self._column.addWidget(title)
        self._column.addStretch(1)
        self._cards: dict[str, PresetCard] = {}

    @property
    def preset(self) -> str:
        """The preset that is chosen; '' before there is one."""
        return next((name for name, card in self._cards.items() if card.isChecked()), "")

    def show_presets(self, presets: Sequence[PresetInfo], chosen: str) -> None:
        """Offer these."""
        for card in self._cards.values():
            card.deleteLater()
        self._cards = {}
        for number, preset in enumerate(presets):
            card = PresetCard(preset, self)
            card.setVisible(preset.name != TRIAL or chosen == TRIAL)
            card.clicked.connect(lambda _=False, name=preset.name: self.chosen.emit(name))
            self._column.insertWidget(number + 1, card)
            self._cards[preset.name] = card
        self.choose(chosen)

    def choose(self, name: str) -> None:
        """Choose a preset by name."""
        card = self._cards.get(name)
        if card is not None:
            card.show()
            card.setChecked(True)

    def card(self, name: str) -> PresetCard:
        """The card of a preset. Raises KeyError."""
        return self._cards[name]

    def put_below(self, widget: QWidget) -> None:
        """Something that belongs to the choice."""
        self._column.addWidget(widget)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        shown = [name for name, card in self._cards.items() if not card.isHidden()]
        if step is None or self.preset not in shown:
            super().keyPressEvent(event)
            return
        name = shown[min(len(shown) - 1, max(0, shown.index(self.preset) + step))]
        self._cards[name].setFocus()
        self._cards[name].click()


def preset_title(preset: PresetInfo) -> str:
    """What a preset is called: what it costs."""
    cost = tr(preset.cost)
    return cost[:1].upper() + cost[1:]
