"""The project: a folder with one SQLite file, opened by one writer at a time and any number of readers."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import InputError, ProjectDamagedError, StorageError
from core.files import atomic_writer, safe_relative
from core.project.annotations import AnnotationMethods
from core.project.backup import FOLDER, last_good_backup, restore_file
from core.project.book import BookMethods
from core.project.class_list import ClassListMethods
from core.project.conflicts import ConflictMethods
from core.project.database import APPLICATION_ID, SCHEMA_VERSION, SUFFIX, inspect, locate, schema_sql
from core.project.failures import project_failure, speaking_of
from core.project.images import ImageMethods
from core.project.keeping import KeepingMethods
from core.project.labels import LabelMethods
from core.project.lock import Owner, ProjectLock
from core.project.looking import LookMethods
from core.project.merging import MergeMethods
from core.project.migrations import migrate
from core.project.review import ReviewMethods
from core.project.revisions import RevisionMethods
from core.project.roi import RoiMethods
from core.project.share import WorkingCopy, is_network_share
from core.project.table import TableMethods
from core.project.things import ThingMethods
from core.project.trainings import TrainingMethods
from core.project.undo import UndoMethods
from core.project.units import UnitMethods
from core.project.writer import Transaction, Writer, account


class Project(
    MergeMethods,
    ConflictMethods,
    ThingMethods,
    ClassListMethods,
    BookMethods,
    ImageMethods,
    TableMethods,
    LabelMethods,
    LookMethods,
    AnnotationMethods,
    RoiMethods,
    RevisionMethods,
    TrainingMethods,
    ReviewMethods,
    UnitMethods,
    UndoMethods,
    KeepingMethods,
):
    """An open project. Any thread may call it; every change is on the disk, with its audit row, when the call returns.

    Use it in a `with` block, or `close` it: a clean close folds the write-ahead log into the file.
    """

    _lock: ProjectLock | None = None
    _copy: WorkingCopy | None = None
    crashed: Owner | None = None  # whose process held the project last and ended without closing it

    @classmethod
    def create(
        cls, folder: Path, name: str | None = None, *, author: str | None = None, local_copy: bool | None = None
    ) -> Self:
        """Make NAME.flawscope in `folder` and open it. Raises `InputError` when there is one, `StorageError`."""
        folder = folder.absolute()
        if name is not None and len(safe_relative(name).parts) != 1:
            raise InputError(f"{name!r} is no name for a project", mend="Use a name without slashes")
        if any(folder.glob(f"*{SUFFIX}")):
            raise InputError("there is a project here already", path=folder, kept="It was left as it is")
        _make(folder / f"{name or folder.name}{SUFFIX}", author or account())
        return cls.open(folder, author=author, local_copy=local_copy)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        author: str | None = None,
        thorough: bool = False,
        local_copy: bool | None = None,
    ) -> Self:
        """Open a project by its file or folder; `local_copy` None: as `core.project.share` finds necessary.

        A newer schema opens for reading only. Raises `InputError` (no project), `ProjectBusyError` (open elsewhere and
        `read_only` not asked for), `ProjectDamagedError` (it names the last good backup), `StorageError`.
        """
        file = locate(path)
        shared = is_network_share(file) if local_copy is None else local_copy
        if read_only:
            version = _inspected(file, file, thorough, immutable=shared)
            newer = version > SCHEMA_VERSION
            return cls(file, file, writer=None, author=author, newer=newer, immutable=shared, schema=version)
        lock = ProjectLock(file, author or account())
        try:
            project = cls._open_locked(file, WorkingCopy.of(file) if shared else None, author, thorough)
        except BaseException:
            lock.release()
            raise
        project.crashed = lock.left_by
        if project.read_only:
            lock.release()
        else:
            project._lock = lock
        return project

    @classmethod
    def _open_locked(cls, file: Path, copy: WorkingCopy | None, author: str | None, thorough: bool) -> Self:
        if copy is not None:
            copy.fetch()
        database = file if copy is None else copy.local
        version = _inspected(database, file, thorough)
        if version > SCHEMA_VERSION:
            return cls(file, database, writer=None, author=author, newer=True)
        if version < SCHEMA_VERSION:
            migrate(database, version, place=file.parent / FOLDER)
        try:
            writer = Writer(database)
        except sqlite3.Error as error:
            raise project_failure(error, file) from error
        project = cls(file, database, writer=writer, author=author)
        project._copy = copy
        return project

    def close(self) -> None:
        """Finish what is queued, make a rolling backup when one is due, let go of the project. May be called twice.

        A project on a share is published now; raises `StorageError` when that fails, and keeps the local copy.
        """
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                self.backup_if_due()
        finally:
            self._readers.close()
            try:
                if writer is not None:
                    folded = writer.close()
                    if self._copy is not None:
                        self._publish(self._copy, folded)
            finally:
                if self._lock is not None:
                    self._lock.release()

    def _publish(self, copy: WorkingCopy, folded: bool) -> None:
        if not folded:
            raise StorageError(
                "the project could not be published: the disk of the local copy is full",
                path=self.file,
                kept=f"Your work is in {copy.local}",
                mend="Free some space, open the project once more and close it",
            )
        copy.publish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def restore_project(path: Path, backup: Path, *, author: str | None = None, reason: str = "") -> Path:
    """Put a backup in the place of a project file, damaged or not; returns where the old file was put.

    Raises `ProjectBusyError` when it is open, `ProjectDamagedError` when the backup is no good; then nothing changed.
    """
    file = locate(path)
    lock = ProjectLock(file, author or account())
    try:
        aside = restore_file(file, backup.absolute())
    finally:
        lock.release()
    with Project.open(file, author=author) as project:
        project._write(_restored(backup.name, aside.name, reason))
    return aside


def _restored(backup: str, aside: str, reason: str) -> Callable[[Transaction], None]:
    return lambda tx: tx.audit("restore", "project", after={"backup": backup, "replaced": aside}, reason=reason)


def _inspected(database: Path, file: Path, thorough: bool, *, immutable: bool = False) -> int:
    """The schema version of a whole file; a damaged one is refused with the name of the last good backup."""
    try:
        return inspect(database, thorough=thorough, immutable=immutable)
    except ProjectDamagedError as error:
        backup = last_good_backup(file)
        if backup is not None:
            error.mend = f"Restore the last good backup, {backup}"
        else:
            error.mend = "There is no good backup beside it; copy the whole folder before you try anything"
        error.kept = "Nothing was changed"
        raise


def _make(file: Path, author: str) -> None:
    """An empty project file of the current version: complete, or not there (made aside, then put in its place)."""
    with tempfile.TemporaryDirectory(prefix="flawscope-") as folder:
        draft = Path(folder) / file.name
        with speaking_of(draft), closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(
                f"BEGIN; {schema_sql()} PRAGMA application_id = {APPLICATION_ID};"
                f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
            transaction = Transaction(connection, author, lambda: 0.0)
            words = {"id": str(uuid.uuid4()), "name": file.stem, "created": transaction.now}
            transaction.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(words.items()))
            transaction.audit("create project", "project", after=words)
        with atomic_writer(file) as stream, draft.open("rb") as source:
            shutil.copyfileobj(source, stream)
