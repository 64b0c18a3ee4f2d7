"""The project: a folder with one SQLite file, opened by one writer at a time and any number of readers."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import InputError, ProjectDamagedError
from core.files import storage_error
from core.project import migrations
from core.project.annotations import AnnotationMethods
from core.project.backup import last_good_backup
from core.project.database import APPLICATION_ID, SCHEMA_VERSION, SUFFIX, inspect, locate, schema_sql
from core.project.failures import project_failure, speaking_of
from core.project.images import ImageMethods
from core.project.keeping import KeepingMethods
from core.project.labels import LabelMethods
from core.project.lock import Owner, ProjectLock
from core.project.review import ReviewMethods
from core.project.revisions import RevisionMethods
from core.project.roi import RoiMethods
from core.project.things import ThingMethods
from core.project.trainings import TrainingMethods
from core.project.undo import UndoMethods
from core.project.writer import Transaction, Writer, account


class Project(
    ThingMethods,
    ImageMethods,
    LabelMethods,
    AnnotationMethods,
    RoiMethods,
    RevisionMethods,
    TrainingMethods,
    ReviewMethods,
    UndoMethods,
    KeepingMethods,
):
    """An open project. Any thread may call it; every change is on the disk, with its audit row, when the call returns.

    Use it in a `with` block, or `close` it: a clean close folds the write-ahead log into the file.
    """

    _lock: ProjectLock | None = None
    crashed: Owner | None = None  # whose process held the project last and ended without closing it

    @classmethod
    def create(cls, folder: Path, name: str | None = None, *, author: str | None = None) -> Self:
        """Make NAME.flawscope in `folder` and open it. Raises `InputError` when there is one, `StorageError`."""
        folder = folder.absolute()
        file = folder / f"{name or folder.name}{SUFFIX}"
        if any(folder.glob(f"*{SUFFIX}")):
            raise InputError("there is a project here already", path=folder, kept="It was left as it is")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, folder) from error
        lock = ProjectLock(file, author or account())
        try:
            _make(file)
            writer = Writer(file)
        except BaseException:
            for left in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
                left.unlink(missing_ok=True)
            lock.release()
            raise
        project = cls(file, file, writer=writer, author=author)
        project._lock = lock
        project._write(_first_words(project.name))
        return project

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, author: str | None = None, thorough: bool = False) -> Self:
        """Open a project by its file or folder.

        A newer schema opens for reading only. Raises `InputError` (no project), `ProjectBusyError` (open elsewhere and
        `read_only` not asked for), `ProjectDamagedError` (it names the last good backup), `StorageError`.
        """
        file = locate(path)
        if read_only:
            newer = _inspected(file, thorough) > SCHEMA_VERSION
            return cls(file, file, writer=None, author=author, newer=newer)
        lock = ProjectLock(file, author or account())
        try:
            version = _inspected(file, thorough)
            writer = None
            if version <= SCHEMA_VERSION:
                if version < SCHEMA_VERSION:
                    migrations.migrate(file, version)
                writer = Writer(file)
        except sqlite3.Error as error:
            lock.release()
            raise project_failure(error, file) from error
        except BaseException:
            lock.release()
            raise
        project = cls(file, file, writer=writer, author=author, newer=version > SCHEMA_VERSION)
        project.crashed = lock.left_by
        if writer is None:
            lock.release()
        else:
            project._lock = lock
        return project

    def close(self) -> None:
        """Finish what is queued, make a rolling backup when one is due, let go of the project. May be called twice."""
        try:
            if self._writer is not None:
                self.backup_if_due()
        finally:
            self._readers.close()
            try:
                if self._writer is not None:
                    self._writer.close()
            finally:
                if self._lock is not None:
                    self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _inspected(file: Path, thorough: bool) -> int:
    """The schema version of a whole file; a damaged one is refused with the name of the last good backup."""
    try:
        return inspect(file, thorough=thorough)
    except ProjectDamagedError as error:
        backup = last_good_backup(file)
        if backup is not None:
            error.mend = f"Restore the last good backup, {backup}"
        else:
            error.mend = "There is no good backup beside it; copy the whole folder before you try anything"
        error.kept = "Nothing was changed"
        raise


def _make(file: Path) -> None:
    """An empty project file of the current version: complete, or not there."""
    with speaking_of(file), closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(
            f"BEGIN; {schema_sql()} PRAGMA application_id = {APPLICATION_ID};"
            f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )


def _first_words(name: str):  # type: ignore[no-untyped-def]
    def change(tx: Transaction) -> None:
        words = {"id": str(uuid.uuid4()), "name": name, "created": tx.now}
        tx.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(words.items()))
        tx.audit("create project", "project", after=words)

    return change
