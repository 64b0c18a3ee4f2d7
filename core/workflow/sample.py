"""A project to look around in, with drawn chips and a finished training: unpacked once, then the person's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs

from core.assets import resources
from core.errors import FlawscopeError
from core.project.database import SUFFIX
from core.project.pack import unpack_project

NAME: Final = "Flip chip example"


def packed_sample() -> Path:
    """The packed project that came with the program. Raises `FlawscopeError` when the installation lacks it."""
    path = resources() / "samples" / "flip_chip.flawpack"
    if not path.is_file():
        raise FlawscopeError("this installation lacks the example project", path=path, mend="Install flawscope again")
    return path


def sample_folder() -> Path:
    """Where the example goes: the person's data folder, or the place that FLAWSCOPE_HOME names."""
    named = os.environ.get("FLAWSCOPE_HOME")
    home = Path(named) if named else Path(platformdirs.user_data_path("flawscope", appauthor=False))
    return home / "projects" / NAME


def open_sample(folder: Path | None = None) -> Path:
    """The project file of the example in `folder` (None: `sample_folder`), unpacked there at the first call.

    What a person did in it stays: it is never replaced. Raises `InputError`, `StorageError`, `FlawscopeError`.
    """
    place = folder or sample_folder()
    found = sorted(place.glob(f"*{SUFFIX}"))
    return found[0] if found else unpack_project(packed_sample(), place)
