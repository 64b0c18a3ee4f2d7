"""Packages whose parts import one another are read whole, by one thread, before another asks for a part of them.

Python gives a thread that asks for a part of a package that is still being read a module that is not finished: two
threads that begin at different ends fail (`KeyError: 'core.project'`), the surer the colder the disk.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Final

_PACKAGES: Final = ("core.project", "core.imaging")
_LOCK: Final = threading.Lock()


def import_packages() -> None:
    """Read them, or wait until they are read; nothing the next time."""
    with _LOCK:
        for name in _PACKAGES:
            import_module(name)
