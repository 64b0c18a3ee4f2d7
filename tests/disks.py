"""Real disks that are small, full or read-only: mounted for one test, let go whatever happens in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

_AS_ROOT_OF_ITS_OWN = ("unshare", "--user", "--map-root-user", "--mount")


def is_root() -> bool:
    """Whether this process may ask for mounts."""
    return sys.platform == "linux" and os.geteuid() == 0


@cache
def can_be_root() -> bool:
    """Whether a child may be root of a name space of its own."""
    if sys.platform != "linux" or is_root() or shutil.which("unshare") is None:
        return False
    return subprocess.run([*_AS_ROOT_OF_ITS_OWN, "true"], capture_output=True, check=False).returncode == 0


def run_as_root(item: pytest.Function) -> None:
    """Run one test in such a child."""
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow", item.nodeid]
    done = subprocess.run(
        [*_AS_ROOT_OF_ITS_OWN, *test], cwd=item.config.rootpath, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def mounted(place: Path, *arguments: str) -> Iterator[Path]:
    """A file system at `place` as long as the block lasts; the test is skipped where nobody may mount it."""
    place.mkdir(exist_ok=True)
    if not is_root() or shutil.which("mount") is None:
        pytest.skip("disks can be mounted by root on Linux only")
    done = subprocess.run(["mount", *arguments, str(place)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        let_go(place)


def let_go(place: Path) -> None:
    """Unmount, also while something is open there; nothing happens when it is unmounted already."""
    if place.is_mount() and subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode != 0:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class BreakingDisk:
    """An ext4 disk in a file. `turn_read_only` does what the system does after an error: no write gets through."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "disk"  # `folder`: of `own_folder`
        self._image = folder / "disk.img"
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("there is no mkfs.ext4 here")
        self._image.touch()
        os.truncate(self._image, 32 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """As long as the block lasts."""
        with mounted(self.place, "-o", "loop,errors=remount-ro", str(self._image)):
            yield self.place

    def turn_read_only(self) -> None:
        """While files are open there for writing, which `mount -o remount,ro` would not do."""
        subprocess.run(["mount", "-o", "remount,abort", str(self.place)], check=True)


@contextmanager
def own_folder() -> Iterator[Path]:
    """Outside pytest's own: another pytest renames old ones of those, and a disk in them would not be found again."""
    with tempfile.TemporaryDirectory(prefix="flawscope-disks-") as folder:
        yield Path(folder)


@contextmanager
def small() -> Iterator[Path]:
    """A disk of 3 MB."""
    with own_folder() as folder, mounted(folder / "disk", "-t", "tmpfs", "-o", "size=3m", "tmpfs") as place:
        yield place


def fill(folder: Path) -> Path:
    """Take all the room there is; the file that took it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream, pytest.raises(OSError, match="space"):
        while True:
            stream.write(bytes(1 << 14))
    return filler


def make_read_only(place: Path) -> None:
    """Nothing may be open there for writing."""
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def make_writable(place: Path) -> None:
    """What `make_read_only` did is taken back."""
    subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
