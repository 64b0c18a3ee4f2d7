"""Which image of a project a path from elsewhere means: by its folders, never by a bare name that several share."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from core.annotation.formats import Record
from core.layouts import is_image_name, role_of
from core.project import Project

_GROUPS: Final = (frozenset({"train", "tuning", "test"}), frozenset({"good", "bad"}))


class Finder:
    """The images of a project by their names, read once."""

    def __init__(self, project: Project, product: str | None = None) -> None:
        self._table = project.image_table()
        self._codes = frozenset(self._table.classes) - {""}
        self._products = frozenset(self._table.products)
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        wanted = None if product is None else self._table.products.index(product)
        for index, name in enumerate(self._table.names):
            if wanted is None or self._table.product[index] == wanted:
                self._by_stem[_plain(PurePosixPath(name).stem)].append(index)

    def find(self, record: Record) -> list[int]:
        """Ids of the images that a record can mean: one when it is clear, several when its folders do not tell."""
        product = record.facts.get("product", "")
        several: list[int] = []
        for name in record.names:
            parts = [part for part in PurePosixPath(_plain(name)).parts if part not in ("/", ".", "..")]
            rows = self._named(parts[-1]) if parts else []
            rows = [row for row in rows if not product or self._product(row) == product]
            exact = [row for row in rows if record.near is not None and _is_same(self._table.path(row), record.near)]
            found = exact or self._narrowed(rows, parts[:-1])
            if len(found) == 1:
                return [int(self._table.ids[found[0]])]
            several = several or found
        return [int(self._table.ids[row]) for row in several]

    def fits_none(self, record: Record) -> str:
        """What is said of a record that means no image."""
        names = [PurePosixPath(_plain(name)).name for name in record.names]
        rows = [row for name in names for row in self._named(name)]
        if rows:
            there = f"{self._table.names[rows[0]]} has its name, but belongs elsewhere"
            return f"has no image of its path: it is left out, {there}. Name its folders like those of its image"
        return (
            "has no image of its name: it is left out. Name it like its image, or add the image, then import it again"
        )

    def _named(self, name: str) -> list[int]:
        """Rows of this file name, or of this stem where the name has no suffix of an image."""
        if not is_image_name(name):
            return self._by_stem.get(name, [])
        return [
            row
            for row in self._by_stem.get(PurePosixPath(name).stem, [])
            if PurePosixPath(_plain(self._table.names[row])).name == name
        ]

    def _narrowed(self, rows: Sequence[int], folders: Sequence[str]) -> list[int]:
        """Those whose folders do not contradict; of several those with most folders alike, then class, then product."""
        fitting = [row for row in rows if not self._contradicts(row, folders)]
        if len(fitting) < 2:
            return fitting
        alike = [_alike(self._folders(row), folders) for row in fitting]
        fitting = [row for row, depth in zip(fitting, alike, strict=True) if depth == max(alike)]
        classes = [row for row in fitting if folders and self._class(row) == folders[-1]]
        fitting = classes or fitting
        products = [row for row in fitting if self._product(row) in folders]
        return products if len(fitting) > 1 and products else fitting

    def _contradicts(self, row: int, folders: Sequence[str]) -> bool:
        """Whether the folders name another split, another class or another product than those of the image."""
        own = self._folders(row)
        theirs, ours = _roles(tuple(folders)), _roles(tuple(own))
        if any(theirs & group and ours & group and not theirs & ours & group for group in _GROUPS):
            return True
        classes = self._codes.intersection(folders)
        if classes and self._codes.intersection(own) and not classes.intersection(own):
            return True
        products = self._products.intersection(folders).difference(own)
        return bool(products) and self._product(row) not in products

    def _folders(self, row: int) -> list[str]:
        """The image's folders, from that of the import on."""
        inside = PurePosixPath(_plain(self._table.names[row])).parts[:-1]
        return [self._table.root_paths[int(self._table.roots[row])].name, *inside]

    def _product(self, row: int) -> str:
        return self._table.products[int(self._table.product[row])]

    def _class(self, row: int) -> str:
        return self._table.classes[int(self._table.defect_class[row])]


def _plain(name: str) -> str:
    """Letters with accents as one character: some systems store them as two."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _alike(own: Sequence[str], folders: Sequence[str]) -> int:
    """How many folders are the same, counted from the file."""
    pairs = zip(reversed(own), reversed(folders), strict=False)
    return next((depth for depth, (a, b) in enumerate(pairs) if a != b), min(len(own), len(folders)))


@lru_cache(maxsize=4096)
def _roles(folders: tuple[str, ...]) -> frozenset[str]:
    return frozenset(role_of(folder) for folder in folders)


def _is_same(path: Path, other: Path) -> bool:
    return os.path.normpath(path.absolute()) == os.path.normpath(other.absolute())


def fits_several(found: Collection[int]) -> str:
    """What is said of a record that can mean several images."""
    where = "Put it into a folder named like the images' class, below one named like their product"
    return f"fits {len(found):,} images by its name: it is left out, the images stay as they are. {where}"
