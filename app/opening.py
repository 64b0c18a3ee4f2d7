"""Opening a project off the GUI thread: to work in it, or to read it where its place does not take changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.words import count_words, tr
from core.errors import FlawscopeError, StorageError

if TYPE_CHECKING:
    from core.project import Project
    from core.workflow.rescue import RescuePlan


@dataclass(frozen=True)
class Opened:
    """A project, what earlier windows could not store in it, and what a person has to know about it."""

    project: Project
    plan: RescuePlan
    problem: FlawscopeError | None = None


def open_project(path: Path, author: str | None, *, read_only: bool) -> Opened:
    """Open a project; for reading only where its place takes no changes, which is told.

    Raises what `Project.open` does.
    """
    from core.project import Project
    from core.workflow.rescue import RescuePlan, find_rescue

    try:
        project = Project.open(path, read_only=read_only, author=author)
    except StorageError as error:
        if read_only:
            raise
        try:
            project = Project.open(path, read_only=True, author=author)
        except FlawscopeError:
            raise error from None
        return Opened(project, RescuePlan(), _reading(project, error))
    return Opened(project, RescuePlan() if project.read_only else find_rescue(project))


def _reading(project: Project, error: StorageError) -> StorageError:
    """Why nothing can be changed, and what waits for the place to be writable again."""
    from core.workflow.rescue import find_rescue

    waiting = len({one.key for one in find_rescue(project).strokes})
    kept = tr("Everything can be looked at")
    if waiting:
        strokes = count_words(waiting, "stroke waits", "strokes wait")
        kept += "; " + tr("{strokes} in a rescue file on this computer", strokes=strokes)
    return StorageError(
        tr("the project is open for reading only: {what}", what=error.what),
        path=project.file,
        kept=kept,
        mend=tr("Make room or give rights there, then open the project again"),
    )
