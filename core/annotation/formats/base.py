"""What the formats share: what a file says of an image (`Record`), what is to be written (`Item`), and drawing it.

A format reads files into records and writes items into files; it knows neither the project nor which image is meant.
A new format is one file with a `Format` and one line in `core.annotation.formats.FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from core.annotation import masks as label_masks
from core.annotation.masks import Mask
from core.annotation.outlines import Ring, outlines
from core.annotation.shapes import Patch, placed
from core.errors import InputError
from core.files import safe_relative
from core.words import Box

if TYPE_CHECKING:
    from core.annotation.formats.outlet import Outlet

LOOKED_AT: Final = 20  # files that are opened to tell what they are
Style = Literal["polygons", "masks"]
_LONGEST_CODE: Final = 200


@dataclass(frozen=True)
class Shape:
    """One shape of a file: `place` says where ("shape 3"), `code` is its class ('' = the class of its image).

    `pixels(width, height)` are those that it covers on an image of that size; raises `InputError`. Shapes `below` lie
    under all others; `source` is what the file holds, as it holds it.
    """

    code: str
    place: str
    pixels: Callable[[int, int], Patch | None]
    below: bool = False
    source: Any = None


@dataclass(frozen=True)
class Record:
    """What a file says of one image.

    `names` are paths of that image as the file tells them, the surest first; `near` is a file that it should be, if it
    is there. `facts` are labels and splits by column. `fault` says why all of it cannot be used.
    """

    file: Path
    names: tuple[str, ...]
    place: str = ""
    near: Path | None = None
    shapes: tuple[Shape, ...] = ()
    size: tuple[int, int] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class Item:
    """One image to be written: `name` is its path, posix, its own among all; `mask()` is None where nobody painted."""

    name: str
    path: Path
    width: int
    height: int
    facts: Mapping[str, str]
    mask: Callable[[], Mask | None]
    key: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the image is known to show no defect."""
        return self.facts.get("label") == "good"


@dataclass(frozen=True)
class Export:
    """Where and how items are written; `codes` are class ids with their codes."""

    outlet: Outlet
    codes: Mapping[int, str]
    style: Style

    @property
    def ids(self) -> dict[str, int]:
        """Codes with their ids."""
        return {code: number for number, code in self.codes.items()}


Read = Callable[[Path, Path], Iterator[Record]]
Write = Callable[[Iterable[Item], "Export"], None]


@dataclass(frozen=True)
class Format:
    """A format of files. `find(folder)` lists files below a folder that can be its own, `knows(files)` whether some of
    them are, by a look at the first ones.

    `read(file, root)` raises `InputError` naming the place where a file does not parse. `write(items, export)` writes
    what the outlet allows.
    """

    id: str
    title: str
    about: str
    styles: tuple[Style, ...]  # what it can write, the usual one first
    find: Callable[[Path], list[Path]]
    knows: Callable[[Sequence[Path]], bool]
    read: Read
    write: Write
    has_masks: bool = True


@dataclass(frozen=True)
class Overlap:
    """A shape that lies over pixels of shapes before it, which it takes: the later one wins."""

    place: str
    code: str
    under: tuple[str, ...]
    pixels: int

    def __str__(self) -> str:
        under = ", ".join(self.under)
        where = f"{self.place} ({self.code}) lies over {self.pixels:,} pixels that were {under} before"
        return f"{where}: the later one counts"


@dataclass(frozen=True)
class Drawn:
    """Shapes as a label mask, (H, W) uint8, and where they lay over each other."""

    labels: Mask
    overlaps: tuple[Overlap, ...]


def draw(shapes: Sequence[Shape], ids: Mapping[str, int], width: int, height: int) -> Drawn:
    """Draw shapes in the order of their file, those `below` first; `ids` are the class ids of their codes.

    Raises `InputError` naming the shape that cannot be drawn, or that covers no pixel of the image.
    """
    labels = label_masks.empty(width, height)
    codes = {number: code for code, number in ids.items()}
    overlaps: list[Overlap] = []
    for shape in sorted(shapes, key=lambda one: not one.below):
        patch = shape.pixels(width, height)
        if patch is None:
            raise InputError(f"{shape.place} covers no pixel of its image ({width} x {height})")
        bits, box = patch
        there = window(labels, box)
        under = there[bits & (there != 0)]
        if under.size:
            names = tuple(codes[int(value)] for value in np.unique(under))
            overlaps.append(Overlap(shape.place, shape.code, names, int(under.size)))
        there[bits] = ids[shape.code]
    return Drawn(labels, tuple(overlaps))


def window(labels: Mask, box: Box) -> Mask:
    """The pixels of `labels` inside `box`, as a view."""
    x0, y0, x1, y1 = box
    return labels[y0:y1, x0:x1]


def rings_of(labels: Mask, class_id: int) -> list[Ring]:
    """An outline for every component of a class in a mask, holes joined by keyholes."""
    painted = (labels == class_id).view(np.uint8)
    box = label_masks.bounding_box(painted)
    return [] if box is None else outlines(window(painted, box).view(np.bool_), box[:2])


def together(parts: Iterable[Patch | None]) -> Patch | None:
    """What any of the parts covers."""
    found = [part for part in parts if part is not None]
    if len(found) < 2:
        return found[0] if found else None
    boxes = np.array([box for _, box in found])
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    box: Box = (int(low[0]), int(low[1]), int(high[2]), int(high[3]))
    return np.logical_or.reduce([placed(part, box) for part in found]), box


def untouched(shapes: Sequence[Shape], labels: Mask, ids: Mapping[str, int]) -> tuple[list[Shape], Mask]:
    """The shapes whose pixels all still have their class in `labels`, and what they leave to be written.

    They stay in their file as a person drew them. Shapes that cannot be drawn go.
    """
    height, width = labels.shape
    kept: list[Shape] = []
    rest = labels.copy()
    for shape in shapes:
        number = ids.get(shape.code)
        try:
            patch = shape.pixels(width, height) if number else None
        except InputError:
            patch = None
        if patch is not None and bool((window(labels, patch[1])[patch[0]] == number).all()):
            kept.append(shape)
            window(rest, patch[1])[patch[0]] = 0
    return kept, rest


def code_of(value: object, place: str) -> str:
    """A class as a file names it. Raises `InputError` when it is no name that can be shown and written."""
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{place} names no class")
    code = value.strip()
    if len(code) > _LONGEST_CODE or not code.isprintable():
        raise InputError(f"{place} names a class that is longer than {_LONGEST_CODE} characters or cannot be shown")
    return code


def folder_name(code: str, fallback: str = "defect") -> str:
    """A class or product as the name of one folder on every system."""
    name = "".join("_" if one in '<>:"/\\|?*' or ord(one) < 32 else one for one in code).rstrip(". ")
    try:
        safe_relative(name)
    except InputError:
        name = f"_{name}" if name.strip("._ ") else fallback
    return name or fallback


def files_below(folder: Path, *suffixes: str) -> list[Path]:
    """Files with one of the suffixes below a folder, by name; of a file it alone, where it has one of them."""
    if folder.is_file():
        return [folder] if folder.suffix.lower() in suffixes else []
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    return sorted(path for path in found if not path.name.startswith(".") and path.is_file())


def without_suffix(name: str) -> str:
    """`a/b.png` as `a/b`."""
    return str(PurePosixPath(name).with_suffix(""))
