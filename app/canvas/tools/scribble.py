"""Scribble: left on the defect, right beside it; what lies between is cut out, Enter paints it."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.canvas.tools.base import Pointer
from app.canvas.tools.proposing import Proposing, draw_tag, tag_rect
from app.canvas.viewport import Viewport
from app.canvas.workbench import Workbench
from app.words import tr
from core.annotation.cutting import cut_out
from core.annotation.shapes import Patch
from core.annotation.strokes import Point, sweep

_BESIDE: Final = QColor("#56b4e9")
_BUTTONS: Final = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)


class Line:
    """One scribble: the way of the cursor and the pixels that it covers."""

    def __init__(self, beside: bool) -> None:
        self.beside = beside
        self.points: list[Point] = []
        self.patches: list[Patch] = []


class Scribble(Proposing):
    """The cutting is done beside the window's own thread; Enter before it is done paints as soon as it is."""

    name = "scribble"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self.lines: list[Line] = []
        self._open: Line | None = None
        self._button = Qt.MouseButton.NoButton
        self._asked = 0  # how often something was to be cut out; an older answer is not shown
        self._waits = False
        self._accepts = False

    def drop(self) -> None:
        """No scribbles."""
        self.lines.clear()
        self._open, self._waits, self._accepts = None, False, False
        self._asked += 1
        super().drop()

    def took_back(self) -> bool:
        """The last scribble."""
        if not self.lines or self._open is not None:
            had = self._open is not None
            self.drop()
            return had
        self.lines.pop()
        self._cut()
        return True

    def pressed(self, pointer: Pointer) -> bool:
        """A scribble begins."""
        if self._open is not None:
            return True  # the other button, in the middle of one
        if pointer.button not in _BUTTONS:
            return False
        beside = pointer.button == Qt.MouseButton.RightButton
        if not beside and not self.allowed():
            return True
        if beside and not self.lines:
            self._bench.hinted.emit(tr("First scribble on the defect with the left button, then beside it"))
            return True
        self._open, self._button = Line(beside), pointer.button
        self.lines.append(self._open)
        self._draw(pointer)
        return True

    def moved(self, pointer: Pointer) -> bool:
        """It follows the cursor."""
        if self._open is None:
            return False
        self._draw(pointer)
        return True

    def released(self, pointer: Pointer) -> bool:
        """Cut out what is between the scribbles."""
        if self._open is not None and pointer.button == self._button:
            self._open = None
            self._cut()
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter, Backspace, Esc."""
        if not self.lines:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._waits:
                self._accepts = True
            else:
                self.accept()
        elif key == Qt.Key.Key_Backspace:
            self.took_back()
        elif key == Qt.Key.Key_Escape:
            self.drop()
        else:
            return False
        return True

    def bounds(self, view: Viewport) -> QRectF | None:
        """All scribbles."""
        if not self.lines:
            return None
        places = [QPointF(*view.to_device(*point)) for line in self.lines for point in line.points]
        reach = max(4.0 * view.dpr, self._bench.size * view.scale)
        around = QPolygonF(places).boundingRect().adjusted(-reach, -reach, reach, reach)
        return around.united(tag_rect(places[-1], self._words(), view)) if self._words() else around

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Scribbles on the defect in its colour, those beside it in blue and dashed."""
        if not self.lines:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for line in self.lines:
            way = [QPointF(*view.to_device(*point)) for point in line.points]
            for colour, more in ((QColor(12, 14, 16, 190), 2.0), (_BESIDE if line.beside else self.colour, 0.0)):
                pen = QPen(colour, (2.4 + more) * view.dpr)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                pen.setStyle(Qt.PenStyle.DotLine if line.beside and not more else Qt.PenStyle.SolidLine)
                painter.setPen(pen)
                if len(line.points) == 1:
                    painter.drawPoint(way[0])
                else:
                    painter.drawPolyline(way)
        painter.restore()
        if self._words():
            draw_tag(painter, QPointF(*view.to_device(*self.lines[-1].points[-1])), self._words(), view)

    # -- inside

    def _words(self) -> str:
        return tr("cutting out …") if self._waits else ""

    def _draw(self, pointer: Pointer) -> None:
        line, sheet = self._open, self._bench.sheet
        if line is None or sheet is None:
            return
        here = (pointer.x, pointer.y)
        last = line.points[-1] if line.points else here
        line.points.append(here)
        swept = sweep(last, here, self._bench.size, "round", sheet.width, sheet.height)
        if swept is not None:
            line.patches.append(swept)
        self.refresh()

    def _cut(self) -> None:
        """Ask for what lies between the scribbles."""
        picture = None if self.canvas is None else self.canvas.picture
        self._asked += 1
        self._waits = any(not line.beside for line in self.lines) and picture is not None
        if not self._waits or picture is None:
            self.propose(None)
            self.refresh()
            return
        defect = [patch for line in self.lines if not line.beside for patch in line.patches]
        beside = [patch for line in self.lines if line.beside for patch in line.patches]
        self._bench.background.run(
            lambda: cut_out(picture.pixels, defect, beside),
            partial(self._on_cut, self._asked),
            partial(self._on_failed, self._asked),
            owner=self._bench,
            key="scribble",
        )
        self.refresh()

    def _on_cut(self, asked: int, patch: Patch | None) -> None:
        if asked != self._asked:
            return
        self._waits = False
        self.propose(patch)
        self.refresh()
        self._bench.hinted.emit(tr("Enter paints it; more scribbles mend it, right beside the defect; Esc drops it"))
        if self._accepts:
            self.accept()

    def _on_failed(self, asked: int, error: Exception) -> None:
        self._on_cut(asked, None)
        self._bench.background.failed.emit(error)
