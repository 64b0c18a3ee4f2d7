"""The one thread that writes: a queue of transactions, each committed with its audit rows or not at all.

SQLite before 3.51.3 could damage a write-ahead log with two writing connections, so a project has exactly one, and the
lock file keeps other processes away.
"""

from __future__ import annotations

import getpass
import logging
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, TypeVar

from core.errors import ProjectError
from core.project import audit
from core.project.failures import project_failure

T = TypeVar("T")
_log = logging.getLogger(__name__)
_Job = tuple[Callable[["Transaction"], Any], "Future[Any]", str]
_BUSY_TIMEOUT_MS: Final = 5000


@cache
def program_version() -> str:
    """Flawscope's version as the audit trail names it."""
    try:
        return version("flawscope")
    except PackageNotFoundError:
        return "source"


@cache
def account() -> str:
    """The operating system's account."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, in a container
        return "unknown"


def utc_now() -> str:
    """Now as ISO 8601 text in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Transaction:
    """What a change sees: the connection inside its transaction, who changes, and the audit trail to tell."""

    def __init__(self, connection: sqlite3.Connection, who: str, clock: Callable[[], float]) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.who = who
        self.now = utc_now()
        self.audited = 0
        self._clock = clock

    def insert(self, table: str, **values: object) -> int:
        """Insert one row and return its id; names come from code, never from a person."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values.values()))
        return int(cursor.lastrowid or 0)

    def audit(
        self,
        action: str,
        subject: str,
        subject_id: int | None = None,
        *,
        before: object = None,
        after: object = None,
        reason: str = "",
    ) -> None:
        """Append one row to the trail, inside this transaction."""
        number, previous = audit.head(self.connection)
        offset = datetime.now().astimezone().utcoffset()
        row: dict[str, Any] = {
            "seq": number + 1,
            "at": utc_now(),
            "utc_offset": 0 if offset is None else int(offset.total_seconds() // 60),
            "elapsed": round(self._clock(), 6),
            "who": self.who,
            "account": account(),
            "workstation": socket.gethostname(),
            "version": program_version(),
            "action": action,
            "subject": subject,
            "subject_id": subject_id,
            "before": None if before is None else audit.canonical(before),
            "after": None if after is None else audit.canonical(after),
            "reason": reason,
        }
        self.insert("audit", **row, previous=previous, hash=audit.row_hash(previous, row))
        self.audited += 1


def open_connection(path: Path) -> sqlite3.Connection:
    """The writing connection: WAL, every commit on the disk, foreign keys on."""
    uri = f"{path.resolve().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",  # so that INSERT OR REPLACE meets the triggers of the audit trail
            "trusted_schema = OFF",
            "temp_store = MEMORY",
            "cache_size = -32768",  # KiB: an import of 100,000 images stays in memory between commits
        ):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


class Writer:
    """Owns the writing connection and its thread. `run` waits for the commit; `submit` hands out a future."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_connection(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._last = time.monotonic()
        self._closed = False
        self._gate = threading.Lock()  # nothing is queued behind the end
        self._thread = threading.Thread(target=self._work, name=f"writer of {path.name}", daemon=True)
        self._thread.start()

    def submit(self, change: Callable[[Transaction], T], who: str) -> Future[T]:
        """Queue `change`; the future ends when it is on the disk, or with an error of `core.errors`."""
        future: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise ProjectError("the project is closed", path=self.path, kept="Nothing was changed")
            self._jobs.put((change, future, who))
        return future

    def run(self, change: Callable[[Transaction], T], who: str) -> T:
        """Run `change` in one transaction and return what it returns once that is on the disk."""
        return self.submit(change, who).result()

    def close(self) -> bool:
        """Finish what is queued, fold the write-ahead log into the file, stop the thread.

        False when the log could not be folded in (a full disk): it stays beside the file and the next opening reads it.
        """
        with self._gate:
            if self._closed:
                return True
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        try:
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            _log.warning("The log stays beside the project: %s", project_failure(error, self.path))
            return False
        except sqlite3.Error as error:
            raise project_failure(error, self.path) from error
        finally:
            self._connection.close()
        return not busy

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            change, future, who = job
            try:
                result = self._commit(change, who)
            except sqlite3.Error as error:
                failure = project_failure(error, self.path)
                failure.__cause__ = error
                future.set_exception(failure)
            except BaseException as error:  # handed to whoever waits for it, not swallowed
                future.set_exception(error)
            else:
                future.set_result(result)
            del job, change, future

    def _commit(self, change: Callable[[Transaction], T], who: str) -> T:
        connection = self._connection
        if connection.in_transaction:  # the disk failed in the middle of taking back the last one
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(connection, who, self._elapsed)
            before = connection.total_changes
            result = change(transaction)
            if connection.total_changes != before and not transaction.audited:
                raise AssertionError("a change without an audit row")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk has rolled back already
                connection.execute("ROLLBACK")
            raise
        return result

    def _elapsed(self) -> float:
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        return elapsed
