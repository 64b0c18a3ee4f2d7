"""Fill: a click gives an enclosed empty area, or a whole defect, the class; a right click takes a defect away."""

from __future__ import annotations

from PySide6.QtCore import Qt

from app.canvas.sheet import Sheet
from app.canvas.tools.base import Pointer
from app.canvas.tools.proposing import Proposing
from app.words import tr
from core.annotation import assist
from core.annotation.components import component_at


class Fill(Proposing):
    """Never fills what is open: one click too many must not paint the whole image."""

    name = "fill"

    def pressed(self, pointer: Pointer) -> bool:
        """Fill, or take away."""
        if pointer.button not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            return False
        sheet = self._bench.sheet
        if self.allowed() and sheet is not None:
            if pointer.button == Qt.MouseButton.LeftButton:
                self._fill(sheet, *pointer.pixel)
            elif (patch := component_at(sheet.labels, *pointer.pixel)) is not None:
                self.stamp(patch, 0)
        return True

    def _fill(self, sheet: Sheet, x: int, y: int) -> None:
        if not (0 <= x < sheet.width and 0 <= y < sheet.height):
            return
        bench, value = self._bench, int(sheet.labels[y, x])
        if value == bench.class_id:
            bench.refused.emit(tr("This is of the chosen class already"))
        elif value and bench.only_empty:
            bench.refused.emit(tr("Only empty pixels are painted at the moment: the class stays as it is"))
        else:
            patch = assist.fill(sheet.labels, x, y, sheet.layer.bounds)
            if patch is None:
                bench.refused.emit(tr("This area is open: close its outline first. Nothing was filled"))
            else:
                self.stamp(patch, bench.class_id)
