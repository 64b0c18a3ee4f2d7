"""From image to image through a list: plain arithmetic over the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.project.table import ImageTable


def place_of(order: NDArray[np.int64], image_id: int | None) -> int:
    """Where an image stands in `order`; -1 when it does not."""
    if image_id is None:
        return -1
    found = np.flatnonzero(order == image_id)
    return int(found[0]) if found.size else -1


def place_after(table: ImageTable | None, order: NDArray[np.int64], image_id: int | None, delta: int) -> int:
    """Where in `order` one goes, `delta` on from an image; beyond its ends where there is none."""
    at = place_of(order, image_id)
    return at + delta if at >= 0 else place_beside(table, order, image_id, delta)


def place_beside(table: ImageTable | None, order: NDArray[np.int64], image_id: int | None, delta: int) -> int:
    """Where in `order` one goes, `delta` on, from an image that is not in it: to those before and after it.

    The first place where nothing lies beside it: a list by score, an image that the table does not know.
    """
    if table is None or image_id is None:
        return 0
    rows, mine = table.row_of(order), int(table.row_of([image_id])[0])
    if mine < 0 or np.any(np.diff(rows) < 0):
        return 0
    following = int(np.searchsorted(rows, mine))
    return following + delta - 1 if delta > 0 else following + delta
