"""Products, views, defect classes, settings, notes: what images belong to and are called."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from core.errors import InputError, ProjectError
from core.project.audit import canonical
from core.project.base import Store
from core.project.records import DefectClass, Json, Note, Product, View
from core.project.undo import Change, OpenStep, remember
from core.project.writer import Transaction

T = TypeVar("T")

# Okabe-Ito's palette without black, then Tol's muted: told apart by colour-blind eyes, never the ROI's sky blue.
PALETTE: Final = (
    "#d55e00",
    "#e69f00",
    "#cc79a7",
    "#f0e442",
    "#0072b2",
    "#009e73",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
    "#332288",
    "#117733",
)


def ensure_view(tx: Transaction, product: str, view: str) -> tuple[int, int]:
    """Ids of the view and its product, made when they are new."""
    row = tx.execute("SELECT id FROM product WHERE code = ?", [product]).fetchone()
    if row is None:
        product_id = tx.insert("product", code=product, name=product)
        tx.audit("add product", "product", product_id, after={"code": product})
    else:
        product_id = int(row[0])
    row = tx.execute("SELECT id FROM view WHERE product_id = ? AND code = ?", [product_id, view]).fetchone()
    if row is not None:
        return int(row[0]), product_id
    view_id = tx.insert("view", product_id=product_id, code=view, name=view)
    tx.audit("add view", "view", view_id, after={"product": product, "code": view})
    return view_id, product_id


def ensure_class(tx: Transaction, code: str, *, names: Mapping[str, str] | None = None, colour: str = "") -> int:
    """The id of a defect class (its value in masks), made when it is new. Raises `ProjectError` beyond 254."""
    row = tx.execute("SELECT id FROM defect_class WHERE code = ?", [code]).fetchone()
    if row is not None:
        return int(row[0])
    last = int(tx.execute("SELECT coalesce(max(id), 0) FROM defect_class").fetchone()[0])
    if last >= 254:
        raise ProjectError("a project holds at most 254 defect classes", kept="Nothing was changed")
    values: dict[str, Any] = {
        "code": code,
        "names": canonical(dict(names or {})),
        "colour": colour or PALETTE[last % len(PALETTE)],
    }
    class_id = tx.insert("defect_class", id=last + 1, position=last + 1, **values)
    tx.audit("add defect class", "defect_class", class_id, after=values)
    return class_id


def _defect_class(row: tuple[Any, ...]) -> DefectClass:
    values: tuple[Any, ...] = (*row[:2], json.loads(row[2]), *row[3:6], bool(row[6]))
    return DefectClass(*values)


class ThingMethods(Store):
    """Products, views, defect classes, settings and notes."""

    def products(self) -> list[Product]:
        """All products, by code."""
        query = """SELECT product.id, product.code, product.name,
            (SELECT count(*) FROM image JOIN view ON view.id = image.view_id WHERE view.product_id = product.id),
            (SELECT count(*) FROM part JOIN lot ON lot.id = part.lot_id WHERE lot.product_id = product.id)
            FROM product ORDER BY product.code"""
        with self._read() as db:
            return [Product(*row) for row in db.execute(query)]

    def views(self, product: str | None = None) -> list[View]:
        """All views, or those of one product."""
        query = """SELECT view.id, product.code, view.code, view.name, window_low, window_high, scale_um, width, height,
            settings FROM view JOIN product ON product.id = view.product_id
            WHERE (? IS NULL OR product.code = ?) ORDER BY product.code, view.code"""
        with self._read() as db:
            rows = db.execute(query, [product, product]).fetchall()
        return [
            View(
                *(row[0], row[1], row[2], row[3]),
                None if row[4] is None else (row[4], row[5]),
                row[6],
                None if row[7] is None else (row[7], row[8]),
                json.loads(row[9]),
            )
            for row in rows
        ]

    def add_view(self, product: str, view: str = "main") -> int:
        """The id of a view; product and view are made when they are new."""
        return self._write(lambda tx: ensure_view(tx, product, view)[0])

    def set_view(
        self,
        view_id: int,
        *,
        name: str | None = None,
        window: tuple[float, float] | None = None,
        scale_um: float | None = None,
        size: tuple[int, int] | None = None,
        settings: Json | None = None,
        reason: str = "",
    ) -> None:
        """Change what is given and leave the rest: window/level, scale, expected size, further settings."""
        values: dict[str, Any] = {"name": name, "scale_um": scale_um}
        values["window_low"], values["window_high"] = window or (None, None)
        values["width"], values["height"] = size or (None, None)
        values["settings"] = None if settings is None else canonical(dict(settings))
        given = {column: value for column, value in values.items() if value is not None}

        def change(tx: Transaction) -> None:
            update_columns(tx, "view", view_id, given, action="change view", reason=reason)

        if given:
            self._write(change)

    def set_scale(self, view_id: int, scale_um: float | None, *, reason: str = "") -> None:
        """Micrometres a pixel of a view; None: not known. Can be undone. Raises `InputError` unless above 0."""
        if scale_um is not None and not 0 < scale_um < math.inf:
            raise InputError("a scale is a number above 0", kept="Nothing was changed")

        def change(tx: Transaction) -> None:
            old = update_columns(tx, "view", view_id, {"scale_um": scale_um}, action="change scale", reason=reason)
            if old["scale_um"] != scale_um:
                remember(tx, "Scale", [Change("view", "scale_um", [view_id], [old["scale_um"]], [scale_um])])

        self._write(change)

    def classes(self, *, retired: bool = False) -> list[DefectClass]:
        """Defect classes in the order of the list; with `retired` also those no longer offered."""
        query = """SELECT id, code, names, colour, position, description, retired FROM defect_class
            WHERE ? OR NOT retired ORDER BY position, id"""
        with self._read() as db:
            rows = db.execute(query, [retired]).fetchall()
        return [_defect_class(row) for row in rows]

    def add_class(
        self, code: str, *, names: Mapping[str, str] | None = None, colour: str = "", step: OpenStep | None = None
    ) -> int:
        """The id of a defect class, made when its code is new, brought back where it was taken out of the list.

        Can be undone, with `step` as a part of that.
        """

        def change(tx: Transaction) -> int:
            known = tx.execute("SELECT id, retired FROM defect_class WHERE code = ?", [code]).fetchone()
            class_id = ensure_class(tx, code, names=names, colour=colour)
            if known is not None and known[1]:
                update_columns(tx, "defect_class", class_id, {"retired": 0}, action="change defect class", reason="")
            if known is None or known[1]:
                made = Change("defect_class", "retired", [class_id], [1], [0])
                remember(tx, f"Add class {code}" if step is None else step.label, [made], into=step)
            return class_id

        return self._write(change)

    def set_class(
        self,
        class_id: int,
        *,
        code: str | None = None,
        names: Mapping[str, str] | None = None,
        colour: str | None = None,
        position: int | None = None,
        description: str | None = None,
        retired: bool | None = None,
        reason: str = "",
    ) -> None:
        """Change what is given of a defect class; can be undone."""
        values = {
            "code": code,
            "names": None if names is None else canonical(dict(names)),
            "colour": colour,
            "position": position,
            "description": description,
            "retired": None if retired is None else int(retired),
        }
        given = {column: value for column, value in values.items() if value is not None}

        def change(tx: Transaction) -> None:
            old = update_columns(tx, "defect_class", class_id, given, action="change defect class", reason=reason)
            remember(
                tx, "Change class", [Change("defect_class", c, [class_id], [old[c]], [v]) for c, v in given.items()]
            )

        if given:
            self._write(change)

    def setting(self, key: str, default: T) -> T:
        """A setting of the project, as it was stored."""
        with self._read() as db:
            row = db.execute("SELECT value FROM setting WHERE key = ?", [key]).fetchone()
        return default if row is None else json.loads(row[0])

    def set_setting(self, key: str, value: object, *, reason: str = "") -> None:
        """Store a setting (anything JSON can hold)."""

        def change(tx: Transaction) -> None:
            row = tx.execute("SELECT value FROM setting WHERE key = ?", [key]).fetchone()
            before = None if row is None else json.loads(row[0])
            tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", [key, canonical(value)])
            tx.audit("change setting", "setting", before={key: before}, after={key: value}, reason=reason)

        self._write(change)

    def add_note(self, subject: str, subject_id: int, text: str) -> int:
        """A remark on an image, a part, a training, ..."""

        def change(tx: Transaction) -> int:
            note_id = tx.insert("note", subject=subject, subject_id=subject_id, text=text, who=tx.who, at=tx.now)
            remember(
                tx, "Note", [Change("note", "withdrawn", [note_id], [1], [0])], image_id=_image(subject, subject_id)
            )
            tx.audit("note", subject, subject_id, after=text)
            return note_id

        return self._write(change)

    def withdraw_note(self, note_id: int) -> None:
        """Take a remark back; it stays in the audit trail. Can be undone."""

        def change(tx: Transaction) -> None:
            row = tx.execute("SELECT subject, subject_id, text, withdrawn FROM note WHERE id = ?", [note_id]).fetchone()
            if row is None or row[3]:
                raise ProjectError("this note is not there any more", kept="Nothing was changed")
            tx.execute("UPDATE note SET withdrawn = 1 WHERE id = ?", [note_id])
            step = [Change("note", "withdrawn", [note_id], [0], [1])]
            remember(tx, "Withdraw note", step, image_id=_image(row[0], row[1]))
            tx.audit("withdraw note", row[0], row[1], before=row[2])

        self._write(change)

    def notes(self, subject: str, subject_id: int | None = None) -> list[Note]:
        """Remarks on one thing, or on all of its kind, oldest first."""
        query = """SELECT id, subject, subject_id, text, who, at FROM note
            WHERE subject = ? AND (? IS NULL OR subject_id = ?) AND NOT withdrawn ORDER BY id"""
        with self._read() as db:
            return [Note(*row) for row in db.execute(query, [subject, subject_id, subject_id])]


def _image(subject: str, subject_id: int) -> int | None:
    """The image that a step of undo concerns alone."""
    return subject_id if subject == "image" else None


def update_columns(
    tx: Transaction, table: str, row_id: int, values: Mapping[str, Any], *, action: str, reason: str
) -> dict[str, Any]:
    """Set `values` on one row, with its audit row; returns what stood there. Names come from code."""
    columns = list(values)
    old = tx.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE id = ?", [row_id]).fetchone()
    if old is None:
        raise ProjectError(f"there is no {table.replace('_', ' ')} {row_id}", kept="Nothing was changed")
    assigned = ", ".join(f"{column} = ?" for column in columns)
    tx.execute(f"UPDATE {table} SET {assigned} WHERE id = ?", [*values.values(), row_id])
    before = dict(zip(columns, old, strict=True))
    tx.audit(action, table, row_id, before=before, after=dict(values), reason=reason)
    return before
