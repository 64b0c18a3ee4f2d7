"""Images in the store: adding a folder or tomorrow's lot, listing, relocating, hashing."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from core.errors import InputError, ProjectError
from core.files import sha256_of
from core.project.audit import canonical
from core.project.base import Store
from core.project.intake import Intake, Prepared
from core.project.records import AddReport, Count, ImageRow, NewImage, Problem, Root
from core.project.writer import Transaction
from core.words import Label, Split

_BATCH: Final = 4000
_PAGE: Final = 2000

_SELECT: Final = """
SELECT image.id, root.path, root.relative, image.path, root.id, product.code, view.code, view.id, part.code, part.id,
       lot.code, image.split, image.label, coalesce(defect_class.code, ''), image.size, image.mtime_ns, image.sha256,
       image.width, image.height, image.channels, image.bits, image.camera, part.station, part.shift, image.taken,
       image.state, image.problem
FROM image
JOIN root ON root.id = image.root_id
JOIN view ON view.id = image.view_id
JOIN product ON product.id = view.product_id
JOIN part ON part.id = image.part_id
JOIN lot ON lot.id = part.lot_id
LEFT JOIN defect_class ON defect_class.id = image.class_id
"""


class ImageMethods(Store):
    """Images, their folders and their problems."""

    def add_images(
        self, rows: Iterable[NewImage], *, root: Path, source: str = "import", complete: bool = False
    ) -> AddReport:
        """Add files below `root`, or meet them again (the same folder, a later day).

        Known files whose size, time or hash differ are marked changed and hashed anew; with `complete` (the rows are
        all there is below `root` for the views they name) files that no longer come are marked gone. Streams: one
        transaction and one audit row for every few thousand rows. Raises `StorageError`; batches before it stay, and
        adding the same folder again goes on from there.
        """
        job = Intake(self.add_root(root), root.absolute(), source, complete)
        self._write(job.begin)
        stream = iter(rows)
        while batch := list(itertools.islice(stream, _BATCH)):
            prepared = [job.prepare(row) for row in batch]
            known = self._rehashed(job, prepared)
            self._write(functools.partial(job.add, rows=prepared, hashes=known))
        return self._write(job.finish)

    def add_root(self, folder: Path) -> int:
        """Declare a folder of images and return its id; a folder declared before keeps its own."""
        folder = folder.absolute()
        stored, relative = self._stored_root(folder)
        with self._read() as db:
            row = db.execute("SELECT id FROM root WHERE path = ?", [stored]).fetchone()
        if row is not None:
            return int(row[0])

        def change(tx: Transaction) -> int:
            root_id = tx.insert("root", path=stored, relative=relative)
            tx.audit("add folder", "root", root_id, after={"path": stored})
            return root_id

        return self._write(change)

    def roots(self) -> list[Root]:
        """Declared folders, with how many images each holds and whether it is there now."""
        query = "SELECT id, path, relative, (SELECT count(*) FROM image WHERE root_id = root.id) FROM root ORDER BY id"
        with self._read() as db:
            rows = db.execute(query).fetchall()
        return [Root(row[0], path := self._root_path(row[1], row[2]), row[3], path.is_dir()) for row in rows]

    def relocate(self, root_id: int, folder: Path, *, reason: str = "") -> None:
        """The images of a root now lie below `folder`. Raises `InputError` when none of the first ones does."""
        folder = folder.absolute()
        with self._read() as db:
            first = db.execute("SELECT path FROM image WHERE root_id = ? LIMIT 50", [root_id]).fetchall()
        if first and not any((folder / row[0]).is_file() for row in first):
            raise InputError("the images are not here", path=folder, mend=f"Choose the folder that holds {first[0][0]}")
        stored, relative = self._stored_root(folder)

        def change(tx: Transaction) -> None:
            before = tx.execute("SELECT path FROM root WHERE id = ?", [root_id]).fetchone()
            if before is None:
                raise ProjectError(f"there is no image folder {root_id}", path=self.file)
            tx.execute("UPDATE root SET path = ?, relative = ? WHERE id = ?", [stored, relative, root_id])
            tx.audit("relocate", "root", root_id, before=before[0], after=stored, reason=reason)

        self._write(change)

    def images(
        self,
        *,
        product: str | None = None,
        view: str | None = None,
        lot: str | None = None,
        split: Split | Sequence[Split] | None = None,
        label: Label | Sequence[Label] | None = None,
        ids: Iterable[int] | None = None,
        root_id: int | None = None,
        present_only: bool = False,
    ) -> Iterator[ImageRow]:
        """Images in the order in which they came, streamed; each page is a short read."""
        where = ["image.id > ?"]
        values: list[Any] = []
        for column, wanted in (("product.code", product), ("view.code", view), ("lot.code", lot)):
            if wanted is not None:
                where.append(f"{column} = ?")
                values.append(wanted)
        for column, several in (("image.split", split), ("image.label", label), ("image.id", ids)):
            if several is not None:
                where.append(f"{column} IN (SELECT value FROM json_each(?))")
                values.append(json.dumps([several] if isinstance(several, str) else list(several)))
        if root_id is not None:
            where.append("image.root_id = ?")
            values.append(root_id)
        if present_only:
            where.append("image.state <> 'gone'")
        query = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY image.id LIMIT {_PAGE}"
        last = 0
        while True:
            with self._read() as db:
                page = db.execute(query, [last, *values]).fetchall()
            roots: dict[int, Path] = {}
            for row in page:
                yield self._image_row(row, roots)
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    def image(self, image_id: int) -> ImageRow:
        """One image. Raises `ProjectError` when there is none."""
        for row in self.images(ids=[image_id]):
            return row
        raise ProjectError(f"there is no image {image_id}", path=self.file)

    def find_image(self, path: Path) -> list[ImageRow]:
        """Images whose file is `path` (one a view), by absolute path."""
        found: list[int] = []
        for root in self.roots():
            if path.absolute().is_relative_to(root.path):
                relative = path.absolute().relative_to(root.path).as_posix()
                with self._read() as db:
                    query = "SELECT id FROM image WHERE root_id = ? AND path = ?"
                    found += [row[0] for row in db.execute(query, [root.id, relative])]
        return list(self.images(ids=found)) if found else []

    def counts(self, product: str | None = None) -> list[Count]:
        """Images and parts by product, view, lot, split, label and defect class; without those that are gone."""
        query = """SELECT product.code, view.code, lot.code, image.split, image.label, coalesce(defect_class.code, ''),
            count(*), count(DISTINCT image.part_id) FROM image JOIN view ON view.id = image.view_id
            JOIN product ON product.id = view.product_id JOIN part ON part.id = image.part_id
            JOIN lot ON lot.id = part.lot_id LEFT JOIN defect_class ON defect_class.id = image.class_id
            WHERE image.state <> 'gone' AND (? IS NULL OR product.code = ?)
            GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6"""
        with self._read() as db:
            return [Count(*row) for row in db.execute(query, [product, product])]

    def unhashed(self, limit: int = 1000) -> list[ImageRow]:
        """Images whose bytes were not hashed yet."""
        query = "SELECT id FROM image WHERE sha256 IS NULL AND state <> 'gone' AND problem = '' ORDER BY id LIMIT ?"
        with self._read() as db:
            ids = [row[0] for row in db.execute(query, [limit])]
        return list(self.images(ids=ids))

    def set_hashes(self, hashes: Sequence[tuple[int, str, str | None]]) -> None:
        """Store (image id, SHA-256 of the bytes, SHA-256 of the decoded pixels or None)."""

        def change(tx: Transaction) -> None:
            tx.executemany(
                "UPDATE image SET sha256 = ?, pixels_sha256 = coalesce(?, pixels_sha256) WHERE id = ?",
                [(bytes.fromhex(sha), bytes.fromhex(pixels) if pixels else None, id_) for id_, sha, pixels in hashes],
            )
            digest = hashlib.sha256(canonical(list(hashes)).encode()).hexdigest()
            tx.audit("hash images", "image", after={"images": len(hashes), "digest": digest})

        if hashes:
            self._write(change)

    def hash_images(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Hash the bytes of whatever was not hashed yet, in the calling thread; unreadable files become problems."""
        done = 0
        while not stop() and (rows := self.unhashed(200)):
            hashes: list[tuple[int, str, str | None]] = []
            for row in rows:
                try:
                    hashes.append((row.id, sha256_of(row.path), None))
                except OSError as error:
                    self.add_problem(row.path, f"cannot be read ({error.strerror})", image_id=row.id)
            self.set_hashes(hashes)
            done += len(hashes)
        return done

    def set_sizes(self, sizes: Sequence[tuple[int, int, int, int, int]]) -> None:
        """Store (image id, width, height, channels, bits) as read from the files' headers."""

        def change(tx: Transaction) -> None:
            tx.executemany(
                "UPDATE image SET width = ?, height = ?, channels = ?, bits = ? WHERE id = ?",
                [(*values, image_id) for image_id, *values in sizes],
            )
            tx.audit("measure images", "image", after={"images": len(sizes)})

        if sizes:
            self._write(change)

    def add_problem(self, path: Path | str, text: str, *, image_id: int | None = None) -> None:
        """Keep a problem with a file; with `image_id` the image carries it too and is left out of trainings."""

        def change(tx: Transaction) -> None:
            tx.insert("problem", at=tx.now, path=str(path), text=text, image_id=image_id)
            if image_id is not None:
                tx.execute("UPDATE image SET problem = ? WHERE id = ?", [text, image_id])
            tx.audit("problem", "image", image_id, after={"path": str(path), "text": text})

        self._write(change)

    def add_problems(self, found: Sequence[tuple[str, str]]) -> None:
        """Keep several problems, each (file, what is wrong), in one transaction."""

        def change(tx: Transaction) -> None:
            for path, text in found:
                tx.insert("problem", at=tx.now, path=path, text=text)
                tx.audit("problem", "image", after={"path": path, "text": text})

        if found:
            self._write(change)

    def solve_problems(self, ids: Sequence[int]) -> None:
        """Mark problems as mended; their images carry none any more."""

        def change(tx: Transaction) -> None:
            marks = json.dumps(list(ids))
            chosen = "(SELECT value FROM json_each(?))"
            tx.execute(f"UPDATE problem SET solved = 1 WHERE id IN {chosen}", [marks])
            tx.execute(
                f"UPDATE image SET problem = '' WHERE id IN (SELECT image_id FROM problem WHERE id IN {chosen})",
                [marks],
            )
            tx.audit("solve problems", "problem", after={"ids": list(ids)})

        self._write(change)

    def problems(self, *, solved: bool = False) -> list[Problem]:
        """Problems that are open, or with `solved` all of them."""
        query = "SELECT id, at, path, text, image_id, solved FROM problem WHERE ? OR NOT solved ORDER BY id"
        with self._read() as db:
            return [
                Problem(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in db.execute(query, [solved])
            ]

    def _rehashed(self, job: Intake, rows: Sequence[Prepared]) -> dict[str, str]:
        """Hashes of known files whose time alone changed: a copied folder has the same bytes."""
        query = "SELECT size, mtime_ns FROM image WHERE root_id = ? AND path = ? AND sha256 IS NOT NULL"
        stale: list[Prepared] = []
        with self._read() as db:
            hashed = "SELECT 1 FROM image WHERE root_id = ? AND sha256 IS NOT NULL LIMIT 1"
            if job.is_fresh or db.execute(hashed, (job.root_id,)).fetchone() is None:
                job.is_fresh = True  # asked once: nothing of this folder is hashed while it is added
                return {}
            for item in rows:
                old = db.execute(query, (job.root_id, os.fsencode(item.relative).decode(errors="replace"))).fetchone()
                same_size = old is not None and old[0] == item.size and old[1] != item.mtime_ns
                if same_size and item.row.sha256 is None:
                    stale.append(item)
        found: dict[str, str] = {}
        for item in stale:
            with contextlib.suppress(OSError):  # then it counts as changed, and decoding it names the problem
                found[item.relative] = sha256_of(item.row.path)
        return found

    def _stored_root(self, folder: Path) -> tuple[str, int]:
        """A root is kept relative when it lies in or beside the project's folder: they move together."""
        near = self.folder.parent
        if near != Path(near.anchor) and folder.is_relative_to(near):
            return Path(os.path.relpath(folder, self.folder)).as_posix(), 1
        return folder.as_posix(), 0

    def _image_row(self, row: tuple[Any, ...], roots: dict[int, Path]) -> ImageRow:
        root_id = row[4]
        if root_id not in roots:
            roots[root_id] = self._root_path(row[1], row[2])
        sha = None if row[16] is None else bytes(row[16]).hex()
        values: tuple[Any, ...] = (row[0], roots[root_id] / row[3], row[3], *row[4:16], sha, *row[17:])
        return ImageRow(*values)
