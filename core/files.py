"""Whole files, written so that an old one is never lost: nothing else in Flawscope writes whole files."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Final

from core.errors import InputError, StorageError

_REPLACE_PATIENCE_S: Final = 2.0  # a virus scanner holds a fresh file for about that long on Windows
_SYNCS: Final = 8
_DEVICE_NAMES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))]
)


def storage_error(error: OSError, path: Path) -> StorageError:
    """`error` in a person's words: full, read-only, not permitted, held by another program."""
    kept = "What was stored before is unchanged"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("the disk is full", path=path, kept=kept, mend="Free some space and try again")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageError(
            "this place cannot be written to", path=path, kept=kept, mend="Choose a folder you may write in"
        )
    return StorageError(f"writing failed ({error.strerror or error})", path=path, kept=kept)


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that becomes `path` only when the block ends well: temporary beside it, fsync, rename.

    Raises `StorageError` when the disk refuses; the old file is then untouched and no temporary is left.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".fs-", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        _replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        if temporary is not None:
            with suppress(OSError):  # the disk refuses that too: its first word is the one that counts
                temporary.unlink(missing_ok=True)


def atomic_write(path: Path, data: bytes | str) -> None:
    """Replace the whole of `path` by `data` (text as UTF-8), or leave it as it was and raise `StorageError`."""
    with atomic_writer(path) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


def sync_files(paths: Iterable[Path]) -> None:
    """Force fresh files and their folders to the disk together: a few at a time share one flush. Raises `OSError`."""
    files = list(paths)
    with ThreadPoolExecutor(_SYNCS, thread_name_prefix="sync") as pool:
        list(pool.map(_sync_file, files))
        list(pool.map(_sync_folder, {path.parent for path in files}))


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes; raises `OSError`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is, or would be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def safe_relative(name: str) -> PurePosixPath:
    """`name` as a relative path that stays below its root on every system, or `InputError`.

    Refuses absolute and drive paths, `..`, NUL, reserved device names and trailing dots or spaces.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    bad = (
        not path.parts
        or path.is_absolute()
        or bool(PureWindowsPath(name).drive)
        or "\0" in name
        or any(_unsafe_part(part) for part in path.parts)
    )
    if bad:
        raise InputError(f"the name {name!r} leads outside its folder", kept="Nothing was written")
    return path


def safe_join(root: Path, name: str) -> Path:
    """`root / name`, checked: below `root` also after links are followed. Raises `InputError`."""
    target = root / safe_relative(name)
    if not target.resolve().is_relative_to(root.resolve()):
        raise InputError(f"the name {name!r} leads outside {root}", kept="Nothing was written")
    return target


def _unsafe_part(part: str) -> bool:
    return part == ".." or part.split(".")[0].lower() in _DEVICE_NAMES or part != part.rstrip(". ") or ":" in part


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _replace(source: Path, target: Path) -> None:
    deadline = time.monotonic() + _REPLACE_PATIENCE_S
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _sync_file(path: Path) -> None:
    with path.open("r+b") as stream:  # Windows flushes only what may be written
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # a folder cannot be opened there; MoveFileEx has already ordered the rename
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
