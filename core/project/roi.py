"""Regions of interest in the store: versions of a view's zones and cells, how they lie on each image."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from core.annotation import masks
from core.errors import InputError, ProjectDamagedError
from core.project.audit import canonical
from core.project.base import Store
from core.project.layers import store_blob
from core.project.records import Alignment, Cell, Json, Roi, Zone
from core.project.undo import Change, remember
from core.project.writer import Transaction

_MATRIX: Final = struct.Struct("<6d")
_Packed = tuple[Zone, bytes | None]


class RoiMethods(Store):
    """Zones, cells and alignments of views. Every change is one undoable step, and makes the next version."""

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
        """The next version of a view's regions, all of it; versions before stay, because figures rest on them."""
        own: dict[int, list[Zone]] = {}
        for zone in zones:
            if zone.image_id is not None:
                own.setdefault(zone.image_id, []).append(zone)
        template = [zone for zone in zones if zone.image_id is None]

        given = dict(settings or {})
        wanted = Roi(0, view_id, 0, "", "", template_image_id, given, tuple(template), tuple(cells))
        return self._next_roi(view_id, lambda _: wanted, own.items(), keep_own=False, label="change ROI", reason=reason)

    def change_roi(
        self,
        view_id: int,
        *,
        zones: Sequence[Zone] | None = None,
        cells: Sequence[Cell] | None = None,
        template_image_id: int | None = None,
        settings: Json | None = None,
        own: Iterable[tuple[int, Sequence[Zone]]] = (),
        label: str = "change ROI",
        reason: str = "",
    ) -> Roi:
        """The next version of a view's regions, in which what is not given is as it was.

        `own` are zones of images in the template's place, taken one image at a time; none of them: the image follows
        the template again. How the
        template lies on images stays known while it is the same image, aligned the same way; how well it fits
        (`Alignment.confidence`) is not known any more when its zones or cells changed.
        """

        def values(before: Roi | None) -> Roi:
            kept = before or Roi(0, view_id, 0, "", "", None, {}, (), ())
            template = kept.template_image_id if template_image_id is None else template_image_id
            given = dict(kept.settings if settings is None else settings)
            chosen = kept.zones if zones is None else tuple(zones)
            return Roi(
                0, view_id, 0, "", "", template, given, chosen, kept.cells if cells is None else tuple(cells), kept.own
            )

        return self._next_roi(view_id, values, own, keep_own=True, label=label, reason=reason)

    def roi(self, view_id: int) -> Roi | None:
        """The version of a view's regions that counts: the newest that was not undone; None where there is none."""
        with self._read() as db:
            return self._present(db, view_id)

    def rois(self, view_id: int) -> list[Roi]:
        """All versions of a view's regions, oldest first, also those that were undone."""
        with self._read() as db:
            query = f"{self._select()} WHERE view_id = ? ORDER BY number"
            return [self._roi(db, row) for row in db.execute(query, [view_id]).fetchall()]

    def roi_version(self, roi_id: int) -> Roi:
        """One version, whatever became of it. Raises `InputError` when there is none."""
        with self._read() as db:
            row = db.execute(f"{self._select()} WHERE id = ?", [roi_id]).fetchone()
            if row is None:
                raise InputError(f"there is no version {roi_id} of a region of interest")
            return self._roi(db, row)

    def roi_ids(self) -> dict[int, int]:
        """View id -> the version of its regions that counts, where there is one."""
        query = f"SELECT view_id, id FROM ({self._select()}) WHERE NOT withdrawn ORDER BY number"
        with self._read() as db:
            return dict(db.execute(query).fetchall())

    def own_zones(self, roi_id: int, image_id: int) -> tuple[Zone, ...]:
        """The zones that one image has of its own in a version."""
        with self._read() as db:
            return self._zones(db, roi_id, image_id)

    def all_own_zones(self, roi_id: int) -> Iterator[tuple[int, tuple[Zone, ...]]]:
        """Every image with zones of its own in a version, and these; one image is read at a time."""
        query = "SELECT DISTINCT image_id FROM zone WHERE roi_version_id = ? AND image_id IS NOT NULL ORDER BY image_id"
        with self._read() as db:
            ids = [row[0] for row in db.execute(query, [roi_id])]
        for image_id in ids:
            yield image_id, self.own_zones(roi_id, image_id)

    def set_alignments(self, roi_id: int, alignments: Sequence[Alignment]) -> None:
        """How the template of a version lies on images (template pixels -> image pixels); the last word counts."""

        def change(tx: Transaction) -> None:
            tx.executemany(
                "INSERT OR REPLACE INTO alignment VALUES (?, ?, ?, ?, ?, ?)",
                [
                    [item.image_id, roi_id, _MATRIX.pack(*item.matrix), item.confidence, item.method, item.origin]
                    for item in alignments
                ],
            )
            images = {"count": len(alignments), "images": [item.image_id for item in alignments][:50]}
            tx.audit("align ROI", "roi_version", roi_id, after=images)

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

    def _next_roi(
        self,
        view_id: int,
        values: Callable[[Roi | None], Roi],
        own: Iterable[tuple[int, Sequence[Zone]]],
        *,
        keep_own: bool,
        label: str,
        reason: str,
    ) -> Roi:
        """Write what `values(version before)` says, with own zones of images beside."""
        packed: dict[int, list[_Packed]] = {}
        for image_id, zones in own:
            _check(zones, "zones")
            packed[image_id] = [_packed(zone) for zone in zones]

        def change(tx: Transaction) -> int:
            before = self._present(tx.connection, view_id)
            wanted = values(before)
            if before is None or wanted.zones is not before.zones:  # those of earlier versions are kept as they are
                _check(wanted.zones, "zones")
            _check_cells(wanted.cells)
            roi_id = _insert_version(tx, view_id, wanted, reason)
            for position, (zone, data) in enumerate([_packed(zone) for zone in wanted.zones]):
                _insert_zone(tx, roi_id, zone, data, position, None)
            if before is not None and keep_own:
                _carry_over(tx, before, wanted, roi_id, set(packed))
            for image_id, zones in packed.items():
                for position, (zone, data) in enumerate(zones):
                    _insert_zone(tx, roi_id, zone, data, position, image_id)
            after = {
                "zones": [zone.name for zone in wanted.zones],
                "own": sorted(packed)[:50],
                "own images": len(packed),
            }
            after["cells"] = [[cell.name, cell.box] for cell in wanted.cells]
            after["template_image_id"], after["settings"] = wanted.template_image_id, wanted.settings
            tx.audit("change ROI", "view", view_id, after=after, reason=reason)
            remember(tx, label, [Change("roi_version", "withdrawn", [roi_id], [1], [0])])
            return roi_id

        return self.roi_version(self._write(change))

    def _select(self) -> str:
        withdrawn = "withdrawn" if self._schema >= 2 else "0 AS withdrawn"
        return f"SELECT id, view_id, number, at, who, template_image_id, settings, {withdrawn} FROM roi_version"

    def _present(self, db: sqlite3.Connection, view_id: int) -> Roi | None:
        query = f"SELECT * FROM ({self._select()}) WHERE view_id = ? AND NOT withdrawn ORDER BY number DESC LIMIT 1"
        row = db.execute(query, [view_id]).fetchone()
        return None if row is None else self._roi(db, row)

    def _roi(self, db: sqlite3.Connection, row: tuple[Any, ...]) -> Roi:
        query = "SELECT DISTINCT image_id FROM zone WHERE roi_version_id = ? AND image_id IS NOT NULL"
        own = frozenset(found[0] for found in db.execute(query, [row[0]]))
        zones, cells = self._zones(db, row[0], None), _cells(db, row[0])
        values: tuple[Any, ...] = (*row[:6], json.loads(row[6]), zones, cells, own, bool(row[7]))
        return Roi(*values)

    def _zones(self, db: sqlite3.Connection, roi_id: int, image_id: int | None) -> tuple[Zone, ...]:
        query = """SELECT name, sign, shape, blob.data, image_id FROM zone LEFT JOIN blob ON blob.sha256 = zone.mask
            WHERE roi_version_id = ? AND image_id IS ? ORDER BY position"""
        try:
            return tuple(
                Zone(name, sign, json.loads(shape), None if data is None else masks.unpack_mask(data), of_image)
                for name, sign, shape, data, of_image in db.execute(query, [roi_id, image_id])
            )
        except InputError as error:
            raise ProjectDamagedError("the mask of a zone is damaged", path=self.file) from error


