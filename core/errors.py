"""The errors that a person is meant to read: one small hierarchy, each with an exit code of its own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final


class ExitCode:
    """What `flawscope` returns to the shell; documented in `flawscope --help` and the README."""

    OK: Final = 0
    UNEXPECTED: Final = 1
    USAGE: Final = 2
    INPUT: Final = 3
    BUSY: Final = 4
    PROJECT: Final = 5
    TRAINING: Final = 6
    STORAGE: Final = 7
    INTERRUPTED: Final = 130


class FlawscopeError(Exception):
    """Something a person can act on: what happened, to which file, what was kept, what to do next.

    `str(error)` is one sentence per part, so that the command line and a dialog show the same words.
    """

    exit_code: ClassVar[int] = ExitCode.UNEXPECTED
    code: ClassVar[str] = "error"

    def __init__(self, what: str, *, path: Path | str | None = None, kept: str = "", mend: str = "") -> None:
        self.what = what
        self.path = None if path is None else Path(path)
        self.kept = kept
        self.mend = mend
        super().__init__(what)

    def __str__(self) -> str:
        where = "" if self.path is None else f"{self.path}: "
        parts = [where + self.what, self.kept, self.mend]
        return " ".join(part if part.endswith((".", "?", "!")) else part + "." for part in parts if part)


class InputError(FlawscopeError):
    """The user's material cannot be used: a folder without images, a setting that does not exist, a missing file."""

    exit_code = ExitCode.INPUT
    code = "input"


class ImageError(InputError):
    """One image or mask cannot be read; names the file. The rest of its folder loads."""

    code = "image"


class ConfigError(InputError):
    """A setting is unknown or out of its range."""

    code = "config"


class ProjectError(FlawscopeError):
    """The project file cannot be used as asked."""

    exit_code = ExitCode.PROJECT
    code = "project"


class ProjectBusyError(ProjectError):
    """Another process holds the project; names host, process and since when."""

    exit_code = ExitCode.BUSY
    code = "busy"


class ProjectClosedError(ProjectError):
    """Something was asked of a project that is closed by now."""


class ProjectNewerError(ProjectError):
    """The project was written by a newer Flawscope: readable, never written."""

    code = "newer"


class ProjectDamagedError(ProjectError):
    """The project file did not pass its check: nothing is written, a backup is offered."""

    code = "damaged"


class TrainingError(FlawscopeError):
    """A training could not start or failed; `code` of the worker's error is kept in `reason`."""

    exit_code = ExitCode.TRAINING
    code = "training"

    def __init__(
        self, what: str, *, path: Path | str | None = None, kept: str = "", mend: str = "", reason: str = "training"
    ) -> None:
        super().__init__(what, path=path, kept=kept, mend=mend)
        self.reason = reason


class StorageError(FlawscopeError):
    """The disk is full, read-only, or the file is held by another program; what stood there before still stands."""

    exit_code = ExitCode.STORAGE
    code = "storage"
