"""Data revisions: which images a training and its figures rest on, frozen."""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

import numpy as np

from core.errors import ProjectDamagedError, ProjectError
from core.project.base import Store
from core.project.records import Member, Revision
from core.project.writer import Transaction
from core.words import LABELS, SPLITS

_ROW: Final = np.dtype([("image", "<i8"), ("split", "u1"), ("label", "u1"), ("class", "u1")])
_SELECT: Final = """SELECT revision.id, product.code, number, at, images, lower(hex(digest)), reason
    FROM revision JOIN product ON product.id = revision.product_id"""


class RevisionMethods(Store):
    """Frozen states of a product's images, splits and labels."""

    def freeze_revision(self, product: str, reason: str = "") -> Revision:
        """The state of a product's images now; the last revision again when nothing changed since.

        Its digest covers path, bytes (where hashed), split, label and class of every image.
        """

        def change(tx: Transaction) -> int:
            row = tx.execute("SELECT id FROM product WHERE code = ?", [product]).fetchone()
            if row is None:
                raise ProjectError(f"there is no product {product}", path=self.file)
            digest, members = _members(tx, row[0])
            last = tx.execute(
                "SELECT id, number, digest FROM revision WHERE product_id = ? ORDER BY number DESC LIMIT 1", [row[0]]
            ).fetchone()
            if last is not None and bytes(last[2]) == digest:
                return int(last[0])
            number = 1 if last is None else last[1] + 1
            packed = zlib.compress(members.tobytes(), 1)
            values = {"number": number, "images": len(members), "digest": digest, "reason": reason}
            revision_id = tx.insert("revision", product_id=row[0], at=tx.now, members=packed, **values)
            after = {**values, "digest": digest.hex(), "product": product}
            tx.audit("freeze revision", "revision", revision_id, after=after, reason=reason)
            return revision_id

        return self.revision(self._write(change))

    def revision(self, revision_id: int) -> Revision:
        """One revision by id. Raises `ProjectError`."""
        with self._read() as db:
            row = db.execute(f"{_SELECT} WHERE revision.id = ?", [revision_id]).fetchone()
        if row is None:
            raise ProjectError(f"there is no data revision {revision_id}", path=self.file)
        return Revision(*row)

    def revisions(self, product: str | None = None) -> list[Revision]:
        """Revisions, oldest first."""
        query = f"{_SELECT} WHERE (? IS NULL OR product.code = ?) ORDER BY revision.id"
        with self._read() as db:
            return [Revision(*row) for row in db.execute(query, [product, product])]

    def revision_members(self, revision_id: int) -> list[Member]:
        """What every image was when the revision was frozen: before/after compares on what both revisions share."""
        with self._read() as db:
            row = db.execute("SELECT members FROM revision WHERE id = ?", [revision_id]).fetchone()
        if row is None:
            raise ProjectError(f"there is no data revision {revision_id}", path=self.file)
        try:
            rows = np.frombuffer(zlib.decompress(row[0]), _ROW)
            return [Member(int(i), SPLITS[s], LABELS[label], int(c) or None) for i, s, label, c in rows.tolist()]
        except (zlib.error, ValueError, IndexError) as error:
            raise ProjectDamagedError(f"data revision {revision_id} is damaged", path=self.file) from error


def _members(tx: Transaction, product_id: int) -> tuple[bytes, np.ndarray[tuple[int], np.dtype[np.void]]]:
    query = """SELECT image.id, split, label, coalesce(class_id, 0), root_id, path, sha256 FROM image
        JOIN view ON view.id = image.view_id WHERE product_id = ? AND state <> 'gone' ORDER BY image.id"""
    digest, rows = hashlib.sha256(), []
    for image_id, split, label, class_id, root_id, path, sha in tx.execute(query, [product_id]):
        rows.append((image_id, SPLITS.index(split), LABELS.index(label), class_id))
        digest.update(f"{image_id}\t{root_id}\t{path}\t{split}\t{label}\t{class_id}\t".encode())
        digest.update(sha or b"")
    return digest.digest(), np.array(rows, _ROW)
