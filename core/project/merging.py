"""One defect class becomes another: masks, images and the class itself, in one step that can be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from core.annotation import masks
from core.errors import InputError, ProjectError
from core.project import layers
from core.project.annotations import AnnotationMethods
from core.project.layers import insert_stroke
from core.project.records import ClassUse, MergeReport
from core.project.things import ThingMethods
from core.project.undo import Change, remember
from core.project.writer import Transaction

Progress = Callable[[int, int], None]
_TOOL: Final = "merge class"
_LISTED: Final = 50  # images named in the audit row


class MergeMethods(ThingMethods, AnnotationMethods):
    """Merging and deleting defect classes."""

    def class_use(self, class_id: int) -> ClassUse:
        """Where a class is used: images of that class, and masks that show it. Reads every mask."""
        with self._read() as db:
            labelled = db.execute("SELECT count(*) FROM image WHERE class_id = ?", [class_id]).fetchone()[0]
            pairs = db.execute("SELECT id, image_id FROM layer WHERE kind = 'defect' ORDER BY id").fetchall()
        painted = {image_id for layer_id, image_id in pairs if np.any(self.layer_mask(layer_id) == class_id)}
        return ClassUse(int(labelled), len(painted))

    def delete_class(self, class_id: int, *, reason: str = "") -> None:
        """Offer a class no longer; can be undone. Raises `ProjectError` while an image or a mask uses it."""
        use = self.class_use(class_id)
        if use.images or use.masks:
            raise ProjectError(
                f"{use.images} images and {use.masks} masks are of this class",
                kept="Nothing was changed",
                mend="Merge it into another class",
            )
        self.set_class(class_id, retired=True, reason=reason)

    def merge_class(
        self, class_id: int, into: int, *, progress: Progress | None = None, reason: str = ""
    ) -> MergeReport:
        """Make everything of one class that of another, in one step of undo; nothing else is written meanwhile.

        Masks get a stroke that gives their pixels the other class, whoever painted them: origin and author stay. What a
        person once said (verdicts, check sets) stays as it was said. `progress` is told masks done and masks in all;
        what it raises takes everything back. Raises `ProjectError`, `InputError`.
        """
        if class_id == into:
            raise InputError("a class cannot be merged into itself", kept="Nothing was changed")

        def change(tx: Transaction) -> MergeReport:
            old, new = _class(tx, class_id), _class(tx, into)
            if new[2]:
                raise ProjectError(f"the class {new[0]} is no longer in use", kept="Nothing was changed")
            changes = [Change("defect_class", "merged_into", [class_id], [old[1]], [into])]
            if not old[2]:
                changes.append(Change("defect_class", "retired", [class_id], [0], [1]))
            tx.execute("UPDATE defect_class SET merged_into = ?, retired = 1 WHERE id = ?", [into, class_id])
            images = [row[0] for row in tx.execute("SELECT id FROM image WHERE class_id = ? ORDER BY id", [class_id])]
            if images:
                tx.execute("UPDATE image SET class_id = ? WHERE class_id = ?", [into, class_id])
                changes.append(Change("image", "class_id", images, len(images) * [class_id], len(images) * [into]))
            strokes, painted = self._repaint(tx, class_id, into, progress)
            if strokes:
                changes.append(Change("stroke", "state", strokes, len(strokes) * ["undone"], len(strokes) * ["done"]))
            remember(tx, f"Merge class {old[0]} into {new[0]}", changes)
            after = {"into": into, "images": len(images), "masks": len(painted), "first": painted[:_LISTED]}
            tx.audit(_TOOL, "defect_class", class_id, before={"code": old[0]}, after=after, reason=reason)
            return MergeReport(len(images), len(painted))

        return self._write(change)

    def _repaint(
        self, tx: Transaction, class_id: int, into: int, progress: Progress | None
    ) -> tuple[list[int], list[int]]:
        """Strokes that give `into` to the pixels of a class, on every mask that shows it; and the images of those."""
        pairs = tx.execute("SELECT id, image_id FROM layer WHERE kind = 'defect' ORDER BY id").fetchall()
        strokes: list[int] = []
        painted: list[int] = []
        for at, (layer_id, image_id) in enumerate(pairs):
            mask = self.layer_mask(layer_id)  # a reader sees all that was committed, and nobody else writes meanwhile
            after = np.where(mask == class_id, np.uint8(into), mask)
            delta = masks.delta_between(mask, after)
            if delta is not None:
                layers.stand_up(tx, layer_id, image_id, mask)
                strokes.append(insert_stroke(tx, layer_id, delta.box, masks.pack_delta(delta), _TOOL, into))
                painted.append(image_id)
            if progress is not None:
                progress(at + 1, len(pairs))
        return strokes, sorted(set(painted))


def _class(tx: Transaction, class_id: int) -> tuple[str, int | None, int]:
    row = tx.execute("SELECT code, merged_into, retired FROM defect_class WHERE id = ?", [class_id]).fetchone()
    if row is None:
        raise ProjectError(f"there is no defect class {class_id}", kept="Nothing was changed")
    return row[0], row[1], row[2]
