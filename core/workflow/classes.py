"""Defect classes by code: the lists that come with the program (resources/classes/*.toml), and changes to one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from core.assets import resources
from core.errors import InputError
from core.project import Project
from core.project.records import ClassDraft, DefectClass

PRESETS: Final = ("chip", "vial")


@cache
def preset_classes(name: str) -> tuple[ClassDraft, ...]:
    """The classes of one of `PRESETS` in their order, as new ones. Raises `FileNotFoundError` for another name."""
    text = (resources() / "classes" / f"{name}.toml").read_text(encoding="utf-8")
    return tuple(
        ClassDraft(None, row["code"], row["names"], row["colour"].lower()) for row in tomllib.loads(text)["class"]
    )


def draft_of(one: DefectClass) -> ClassDraft:
    """A stored class, to be changed."""
    return ClassDraft(one.id, one.code, one.names, one.colour, one.description, one.retired)


def the_class(project: Project, code: str) -> DefectClass:
    """The class of that code that is in the list. Raises `InputError` naming those that are."""
    known = project.classes()
    for one in known:
        if one.code == code:
            return one
    names = ", ".join(one.code for one in known) or "none yet"
    raise InputError(f"there is no class {code!r}", path=project.file, mend=f"Those of the project: {names}")


def add_class(project: Project, draft: ClassDraft) -> int:
    """Put a class at the end of the list, or bring that of its code back, and return its id. One step of undo.

    Raises `InputError` where the code is taken.
    """
    known = project.classes()
    if any(one.code == draft.code for one in known):
        raise InputError(f"there is a class {draft.code!r} already", path=project.file, kept="Nothing was changed")
    return project.edit_classes([*map(draft_of, known), _as_it_was(project, draft)])[-1]


def add_preset(project: Project, name: str) -> list[str]:
    """Put the classes of a preset that are missing at the end of the list; their codes. One step of undo."""
    known = project.classes()
    codes = {one.code for one in known}
    fresh = [_as_it_was(project, one) for one in preset_classes(name) if one.code not in codes]
    if fresh:
        project.edit_classes([*map(draft_of, known), *fresh])
    return [one.code for one in fresh]


def change_class(
    project: Project,
    code: str,
    *,
    new_code: str | None = None,
    names: Mapping[str, str] | None = None,
    colour: str | None = None,
    description: str | None = None,
) -> None:
    """Change what is given of a class; a name of '' takes that language away. One step of undo. Raises `InputError`."""
    meant = the_class(project, code)
    draft = draft_of(meant)
    given = {**draft.names, **(names or {})}
    draft = replace(
        draft,
        code=draft.code if new_code is None else new_code,
        names={language: name for language, name in given.items() if name},
        colour=draft.colour if colour is None else colour,
        description=draft.description if description is None else description,
    )
    project.edit_classes([draft if one.id == meant.id else draft_of(one) for one in project.classes()])


def _as_it_was(project: Project, draft: ClassDraft) -> ClassDraft:
    """A class that was taken out of the list comes back with what was known of it, and what is new."""
    before = next((one for one in project.classes(retired=True) if one.code == draft.code), None)
    if before is None:
        return draft
    return ClassDraft(
        before.id,
        before.code,
        {**before.names, **draft.names},
        draft.colour or before.colour,
        draft.description or before.description,
    )
