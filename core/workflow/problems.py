"""Problems with files, kept in the project once, however often a folder is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.project import Project


def keep(project: Project, found: Iterable[tuple[Path | str, str]]) -> None:
    """Store each (file, what is wrong) that is not open already."""
    known = {(problem.path, problem.text) for problem in project.problems()}
    for path, text in found:
        if (str(path), text) not in known:
            known.add((str(path), text))
            project.add_problem(path, text)
