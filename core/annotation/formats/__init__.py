"""Formats of other annotation tools, read and written without a project.

Where several shapes cover a pixel the later one in the file counts (crowd regions of COCO lie under all others), and
every overlap is reported. Holes are written as keyholes, see `core.annotation.outlines`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.annotation.formats import coco, labelme, labels_csv, mvtec, yolo_seg
from core.annotation.formats.base import Drawn, Export, Format, Item, Record, Shape, Style, draw
from core.annotation.formats.outlet import RECORD, Outlet
from core.errors import InputError

__all__ = [
    "FORMATS",
    "RECORD",
    "Drawn",
    "Export",
    "Format",
    "Item",
    "Outlet",
    "Record",
    "Shape",
    "Style",
    "draw",
    "format_of",
    "recognise",
]

FORMATS: Final[tuple[Format, ...]] = (
    mvtec.FORMAT,
    labelme.FORMAT,
    coco.FORMAT,
    yolo_seg.FORMAT,
    labels_csv.FORMAT,
)


def format_of(name: str) -> Format:
    """The format with this id. Raises `InputError`."""
    for one in FORMATS:
        if one.id == name:
            return one
    raise InputError(f"there is no format {name!r}", mend=f"Choose one of {', '.join(one.id for one in FORMATS)}")


def recognise(source: Path) -> Format:
    """The format of a file, or of the files below a folder. Raises `InputError` when none or several fit."""
    if not source.exists():
        raise InputError("this is not there", path=source)
    found = [one for one in FORMATS if one.knows(one.find(source))]
    if len(found) == 1:
        return found[0]
    if not found:
        mend = f"Name the format: {', '.join(one.id for one in FORMATS)}"
        raise InputError("there are no annotations in a format that is known", path=source, mend=mend)
    names = ", ".join(one.id for one in found)
    raise InputError(f"there are annotations of several formats ({names})", path=source, mend="Say which one to take")
