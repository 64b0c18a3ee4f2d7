"""Keeping a project: its audit trail, its check, its backups, the file for transfer."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from core.annotation import masks
from core.errors import FlawscopeError, InputError
from core.files import atomic_writer, sha256_of
from core.project import audit
from core.project.backup import FOLDER, list_backups, make_backup
from core.project.base import Store
from core.project.database import check, missing_guards
from core.project.pack import pack_project
from core.project.records import AuditRow, Backup, PackReport, VerifyReport

_log = logging.getLogger(__name__)
_PAGE: Final = 1000
_BACKUP_EVERY: Final = timedelta(minutes=30)


class KeepingMethods(Store):
    """Audit, verify, backup and transfer."""

    def identity(self) -> str:
        """What tells this project from every other one, wherever it is moved; a copy of its folder has the same."""
        with self._read() as db:
            return str(db.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()[0])

    def record(self, action: str, *, after: object, reason: str = "") -> None:
        """Put something into the audit trail that changes nothing by itself."""
        self._write(lambda tx: tx.audit(action, "project", after=after, reason=reason))

    def last_change(self) -> str | None:
        """When something was changed last, ISO 8601 in UTC."""
        with self._read() as db:
            row = db.execute("SELECT at FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0])

    def audit_head(self) -> str:
        """Hash of the last row of the audit trail, hex: stands on every report and package."""
        with self._read() as db:
            return audit.head(db)[1].hex()

    def audit_rows(
        self, *, after: int = 0, subject: str | None = None, subject_id: int | None = None
    ) -> Iterator[AuditRow]:
        """The audit trail behind row `after`, oldest first, streamed."""
        while True:
            with self._read() as db:
                page = audit.rows(db, after=after, limit=_PAGE, subject=subject, subject_id=subject_id)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].seq

    def export_audit(self, target: Path, form: Literal["csv", "json"] | None = None) -> int:
        """Write the audit trail as CSV or JSON (by the file's ending); returns the number of rows."""
        chosen = form or target.suffix.lower().removeprefix(".")
        if chosen not in ("csv", "json"):
            raise InputError("the audit trail is written as .csv or .json", path=target)
        rows = 0

        def counted() -> Iterator[AuditRow]:
            nonlocal rows
            for row in self.audit_rows():
                rows += 1
                yield row

        with atomic_writer(target) as stream:
            for text in audit.export_text(counted(), "csv" if chosen == "csv" else "json"):
                stream.write(text.encode())
        return rows

    def verify(self, *, images: bool = False, head: str | None = None) -> VerifyReport:
        """Check the audit chain, the stored masks, the file and its references; with `images` also every image's bytes.

        `head` is an audit hash seen earlier (on a report, a package): the trail must hold it.
        """
        try:
            anchor = None if head is None else bytes.fromhex(head)
        except ValueError as error:
            raise InputError(f"{head!r} is no audit hash", mend="It is 64 digits and letters a to f") from error
        with self._read() as db:
            faults = check(db, thorough=True) + ([] if self.is_newer else missing_guards(db))
            rows, last = audit.head(db)
            faults += audit.chain_breaks(db, anchor=anchor)
            faults += [
                f"{row[0]} row {row[1]} names a missing {row[2]}" for row in db.execute("PRAGMA foreign_key_check")
            ]
            blobs, blob_faults = _check_masks(db)
        image_faults, checked = self._check_images() if images else ([], 0)
        return VerifyReport(rows, last.hex(), blobs, checked, tuple(faults + blob_faults), tuple(image_faults))

    def backup(self) -> Path:
        """A verified copy in backups/ beside the project; ten by number and one a day for 14 days are kept."""
        return make_backup(self._database, place=self.folder / FOLDER).path

    def backups(self) -> list[Backup]:
        """Backups of this project, newest first."""
        return list_backups(self.folder / FOLDER, self.name)

    def backup_if_due(self) -> Path | None:
        """A backup when the last is older than 30 minutes and something changed; a full disk only logs it."""
        newest = next((b for b in self.backups() if b.kind == "rolling"), None)
        if newest is not None and datetime.now(UTC) - datetime.fromisoformat(newest.at) < _BACKUP_EVERY:
            return None
        last = self.last_change()
        if last is None or (newest is not None and last <= newest.at):
            return None
        try:
            return self.backup()
        except FlawscopeError as error:
            _log.warning("No backup was made: %s", error)  # the project itself is whole and must still close
            return None

    def pack(self, target: Path, *, images: bool = False, runs: bool = True) -> PackReport:
        """One verified file for transfer: the project, its trainings and, when asked for, its images."""
        files: list[tuple[str, Path]] = []
        if images:
            for row in self.images(present_only=True):  # type: ignore[attr-defined]
                files.append((f"images/{row.root_id}/{row.relative}", row.path))
        if runs:
            folder = self.folder / "runs"
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    files.append((path.relative_to(self.folder).as_posix(), path))
        return pack_project(self._database, self.name, target, files, head=self.audit_head())

    def _check_images(self) -> tuple[list[str], int]:
        faults, checked = [], 0
        for row in self.images():  # type: ignore[attr-defined]
            if row.sha256 is None or row.state == "gone":
                continue
            checked += 1
            try:
                if sha256_of(row.path) != row.sha256:
                    faults.append(f"{row.path} is not the file that was added")
            except OSError as error:
                faults.append(f"{row.path} cannot be read ({error.strerror})")
        return faults, checked


def _check_masks(db: sqlite3.Connection) -> tuple[int, list[str]]:
    """Every stored mask has the hash it is filed under and opens; every stroke opens."""
    faults, count = [], 0
    for sha, data in db.execute("SELECT sha256, data FROM blob"):
        count += 1
        if hashlib.sha256(data).digest() != bytes(sha):
            faults.append(f"the stored mask {bytes(sha).hex()[:12]} was changed")
    for stroke_id, data in db.execute("SELECT id, delta FROM stroke"):
        try:
            masks.unpack_delta(data)
        except InputError:
            faults.append(f"stroke {stroke_id} is damaged")
    return count, faults
