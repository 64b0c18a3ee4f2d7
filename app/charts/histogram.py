"""Scores by label with the threshold to drag: good parts above the axis, defective ones below, what is wrong in full
colour. Painted by hand in well under a millisecond, so that a drag follows the mouse at 230,000 images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.words import tr
from core.workflow.review_table import ScoreColumns

_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 30, 22
_BAR_PX: Final = 7
_FADED: Final = 95
_LEAST_PX: Final = 2.0
_GRIP_PX: Final = 7
_SIDE_PX: Final = 64  # what the words beside the value take
_SMALLEST_SPAN: Final = 1e-4
_KEYS: Final = frozenset(
    {Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus, Qt.Key.Key_0}
)


class Histogram(QWidget):
    """A histogram of parts. Dragging moves the threshold, the wheel zooms, a double click shows everything again.

    The first press of a double click moves the line, as every press does; the second puts it back.
    """

    threshold_moved = Signal(float)  # while it is dragged
    threshold_chosen = Signal(float)  # when it is let go
    zoomed = Signal(bool)  # whether only a part of the scores is shown now
    step_wanted = Signal(bool)  # an arrow key: to the next score above (True) or below

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: ScoreColumns | None = None
        self._threshold = 0.5
        self._recheck: float | None = None
        self._marks: tuple[float, ...] = ()
        self._current: float | None = None
        self._is_log = True
        self._range: tuple[float, float] = (0.0, 1.0)
        self._is_zoomed = False
        self._is_dragged = False
        self._before = 0.5  # where the line stood before it was pressed
        self._hover: float | None = None
        self._counts: tuple[NDArray[np.int64], ...] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Scores by label, with the threshold"))

    def sizeHint(self) -> QSize:
        """A band across the page."""
        return QSize(640, 190)

    # -- what is shown

    @property
    def threshold(self) -> float:
        """Where the line stands."""
        return self._threshold

    @property
    def span(self) -> tuple[float, float]:
        """The scores at the left and right end."""
        return self._range

    def set_columns(self, columns: ScoreColumns | None) -> None:
        """Other parts."""
        self._columns = columns
        if not self._is_zoomed:
            self._range = self._whole()
        self._counts = None
        self.update()

    def set_threshold(self, threshold: float, *, recheck_from: float | None = None) -> None:
        """Move the line; says nothing."""
        self._threshold, self._recheck = threshold, recheck_from
        self.update()

    def set_marks(self, marks: Sequence[float]) -> None:
        """Thresholds to be seen beside the one in use: the one kept, those that tuning images propose."""
        self._marks = tuple(marks)
        self.update()

    def set_current(self, score: float | None) -> None:
        """Mark where the image on screen lies."""
        self._current = score
        self.update()

    def set_log(self, is_log: bool) -> None:
        """Count on a logarithmic scale, so that a single part is seen beside thousands."""
        self._is_log = is_log
        self.update()

    def show_all(self) -> None:
        """Undo zooming."""
        self._show(self._whole(), is_zoomed=False)

    def show_near(self) -> None:
        """A quarter of all scores, the threshold in the middle where it can be."""
        low, high = self._whole()
        span = max((high - low) / 4, _SMALLEST_SPAN)
        start = min(max(self._threshold - span / 2, low), high - span)
        self._show((start, start + span), is_zoomed=True)

    def _show(self, span: tuple[float, float], *, is_zoomed: bool) -> None:
        changed, self._is_zoomed = is_zoomed != self._is_zoomed, is_zoomed
        self._range, self._counts = span, None
        self.update()
        if changed:
            self.zoomed.emit(is_zoomed)

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Show `factor` of the span around a score (the threshold)."""
        at = self._threshold if at is None else at
        low, high = self._range
        span = max((high - low) * factor, _SMALLEST_SPAN)
        whole = self._whole()
        if span >= whole[1] - whole[0]:
            self.show_all()
            return
        share = (at - low) / max(high - low, 1e-12)
        start = min(max(at - share * span, whole[0]), whole[1] - span)
        self._show((start, start + span), is_zoomed=True)

    def x_of(self, score: float) -> float:
        """Where a score stands in the widget."""
        low, high = self._range
        plot = self._plot()
        return float(plot.left() + (score - low) / max(high - low, 1e-12) * plot.width())

    def score_at(self, x: float) -> float:
        """The score under a place in the widget, inside what is shown."""
        low, high = self._range
        plot = self._plot()
        share = (x - plot.left()) / max(plot.width(), 1.0)
        return float(low + min(max(share, 0.0), 1.0) * (high - low))

    # -- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the line."""
        if event.button() == Qt.MouseButton.LeftButton and self._columns is not None:
            self._is_dragged, self._before = True, self._threshold
            self._drag(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag it, or show what lies under the mouse."""
        if self._is_dragged:
            self._drag(event.position().x())
            return
        near = abs(event.position().x() - self.x_of(self._threshold)) <= _GRIP_PX
        self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)
        self._hover = self.score_at(event.position().x()) if self._plot().contains(event.position()) else None
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._is_dragged and event.button() == Qt.MouseButton.LeftButton:
            self._is_dragged = False
            self.threshold_chosen.emit(self._threshold)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Everything again, and the line where it was before the first press."""
        if event.button() != Qt.MouseButton.LeftButton or self._columns is None:
            return
        self._threshold = self._before
        self.threshold_chosen.emit(self._before)
        self.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the mouse."""
        turns = event.angleDelta().y() / 120
        if turns and self._columns is not None:
            self.zoom(0.8**turns, self.score_at(event.position().x()))
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Its own keys come before commands of the page: here an arrow moves the threshold, not to another image."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_own(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go from score to score, plus and minus zoom."""
        key = event.key()
        if not _is_own(event):
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.step_wanted.emit(key == Qt.Key.Key_Right)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(0.8)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1.25)
        else:
            self.show_all()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing lies under the mouse."""
        self._hover = None
        self.update()

    def resizeEvent(self, event: object) -> None:
        """The bars keep their width."""
        self._counts = None

    def _drag(self, x: float) -> None:
        self._threshold = self.score_at(x)
        self.update()
        self.threshold_moved.emit(self._threshold)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars, axis, line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.mono_numbers(self.font()))
        plot = self._plot()
        if self._columns is None:
            painter.end()
            return
        good, bad, free = self._binned()
        base, unit = self._scale(good + free, bad, plot)
        self._paint_grid(painter, plot, base, unit, int((good + free).max(initial=0)), int(bad.max(initial=0)))
        self._paint_bars(painter, plot, base, unit, (good, bad, free))
        self._paint_axis(painter, plot, base)
        self._paint_line(painter, plot)
        self._paint_legend(painter)
        painter.end()

    def _whole(self) -> tuple[float, float]:
        if self._columns is None:
            return (0.0, 1.0)
        low = min(0.0, self._columns.lowest())
        high = max(self._columns.highest(), self._threshold, low + 1e-3)
        return (low, low + (high - low) * 1.06)

    def _plot(self) -> QRectF:
        return QRectF(_LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), max(1, self.height() - _TOP - _BOTTOM))

    def _binned(self) -> tuple[NDArray[np.int64], ...]:
        if self._counts is None and self._columns is not None:
            bars = max(8, int(self._plot().width() // _BAR_PX))
            edges = np.linspace(*self._range, bars + 1)
            edges[-1] = np.nextafter(edges[-1], np.inf)
            columns = (self._columns.good, self._columns.defective, self._columns.unlabelled)
            self._counts = tuple(np.diff(np.searchsorted(one, edges)) for one in columns)
        return self._counts or (np.zeros(8, np.int64),) * 3

    def _tall(self, count: float) -> float:
        return math.log1p(count) if self._is_log else float(count)

    def _scale(self, up: NDArray[np.int64], down: NDArray[np.int64], plot: QRectF) -> tuple[float, float]:
        """The axis' place, and pixels for one unit of height; one scale for both sides."""
        above, below = self._tall(int(up.max(initial=0))), self._tall(int(down.max(initial=0)))
        if above + below == 0:
            return plot.bottom(), 0.0
        room = plot.height() - (14 if below else 0)
        unit = room / (above + below)
        return plot.top() + above * unit, unit

    def _paint_bars(
        self, painter: QPainter, plot: QRectF, base: float, unit: float, counts: Sequence[NDArray[np.int64]]
    ) -> None:
        good, bad, free = counts
        split = min(max(self.x_of(self._threshold), plot.left()), plot.right())
        left = QRectF(plot.left(), plot.top(), split - plot.left(), plot.height())
        right = QRectF(split, plot.top(), plot.right() - split, plot.height())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for area, strong_up, strong_down in ((left, False, True), (right, True, False)):
            painter.setClipRect(area)
            self._side(painter, plot, base, unit, (free, good), ("unlabelled", "good"), up=True, strong=strong_up)
            self._side(painter, plot, base, unit, (bad,), ("defective",), up=False, strong=strong_down)
        painter.setClipping(False)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def _side(
        self,
        painter: QPainter,
        plot: QRectF,
        base: float,
        unit: float,
        stacked: Sequence[NDArray[np.int64]],
        names: Sequence[str],
        *,
        up: bool,
        strong: bool,
    ) -> None:
        """Bars of one side of the axis: the whole stack first, then what stands before it."""
        width = plot.width() / stacked[0].size
        total = np.sum(stacked, axis=0)
        for counts, name in zip((total, *(total - one for one in stacked[:-1])), names, strict=True):
            colour = QColor(theme.COLOUR[name])
            colour.setAlpha(255 if strong else _FADED)
            ink = self._over_ground(colour)
            for place in np.flatnonzero(counts).tolist():
                height = max(self._tall(int(counts[place])) * unit, _LEAST_PX)
                top = base - height if up else base
                painter.fillRect(QRectF(plot.left() + place * width, top, max(width - 1, 1.0), height), ink)

    def _over_ground(self, colour: QColor) -> QColor:
        """A faded colour as it looks on the ground, opaque, so that stacked bars do not mix."""
        ground, share = self.palette().window().color(), colour.alphaF()
        return QColor.fromRgbF(
            share * colour.redF() + (1 - share) * ground.redF(),
            share * colour.greenF() + (1 - share) * ground.greenF(),
            share * colour.blueF() + (1 - share) * ground.blueF(),
        )

    def _paint_grid(self, painter: QPainter, plot: QRectF, base: float, unit: float, up: int, down: int) -> None:
        painter.setPen(QPen(theme.line(), 1))
        for count, sign in ((up, -1), (down, 1)):
            if not count:
                continue
            y = round(base + sign * self._tall(count) * unit) + 0.5
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.muted())
            text = QRectF(0, y - 8, _LEFT - 6, 16)
            painter.drawText(text, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{count:,}")
            painter.setPen(QPen(theme.line(), 1))
        painter.setPen(QPen(theme.muted(), 1))
        painter.drawLine(QPointF(plot.left(), round(base) + 0.5), QPointF(plot.right(), round(base) + 0.5))

    def _paint_axis(self, painter: QPainter, plot: QRectF, base: float) -> None:
        painter.setPen(theme.muted())
        low, high = self._range
        step = _nice(high - low, plot.width() / 90)
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        y = plot.bottom() + 3
        for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
            x = self.x_of(number * step)
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 3))
            area = QRectF(x - 40, y, 80, 16)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, f"{number * step:.{digits}f}")
        if self._current is not None and low <= self._current <= high:
            x = self.x_of(self._current)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().windowText())
            painter.drawPolygon(QPolygonF([QPointF(x, base - 1), QPointF(x - 5, base - 10), QPointF(x + 5, base - 10)]))

    def _paint_line(self, painter: QPainter, plot: QRectF) -> None:
        x, accent = self.x_of(self._threshold), theme.COLOUR["accent"]
        if self._recheck is not None and self._recheck < self._threshold:
            band = QColor(theme.COLOUR["warning"])
            band.setAlpha(45)
            start = max(self.x_of(self._recheck), plot.left())
            painter.fillRect(QRectF(start, plot.top(), x - start, plot.height()), band)
        faint = QPen(theme.muted(), 1, Qt.PenStyle.DashLine)
        painter.setPen(faint)
        for mark in self._marks:
            if plot.left() <= self.x_of(mark) <= plot.right():
                painter.drawLine(QPointF(self.x_of(mark), plot.top()), QPointF(self.x_of(mark), plot.bottom()))
        if self._hover is not None and not self._is_dragged:
            painter.setPen(QPen(theme.line(), 1))
            hover = self.x_of(self._hover)
            painter.drawLine(QPointF(hover, plot.top()), QPointF(hover, plot.bottom()))
        if not plot.left() - 1 <= x <= plot.right() + 1:
            return
        painter.setPen(QPen(accent, 2))
        painter.drawLine(QPointF(x, plot.top() - 4), QPointF(x, plot.bottom()))
        self._paint_grip(painter, plot, x)

    def _paint_grip(self, painter: QPainter, plot: QRectF, x: float) -> None:
        """The value on a pill to take hold of; what happens on each side of it."""
        text = f"{self._threshold:.4f}"
        pill = self._pill(painter.fontMetrics())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.COLOUR["accent"])
        painter.drawRoundedRect(pill, 10, 10)
        if self.hasFocus():
            painter.setPen(QPen(self.palette().windowText().color(), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(pill.adjusted(-1.5, -1.5, 1.5, 1.5), 11, 11)
        painter.setPen(QColor(Qt.GlobalColor.white))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)
        painter.setPen(theme.muted())
        flags = Qt.AlignmentFlag.AlignVCenter
        if pill.left() > _SIDE_PX:
            area = QRectF(pill.left() - 76, 3, 70, 20)
            painter.drawText(area, flags | Qt.AlignmentFlag.AlignRight, tr("◂ Pass"))
        if pill.right() < self.width() - _SIDE_PX:
            painter.drawText(QRectF(pill.right() + 6, 3, 70, 20), flags | Qt.AlignmentFlag.AlignLeft, tr("Reject ▸"))

    def _pill(self, metrics: QFontMetrics) -> QRectF:
        """Where the value of the threshold stands; at an edge while the line lies beyond it."""
        width = metrics.horizontalAdvance(f"{self._threshold:.4f}") + 16
        left = min(max(self.x_of(self._threshold) - width / 2, 2.0), self.width() - width - 2.0)
        return QRectF(left, 3, width, 20)

    def _paint_legend(self, painter: QPainter) -> None:
        """Shape, word and number of parts, above the bars on the side where the line leaves more room."""
        columns = self._columns
        if columns is None:
            return
        sides: tuple[tuple[str, NDArray[np.float64]], ...] = (
            ("good", columns.good),
            ("defective", columns.defective),
            ("unlabelled", columns.unlabelled),
        )
        words = {"good": tr("Good"), "defective": tr("Defective"), "unlabelled": tr("Unlabelled")}
        there = [(name, values.size) for name, values in sides if values.size]
        metrics = painter.fontMetrics()
        pill = self._pill(metrics)
        left, right = pill.left() - _SIDE_PX - 8, self.width() - pill.right() - _SIDE_PX - 8
        for shown in ([f"{words[name]} {count:,}" for name, count in there], [f"{count:,}" for _, count in there]):
            widths = [metrics.horizontalAdvance(text) + 30 for text in shown]
            if sum(widths) <= max(left, right):
                break
        x = self.width() - sum(widths) + 8 if right >= left else 4
        for (name, _), text, width in zip(there, shown, widths, strict=True):
            painter.setPen(theme.COLOUR[name])
            painter.drawText(QRectF(x, 3, 16, 20), Qt.AlignmentFlag.AlignCenter, theme.SHAPE[name])
            painter.setPen(self.palette().windowText().color())
            painter.drawText(QRectF(x + 17, 3, width, 20), Qt.AlignmentFlag.AlignVCenter, text)
            x += width


def _is_own(event: QKeyEvent) -> bool:
    """With Ctrl and Alt the keys are the window's."""
    others = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    return event.key() in _KEYS and not event.modifiers() & others


def _nice(span: float, wanted: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts `span` into about `wanted` pieces."""
    rough = span / max(wanted, 1.0)
    power = 10.0 ** math.floor(math.log10(max(rough, 1e-12)))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))
