"""Labels and splits: changed in bulk, whole parts at a time, undoable; and what must not lie on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from core.errors import InputError, ProjectError
from core.project.base import Store
from core.project.records import ChangeReport, Duplicate
from core.project.things import ensure_class
from core.project.undo import Change, OpenStep, remember
from core.project.writer import Transaction
from core.words import LABELS, SPLITS, Label, Split

_LISTED: Final = 50  # ids named in an audit row; the undo step holds them all
_CHOSEN: Final = "(SELECT value FROM json_each(?))"


class LabelMethods(Store):
    """Label, defect class and split of images."""

    def set_label(
        self,
        ids: Iterable[int],
        label: Label,
        *,
        defect_class: str | None = None,
        reason: str = "",
        step: OpenStep | None = None,
    ) -> ChangeReport:
        """Label images; `defect_class` is a code and only for defective ones. Can be undone, with `step` as part of it.

        None: an image that was defective before keeps its class; "": it has none any more.
        """
        if label not in LABELS:
            raise InputError(f"{label!r} is no label", mend=f"Use one of {', '.join(LABELS)}")
        if defect_class and label != "defective":
            raise InputError("only a defective image has a defect class", kept="Nothing was changed")
        chosen = sorted(set(ids))
        keeps = defect_class is None and label == "defective"

        def change(tx: Transaction) -> ChangeReport:
            class_id = ensure_class(tx, defect_class) if defect_class else None
            rows = _current(tx, chosen, "label, class_id")
            moved = [
                (i, old_label, old_class)
                for i, old_label, old_class in rows
                if old_label != label or (old_class != class_id and not keeps)
            ]
            if not moved:
                return ChangeReport(0)
            touched = [row[0] for row in moved]
            tx.execute(f"UPDATE image SET label = ? WHERE id IN {_CHOSEN}", [label, json.dumps(touched)])
            changes = [Change("image", "label", touched, [row[1] for row in moved], [label] * len(moved))]
            if not keeps:
                tx.execute(f"UPDATE image SET class_id = ? WHERE id IN {_CHOSEN}", [class_id, json.dumps(touched)])
                before = [row[2] for row in moved]
                changes.append(Change("image", "class_id", touched, before, [class_id] * len(moved)))
            _remember(tx, f"Label {label}", changes, touched, step)
            after = {"label": label} if keeps else {"label": label, "class": defect_class or ""}
            _audit(tx, "label", moved, after, reason)
            return ChangeReport(len(moved))

        return self._write(change)

    def set_split(
        self,
        ids: Iterable[int],
        split: Split,
        *,
        reason: str = "",
        allow_duplicates: bool = False,
        undoable: bool = True,
    ) -> ChangeReport:
        """Move images to a split, always with their whole part. Can be undone, unless a program does it by itself.

        Raises `ProjectError` when equal bytes would then lie both in test and in train or tuning.
        """
        splits = dict.fromkeys(ids, split)
        return self.set_splits(splits, reason=reason, allow_duplicates=allow_duplicates, undoable=undoable)

    def set_splits(
        self,
        splits: Mapping[int, Split],
        *,
        reason: str = "",
        allow_duplicates: bool = False,
        undoable: bool = True,
        step: OpenStep | None = None,
    ) -> ChangeReport:
        """Move many images, each to its own split (see `splits.propose_splits`), in one step or as a part of `step`."""
        unknown = set(splits.values()) - set(SPLITS)
        if unknown:
            raise InputError(f"{', '.join(sorted(unknown))} is no split", mend=f"Use one of {', '.join(SPLITS)}")

        def change(tx: Transaction) -> ChangeReport:
            rows = _with_parts(tx, splits)
            moved = [(image_id, old, new) for image_id, old, new in rows if old != new]
            if not moved:
                return ChangeReport(0)
            tx.executemany("UPDATE image SET split = ? WHERE id = ?", [(new, i) for i, _, new in moved])
            touched = [row[0] for row in moved]
            if not allow_duplicates:
                _refuse_duplicates(tx, touched)
            targets = sorted({row[2] for row in moved})
            if undoable:
                item = Change("image", "split", touched, [row[1] for row in moved], [row[2] for row in moved])
                _remember(tx, f"Move to {', '.join(targets)}", [item], touched, step)
            _audit(tx, "split", moved, {"split": targets if len(targets) > 1 else targets[0]}, reason)
            extra = sum(1 for image_id, _, _ in moved if image_id not in splits)
            return ChangeReport(len(moved), extra)

        return self._write(change)

    def duplicates_across_splits(self, product: str | None = None) -> list[Duplicate]:
        """Equal bytes, or equal decoded pixels, that lie both in test and in train or tuning of one view's product."""
        found: list[Duplicate] = []
        seen: set[tuple[int, ...]] = set()
        for kind, column in (("bytes", "sha256"), ("pixels", "pixels_sha256")):
            query = f"""SELECT lower(hex(image.{column})), group_concat(image.id) FROM image
                JOIN view ON view.id = image.view_id JOIN product ON product.id = view.product_id
                WHERE image.{column} IS NOT NULL AND image.state <> 'gone' AND (? IS NULL OR product.code = ?)
                GROUP BY product.id, image.{column}
                HAVING sum(split = 'test') > 0 AND sum(split IN ('train', 'tuning')) > 0"""
            with self._read() as db:
                groups = db.execute(query, [product, product]).fetchall()
            for sha, listed in groups:
                ids = tuple(sorted(int(text) for text in listed.split(",")))
                if ids not in seen:
                    seen.add(ids)
                    found.append(Duplicate(kind, sha, tuple(self.images(ids=ids))))  # type: ignore[arg-type,attr-defined]
        return found

    def straddling(self, product: str | None = None) -> dict[str, list[str]]:
        """Codes of parts (never any) and of known lots that lie both in test and in train or tuning."""
        result: dict[str, list[str]] = {}
        for kind in ("part", "lot"):
            query = f"""SELECT {kind}.code FROM image JOIN part ON part.id = image.part_id
                JOIN lot ON lot.id = part.lot_id JOIN product ON product.id = lot.product_id
                WHERE lot.code <> '' AND (? IS NULL OR product.code = ?) GROUP BY {kind}.id
                HAVING sum(split = 'test') > 0 AND sum(split IN ('train', 'tuning')) > 0 ORDER BY 1"""
            with self._read() as db:
                result[kind] = [row[0] for row in db.execute(query, [product, product])]
        return result


