"""One import or rescan on its way into the store, batch by batch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.errors import InputError
from core.project.audit import canonical
from core.project.records import AddReport, NewImage
from core.project.things import ensure_class, ensure_view
from core.project.writer import Transaction

_EXAMPLES: Final = 20
_CACHE: Final = 50_000  # lots remembered; beyond that they are looked up again, so that memory stays flat
_COUNTS: Final = ("new", "changed", "known", "back", "problems", "moved_to_part")


_INSERT: Final = """INSERT INTO image (view_id, part_id, root_id, path, size, mtime_ns, sha256, width, height, channels,
    bits, camera, taken, split, label, class_id, problem) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class Prepared(NamedTuple):
    """A row with what was seen of its file."""

    row: NewImage
    relative: str
    size: int | None
    mtime_ns: int | None
    problem: str


@dataclass
class Intake:
    """What one import carries from batch to batch. Only `prepare` and `relative` run outside the writer."""

    root_id: int
    root: Path
    source: str
    complete: bool
    is_fresh: bool = False
    views: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # view id, product id
    lots: dict[tuple[int, str], int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    changed: list[str] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self._prefix = os.path.join(self.root, "")  # noqa: PTH118 - a Path drops the separator at its end

    def relative(self, path: Path) -> str:
        """`path` below the root, posix. Raises `InputError` when it lies elsewhere."""
        text = os.fspath(path if path.is_absolute() else path.absolute())
        if not text.startswith(self._prefix) or f"{os.sep}..{os.sep}" in text:
            raise InputError(f"the image does not lie below {self.root}", path=path)
        inside = text[len(self._prefix) :]
        return inside if os.sep == "/" else inside.replace(os.sep, "/")

    def prepare(self, row: NewImage) -> Prepared:
        """`row` with its place below the root, size and time; a file that cannot be looked at carries a problem."""
        size, mtime_ns, problem = row.size, row.mtime_ns, row.problem
        if size is None or mtime_ns is None:
            try:
                facts = row.path.stat()
                size, mtime_ns = facts.st_size, facts.st_mtime_ns
            except OSError as error:
                problem = problem or f"cannot be read ({error.strerror})"
        return Prepared(row, self.relative(row.path), size, mtime_ns, problem)

    def begin(self, tx: Transaction) -> None:
        """Forget what an earlier import has seen."""
        tx.execute("CREATE TEMP TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY)")
        tx.execute("DELETE FROM temp.seen")
        tx.audit("import begins", "root", self.root_id, after={"source": self.source})

    def add(self, tx: Transaction, *, rows: Sequence[Prepared], hashes: Mapping[str, str]) -> None:
        """One batch in one transaction; counts move on only when nothing fails."""
        counts, changed, digest = dict(self.counts), list(self.changed), self.digest.copy()
        batch = hashlib.sha256()
        try:
            for item in rows:
                line = self._add_row(tx, item, hashes)
                batch.update(line)
                self.digest.update(line)
        except BaseException:
            self.counts, self.changed, self.digest = counts, changed, digest
            for remembered in (self.views, self.lots, self.classes):
                remembered.clear()  # what they name was rolled back
            raise
        added = {name: self.counts[name] - counts[name] for name in _COUNTS}
        tx.audit("add images", "root", self.root_id, after={**added, "digest": batch.hexdigest()})

    def finish(self, tx: Transaction) -> AddReport:
        """Mark what did not come as gone (when all was listed) and close the import."""
        gone = self._mark_gone(tx) if self.complete else []
        counts = {**self.counts, "gone": len(gone)}
        digest = self.digest.digest()
        tx.insert(
            "import", root_id=self.root_id, at=tx.now, source=self.source, counts=canonical(counts), digest=digest
        )
        tx.execute("DELETE FROM temp.seen")
        tx.audit("import ends", "root", self.root_id, after={**counts, "digest": digest.hex()})
        return AddReport(
            **counts, changed_examples=tuple(self.changed[:_EXAMPLES]), gone_examples=tuple(gone[:_EXAMPLES])
        )

    def _mark_gone(self, tx: Transaction) -> list[str]:
        views = ",".join(str(view_id) for view_id, _ in self.views.values()) or "NULL"
        missing = f"""FROM image WHERE root_id = ? AND state <> 'gone' AND view_id IN ({views})
            AND id NOT IN (SELECT id FROM temp.seen)"""
        gone = [row[0] for row in tx.execute(f"SELECT path {missing} ORDER BY id", [self.root_id])]
        tx.execute(f"UPDATE image SET state = 'gone' WHERE id IN (SELECT id {missing})", [self.root_id])
        return gone

    def _add_row(self, tx: Transaction, item: Prepared, hashes: Mapping[str, str]) -> bytes:
        row, relative, size, mtime_ns, problem = item
        try:
            line = f"{row.product}\t{row.view}\t{relative}\t{size}\t{mtime_ns}\n".encode()
        except UnicodeEncodeError:  # a name that is no text on this system: listed, never lost silently
            name = relative.encode(errors="backslashreplace").decode()
            return self._problem(tx, name, "the file's name is not valid text: rename it and add the folder again")
        if problem:
            self._problem(tx, str(row.path), problem)
        view_id, product_id = self._view(tx, row)
        old = tx.execute(
            "SELECT id, size, mtime_ns, sha256, state FROM image WHERE root_id = ? AND path = ? AND view_id = ?",
            (self.root_id, relative, view_id),
        ).fetchone()
        if old is None:
            image_id = self._new(tx, item, view_id, product_id)
        else:
            image_id = int(old[0])
            self._met_again(tx, item, old, hashes.get(relative))
        if self.complete:
            tx.execute("INSERT OR IGNORE INTO temp.seen (id) VALUES (?)", (image_id,))
        return line

    def _new(self, tx: Transaction, item: Prepared, view_id: int, product_id: int) -> int:
        self.counts["new"] += 1
        row, relative, size, mtime_ns, problem = item
        part_id, split = self._part(tx, row, relative, product_id)
        sha = bytes.fromhex(row.sha256) if row.sha256 else None
        class_id = self._class(tx, row.defect_class)
        values = (
            *(view_id, part_id, self.root_id, relative, size, mtime_ns, sha, row.width, row.height, row.channels),
            *(row.bits, row.camera, row.taken, split, row.label, class_id, problem),
        )
        return int(tx.execute(_INSERT, values).lastrowid or 0)

    def _met_again(self, tx: Transaction, item: Prepared, old: Sequence[Any], rehashed: str | None) -> None:
        image_id, size, mtime_ns, stored, state = old
        row = item.row
        sha = row.sha256 or rehashed
        both = stored is not None and sha is not None
        same_bytes = both and bytes(stored).hex() == sha
        touched = (size, mtime_ns) != (item.size, item.mtime_ns)
        if (both or touched) and not same_bytes:
            self.counts["changed"] += 1
            if len(self.changed) < _EXAMPLES:
                self.changed.append(item.relative)
            facts = (item.size, item.mtime_ns, bytes.fromhex(sha) if sha else None)
            header = (row.width, row.height, row.channels, row.bits)
            tx.execute(
                "UPDATE image SET state = 'changed', size = ?, mtime_ns = ?, sha256 = ?, pixels_sha256 = NULL, "
                "phash = NULL, width = ?, height = ?, channels = ?, bits = ?, problem = ? WHERE id = ?",
                (*facts, *header, item.problem, image_id),
            )
        elif state == "gone":
            self.counts["back"] += 1
            tx.execute("UPDATE image SET state = 'present' WHERE id = ?", (image_id,))
        else:
            self.counts["known"] += 1
            if touched:
                tx.execute("UPDATE image SET mtime_ns = ? WHERE id = ?", (item.mtime_ns, image_id))

    def _view(self, tx: Transaction, row: NewImage) -> tuple[int, int]:
        key = (row.product, row.view)
        if key not in self.views:
            self.views[key] = ensure_view(tx, row.product, row.view)
        return self.views[key]

    def _class(self, tx: Transaction, code: str) -> int | None:
        if not code:
            return None
        if code not in self.classes:
            self.classes[code] = ensure_class(tx, code)
        return self.classes[code]

    def _part(self, tx: Transaction, row: NewImage, relative: str, product_id: int) -> tuple[int, str]:
        """The part's id and the split that the image gets: a part never lies in two splits."""
        key = (product_id, row.lot)
        lot_id = self.lots.get(key)
        if lot_id is None:
            tx.execute("INSERT OR IGNORE INTO lot (product_id, code) VALUES (?, ?)", key)
            lot_id = int(tx.execute("SELECT id FROM lot WHERE product_id = ? AND code = ?", key).fetchone()[0])
            if len(self.lots) >= _CACHE:
                self.lots.clear()
            self.lots[key] = lot_id
        code = row.part or relative
        cursor = tx.execute(
            "INSERT OR IGNORE INTO part (lot_id, code, station, shift, made) VALUES (?, ?, ?, ?, ?)",
            [lot_id, code, row.station, row.shift, row.taken],
        )
        if cursor.rowcount == 1:
            return int(cursor.lastrowid or 0), row.split
        part_id = int(tx.execute("SELECT id FROM part WHERE lot_id = ? AND code = ?", [lot_id, code]).fetchone()[0])
        sister = tx.execute("SELECT split FROM image WHERE part_id = ? LIMIT 1", [part_id]).fetchone()
        if sister is None or sister[0] == row.split:
            return part_id, row.split
        self.counts["moved_to_part"] += 1
        return part_id, str(sister[0])

    def _problem(self, tx: Transaction, path: str, text: str) -> bytes:
        self.counts["problems"] += 1
        known = tx.execute("SELECT 1 FROM problem WHERE path = ? AND text = ? AND NOT solved", [path, text]).fetchone()
        if known is None:
            tx.insert("problem", at=tx.now, path=path, text=text)
        return f"{path}\t{text}\n".encode(errors="replace")
