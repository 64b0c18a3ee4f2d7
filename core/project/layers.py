"""Rows of masks: which layer and which of its snapshots count, and how strokes, snapshots and layers are written.

A snapshot of a group that is withdrawn (an import, or going on from another's mask, that was undone) counts no more:
the layer shows the one before, without strokes, or is not there at all. Its strokes all belong to the withdrawn one.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

import numpy as np

from core.annotation import masks as label_masks
from core.annotation.masks import Mask
from core.errors import InputError, ProjectError
from core.project.records import Conflict
from core.project.writer import Transaction
from core.words import Box, Origin

Kind = Literal["defect", "roi"]
# SQL over a row `layer`: its last snapshot; the one that stands; whether the layer is there; since when it is as it is.
LAST: Final = "(SELECT max(id) FROM snapshot WHERE layer_id = layer.id)"
_WITHDRAWN: Final = "SELECT 1 FROM mask_group WHERE mask_group.id = one.group_id AND mask_group.withdrawn"
STANDING: Final = f"""(SELECT one.id FROM snapshot AS one WHERE one.layer_id = layer.id
    AND NOT EXISTS ({_WITHDRAWN}) ORDER BY one.id DESC LIMIT 1)"""
IS_THERE: Final = f"(NOT EXISTS (SELECT 1 FROM snapshot WHERE layer_id = layer.id) OR {STANDING} IS NOT NULL)"
_SINCE: Final = f"""CASE WHEN origin <> 'person' OR {LAST} IS NOT {STANDING}
    THEN coalesce((SELECT at FROM snapshot WHERE id = {STANDING}), changed) ELSE changed END"""
_COUNTS: Final = """origin IN ('person', 'import') ORDER BY origin = 'person' DESC, {since} DESC, id DESC LIMIT 1"""


def standing(schema: int) -> str:
    """`STANDING`, for a file of any schema."""
    return STANDING if schema >= 3 else LAST


def is_there(schema: int) -> str:
    """`IS_THERE`, for a file of any schema."""
    return IS_THERE if schema >= 3 else "1"


def since(schema: int) -> str:
    """When a layer became what it is, for a file of any schema."""
    return _SINCE if schema >= 3 else "changed"


def truth(schema: int) -> str:
    """Whose mask counts where there are several: a person's before an imported one, the later one; never a model's."""
    return f"{is_there(schema)} AND {_COUNTS.format(since=since(schema))}"


def true_layer(tx: Transaction, image_id: int, kind: Kind) -> int | None:
    """The layer whose mask counts on an image."""
    query = f"SELECT id FROM layer WHERE image_id = ? AND kind = ? AND {truth(3)}"
    row = tx.execute(query, [image_id, kind]).fetchone()
    return None if row is None else int(row[0])


def stands(tx: Transaction, layer_id: int) -> bool:
    """Whether strokes can be laid on the layer as it is: its last snapshot counts, or it has none."""
    return bool(tx.execute(f"SELECT {LAST} IS {STANDING} FROM layer WHERE id = ?", [layer_id]).fetchone()[0])


def ensure_layer(
    tx: Transaction, image_id: int, kind: Kind, origin: Origin, author: str, run_id: int | None = None
) -> tuple[int, str]:
    """The layer of an image, origin and author, made when it is new, and since when it had been what it was."""
    row = tx.execute(
        f"SELECT id, {_SINCE} FROM layer WHERE image_id = ? AND kind = ? AND origin = ? AND author = ?",
        [image_id, kind, origin, author],
    ).fetchone()
    if row is None:
        values = {"kind": kind, "origin": origin, "author": author, "run_id": run_id, "changed": tx.now}
        return tx.insert("layer", image_id=image_id, **values), tx.now
    tx.execute("UPDATE layer SET changed = ?, run_id = coalesce(?, run_id) WHERE id = ?", [tx.now, run_id, row[0]])
    return int(row[0]), str(row[1])


def add_group(tx: Transaction, source: str = "") -> int:
    """A group for snapshots that come now, and go when it is withdrawn."""
    return tx.insert("mask_group", changed=tx.now, who=tx.who, source=source)


def has_open_strokes(tx: Transaction, layer_id: int) -> bool:
    """Whether the layer is more than its last snapshot."""
    query = "SELECT 1 FROM stroke WHERE layer_id = ? AND (state = 'done') <> folded LIMIT 1"
    return tx.execute(query, [layer_id]).fetchone() is not None


def drop_strokes(tx: Transaction, layer_id: int, image_id: int) -> None:
    """A whole mask replaces what was painted on this layer: those strokes can no longer be taken back one by one."""
    statement = "UPDATE stroke SET state = 'dropped', folded = 0 WHERE layer_id = ? AND state <> 'dropped'"
    if tx.execute(statement, [layer_id]).rowcount:
        tx.execute("UPDATE undo SET state = 'dropped' WHERE image_id = ? AND subject = 'stroke'", [image_id])


def add_snapshot(
    tx: Transaction,
    layer_id: int,
    packed: tuple[bytes, tuple[int, ...], int],
    *,
    group_id: int | None = None,
    conflict: Conflict = "",
    at: str = "",
    reason: str = "",
) -> None:
    """Store a whole mask (`packed`) as what the layer is from now on; nothing when it is that already."""
    data, (height, width), pixels = packed
    sha = store_blob(tx, data)
    query = f"SELECT sha256 FROM layer JOIN snapshot ON snapshot.id = {STANDING} WHERE layer.id = ?"
    before = tx.execute(query, [layer_id]).fetchone()
    is_same = before is not None and bytes(before[0]) == sha and stands(tx, layer_id)
    if group_id is None and is_same and not has_open_strokes(tx, layer_id):
        return
    tx.execute("UPDATE stroke SET folded = (state = 'done') WHERE layer_id = ?", [layer_id])
    values = {"sha256": sha, "width": width, "height": height, "pixels": pixels, "at": at or tx.now}
    tx.insert("snapshot", layer_id=layer_id, group_id=group_id, conflict=conflict, **values)
    image_id, origin, author = tx.execute(
        "SELECT image_id, origin, author FROM layer WHERE id = ?", [layer_id]
    ).fetchone()
    after = {"layer": layer_id, "origin": origin, "author": author, "sha256": sha.hex(), "pixels": pixels}
    hexed = None if before is None else bytes(before[0]).hex()
    tx.audit("mask", "image", image_id, before=hexed, after=after, reason=reason)


def fold(tx: Transaction, layer_id: int, mask: Mask, *, at: str = "") -> None:
    """Store what the layer shows, `mask`, as its snapshot, which goes where the one that it rests on goes."""
    query = f"SELECT group_id, conflict FROM snapshot WHERE id = (SELECT {LAST} FROM layer WHERE id = ?)"
    row: tuple[int | None, Conflict] | None = tx.execute(query, [layer_id]).fetchone()
    group_id, conflict = row or (None, "")
    if has_open_strokes(tx, layer_id):
        add_snapshot(tx, layer_id, packed_mask(mask), group_id=group_id, conflict=conflict, at=at)


def stand_up(tx: Transaction, layer_id: int, image_id: int, mask: Mask) -> None:
    """Make the layer, whose mask this is, one that strokes can be laid on: what was undone on it is not done again."""
    if not stands(tx, layer_id):
        query = f"SELECT group_id, conflict, at FROM snapshot WHERE id = (SELECT {STANDING} FROM layer WHERE id = ?)"
        group_id, conflict, at = tx.execute(query, [layer_id]).fetchone()
        drop_strokes(tx, layer_id, image_id)
        add_snapshot(tx, layer_id, packed_mask(mask), group_id=group_id, conflict=conflict, at=at)


def packed_mask(mask: Mask) -> tuple[bytes, tuple[int, ...], int]:
    """A mask as it is stored: bytes, shape, painted pixels."""
    return label_masks.pack_mask(mask), mask.shape, int(np.count_nonzero(mask))


def store_blob(tx: Transaction, data: bytes) -> bytes:
    """Keep `data` once, under its SHA-256 (32 bytes, returned)."""
    sha = hashlib.sha256(data).digest()
    tx.execute("INSERT OR IGNORE INTO blob (sha256, data) VALUES (?, ?)", [sha, data])
    return sha


def insert_stroke(tx: Transaction, layer_id: int, box: Box, packed: bytes, tool: str, class_id: int | None) -> int:
    """One more stroke on a layer; its id. Who calls writes the audit row and the step of undo."""
    last = tx.execute("SELECT max(seq) FROM stroke WHERE layer_id = ?", [layer_id]).fetchone()[0]
    tx.execute("UPDATE stroke SET state = 'dropped' WHERE layer_id = ? AND state = 'undone'", [layer_id])
    place = dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))
    values = {"tool": tool, "class_id": class_id, "delta": packed, "at": tx.now, **place}
    return tx.insert("stroke", layer_id=layer_id, seq=(last or 0) + 1, **values)


def check_size(tx: Transaction, image_id: int, shape: tuple[int, ...]) -> None:
    """Raises `ProjectError` where there is no such image, `InputError` when a mask of `shape` is not of its size."""
    row: Any = tx.execute("SELECT width, height, path FROM image WHERE id = ?", [image_id]).fetchone()
    if row is None:
        raise ProjectError(f"there is no image {image_id}", kept="Nothing was changed")
    width, height, path = row
    if width is not None and (height, width) != tuple(shape):
        raise InputError(
            f"its mask measures {shape[1]} x {shape[0]} pixels, the image {width} x {height}",
            path=path,
            kept="The mask was left out",
        )
