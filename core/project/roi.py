"""Regions of interest in the store: versions of a view's zones and cells, how they lie on each image."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Sequence
from typing import Any, Final

from core.annotation import masks
from core.errors import InputError, ProjectDamagedError
from core.project.annotations import store_blob
from core.project.audit import canonical
from core.project.base import Store
from core.project.records import Alignment, Cell, Json, Roi, Zone
from core.project.writer import Transaction

_MATRIX: Final = struct.Struct("<6d")


class RoiMethods(Store):
    """Zones, cells and alignments of views."""

    def set_roi(
        self,
        view_id: int,
        *,
        zones: Sequence[Zone] = (),
        cells: Sequence[Cell] = (),
        template_image_id: int | None = None,
        settings: Json | None = None,
        reason: str = "",
    ) -> Roi:
        """The next version of a view's regions; versions before stay, because figures rest on them."""
        packed = [None if zone.mask is None else masks.pack_mask(zone.mask) for zone in zones]
        for cell in cells:
            if cell.box[0] >= cell.box[2] or cell.box[1] >= cell.box[3]:
                raise InputError(f"the cell {cell.name} is empty", kept="Nothing was changed")

        def change(tx: Transaction) -> int:
            query = "SELECT coalesce(max(number), 0) + 1 FROM roi_version WHERE view_id = ?"
            values: dict[str, Any] = {
                **{"view_id": view_id, "number": int(tx.execute(query, [view_id]).fetchone()[0])},
                **{"template_image_id": template_image_id, "settings": canonical(dict(settings or {}))},
            }
            roi_id = tx.insert("roi_version", at=tx.now, who=tx.who, reason=reason, **values)
            for position, (zone, data) in enumerate(zip(zones, packed, strict=True)):
                _insert_zone(tx, roi_id, zone, data, position)
            for position, cell in enumerate(cells):
                box = dict(zip(("x0", "y0", "x1", "y1"), cell.box, strict=True))
                tx.insert("cell", roi_version_id=roi_id, name=cell.name, position=position, **box)
            after = {**values, "zones": [z.name for z in zones], "cells": [[c.name, c.box] for c in cells]}
            tx.audit("change ROI", "view", view_id, after=after, reason=reason)
            return roi_id

        roi_id = self._write(change)
        return next(roi for roi in self.rois(view_id) if roi.id == roi_id)

    def roi(self, view_id: int) -> Roi | None:
        """The newest version of a view's regions, or None."""
        found = self.rois(view_id)
        return found[-1] if found else None

    def rois(self, view_id: int) -> list[Roi]:
        """All versions of a view's regions, oldest first."""
        with self._read() as db:
            rows = db.execute(
                "SELECT id, view_id, number, at, who, template_image_id, settings FROM roi_version WHERE view_id = ? "
                "ORDER BY number",
                [view_id],
            ).fetchall()
            return [self._roi(db, row) for row in rows]

    def set_alignments(self, roi_id: int, alignments: Sequence[Alignment]) -> None:
        """How the template of a version lies on images (template pixels -> image pixels); the last word counts."""

        def change(tx: Transaction) -> None:
            for item in alignments:
                tx.execute(
                    "INSERT OR REPLACE INTO alignment VALUES (?, ?, ?, ?, ?, ?)",
                    [item.image_id, roi_id, _MATRIX.pack(*item.matrix), item.confidence, item.method, item.origin],
                )
            tx.audit("align ROI", "roi_version", roi_id, after={"images": [item.image_id for item in alignments][:50]})

        if alignments:
            self._write(change)

    def alignments(self, roi_id: int) -> list[Alignment]:
        """All known alignments of a version, the least certain first."""
        query = """SELECT image_id, matrix, confidence, method, origin FROM alignment WHERE roi_version_id = ?
            ORDER BY confidence IS NULL, confidence, image_id"""
        with self._read() as db:
            return [Alignment(row[0], _MATRIX.unpack(row[1]), *row[2:]) for row in db.execute(query, [roi_id])]

    def alignment(self, roi_id: int, image_id: int) -> Alignment | None:
        """How the template of a version lies on one image; None where it was not aligned."""
        query = """SELECT image_id, matrix, confidence, method, origin FROM alignment
            WHERE roi_version_id = ? AND image_id = ?"""
        with self._read() as db:
            row = db.execute(query, [roi_id, image_id]).fetchone()
        return None if row is None else Alignment(row[0], _MATRIX.unpack(row[1]), *row[2:])

    def _roi(self, db: sqlite3.Connection, row: tuple[Any, ...]) -> Roi:
        values: tuple[Any, ...] = (*row[:6], json.loads(row[6]), self._zones(db, row[0]), _cells(db, row[0]))
        return Roi(*values)

    def _zones(self, db: sqlite3.Connection, roi_id: int) -> tuple[Zone, ...]:
        query = """SELECT name, sign, shape, blob.data, image_id FROM zone LEFT JOIN blob ON blob.sha256 = zone.mask
            WHERE roi_version_id = ? ORDER BY position"""
        try:
            return tuple(
                Zone(name, sign, json.loads(shape), None if data is None else masks.unpack_mask(data), image_id)
                for name, sign, shape, data, image_id in db.execute(query, [roi_id])
            )
        except InputError as error:
            raise ProjectDamagedError("the mask of a zone is damaged", path=self.file) from error


def _insert_zone(tx: Transaction, roi_id: int, zone: Zone, data: bytes | None, position: int) -> None:
    values = {"image_id": zone.image_id, "name": zone.name, "sign": zone.sign, "shape": canonical(dict(zone.shape))}
    mask = None if data is None else store_blob(tx, data)
    tx.insert("zone", roi_version_id=roi_id, mask=mask, position=position, **values)


def _cells(db: sqlite3.Connection, roi_id: int) -> tuple[Cell, ...]:
    query = "SELECT name, x0, y0, x1, y1 FROM cell WHERE roi_version_id = ? ORDER BY position"
    return tuple(Cell(row[0], (row[1], row[2], row[3], row[4])) for row in db.execute(query, [roi_id]))
