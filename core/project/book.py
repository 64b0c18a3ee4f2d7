"""The defect book: examples and limit samples of each class, as places on images of the project."""

from __future__ import annotations

from typing import Any

from core.errors import InputError, ProjectError
from core.project.base import Store
from core.project.records import ClassExample, ExampleKind
from core.project.writer import Transaction
from core.words import Box

_OF_CLASS = "class_id IN (SELECT id FROM defect_class WHERE id = ? OR merged_into = ?)"


class BookMethods(Store):
    """Examples of defect classes."""

    def add_example(self, class_id: int, image_id: int, kind: ExampleKind, *, box: Box, note: str = "") -> int:
        """Put a place of an image into the book, and return its id; one that is there already stays as it is.

        Raises `InputError` for a box without pixels, `ProjectError` for a class or image that is not there.
        """
        x0, y0, x1, y1 = box
        if x0 >= x1 or y0 >= y1:
            raise InputError("an example needs an area of the image", kept="Nothing was added")

        def change(tx: Transaction) -> int:
            _check(tx, class_id, image_id)
            query = """SELECT id FROM class_example WHERE class_id = ? AND image_id = ? AND kind = ? AND x0 = ? AND
                y0 = ? AND x1 = ? AND y1 = ?"""
            row = tx.execute(query, [class_id, image_id, kind, *box]).fetchone()
            if row is not None:
                return int(row[0])
            values: dict[str, Any] = {"image_id": image_id, "kind": kind, "note": note}
            values |= {"x0": x0, "y0": y0, "x1": x1, "y1": y1}
            example_id = tx.insert("class_example", class_id=class_id, **values)
            tx.audit("add example", "defect_class", class_id, after={"example": example_id, **values})
            return example_id

        return self._write(change)

    def remove_example(self, example_id: int) -> None:
        """Take a place out of the book; the audit trail keeps what it was."""

        def change(tx: Transaction) -> None:
            row = tx.execute(
                "SELECT class_id, image_id, kind, x0, y0, x1, y1, note FROM class_example WHERE id = ?", [example_id]
            ).fetchone()
            if row is None:
                raise ProjectError("this example is not in the book any more", kept="Nothing was changed")
            tx.execute("DELETE FROM class_example WHERE id = ?", [example_id])
            names = ("image_id", "kind", "x0", "y0", "x1", "y1", "note")
            before = {"example": example_id, **dict(zip(names, row[1:], strict=True))}
            tx.audit("remove example", "defect_class", row[0], before=before)

        self._write(change)

    def examples(self, class_id: int) -> list[ClassExample]:
        """What the book shows of a class and of those that were merged into it, as it was added."""
        query = f"""SELECT id, class_id, image_id, kind, x0, y0, x1, y1, note FROM class_example
            WHERE {_OF_CLASS} ORDER BY id"""
        with self._read() as db:
            rows = db.execute(query, [class_id, class_id]).fetchall()
        return [_example(row) for row in rows]


def _check(tx: Transaction, class_id: int, image_id: int) -> None:
    for table, row_id, word in (("defect_class", class_id, "defect class"), ("image", image_id, "image")):
        if tx.execute(f"SELECT 1 FROM {table} WHERE id = ?", [row_id]).fetchone() is None:
            raise ProjectError(f"there is no {word} {row_id}", kept="Nothing was changed")


def _example(row: tuple[Any, ...]) -> ClassExample:
    values: tuple[Any, ...] = (*row[:4], None if row[4] is None else tuple(row[4:8]), row[8])
    return ClassExample(*values)