def _check_cells(cells: Sequence[Cell]) -> None:
    for cell in cells:
        if cell.box[0] >= cell.box[2] or cell.box[1] >= cell.box[3]:
            raise InputError(f"the cell {cell.name} is empty", kept="Nothing was changed")
    _check(cells, "cells")


def _check(named: Sequence[Zone] | Sequence[Cell], what: str) -> None:
    """Raise `InputError` where two have one name: a person, an undo step and a report would mean either."""
    seen: set[str] = set()
    for one in named:
        if one.name in seen:
            raise InputError(
                f"two {what} have the name {one.name}", kept="Nothing was changed", mend="Rename one of them"
            )
        seen.add(one.name)


def _insert_version(tx: Transaction, view_id: int, wanted: Roi, reason: str) -> int:
    query = "SELECT coalesce(max(number), 0) + 1 FROM roi_version WHERE view_id = ?"
    roi_id = tx.insert(
        "roi_version",
        view_id=view_id,
        number=int(tx.execute(query, [view_id]).fetchone()[0]),
        at=tx.now,
        who=tx.who,
        template_image_id=wanted.template_image_id,
        settings=canonical(dict(wanted.settings)),
        reason=reason,
    )
    for position, cell in enumerate(wanted.cells):
        box = dict(zip(("x0", "y0", "x1", "y1"), cell.box, strict=True))
        tx.insert("cell", roi_version_id=roi_id, name=cell.name, position=position, **box)
    return roi_id


