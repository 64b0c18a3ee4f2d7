"""Strokes on their way into the project: what one carries, and how it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.annotation.masks import Delta
from core.errors import ProjectBusyError, ProjectDamagedError, ProjectError
from core.project import Project
from core.project.records import Painted

NEW_CLASS: Final = "defect"  # of a project that has none yet


@dataclass(frozen=True, eq=False)
class FreshStroke:
    """What a person painted. `number` (sheet, stroke on it) is the same for the parts of one long stroke."""

    image_id: int
    delta: Delta
    tool: str
    class_id: int
    number: tuple[int, int]
    author: str = ""  # '': whoever the project says is at work

    @property
    def key(self) -> tuple[int, tuple[int, int]]:
        """Image and number: equal for parts of one stroke."""
        return self.image_id, self.number


def needs_class(project: Project, stroke: FreshStroke) -> bool:
    """Whether the project has to get a class with this stroke: it offers none, or none any more."""
    return bool(stroke.class_id) and not project.classes()


def store_stroke(project: Project, stroke: FreshStroke, *, continues: int | None = None) -> Painted:
    """Store a stroke, and a class where the project offers none; `continues`: the part before it.

    Where that part is no longer the last step, this one becomes a step of its own. Raises errors of `core.errors`.
    """
    if needs_class(project, stroke):
        gone = {one.id: one.code for one in project.classes(retired=True)}  # the making of a class was undone, say
        project.add_class(gone.get(stroke.class_id, NEW_CLASS))
    try:
        return _add(project, stroke, continues)
    except (ProjectBusyError, ProjectDamagedError):
        raise
    except ProjectError:
        if continues is None:
            raise
        return _add(project, stroke, None)


def _add(project: Project, stroke: FreshStroke, continues: int | None) -> Painted:
    return project.add_stroke(
        stroke.image_id,
        stroke.delta,
        tool=stroke.tool,
        class_id=stroke.class_id,
        author=stroke.author or None,
        continues=continues,
    )
