"""Faults at the n-th file operation, once or for good: those of SQLite itself, and those that write a rescue file.

SQLite's own are met where it asks the system (a VFS before its default one, by way of the library that Python uses);
those of Python where `core.files` and `pathlib` ask it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

import pytest

from tests.faults import Fault

LOOKING: Final = ("open", "read", "size", "lock", "map")
_NAME: Final = b"faulty"
_PLACES: Final = 19  # of sqlite3_io_methods, version 3
_Pointer, _Int, _Long = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
# place in sqlite3_io_methods (0 is the version) -> what it does, what it is called with, how it fails
_METHODS: Final = {
    2: ("read", (_Pointer, _Pointer, _Int, _Long), sqlite3.SQLITE_IOERR_READ),
    3: ("write", (_Pointer, _Pointer, _Int, _Long), sqlite3.SQLITE_FULL),
    4: ("truncate", (_Pointer, _Long), sqlite3.SQLITE_IOERR_TRUNCATE),
    5: ("sync", (_Pointer, _Int), sqlite3.SQLITE_IOERR_FSYNC),
    6: ("size", (_Pointer, _Pointer), sqlite3.SQLITE_IOERR_FSTAT),
    7: ("lock", (_Pointer, _Int), sqlite3.SQLITE_IOERR_LOCK),
    13: ("map", (_Pointer, _Int, _Int, _Int, _Pointer), sqlite3.SQLITE_IOERR_SHMMAP),
}


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = [
        *(("version", _Int), ("file_size", _Int), ("longest_path", _Int), ("next", _Pointer)),
        *(("name", ctypes.c_char_p), ("data", _Pointer), ("open", _Pointer), ("delete", _Pointer)),
        ("rest", _Pointer * 14),
    ]


_Methods = _Pointer * _PLACES
_OPEN = ctypes.CFUNCTYPE(_Int, _Pointer, _Pointer, _Pointer, _Int, _Pointer)


class _Disk:
    """The VFS, made once and never let go: files that were opened through it may outlive a test."""

    def __init__(self) -> None:
        found = ctypes.util.find_library("sqlite3")
        if found is None:
            pytest.skip("SQLite is built into this Python")
        self._library = ctypes.CDLL(found)
        self._library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._library.sqlite3_libversion.restype = ctypes.c_char_p
        if self._library.sqlite3_libversion().decode() != sqlite3.sqlite_version:
            pytest.skip(f"Python uses another SQLite than {found}")
        self._real = self._library.sqlite3_vfs_find(None)
        self.fault: Fault | None = None
        self._tables: dict[int, Any] = {}  # what SQLite calls of a kind of file -> ours
        self._kept: list[object] = []
        self._real_open = _OPEN(self._real.contents.open)
        self._open = _OPEN(self._on_open)
        self._vfs = _Vfs()
        ctypes.memmove(ctypes.byref(self._vfs), self._real, ctypes.sizeof(_Vfs))
        self._vfs.name, self._vfs.next = _NAME, None
        self._vfs.open = ctypes.cast(self._open, _Pointer)

    def place(self, *, first: bool) -> None:
        """Whether files are opened through it from now on."""
        chosen = ctypes.byref(self._vfs) if first else self._real
        assert self._library.sqlite3_vfs_register(chosen, 1) == sqlite3.SQLITE_OK

    def _on_open(self, vfs: int, name: int, file: int, flags: int, out: int) -> int:
        if self._strikes("open"):
            ctypes.cast(file, ctypes.POINTER(_Pointer))[0] = None
            return sqlite3.SQLITE_CANTOPEN
        code = self._real_open(vfs, name, file, flags, out)
        methods = ctypes.cast(file, ctypes.POINTER(_Pointer))
        if methods[0]:
            table = self._tables.get(methods[0]) or self._table(methods[0])
            methods[0] = ctypes.addressof(table)
        return int(code)

    def _table(self, real: int) -> Any:
        table = _Methods()
        ctypes.memmove(table, real, ctypes.sizeof(table))
        for place, (name, arguments, code) in _METHODS.items():
            if table[place] is None:
                continue  # a kind of file that nobody shares
            kind = ctypes.CFUNCTYPE(_Int, *arguments)
            watched = kind(self._watched(name, kind(table[place]), code))
            self._kept.append(watched)
            table[place] = ctypes.cast(watched, _Pointer).value
        self._tables[real] = table
        return table

    def _watched(self, name: str, real: Callable[..., int], code: int) -> Callable[..., int]:
        return lambda *given: code if self._strikes(name) else real(*given)

    def _strikes(self, name: str) -> bool:
        return self.fault is not None and self.fault.strikes(name)


@cache
def _disk() -> _Disk:
    return _Disk()


@contextmanager
def faults_of_sqlite() -> Iterator[Fault]:
    """Whatever SQLite does with files that are opened meanwhile is counted, and may be refused."""
    disk, fault = _disk(), Fault()
    disk.place(first=True)
    disk.fault = fault
    try:
        with sqlite3.connect("file::memory:?vfs=faulty", uri=True) as probe:  # the library is the one that Python uses
            probe.execute("SELECT 1")
        probe.close()
        yield fault
    finally:
        disk.fault = None
        disk.place(first=False)


class _Stream:
    """A file that is written to: half of what it is given may arrive."""

    def __init__(self, real: IO[bytes], fault: Fault) -> None:
        self._real, self._fault = real, fault

    def write(self, data: bytes) -> int:
        if self._fault.strikes("write"):
            self._real.write(data[: len(data) // 2])
            raise _full()
        return self._real.write(data)

    def flush(self) -> None:
        if self._fault.strikes("flush"):
            raise _full()
        self._real.flush()

    def fileno(self) -> int:
        return self._real.fileno()

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        refused = self._fault.strikes("close")
        self._real.close()
        if refused:
            raise _full()


def _full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def faults_of_files(place: Path) -> Iterator[Fault]:
    """Whatever Python does with files below `place` to write, rename or remove them is counted, and may be refused."""
    fault = Fault()
    ours: set[int] = set()  # open files below `place`

    def is_ours(what: object) -> bool:
        return what in ours if isinstance(what, int) else str(what).startswith(str(place))

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(what: Any, *rest: Any, **named: Any) -> Any:
            if is_ours(what) and fault.strikes(name):
                raise _full()
            done = real(what, *rest, **named)
            if name == "open" and is_ours(what):
                ours.add(done)
            return done

        return call

    def fdopen(handle: int, *rest: Any, **named: Any) -> Any:
        stream = real_fdopen(handle, *rest, **named)
        return _Stream(stream, fault) if handle in ours else stream

    real_fdopen = os.fdopen
    with pytest.MonkeyPatch.context() as patch:
        for name in ("open", "fsync", "mkdir", "chmod", "replace", "rename", "unlink"):
            patch.setattr(os, name, watched(name, getattr(os, name)))
        patch.setattr(os, "fdopen", fdopen)
        yield fault
