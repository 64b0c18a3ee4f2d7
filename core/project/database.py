"""Finding, creating, checking and reading the project file."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from core.errors import InputError, ProjectClosedError, ProjectDamagedError, ProjectError
from core.project.failures import speaking_of

SUFFIX: Final = ".flawscope"
SCHEMA_VERSION: Final = 3
APPLICATION_ID: Final = 0x466C5363  # "FlSc"
_BUSY_TIMEOUT_MS: Final = 5000


def schema_sql() -> str:
    """The statements that make an empty project of the current version."""
    return files("core.project").joinpath("schema.sql").read_text(encoding="utf-8")


def locate(path: Path) -> Path:
    """The project file meant by `path` (the file, or the folder that holds it). Raises `InputError`."""
    if path.is_dir():
        found = sorted(path.glob(f"*{SUFFIX}"))
        if len(found) == 1:
            return found[0].absolute()
        if found:
            names = ", ".join(file.name for file in found)
            raise InputError(f"this folder holds several projects ({names})", path=path, mend="Name one of them")
        raise InputError("there is no project here", path=path, mend="Import a folder of images first")
    if not path.is_file():
        raise InputError("there is no project here", path=path, mend="Check the name, or import a folder of images")
    return path.absolute()


def reader_uri(path: Path, *, immutable: bool = False) -> str:
    """How to open `path` for reading only.

    Beside a log the log must be read too. Where nothing may be written and no log lies, the file cannot change under
    us either, and SQLite must be told so because it could not make the files that readers share.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    log = path.with_name(path.name + "-wal")
    if immutable or (not os.access(path.parent, os.W_OK) and not log.exists()):
        uri += "&immutable=1"
    return uri


def connect_reader(uri: str) -> sqlite3.Connection:
    """A connection that cannot write. Raises `sqlite3.Error`."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def inspect(path: Path, *, thorough: bool = True, immutable: bool = False) -> int:
    """The schema version of a whole project file; reads only.

    Raises `ProjectDamagedError` when it fails its check, `ProjectError` when it is another program's file.
    """
    if path.stat().st_size == 0:  # SQLite would take it for new, and remove the log beside it: all that is left
        raise ProjectDamagedError("the file holds no project", path=path, mend="Restore the last backup")
    with speaking_of(path), closing(connect_reader(reader_uri(path, immutable=immutable))) as connection:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if application != APPLICATION_ID:
            if application == 0:  # an emptied file, or one whose making was cut off
                raise ProjectDamagedError("the file holds no project", path=path, mend="Restore the last backup")
            raise ProjectError("this is a file of another program", path=path)
        if version < 1:
            raise ProjectDamagedError("the file holds no project", path=path, mend="Restore the last backup")
        faults = _missing_end(connection, path) or check(connection, thorough=thorough)
        if not faults and version <= SCHEMA_VERSION:
            connection.execute("SELECT count(*) FROM meta").fetchone()
    if faults:
        raise ProjectDamagedError(f"the project file is damaged ({faults[0]})", path=path, mend="Restore a backup")
    return version


def _missing_end(connection: sqlite3.Connection, path: Path) -> list[str]:
    """A file cut inside its last page passes SQLite's check when that page was mostly empty."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        return []  # the file is shorter than the project until the log is folded in
    page = int(connection.execute("PRAGMA page_size").fetchone()[0])
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    return [] if path.stat().st_size == page * pages else ["its end is missing"]


def check(connection: sqlite3.Connection, *, thorough: bool) -> list[str]:
    """What SQLite's own check finds: pages and order only, or indexes and constraints too."""
    pragma = "integrity_check" if thorough else "quick_check"
    found = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}(10)")]
    return [] if found == ["ok"] else found


def missing_guards(connection: sqlite3.Connection) -> list[str]:
    """Triggers that keep records from being changed and are not there as this version makes them."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(schema_sql())
        wanted = dict(fresh.execute(query).fetchall())
    found = dict(connection.execute(query).fetchall())
    return [f"the guard {name} is missing or was changed" for name, sql in wanted.items() if found.get(name) != sql]


class Readers:
    """Reading connections, borrowed by whichever thread reads and handed back."""

    def __init__(self, path: Path, *, immutable: bool = False) -> None:
        self.path = path
        self._uri = reader_uri(path, immutable=immutable)
        self._idle: list[sqlite3.Connection] = []
        self._gate = threading.Lock()
        self._closed = False

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """A reading connection; SQLite's errors come out as those of `core.errors`."""
        with speaking_of(self.path):
            with self._gate:
                if self._closed:
                    raise ProjectClosedError("the project is closed", path=self.path)
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = connect_reader(self._uri)
            try:
                yield connection
            finally:
                with self._gate:
                    if self._closed:
                        connection.close()
                    else:
                        self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle; what is lent closes when it comes back."""
        with self._gate:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
