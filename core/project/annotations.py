"""Masks in the store: strokes and snapshots, one layer an image, origin and author."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.annotation import masks as label_masks
from core.errors import InputError, ProjectDamagedError, ProjectError
from core.project.base import Store
from core.project.records import Layer, Painted, Stroke
from core.project.undo import Change, extend_stroke_step, remember
from core.project.writer import Transaction
from core.words import Box, Origin

Kind = Literal["defect", "roi"]
# Whose mask counts when an image has several: a person's before an imported one; a model's only when asked for.
TRUTH: Final = """origin IN ('person', 'import') ORDER BY origin = 'person' DESC, changed DESC, id DESC LIMIT 1"""


class AnnotationMethods(Store):
    """Masks of images."""

    def import_mask(
        self,
        image_id: int,
        labels: NDArray[np.uint8],
        *,
        origin: Origin = "import",
        author: str | None = None,
        kind: Kind = "defect",
        run_id: int | None = None,
        reason: str = "",
    ) -> int:
        """Store a whole mask ((H, W) uint8 of class ids) as a snapshot; returns the layer's id.

        Raises `InputError` when its size is not the image's.
        """
        return self.import_masks(
            [(image_id, labels)], origin=origin, author=author, kind=kind, run_id=run_id, reason=reason
        )[0]

    def import_masks(
        self,
        items: Iterable[tuple[int, NDArray[np.uint8]]],
        *,
        origin: Origin = "import",
        author: str | None = None,
        kind: Kind = "defect",
        run_id: int | None = None,
        reason: str = "",
    ) -> list[int]:
        """Store several masks in one transaction, each with its own audit row."""
        packed = [
            (image_id, label_masks.pack_mask(mask), mask.shape, int(np.count_nonzero(mask))) for image_id, mask in items
        ]

        def change(tx: Transaction) -> list[int]:
            layers = []
            for image_id, data, shape, pixels in packed:
                _check_size(tx, image_id, shape)
                layer_id = _layer(tx, image_id, kind, origin, author or tx.who, run_id)
                _drop_strokes(tx, layer_id, image_id)
                _snapshot(tx, layer_id, data, shape, pixels, reason=reason)
                layers.append(layer_id)
            return layers

        return self._write(change)

    def mask(
        self, image_id: int, *, kind: Kind = "defect", origin: Origin | None = None, author: str | None = None
    ) -> NDArray[np.uint8] | None:
        """The mask of an image as it stands, (H, W) uint8 of class ids; None when nobody painted or imported one.

        Without `origin` a person's comes before an imported one; a model's is never taken for the truth.
        """
        layer_id = self._find_layer(image_id, kind, origin, author)
        return None if layer_id is None else self.layer_mask(layer_id)

    def masks(self, image_ids: Iterable[int], *, kind: Kind = "defect") -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """(image id, mask) for those of the images that have one, streamed."""
        for image_id in image_ids:
            found = self.mask(image_id, kind=kind)
            if found is not None:
                yield image_id, found

    def masked_images(self, *, kind: Kind = "defect", product: str | None = None) -> list[int]:
        """Ids of images with a mask that a person painted or that was imported."""
        query = """SELECT DISTINCT layer.image_id FROM layer JOIN image ON image.id = layer.image_id
            JOIN view ON view.id = image.view_id JOIN product ON product.id = view.product_id
            WHERE layer.kind = ? AND layer.origin IN ('person', 'import') AND (? IS NULL OR product.code = ?)
            ORDER BY layer.image_id"""
        with self._read() as db:
            return [row[0] for row in db.execute(query, [kind, product, product])]

    def layers(self, image_id: int) -> list[Layer]:
        """The layers of an image."""
        query = """SELECT id, image_id, kind, origin, author, run_id, changed,
            (SELECT count(*) FROM stroke WHERE layer_id = layer.id AND state = 'done'),
            (SELECT pixels FROM snapshot WHERE layer_id = layer.id ORDER BY id DESC LIMIT 1)
            FROM layer WHERE image_id = ? ORDER BY id"""
        with self._read() as db:
            return [Layer(*row) for row in db.execute(query, [image_id])]

    def layer_mask(self, layer_id: int) -> NDArray[np.uint8]:
        """The mask of one layer: its last snapshot with the strokes since then."""
        with self._read() as db:
            row = db.execute(
                """SELECT blob.data, layer.image_id FROM layer
                LEFT JOIN snapshot ON snapshot.id =
                    (SELECT id FROM snapshot WHERE layer_id = layer.id ORDER BY id DESC LIMIT 1)
                LEFT JOIN blob ON blob.sha256 = snapshot.sha256 WHERE layer.id = ?""",
                [layer_id],
            ).fetchone()
            if row is None:
                raise ProjectError(f"there is no layer {layer_id}", path=self.file)
            query = "SELECT delta FROM stroke WHERE layer_id = ? AND (state = 'done') <> folded ORDER BY seq"
            deltas = [row[0] for row in db.execute(query, [layer_id])]
            data, image_id = row
            if data is None and not deltas:  # all was taken back: one of these twice is an empty mask of its size
                query = "SELECT delta FROM stroke WHERE layer_id = ? LIMIT 1"
                deltas = 2 * [row[0] for row in db.execute(query, [layer_id])]
        try:
            return _assemble(data, deltas)
        except InputError as error:
            raise ProjectDamagedError(
                f"the mask of image {image_id} is damaged", path=self.file, mend="Restore the last backup"
            ) from error

    def add_stroke(
        self,
        image_id: int,
        delta: label_masks.Delta,
        *,
        tool: str,
        class_id: int | None,
        author: str | None = None,
        kind: Kind = "defect",
        continues: int | None = None,
    ) -> Painted:
        """Store one stroke of a person on the mask that `mask` gives; returns once it is on the disk. Can be undone.

        The first stroke on a mask that was imported, or that another person painted last, starts from that mask, which
        stays as it was. An image without a label becomes defective with its first stroke. With `continues` (the stroke
        that this one goes on from) both are one step of undo.
        """
        packed = label_masks.pack_delta(delta)

        def change(tx: Transaction) -> Painted:
            _check_size(tx, image_id, delta.shape)
            shown = None if continues is not None else _truth(tx, image_id, kind)
            layer_id = _layer(tx, image_id, kind, "person", author or tx.who, None)
            if shown not in (None, layer_id):
                self._start_from(tx, layer_id, image_id, shown)
            was_of = _painted_last(tx, layer_id)
            stroke_id = insert_stroke(tx, layer_id, delta.box, packed, tool, class_id)
            digest = hashlib.sha256(packed).hexdigest()
            after = {"layer": layer_id, "stroke": stroke_id, "box": delta.box, "class": class_id, "sha256": digest}
            tx.audit(f"paint: {tool}", "image", image_id, after=after)
            if continues is not None:
                extend_stroke_step(tx, image_id, continues, stroke_id)
                return Painted(stroke_id, layer_id, False)
            changes = [Change("stroke", "state", [stroke_id], ["undone"], ["done"])]
            labelled = kind == "defect" and bool(class_id) and _label_defective(tx, image_id)
            if labelled:
                changes.append(Change("image", "label", [image_id], ["unlabelled"], ["defective"]))
            remember(tx, tool, changes, image_id=image_id)
            is_news = shown is None or labelled or (bool(class_id) and class_id != was_of)
            return Painted(stroke_id, layer_id, is_news)

        return self._write(change)

    def _start_from(self, tx: Transaction, layer_id: int, image_id: int, shown: int | None) -> None:
        """A person goes on from somebody else's mask: theirs begins as a copy of it."""
        assert shown is not None
        mask = self.layer_mask(shown)  # a reader sees all that was committed, and nobody else writes meanwhile
        _drop_strokes(tx, layer_id, image_id)
        _snapshot(tx, layer_id, label_masks.pack_mask(mask), mask.shape, int(np.count_nonzero(mask)))

    def strokes(self, layer_id: int) -> list[Stroke]:
        """The strokes of a layer in the order they were painted, with those taken back."""
        query = """SELECT id, layer_id, seq, tool, class_id, x0, y0, x1, y1, delta, state FROM stroke
            WHERE layer_id = ? ORDER BY seq"""
        with self._read() as db:
            return [
                Stroke(row[0], row[1], row[2], row[3], row[4], tuple(row[5:9]), row[9], row[10])
                for row in db.execute(query, [layer_id])
            ]

    def snapshot(self, layer_id: int) -> str:
        """Fold a layer's strokes into a snapshot (done when a person leaves the image); returns the mask's hash."""

        def change(tx: Transaction) -> str:
            mask = self.layer_mask(layer_id)  # a reader sees all that was committed, and nobody else writes meanwhile
            _snapshot(tx, layer_id, label_masks.pack_mask(mask), mask.shape, int(np.count_nonzero(mask)))
            return label_masks.mask_sha256(mask)

        return self._write(change)

    def fold_strokes(self, image_id: int, *, kind: Kind = "defect") -> int | None:
        """Fold the strokes of this author on an image into a snapshot, where there are any; how many pixels it has."""
        query = """SELECT layer.id FROM layer JOIN stroke ON stroke.layer_id = layer.id AND (stroke.state = 'done') <>
            stroke.folded WHERE image_id = ? AND kind = ? AND origin = 'person' AND author = ? LIMIT 1"""
        with self._read() as db:
            row = db.execute(query, [image_id, kind, self.author]).fetchone()
        if row is None:
            return None
        self.snapshot(row[0])
        query = "SELECT pixels FROM snapshot WHERE layer_id = ? ORDER BY id DESC LIMIT 1"
        with self._read() as db:
            return int(db.execute(query, [row[0]]).fetchone()[0])

    def _find_layer(self, image_id: int, kind: Kind, origin: Origin | None, author: str | None) -> int | None:
        query = "SELECT id FROM layer WHERE image_id = ? AND kind = ?"
        values: list[object] = [image_id, kind]
        if author is not None:
            query += " AND author = ?"
            values.append(author)
        if origin is None:
            query += f" AND {TRUTH}"
        else:
            query += " AND origin = ? ORDER BY changed DESC, id DESC LIMIT 1"
            values.append(origin)
        with self._read() as db:
            row = db.execute(query, values).fetchone()
        return None if row is None else int(row[0])


