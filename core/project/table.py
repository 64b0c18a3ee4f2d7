"""All images of a project as columns: lists, filters and counts of 230,000 images without an object for each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self, overload

import numpy as np
from numpy.typing import NDArray

from core.project import layers
from core.project.base import Store
from core.words import LABELS, SPLITS, STATES

_PAGE: Final = 20_000  # rows that are Python objects at one time
OPEN: Final = 1
DECIDED: Final = 2
_NO_BYTES: Final = np.zeros(0, np.uint8)


def _coded(column: str, words: Sequence[str]) -> str:
    """SQL that turns a word into its place in `words`: no text is made for columns of few words."""
    cases = " ".join(f"WHEN '{word}' THEN {code}" for code, word in enumerate(words))
    return f"CASE image.{column} {cases} ELSE 0 END"


_SELECT: Final = f"""
SELECT image.id, image.root_id, image.view_id, part.lot_id, image.part_id, coalesce(image.class_id, 0),
       {_coded("label", LABELS)}, {_coded("split", SPLITS)}, {_coded("state", STATES)}, image.problem <> '', image.path
FROM image CROSS JOIN part ON part.id = image.part_id
"""
# Images on whose mask something is painted, and the class of the last stroke that painted one (0: none did).
_MASKED: Final = """SELECT layer.image_id, coalesce((SELECT class_id FROM stroke
        WHERE layer_id = layer.id AND state = 'done' AND class_id > 0 ORDER BY seq DESC LIMIT 1), 0)
    FROM (SELECT DISTINCT image_id AS place FROM layer
        WHERE kind = 'defect' AND origin IN ('person', 'import') AND image_id BETWEEN ? AND ?)
    JOIN layer ON layer.id = (SELECT id FROM layer WHERE image_id = place AND kind = 'defect' AND {truth})
    WHERE (SELECT pixels FROM snapshot WHERE id = {standing}) > 0 OR {last} IS {standing} AND
        EXISTS (SELECT 1 FROM stroke WHERE layer_id = layer.id AND state = 'done' AND NOT folded)"""
_NOTED: Final = """SELECT DISTINCT subject_id FROM note
    WHERE subject = 'image' AND NOT withdrawn AND subject_id BETWEEN ? AND ?"""
_CONFLICTS: Final = f"""SELECT layer.image_id, max(snapshot.conflict = 'open') FROM snapshot
    JOIN layer ON layer.id = snapshot.layer_id WHERE snapshot.conflict <> '' AND layer.kind = 'defect'
    AND layer.image_id BETWEEN ? AND ? AND snapshot.id = {layers.STANDING} GROUP BY layer.image_id"""


@dataclass(frozen=True, eq=False)
class Names(Sequence[str]):
    """(N,) texts in one UTF-8 buffer: a tenth of the memory of a list, and searched at once.

    Text i is `data[ends[i]:ends[i + 1]]`.
    """

    data: bytes = b""
    ends: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Pack `texts`."""
        listed = list(texts)
        whole = "".join(listed)
        if whole.isascii():
            data, lengths = whole.encode("ascii"), map(len, listed)
        else:
            parts = [text.encode("utf-8", "surrogateescape") for text in listed]
            data, lengths = b"".join(parts), map(len, parts)
        ends = np.zeros(len(listed) + 1, np.int64)
        np.cumsum(np.fromiter(lengths, np.int64, len(listed)), out=ends[1:])
        return cls(data, ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.data[self.ends[index] : self.ends[index + 1]].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        ends = self.ends.tolist()
        if self.data.isascii():
            text = self.data.decode("ascii")
            return (text[start:end] for start, end in pairwise(ends))
        return (self.data[start:end].decode("utf-8", "surrogateescape") for start, end in pairwise(ends))

    def joined(self, other: Names) -> Names:
        """These, then those of `other`."""
        return Names(self.data + other.data, np.concatenate([self.ends, other.ends[1:] + self.ends[-1]]))

    def containing(self, text: str) -> NDArray[np.bool_]:
        """(N,) bool: which hold `text`, without regard to case."""
        found = np.zeros(len(self), np.bool_)
        needle = text.casefold().encode("utf-8", "surrogateescape")
        if not needle:
            return ~found
        data, ends = self._folded.data, self._folded.ends
        buffer = np.frombuffer(data, np.uint8) if data else _NO_BYTES
        count = len(buffer) - len(needle) + 1
        if count <= 0:
            return found
        hits = buffer[:count] == needle[0]
        if len(needle) > 1:
            hits &= buffer[1 : count + 1] == needle[1]
        at = np.flatnonzero(hits)
        for place in range(2, len(needle)):
            at = at[buffer[at + place] == needle[place]]
        rows = np.searchsorted(ends, at, side="right") - 1
        found[rows[at + len(needle) <= ends[rows + 1]]] = True
        return found

    @cached_property
    def _folded(self) -> Names:
        if self.data.isascii():
            return Names(self.data.lower(), self.ends)
        return Names.of(text.casefold() for text in self)


@dataclass(frozen=True, eq=False)
class ImageTable:
    """Images by ascending id; (N,) columns. Words are codes: label, split and state into those of `core.words`, the
    rest into the tuples beside them. `part` is the part's id; `problem`, `masked` (a mask with something on it) and
    `noted` say whether there is one; `painted_class` is what a person painted last there, "" where nobody did.
    `conflict`: masks of several people between which somebody has to choose (`OPEN`) or has (`DECIDED`), else 0."""

    ids: NDArray[np.int64]
    names: Names
    roots: NDArray[np.int32]
    product: NDArray[np.int32]
    view: NDArray[np.int32]
    lot: NDArray[np.int32]
    part: NDArray[np.int64]
    label: NDArray[np.uint8]
    split: NDArray[np.uint8]
    state: NDArray[np.uint8]
    defect_class: NDArray[np.int16]
    problem: NDArray[np.bool_]
    masked: NDArray[np.bool_]
    painted_class: NDArray[np.int16]
    noted: NDArray[np.bool_]
    conflict: NDArray[np.uint8]
    products: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    classes: tuple[str, ...] = ("",)
    root_paths: Mapping[int, Path] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> Self:
        """A table without rows."""
        codes, words, flags = np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(0, np.bool_)
        return cls(
            ids=np.zeros(0, np.int64),
            names=Names(),
            roots=codes,
            product=codes,
            view=codes,
            lot=codes,
            part=np.zeros(0, np.int64),
            label=words,
            split=words,
            state=words,
            defect_class=np.zeros(0, np.int16),
            problem=flags,
            masked=flags,
            painted_class=np.zeros(0, np.int16),
            noted=flags,
            conflict=words,
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory of the columns and names."""
        columns = sum(int(getattr(self, name).nbytes) for name in _COLUMNS)
        return columns + len(self.names.data) + self.names.ends.nbytes

    def row_of(self, ids: Iterable[int] | NDArray[np.int64]) -> NDArray[np.intp]:
        """Where these images stand, −1 for those that are not here."""
        wanted = ids if isinstance(ids, np.ndarray) else np.fromiter(ids, np.int64)
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, np.intp)
        rows = np.minimum(np.searchsorted(self.ids, wanted), len(self) - 1)
        return np.where(self.ids[rows] == wanted, rows, -1)

    def path(self, index: int) -> Path:
        """The absolute file of row `index`, where the project knows its folder to be now."""
        return self.root_paths[int(self.roots[index])] / self.names[index]

    def place(self, index: int) -> tuple[str, str]:
        """Product and view of row `index`."""
        return self.products[self.product[index]], self.views[self.view[index]]

    def extended(self, other: ImageTable) -> ImageTable:
        """These rows, then those of `other`, whose ids must be larger; row numbers of `self` stay."""
        if not len(self):
            return other
        if len(other) and other.ids[0] <= self.ids[-1]:
            raise ValueError("rows can only be added behind the last id")
        other, words = self._in_my_words(other)
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in _COLUMNS
        }
        return replace(self, names=self.names.joined(other.names), **columns, **words)

    def replaced(self, other: ImageTable) -> ImageTable:
        """The rows of `other` in the place of those with the same ids; what is not here is passed over."""
        rows = self.row_of(other.ids)
        here = rows >= 0
        other, words = self._in_my_words(other)
        columns: dict[str, Any] = {}
        for name in _COLUMNS:
            columns[name] = getattr(self, name).copy()
            columns[name][rows[here]] = getattr(other, name)[here]
        renamed = {int(row): other.names[i] for i, row in enumerate(rows) if row >= 0}
        names = self.names
        if any(names[row] != name for row, name in renamed.items()):
            names = Names.of(renamed.get(row, name) for row, name in enumerate(names))
        return replace(self, names=names, **columns, **words)

    def _in_my_words(self, other: ImageTable) -> tuple[ImageTable, dict[str, Any]]:
        """`other` with codes into the words of both, those of `self` first so that its own codes stay."""
        words: dict[str, Any] = {"root_paths": {**self.root_paths, **other.root_paths}}
        codes: dict[str, Any] = {}
        for column, name in _WORDS.items():
            mine, theirs = getattr(self, name), getattr(other, name)
            words[name] = mine
            if theirs != mine:
                words[name] = tuple(dict.fromkeys((*mine, *theirs)))
                place = {word: code for code, word in enumerate(words[name])}
                kind = getattr(other, column).dtype
                codes[column] = np.array([place[word] for word in theirs], kind)[getattr(other, column)]
        return replace(other, **codes), words


_COLUMNS: Final = (
    *("ids", "roots", "product", "view", "lot", "part"),
    *("label", "split", "state", "defect_class", "problem", "masked", "painted_class", "noted", "conflict"),
)
_WORDS: Final = {
    **{"product": "products", "view": "views", "lot": "lots"},
    **{"defect_class": "classes", "painted_class": "classes"},
}


class TableMethods(Store):
    """The images of a project as a table."""

    def image_table(self, *, after: int = 0, limit: int | None = None, ids: Iterable[int] | None = None) -> ImageTable:
        """Images with an id above `after` (or those of `ids`), at most `limit` of them, all as of one moment."""
        wanted = [] if ids is None else [json.dumps([int(image_id) for image_id in ids])]
        chosen = "" if ids is None else "AND image.id IN (SELECT value FROM json_each(?))"
        query = f"{_SELECT} WHERE image.id > ? {chosen} ORDER BY image.id LIMIT ?"
        with self._read() as db:
            db.execute("BEGIN")
            try:
                words = _Words(db, self._root_path, self._schema)
                cursor = db.execute(query, [after, *wanted, -1 if limit is None else limit])
                tables = [words.table(rows, db) for rows in iter(lambda: cursor.fetchmany(_PAGE), [])]
                cursor.close()
                return _stacked(tables) if tables else words.table([], db)
            finally:
                db.execute("COMMIT")


class _Words:
    """Codes of products, views, lots and classes as they stand, looked up by row id."""

    def __init__(self, db: sqlite3.Connection, root_path: Callable[[str, int], Path], schema: int) -> None:
        self._schema = schema
        products = dict(db.execute("SELECT id, code FROM product").fetchall())
        views = db.execute("SELECT id, product_id, code FROM view ORDER BY id").fetchall()
        lots = db.execute("SELECT id, code FROM lot ORDER BY id").fetchall()
        classes = db.execute("SELECT id, code FROM defect_class ORDER BY id").fetchall()
        roots = db.execute("SELECT id, path, relative FROM root").fetchall()
        self.products, self.product = _numbered([(row[0], products[row[1]]) for row in views])
        self.views, self.view = _numbered([(row[0], row[2]) for row in views])
        self.lots, self.lot = _numbered(lots)
        self.classes, self.defect_class = _numbered([(0, ""), *classes])
        self.root_paths = {int(row[0]): root_path(row[1], row[2]) for row in roots}

    def table(self, rows: Sequence[tuple[Any, ...]], db: sqlite3.Connection) -> ImageTable:
        """Rows of `_SELECT` as columns."""
        columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) if rows else [()] * 11
        ids = np.array(columns[0], np.int64)
        span = [int(ids[0]), int(ids[-1])] if len(ids) else [0, -1]
        schema = self._schema
        query = _MASKED.format(truth=layers.truth(schema), standing=layers.standing(schema), last=layers.LAST)
        masked = np.array(db.execute(query, span).fetchall(), np.int64).reshape(-1, 2)
        noted = np.array(db.execute(_NOTED, span).fetchall(), np.int64).ravel()
        masked = masked[np.isin(masked[:, 0], ids)]
        painted = np.zeros(len(ids), np.int64)
        painted[np.searchsorted(ids, masked[:, 0])] = np.where(masked[:, 1] < len(self.defect_class), masked[:, 1], 0)
        clashes = db.execute(_CONFLICTS, span).fetchall() if self._schema >= 3 else []
        conflict = np.zeros(len(ids), np.uint8)
        for image_id, is_open in clashes:
            conflict[ids == image_id] = OPEN if is_open else DECIDED
        view = np.array(columns[2], np.int64)
        return ImageTable(
            ids=ids,
            names=Names.of(columns[10]),
            roots=np.array(columns[1], np.int32),
            product=self.product[view],
            view=self.view[view],
            lot=self.lot[np.array(columns[3], np.int64)],
            part=np.array(columns[4], np.int64),
            label=np.array(columns[6], np.uint8),
            split=np.array(columns[7], np.uint8),
            state=np.array(columns[8], np.uint8),
            defect_class=self.defect_class[np.array(columns[5], np.int64)].astype(np.int16),
            problem=np.array(columns[9], np.bool_),
            masked=np.isin(ids, masked[:, 0]),
            painted_class=self.defect_class[painted].astype(np.int16),
            noted=np.isin(ids, noted),
            conflict=conflict,
            products=self.products,
            views=self.views,
            lots=self.lots,
            classes=self.classes,
            root_paths=self.root_paths,
        )


def _numbered(pairs: Sequence[tuple[int, str]]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The different words in the order in which they came, and row id -> place among them."""
    words: dict[str, int] = {}
    codes = np.zeros(max((row_id for row_id, _ in pairs), default=0) + 1, np.int32)
    for row_id, word in pairs:
        codes[row_id] = words.setdefault(word, len(words))
    return tuple(words), codes


def _stacked(tables: Sequence[ImageTable]) -> ImageTable:
    """Pages of one reading, which share their words."""
    if len(tables) == 1:
        return tables[0]
    ends = [tables[0].names.ends]
    for page in tables[1:]:
        ends.append(page.names.ends[1:] + ends[-1][-1])
    names = Names(b"".join(page.names.data for page in tables), np.concatenate(ends))
    columns: dict[str, Any] = {name: np.concatenate([getattr(page, name) for page in tables]) for name in _COLUMNS}
    return replace(tables[0], names=names, **columns)
