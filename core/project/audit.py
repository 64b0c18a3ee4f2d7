"""The audit trail: rows that are only ever appended, each holding the hash of the row before.

`hash = SHA-256(previous hash ‖ canonical JSON of the row)`. A chain shows every edit; it cannot show that its last rows
were cut off or that all of it was written anew, so its head stands on every report and package (an anchor) and `verify`
takes such a head.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Literal

from core.cells import escape_cell
from core.project.records import AuditRow

GENESIS: Final = bytes(32)
COLUMNS: Final = (
    "seq",
    "at",
    "utc_offset",
    "elapsed",
    "who",
    "account",
    "workstation",
    "version",
    "action",
    "subject",
    "subject_id",
    "before",
    "after",
    "reason",
)
_SELECT: Final = f"SELECT {', '.join(COLUMNS)}, previous, hash FROM audit"


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces and no NaN: equal values give equal text on every machine."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def row_hash(previous: bytes, row: Mapping[str, object]) -> bytes:
    """SHA-256 over the hash before and the canonical JSON of the fields in `COLUMNS`."""
    text = canonical({name: row[name] for name in COLUMNS})
    return hashlib.sha256(previous + text.encode()).digest()


def head(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Number and hash of the last row; (0, 32 zero bytes) for an empty trail."""
    row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (0, GENESIS) if row is None else (int(row[0]), bytes(row[1]))


def chain_breaks(connection: sqlite3.Connection, *, anchor: bytes | None = None) -> list[str]:
    """What is wrong with the trail, in sentences; empty when it is whole and holds `anchor` (a head seen earlier)."""
    found: list[str] = []
    previous, expected = GENESIS, 1
    anchored = anchor is None or anchor == GENESIS
    for values in connection.execute(f"{_SELECT} ORDER BY seq"):
        row = dict(zip(COLUMNS, values, strict=False))
        stored_previous, stored = bytes(values[-2]), bytes(values[-1])
        if row["seq"] != expected:
            found.append(f"audit rows {expected} to {row['seq'] - 1} are missing")
        if stored_previous != previous:
            found.append(f"audit row {row['seq']} does not follow the row before it")
        try:
            intact = row_hash(stored_previous, row) == stored
        except (TypeError, ValueError):
            intact = False
        if not intact:
            found.append(f"audit row {row['seq']} was changed after it was written")
        anchored = anchored or stored == anchor
        previous, expected = stored, row["seq"] + 1
    if not anchored:
        found.append("the audit trail does not hold the given head: rows were cut off or written anew")
    return found


def rows(
    connection: sqlite3.Connection,
    *,
    after: int = 0,
    limit: int = 1000,
    subject: str | None = None,
    subject_id: int | None = None,
) -> list[AuditRow]:
    """Up to `limit` rows behind number `after`, oldest first."""
    where = ["seq > ?"]
    values: list[Any] = [after]
    if subject is not None:
        where.append("subject = ?")
        values.append(subject)
    if subject_id is not None:
        where.append("subject_id = ?")
        values.append(subject_id)
    query = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?"
    return [_record(values) for values in connection.execute(query, [*values, limit])]


def export_text(trail: Iterator[AuditRow] | Sequence[AuditRow], form: Literal["csv", "json"]) -> Iterator[str]:
    """The trail as CSV (a spreadsheet runs none of it) or as JSON, one line a row, in pieces to be written in turn."""
    if form == "json":
        yield "[\n"
        for index, row in enumerate(trail):
            yield (",\n" if index else "") + json.dumps(asdict(row), ensure_ascii=False)
        yield "\n]\n"
        return
    yield _csv_line([*COLUMNS, "hash"])
    for row in trail:
        fields = asdict(row)
        yield _csv_line([fields[name] for name in (*COLUMNS, "hash")])


def _csv_line(values: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([escape_cell(value) for value in values])
    return line.getvalue()


def _record(values: Sequence[Any]) -> AuditRow:
    fields = dict(zip(COLUMNS, values, strict=False))
    return AuditRow(**fields, hash=bytes(values[-1]).hex())
