"""A project on a network share: worked on in a local copy, published back.

SQLite's write-ahead log needs shared memory and dependable locks, which network file systems do not give; a rollback
journal would still trust their locks and their fsync. So the file on the share is only ever replaced as a whole, and
the project's lock file there keeps others from writing meanwhile. A crash leaves the local copy: the next opening on
the same computer goes on with it, unless somebody else has changed the file on the share since.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import platformdirs
import psutil

from core.errors import ProjectDamagedError, ProjectError
from core.files import atomic_write, atomic_writer, sha256_of, storage_error
from core.project import audit
from core.project.database import connect_reader, reader_uri
from core.project.failures import speaking_of

_NETWORK: Final = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "afpfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "webdav",
    ]
)
_NETWORK_FUSE: Final = ("fuse.sshfs", "fuse.rclone", "fuse.davfs", "fuse.gvfsd", "fuse.glusterfs", "davfs")
_BLOCK: Final = 1 << 20


def is_network_share(path: Path) -> bool:
    """Whether `path` lies on a network file system, as far as the system tells."""
    path = path.resolve()
    if path.drive.startswith("\\\\"):
        return True
    best, kind = -1, ""
    for mount in psutil.disk_partitions(all=True):
        if path.is_relative_to(mount.mountpoint) and len(mount.mountpoint) > best:
            best, kind = len(mount.mountpoint), f"{mount.fstype.lower()} {mount.opts.lower()}"
    filesystem = kind.split(" ")[0]
    return filesystem in _NETWORK or filesystem.startswith(_NETWORK_FUSE) or "remote" in kind.split(" ")[-1].split(",")


def working_folder() -> Path:
    """Where local copies lie on this computer."""
    return Path(platformdirs.user_data_path("flawscope", appauthor=False)) / "working"


@dataclass(frozen=True)
class WorkingCopy:
    """The local copy of one project on a share. The caller holds the project's lock."""

    shared: Path
    local: Path

    @classmethod
    def of(cls, shared: Path, folder: Path | None = None) -> WorkingCopy:
        """Where the local copy of `shared` lies, whether it exists or not."""
        key = hashlib.sha256(os.fsencode(shared.absolute())).hexdigest()[:16]
        return cls(shared, (folder or working_folder()) / key / shared.name)

    def fetch(self) -> bool:
        """Make the local copy; True when one with unpublished work was found and is gone on with.

        Raises `ProjectError` when both sides were changed, `StorageError`.
        """
        if self.local.exists():
            if self._is_current():
                return True
            if not self._is_contained():
                raise ProjectError(
                    "this computer holds unpublished changes, and the project was changed elsewhere since",
                    path=self.shared,
                    kept=f"Both are kept; the local one is {self.local}",
                    mend="Move the local file away to go on with the shared one",
                )
        self._remove_local()
        _copy(self.shared, self.local)
        self._note()
        return False

    def publish(self) -> None:
        """Replace the file on the share by the (closed) local copy, then remove that. Raises `StorageError`."""
        _copy(self.local, self.shared)
        self._remove_local()

    def _note(self) -> None:
        words = {"shared": str(self.shared), "sha256": sha256_of(self.shared)}
        atomic_write(self._words, json.dumps(words))

    @property
    def _words(self) -> Path:
        return self.local.with_name("base.json")

    def _is_current(self) -> bool:
        """The file on the share is still the one that the local copy began with."""
        try:
            words: Any = json.loads(self._words.read_bytes())
            return bool(words["sha256"] == sha256_of(self.shared))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _is_contained(self) -> bool:
        """All that the local copy says stands in the shared file too: nothing would be lost."""
        try:
            with speaking_of(self.local), closing(connect_reader(reader_uri(self.local))) as connection:
                last = audit.head(connection)[1]
            shared = f"{self.shared.resolve().as_uri()}?mode=ro&immutable=1"
            with speaking_of(self.shared), closing(sqlite3.connect(shared, uri=True)) as connection:
                found = connection.execute("SELECT 1 FROM audit WHERE hash = ?", [last]).fetchone()
        except ProjectDamagedError:
            return False
        return found is not None

    def _remove_local(self) -> None:
        try:
            for suffix in ("", "-wal", "-shm"):
                self.local.with_name(self.local.name + suffix).unlink(missing_ok=True)
            self._words.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, self.local) from error


def _copy(source: Path, target: Path) -> None:
    try:
        with source.open("rb") as stream, atomic_writer(target) as copy:
            while block := stream.read(_BLOCK):
                copy.write(block)
    except OSError as error:
        raise storage_error(error, source) from error