def _current(tx: Transaction, ids: Sequence[int], columns: str) -> list[tuple[Any, ...]]:
    query = f"SELECT id, {columns} FROM image WHERE id IN {_CHOSEN} ORDER BY id"
    rows = tx.execute(query, [json.dumps(list(ids))]).fetchall()
    if len(rows) != len(ids):
        missing = sorted(set(ids) - {row[0] for row in rows})
        raise ProjectError(f"there is no image {missing[0]}", kept="Nothing was changed")
    return rows


def _remember(
    tx: Transaction, label: str, changes: Sequence[Change], touched: Sequence[int], step: OpenStep | None
) -> None:
    """A step of its own, of one image where only one was touched, or a part of `step`."""
    if step is not None:
        remember(tx, step.label, changes, into=step)
    else:
        remember(tx, label, changes, image_id=touched[0] if len(touched) == 1 else None)


def _with_parts(tx: Transaction, splits: Mapping[int, Split]) -> list[tuple[int, str, str]]:
    """(image, split now, split wanted) for the images and all others of their parts."""
    parts: dict[int, Split] = {}
    for image_id, part_id in _current(tx, sorted(splits), "part_id"):
        wanted = splits[image_id]
        if parts.setdefault(part_id, wanted) != wanted:
            code = tx.execute("SELECT code FROM part WHERE id = ?", [part_id]).fetchone()[0]
            raise ProjectError(f"the part {code} cannot lie in two splits", kept="Nothing was changed")
    query = f"SELECT id, split, part_id FROM image WHERE part_id IN {_CHOSEN} ORDER BY id"
    rows = tx.execute(query, [json.dumps(list(parts))])
    return [(int(image_id), str(old), parts[part_id]) for image_id, old, part_id in rows]


def _refuse_duplicates(tx: Transaction, ids: Sequence[int]) -> None:
    query = f"""SELECT a.path, b.path FROM image a JOIN view va ON va.id = a.view_id
        JOIN image b ON b.sha256 = a.sha256 AND b.id <> a.id JOIN view vb ON vb.id = b.view_id
        WHERE a.id IN {_CHOSEN} AND va.product_id = vb.product_id AND b.state <> 'gone'
        AND ((a.split = 'test' AND b.split IN ('train', 'tuning'))
          OR (b.split = 'test' AND a.split IN ('train', 'tuning'))) LIMIT 1"""
    row = tx.execute(query, [json.dumps(list(ids))]).fetchone()
    if row is not None:
        raise ProjectError(
            f"{row[0]} and {row[1]} are the same picture and would lie in training and in test",
            kept="Nothing was changed",
            mend="Move both, or take one out",
        )


def _audit(tx: Transaction, action: str, moved: Sequence[tuple[Any, ...]], after: object, reason: str) -> None:
    """One row for one image with what stood there, or one for the whole step with its images."""
    if len(moved) == 1:
        image_id, *before = moved[0]
        tx.audit(action, "image", image_id, before=before, after=after, reason=reason)
        return
    summary = {"images": len(moved), "first": [row[0] for row in moved[:_LISTED]], "to": after}
    tx.audit(action, "image", after=summary, reason=reason)
