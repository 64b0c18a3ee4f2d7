"""What a project does when the world is hostile: open elsewhere, damaged, newer, a full disk, a read-only place."""

from __future__ import annotations

import os
import random
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import (
    FlawscopeError,
    ProjectBusyError,
    ProjectDamagedError,
    ProjectError,
    ProjectNewerError,
    StorageError,
)
from core.project import NewImage, Project
from core.project.failures import project_failure
from core.project.lock import Owner, lock_path, read_owner, this_process
from tests import disks


def make(folder: Path, images: int = 30) -> Path:
    with Project.create(folder, "pill", author="AB") as project:
        rows = [NewImage(folder.parent / f"{n}.png", "pill", size=n, mtime_ns=n) for n in range(images)]
        project.add_images(rows, root=folder.parent)
    return folder / "pill.flawscope"


# ---------------------------------------------------------------- open elsewhere


def test_a_second_process_is_told_who_has_the_project_and_may_read(tmp_path: Path) -> None:
    make(tmp_path / "work")
    script = (
        "import sys\nfrom pathlib import Path\nfrom core.errors import FlawscopeError\n"
        "from core.project import Project\n"
        "try:\n    Project.open(Path(sys.argv[1]), author='CD')\n"
        "except FlawscopeError as error:\n    print(error.exit_code, error)\n"
        "with Project.open(Path(sys.argv[1]), read_only=True) as project:\n"
        "    print(sum(1 for _ in project.images()))\n"
    )
    with Project.open(tmp_path / "work", author="AB"):
        result = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "work")], capture_output=True, text=True, check=True
        )
    first, second = result.stdout.splitlines()
    assert first.startswith("4 ")
    assert f"{socket.gethostname()}, process {os.getpid()}, since" in first
    assert "by AB" in first
    assert second == "30"


def test_the_same_process_cannot_open_it_twice_for_writing(tmp_path: Path) -> None:
    make(tmp_path / "work")
    with Project.open(tmp_path / "work"), pytest.raises(ProjectBusyError):
        Project.open(tmp_path / "work")
    Project.open(tmp_path / "work").close()


def test_a_lock_left_by_a_crash_is_taken_over_and_told_of(tmp_path: Path) -> None:
    file = make(tmp_path / "work")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = this_process("CD")
    gone = f'{{"host": "{mine.host}", "pid": {ended.pid}, "created": 1.0, "since": "{mine.since}", "author": "CD"}}'
    lock_path(file).write_text(gone)
    with Project.open(file) as project:
        assert project.crashed is not None
        assert project.crashed.author == "CD"
    assert not lock_path(file).exists()


def test_a_process_id_used_again_does_not_hold_the_lock(tmp_path: Path) -> None:
    file = make(tmp_path / "work")
    parent = f'{{"host": "{socket.gethostname()}", "pid": {os.getppid()}, "created": 1.0, "since": "", "author": ""}}'
    lock_path(file).write_text(parent)
    Project.open(file).close()


def test_a_lock_of_another_computer_is_respected(tmp_path: Path) -> None:
    file = make(tmp_path / "work")
    lock_path(file).write_text('{"host": "line-3", "pid": 7, "created": 1.0, "since": "today", "author": "EF"}')
    with pytest.raises(ProjectBusyError, match="line-3, process 7, since today by EF") as caught:
        Project.open(file)
    assert "pill.flawscope.lock" in str(caught.value)
    assert read_owner(file) == Owner("line-3", 7, 1.0, "today", "EF")


def test_a_lock_file_full_of_nonsense_holds_nobody_out(tmp_path: Path) -> None:
    file = make(tmp_path / "work")
    lock_path(file).write_bytes(b"\xff{]")
    Project.open(file).close()


# ---------------------------------------------------------------- damaged, newer, foreign


@pytest.mark.parametrize("seed", range(24))
def test_flipped_bytes_are_refused_or_harmless_never_a_crash(tmp_path: Path, seed: int, whole: bytes) -> None:
    dice = random.Random(seed)
    damaged = bytearray(whole)
    start = dice.randrange(len(damaged)) if seed % 2 else dice.randrange(4096)
    for offset in range(dice.choice([1, 16, 400])):
        damaged[(start + offset) % len(damaged)] = dice.randrange(256)
    read_everything(tmp_path / "pill.flawscope", bytes(damaged))


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_refused_with_the_name_of_the_last_good_backup(
    tmp_path: Path, share: float, whole: bytes
) -> None:
    file = make(tmp_path / "work", images=3)
    (backup,) = (tmp_path / "work" / "backups").iterdir()
    file.write_bytes(whole[: int(len(whole) * share)])
    before = file.read_bytes()
    with pytest.raises(ProjectDamagedError) as caught:
        Project.open(file)
    assert str(backup) in str(caught.value)
    assert file.read_bytes() == before
    assert not lock_path(file).exists()


def test_an_emptied_file_is_refused_and_the_log_beside_it_left_alone(tmp_path: Path) -> None:
    file = make(tmp_path / "work", images=3)
    log = file.with_name(file.name + "-wal")
    with Project.open(file) as project:
        project.set_label([1], "good")
        kept = log.read_bytes()
    file.write_bytes(b"")
    log.write_bytes(kept)
    for read_only in (True, False):
        with pytest.raises(ProjectDamagedError):
            Project.open(file, read_only=read_only)
    assert kept and log.read_bytes() == kept


