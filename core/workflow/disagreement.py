"""Where two annotators differ: masks of the same image by others, labels that are set already."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from core.annotation.masks import Mask
from core.cells import escape_cell
from core.project import Project
from core.project.records import ImageRow, Layer

COLUMNS: Final = ("image", "product", "what", "with", "theirs", "here", "pixels", "iou", "counts")


@dataclass(frozen=True)
class Conflict:
    """One image on which what comes in differs from what is there.

    `pixels` differ; `iou` is that of all that is painted, whatever its class. `theirs` came in, `here` is what
    `whom` painted or set; `counts` says which of them is used from now on.
    """

    image_id: int
    image: str
    product: str
    what: Literal["mask", "label", "class", "split"]
    whom: str
    theirs: str
    here: str
    counts: str
    pixels: int = 0
    iou: float | None = None

    def __str__(self) -> str:
        if self.what != "mask":
            return f"{self.image}: {self.what} {self.theirs} in the file, {self.here} here. {self.counts}"
        alike = "" if self.iou is None else f", IoU {self.iou:.2f}"
        sides = f"{self.theirs} came in, {self.here} by {self.whom}"
        return f"{self.image}: {self.pixels:,} pixels differ{alike} ({sides}). {self.counts}"

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


def against_layers(
    project: Project, row: ImageRow, labels: Mask, author: str, codes: Mapping[int, str], *, is_new: bool
) -> list[Conflict]:
    """What differs between an author's imported mask and those of everybody else on this image.

    `is_new`: it is about to be stored; else it was here before.
    """
    layers = [one for one in project.layers(row.id) if one.kind == "defect" and one.origin != "model"]
    others = [one for one in layers if (one.origin, one.author) != ("import", author)]
    found = []
    for layer in others:
        mask = project.layer_mask(layer.id)
        if mask.shape == labels.shape and (differing := int(np.count_nonzero(mask != labels))):
            union = int(np.count_nonzero((mask > 0) | (labels > 0)))
            both = int(np.count_nonzero((mask > 0) & (labels > 0)))
            sides = (_named(layer), _described(labels, codes), _described(mask, codes))
            counts = _which_counts(others if is_new else layers, author, is_new=is_new)
            iou = both / union if union else None
            found.append(Conflict(row.id, row.relative, row.product, "mask", *sides, counts, differing, iou))
    return found


def as_csv(conflicts: Iterable[Conflict]) -> str:
    """Conflicts for a spreadsheet, a line each."""
    lines: list[Sequence[object]] = [COLUMNS]
    for one in conflicts:
        iou = None if one.iou is None else round(one.iou, 4)
        pixels = one.pixels if one.what == "mask" else None
        lines.append((one.image, one.product, one.what, one.whom, one.theirs, one.here, pixels, iou, one.counts))
    return table(lines)


def table(lines: Iterable[Sequence[object]]) -> str:
    """Lines of cells as CSV with a mark at its beginning, so that a spreadsheet reads it as UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([escape_cell(cell) for cell in line] for line in lines)
    return "\ufeff" + text.getvalue()


def _which_counts(layers: Sequence[Layer], author: str, *, is_new: bool) -> str:
    """A person's mask comes before an imported one, a later one before an earlier one (as the store takes it)."""
    first = max(layers, key=lambda one: (one.origin == "person", one.changed, one.id))
    if is_new and first.origin != "person":
        return f"The mask imported by {author} counts now, the other one is kept"
    return f"The mask {'painted' if first.origin == 'person' else 'imported'} by {first.author} counts, as before"


def _named(layer: Layer) -> str:
    return f"{layer.author} ({'painted' if layer.origin == 'person' else 'imported'})"


def _described(mask: Mask, codes: Mapping[int, str]) -> str:
    """`scratch 120 px, crack 8 px`."""
    counts = np.bincount(mask.ravel(), minlength=256)
    parts = [f"{codes.get(int(value), value)} {counts[value]:,} px" for value in np.flatnonzero(counts) if value]
    return ", ".join(parts) or "nothing painted"
