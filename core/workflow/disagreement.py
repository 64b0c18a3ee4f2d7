"""Where two annotators differ: masks of the same image by others, labels that are set already."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from core.annotation.masks import Mask, delta_between
from core.cells import escape_cell
from core.project import Project
from core.project.records import ImageRow, Layer
from core.words import Box

COLUMNS: Final = (
    *("image", "product", "what", "with", "theirs", "here"),
    *("differs", "pixels", "class_pixels", "iou", "counts"),
)
Differs = Literal["", "place", "class", "both"]


@dataclass(frozen=True)
class Difference:
    """How two masks differ: pixels that one alone paints (`place`), that both paint as another class (`other_class`).

    `iou` is that of all that is painted, whatever its class; `box` holds every pixel that differs.
    """

    place: int
    other_class: int
    iou: float
    box: Box

    @property
    def differs(self) -> Differs:
        """In place, class, or both."""
        return "both" if self.place and self.other_class else "place" if self.place else "class"


def difference(one: Mask, other: Mask) -> Difference | None:
    """How two masks of the same size differ; None when they do not."""
    delta = delta_between(one, other)
    if delta is None:
        return None
    mine, theirs = one > 0, other > 0
    union, both = int(np.count_nonzero(mine | theirs)), int(np.count_nonzero(mine & theirs))
    return Difference(union - both, delta.pixels - (union - both), both / union, delta.box)


@dataclass(frozen=True)
class Conflict:
    """One image on which what comes in differs from what is there.

    Of masks `pixels` differ, `class_pixels` of them in class alone; `iou` is that of all that is painted, whatever its
    class. `theirs` came in, `here` is what `whom` painted or set; `counts` says which of them is used from now on.
    """

    image_id: int
    image: str
    product: str
    what: Literal["mask", "label", "class", "split"]
    whom: str
    theirs: str
    here: str
    counts: str
    differs: Differs = ""
    pixels: int = 0
    class_pixels: int = 0
    iou: float | None = None

    def __str__(self) -> str:
        if self.what != "mask":
            return f"{self.image}: {self.what} {self.theirs} in the file, {self.here} here. {self.counts}"
        sides = f"{self.theirs} came in, {self.here} by {self.whom}"
        return f"{self.image}: {self._difference()} ({sides}). {self.counts}"

    def _difference(self) -> str:
        if self.differs == "class":
            return f"the same place, another class on {self.class_pixels:,} pixels"
        place = f"{self.pixels - self.class_pixels:,} pixels differ in place, IoU {self.iou or 0:.2f}"
        return place if self.differs == "place" else f"{place}, and {self.class_pixels:,} in class"

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


def against_layers(
    project: Project, row: ImageRow, labels: Mask, author: str, codes: Mapping[int, str], *, is_new: bool
) -> list[Conflict]:
    """What differs between an author's imported mask and the one that counts here besides it: one or none.

    `is_new`: it is about to be stored; else it was here before.
    """
    layers = [one for one in project.layers(row.id) if one.kind == "defect" and one.origin != "model"]
    others = [one for one in layers if (one.origin, one.author) != ("import", author)]
    if not others:
        return []
    layer = max(others, key=_rank)
    mask = project.layer_mask(layer.id)
    found = difference(mask, labels) if mask.shape == labels.shape else None
    if found is None:
        return []
    sides = (_named(layer), _described(labels, codes), _described(mask, codes))
    counts = _which_counts(others if is_new else layers, author, is_new=is_new)
    amounts = (found.place + found.other_class, found.other_class, found.iou)
    return [Conflict(row.id, row.relative, row.product, "mask", *sides, counts, found.differs, *amounts)]


def as_csv(conflicts: Iterable[Conflict]) -> str:
    """Conflicts for a spreadsheet, a line each."""
    lines: list[Sequence[object]] = [COLUMNS]
    for one in conflicts:
        iou = None if one.iou is None else round(one.iou, 4)
        pixels = one.pixels if one.what == "mask" else None
        of_class = one.class_pixels if one.what == "mask" else None
        sides = (one.image, one.product, one.what, one.whom, one.theirs, one.here)
        lines.append((*sides, one.differs, pixels, of_class, iou, one.counts))
    return table(lines)


def table(lines: Iterable[Sequence[object]]) -> str:
    """Lines of cells as CSV with a mark at its beginning, so that a spreadsheet reads it as UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([escape_cell(cell) for cell in line] for line in lines)
    return "\ufeff" + text.getvalue()


def _which_counts(layers: Sequence[Layer], author: str, *, is_new: bool) -> str:
    """A person's mask comes before an imported one, a later one before an earlier one (as the store takes it)."""
    first = max(layers, key=_rank)
    if is_new and first.origin != "person":
        return f"The mask imported by {author} counts now, the other one is kept"
    return f"The mask {'painted' if first.origin == 'person' else 'imported'} by {first.author} counts, as before"


def _rank(layer: Layer) -> tuple[bool, str, int]:
    """The highest one counts."""
    return layer.origin == "person", layer.changed, layer.id


def _named(layer: Layer) -> str:
    return f"{layer.author} ({'painted' if layer.origin == 'person' else 'imported'})"


def _described(mask: Mask, codes: Mapping[int, str]) -> str:
    """`scratch 120 px, crack 8 px`."""
    counts = np.bincount(mask.ravel(), minlength=256)
    parts = [f"{codes.get(int(value), value)} {counts[value]:,} px" for value in np.flatnonzero(counts) if value]
    return ", ".join(parts) or "nothing painted"
