"""Where masks of several people differ and somebody has to choose: which images those are, and the choice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from core.annotation import masks
from core.annotation.masks import Delta, Mask
from core.errors import ProjectError
from core.project import layers
from core.project.annotations import AnnotationMethods
from core.project.records import Layer
from core.project.undo import Change, remember
from core.project.writer import Transaction
from core.words import MaskChoice

LABELS: Final[Mapping[MaskChoice, str]] = {
    "mine": "Keep the mask here",
    "theirs": "Take the other mask",
    "both": "Join both masks",
}


class ConflictMethods(AnnotationMethods):
    """Choosing between masks."""

    def conflicts(self, image_ids: Iterable[int] | None = None) -> list[Layer]:
        """Imported masks that differed from what counted when they came, decided or not, by image; of all or some."""
        if self._schema < 3:
            return []
        chosen = None if image_ids is None else json.dumps([int(one) for one in image_ids])
        query = f"""SELECT DISTINCT image_id FROM snapshot JOIN layer ON layer.id = layer_id
            WHERE conflict <> '' AND snapshot.id = {layers.STANDING}
            AND (?1 IS NULL OR image_id IN (SELECT value FROM json_each(?1))) ORDER BY image_id"""
        with self._read() as db:
            found = [row[0] for row in db.execute(query, [chosen])]
        return [layer for image_id in found for layer in self.layers(image_id) if layer.conflict]

    def others(self, image_id: int) -> tuple[Layer | None, list[Layer]]:
        """The layer whose mask counts on an image, and those of other people and imports beside it.

        Those first about which somebody has to decide, then the later ones.
        """
        with self._read() as db:
            query = f"SELECT id FROM layer WHERE image_id = ? AND kind = 'defect' AND {layers.truth(self._schema)}"
            true_id = (db.execute(query, [image_id]).fetchone() or (None,))[0]
        found = [one for one in self.layers(image_id) if one.kind == "defect" and one.origin != "model"]
        shown = next((one for one in found if one.id == true_id), None)
        rest = [one for one in found if one.id != true_id]
        rest.sort(key=lambda one: (one.conflict == "open", one.conflict != "", one.changed, one.id), reverse=True)
        return shown, rest

    def decide(self, image_id: int, other_id: int, decision: MaskChoice, *, reason: str = "") -> Delta | None:
        """Choose between the mask that counts on an image and that of another layer; can be undone.

        What is chosen is from then on the mask of who chose, which counts before all imported ones; joined, the mask
        that counts lies over the other. Both masks stay as they came. Returns what became another one of the mask.
        """

        def change(tx: Transaction) -> Delta | None:
            shown = layers.true_layer(tx, image_id, "defect")
            if shown is None or shown == other_id or other_id not in [one.id for one in self.layers(image_id)]:
                raise ProjectError("these masks are no longer there to choose from", kept="Nothing was changed")
            before = self.layer_mask(shown)
            delta = masks.delta_between(before, joined(before, self.layer_mask(other_id), decision))
            changes = _stroke(self, tx, image_id, shown, before, delta, LABELS[decision])
            query = f"""SELECT snapshot.id, conflict FROM layer JOIN snapshot ON snapshot.id = {layers.STANDING}
                WHERE layer.id IN (?, ?) AND conflict <> '' AND conflict <> ?"""
            cells = tx.execute(query, [shown, other_id, decision]).fetchall()
            tx.executemany("UPDATE snapshot SET conflict = ? WHERE id = ?", [(decision, one) for one, _ in cells])
            if cells:
                ids, was = zip(*cells, strict=True)
                changes.append(Change("snapshot", "conflict", ids, was, len(ids) * [decision]))
            if changes:
                remember(tx, LABELS[decision], changes, image_id=image_id)
                after = {"decision": decision, "shown": shown, "other": other_id}
                tx.audit("decide between masks", "image", image_id, after=after, reason=reason)
            return delta

        return self._write(change)


def joined(shown: Mask, other: Mask, decision: MaskChoice) -> Mask:
    """What is chosen of two masks; pixel by pixel the one that counts, and where it is empty the other, when joined."""
    if decision == "both":
        return np.where(shown > 0, shown, other)
    return shown if decision == "mine" else other


def _stroke(
    store: AnnotationMethods,
    tx: Transaction,
    image_id: int,
    shown: int,
    before: Mask,
    delta: Delta | None,
    tool: str,
) -> list[Change]:
    """The choice as a stroke of who chose, also where it changes no pixel of an imported mask: it counts then."""
    origin = tx.execute("SELECT origin FROM layer WHERE id = ?", [shown]).fetchone()[0]
    if delta is None and origin == "person":
        return []
    painted = delta or Delta((before.shape[0], before.shape[1]), (0, 0, 1, 1), np.zeros((1, 1), np.uint8))
    layer_id, group, _ = store.take_up(tx, image_id, painted.shape)
    packed = masks.pack_delta(painted)
    stroke_id = layers.insert_stroke(tx, layer_id, painted.box, packed, tool, None)
    digest = hashlib.sha256(packed).hexdigest()
    after = {"layer": layer_id, "stroke": stroke_id, "box": painted.box, "class": None, "sha256": digest}
    tx.audit(f"paint: {tool}", "image", image_id, after=after)
    return [Change("stroke", "state", [stroke_id], ["undone"], ["done"]), *group]
