"""The ruler: how long something is, in pixels and where the view has a scale in millimetres, and how it is turned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QFontMetricsF, QPainter, QPainterPath

from app.canvas.layers import stroke
from app.canvas.tools.base import Pointer, QuietTool
from app.canvas.viewport import Viewport
from app.theme import mono_numbers
from app.words import tr
from core.annotation.strokes import Point

if TYPE_CHECKING:
    from app.canvas.view import Canvas
    from app.canvas.workbench import Workbench

_TICK: Final = 7.0  # units of the toolkit, on both sides of an end
_PAD: Final = 5.0
_AWAY: Final = 14.0
_ROOM: Final = 280.0  # round the line: its words
_SNAP: Final = math.pi / 4
_INK: Final = QColor("#ffffff")
_GROUND: Final = QColor(20, 22, 26, 215)


class Ruler(QuietTool):
    """A drag measures; the line stays until the next one. Nothing is painted."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._start: Point | None = None
        self._end: Point | None = None
        self._dragging = False

    @property
    def cursor(self) -> QCursor | None:
        """A cross: its middle is the point."""
        return QCursor(Qt.CursorShape.CrossCursor)

    def start(self, canvas: Canvas) -> None:
        """Ready."""
        super().start(canvas)
        self._bench.measure(0.0)

    def stop(self) -> None:
        """The line goes."""
        self._start = self._end = None
        self._dragging = False
        self._tell()

    def pressed(self, pointer: Pointer) -> bool:
        """Here it begins."""
        if pointer.button != Qt.MouseButton.LeftButton:
            return False
        self._start = self._end = (pointer.x, pointer.y)
        self._dragging = True
        self._tell()
        return True

    def moved(self, pointer: Pointer) -> bool:
        """The other end follows; Shift keeps to multiples of 45°."""
        if not self._dragging or self._start is None:
            return False
        snaps = bool(pointer.modifiers & Qt.KeyboardModifier.ShiftModifier)
        self._end = snapped(self._start, (pointer.x, pointer.y)) if snaps else (pointer.x, pointer.y)
        self._tell()
        return True

    def released(self, pointer: Pointer) -> bool:
        """It stays as it is."""
        if pointer.button == Qt.MouseButton.LeftButton and self._dragging:
            self.moved(pointer)
            self._dragging = False
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Esc takes the line away."""
        if key == Qt.Key.Key_Escape and self._start is not None:
            self.stop()
            return True
        return False

    def bounds(self, view: Viewport) -> QRectF | None:
        """The line, with room for the words."""
        if self._start is None or self._end is None:
            return None
        room = _ROOM * view.dpr
        line = QRectF(QPointF(*view.to_device(*self._start)), QPointF(*view.to_device(*self._end))).normalized()
        return line.adjusted(-room, -room, room, room)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The line with a tick at each end, and what it measures."""
        if self._start is None or self._end is None:
            return
        a, b = QPointF(*view.to_device(*self._start)), QPointF(*view.to_device(*self._end))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath(a)
        path.lineTo(b)
        dx, dy = b.x() - a.x(), b.y() - a.y()
        length = math.hypot(dx, dy)
        along = (dx / length, dy / length) if length else (1.0, 0.0)
        tick = QPointF(-along[1] * _TICK * view.dpr, along[0] * _TICK * view.dpr)
        for end in (a, b):
            path.moveTo(end - tick)
            path.lineTo(end + tick)
        stroke(painter, path, _INK, 1.4 * view.dpr)
        if length:
            self._label(painter, view, b, along)
        painter.restore()

    # -- inside

    @property
    def words(self) -> str:
        """What the line measures; '' without one."""
        if self._start is None or self._end is None or self._start == self._end:
            return ""
        length, angle = measured(self._start, self._end)
        parts = [tr("{n} px", n=f"{length:,.1f}")]
        if self._bench.scale_um is not None:
            parts.append(length_words(length * self._bench.scale_um))
        return " · ".join([*parts, f"{angle:.1f}°".replace("-", "−")])

    def _label(self, painter: QPainter, view: Viewport, end: QPointF, along: Point) -> None:
        """Beyond the end of the line, never off the canvas."""
        font = mono_numbers(painter.font())
        font.setPixelSize(round(13 * view.dpr))
        painter.setFont(font)
        text, metrics = self.words, QFontMetricsF(font)
        wide, high = metrics.horizontalAdvance(text) + 2 * _PAD * view.dpr, metrics.height() + _PAD * view.dpr
        reach = _AWAY * view.dpr + (abs(along[0]) * wide + abs(along[1]) * high) / 2
        x = min(max(end.x() + along[0] * reach - wide / 2, 2.0), max(2.0, view.width - wide - 2))
        y = min(max(end.y() + along[1] * reach - high / 2, 2.0), max(2.0, view.height - high - 2))
        box = QRectF(x, y, wide, high)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_GROUND)
        painter.drawRoundedRect(box, 4 * view.dpr, 4 * view.dpr)
        painter.setPen(_INK)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _tell(self) -> None:
        has_line = self._start is not None and self._end is not None
        self._bench.measure(measured(self._start, self._end)[0] if has_line else 0.0)  # type: ignore[arg-type]
        self.refresh()


def snapped(start: Point, end: Point) -> Point:
    """`end` moved onto the nearest multiple of 45° around `start`, at the place on that line that is nearest to it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    angle = round(math.atan2(dy, dx) / _SNAP) * _SNAP
    along = dx * math.cos(angle) + dy * math.sin(angle)
    return (start[0] + along * math.cos(angle), start[1] + along * math.sin(angle))


def measured(start: Point, end: Point) -> tuple[float, float]:
    """Length in pixels; angle in degrees to the horizontal, above -90 to 90, positive when it rises to the right."""
    dx, dy = end[0] - start[0], start[1] - end[1]
    return math.hypot(dx, dy), 90.0 - (90.0 - math.degrees(math.atan2(dy, dx))) % 180.0


def length_words(micrometres: float) -> str:
    """`732 µm`, `1.53 mm`."""
    if micrometres < 1000:
        return tr("{n} µm", n=f"{micrometres:.3g}" if micrometres < 100 else f"{micrometres:.0f}")
    return tr("{n} mm", n=f"{micrometres / 1000:.4g}")
