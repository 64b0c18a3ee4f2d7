"""Where tiles of one size lie in a window of some width: arithmetic alone, so that 230,000 cost what 20 cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSize

MARGIN: Final = 12
GAP: Final = 6


def fitting(wish: int, width: int, frame: int) -> int:
    """The side of pictures, `wish` px or more, whose tiles (`frame` px wider) fill `width`; less in a narrow window."""
    room = width - 2 * MARGIN + GAP
    columns = max(1, room // (wish + frame + GAP))
    side = room // columns - GAP - frame
    return max(48, min(side, wish * 3 // 2))


@dataclass(frozen=True)
class Plan:
    """`count` tiles of `tile` size, row by row, spread over `width`."""

    count: int
    tile: QSize
    width: int

    @property
    def columns(self) -> int:
        """Tiles a row."""
        return max(1, (self.width - 2 * MARGIN + GAP) // (self.tile.width() + GAP))

    @property
    def lines(self) -> int:
        """Rows of tiles."""
        return -(-self.count // self.columns)

    @property
    def pitch(self) -> int:
        """From one row to the next."""
        return self.tile.height() + GAP

    @property
    def height(self) -> int:
        """Of everything."""
        return 2 * MARGIN + self.lines * self.pitch - GAP if self.count else 0

    def rect(self, place: int) -> QRect:
        """Where a tile lies, from the top of everything."""
        line, column = divmod(place, self.columns)
        return QRect(QPoint(self._left(column), MARGIN + line * self.pitch), self.tile)

    def place_at(self, point: QPoint) -> int:
        """The tile at a point, -1 between tiles."""
        line = (point.y() - MARGIN) // self.pitch
        column = self._column_at(point.x())
        place = line * self.columns + column
        if not (0 <= place < self.count and 0 <= column < self.columns) or line < 0:
            return -1
        return place if self.rect(place).contains(point) else -1

    def span(self, top: int, bottom: int) -> range:
        """Places of all rows that meet these heights."""
        first = max(0, (top - MARGIN) // self.pitch)
        last = (bottom - MARGIN) // self.pitch
        return range(min(self.count, first * self.columns), max(0, min(self.count, (last + 1) * self.columns)))

    def under(self, band: QRect) -> NDArray[np.intp]:
        """Places that a rectangle meets."""
        lines = np.arange(max(0, (band.top() - MARGIN) // self.pitch), (band.bottom() - MARGIN) // self.pitch + 1)
        met = [c for c in range(self.columns) if self._left(c) <= band.right() and self._right(c) >= band.left()]
        if len(lines) and MARGIN + lines[0] * self.pitch + self.tile.height() <= band.top():
            lines = lines[1:]  # the band begins in the gap below this row
        places = (lines[:, None] * self.columns + np.array(met, np.intp)[None, :]).ravel()
        return places[(places >= 0) & (places < self.count)].astype(np.intp)

    def _spread(self) -> float:
        """Extra room between columns, so that both edges are even."""
        columns = self.columns
        spare = self.width - 2 * MARGIN - columns * self.tile.width() - (columns - 1) * GAP
        return max(0.0, spare / (columns - 1)) if columns > 1 else 0.0

    def _left(self, column: int) -> int:
        return MARGIN + round(column * (self.tile.width() + GAP + self._spread()))

    def _right(self, column: int) -> int:
        return self._left(column) + self.tile.width() - 1

    def _column_at(self, x: int) -> int:
        return int((x - MARGIN + GAP / 2) // (self.tile.width() + GAP + self._spread()))
