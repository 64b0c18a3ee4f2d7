"""Backups of the project file: made by SQLite itself, verified, rolled; and putting one back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from core.errors import InputError, ProjectDamagedError
from core.files import atomic_writer, storage_error
from core.project import audit
from core.project.database import SUFFIX, check, connect_reader, inspect, reader_uri
from core.project.failures import speaking_of
from core.project.records import Backup

FOLDER: Final = "backups"
_KEPT_BY_COUNT: Final = 10
_KEPT_DAYS: Final = 14
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"
_BLOCK: Final = 1 << 20


def make_backup(file: Path, *, kind: Literal["rolling", "migration"] = "rolling", place: Path | None = None) -> Backup:
    """A verified copy in `place` (default: backups/ beside the project); the older ones are rolled.

    Raises `StorageError` when it cannot be written, `ProjectDamagedError` when the copy does not pass its check.
    """
    now = datetime.now(UTC)
    folder = place or file.parent / FOLDER
    target = folder / f"{file.stem}-{now.strftime(_STAMP)}{'-before-migration' if kind == 'migration' else ''}{SUFFIX}"
    copy_database(file, target)
    if kind == "rolling":
        _roll(list_backups(folder, file.stem), now)
    return Backup(target, now.isoformat(), target.stat().st_size, kind)


def copy_database(source: Path, target: Path) -> None:
    """A whole, verified copy of a project file that may be in use; `target` appears only when it is good."""
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, target) from error
    try:
        with speaking_of(target), closing(connect_reader(reader_uri(source))) as connection:
            before = audit.head(connection)[0]
            connection.execute("VACUUM INTO ?", [str(temporary)])
        _verify_copy(temporary, before)
        _settle(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def list_backups(folder: Path, name: str) -> list[Backup]:
    """The backups of the project called `name`, newest first."""
    found: list[Backup] = []
    for path in folder.glob(f"{name}-*{SUFFIX}"):
        stamp, _, rest = path.stem.removeprefix(f"{name}-").partition("-")
        with contextlib.suppress(ValueError):  # another project's name may begin like this one's
            at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
            kind: Literal["rolling", "migration"] = "migration" if rest else "rolling"
            found.append(Backup(path, at.isoformat(), path.stat().st_size, kind))
    return sorted(found, key=lambda backup: backup.at, reverse=True)


def last_good_backup(file: Path) -> Path | None:
    """The newest backup that passes its check."""
    for backup in list_backups(file.parent / FOLDER, file.stem):
        with contextlib.suppress(ProjectDamagedError):
            inspect(backup.path)
            return backup.path
    return None


def restore_file(file: Path, backup: Path) -> Path:
    """Put `backup` in the place of `file`, which is kept in backups/; returns where. The caller holds the lock.

    Raises `ProjectDamagedError` when the backup is no good, `InputError` when it does not exist, `StorageError`.
    """
    if not backup.is_file():
        raise InputError("there is no such backup", path=backup, kept="The project was left as it is")
    inspect(backup)
    # not beside it: a project's folder holds one project file
    aside = file.parent / FOLDER / f"{file.stem}-replaced-{datetime.now(UTC).strftime(_STAMP)}"
    try:
        aside.parent.mkdir(exist_ok=True)
        for suffix in ("", "-wal", "-shm"):  # the log belongs to the file that is put aside, never to the backup
            part = file.with_name(file.name + suffix)
            if part.exists():
                part.replace(aside.with_name(aside.name + SUFFIX + suffix))
        with atomic_writer(file) as target, backup.open("rb") as source:
            while block := source.read(_BLOCK):
                target.write(block)
    except OSError as error:
        raise storage_error(error, file) from error
    inspect(file)
    return aside.with_name(aside.name + SUFFIX)


def _verify_copy(copy: Path, rows: int) -> None:
    """`copy` passes SQLite's full check and holds at least the audit rows that were there when copying began."""
    with speaking_of(copy), closing(connect_reader(reader_uri(copy))) as connection:
        faults = check(connection, thorough=True)
        if not faults and audit.head(connection)[0] < rows:
            faults = ["the audit trail is shorter than the project's"]
    if faults:
        raise ProjectDamagedError(f"the copy is damaged ({faults[0]})", path=copy, kept="It was thrown away")


def _settle(temporary: Path, target: Path) -> None:
    """SQLite does not force the copy to the disk: do it before the name says that it is there."""
    try:
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as error:
        raise storage_error(error, target) from error


def _roll(backups: Iterable[Backup], now: datetime) -> None:
    """Keep the newest ten, and of each of the last 14 days the newest; migrations' backups stay."""
    days: set[str] = set()
    oldest = now - timedelta(days=_KEPT_DAYS)
    for index, backup in enumerate(b for b in backups if b.kind == "rolling"):
        day = backup.at[:10]
        first_of_day = day not in days and datetime.fromisoformat(backup.at) >= oldest
        days.add(day)
        if index >= _KEPT_BY_COUNT and not first_of_day:
            with contextlib.suppress(PermissionError):  # somebody looks at it: the next time
                backup.path.unlink(missing_ok=True)
