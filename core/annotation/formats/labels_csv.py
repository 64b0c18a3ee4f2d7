"""A table of labels: a line an image with its path, product, view, split, label, defect class, lot and part.

Written with commas, UTF-8 with a mark so that a spreadsheet reads it, and nothing in it can run as a formula. Read
with commas, semicolons or tabs; the columns are found by their names, in any order, others are passed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Final

from core.annotation.formats import base, text
from core.annotation.formats.base import Export, Format, Item, Record
from core.cells import escape_cell, plain_cell
from core.errors import InputError
from core.layouts import role_of
from core.words import LABELS, SPLITS, Label, Split

NAME: Final = "labels.csv"
COLUMNS: Final = ("image", "product", "view", "split", "label", "class", "lot", "part")
_ALIASES: Final = {
    "path": "image",
    "file": "image",
    "filename": "image",
    "file_name": "image",
    "defect_class": "class",
    "defect class": "class",
}
_MARK: Final = "\ufeff"
_LABEL_OF: Final[dict[str, Label]] = {"good": "good", "bad": "defective", "unlabelled": "unlabelled"}
_SPLIT_OF: Final[dict[str, Split]] = {"train": "train", "tuning": "tuning", "test": "test"}


def find(folder: Path) -> list[Path]:
    """Tables below a folder."""
    return base.files_below(folder, ".csv")


def knows(files: Sequence[Path]) -> bool:
    """Whether there are tables of images among the first."""
    return any(_is_table(path) for path in files[: base.LOOKED_AT])


def read(path: Path, _root: Path) -> Iterator[Record]:
    """A record a line. Raises `InputError` where the table as a whole cannot be read."""
    content = text.read_text(path)
    head = content.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    columns: list[str] = []
    try:
        for cells in rows:
            if not columns:
                columns = _columns(cells, path)
            elif any(cells):
                yield _record(path, rows.line_num, dict(zip(columns, map(plain_cell, cells), strict=False)))
    except csv.Error as error:
        raise InputError(f"line {rows.line_num:,}: {error}", path=path, kept=text.KEPT) from error
    if not columns:
        raise InputError("this table is empty", path=path, kept=text.KEPT)


def write(items: Iterable[Item], export: Export) -> None:
    """One table of all images."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow(
            [escape_cell(value) for value in (item.name, *(item.facts.get(name, "") for name in COLUMNS[1:]))]
        )
    export.outlet.offer(NAME, _MARK + table.getvalue(), _check)


def label_of(word: str) -> Label:
    """A label as this program or another writes it. Raises `InputError`."""
    folded = word.strip().casefold()
    for label in LABELS:
        if label == folded:
            return label
    found = _LABEL_OF.get(role_of(word))
    if found is None:
        raise InputError(f"{word[:40]!r} is no label", mend=f"Use one of {', '.join(LABELS)}")
    return found


def split_of(word: str) -> Split:
    """A split as this program or another writes it. Raises `InputError`."""
    folded = word.strip().casefold()
    for split in SPLITS:
        if split == folded:
            return split
    found: Split | None = "unused" if folded == "not used" else _SPLIT_OF.get(role_of(word))
    if found is None:
        raise InputError(f"{word[:40]!r} is no split", mend=f"Use one of {', '.join(SPLITS)}")
    return found


def _is_table(path: Path) -> bool:
    try:
        next(read(path, path.parent), None)
    except InputError:
        return False
    return True


def _columns(cells: list[str], path: Path) -> list[str]:
    names = [cell.strip().casefold() for cell in cells]
    names = [_ALIASES.get(name, name) for name in names]
    if "image" not in names or not {"label", "split", "class"} & set(names):
        what = "line 1: a column “image” and one of “label”, “class” and “split” are needed"
        raise InputError(what, path=path, kept=text.KEPT)
    twice = next((name for name in COLUMNS if names.count(name) > 1), None)
    if twice:
        raise InputError(f"line 1: there are two columns “{twice}”", path=path, kept=text.KEPT)
    return names


def _record(path: Path, line: int, cells: dict[str, str]) -> Record:
    place = f"line {line:,}"
    facts = {name: value.strip() for name, value in cells.items() if name in COLUMNS[1:] and value.strip()}
    image = PureWindowsPath(cells.get("image", "").strip()).as_posix()
    try:
        if image == ".":
            raise InputError("it names no image")
        if "label" in facts:
            facts["label"] = label_of(facts["label"])
        if "split" in facts:
            facts["split"] = split_of(facts["split"])
        if "class" in facts:
            facts["class"] = base.code_of(facts["class"], place)
            if facts.setdefault("label", "defective") != "defective":
                raise InputError("only a defective image has a defect class")
    except InputError as error:
        return Record(path, (image,), place=place, fault=error.what)
    return Record(path, (image,), place=place, near=path.parent / image, facts=facts)


def _check(path: Path) -> None:
    for _ in read(path, path.parent):
        pass


FORMAT: Final = Format(
    id="csv",
    title="Labels (CSV)",
    about="A table with a line an image: split, label, defect class, lot. No pixels.",
    styles=("masks",),
    find=find,
    knows=knows,
    read=read,
    write=write,
    has_masks=False,
)
