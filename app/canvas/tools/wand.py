"""Magic wand: press on a defect and drag until it is covered; letting go paints it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.canvas.tools.base import Pointer
from app.canvas.tools.proposing import Proposing, draw_tag, tag_rect
from app.canvas.viewport import Viewport
from app.canvas.workbench import Workbench
from app.words import tr
from core.annotation import assist

_A_LEVEL: Final = 4.0  # of the way that the mouse goes, in units of the toolkit


class Wand(Proposing):
    """Right and up takes more, left and down less, for this once: the next press begins with what is set again."""

    name = "wand"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._wand: assist.Wand | None = None
        self._from = QPointF()
        self._at = QPointF()  # of the cursor, in device pixels
        self._base = 0  # the tolerance that the drag began with
        self.tolerance = 0
        """In grey levels, of what is shown."""

    def drop(self) -> None:
        """Nothing is chosen."""
        self._wand = None
        super().drop()

    def pressed(self, pointer: Pointer) -> bool:
        """It is put down on a defect, or taken off again."""
        if pointer.button == Qt.MouseButton.RightButton and self._wand is not None:
            self.drop()
            return True
        picture = None if self.canvas is None else self.canvas.picture
        if pointer.button != Qt.MouseButton.LeftButton or picture is None:
            return False
        x, y = pointer.pixel
        if self.allowed() and 0 <= x < picture.width and 0 <= y < picture.height:
            self._wand = assist.Wand(picture.pixels, x, y)
            self._base = self._bench.tolerance
            self._from = self._at = QPointF(pointer.device_x, pointer.device_y)
            self._take(self._base)
        return True

    def moved(self, pointer: Pointer) -> bool:
        """The way since the press is the tolerance."""
        if self._wand is None:
            return False
        self._at = QPointF(pointer.device_x, pointer.device_y)
        way = (self._at - self._from) / (1.0 if self.canvas is None else self.canvas.view.dpr)
        self._take(self._base + round((way.x() - way.y()) / _A_LEVEL))
        return True

    def released(self, pointer: Pointer) -> bool:
        """Paint it."""
        if self._wand is not None and pointer.button == Qt.MouseButton.LeftButton and not self.accept():
            self.drop()
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Esc takes it off."""
        if key == Qt.Key.Key_Escape and self._wand is not None:
            self.drop()
            return True
        return False

    def stepped(self, steps: int) -> bool:
        """The tolerance of the next click, or of this one."""
        if self._wand is None:
            self._bench.set_tolerance(self._bench.tolerance + steps)
        else:
            self._base += steps
            self._take(self.tolerance + steps)
        return True

    def bounds(self, view: Viewport) -> QRectF | None:
        """The number at the cursor."""
        return None if self._wand is None else tag_rect(self._at, self._words(), view)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """The number at the cursor."""
        if self._wand is not None:
            draw_tag(painter, self._at, self._words(), view)

    # -- inside

    def _take(self, tolerance: int) -> None:
        tolerance = min(max(tolerance, 0), 255)
        if self._wand is not None and (self.proposal is None or tolerance != self.tolerance):
            self.tolerance = tolerance
            self.propose(self._wand.at(tolerance))
            self._bench.hinted.emit(tr("Tolerance {n}: right and up takes more, left and down less", n=tolerance))
        self.refresh()

    def _words(self) -> str:
        pixels = 0 if self.proposal is None else int(self.proposal[0].sum())
        return tr("{n} · {pixels} px", n=self.tolerance, pixels=f"{pixels:,}")
