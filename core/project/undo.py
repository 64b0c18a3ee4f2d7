"""Undo that survives a restart: what stood in which cell of the store before and after each step.

Every step a person can take back is a change of columns (a label, a split, `withdrawn` of a verdict or of a version of
the ROI, `state` of a stroke), so undoing is writing the old values. It refuses when something else has changed the same
cells since.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from core.errors import ProjectError
from core.project.base import Store
from core.project.records import UndoStep
from core.project.writer import Transaction

_ALLOWED: Final = {
    "image": {"split", "label", "class_id"},
    "defect_class": {"code", "names", "colour", "position", "description", "retired", "merged_into"},
    "verdict": {"withdrawn"},
    "note": {"withdrawn"},
    "stroke": {"state"},
    "roi_version": {"withdrawn"},
    "view": {"scale_um"},
    "mask_group": {"withdrawn"},
    "snapshot": {"conflict"},
}
_IMAGE_OF: Final = {
    "verdict": "image_id FROM verdict WHERE id",
    "note": "subject_id FROM note WHERE subject = 'image' AND id",
    "stroke": "layer.image_id FROM stroke JOIN layer ON layer.id = stroke.layer_id WHERE stroke.id",
    "snapshot": "layer.image_id FROM snapshot JOIN layer ON layer.id = snapshot.layer_id WHERE snapshot.id",
}
_KEPT_STEPS: Final = 10_000  # of the whole project, and
_KEPT_OF_IMAGE: Final = 200  # of every image, however long ago
_SWEPT_EVERY: Final = 1_000  # steps: looking for what is too old costs some milliseconds


@dataclass(frozen=True)
class Change:
    """One column of some rows: ids and what stood there before and after."""

    table: str
    column: str
    ids: Sequence[int]
    before: Sequence[Any]
    after: Sequence[Any]


@dataclass
class OpenStep:
    """One step of undo that several transactions add to: an import that comes in some at a time.

    It is in the journal from the first of them on, so that a crash leaves what came as one step. Where it was undone
    meanwhile, what follows is a step of its own. `source` is what is imported.
    """

    label: str
    source: str = ""
    id: int | None = None
    group_id: int | None = None  # of the masks that belong to it

    def is_open(self, tx: Transaction) -> bool:
        """Whether it is in the journal, and can be added to."""
        query = "SELECT 1 FROM undo WHERE id IS ? AND state = 'done'"
        return tx.execute(query, [self.id]).fetchone() is not None


def remember(
    tx: Transaction,
    label: str,
    changes: Sequence[Change],
    *,
    image_id: int | None = None,
    into: OpenStep | None = None,
) -> int:
    """Make what this transaction does undoable under `label`, or as a part of the step `into`; redo is dropped.

    Painting on one image leaves the redo of other images alone, because it touches no cell of theirs. Every other
    step ends the redo of the whole project, as in any editor.
    """
    for change in changes:
        if change.column not in _ALLOWED.get(change.table, ()):
            raise AssertionError(f"{change.table}.{change.column} cannot be undone")
    subject = changes[0].table
    if subject == "stroke":
        tx.execute(
            "UPDATE undo SET state = 'dropped' WHERE state = 'undone' AND (image_id IS ? OR image_id IS NULL)",
            [image_id],
        )
    else:
        tx.execute("UPDATE undo SET state = 'dropped' WHERE state = 'undone'")
    fields = [vars(change) for change in changes]
    if into is not None and into.id is not None and into.is_open(tx):
        packed = tx.execute("SELECT changes FROM undo WHERE id = ?", [into.id]).fetchone()[0]
        tx.execute("UPDATE undo SET changes = ? WHERE id = ?", [_packed(_unpacked(packed) + fields), into.id])
        return into.id
    words = {"who": tx.who, "label": label, "subject": subject, "image_id": image_id}
    step = tx.insert("undo", at=tx.now, changes=_packed(fields), **words)
    if into is not None:
        into.id = step
    if step % _SWEPT_EVERY == 0:
        _forget_old_steps(tx, step)
    return step


def _packed(changes: list[dict[str, Any]]) -> bytes:
    return zlib.compress(json.dumps(changes, separators=(",", ":")).encode(), 1)


def _unpacked(packed: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(zlib.decompress(packed))
    return found


def _forget_old_steps(tx: Transaction, newest: int) -> None:
    tx.execute(
        """DELETE FROM undo WHERE id IN (SELECT id FROM
            (SELECT id, row_number() OVER (PARTITION BY image_id ORDER BY id DESC) AS place FROM undo)
            WHERE id <= ? AND place > ?)""",
        [newest - _KEPT_STEPS, _KEPT_OF_IMAGE],
    )


def extend_stroke_step(tx: Transaction, image_id: int, earlier: int, stroke_id: int) -> None:
    """Make a further part of a stroke one step with its `earlier` part."""
    query = "SELECT id, changes FROM undo WHERE image_id = ? AND subject = 'stroke' ORDER BY id DESC LIMIT 1"
    step, packed = tx.execute(query, [image_id]).fetchone() or (None, b"")
    changes = [] if step is None else _unpacked(packed)
    if not changes or earlier not in changes[0]["ids"]:
        raise ProjectError("the stroke that this one goes on from is not the last one", kept="Nothing was changed")
    for key, value in (("ids", stroke_id), ("before", "undone"), ("after", "done")):
        changes[0][key].append(value)
    tx.execute("UPDATE undo SET changes = ? WHERE id = ?", [_packed(changes), step])


class UndoMethods(Store):
    """Undo and redo of labels, splits, classes, verdicts, notes, regions, scales and strokes."""

    def next_undo(self, image_id: int | None = None) -> UndoStep | None:
        """What `undo` would take back: the last step, or with `image_id` the last one on that image alone."""
        return self._next("done", "DESC", image_id)

    def next_redo(self, image_id: int | None = None) -> UndoStep | None:
        """What `redo` would do again."""
        return self._next("undone", "ASC", image_id)

    def undo(self, image_id: int | None = None) -> UndoStep | None:
        """Take the last step back; None when there is none. Raises `ProjectError` when it cannot be taken back."""
        step = self.next_undo(image_id)
        return None if step is None else self._turn(step, "undone")

    def redo(self, image_id: int | None = None) -> UndoStep | None:
        """Do again what was taken back last; None when there is nothing."""
        step = self.next_redo(image_id)
        return None if step is None else self._turn(step, "done")

    def _next(self, state: str, order: str, image_id: int | None) -> UndoStep | None:
        query = f"""SELECT id, label, image_id, who, at FROM undo WHERE state = ? AND (? IS NULL OR image_id = ?)
            ORDER BY id {order} LIMIT 1"""
        with self._read() as db:
            row = db.execute(query, [state, image_id, image_id]).fetchone()
        return None if row is None else UndoStep(*row)

    def _turn(self, step: UndoStep, to: Literal["done", "undone"]) -> UndoStep:
        def change(tx: Transaction) -> UndoStep:
            state, packed = tx.execute("SELECT state, changes FROM undo WHERE id = ?", [step.id]).fetchone()
            if state == to:
                raise ProjectError(f"“{step.label}” was just {to} elsewhere", kept="Nothing was changed")
            changes = [Change(**fields) for fields in _unpacked(packed)]
            _refuse_below(tx, changes, to, step.label)
            for item in reversed(changes) if to == "undone" else changes:
                _write_cells(tx, item, undo=to == "undone", label=step.label)
                if item.table == "mask_group":
                    tx.executemany(
                        "UPDATE mask_group SET changed = ? WHERE id = ?", [(tx.now, one) for one in item.ids]
                    )
            tx.execute("UPDATE undo SET state = ? WHERE id = ?", [to, step.id])
            action = "undo" if to == "undone" else "redo"
            summary = [{"table": c.table, "column": c.column, "rows": len(c.ids), "first": c.ids[:20]} for c in changes]
            tx.audit(action, "undo", step.id, after={"label": step.label, "changes": summary})
            images, deltas, views = _images(tx, changes), _deltas(tx, step, changes), _views(tx, changes)
            return replace(step, images=images, deltas=deltas, views=views)

        return self._write(change)


def _refuse_below(tx: Transaction, changes: Sequence[Change], to: str, label: str) -> None:
    """A stroke is old XOR new: under a later one that is done (of a merge of classes) it comes and goes no more."""
    ids = json.dumps([one for change in changes if change.table == "stroke" for one in change.ids])
    query = """SELECT 1 FROM stroke AS mine JOIN stroke AS later ON later.layer_id = mine.layer_id
        AND later.seq > mine.seq AND later.state = 'done' AND later.id NOT IN (SELECT value FROM json_each(?1))
        WHERE mine.id IN (SELECT value FROM json_each(?1)) LIMIT 1"""
    if ids != "[]" and tx.execute(query, [ids]).fetchone() is not None:
        raise ProjectError(f"“{label}” cannot be {to}: something was painted over it since", kept="Nothing was changed")


def _deltas(tx: Transaction, step: UndoStep, changes: Sequence[Change]) -> tuple[bytes, ...]:
    """What was painted or taken back, where one image alone is concerned."""
    ids = [] if step.image_id is None else [one for change in changes if change.table == "stroke" for one in change.ids]
    query = "SELECT delta FROM stroke WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
    return tuple(row[0] for row in tx.execute(query, [json.dumps(ids)])) if ids else ()


def _images(tx: Transaction, changes: Sequence[Change]) -> tuple[int, ...] | None:
    """The images that these changes are about, where labels, splits and what was said of images is all there is."""
    found: set[int] = set()
    for change in changes:
        if change.table == "image":
            found.update(change.ids)
        elif change.table == "roi_version":
            continue  # no image is changed by it: see `_views`
        elif change.table == "mask_group" and any(other.table == "stroke" for other in changes):
            continue  # what that stroke began from
        elif change.table in _IMAGE_OF:
            query = f"SELECT {_IMAGE_OF[change.table]} IN (SELECT value FROM json_each(?))"
            found.update(row[0] for row in tx.execute(query, [json.dumps(list(change.ids))]))
        else:
            return None
    return tuple(sorted(found))


def _views(tx: Transaction, changes: Sequence[Change]) -> tuple[int, ...]:
    """The views whose regions these changes are about."""
    found: set[int] = set()
    for change in changes:
        if change.table == "roi_version":
            query = "SELECT view_id FROM roi_version WHERE id IN (SELECT value FROM json_each(?))"
            found.update(row[0] for row in tx.execute(query, [json.dumps(list(change.ids))]))
    return tuple(sorted(found))


def _write_cells(tx: Transaction, change: Change, *, undo: bool, label: str) -> None:
    if change.column not in _ALLOWED.get(change.table, ()):
        raise ProjectError(f"“{label}” cannot be undone", kept="Nothing was changed")
    old, new = (change.after, change.before) if undo else (change.before, change.after)
    rows = [(value, row_id, was) for row_id, was, value in zip(change.ids, old, new, strict=True)]
    statement = f"UPDATE {change.table} SET {change.column} = ? WHERE id = ? AND {change.column} IS ?"
    if tx.executemany(statement, rows).rowcount != len(rows):
        raise ProjectError(
            f"“{label}” cannot be {'undone' if undo else 'redone'}: something was changed since",
            kept="Nothing was changed",
        )
