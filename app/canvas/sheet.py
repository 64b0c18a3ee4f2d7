"""The mask that is being painted on: what is seen, what was settled, and the one stroke between the two."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.canvas.layers import MaskLayer
from app.canvas.viewport import intersection
from core.annotation.masks import Delta, Mask, apply_delta, delta_between
from core.words import Box

Bits = NDArray[np.bool_]
_TILE: Final = 512  # pixels


class Sheet(QObject):
    """Paint into it, then `settle` what was painted as one stroke or `restore` what was there before.

    Everything costs by the size of the box that is touched, never by that of the image.
    """

    painted = Signal(object)  # box: the pixels that look different now
    settled = Signal(object, str, int, int)  # Delta, tool, class id, number of the stroke: to be stored
    given_up = Signal()  # a stroke of which parts are stored already: to be undone
    changed = Signal()  # after a stroke or an undo: components and areas are other ones

    def __init__(self, layer: MaskLayer, settled: Mask, parent: QObject | None = None) -> None:
        """Paints into the labels of `layer`, class ids; `settled` is a copy of them. Takes both over."""
        super().__init__(parent)
        self.layer: Final = layer
        self._settled: Final = settled
        self._dirty: Box | None = None
        self._number = 0  # of the stroke
        self._begun = False  # a part of it is stored already

    @property
    def labels(self) -> Mask:
        """What is seen, (H, W) uint8; to be read only."""
        return self.layer.labels

    @property
    def before(self) -> Mask:
        """What was there before the stroke that is being painted; to be read only."""
        return self._settled

    @property
    def is_open(self) -> bool:
        """Whether a stroke is being painted."""
        return self._dirty is not None or self._begun

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.labels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.labels.shape[0])

    def paint(self, bits: Bits, box: Box, value: int, *, only_empty: bool = False) -> None:
        """Give the class `value` (0 erases) to the pixels of `box` where `bits`, (h, w), is set.

        With `only_empty` those that had a class before this stroke keep it. Parts of the box beside the image are left
        out.
        """
        inside = intersection(box, (0, 0, self.width, self.height))
        if inside is None:
            return
        x0, y0, x1, y1 = inside
        chosen = bits[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]]
        if only_empty:
            chosen = chosen & (self._settled[y0:y1, x0:x1] == 0)
        self.labels[y0:y1, x0:x1][chosen] = value
        self._dirty = inside if self._dirty is None else _union(self._dirty, inside)
        self._show(inside)

    def put(self, values: Mask, box: Box) -> None:
        """Let the pixels of `box`, which lies on the image, show the class ids `values`, (h, w)."""
        x0, y0, x1, y1 = box
        self.labels[y0:y1, x0:x1] = values
        self._dirty = box if self._dirty is None else _union(self._dirty, box)
        self._show(box)

    def restore(self) -> None:
        """Take back what was painted since the last `settle`; `given_up` when a part of the stroke is stored."""
        box, self._dirty = self._dirty, None
        if box is not None:
            x0, y0, x1, y1 = box
            self.labels[y0:y1, x0:x1] = self._settled[y0:y1, x0:x1]
            self._show(box)
        if self._begun:
            self._end()
            self.given_up.emit()

    def settle(self, tool: str, value: int, *, goes_on: bool = False) -> Delta | None:
        """Hand what was painted to whoever stores it; returns it, None when nothing changed.

        With `goes_on` it is a part of a stroke that is long: what comes next belongs to the same step of undo.
        """
        box, self._dirty = self._dirty, None
        delta = None if box is None else delta_between(self._settled, self.labels, box)
        if delta is not None:
            x0, y0, x1, y1 = delta.box
            self._settled[y0:y1, x0:x1] = self.labels[y0:y1, x0:x1]
            self.settled.emit(delta, tool, value, self._number)
        was_begun = self._begun
        self._begun = goes_on and (was_begun or delta is not None)
        if not goes_on and (was_begun or delta is not None):
            self._end()
            self.changed.emit()
        return delta

    def apply(self, delta: Delta) -> None:
        """Do a stored stroke again, or take it back. An open stroke must be settled or restored first."""
        assert not self.is_open, "an undo in the middle of a stroke"
        for part in _touched(delta):  # a stroke across 64 megapixels leaves most of its box alone
            apply_delta(self.labels, part)
            x0, y0, x1, y1 = part.box
            self._settled[y0:y1, x0:x1] = self.labels[y0:y1, x0:x1]
            self.layer.changed(part.box)
        self.painted.emit(delta.box)
        self.changed.emit()

    def _end(self) -> None:
        self._begun = False
        self._number += 1

    def _show(self, box: Box) -> None:
        self.layer.changed(box)
        self.painted.emit(box)


def _union(a: Box, b: Box) -> Box:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def _touched(delta: Delta) -> Iterator[Delta]:
    """The tiles of a stroke in which something changed."""
    left, top = delta.box[:2]
    height, width = delta.bits.shape
    for y, x in product(range(0, height, _TILE), range(0, width, _TILE)):
        bits = delta.bits[y : y + _TILE, x : x + _TILE]
        if bits.any():
            box = (left + x, top + y, left + x + bits.shape[1], top + y + bits.shape[0])
            yield Delta(delta.shape, box, bits)
