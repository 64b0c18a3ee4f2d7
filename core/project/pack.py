"""Pack for transfer: one stored (uncompressed) zip with a manifest of SHA-256 sums, and taking it apart safely."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final

from core.errors import InputError
from core.files import atomic_writer, free_bytes, safe_join, safe_relative, storage_error, sync_files
from core.project.backup import copy_database
from core.project.database import SUFFIX, inspect
from core.project.records import PackReport
from core.project.writer import Transaction, account, open_connection, program_version, utc_now

MANIFEST: Final = "manifest.json"
_SCHEMA: Final = 1
_MOST_FILES: Final = 2_000_000
_LARGEST_MANIFEST: Final = 1 << 30
_BLOCK: Final = 1 << 20


def pack_project(
    database: Path, name: str, target: Path, files: Iterable[tuple[str, Path]], *, head: str
) -> PackReport:
    """Write `target`: a verified copy of the database, `files` (name in the archive, path), the manifest last.

    Files that cannot be read are named in the report. Raises `StorageError`; the file is read back before it appears.
    """
    missing: list[str] = []
    entries: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="flawscope-") as folder:
        copy = Path(folder) / f"{name}{SUFFIX}"
        copy_database(database, copy)
        draft = target.with_name(f".{target.name}.part")
        try:
            with atomic_writer(draft) as stream, _new_archive(stream) as archive:
                for inside, path in [(copy.name, copy), *files]:
                    try:
                        entries.append(_add(archive, inside, path))
                    except FileNotFoundError:
                        missing.append(str(path))
                words = {"schema": _SCHEMA, "name": name, "head": head, "packed": utc_now(), "files": entries}
                words["version"] = program_version()
                archive.writestr(MANIFEST, json.dumps(words, ensure_ascii=False, indent=1))
            with zipfile.ZipFile(draft) as archive:
                _check_all(archive, target)
            draft.replace(target)
        except OSError as error:
            raise storage_error(error, target) from error
        finally:
            draft.unlink(missing_ok=True)
    return PackReport(target, len(entries), sum(entry["size"] for entry in entries), tuple(missing))


def unpack_project(source: Path, folder: Path) -> Path:
    """Unpack a transfer file into `folder`, which must not exist; returns the project file.

    Nothing appears unless every name, size and SHA-256 is as the manifest says. Raises `InputError`, `StorageError`.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("this folder is not empty", path=folder, mend="Name a folder that does not exist yet")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fs-", dir=folder.parent) as temporary:
            place = Path(temporary) / "project"
            place.mkdir()
            with _open(source) as archive:
                manifest = _manifest(archive, source)
                _check_room(manifest, folder, source)
                sync_files([_extract(archive, entry, place, source) for entry in manifest["files"]])
            project = place / f"{manifest['name']}{SUFFIX}"
            inspect(project)
            _point_roots_inside(project, source)
            if folder.exists():
                folder.rmdir()
            place.rename(folder)
    except OSError as error:
        raise storage_error(error, folder) from error
    return folder / project.name


def _new_archive(stream: IO[bytes]) -> zipfile.ZipFile:
    return zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True, strict_timestamps=False)


def _add(archive: zipfile.ZipFile, inside: str, path: Path) -> dict[str, Any]:
    safe_relative(inside)
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream, archive.open(zipfile.ZipInfo(inside), "w", force_zip64=True) as target:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
            target.write(block)
    return {"name": inside, "size": size, "sha256": digest.hexdigest()}


def _open(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise InputError("there is no such file", path=source) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _refused(source, "it is no transfer file, or damaged") from error


def _refused(source: Path, why: str) -> InputError:
    return InputError(f"cannot be unpacked: {why}", path=source, kept="Nothing was written", mend="Pack it again")


def _manifest(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    """The manifest, once it, the archive's table and our rules agree on every name and size."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if MANIFEST not in names or len(infos) > _MOST_FILES:
        raise _refused(source, "it is no transfer file")
    if archive.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST:
        raise _refused(source, "its list of files is too large")
    try:
        manifest = json.loads(archive.read(MANIFEST))
        sizes = {str(entry["name"]): int(entry["size"]) for entry in manifest["files"]}
        schema, name = int(manifest["schema"]), str(manifest["name"])
        sums = [str(entry["sha256"]) for entry in manifest["files"]]
    except (ValueError, KeyError, TypeError, RecursionError, zipfile.BadZipFile, NotImplementedError) as error:
        raise _refused(source, "its list of files is damaged") from error
    if schema > _SCHEMA:
        raise _refused(source, "it was packed by a newer Flawscope")
    folded = {file.casefold() for file in sizes}
    listed = len(sizes) == len(sums) == len(folded) and sorted([*sizes, MANIFEST]) == sorted(names)
    if not listed or f"{name}{SUFFIX}" not in sizes or len(safe_relative(name).parts) != 1:
        raise _refused(source, "its files are not those of its list")
    for info in infos:
        stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
        if not stored or sizes.get(info.filename, info.file_size) != info.file_size:
            raise _refused(source, f"{info.filename} is not stored as the list says")
    return dict(manifest)


def _check_room(manifest: dict[str, Any], folder: Path, source: Path) -> None:
    total = sum(int(entry["size"]) for entry in manifest["files"])
    if total > free_bytes(folder):
        raise InputError(
            f"unpacking needs {total / 1e9:.1f} GB, more than is free", path=source, kept="Nothing was written"
        )


def _extract(archive: zipfile.ZipFile, entry: dict[str, Any], place: Path, source: Path) -> Path:
    """One file into a folder that is renamed once everything in it is on the disk."""
    target = safe_join(place, entry["name"])
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        _copy_checked(archive, entry, stream, source)
    return target


def _copy_checked(archive: zipfile.ZipFile, entry: dict[str, Any], target: IO[bytes] | None, source: Path) -> None:
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(entry["name"]) as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > entry["size"]:
                    break
                digest.update(block)
                if target is not None:
                    target.write(block)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        raise _refused(source, f"{entry['name']} is damaged") from error
    if size != entry["size"] or digest.hexdigest() != entry["sha256"]:
        raise _refused(source, f"{entry['name']} is damaged")


def _check_all(archive: zipfile.ZipFile, source: Path) -> None:
    for entry in _manifest(archive, source)["files"]:
        _copy_checked(archive, entry, None, source)


def _point_roots_inside(project: Path, source: Path) -> None:
    """Folders whose images came along are now those beside the project; the trail says so."""
    with closing(open_connection(project)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        moved: dict[int, str] = {}
        for root_id, path in connection.execute("SELECT id, path FROM root").fetchall():
            if (project.parent / "images" / str(root_id)).is_dir():
                moved[root_id] = path
                inside = f"images/{root_id}"
                connection.execute("UPDATE root SET path = ?, relative = 1 WHERE id = ?", [inside, root_id])
        words = {"file": source.name, "roots": {str(key): value for key, value in moved.items()}}
        Transaction(connection, account(), lambda: 0.0).audit("unpack", "project", after=words)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
