"""Faults at the n-th operation of a project's writer, once or for good: a disk that is full, read-only or broken."""

from __future__ import annotations

import sqlite3
from typing import Any

from core.project import Project


class FaultyDisk:
    """Stands before the writing connection of an open project; counts what it is asked for, and refuses some of it."""

    def __init__(self, project: Project, code: int = sqlite3.SQLITE_FULL) -> None:
        assert project._writer is not None
        self._writer = project._writer
        self._real = self._writer._connection
        self._writer._connection = self  # type: ignore[assignment]
        self.code = code
        self.count = 0  # operations asked for since `fail`
        self._first: int | None = None
        self._lasts = False

    def fail(self, first: int = 1, *, lasts: bool = True) -> None:
        """Refuse the operation number `first` from now on (1: the next one), and with `lasts` all behind it."""
        self.count, self._first, self._lasts = 0, first, lasts

    def mend(self) -> None:
        """The disk works again."""
        self._first = None

    def remove(self) -> None:
        """The real connection alone."""
        self._writer._connection = self._real

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._strike()
        return self._real.execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._strike()
        return self._real.executemany(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def _strike(self) -> None:
        self.count += 1
        if self._first is not None and (self.count == self._first or (self._lasts and self.count > self._first)):
            error = sqlite3.OperationalError("low-level words")
            error.sqlite_errorcode = self.code
            raise error
