"""Backups, putting them back, migrations, and the file for transfer with every trick an archive can play."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError, ProjectBusyError, ProjectDamagedError, StorageError
from core.project import NewImage, Project, restore_project, unpack_project
from core.project.backup import list_backups, make_backup
from core.project.database import SCHEMA_VERSION
from core.project.migrations import migrate

EARLIER = Path(__file__).parents[1] / "data" / "projects"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed project with four real files, a mask and a training with weights."""
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(4):
        (root / f"{number}.png").write_bytes(bytes([number]) * 100)
    with Project.create(tmp_path / "work", "pill") as project:
        project.add_images([NewImage(root / f"{n}.png", "pill", label="good") for n in range(4)], root=root)
        project.import_mask(1, np.eye(5, dtype=np.uint8))
        run = project.add_run(product="pill", model="prff")
        (run.folder / "checkpoints").mkdir(parents=True)
        (run.folder / "checkpoints" / "best.safetensors").write_bytes(b"weights")
    return tmp_path / "work"


# ---------------------------------------------------------------- backups


def test_a_backup_is_a_whole_project_and_is_made_while_it_is_in_use(folder: Path) -> None:
    with Project.open(folder) as project:
        project.set_label([1], "defective")
        copy = project.backup()
        project.set_label([1], "good")
        with Project.open(copy, read_only=True) as old:
            assert old.image(1).label == "defective"
            assert old.verify().is_whole
        assert project.backups()[0].path == copy


def test_ten_backups_are_kept_and_one_a_day_for_a_fortnight(folder: Path) -> None:
    shutil.rmtree(folder / "backups")
    with Project.open(folder) as project:
        first = project.backup()
        now = datetime.now(UTC)
        ages = [timedelta(minutes=10 * n) for n in range(1, 13)] + [
            timedelta(days=n, hours=h) for n in range(1, 20) for h in (1, 2)
        ]
        for age in ages:
            stamp = (now - age).strftime("%Y%m%dT%H%M%S%fZ")
            shutil.copy(first, first.with_name(f"pill-{stamp}.flawscope"))
        shutil.copy(first, first.with_name("pill-20200101T000000000000Z-before-migration.flawscope"))
        project.backup()
        kept = project.backups()
    rolling = [datetime.fromisoformat(backup.at) for backup in kept if backup.kind == "rolling"]
    assert [backup.kind for backup in kept].count("migration") == 1
    days = [at.date() for at in rolling[10:]]
    assert len(days) == len(set(days))
    assert 12 <= len(days) <= 14
    assert min(rolling) > now - timedelta(days=14, seconds=5)


def test_closing_makes_a_backup_only_when_something_changed_since_long_enough(folder: Path) -> None:
    assert len(list_backups(folder / "backups", "pill")) == 1
    with Project.open(folder) as project:
        project.set_label([1], "defective")
    assert len(list_backups(folder / "backups", "pill")) == 1
    (backup,) = list_backups(folder / "backups", "pill")
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y%m%dT%H%M%S%fZ")
    backup.path.rename(backup.path.with_name(f"pill-{hour_ago}.flawscope"))
    Project.open(folder).close()
    assert len(list_backups(folder / "backups", "pill")) == 2


def test_a_backup_takes_the_place_of_a_damaged_project_which_is_kept(folder: Path) -> None:
    (backup,) = list_backups(folder / "backups", "pill")
    file = folder / "pill.flawscope"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ProjectDamagedError):
        Project.open(file)
    aside = restore_project(file, backup.path, reason="the disk failed")
    assert aside.stat().st_size == 5000
    aside.rename(folder.parent / aside.name)
    with Project.open(folder) as project:
        assert project.verify().is_whole
        assert sum(1 for _ in project.images()) == 4
        assert list(project.audit_rows())[-1].reason == "the disk failed"


