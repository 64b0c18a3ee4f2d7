"""What SQLite refuses, in a person's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.errors import FlawscopeError, ProjectBusyError, ProjectDamagedError, ProjectError, StorageError
from core.files import free_bytes

_KEPT: Final = "Everything saved before is unchanged"
_PRIMARY: Final = 0xFF  # the low byte of an extended result code
_VAGUE: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)  # said of any trouble with the files beside the project
_NO_ROOM: Final = 64 * 1024  # bytes: less than the index of a write-ahead log and its first pages


def project_failure(error: sqlite3.Error, path: Path) -> FlawscopeError:
    """`error` as a `StorageError`, `ProjectBusyError`, `ProjectDamagedError` or `ProjectError` that names `path`."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & _PRIMARY
    if primary == sqlite3.SQLITE_FULL or (primary in _VAGUE and _is_full(path)):
        return StorageError("the disk is full", path=path, kept=_KEPT, mend="Free some space and try again")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StorageError(
            "the project cannot be written to", path=path, kept=_KEPT, mend="Check the rights of its folder"
        )
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StorageError("the project file cannot be opened", path=path, mend="Check the rights of its folder")
    if primary == sqlite3.SQLITE_IOERR:
        return StorageError("the disk reported an error", path=path, kept=_KEPT, mend="Check the disk, then try again")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ProjectBusyError(
            "another program is writing to the project", path=path, kept=_KEPT, mend="Close it and try again"
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or _reads_like_damage(error):
        return ProjectDamagedError("the project file is damaged", path=path, mend="Restore the last backup")
    return ProjectError(f"the project refused the change ({error})", path=path, kept=_KEPT)


def _is_full(path: Path) -> bool:
    try:
        return free_bytes(path.parent) < _NO_ROOM
    except OSError:
        return False


def _reads_like_damage(error: sqlite3.Error) -> bool:
    """A schema or text that cannot be parsed carries only the general error code."""
    text = str(error)
    return isinstance(error, sqlite3.OperationalError) and any(
        word in text
        for word in ("malformed", "no such table", "no such column", "Could not decode", "unsupported file")
    )


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Whatever SQLite raises inside comes out as an error that a person can read."""
    try:
        yield
    except sqlite3.Error as error:
        raise project_failure(error, path) from error
    except UnicodeDecodeError as error:
        raise ProjectDamagedError("the project file is damaged", path=path, mend="Restore the last backup") from error
