"""Thumbnails on the disk: JPEG in one SQLite file, thousands read a second. It can be deleted at any time."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sqlite3
import threading
from pathlib import Path
from typing import Final

from core.imaging import Window
from core.words import Box

_log = logging.getLogger(__name__)
_QUOTA: Final = 2 * 1024**3
_LOOK_EVERY: Final = 2_000  # writes between two looks at the size
_TABLE: Final = "CREATE TABLE IF NOT EXISTS thumbnail (id INTEGER PRIMARY KEY, key BLOB UNIQUE, data BLOB NOT NULL)"


def key_of(path: Path, facts: os.stat_result, level: int, window: Window | None, box: Box | None) -> bytes:
    """A thumbnail is another one when the file, its time or size, the window/level or the region changed."""
    shown = (os.fspath(path), facts.st_mtime_ns, facts.st_size, level, window, box)
    return hashlib.blake2b(repr(shown).encode("utf-8", "surrogateescape"), digest_size=16).digest()


class ThumbnailCache:
    """Any thread may call. A damaged file is begun anew; where nothing can be written it holds nothing."""

    def __init__(self, file: Path | None, *, read_only: bool = False, quota: int = _QUOTA) -> None:
        self._gate = threading.Lock()
        self._file = file
        self._read_only = read_only
        self._quota = quota
        self._written = 0
        self._connection: sqlite3.Connection | None = None
        if file is not None:
            self._open(file)

    def get(self, key: bytes) -> bytes | None:
        """The bytes of `key`, or None."""
        with self._gate:
            if self._connection is None:
                return None
            try:
                row = self._connection.execute("SELECT data FROM thumbnail WHERE key = ?", [key]).fetchone()
            except sqlite3.Error as error:
                self._give_up(error)
                return None
        return None if row is None else bytes(row[0])

    def put(self, key: bytes, data: bytes) -> None:
        """Keep `data`, when this file can be written."""
        with self._gate:
            if self._connection is None or self._read_only:
                return
            try:
                statement = "INSERT OR REPLACE INTO thumbnail (key, data) VALUES (?, ?)"
                self._connection.execute(statement, [key, data])
                self._written += 1
                if self._written % _LOOK_EVERY == 0:
                    self._trim(self._connection)
            except sqlite3.Error as error:
                self._give_up(error)

    def empty(self) -> None:
        """Forget everything and give the space back."""
        with self._gate:
            if self._connection is None or self._read_only:
                return
            try:
                self._connection.execute("DELETE FROM thumbnail")
                self._connection.execute("VACUUM")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                self._give_up(error)

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        with self._gate:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):  # a cache that cannot be folded in is read as it is
                    connection.close()

    def _open(self, file: Path) -> None:
        for attempt in range(2):
            try:
                self._connection = self._connect(file)
                return
            except (sqlite3.Error, OSError) as error:
                _log.info("The cache of thumbnails %s cannot be used: %s", file, error)
                if attempt or self._read_only or type(error) is not sqlite3.DatabaseError:
                    return  # locked, or a place where nothing can be written: only a damaged file is begun anew
                with contextlib.suppress(OSError):  # begun anew where that is possible
                    for suffix in ("", "-wal", "-shm"):
                        file.with_name(file.name + suffix).unlink(missing_ok=True)

    def _connect(self, file: Path) -> sqlite3.Connection:
        if self._read_only:
            uri = f"{file.resolve().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA busy_timeout = 200")
            if self._read_only:
                connection.execute("SELECT count(*) FROM thumbnail WHERE id < 2")
            else:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(_TABLE)
                self._trim(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _trim(self, connection: sqlite3.Connection) -> None:
        """Over the quota the older half goes; its pages are used again."""
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        if (used - free) * size > self._quota:
            connection.execute("DELETE FROM thumbnail WHERE id <= (SELECT (min(id) + max(id)) / 2 FROM thumbnail)")

    def _give_up(self, error: sqlite3.Error) -> None:
        _log.warning("The cache of thumbnails is not used any more: %s", error)
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