def _assemble(data: bytes | None, deltas: list[bytes]) -> NDArray[np.uint8]:
    """A snapshot with the strokes that it does not hold done, and those that were taken back out of it undone."""
    mask = None if data is None else label_masks.unpack_mask(data)
    for packed in deltas:
        delta = label_masks.unpack_delta(packed)
        if mask is None:
            mask = np.zeros(delta.shape, np.uint8)
        label_masks.apply_delta(mask, delta)
    if mask is None:
        raise InputError("the layer holds neither a snapshot nor a stroke")
    return mask


def _layer(tx: Transaction, image_id: int, kind: Kind, origin: Origin, author: str, run_id: int | None) -> int:
    key = [image_id, kind, origin, author]
    row = tx.execute(
        "SELECT id FROM layer WHERE image_id = ? AND kind = ? AND origin = ? AND author = ?", key
    ).fetchone()
    if row is None:
        values = {"kind": kind, "origin": origin, "author": author, "run_id": run_id, "changed": tx.now}
        return tx.insert("layer", image_id=image_id, **values)
    tx.execute("UPDATE layer SET changed = ?, run_id = coalesce(?, run_id) WHERE id = ?", [tx.now, run_id, row[0]])
    return int(row[0])


def _drop_strokes(tx: Transaction, layer_id: int, image_id: int) -> None:
    """A whole mask replaces what was painted on this layer: those strokes can no longer be taken back one by one."""
    statement = "UPDATE stroke SET state = 'dropped', folded = 0 WHERE layer_id = ? AND state <> 'dropped'"
    if tx.execute(statement, [layer_id]).rowcount:
        tx.execute("UPDATE undo SET state = 'dropped' WHERE image_id = ? AND subject = 'stroke'", [image_id])


