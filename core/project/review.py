"""Judgement in the store: decision settings, what the machine says, what a person says, check sets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from core.errors import InputError, ProjectError
from core.project.audit import canonical
from core.project.base import Store
from core.project.results import CheckItem, CheckSet, Decision, DecisionState, Json, NewJudgement, VerdictRow
from core.project.undo import Change, remember
from core.project.writer import Transaction
from core.words import VERDICTS, Judgement, Verdict

# An approved record is not edited: it goes forward, or is retired.
_NEXT: Final[dict[str, set[str]]] = {
    "draft": {"approved", "retired"},
    "approved": {"online", "retired"},
    "online": {"approved", "retired"},
    "retired": set(),
}
_DECISION: Final = """SELECT id, run_id, version, state, threshold, recheck_low, recheck_high, min_area, roi_version_id,
    passes, gate, scoring_id, how, settings, optimistic, parent_id, author, created, approved_by, approved_at, reason
    FROM decision"""


class ReviewMethods(Store):
    """Decision settings, judgements, verdicts and check sets."""

    def add_decision(
        self,
        run_id: int,
        threshold: float,
        *,
        recheck: tuple[float, float] | None = None,
        min_area: int = 0,
        roi_version_id: int | None = None,
        passes: int = 1,
        gate: float | None = None,
        scoring_id: int | None = None,
        how: Json | None = None,
        settings: Json | None = None,
        optimistic: bool = False,
        parent_id: int | None = None,
        reason: str = "",
    ) -> Decision:
        """The next version of a training's decision settings, as a draft. `optimistic`: moved on test images."""
        low, high = recheck or (None, None)

        def change(tx: Transaction) -> int:
            query = "SELECT coalesce(max(version), 0) + 1 FROM decision WHERE run_id = ?"
            values: dict[str, Any] = {
                **{"run_id": run_id, "version": int(tx.execute(query, [run_id]).fetchone()[0])},
                **{"threshold": float(threshold), "recheck_low": low, "recheck_high": high, "min_area": min_area},
                **{"roi_version_id": roi_version_id, "passes": passes, "gate": gate, "scoring_id": scoring_id},
                **{"how": canonical(dict(how or {})), "settings": canonical(dict(settings or {}))},
                **{"optimistic": int(optimistic), "parent_id": parent_id, "author": tx.who, "reason": reason},
            }
            decision_id = tx.insert("decision", created=tx.now, **values)
            tx.audit("add decision settings", "decision", decision_id, after=values, reason=reason)
            return decision_id

        return self.decision(self._write(change))

    def set_decision_state(self, decision_id: int, state: DecisionState, *, reason: str) -> Decision:
        """Approve, put on line or retire a version. Raises `ProjectError` for a step that is not allowed.

        Putting one on line takes its predecessor of the same training off the line.
        """
        if not reason.strip():
            raise InputError("this step needs a reason", kept="Nothing was changed")

        def change(tx: Transaction) -> None:
            row = tx.execute("SELECT state, run_id FROM decision WHERE id = ?", [decision_id]).fetchone()
            if row is None:
                raise ProjectError(f"there are no decision settings {decision_id}", path=self.file)
            before, run_id = row
            if state not in _NEXT[before]:
                raise ProjectError(f"decision settings that are {before} cannot become {state}", path=self.file)
            if state == "online":
                query = "SELECT id FROM decision WHERE run_id = ? AND state = 'online'"
                for (other,) in tx.execute(query, [run_id]).fetchall():
                    _move(tx, other, "online", "approved", f"replaced by {decision_id}")
            if state == "approved" and before == "draft":
                statement = "UPDATE decision SET approved_by = ?, approved_at = ? WHERE id = ?"
                tx.execute(statement, [tx.who, tx.now, decision_id])
            _move(tx, decision_id, before, state, reason)

        self._write(change)
        return self.decision(decision_id)

    def decision(self, decision_id: int) -> Decision:
        """One version of decision settings. Raises `ProjectError`."""
        with self._read() as db:
            row = db.execute(f"{_DECISION} WHERE id = ?", [decision_id]).fetchone()
        if row is None:
            raise ProjectError(f"there are no decision settings {decision_id}", path=self.file)
        return _decision(row)

    def decisions(self, run_id: int | None = None) -> list[Decision]:
        """Versions of a training's decision settings (or all), oldest first."""
        query = f"{_DECISION} WHERE (? IS NULL OR run_id = ?) ORDER BY run_id, version"
        with self._read() as db:
            return [_decision(row) for row in db.execute(query, [run_id, run_id])]

    def set_judgements(self, decision_id: int, scoring_id: int, items: Iterable[NewJudgement]) -> int:
        """Store what the machine says about the images of a scoring under a version; a second time replaces."""
        rows = [(decision_id, scoring_id, i.image_id, i.name, i.judgement, i.why) for i in items]

        def change(tx: Transaction) -> int:
            tx.executemany("INSERT OR REPLACE INTO judgement VALUES (?, ?, ?, ?, ?, ?)", rows)
            counts: dict[str, int] = {}
            for row in rows:
                counts[row[4]] = counts.get(row[4], 0) + 1
            tx.audit("judge", "decision", decision_id, after={"scoring": scoring_id, **counts})
            return len(rows)

        return self._write(change) if rows else 0

    def judgements(self, decision_id: int, scoring_id: int) -> dict[tuple[int, str], Judgement]:
        """(image id, cell or '') -> what the machine says."""
        query = "SELECT image_id, name, judgement FROM judgement WHERE decision_id = ? AND scoring_id = ?"
        with self._read() as db:
            return {(row[0], row[1]): row[2] for row in db.execute(query, [decision_id, scoring_id])}

    def add_verdict(
        self,
        image_id: int,
        verdict: Verdict,
        *,
        cell: str = "",
        class_id: int | None = None,
        run_id: int | None = None,
        scoring_id: int | None = None,
        decision_id: int | None = None,
        threshold: float | None = None,
        score: float | None = None,
        reason: str = "",
    ) -> int:
        """What a person says about an image or a cell, and on what it rested; never changes the label. Undoable."""
        if verdict not in VERDICTS:
            raise InputError(f"{verdict!r} is no verdict", mend=f"Use one of {', '.join(VERDICTS)}")

        def change(tx: Transaction) -> int:
            before = tx.execute(
                "SELECT verdict FROM verdict WHERE image_id = ? AND cell = ? AND NOT withdrawn ORDER BY id DESC",
                [image_id, cell],
            ).fetchone()
            values: dict[str, Any] = {
                **{"image_id": image_id, "cell": cell, "verdict": verdict, "class_id": class_id, "run_id": run_id},
                **{"scoring_id": scoring_id, "decision_id": decision_id, "threshold": threshold, "score": score},
            }
            verdict_id = tx.insert("verdict", who=tx.who, at=tx.now, reason=reason, **values)
            remember(
                tx, f"Verdict {verdict}", [Change("verdict", "withdrawn", [verdict_id], [1], [0])], image_id=image_id
            )
            old = None if before is None else before[0]
            tx.audit("verdict", "image", image_id, before=old, after=values, reason=reason)
            return verdict_id

        return self._write(change)

    def verdicts(self, *, image_ids: Sequence[int] | None = None, all_of_them: bool = False) -> list[VerdictRow]:
        """The last verdict on each image and cell; with `all_of_them` also those before, oldest first."""
        chosen = None if image_ids is None else json.dumps(list(image_ids))
        query = """SELECT id, image_id, cell, verdict, class_id, who, at, run_id, scoring_id, decision_id, threshold,
            score, reason FROM verdict WHERE NOT withdrawn
            AND (? IS NULL OR image_id IN (SELECT value FROM json_each(?)))
            AND (? OR id IN (SELECT max(id) FROM verdict WHERE NOT withdrawn GROUP BY image_id, cell)) ORDER BY id"""
        with self._read() as db:
            return [VerdictRow(*row) for row in db.execute(query, [chosen, chosen, all_of_them])]

    def add_check_set(self, product: str, name: str, items: Sequence[CheckItem], *, note: str = "") -> CheckSet:
        """The next version of a set of challenge parts, as a draft."""

        def change(tx: Transaction) -> int:
            row = tx.execute("SELECT id FROM product WHERE code = ?", [product]).fetchone()
            if row is None:
                raise ProjectError(f"there is no product {product}", path=self.file)
            query = "SELECT coalesce(max(version), 0) + 1 FROM check_set WHERE product_id = ? AND name = ?"
            version = int(tx.execute(query, [row[0], name]).fetchone()[0])
            set_id = tx.insert("check_set", product_id=row[0], name=name, version=version, note=note)
            for item in items:
                values = {"class_id": item.class_id, "borderline": int(item.borderline), "note": item.note}
                place = {"image_id": item.image_id, "cell": item.cell, "expected": item.expected}
                tx.insert("check_item", check_set_id=set_id, **place, **values)
            after = {"product": product, "name": name, "version": version, "items": len(items)}
            tx.audit("add check set", "check_set", set_id, after=after)
            return set_id

        set_id = self._write(change)
        return next(found for found in self.check_sets(product) if found.id == set_id)

    def approve_check_set(self, set_id: int, *, reason: str) -> None:
        """A draft becomes approved; its items are fixed from then on."""

        def change(tx: Transaction) -> None:
            statement = """UPDATE check_set SET state = 'approved', approved_by = ?, approved_at = ?
                WHERE id = ? AND state = 'draft'"""
            if tx.execute(statement, [tx.who, tx.now, set_id]).rowcount != 1:
                raise ProjectError(f"check set {set_id} is no draft", path=self.file, kept="Nothing was changed")
            tx.audit("approve check set", "check_set", set_id, before="draft", after="approved", reason=reason)

        self._write(change)

    def check_sets(self, product: str | None = None) -> list[CheckSet]:
        """Check sets with their items, oldest first."""
        query = """SELECT check_set.id, product.code, check_set.name, version, state, approved_by, approved_at
            FROM check_set JOIN product ON product.id = check_set.product_id
            WHERE (? IS NULL OR product.code = ?) ORDER BY check_set.id"""
        items = """SELECT image_id, expected, cell, class_id, borderline, note FROM check_item WHERE check_set_id = ?
            ORDER BY image_id, cell"""
        with self._read() as db:
            sets = db.execute(query, [product, product]).fetchall()
            return [_check_set(row, db.execute(items, [row[0]]).fetchall()) for row in sets]


def _check_set(row: tuple[Any, ...], items: list[tuple[Any, ...]]) -> CheckSet:
    values: tuple[Any, ...] = (*row, tuple(_item(item) for item in items))
    return CheckSet(*values)


def _item(row: tuple[Any, ...]) -> CheckItem:
    return CheckItem(row[0], row[1], row[2], row[3], bool(row[4]), row[5])


def _move(tx: Transaction, decision_id: int, before: str, after: str, reason: str) -> None:
    tx.execute("UPDATE decision SET state = ? WHERE id = ?", [after, decision_id])
    tx.audit("decision settings", "decision", decision_id, before=before, after=after, reason=reason)


def _decision(row: tuple[Any, ...]) -> Decision:
    recheck = None if row[5] is None else (row[5], row[6])
    texts = (json.loads(row[12]), json.loads(row[13]))
    values: tuple[Any, ...] = (*row[:5], recheck, *row[7:12], *texts, bool(row[14]), *row[15:])
    return Decision(*values)