def test_a_bad_backup_or_an_open_project_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    file = folder / "pill.flawscope"
    before = file.read_bytes()
    bad = tmp_path / "bad.flawscope"
    bad.write_bytes(before[:3000])
    with pytest.raises(ProjectDamagedError):
        restore_project(file, bad)
    with pytest.raises(InputError):
        restore_project(file, tmp_path / "none.flawscope")
    assert file.read_bytes() == before
    with Project.open(file) as project, pytest.raises(ProjectBusyError):
        restore_project(file, project.backup())


def test_a_backup_that_cannot_be_written_says_so_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "no folder"
    place.write_text("a file")
    with pytest.raises(StorageError):
        make_backup(folder / "pill.flawscope", place=place)
    assert place.read_text() == "a file"


# ---------------------------------------------------------------- schema versions


def test_a_migration_backs_up_first_and_happens_wholly(folder: Path) -> None:
    file = folder / "pill.flawscope"

    def add_column(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE note ADD COLUMN tone TEXT NOT NULL DEFAULT 'kind'")

    copy = migrate(file, SCHEMA_VERSION, steps={SCHEMA_VERSION + 1: add_column}, target=SCHEMA_VERSION + 1)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
        assert connection.execute("SELECT count(tone) FROM note").fetchone() == (0,)
        assert connection.execute("SELECT action FROM audit ORDER BY seq DESC").fetchone() == ("migrate",)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert copy.name.endswith("-before-migration.flawscope")


def test_a_migration_that_fails_changes_nothing(folder: Path) -> None:
    file = folder / "pill.flawscope"

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM setting")
        connection.execute("ALTER TABLE absent ADD COLUMN x")

    with pytest.raises(ProjectDamagedError):
        migrate(file, SCHEMA_VERSION, steps={SCHEMA_VERSION + 1: fail}, target=SCHEMA_VERSION + 1)
    with Project.open(file) as project:
        assert not project.is_newer
        assert project.verify().is_whole


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_project_of_every_version_opens_and_holds_what_was_stored(tmp_path: Path, version: int) -> None:
    shutil.copy(EARLIER / f"v{version}.flawscope", tmp_path / "old.flawscope")
    with Project.open(tmp_path / "old.flawscope", read_only=True) as project:
        mask = project.mask(4)
        assert mask is not None and int(mask.sum()) == 30 and project.masked_images() == [4]
        assert project.image_table().masked.tolist() == [False, False, False, True]
        assert len(project.layers(4)) == 2 and project.conflicts() == []
        assert project.masks_changed_since("2000", product="pill") == 1
    with Project.open(tmp_path / "old.flawscope", author="AB") as project:
        assert project.verify().is_whole
        images = list(project.images())
        assert [image.label for image in images] == ["good", "good", "good", "defective"]
        mask = project.mask(images[3].id)
        assert mask is not None
        assert int(mask.sum()) == 30
        assert project.runs()[0].figures == {"image_auroc": 1.0}
        assert project.decisions()[0].threshold == 0.5
        assert project.verdicts()[0].verdict == "good"
        assert project.roi(project.views()[0].id) is not None
        assert project.undo() is not None
        project.set_label([1], "unlabelled")


# ---------------------------------------------------------------- transfer


def test_packing_with_images_and_unpacking_elsewhere_gives_the_same_project(folder: Path, tmp_path: Path) -> None:
    with Project.open(folder) as project:
        report = project.pack(tmp_path / "pill.fspack", images=True)
        head = project.audit_head()
    assert (report.files, report.missing) == (6, ())
    shutil.rmtree(tmp_path / "pictures")
    unpack_project(tmp_path / "pill.fspack", tmp_path / "there" / "pill")
    with Project.open(tmp_path / "there" / "pill") as project:
        verified = project.verify(images=True, head=head)
        assert verified.is_whole
        assert [image.path.read_bytes()[0] for image in project.images()] == [0, 1, 2, 3]
        assert (project.runs()[0].folder / "checkpoints" / "best.safetensors").read_bytes() == b"weights"


def test_packing_without_images_keeps_where_they_are_and_names_what_is_missing(folder: Path, tmp_path: Path) -> None:
    with Project.open(folder) as project:
        assert project.pack(tmp_path / "a.fspack", runs=False).files == 1
        (tmp_path / "pictures" / "2.png").unlink()
        assert project.pack(tmp_path / "b.fspack", images=True).missing == (str(tmp_path / "pictures" / "2.png"),)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound transfer file."""
    work = tmp_path_factory.mktemp("packed")
    with Project.create(work / "pill", "pill") as project:
        run = project.add_run(product="pill", model="prff")
        (run.folder / "checkpoints").mkdir(parents=True)
        (run.folder / "checkpoints" / "best.safetensors").write_bytes(b"weights")
        return project.pack(work / "good.fspack").path


Forge = Callable[[dict[str, Any], dict[str, bytes]], None]


def forged(source: Path, target: Path, forge: Forge, *, compression: int = zipfile.ZIP_STORED) -> Path:
    """The archive `source` with its manifest and members changed by `forge`."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    forge(manifest, members)
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    return target


def _extra_member(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["extra.txt"] = b"x"


def _escape(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["../escape.txt"] = b"x"
    manifest["files"].append({"name": "../escape.txt", "size": 1, "sha256": "0" * 64})


def _drive(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["C:\\win.txt"] = b"x"
    manifest["files"].append({"name": "C:\\win.txt", "size": 1, "sha256": "0" * 64})


def _other_bytes(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["runs/1/checkpoints/best.safetensors"] = b"WEIGHTS"


def _lost_member(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    del members["runs/1/checkpoints/best.safetensors"]


def _other_size(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["files"][0]["size"] = 5


def _same_name_in_other_case(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["PILL.flawscope"] = b"x"
    manifest["files"].append({"name": "PILL.flawscope", "size": 1, "sha256": "0" * 64})


def _newer(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["schema"] = 99


def _no_list(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["files"] = 7


def _name_with_folder(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    manifest["name"] = "../pill"


@pytest.mark.parametrize(
    "forge",
    [
        _extra_member,
        _escape,
        _drive,
        _other_bytes,
        _lost_member,
        _other_size,
        _same_name_in_other_case,
        _newer,
        _no_list,
        _name_with_folder,
    ],
)
def test_a_forged_transfer_file_is_refused_and_nothing_appears(packed: Path, tmp_path: Path, forge: Forge) -> None:
    bad = forged(packed, tmp_path / "bad.fspack", forge)
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(InputError):
        unpack_project(bad, there / "pill")
    assert list(there.iterdir()) == []
    assert not (tmp_path / "escape.txt").exists()


def test_a_compressed_archive_is_refused_because_it_could_grow(packed: Path, tmp_path: Path) -> None:
    bomb = forged(packed, tmp_path / "b.fspack", lambda *_: None, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="not stored as the list says"):
        unpack_project(bomb, tmp_path / "there")


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_transfer_file_is_refused(packed: Path, tmp_path: Path, seed: int) -> None:
    data = bytearray(packed.read_bytes())
    dice = np.random.default_rng(seed)
    if seed % 3 == 0:
        data = data[: int(dice.integers(0, len(data)))]
    else:
        data[int(dice.integers(0, len(data)))] ^= 0x55
    (tmp_path / "bad.fspack").write_bytes(data)
    try:
        unpack_project(tmp_path / "bad.fspack", tmp_path / "there")
    except InputError:
        assert not (tmp_path / "there").exists()
    else:  # a byte that nobody reads: the date of a member
        with Project.open(tmp_path / "there") as project:
            assert project.verify().is_whole


def test_a_folder_with_something_in_it_is_never_unpacked_over(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not empty"):
        unpack_project(packed, packed.parent / "pill")
    with pytest.raises(InputError, match="no such file"):
        unpack_project(tmp_path / "none.fspack", tmp_path / "there")
