"""The list of defect classes, edited as a whole: one step of undo."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from core.errors import InputError
from core.project.audit import canonical
from core.project.base import Store
from core.project.records import ClassDraft
from core.project.things import ensure_class, update_columns
from core.project.undo import Change, remember
from core.project.writer import Transaction

_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_COLUMNS: Final = ("code", "names", "colour", "position", "description", "retired", "merged_into")


class ClassListMethods(Store):
    """Many defect classes at once."""

    def edit_classes(self, drafts: Sequence[ClassDraft], *, reason: str = "") -> list[int]:
        """Make the list of classes what `drafts` says, in that order; returns their ids. One step that can be undone.

        Classes that are not named keep their place. A new draft with the code of a retired class brings that one back.
        Raises `InputError` for a code that is empty or taken, `ProjectError` beyond 254 classes.
        """
        _check(drafts)

        def change(tx: Transaction) -> list[int]:
            rows = tx.execute(f"SELECT id, {', '.join(_COLUMNS)} FROM defect_class").fetchall()
            known = {int(row[0]): dict(zip(_COLUMNS, row[1:], strict=True)) for row in rows}
            cells: dict[str, list[tuple[int, Any, Any]]] = {}
            ids = []
            for position, draft in enumerate(drafts, 1):
                class_id = draft.id if draft.id is not None else _made(tx, draft, known, cells)
                _refuse_taken(draft, class_id, known)
                before = known[class_id]
                wanted = _values(draft, position, before)
                given = {column: value for column, value in wanted.items() if before[column] != value}
                if given:
                    update_columns(tx, "defect_class", class_id, given, action="change defect class", reason=reason)
                for column, value in given.items():
                    cells.setdefault(column, []).append((class_id, before[column], value))
                ids.append(class_id)
            if cells:
                remember(tx, "Edit classes", [_step(column, moved) for column, moved in cells.items()])
            return ids

        return self._write(change)


def _made(
    tx: Transaction, draft: ClassDraft, known: dict[int, dict[str, Any]], cells: dict[str, list[tuple[int, Any, Any]]]
) -> int:
    """The id for a new draft: of the retired class of that code, else a new one, which undo retires."""
    for class_id, row in known.items():
        if row["code"] == draft.code and row["retired"]:
            return class_id
    _refuse_taken(draft, None, known)
    class_id = ensure_class(tx, draft.code, names=draft.names, colour=draft.colour)
    row = tx.execute(f"SELECT {', '.join(_COLUMNS)} FROM defect_class WHERE id = ?", [class_id]).fetchone()
    known[class_id] = dict(zip(_COLUMNS, row, strict=True))
    cells.setdefault("retired", []).append((class_id, 1, 0))
    return class_id


def _values(draft: ClassDraft, position: int, before: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": draft.code,
        "names": canonical(dict(draft.names)),
        "colour": draft.colour or before["colour"],
        "position": position,
        "description": draft.description,
        "retired": int(draft.retired),
        "merged_into": before["merged_into"] if draft.retired else None,
    }


def _step(column: str, moved: list[tuple[int, Any, Any]]) -> Change:
    ids, before, after = zip(*moved, strict=True)
    return Change("defect_class", column, ids, before, after)


def _check(drafts: Sequence[ClassDraft]) -> None:
    codes: set[str] = set()
    for draft in drafts:
        if not draft.code.strip() or draft.code != draft.code.strip():
            raise InputError("a defect class has no code", kept="Nothing was changed", mend="Give each a short code")
        if draft.colour and not _COLOUR.fullmatch(draft.colour):
            raise InputError(f"{draft.colour} is no colour", kept="Nothing was changed", mend="Write it like #d55e00")
        if draft.code in codes:
            raise InputError(f"two classes have the code {draft.code}", kept="Nothing was changed")
        codes.add(draft.code)


def _refuse_taken(draft: ClassDraft, class_id: int | None, known: dict[int, dict[str, Any]]) -> None:
    """A code goes from one class to another in two steps, so that each can be undone alone."""
    for other, row in known.items():
        if other != class_id and row["code"] == draft.code:
            raise InputError(
                f"the code {draft.code} belongs to another class",
                kept="Nothing was changed",
                mend="Choose another code, or rename that class first",
            )