def _snapshot(
    tx: Transaction, layer_id: int, data: bytes, shape: tuple[int, ...], pixels: int, *, reason: str = ""
) -> None:
    sha = store_blob(tx, data)
    query = "SELECT sha256 FROM snapshot WHERE layer_id = ? ORDER BY id DESC LIMIT 1"
    old = tx.execute(query, [layer_id]).fetchone()
    if old is not None and bytes(old[0]) == sha:
        open_strokes = "SELECT 1 FROM stroke WHERE layer_id = ? AND (state = 'done') <> folded LIMIT 1"
        if tx.execute(open_strokes, [layer_id]).fetchone() is None:
            return
    tx.execute("UPDATE stroke SET folded = (state = 'done') WHERE layer_id = ?", [layer_id])
    height, width = shape
    values = {"sha256": sha, "width": width, "height": height, "pixels": pixels, "at": tx.now}
    tx.insert("snapshot", layer_id=layer_id, **values)
    image_id, origin, author = tx.execute(
        "SELECT image_id, origin, author FROM layer WHERE id = ?", [layer_id]
    ).fetchone()
    after = {"layer": layer_id, "origin": origin, "author": author, "sha256": sha.hex(), "pixels": pixels}
    before = None if old is None else bytes(old[0]).hex()
    tx.audit("mask", "image", image_id, before=before, after=after, reason=reason)


