"""The cells of a strip: drag a box around one part, say how many there are, drag the last one to its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QPainter

from app.canvas.tools.base import Pointer
from app.canvas.tools.zone_shapes import BoxTool, draw_frame
from app.canvas.viewport import Viewport
from app.canvas.zone_board import ZoneBoard
from app.theme import COLOUR
from core.words import Box
from core.workflow.zones import repeated

_GAP: Final = 1.08  # from one to the next before a person says otherwise, in widths
_NAME_PX: Final = 15


class CellTool(BoxTool):
    """First a box, then its repeats: `changed` is called whenever there are others; Enter accepts, Esc begins anew."""

    def __init__(self, board: ZoneBoard, changed: Callable[[], None], *, count: int) -> None:
        super().__init__(board, self._begin)
        self._changed = changed
        self.count = count
        self.first: Box | None = None
        """The box that was drawn; None before."""
        self.last: Box | None = None
        """Where the last one lies."""
        self._grip: tuple[float, float] | None = None

    @property
    def boxes(self) -> list[Box]:
        """All of them, the first one included."""
        if self.first is None or self.last is None:
            return []
        return repeated(self.first, self.count, last=self.last)

    def set_count(self, count: int) -> None:
        """So many; the pitch stays."""
        if self.first is not None and self.last is not None and count != self.count:
            steps = max(1, self.count - 1)
            across, down = (self.last[0] - self.first[0]) / steps, (self.last[1] - self.first[1]) / steps
            if self.count == 1:
                across, down = _GAP * (self.first[2] - self.first[0]), 0.0
            self.last = repeated(self.first, count, pitch=(across, down))[-1]
        self.count = count
        self.refresh()
        self._changed()

    def accept(self) -> None:
        """They are cells from now on."""
        boxes = self.boxes
        self.drop()
        if boxes:
            self._board.add_cells(boxes)

    def drop(self) -> None:
        """Begin anew."""
        self.first = self.last = self._grip = None
        super().stop()
        self._changed()

    def stop(self) -> None:
        """It was put away, or another image came."""
        self.drop()

    def pressed(self, pointer: Pointer) -> bool:
        """The first box, or a grip at the last one."""
        if pointer.button != Qt.MouseButton.LeftButton:
            return False
        if self.first is None:
            return super().pressed(pointer)
        if self.last is not None and _inside(self.last, pointer):
            self._grip = (pointer.x - self.last[0], pointer.y - self.last[1])
            return True
        return False

    def moved(self, pointer: Pointer) -> bool:
        """The last one follows, and the others between."""
        if self.first is None:
            return super().moved(pointer)
        if self._grip is None or self.first is None:
            return False
        width, height = self.first[2] - self.first[0], self.first[3] - self.first[1]
        x, y = round(pointer.x - self._grip[0]), round(pointer.y - self._grip[1])
        self.last = (x, y, x + width, y + height)
        self.refresh()
        self._changed()
        return True

    def released(self, pointer: Pointer) -> bool:
        """It lies there."""
        if self.first is None:
            return super().released(pointer)
        self._grip = None
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter accepts, Esc begins anew."""
        if self.first is None:
            return super().key_pressed(key, modifiers)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
        elif key == Qt.Key.Key_Escape:
            self.drop()
        else:
            return False
        return True

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """All of them, numbered; the last one is to be taken hold of."""
        super().paint(painter, view)
        boxes = self.boxes
        font = QFont(painter.font())
        font.setPixelSize(round(_NAME_PX * view.dpr))
        for number, box in enumerate(boxes, 1):
            is_end = number in (1, len(boxes))
            draw_frame(painter, view, box, style=Qt.PenStyle.SolidLine if is_end else Qt.PenStyle.DashLine)
            painter.setFont(font)
            place = QPointF(*view.to_device(box[0], box[1])) + QPointF(6, 4 + _NAME_PX) * view.dpr
            painter.setPen(QColor(12, 14, 16))
            painter.drawText(place + QPointF(1, 1) * view.dpr, str(number))
            painter.setPen(COLOUR["roi"])
            painter.drawText(place, str(number))

    def _begin(self, box: Box) -> None:
        self.first = box
        pitch = _GAP * (box[2] - box[0])
        room = self._board.size[0] - box[2]
        if self.count > 1 and pitch * (self.count - 1) > room > 0:
            pitch = max(1.0, room / (self.count - 1))
        self.last = repeated(box, self.count, pitch=(pitch, 0.0))[-1]
        self.refresh()
        self._changed()


def _inside(box: Box, pointer: Pointer) -> bool:
    return box[0] <= pointer.x < box[2] and box[1] <= pointer.y < box[3]
