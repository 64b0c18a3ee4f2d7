"""Every pass of a reconstruction in a row: what the model saw, what it made of it, where they differ, the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.canvas.layers import COLOUR_MAPS
from app.words import tr
from core.reconstructions import CropPasses

Face = Literal["picture", "difference"]
DIFFERENCE_TOP: Final = 96  # grey levels at the hot end, the same for all images
_CAPTION: Final = 32
_GAP: Final = 10
_LEAST, _MOST = 22, 104
_NARROW: Final = 460


@dataclass(frozen=True)
class _Step:
    """One pass as it is drawn; `number` 0 is what the model was given."""

    number: int
    picture: QPixmap
    difference: QPixmap | None
    score: float | None
    word: str
    is_judged: bool
    is_made: bool
    shape: QSize  # of the crop on the image: the model sees a square


class PassStrip(QWidget):
    """Click a picture to see it large; `,` and `.` go from pass to pass."""

    chosen = Signal(int, str)  # pass, "picture" or "difference"

    def __init__(self, parent: QWidget | None = None, *, face: Face = "picture") -> None:
        super().__init__(parent)
        self._face: Face = face  # what a person wants to see large, of every image
        self._steps: tuple[_Step, ...] = ()
        self._selected: tuple[int, Face] = (0, "picture")
        self._words = ""
        self._hover: tuple[int, Face] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Reconstructions pass by pass"))

    def sizeHint(self) -> QSize:
        """High enough for its pictures."""
        return QSize(480, self._side(480) + _CAPTION + 8)

    @property
    def selected(self) -> tuple[int, Face]:
        """Pass and face that are shown large."""
        return self._selected

    @property
    def face(self) -> Face:
        """What a person chose to see of a pass; it stays from image to image."""
        return self._face

    def show_words(self, words: str) -> None:
        """Nothing to see yet, or not at all, and why."""
        self._steps, self._words = (), words
        self.update()

    def show_crop(self, crop: CropPasses, colour_map: str) -> None:
        """The passes of one crop; the one that was judged is chosen."""
        judged = crop.judged
        x0, y0, x1, y1 = crop.geometry.box
        stretched = crop.geometry.mode == "stretch"  # else its edges are filled up to the square
        shape = QSize(x1 - x0, y1 - y0) if stretched else QSize(1, 1)
        steps = [_Step(0, _pixmap(crop.given), None, None, tr("As given"), False, True, shape)]
        for number, one in enumerate(crop.passes, start=1):
            picture = difference_picture(crop.difference(number), colour_map)
            steps.append(
                _Step(
                    number=number,
                    picture=_pixmap(one.picture),
                    difference=_pixmap(picture),
                    score=one.score,
                    word=pass_word(number, judged),
                    is_judged=number == judged,
                    is_made=number <= judged,
                    shape=shape,
                )
            )
        self._steps, self._words = tuple(steps), ""
        number = min(judged, len(crop.passes))
        self._selected = (number, self._face if number else "picture")
        self.setFixedHeight(self._side(self.width()) + _CAPTION + 8)
        self.update()

    def step(self, delta: int) -> None:
        """To another pass."""
        if self._steps:
            self._select(min(max(self._selected[0] + delta, 0), len(self._steps) - 1), self._selected[1])

    # -- events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Comma and full stop."""
        if event.key() in (Qt.Key.Key_Comma, Qt.Key.Key_Period):
            self.step(1 if event.key() == Qt.Key.Key_Period else -1)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        found = self._at(event.position().toPoint())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self._select(*found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A frame under the mouse."""
        found = self._at(event.position().toPoint())
        if found != self._hover:
            self._hover = found
            self.setCursor(Qt.CursorShape.ArrowCursor if found is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """No frame."""
        self._hover = None
        self.update()

    def resizeEvent(self, event: object) -> None:
        """Pictures as large as fit."""
        if self._steps:
            self.setFixedHeight(self._side(self.width()) + _CAPTION + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tiles with captions, or words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._steps:
            painter.setPen(theme.muted())
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 0, -16, 0), flags, self._words)
        for step in self._steps:
            self._paint_step(painter, step)
        painter.end()

    def _paint_step(self, painter: QPainter, step: _Step) -> None:
        faces: list[tuple[Face, QPixmap]] = [("picture", step.picture)]
        if step.difference is not None:
            faces.append(("difference", step.difference))
        for face, pixmap in faces:
            rect = _fitted(step.shape, self._rect(step.number, face))
            painter.setOpacity(1.0 if step.is_made else 0.55)
            painter.drawPixmap(rect, pixmap)
            painter.setOpacity(1.0)
            chosen, hovered = self._selected == (step.number, face), self._hover == (step.number, face)
            if chosen or hovered or step.is_judged:
                colour = theme.COLOUR["accent"] if chosen or hovered else theme.muted()
                painter.setPen(QPen(colour, 2 if chosen else 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(QRectF(rect).adjusted(-0.5, -0.5, 0.5, 0.5))
        whole = self._rect(step.number, "picture")
        wide = max(whole.width(), self._least_first()) if step.difference is None else 2 * whole.width() + 2
        begin = whole.left() if step.difference is not None else whole.center().x() - wide // 2
        caption = QRect(begin - 2, whole.bottom() + 3, wide + 4, _CAPTION // 2)
        plain = painter.font()
        if step.is_judged:
            bold = QFont(plain)
            bold.setWeight(QFont.Weight.DemiBold)
            painter.setFont(bold)
        painter.setPen(self.palette().windowText().color() if step.is_made else theme.muted())
        centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        fits = painter.fontMetrics().horizontalAdvance(step.word) <= wide  # else it touches its neighbour
        word = step.word if fits or not step.number else tr("Pass {n}", n=step.number)
        painter.drawText(caption, centre, word)
        if step.score is not None:
            painter.setFont(theme.mono_numbers(plain))
            painter.setPen(theme.muted())
            painter.drawText(caption.translated(0, _CAPTION // 2), centre, f"{step.score:.4f}")
        painter.setFont(plain)

    # -- inside

    def select(self, number: int, face: Face) -> None:
        """Show this pass as chosen; says nothing."""
        if number < len(self._steps):
            self._selected = (number, face if number else "picture")
            self.update()

    def _select(self, number: int, face: Face) -> None:
        wanted: tuple[int, Face] = (number, face if number else "picture")
        if number:
            self._face = face
        if wanted != self._selected:
            self._selected = wanted
            self.update()
            self.chosen.emit(*wanted)

    def _side(self, width: int) -> int:
        passes = max(len(self._steps) - 1, 5)
        room = width - self._gap(width) * (passes + 2) - 2 * passes
        side = room / (2 * passes + 1)
        if side < self._least_first():
            side = (room - self._least_first()) / (2 * passes)
        return int(min(max(side, _LEAST), _MOST))

    def _gap(self, width: int) -> int:
        return _GAP if width >= _NARROW else _GAP // 2

    def _least_first(self) -> int:
        """Room for the words below what the model was given."""
        return self.fontMetrics().horizontalAdvance(tr("As given")) + 2

    def _rect(self, number: int, face: Face) -> QRect:
        side, gap = self._side(self.width()), self._gap(self.width())
        first = max(side, self._least_first())
        if number == 0:
            return QRect(gap + (first - side) // 2, 4, side, side)
        left = gap + first + gap + (number - 1) * (2 * side + 2 + gap)
        return QRect(left + (side + 2 if face == "difference" else 0), 4, side, side)

    def _at(self, point: QPoint) -> tuple[int, Face] | None:
        for step in self._steps:
            if self._rect(step.number, "picture").contains(point):
                return step.number, "picture"
            if step.difference is not None and self._rect(step.number, "difference").contains(point):
                return step.number, "difference"
        return None


def _fitted(shape: QSize, rect: QRect) -> QRect:
    """The largest rectangle of that shape in the middle of `rect`."""
    size = shape.scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
    return QRect(
        rect.left() + (rect.width() - size.width()) // 2,
        rect.top() + (rect.height() - size.height()) // 2,
        size.width(),
        size.height(),
    )


def pass_word(number: int, judged: int) -> str:
    """What a pass was for."""
    if number == judged:
        return tr("Pass {n}, judged", n=number)
    if number < judged:
        return tr("Pass {n}", n=number)
    return tr("Pass {n}, not used", n=number)


def difference_picture(levels: NDArray[np.uint8], colour_map: str) -> NDArray[np.uint8]:
    """(S, S) grey levels of difference as (S, S, 3) RGB on one scale for all images."""
    scaled = np.minimum(levels.astype(np.uint16) * 255 // DIFFERENCE_TOP, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(scaled, COLOUR_MAPS[colour_map]), cv2.COLOR_BGR2RGB), np.uint8)


def _pixmap(pixels: NDArray[np.uint8]) -> QPixmap:
    height, width = pixels.shape[:2]
    whole = np.ascontiguousarray(pixels)
    image = QImage(whole.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image.copy())