def store_blob(tx: Transaction, data: bytes) -> bytes:
    """Keep `data` once, under its SHA-256 (32 bytes, returned)."""
    sha = hashlib.sha256(data).digest()
    tx.execute("INSERT OR IGNORE INTO blob (sha256, data) VALUES (?, ?)", [sha, data])
    return sha


def _truth(tx: Transaction, image_id: int, kind: Kind) -> int | None:
    """The layer that `mask` shows."""
    row = tx.execute(f"SELECT id FROM layer WHERE image_id = ? AND kind = ? AND {TRUTH}", [image_id, kind]).fetchone()
    return None if row is None else int(row[0])


def insert_stroke(tx: Transaction, layer_id: int, box: Box, packed: bytes, tool: str, class_id: int | None) -> int:
    """One more stroke on a layer; its id. Who calls writes the audit row and the step of undo."""
    last = tx.execute("SELECT max(seq) FROM stroke WHERE layer_id = ?", [layer_id]).fetchone()[0]
    tx.execute("UPDATE stroke SET state = 'dropped' WHERE layer_id = ? AND state = 'undone'", [layer_id])
    place = dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))
    values = {"tool": tool, "class_id": class_id, "delta": packed, "at": tx.now, **place}
    return tx.insert("stroke", layer_id=layer_id, seq=(last or 0) + 1, **values)


def _painted_last(tx: Transaction, layer_id: int) -> int | None:
    """The class of the last stroke of a layer that painted one."""
    query = (
        "SELECT class_id FROM stroke WHERE layer_id = ? AND state = 'done' AND class_id > 0 ORDER BY seq DESC LIMIT 1"
    )
    row = tx.execute(query, [layer_id]).fetchone()
    return None if row is None else int(row[0])


def _label_defective(tx: Transaction, image_id: int) -> bool:
    """Whether the image had no label before."""
    statement = "UPDATE image SET label = 'defective' WHERE id = ? AND label = 'unlabelled'"
    if not tx.execute(statement, [image_id]).rowcount:
        return False
    tx.audit("label", "image", image_id, before="unlabelled", after="defective", reason="painted")
    return True


def _check_size(tx: Transaction, image_id: int, shape: tuple[int, ...]) -> None:
    row = tx.execute("SELECT width, height, path FROM image WHERE id = ?", [image_id]).fetchone()
    if row is None:
        raise ProjectError(f"there is no image {image_id}", kept="Nothing was changed")
    width, height, path = row
    if width is not None and (height, width) != tuple(shape):
        raise InputError(
            f"its mask measures {shape[1]} x {shape[0]} pixels, the image {width} x {height}",
            path=path,
            kept="The mask was left out",
        )
