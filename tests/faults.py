"""Faults at the n-th operation, once or for good: a disk that is full, read-only or broken."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any

from core.project import Project


class Fault:
    """Counts operations of one kind, and refuses some of them."""

    def __init__(self) -> None:
        self.names: list[str] = []  # of the operations asked for since `fail`
        self._first: int | None = None
        self._lasts = False
        self._spares: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """Operations asked for since `fail`."""
        return len(self.names)

    def fail(self, first: int = 1, *, lasts: bool = True, spares: Collection[str] = ()) -> None:
        """Refuse the operation number `first` from now on (1: the next one), and with `lasts` all behind it.

        `spares`: what is not refused behind the first (`LOOKING`: a disk that is full or read-only can be read).
        """
        self.names, self._first, self._lasts, self._spares = [], first, lasts, frozenset(spares)

    def mend(self) -> None:
        """The disk works again."""
        self._first = None

    def strikes(self, name: str) -> bool:
        """Count an operation; whether it is refused."""
        self.names.append(name)
        number = len(self.names)
        if self._first is None or number < self._first:
            return False
        return number == self._first or (self._lasts and name not in self._spares)


class FaultyDisk(Fault):
    """Stands before the writing connection of an open project: its statements are the operations."""

    def __init__(self, project: Project, code: int = sqlite3.SQLITE_FULL) -> None:
        super().__init__()
        assert project._writer is not None
        self._writer = project._writer
        self._real = self._writer._connection
        self._writer._connection = self  # type: ignore[assignment]
        self.code = code

    def remove(self) -> None:
        """The real connection alone."""
        self._writer._connection = self._real

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._strike("execute")
        return self._real.execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._strike("executemany")
        return self._real.executemany(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def _strike(self, name: str) -> None:
        if self.strikes(name):
            error = sqlite3.OperationalError("low-level words")
            error.sqlite_errorcode = self.code
            raise error
