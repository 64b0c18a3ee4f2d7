"""What the class editor works on: plain rows, changed in memory, written as one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.words import tr
from core.project.records import ClassDraft, DefectClass


@dataclass(eq=False)
class Row:
    """One class as it shall be."""

    id: int | None
    code: str
    names: dict[str, str] = field(default_factory=dict)
    colour: str = ""
    description: str = ""
    retired: bool = False

    def word(self, language: str) -> str:
        """Its name in a language, else in English, else its code."""
        return self.names.get(language) or self.names.get("en") or self.code or tr("New class")

    def draft(self) -> ClassDraft:
        """What is to be stored of it."""
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
