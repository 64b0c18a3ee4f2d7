"""What the class editor works on: plain rows, changed in memory, written as one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.words import tr
from core.project.records import ClassDraft, DefectClass

if TYPE_CHECKING:
    from core.project import Project


@dataclass(eq=False)
class Row:
    """One class as it shall be; `merge_into` names the row that takes over what is painted of it."""

    id: int | None
    code: str
    names: dict[str, str] = field(default_factory=dict)
    colour: str = ""
    description: str = ""
    retired: bool = False
    merge_into: Row | None = None

    def word(self, language: str) -> str:
        """Its name in a language, else in English, else its code."""
        return self.names.get(language) or self.names.get("en") or self.code or tr("New class")

    @property
    def is_shown(self) -> bool:
        """Whether it stays in the list."""
        return not self.retired and self.merge_into is None

    def draft(self) -> ClassDraft:
        """What is to be stored of it; a class that is merged stays as it is until then."""
        names = {language: name.strip() for language, name in self.names.items() if name.strip()}
        return ClassDraft(self.id, self.code.strip(), names, self.colour, self.description.strip(), self.retired)


def rows_of(classes: Sequence[DefectClass]) -> list[Row]:
    """Stored classes, to be worked on."""
    return [Row(one.id, one.code, dict(one.names), one.colour, one.description, one.retired) for one in classes]


def rows_of_drafts(drafts: Sequence[ClassDraft]) -> list[Row]:
    """A list that comes with the program."""
    return [Row(one.id, one.code, dict(one.names), one.colour, one.description) for one in drafts]


def wrong(rows: Sequence[Row]) -> tuple[Row, str] | None:
    """The first row that cannot be stored, and why."""
    seen: dict[str, Row] = {}
    for row in rows:
        code = row.code.strip()
        if not code:
            return row, tr("A class needs a code: a short word that files and tables carry.")
        if code in seen:
            return row, tr("Two classes have the code {code}.", code=code)
        seen[code] = row
    return None


def write(project: Project, rows: Sequence[Row]) -> None:
    """Store the rows in their order: one step, and one more for each class that is merged."""
    ids = project.edit_classes([row.draft() for row in rows])
    stored = {id(row): class_id for row, class_id in zip(rows, ids, strict=True)}
    for row in rows:
        if row.merge_into is not None and row.id is not None:
            project.merge_class(row.id, stored[id(row.merge_into)])
