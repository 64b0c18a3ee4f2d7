"""What lists say of the image that is shown: that it is painted while it is, also after all was erased or undone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from app.pages.annotate.painting import Painting


class PaintedMark(QObject):
    """Looks at the mask after each stroke; where the table says otherwise, the strokes are folded, which mends it."""

    def __init__(self, painting: Painting) -> None:
        super().__init__(painting)
        self._painting = painting
        painting.painted.connect(self._look)
        painting.opened.connect(self._look)

    def _look(self, *_: object) -> None:
        sheet, image_id = self._painting.bench.sheet, self._painting.image_id
        if sheet is None or image_id is None:
            return
        labels, extent = sheet.labels, sheet.layer.extent
        x0, y0, x1, y1 = (0, 0, 0, 0) if extent is None else (int(one) for one in extent)
        self._painting.session.background.run(
            lambda: bool(np.any(labels[y0:y1, x0:x1])), partial(self._compare, image_id), owner=self, key="painted"
        )

    def _compare(self, image_id: int, is_painted: bool) -> None:
        table, painting = self._painting.session.table, self._painting
        row = -1 if table is None else int(table.row_of([image_id])[0])
        if table is None or row < 0 or bool(table.masked[row]) == is_painted:
            return
        is_on_its_way = is_painted and (painting.saver.waiting or painting.session.undoing.pending)
        if image_id == painting.image_id and not painting.bench.is_open and not is_on_its_way:
            painting.saver.fold(image_id)
