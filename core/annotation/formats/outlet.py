"""Where an export is written: what this program wrote before may be replaced, anything else only when told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from core.errors import FlawscopeError, InputError
from core.files import atomic_write, safe_join, storage_error

T = TypeVar("T")

RECORD: Final = ".flawscope-export.json"  # what was written here, with its hash
_STAYS: Final = "it is left as it is"
_FOREIGN: Final = (
    f"a file of this name that this export did not write, or that was changed since, is there: {_STAYS}. "
    "Choose an empty folder, or allow files to be replaced"
)


class Outlet:
    """A folder that is being written to. Use it with `with`: at the end it remembers what it wrote."""

    def __init__(self, folder: Path, *, overwrite: bool = False) -> None:
        self.folder = folder
        self.written = 0
        self.unchanged = 0
        self.left_out: list[tuple[Path, str]] = []
        self._overwrite = overwrite
        self._taken: set[str] = set()
        self._known = _read_record(folder / RECORD)
        self._before = dict(self._known)
        if folder.exists() and not folder.is_dir():
            raise InputError("this is a file, not a folder", path=folder, kept="Nothing was written")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Remember what was written, also when the work ended early."""
        if self._known != self._before:
            atomic_write(self.folder / RECORD, json.dumps(self._known, indent=0, ensure_ascii=False, sort_keys=True))

    def fresh(self, stem: str, ending: str, key: int) -> str:
        """`stem + ending`, with the image's number where another file of this export has that name."""
        name = stem + ending
        if name.casefold() in self._taken:
            name = f"{stem}-{key}{ending}"
        self._taken.add(name.casefold())
        return name

    def claim(self, name: str, parse: Callable[[Path], T]) -> tuple[bool, T | None]:
        """Whether `name` may be written, and what stands there now, parsed. What does not parse is never replaced."""
        target = safe_join(self.folder, name)
        try:
            if not target.exists():
                return True, None
            is_ours = self._known.get(name) == _hash(target.read_bytes())
            parsed = parse(target)
        except OSError as error:
            return self._refuse(target, f"this place cannot be written ({error.strerror or error}): {_STAYS}")
        except FlawscopeError as error:
            why = f"the file that is there does not parse ({error.what}): {_STAYS}. Move it away, then export again"
            return self._refuse(target, why)
        if not is_ours and not self._overwrite:
            return self._refuse(target, _FOREIGN)
        return True, parsed

    def put(self, name: str, data: bytes | str) -> None:
        """Write a file that was claimed. Raises `StorageError`."""
        raw = data.encode() if isinstance(data, str) else data
        if self._is_there(name, raw):
            self.unchanged += 1
        else:
            atomic_write(safe_join(self.folder, name), raw)
            self.written += 1
            self._known[name] = _hash(raw)

    def offer(self, name: str, data: bytes | str, parse: Callable[[Path], object]) -> bool:
        """Write a file whose former content does not matter, where that is allowed; whether it says `data` now."""
        raw = data.encode() if isinstance(data, str) else data
        may = self._is_there(name, raw) or self.claim(name, parse)[0]
        if may:
            self.put(name, raw)
        return may

    def _is_there(self, name: str, raw: bytes) -> bool:
        """Whether a file holds these bytes already, whoever wrote it."""
        target = safe_join(self.folder, name)
        try:
            return target.is_file() and target.stat().st_size == len(raw) and target.read_bytes() == raw
        except OSError as error:
            raise storage_error(error, target) from error

    def _refuse(self, target: Path, why: str) -> tuple[bool, None]:
        self.left_out.append((target, why))
        return False, None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read_record(path: Path) -> dict[str, str]:
    """What an earlier export wrote here; nothing where that cannot be told: then every file counts as foreign."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(name): str(one) for name, one in found.items()} if isinstance(found, dict) else {}
