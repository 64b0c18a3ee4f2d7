"""Problems with files, kept in the project once, however often a folder is looked at; those of masks close again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from core.layouts import NO_MASK
from core.project import Project
from core.project.records import Problem

_LACKING: Final = NO_MASK.partition(":")[0]
_OF_MASKS: Final = ("this mask ", "the mask ", _LACKING)


def keep(project: Project, found: Iterable[tuple[Path | str, str]]) -> None:
    """Store each (file, what is wrong) that is not open already."""
    known = {(problem.path, problem.text) for problem in project.problems()}
    wanted = dict.fromkeys((str(path), text) for path, text in found)
    project.add_problems([one for one in wanted if one not in known])


def is_of_mask(text: str) -> bool:
    """Whether a problem is about a mask that was left out or is not there."""
    return text.startswith(_OF_MASKS)


def settle_masks(
    project: Project,
    folders: Sequence[Path],
    found: Iterable[tuple[Path | str, str]],
    *,
    lacking: bool = True,
    is_whole: bool = True,
) -> None:
    """What was found when the masks below `folders` were looked at: kept, and earlier problems that are mended closed.

    `is_whole` says that nothing else is wrong there, `lacking` that images without a mask were looked for too. An
    image that meanwhile has a mask, painted or imported, lacks none.
    """
    now = [(str(path), text) for path, text in found]
    before = [problem for problem in project.problems() if is_of_mask(problem.text)]
    masked = _masked(project) if any(text.startswith(_LACKING) for _, text in (*now, *_pairs(before))) else set()
    now = [(path, text) for path, text in now if not (text.startswith(_LACKING) and path in masked)]
    keep(project, now)
    again = set(now)
    roots = [root.path for root in project.roots()]

    def is_mended(problem: Problem) -> bool:
        path = Path(problem.path)
        if problem.text.startswith(_LACKING) and (problem.path in masked or not lacking):
            return problem.path in masked
        if _is_below(path, folders):
            return is_whole and (problem.path, problem.text) not in again
        return not _is_below(path, roots) and not path.exists()

    mended = [problem.id for problem in before if is_mended(problem)]
    if mended:
        project.solve_problems(mended)


def _pairs(known: Iterable[Problem]) -> Iterable[tuple[str, str]]:
    return ((problem.path, problem.text) for problem in known)


def _masked(project: Project) -> set[str]:
    ids = project.masked_images()
    return {str(row.path) for row in project.images(ids=ids)} if ids else set()


def _is_below(path: Path, folders: Collection[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
