"""What tools share that show what they would paint before they do: the proposal over the image, words at the cursor."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QFont, QFontMetricsF, QPainter

from app import theme
from app.canvas.layers import draw_indexed
from app.canvas.sampling import Placed, nearest, pooled
from app.canvas.tools.base import QuietTool
from app.canvas.viewport import Extent, Viewport, intersection
from app.canvas.workbench import Workbench
from core.annotation.shapes import Patch
from core.words import Box

LAYER: Final = "tool"
NEAR_PX: Final = 9.0  # from a handle that is still a hit, in units of the toolkit
_FILL: Final = 110  # of 255
_PAPER: Final = QColor(16, 20, 24, 215)
_TAG_PX: Final = 12


class ProposalLayer:
    """Pixels that are not painted yet: the colour of the class with a white edge."""

    def __init__(self, patch: Patch, colour: QColor) -> None:
        bits, (x0, y0, _, _) = patch
        first = np.pad(bits.astype(np.uint8), 1)  # beyond the border nothing is repeated
        self._levels: Final[list[NDArray[np.uint8]]] = [first]
        self._corner = (x0 - 1.0, y0 - 1.0)
        self._box = patch[1]
        inside = QColor(colour)
        inside.setAlpha(_FILL)
        self._table = [0, inside.rgba(), QColor("white").rgba()]

    @property
    def extent(self) -> Extent | None:
        x0, y0, x1, y1 = self._box
        return (float(x0), float(y0), float(x1), float(y1))

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        step = max(1, round(view.dpr))
        around = (box[0] - step, box[1] - step, box[2] + step, box[3] + step)  # the edge needs its neighbours
        shown = intersection(view.device_box(self._box, margin=step), around)
        if shown is None:
            return
        bits = np.ascontiguousarray(nearest(self._level(view), view, shown))
        inner = cv2.erode(bits, np.ones((2 * step + 1, 2 * step + 1), np.uint8))
        painter.setOpacity(opacity)
        draw_indexed(painter, 2 * bits - inner, shown, self._table)
        painter.setOpacity(1.0)

    def _level(self, view: Viewport) -> Placed:
        """The finest level of which no pixel is passed over."""
        wanted = 0 if view.scale >= 1 else math.ceil(math.log2(1 / view.scale) - 1e-9)
        while len(self._levels) <= wanted and max(self._levels[-1].shape) > 1:
            self._levels.append(pooled(self._levels[-1]))
        level = min(wanted, len(self._levels) - 1)
        return Placed(self._levels[level], *self._corner, 0.5**level, 0.5**level)


class Proposing(QuietTool):
    """A tool with a proposal, which is painted when it is accepted."""

    name = ""  # under which its strokes are stored

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.proposal: Patch | None = None
        """What would be painted: (h, w) bool and its box."""

    @property
    def cursor(self) -> QCursor | None:
        """A cross."""
        return QCursor(Qt.CursorShape.CrossCursor)

    def stop(self) -> None:
        """Nothing of what was begun is painted."""
        self.drop()

    def keep(self) -> bool:
        """What is proposed is painted."""
        return self.proposal is not None and self.accept()

    def took_back(self) -> bool:
        """Undo drops what is proposed before it undoes what is painted."""
        had = self.proposal is not None
        self.drop()
        return had

    def value_changed(self, name: str) -> None:
        """The proposal follows the class and the lock."""
        if name in ("class_id", "only_empty") and self.proposal is not None:
            self._show()
        self.refresh()

    # -- what is proposed

    def propose(self, patch: Patch | None) -> None:
        """Show what would be painted."""
        self.proposal = patch
        self._show()

    def accept(self) -> bool:
        """Paint what is proposed, as one stroke; False when that cannot be done now: the proposal stays."""
        done = self.proposal is None or self.stamp(self.proposal, self._bench.class_id)
        if done:
            self.drop()
        return done

    def drop(self) -> None:
        """Forget what is proposed."""
        self.propose(None)
        self._bench.hinted.emit("")
        self.refresh()

    def stamp(self, patch: Patch, value: int) -> bool:
        """Paint pixels at once, as one stroke; False when nothing can be painted now: the person is told why."""
        sheet = self._bench.begin(self.name, value)
        if sheet is None:
            return False
        sheet.paint(*patch, value, only_empty=self._bench.only_empty and value != 0)
        self._bench.end()
        return True

    def allowed(self) -> bool:
        """Whether there is something to paint on; else the person is told why not."""
        if self._bench.sheet is None:
            self._bench.refused.emit(self._bench.why_not)
        return self._bench.sheet is not None

    @property
    def colour(self) -> QColor:
        """Of the class that would be painted."""
        sheet = self._bench.sheet
        return theme.COLOUR["defective"] if sheet is None else sheet.layer.colour(self._bench.class_id)

    def _show(self) -> None:
        canvas, patch = self.canvas, self.proposal
        if canvas is None:
            return
        if patch is not None and self._bench.only_empty and self._bench.sheet is not None:
            bits, (x0, y0, x1, y1) = patch
            patch = (bits & (self._bench.sheet.labels[y0:y1, x0:x1] == 0), patch[1])
        canvas.set_layer(LAYER, None if patch is None else ProposalLayer(patch, self.colour))


def tag_rect(at: QPointF, text: str, view: Viewport) -> QRectF:
    """Where words beside a point lie, in device pixels: below it on the right, always inside the view."""
    metrics = QFontMetricsF(_font(view))
    pad, away = 5 * view.dpr, 14 * view.dpr
    width, height = metrics.horizontalAdvance(text) + 2 * pad, metrics.height() + pad
    x = min(max(at.x() + away, 0.0), view.width - width)
    y = min(max(at.y() + away, 0.0), view.height - height)
    return QRectF(x, y, width, height)


def draw_tag(painter: QPainter, at: QPointF, text: str, view: Viewport) -> None:
    """White words on dark beside a point, to be read on any image."""
    rect = tag_rect(at, text, view)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PAPER)
    painter.drawRoundedRect(rect, 3 * view.dpr, 3 * view.dpr)
    painter.setFont(_font(view))
    painter.setPen(QColor("white"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def _font(view: Viewport) -> QFont:
    font = theme.mono_numbers(QFont())
    font.setPixelSize(round(_TAG_PX * view.dpr))
    return font
