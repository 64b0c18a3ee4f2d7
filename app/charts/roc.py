"""ROC curves of images and pixels with the point that the threshold makes; a click on the curve moves the threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.words import tr

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 8, 22
_NEAR_PX: Final = 40.0


@dataclass(frozen=True)
class Line:
    """A curve from (0, 0) to (1, 1), rising; `thresholds` where each point knows its own."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    thresholds: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Point:
    """Where the threshold stands: rates of false rejects and of defects found, each with its interval."""

    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float


class RocChart(QWidget):
    """Share of good parts rejected (across) against share of defective parts found (up)."""

    threshold_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: Line | None = None
        self._pixel: Line | None = None
        self._point: Point | None = None
        self._reason = ""
        self._caption = ""
        self._paths: tuple[QSize, QPainterPath | None, QPainterPath | None] | None = None
        self.setMouseTracking(True)
        self.setMinimumSize(130, 110)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("ROC curve"))

    def sizeHint(self) -> QSize:
        """About square."""
        return QSize(210, 190)

    def set_curves(self, image: Line | None, pixel: Line | None, reason: str = "") -> None:
        """Other curves; `reason` says why there is none."""
        self._image, self._pixel, self._reason, self._paths = image, pixel, reason, None
        self.update()

    def set_caption(self, caption: str) -> None:
        """A few characters inside the frame, where no curve goes."""
        self._caption = caption
        self.update()

    def set_point(self, point: Point | None) -> None:
        """Move the point; says nothing."""
        self._point = point
        self.update()

    def threshold_at(self, position: QPointF) -> float | None:
        """The threshold of the nearest point of the image curve, when the mouse is near it."""
        line = self._image
        if line is None or line.thresholds is None:
            return None
        plot = self._plot()
        x = plot.left() + line.x * plot.width()
        y = plot.bottom() - line.y * plot.height()
        away = np.hypot(x - position.x(), y - position.y())
        nearest = int(np.argmin(away))
        if away[nearest] > _NEAR_PX:
            return None
        found = float(line.thresholds[nearest])
        return found if np.isfinite(found) else float(np.nextafter(line.thresholds[1], np.inf))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Move the threshold to the curve's point."""
        found = self.threshold_at(event.position())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self.threshold_chosen.emit(found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what threshold lies here."""
        found = self.threshold_at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if found is None else Qt.CursorShape.PointingHandCursor)
        if found is not None:
            text = tr("Threshold {value}: click to move it here", value=f"{found:.4f}")
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, chance line, curves, point."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.mono_numbers(self.font()))
        plot = self._plot()
        self._paint_frame(painter, plot)
        image, pixel = self._path_of(plot)
        if pixel is not None:
            painter.setPen(QPen(theme.COLOUR["roi"], 1.6, Qt.PenStyle.DashLine))
            painter.drawPath(pixel)
        if image is not None:
            painter.setPen(QPen(theme.COLOUR["accent"], 2))
            painter.drawPath(image)
        elif self._reason:
            painter.setPen(theme.muted())
            area = plot.adjusted(8, 8, -8, -8)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._reason)
        if self._caption and image is not None:
            painter.setPen(self.palette().windowText().color())
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
            painter.drawText(plot.adjusted(0, 0, -6, -5), flags, self._caption)
        if self._point is not None and image is not None:
            self._paint_point(painter, plot, self._point)
        painter.end()

    def _plot(self) -> QRectF:
        side = max(1, min(self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM))
        return QRectF(_LEFT, _TOP, side, side)

    def _paint_frame(self, painter: QPainter, plot: QRectF) -> None:
        painter.setPen(QPen(theme.line(), 1))
        painter.drawRect(plot)
        if not self._reason:
            painter.drawLine(plot.bottomLeft(), plot.topRight())
        painter.setPen(theme.muted())
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, plot.top() - 4, _LEFT - 5, 16), flags, "100 %")
        painter.drawText(QRectF(0, plot.bottom() - 10, _LEFT - 5, 16), flags, "0 %")
        below = QRectF(plot.left(), plot.bottom() + 2, plot.width() + _RIGHT, 16)
        metrics = painter.fontMetrics()
        zero, whole = metrics.horizontalAdvance("0"), metrics.horizontalAdvance("100 %")
        between = below.adjusted(zero + 2, 0, -whole - 2, 0)
        if metrics.horizontalAdvance(tr("false rejects")) <= between.width():
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0")
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, "100 %")
        else:  # no room for numbers
            between = below.adjusted(-_RIGHT, 0, 0, 0)
        painter.drawText(between, Qt.AlignmentFlag.AlignHCenter, tr("false rejects"))
        painter.save()
        painter.translate(plot.left() - 8, plot.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-60, -14, 120, 14), Qt.AlignmentFlag.AlignCenter, tr("defects found"))
        painter.restore()

    def _paint_point(self, painter: QPainter, plot: QRectF, point: Point) -> None:
        def place(x: float, y: float) -> QPointF:
            return QPointF(plot.left() + x * plot.width(), plot.bottom() - y * plot.height())

        ink = self.palette().windowText().color()
        painter.setPen(QPen(ink, 1))
        painter.drawLine(place(point.x_low, point.y), place(point.x_high, point.y))
        painter.drawLine(place(point.x, point.y_low), place(point.x, point.y_high))
        painter.setPen(QPen(self.palette().window().color(), 2))
        painter.setBrush(ink)
        painter.drawEllipse(place(point.x, point.y), 5, 5)

    def _path_of(self, plot: QRectF) -> tuple[QPainterPath | None, QPainterPath | None]:
        if self._paths is None or self._paths[0] != self.size():
            self._paths = (self.size(), _path(self._image, plot), _path(self._pixel, plot))
        return self._paths[1], self._paths[2]


def _path(line: Line | None, plot: QRectF) -> QPainterPath | None:
    if line is None or not line.x.size:
        return None
    path = QPainterPath()
    for number, (x, y) in enumerate(zip(line.x.tolist(), line.y.tolist(), strict=True)):
        point = QPointF(plot.left() + x * plot.width(), plot.bottom() - y * plot.height())
        if number:
            path.lineTo(point)
        else:
            path.moveTo(point)
    return path
