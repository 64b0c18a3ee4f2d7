"""A project on a network share: a local copy while it is worked on, published on closing, never lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from core.errors import ProjectBusyError, ProjectDamagedError, ProjectError, StorageError
from core.project import NewImage, Project, share


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the local copies lie during the test."""
    place = tmp_path / "local"
    monkeypatch.setattr(share, "working_folder", lambda: place)
    return place


@pytest.fixture
def shared(tmp_path: Path, local: Path) -> Iterator[Path]:
    """A project on a (pretended) share, closed."""
    with Project.create(tmp_path / "share", "pill", local_copy=True) as project:
        rows = [NewImage(tmp_path / f"{n}.png", "pill", size=1, mtime_ns=1) for n in range(5)]
        project.add_images(rows, root=tmp_path)
    yield tmp_path / "share"


def label(folder: Path) -> str:
    with Project.open(folder, read_only=True, local_copy=True) as project:
        return project.image(1).label


def test_work_happens_in_the_copy_and_reaches_the_share_on_closing(shared: Path, local: Path) -> None:
    with Project.open(shared, local_copy=True) as project:
        project.set_label([1], "good")
        assert label(shared) == "unlabelled"
        assert project.folder == shared
        assert list(local.rglob("pill.flawscope"))
        with pytest.raises(ProjectBusyError):
            Project.open(shared, local_copy=True)
    assert label(shared) == "good"
    assert not list(local.rglob("pill.flawscope"))
    assert sorted(path.name for path in shared.iterdir()) == ["backups", "pill.flawscope"]


def crash(project: Project) -> None:
    """End like a killed process: nothing is published, the lock file stays."""
    project._copy = None
    project.close()


def test_a_crash_leaves_the_copy_and_the_next_opening_goes_on_with_it(shared: Path) -> None:
    project = Project.open(shared, local_copy=True)
    project.set_label([1], "good")
    crash(project)
    assert label(shared) == "unlabelled"
    with Project.open(shared, local_copy=True) as project:
        assert project.image(1).label == "good"
        assert project.verify().is_whole
    assert label(shared) == "good"


def test_two_sides_that_both_changed_are_both_kept_and_named(shared: Path, local: Path) -> None:
    project = Project.open(shared, local_copy=True)
    project.set_label([1], "good")
    crash(project)
    with Project.open(shared, local_copy=False) as other:
        other.set_label([1], "defective")
    with pytest.raises(ProjectError, match="unpublished changes") as caught:
        Project.open(shared, local_copy=True)
    (copy,) = local.rglob("pill.flawscope")
    assert str(copy) in str(caught.value)
    shutil.rmtree(copy.parent)
    with Project.open(shared, local_copy=True) as project:
        assert project.image(1).label == "defective"


def test_an_old_copy_without_changes_of_its_own_gives_way(shared: Path) -> None:
    crash(Project.open(shared, local_copy=True))
    with Project.open(shared, local_copy=False) as other:
        other.set_label([1], "defective")
    with Project.open(shared, local_copy=True) as project:
        assert project.image(1).label == "defective"


def test_a_damaged_file_on_the_share_is_refused_with_its_backup(shared: Path, local: Path) -> None:
    file = shared / "pill.flawscope"
    file.write_bytes(file.read_bytes()[:9000])
    with pytest.raises(ProjectDamagedError, match="backups"):
        Project.open(shared, local_copy=True)
    assert file.stat().st_size == 9000


def test_a_share_that_went_away_keeps_the_work_in_the_copy(shared: Path) -> None:
    project = Project.open(shared, local_copy=True)
    project.set_label([1], "good")
    away = shared.with_name("away")
    shared.rename(away)
    shared.write_text("no folder any more")
    with pytest.raises(StorageError):
        project.close()
    shared.unlink()
    away.rename(shared)
    with Project.open(shared, local_copy=True) as project:
        assert project.image(1).label == "good"


@pytest.mark.parametrize(
    ("mountpoint", "fstype", "expected"),
    [("/", "ext4", False), ("/mnt", "cifs", True), ("/mnt/a", "nfs4", True), ("/mnt/a/b", "fuse.sshfs", True)],
)
def test_network_file_systems_are_recognised_by_the_innermost_mount(
    monkeypatch: pytest.MonkeyPatch, mountpoint: str, fstype: str, expected: bool
) -> None:
    mounts = [SimpleNamespace(mountpoint="/", fstype="ext4", opts="rw")]
    mounts.append(SimpleNamespace(mountpoint=mountpoint, fstype=fstype, opts="rw"))
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    assert share.is_network_share(Path("/mnt/a/b/pill.flawscope")) is expected