def _carry_over(tx: Transaction, before: Roi, wanted: Roi, roi_id: int, replaced: set[int]) -> None:
    """What the version before knew of single images: their own zones, and how the template lies on them."""
    tx.execute(
        """INSERT INTO zone (roi_version_id, image_id, name, sign, shape, mask, position)
        SELECT ?, image_id, name, sign, shape, mask, position FROM zone WHERE roi_version_id = ?
        AND image_id IS NOT NULL AND image_id NOT IN (SELECT value FROM json_each(?))""",
        [roi_id, before.id, json.dumps(sorted(replaced))],
    )
    if (before.template_image_id, dict(before.settings)) != (wanted.template_image_id, dict(wanted.settings)):
        return
    known = "confidence" if wanted.zones is before.zones and wanted.cells == before.cells else "NULL"
    tx.execute(
        f"""INSERT INTO alignment (image_id, roi_version_id, matrix, confidence, method, origin)
        SELECT image_id, ?, matrix, {known}, method, origin FROM alignment WHERE roi_version_id = ?""",
        [roi_id, before.id],
    )


def _packed(zone: Zone) -> _Packed:
    """A zone without its pixels, and these as they are stored."""
    return replace(zone, mask=None), None if zone.mask is None else masks.pack_mask(zone.mask)


def _insert_zone(
    tx: Transaction, roi_id: int, zone: Zone, data: bytes | None, position: int, image_id: int | None
) -> None:
    values = {"image_id": image_id, "name": zone.name, "sign": zone.sign, "shape": canonical(dict(zone.shape))}
    mask = None if data is None else store_blob(tx, data)
    tx.insert("zone", roi_version_id=roi_id, mask=mask, position=position, **values)


def _cells(db: sqlite3.Connection, roi_id: int) -> tuple[Cell, ...]:
    query = "SELECT name, x0, y0, x1, y1 FROM cell WHERE roi_version_id = ? ORDER BY position"
    return tuple(Cell(row[0], (row[1], row[2], row[3], row[4])) for row in db.execute(query, [roi_id]))
