"""Masks in the store: strokes and snapshots, one layer an image, origin and author."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from core.annotation import masks as label_masks
from core.errors import InputError, ProjectDamagedError, ProjectError
from core.project import layers
from core.project.base import Store
from core.project.layers import Kind, insert_stroke
from core.project.records import Conflict, Layer, Painted, Stroke
from core.project.undo import Change, OpenStep, extend_stroke_step, remember
from core.project.writer import Transaction
from core.words import Origin


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
        step: OpenStep | None = None,
        clashing: Collection[int] = (),
    ) -> list[int]:
        """Store several masks in one transaction, each with its own audit row.

        With `step` they are a part of it and go when it is undone, however many they are. Those of the images
        `clashing` wait for a person to decide between them and what counts there (see `decide`).
        """
        packed = [(image_id, layers.packed_mask(mask)) for image_id, mask in items]

        def change(tx: Transaction) -> list[int]:
            group = None if step is None else _group(tx, step)
            found = []
            for image_id, one in packed:
                layers.check_size(tx, image_id, one[1])
                layer_id, was = layers.ensure_layer(tx, image_id, kind, origin, author or tx.who, run_id)
                self._lay_aside(tx, layer_id, image_id, was)
                conflict: Conflict = "open" if image_id in clashing else ""
                layers.add_snapshot(tx, layer_id, one, group_id=group, conflict=conflict, reason=reason)
                found.append(layer_id)
            return found

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
        query = f"""SELECT DISTINCT layer.image_id FROM layer JOIN image ON image.id = layer.image_id
            JOIN view ON view.id = image.view_id JOIN product ON product.id = view.product_id
            WHERE layer.kind = ? AND layer.origin IN ('person', 'import') AND (? IS NULL OR product.code = ?)
            AND {layers.is_there(self._schema)} ORDER BY layer.image_id"""
        with self._read() as db:
            return [row[0] for row in db.execute(query, [kind, product, product])]

    def layers(self, image_id: int) -> list[Layer]:
        """The layers of an image; one that came in a step which was undone is none of them."""
        conflict = "snapshot.conflict" if self._schema >= 3 else "''"
        query = f"""SELECT layer.id, image_id, kind, origin, author, run_id, {layers.since(self._schema)},
            (SELECT count(*) FROM stroke WHERE layer_id = layer.id AND state = 'done'),
            snapshot.pixels, coalesce({conflict}, '')
            FROM layer LEFT JOIN snapshot ON snapshot.id = {layers.standing(self._schema)}
            WHERE image_id = ? AND {layers.is_there(self._schema)} ORDER BY layer.id"""
        with self._read() as db:
            return [Layer(*row) for row in db.execute(query, [image_id])]

    def layer_mask(self, layer_id: int) -> NDArray[np.uint8]:
        """The mask of one layer: the snapshot that stands with the strokes since then."""
        with self._read() as db:
            row = db.execute(
                f"""SELECT layer.image_id, blob.data, last.id IS NOT stands.id, last.height, last.width FROM layer
                LEFT JOIN snapshot AS last ON last.id = {layers.LAST}
                LEFT JOIN snapshot AS stands ON stands.id = {layers.standing(self._schema)}
                LEFT JOIN blob ON blob.sha256 = stands.sha256 WHERE layer.id = ?""",
                [layer_id],
            ).fetchone()
            if row is None:
                raise ProjectError(f"there is no layer {layer_id}", path=self.file)
            image_id, data, is_withdrawn, height, width = row
            if is_withdrawn and data is None:
                return label_masks.empty(width, height)
            query = "SELECT delta FROM stroke WHERE layer_id = ? AND (state = 'done') <> folded ORDER BY seq"
            deltas = [] if is_withdrawn else [row[0] for row in db.execute(query, [layer_id])]
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
            layers.check_size(tx, image_id, delta.shape)
            layer_id, group, is_first = self.take_up(
                tx, image_id, delta.shape, kind, author, goes_on=continues is not None
            )
            was_of = _painted_last(tx, layer_id)
            stroke_id = insert_stroke(tx, layer_id, delta.box, packed, tool, class_id)
            digest = hashlib.sha256(packed).hexdigest()
            after = {"layer": layer_id, "stroke": stroke_id, "box": delta.box, "class": class_id, "sha256": digest}
            tx.audit(f"paint: {tool}", "image", image_id, after=after)
            if continues is not None:
                extend_stroke_step(tx, image_id, continues, stroke_id)
                return Painted(stroke_id, layer_id, False)
            changes = [Change("stroke", "state", [stroke_id], ["undone"], ["done"]), *group]
            labelled = kind == "defect" and bool(class_id) and _label_defective(tx, image_id)
            if labelled:
                changes.append(Change("image", "label", [image_id], ["unlabelled"], ["defective"]))
            remember(tx, tool, changes, image_id=image_id)
            is_news = is_first or labelled or (bool(class_id) and class_id != was_of)
            return Painted(stroke_id, layer_id, is_news)

        return self._write(change)

    def take_up(
        self,
        tx: Transaction,
        image_id: int,
        shape: tuple[int, int],
        kind: Kind = "defect",
        author: str | None = None,
        *,
        goes_on: bool = False,
    ) -> tuple[int, list[Change], bool]:
        """The layer of a person who paints now, begun as a copy of the mask that counts; inside a transaction.

        Returns its id, what an undo must change besides to take that beginning back, and whether nothing was there.
        With `goes_on` it was taken up before.
        """
        shown = None if goes_on else layers.true_layer(tx, image_id, kind)
        layer_id, was = layers.ensure_layer(tx, image_id, kind, "person", author or tx.who)
        if goes_on or (shown in (None, layer_id) and layers.stands(tx, layer_id)):
            return layer_id, [], shown is None
        # a reader sees all that was committed, and nobody else writes meanwhile
        mask = np.zeros(shape, np.uint8) if shown is None else self.layer_mask(shown)
        self._lay_aside(tx, layer_id, image_id, was)
        group = layers.add_group(tx)
        layers.add_snapshot(tx, layer_id, layers.packed_mask(mask), group_id=group)
        return layer_id, [Change("mask_group", "withdrawn", [group], [1], [0])], shown is None

    def _lay_aside(self, tx: Transaction, layer_id: int, image_id: int, was: str) -> None:
        """A whole mask follows on this layer: what it shows becomes a snapshot, which stands again after an undo."""
        if layers.has_open_strokes(tx, layer_id) and layers.stands(tx, layer_id):
            layers.fold(tx, layer_id, self.layer_mask(layer_id), at=was)
        layers.drop_strokes(tx, layer_id, image_id)

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
            if layers.stands(tx, layer_id):
                layers.fold(tx, layer_id, mask)
            return label_masks.mask_sha256(mask)

        return self._write(change)

    def fold_strokes(self, image_id: int, *, kind: Kind = "defect") -> int | None:
        """Fold the strokes of this author on an image into a snapshot, where there are any; how many pixels it has."""
        query = f"""SELECT layer.id FROM layer JOIN stroke ON stroke.layer_id = layer.id AND (stroke.state = 'done') <>
            stroke.folded WHERE image_id = ? AND kind = ? AND origin = 'person' AND author = ?
            AND {layers.LAST} IS {layers.STANDING} LIMIT 1"""
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
            query += f" AND {layers.truth(self._schema)}"
        else:
            there, since = layers.is_there(self._schema), layers.since(self._schema)
            query += f" AND origin = ? AND {there} ORDER BY {since} DESC, id DESC LIMIT 1"
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


def _group(tx: Transaction, step: OpenStep) -> int:
    """The group of masks of a step, made with the first of them, and made anew where it was undone meanwhile."""
    if step.group_id is None or not step.is_open(tx):
        group = layers.add_group(tx, step.source)
        remember(tx, step.label, [Change("mask_group", "withdrawn", [group], [1], [0])], into=step)
        step.group_id = group
    return step.group_id


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
