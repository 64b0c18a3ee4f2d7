"""From one schema version to the next, after a verified backup.

Each step is a function over the writing connection inside one transaction; version n is made by `STEPS[n]` from
version n - 1. `schema.sql` holds what all of them lead to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final

from core.project.backup import make_backup
from core.project.database import SCHEMA_VERSION
from core.project.failures import speaking_of
from core.project.writer import Transaction, account, open_connection

Step = Callable[[sqlite3.Connection], None]


def _roi_is_undoable(connection: sqlite3.Connection) -> None:
    connection.execute(
        "ALTER TABLE roi_version ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1))"
    )


def _imports_are_undoable(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE mask_group (id INTEGER PRIMARY KEY, changed TEXT NOT NULL, who TEXT NOT NULL,
        source TEXT NOT NULL DEFAULT '', withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1))) STRICT"""
    )
    connection.execute("ALTER TABLE snapshot ADD COLUMN group_id INTEGER REFERENCES mask_group (id)")
    connection.execute(
        """ALTER TABLE snapshot ADD COLUMN conflict TEXT NOT NULL DEFAULT ''
        CHECK (conflict IN ('', 'open', 'mine', 'theirs', 'both'))"""
    )
    connection.execute("CREATE INDEX snapshot_conflict ON snapshot (layer_id) WHERE conflict <> ''")


STEPS: Final[Mapping[int, Step]] = MappingProxyType({2: _roi_is_undoable, 3: _imports_are_undoable})


def migrate(
    file: Path,
    version: int,
    *,
    steps: Mapping[int, Step] = STEPS,
    target: int = SCHEMA_VERSION,
    place: Path | None = None,
) -> Path:
    """Bring a project file to `target`; returns the backup made before. All steps happen, or none."""
    copy = make_backup(file, kind="migration", place=place).path
    with speaking_of(file), closing(open_connection(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for number in range(version + 1, target + 1):
                steps[number](connection)
            connection.execute(f"PRAGMA user_version = {target}")
            words = {"from": version, "to": target, "backup": copy.name}
            Transaction(connection, account(), lambda: 0.0).audit("migrate", "project", after=words)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return copy
