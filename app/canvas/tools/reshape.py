"""Fill holes, grow, shrink: what is under the cursor, or all of the chosen class where nothing painted is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from app.canvas.sheet import Sheet
from app.canvas.workbench import Workbench
from app.words import tr
from core.annotation import assist
from core.annotation.components import component_at, components, mask_of
from core.annotation.masks import Mask
from core.annotation.shapes import Patch, cropped

_STEP: Final = 1  # pixel at a time


class Reshaper:
    """Each call is one stroke. What is painted in another class is never touched."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._pixel = (-1, -1)  # under the cursor
        bench.canvas.cursor_moved.connect(self._on_cursor_moved)

    def fill_holes(self) -> None:
        """Paint what a defect surrounds."""
        self._reshape("holes", lambda patch, _: assist.holes(patch), tr("There is no hole to fill"))

    def grow(self) -> None:
        """One pixel more all around."""
        self._reshape("grow", _ring, tr("Nothing is painted in this class yet"))

    def shrink(self) -> None:
        """One pixel less all around."""
        self._reshape("shrink", _rim, tr("Nothing is painted in this class yet"))

    # -- inside

    def _reshape(self, name: str, change: Callable[[Patch, Mask], Patch | None], nothing: str) -> None:
        sheet = self._bench.sheet
        if sheet is not None and sheet.is_open:
            return  # in the middle of a stroke of the mouse
        patches, class_id = ([], 0) if sheet is None else self._chosen(sheet)
        value = 0 if name == "shrink" else class_id
        begun = self._bench.begin(name, value)
        if begun is None:
            return
        changes = [found for patch in patches if (found := change(patch, begun.before)) is not None]
        for found in changes:
            begun.paint(*found, value, only_empty=value != 0)
        self._bench.end()
        if not changes:
            self._bench.refused.emit(nothing)

    def _chosen(self, sheet: Sheet) -> tuple[list[Patch], int]:
        """Components under the cursor, or all of the class, and which class that is."""
        under = component_at(sheet.labels, *self._pixel)
        if under is not None:
            return [under], int(sheet.labels[self._pixel[1], self._pixel[0]])
        class_id = self._bench.class_id
        found = components(sheet.labels, only=class_id)
        return [mask_of(sheet.labels, one) for one in found], class_id

    def _on_cursor_moved(self, x: int, y: int, _: object) -> None:
        self._pixel = (x, y)


def _ring(patch: Patch, labels: Mask) -> Patch:
    """What growing adds."""
    return assist.grown(patch, _STEP, labels.shape[1], labels.shape[0])


def _rim(patch: Patch, labels: Mask) -> Patch | None:
    """What shrinking takes away: of the component alone, not of others in its box."""
    kept = assist.shrunk(patch, _STEP, labels.shape[1], labels.shape[0])
    bits, box = patch
    gone = np.array(bits)
    if kept is not None:
        inner, (x0, y0, x1, y1) = kept
        gone[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] &= ~inner
    return cropped(gone, box)