def read_everything(file: Path, content: bytes) -> None:
    """Open, read and check a project file of any content: it works, or says in its own words why not."""
    file.write_bytes(content)
    try:
        with Project.open(file) as project:
            for image in project.images():
                project.mask(image.id)
            list(project.audit_rows())
            project.verify()
            project.set_label([1], "good")
            project.undo()
    except FlawscopeError as error:
        assert isinstance(error, (ProjectDamagedError, ProjectError, StorageError)), error


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a sound project file."""
    return make(tmp_path_factory.mktemp("whole") / "work").read_bytes()


def test_a_newer_project_is_read_and_never_written(tmp_path: Path) -> None:
    file = make(tmp_path / "work")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with Project.open(file) as project:
        assert project.is_newer
        assert project.read_only
        assert sum(1 for _ in project.images()) == 30
        with pytest.raises(ProjectNewerError):
            project.set_label([1], "good")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_files_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.flawscope"
    text.write_text("this is no project " * 100)
    with pytest.raises(ProjectDamagedError):
        Project.open(text)
    foreign = tmp_path / "foreign.flawscope"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("PRAGMA application_id = 7")
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(ProjectError, match="another program"):
        Project.open(foreign)


# ---------------------------------------------------------------- full disk, read-only place


def test_a_disk_that_fills_during_an_import_leaves_the_old_state_whole(small_disk: Path) -> None:
    folder = small_disk / "work"
    root = small_disk / "pictures"
    first = [NewImage(root / f"{n}.png", "pill", size=1, mtime_ns=1, label="good") for n in range(100)]
    more = (NewImage(root / f"{n:0150d}.png", "pill", size=1, mtime_ns=1) for n in range(100, 50_000))
    with Project.create(folder, "pill") as project:
        project.add_images(first, root=root)
        with pytest.raises(StorageError, match="disk is full"):
            project.add_images(more, root=root)
        kept = sum(1 for _ in project.images())
        assert sum(1 for _ in project.images(label="good")) == 100
        assert project.verify().is_whole
        (small_disk / "work" / "pill.flawscope").stat()
    with Project.open(folder) as project:
        assert sum(1 for _ in project.images()) == kept
        assert project.verify().is_whole


def test_work_goes_on_once_there_is_room_again(small_disk: Path) -> None:
    with Project.create(small_disk / "work", "pill") as project:
        rows = [NewImage(small_disk / f"{n}.png", "pill", size=1, mtime_ns=1) for n in range(20)]
        project.add_images(rows, root=small_disk)
        filler = disks.fill(small_disk)
        with pytest.raises(StorageError, match="disk is full"):
            for n in range(1000):
                project.set_label(range(1, 21), "good" if n % 2 else "defective")
        filler.unlink()
        project.set_label([1], "unlabelled")
        assert project.image(1).label == "unlabelled"
        assert project.verify().is_whole


def test_a_project_in_a_read_only_place_can_be_read(small_disk: Path) -> None:
    make(small_disk / "work")
    disks.make_read_only(small_disk)
    with Project.open(small_disk / "work", read_only=True) as project:
        assert sum(1 for _ in project.images()) == 30
        assert project.verify().is_whole
    with pytest.raises(StorageError, match="cannot be written"):
        Project.open(small_disk / "work")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StorageError),
        (sqlite3.SQLITE_READONLY_DBMOVED, StorageError),
        (sqlite3.SQLITE_CANTOPEN, StorageError),
        (sqlite3.SQLITE_IOERR_WRITE, StorageError),
        (sqlite3.SQLITE_BUSY, ProjectBusyError),
        (sqlite3.SQLITE_LOCKED, ProjectBusyError),
        (sqlite3.SQLITE_CORRUPT, ProjectDamagedError),
        (sqlite3.SQLITE_NOTADB, ProjectDamagedError),
        (sqlite3.SQLITE_CONSTRAINT, ProjectError),
    ],
)
def test_each_refusal_of_sqlite_has_its_sentence(tmp_path: Path, code: int, kind: type[FlawscopeError]) -> None:
    error = sqlite3.OperationalError("low-level words")
    error.sqlite_errorcode = code
    failure = project_failure(error, tmp_path / "pill.flawscope")
    assert type(failure) is kind
    assert str(failure).startswith(str(tmp_path / "pill.flawscope"))
    assert str(failure).endswith(".")


def test_another_programs_write_lock_is_waited_for_then_named(tmp_path: Path) -> None:
    file = make(tmp_path / "work")
    with Project.open(file) as project:
        project._write(lambda tx: tx.execute("PRAGMA busy_timeout = 50") and None)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ProjectBusyError, match="another program"):
                project.set_label([1], "good")
            other.execute("ROLLBACK")
        project.set_label([1], "good")


def test_a_clean_close_leaves_one_file_and_a_closed_project_says_so(tmp_path: Path) -> None:
    file = make(tmp_path / "work")
    project = Project.open(file)
    project.set_label([1], "good")
    project.close()
    project.close()
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["backups", "pill.flawscope"]
    with pytest.raises(ProjectError):
        project.set_label([1], "good")
    with pytest.raises(ProjectError, match="closed"):
        list(project.images())
