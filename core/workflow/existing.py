"""Projects that were made of a folder before, so that nobody makes a second one unawares."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.errors import FlawscopeError
from core.project import Project

_MOST: Final = 40  # looked into; the first are the likeliest


def projects_of(folder: Path, candidates: Iterable[Path]) -> list[Path]:
    """Those of the project files whose images come from `folder`; what cannot be opened for reading is passed over."""
    wanted = folder.resolve()
    found = []
    for file in list(dict.fromkeys(candidates))[:_MOST]:
        if not file.is_file():
            continue
        try:
            with Project.open(file, read_only=True) as project:
                if any(root.path.resolve() == wanted for root in project.roots()):
                    found.append(file)
        except FlawscopeError:
            continue
    return found


def candidates(parent: Path, recent: Iterable[str | Path]) -> list[Path]:
    """Project files that may be meant: those opened lately, then those in the folder where projects are kept."""
    return [*(Path(one) for one in recent), *sorted(parent.glob("*/*.flawscope"))]
