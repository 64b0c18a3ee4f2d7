"""What every part of the store stands on: folder, file, who works, one way to write and one to read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from core.errors import ProjectError, ProjectNewerError
from core.project.database import SCHEMA_VERSION, Readers
from core.project.writer import Transaction, Writer, account

T = TypeVar("T")


class Store:
    """An open project file. Any thread may call; writing waits for the commit."""

    def __init__(
        self,
        file: Path,
        database: Path,
        *,
        writer: Writer | None,
        author: str | None,
        newer: bool = False,
        immutable: bool = False,
        schema: int = SCHEMA_VERSION,
    ) -> None:
        self.file = file
        self.folder = file.parent
        self.name = file.stem
        self.author = author or account()
        self.is_newer = newer
        self._schema = schema  # an older file that is open for reading only was not migrated
        self._database = database
        self._writer = writer
        self._readers = Readers(database, immutable=immutable)

    @property
    def read_only(self) -> bool:
        """Whether changes are refused."""
        return self._writer is None

    def _write(self, change: Callable[[Transaction], T]) -> T:
        if self.is_newer:
            raise ProjectNewerError(
                "the project was written by a newer Flawscope and is open for reading only",
                path=self.file,
                kept="Nothing was changed",
                mend="Install the newer version to work on it",
            )
        if self._writer is None:
            raise ProjectError("the project is open for reading only", path=self.file, kept="Nothing was changed")
        return self._writer.run(change, self.author)

    def _read(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._readers.borrow()

    def absolute(self, relative: str) -> Path:
        """A place inside the project's folder."""
        return self.folder / relative

    def _root_path(self, stored: str, relative: int) -> Path:
        """Where a root lies now: relative ones move with the project's folder."""
        return Path(os.path.normpath(self.folder / stored)) if relative else Path(stored)
