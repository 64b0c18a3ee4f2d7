"""A zone from its corners: they are kept, and can be moved later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtGui import QColor

from app.canvas.tools.base import Pointer
from app.canvas.tools.polygon import Polygon
from app.canvas.workbench import Workbench
from app.canvas.zone_board import ZoneBoard
from app.theme import COLOUR
from app.words import tr
from core.annotation import shapes
from core.project.records import Zone


class ZonePolygon(Polygon):
    """Click the corners as when a defect is painted; closed, it is a new zone. Beside the image is on its edge."""

    def __init__(self, bench: Workbench, board: ZoneBoard) -> None:
        super().__init__(bench)
        self._board = board

    @property
    def colour(self) -> QColor:
        """Of regions."""
        return COLOUR["roi"]

    def allowed(self) -> bool:
        """Whether the regions of the image are known."""
        return self._board.found is not None

    def pressed(self, pointer: Pointer) -> bool:
        """A corner on the image, or the end."""
        return super().pressed(self._inside(pointer))

    def moved(self, pointer: Pointer) -> bool:
        """The line follows, as far as the edge of the image."""
        return super().moved(self._inside(pointer))

    def _inside(self, pointer: Pointer) -> Pointer:
        x, y = self._board.inside(pointer.x, pointer.y)
        return replace(pointer, x=x, y=y)

    def _close(self) -> None:
        width, height = self._board.size
        if shapes.polygon(self.points, width, height) is None:
            self._bench.refused.emit(tr("A polygon needs three corners around at least one pixel: no zone was drawn"))
            return
        corners = np.round(np.array(self.points), 2).tolist()
        self.drop()
        self._board.add_zone(Zone("", "inspect", {"polygon": corners}))
