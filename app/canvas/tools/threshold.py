"""Threshold in a box: drag a box round a defect, move the level, Enter paints what is darker or brighter."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from app.canvas.layers import rectangle, stroke
from app.canvas.tools.base import Pointer
from app.canvas.tools.proposing import NEAR_PX, draw_tag, tag_rect
from app.canvas.tools.rectangle import Rectangle
from app.canvas.viewport import Viewport
from app.canvas.workbench import Workbench
from app.words import tr
from core.annotation.assist import Levels, Polarity
from core.words import Box

_GAUGE: Final = (30.0, 160.0)  # width and height in units of the toolkit
_BESIDE: Final = 12.0
_FAR: Final = 10  # levels a notch with Shift
_PAPER: Final = QColor(16, 20, 24, 215)
_BARS: Final = QColor(150, 158, 168)


class Threshold(Rectangle):
    """The box first; then a gauge beside it, the wheel and the keys for smaller and larger move the level."""

    name = "threshold"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._levels: Levels | None = None
        self._counts = np.zeros(64)  # how often there are which levels, four at a time
        self._pulls = False  # the handle of the gauge hangs on the mouse
        self.level = 0
        """Grey levels up to it are dark, those above it bright."""
        self.polarity: Polarity = "dark"

    def drop(self) -> None:
        """No box."""
        self._levels, self._pulls = None, False
        super().drop()

    def pressed(self, pointer: Pointer) -> bool:
        """On the gauge the level is moved; anywhere else another box begins."""
        if self._levels is None:
            return super().pressed(pointer)
        if pointer.button == Qt.MouseButton.RightButton:
            self.drop()
            return True
        if pointer.button != Qt.MouseButton.LeftButton or self.canvas is None:
            return False
        gauge = self._gauge(self.canvas.view)
        reach = NEAR_PX * self.canvas.view.dpr
        if gauge.adjusted(-reach, -reach, reach, reach).contains(QPointF(pointer.device_x, pointer.device_y)):
            self._pulls = True
            self._pull(pointer)
            return True
        if self._holds(pointer):
            return True  # the first half of a double click
        self.drop()
        return super().pressed(pointer)

    def moved(self, pointer: Pointer) -> bool:
        """The level or the corner follows."""
        if self._pulls:
            self._pull(pointer)
            return True
        return super().moved(pointer)

    def released(self, pointer: Pointer) -> bool:
        """The level stays, or the box is done."""
        if self._pulls:
            self._pulls = False
            return True
        return super().released(pointer)

    def finish(self) -> None:
        """The box is drawn: propose a level."""
        box, picture = self.box, None if self.canvas is None else self.canvas.picture
        if box is None or picture is None or min(box[2] - box[0], box[3] - box[1]) < 2:
            self.drop()
            return
        self._levels = Levels.of(picture.pixels, box)
        self._counts = np.bincount(self._levels.grey.ravel() // 4, minlength=64).astype(np.float64)
        level, self.polarity = self._levels.proposal()
        self._take(level)

    def double_clicked(self, pointer: Pointer) -> bool:
        """In the box: paint it."""
        if self._levels is None or not self._holds(pointer):
            return False
        self.accept()
        return True

    def wheeled(self, pointer: Pointer) -> bool:
        """Over the box the wheel moves the level, with Shift ten at a time; with Ctrl it zooms as ever."""
        zooms = bool(pointer.modifiers & Qt.KeyboardModifier.ControlModifier)
        if self._levels is None or zooms or not self._holds(pointer):
            return False
        far = _FAR if pointer.modifiers & Qt.KeyboardModifier.ShiftModifier else 1
        self._take(self.level + far * round(pointer.steps or 0))
        return True

    def stepped(self, steps: int) -> bool:
        """Of the level."""
        if self._levels is None:
            return False
        self._take(self.level + steps)
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter, Esc; I turns dark and bright round."""
        if self._levels is None:
            return super().key_pressed(key, modifiers)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
        elif key == Qt.Key.Key_I:
            self.polarity = "bright" if self.polarity == "dark" else "dark"
            self._take(self.level)
        elif key == Qt.Key.Key_Escape:
            self.drop()
        else:
            return False
        return True

    def took_back(self) -> bool:
        """The box."""
        had = self._levels is not None
        self.drop()
        return had

    def bounds(self, view: Viewport) -> QRectF | None:
        """Box, gauge and words."""
        if self._levels is None:
            return super().bounds(view)
        gauge = self._gauge(view)
        return self._frame(view).united(gauge).united(tag_rect(self._knob(view), self._words(), view))

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The box; beside it how often each level is there, and the handle."""
        if self._levels is None:
            super().paint(painter, view)
            return
        frame = QPainterPath()
        frame.addRect(self._frame(view))
        painter.save()
        stroke(painter, frame, QColor("white"), view.dpr, Qt.PenStyle.DashLine)
        painter.restore()
        self._paint_gauge(painter, view)
        draw_tag(painter, self._knob(view), self._words(), view)

    # -- inside

    def _take(self, level: int) -> None:
        if self._levels is None:
            return
        self.level = min(max(level, 0), 255)
        self.propose(self._levels.beyond(self.level, self.polarity))
        self.refresh()
        self._bench.hinted.emit(tr("[ ] or the wheel over the box moves the level, I turns it round, Enter paints"))

    def _words(self) -> str:
        word = tr("darker than {level}") if self.polarity == "dark" else tr("brighter than {level}")
        return word.format(level=self.level + 1 if self.polarity == "dark" else self.level)

    def _holds(self, pointer: Pointer) -> bool:
        x, y = pointer.pixel
        box: Box = (0, 0, 0, 0) if self._levels is None else self._levels.box
        return box[0] <= x < box[2] and box[1] <= y < box[3]

    def _frame(self, view: Viewport) -> QRectF:
        box: Box = (0, 0, 0, 0) if self._levels is None else self._levels.box
        return rectangle(view, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))

    def _gauge(self, view: Viewport) -> QRectF:
        """Right of the box, or left of it where there is no room; always inside the view."""
        frame, (width, height) = self._frame(view), (one * view.dpr for one in _GAUGE)
        away = _BESIDE * view.dpr
        x = frame.right() + away
        if x + width > view.width:
            x = frame.left() - away - width
        x = min(max(x, away), max(view.width - width - away, 0.0))
        y = min(max(frame.center().y() - height / 2, away), max(view.height - height - away, 0.0))
        return QRectF(x, y, width, height)

    def _knob(self, view: Viewport) -> QPointF:
        """The handle: bright is above."""
        gauge = self._gauge(view)
        return QPointF(gauge.right(), gauge.bottom() - gauge.height() * (self.level + 0.5) / 256)

    def _pull(self, pointer: Pointer) -> None:
        if self.canvas is not None:
            gauge = self._gauge(self.canvas.view)
            self._take(int(256 * (gauge.bottom() - pointer.device_y) / gauge.height()))

    def _paint_gauge(self, painter: QPainter, view: Viewport) -> None:
        gauge, knob, wing = self._gauge(view), self._knob(view), 6 * view.dpr
        lengths = np.sqrt(self._counts / max(self._counts.max(), 1)) * gauge.width()
        step = gauge.height() / 64
        painter.save()
        painter.fillRect(gauge, _PAPER)
        for number in np.flatnonzero(self._counts):
            taken = (4 * number + 3 <= self.level) == (self.polarity == "dark")
            bar = QRectF(gauge.left(), gauge.bottom() - (number + 1) * step, float(lengths[number]), step)
            painter.fillRect(bar, self.colour if taken else _BARS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor("white"), view.dpr))
        painter.drawLine(QPointF(gauge.left(), knob.y()), knob)
        painter.setBrush(QColor("white"))
        painter.drawPolygon(QPolygonF([knob, knob + QPointF(wing, -wing * 0.7), knob + QPointF(wing, wing * 0.7)]))
        painter.restore()
