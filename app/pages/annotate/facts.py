"""What is known of one image, in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.words import LABELS, SPLITS, Label, Split

if TYPE_CHECKING:
    from core.project.table import ImageTable


@dataclass(frozen=True)
class Facts:
    """One image in words."""

    name: str
    path: Path
    place: str  # product and view
    lot: str
    label: Label
    defect_class: str
    split: Split
    size: tuple[int, int] | None = None


def facts_of(table: ImageTable | None, image_id: int | None, size: tuple[int, int] | None) -> Facts | None:
    """What the table says of an image, with its size where it was read; None when it does not know it."""
    row = -1 if table is None or image_id is None else int(table.row_of([image_id])[0])
    if table is None or row < 0:
        return None
    product, view = table.place(row)
    return Facts(
        table.names[row],
        table.path(row),
        product if view == "main" else f"{product} · {view}",
        table.lots[table.lot[row]],
        LABELS[table.label[row]],
        table.classes[table.defect_class[row]],
        SPLITS[table.split[row]],
        size,
    )
