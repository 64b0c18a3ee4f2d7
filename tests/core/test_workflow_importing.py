"""Folders into a project: what comes in, what is refused by name, what a second look finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError, StorageError
from core.imaging import save_png
from core.project import Project
from core.workflow import importing
from core.workflow.annotations import export_annotations, import_annotations
from core.workflow.importing import Choice, add_lot, import_folder


def picture(seed: int, *, width: int = 24, height: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def nut(tmp_path: Path) -> Path:
    """A small folder in the layout of MVTec AD: 12 good to train, 3 good and 2 scratched to test, 2 masks."""
    root = tmp_path / "nut"
    for number in range(12):
        save_png(root / "train" / "good" / f"{number:03}.png", picture(number))
    for number in range(3):
        save_png(root / "test" / "good" / f"{number:03}.png", picture(100 + number))
    for number in range(2):
        save_png(root / "test" / "scratch" / f"{number:03}.png", picture(200 + number))
        mask = np.zeros((16, 24), np.uint8)
        mask[4:8, 5 : 10 + number] = 255
        save_png(root / "ground_truth" / "scratch" / f"{number:03}_mask.png", mask)
    return root


def test_a_benchmark_keeps_its_test_set_and_gives_a_tenth_to_tuning(nut: Path, tmp_path: Path) -> None:
    report = import_folder(nut, tmp_path / "project", Choice())
    assert report.found.new == 17
    assert report.counts == {
        **{"good": 15, "defective": 2, "unlabelled": 0},
        **{"train": 11, "tuning": 1, "test": 5, "not used": 0},
    }
    assert report.masks == 2
    assert report.problems == ()
    assert "MVTec AD" in report.sentence


def test_masks_of_a_layout_become_annotations_of_origin_import(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        ids = project.masked_images()
        assert len(ids) == 2
        mask = project.mask(ids[1], origin="import")
        assert mask is not None
        (scratch,) = project.classes()
        assert np.array_equal(np.unique(mask), [0, scratch.id])
        assert int((mask > 0).sum()) == 4 * 6


def test_what_cannot_be_used_is_named_and_the_rest_loads(nut: Path, tmp_path: Path) -> None:
    good = nut / "train" / "good"
    (good / "012.png").write_bytes((good / "000.png").read_bytes()[:200])
    (good / "013.png").write_bytes(b"")
    (good / "014.png").write_text("not a picture")
    save_png(nut / "ground_truth" / "scratch" / "000_mask.png", np.full((9, 9), 255, np.uint8))
    save_png(nut / "ground_truth" / "scratch" / "077_mask.png", np.full((16, 24), 255, np.uint8))
    report = import_folder(nut, tmp_path / "project", Choice())
    assert report.masks == 1
    for name in ("012.png", "013.png", "014.png", "000_mask.png", "077_mask.png"):
        assert any(name in problem for problem in report.problems), name
    assert any("9 x 9" in problem for problem in report.problems)
    with Project.open(tmp_path / "project") as project:
        usable = [row for row in project.images(split=["train", "tuning"]) if not row.problem]
        assert len(usable) == 12


def test_equal_bytes_in_train_and_test_are_taken_out_of_test(nut: Path, tmp_path: Path) -> None:
    shutil.copy(nut / "train" / "good" / "003.png", nut / "test" / "good" / "009.png")
    report = import_folder(nut, tmp_path / "project", Choice())
    assert report.counts["not used"] == 1
    assert any("009.png" in problem and "003.png" in problem for problem in report.problems)
    with Project.open(tmp_path / "project") as project:
        assert project.duplicates_across_splits() == []


def test_what_the_import_did_by_itself_is_no_step_to_undo(nut: Path, tmp_path: Path) -> None:
    shutil.copyfile(nut / "train/good/000.png", nut / "test/good/900.png")  # so that one is taken out of test, too
    report = import_folder(nut, tmp_path / "p", Choice())
    with Project.open(report.project) as project:
        before = [row.split for row in project.images()]
        assert {"tuning", "unused"} <= set(before)
        assert project.undo() is None
        image = next(row for row in project.images() if row.split == "train")
        project.set_split([image.id], "test", allow_duplicates=True)
        assert project.undo() is not None and project.undo() is None
        assert [row.split for row in project.images()] == before


def test_a_second_look_finds_new_changed_and_gone(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    good = nut / "train" / "good"
    save_png(good / "050.png", picture(50))
    save_png(good / "001.png", picture(51))
    (good / "002.png").unlink()
    report = add_lot(tmp_path / "project", None)
    assert (report.found.new, report.found.changed, report.found.gone) == (1, 1, 1)
    again = add_lot(tmp_path / "project", None)
    assert (again.found.new, again.found.changed, again.found.gone) == (0, 0, 0)


def test_a_new_lot_from_another_folder_waits_unused(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice(product="nut"))
    for number in range(3):
        save_png(tmp_path / "tuesday" / f"{number}.png", picture(300 + number))
    report = add_lot(tmp_path / "project", tmp_path / "tuesday", lot="T42")
    assert report.found.new == 3
    with Project.open(tmp_path / "project") as project:
        lot = list(project.images(lot="T42"))
        assert [row.split for row in lot] == ["unused"] * 3
        assert {row.product for row in lot} == {"nut"}


def test_a_folder_without_images_makes_no_project(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        import_folder(tmp_path / "empty", tmp_path / "project", Choice())
    assert not (tmp_path / "project").exists()


def test_a_project_is_never_made_twice_nor_inside_its_images(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    with pytest.raises(InputError, match="already"):
        import_folder(nut, tmp_path / "project", Choice())
    with pytest.raises(InputError, match="cannot lie in"):
        import_folder(nut, nut / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        assert sum(1 for _ in project.images()) == 17


def test_no_file_of_the_person_is_touched(nut: Path, tmp_path: Path) -> None:
    def look() -> dict[str, tuple[int, int]]:
        return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in nut.rglob("*")}

    before = look()
    import_folder(nut, tmp_path / "project", Choice())
    add_lot(tmp_path / "project", None)
    assert look() == before


def test_twelve_bits_in_sixteen_get_a_window_that_stays(tmp_path: Path) -> None:
    root = tmp_path / "deep"
    for number in range(6):
        values = np.random.default_rng(number).integers(100, 4096, (16, 24), dtype=np.uint16)
        save_png(root / "train" / "good" / f"{number}.png", values)
    import_folder(root, tmp_path / "project", Choice(kind="mvtec"))
    with Project.open(tmp_path / "project") as project:
        (view,) = project.views()
        assert view.window == (0, 4095)


def test_masks_go_out_and_come_back_pixel_for_pixel(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "one", Choice())
    shutil.rmtree(nut / "ground_truth")
    import_folder(nut, tmp_path / "two", Choice())
    with Project.open(tmp_path / "one") as one, Project.open(tmp_path / "two") as two:
        assert export_annotations(one, tmp_path / "out").masks == 2
        report = import_annotations(two, tmp_path / "out", "mvtec")
        assert (report.written, report.problems) == (2, [])
        for image_id in one.masked_images():
            path = one.image(image_id).path
            (twin,) = two.find_image(path)
            first, second = one.mask(image_id), two.mask(twin.id)
            assert first is not None
            assert second is not None
            assert np.array_equal(first, second)
        assert import_annotations(two, tmp_path / "out", "mvtec").unchanged == 2


def test_a_mask_that_fits_no_image_is_named_and_never_guessed(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    save_png(tmp_path / "out" / "dent" / "777_mask.png", np.full((16, 24), 255, np.uint8))
    with Project.open(tmp_path / "project") as project:
        report = import_annotations(project, tmp_path / "out", "mvtec")
    assert report.written == 0
    assert len(report.problems) == 1
    assert "777_mask.png" in report.problems[0]


def test_reading_ahead_keeps_the_order_and_stays_bounded() -> None:
    taken = 0

    def numbers():  # type: ignore[no-untyped-def]
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    stream = importing._ahead(lambda number: number * 2, numbers())
    assert [next(stream) for _ in range(10)] == list(range(0, 20, 2))
    assert taken <= 10 + importing._AHEAD
    stream.close()


def test_a_relative_folder_loses_no_mask(nut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    report = import_folder(Path("..") / "nut", Path("project"), Choice())
    assert report.masks == 2
    assert add_lot(Path("project"), Path("..") / "nut").found.new == 0


def test_a_product_may_be_called_pass(nut: Path, tmp_path: Path) -> None:
    nut.rename(tmp_path / "pass")
    (tmp_path / "root").mkdir()
    (tmp_path / "pass").rename(tmp_path / "root" / "pass")
    shutil.copytree(tmp_path / "root" / "pass", tmp_path / "root" / "vial")
    report = import_folder(tmp_path / "root", tmp_path / "project", Choice())
    assert (report.counts["good"], report.counts["defective"], report.masks) == (30, 4, 4)


def test_equal_good_images_are_drawn_together_and_contradicting_labels_named(nut: Path, tmp_path: Path) -> None:
    good = nut / "train" / "good"
    for number in range(12):
        shutil.copy(good / f"{number:03}.png", good / f"twin_{number:03}.png")
    shutil.copy(good / "000.png", nut / "test" / "scratch" / "055.png")
    report = import_folder(nut, tmp_path / "project", Choice())
    assert any("055.png" in problem and "labels is wrong" in problem for problem in report.problems)
    with Project.open(tmp_path / "project") as project:
        splits: dict[str | None, set[str]] = {}
        for row in project.images(label="good"):
            splits.setdefault(row.sha256, set()).add(row.split)
        assert all(len(sides) == 1 for sides in splits.values())
        assert report.counts["tuning"] >= 1


def test_moved_images_are_found_again_and_never_added_twice(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    nut.rename(tmp_path / "moved")
    with pytest.raises(InputError, match="relocate"):
        add_lot(tmp_path / "project", None)
    with pytest.raises(InputError, match="relocate"):
        add_lot(tmp_path / "project", tmp_path / "moved")
    with Project.open(tmp_path / "project") as project:
        importing.relocate(project, tmp_path / "moved")
        assert all(row.path.is_file() for row in project.images())
        with pytest.raises(InputError, match="no folder"):
            importing.relocate(project, tmp_path / "moved")
    assert add_lot(tmp_path / "project", None).found.known == 17


def test_a_repaired_image_closes_its_problem(nut: Path, tmp_path: Path) -> None:
    broken = nut / "train" / "good" / "099.png"
    broken.write_bytes(b"")
    assert len(import_folder(nut, tmp_path / "project", Choice()).problems) == 1
    save_png(broken, picture(99))
    assert add_lot(tmp_path / "project", None).problems == ()


def test_notes_of_the_layout_reach_the_person(nut: Path, tmp_path: Path) -> None:
    shutil.rmtree(nut / "test" / "scratch")
    report = import_folder(nut, tmp_path / "project", Choice())
    assert any("defect" in note for note in report.notes)
    assert set(report.notes) <= set(report.lines())


def test_an_import_that_fails_leaves_what_was_there_and_nothing_else(nut: Path, tmp_path: Path) -> None:
    """Whatever ends it: here a person who presses Ctrl+C while images are read."""

    def give_up(text: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    for folder in (tmp_path / "deep" / "down" / "project", tmp_path / "mine"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / "notes.txt").write_text("keep me")
        with pytest.raises(KeyboardInterrupt):
            import_folder(nut, folder, Choice(), progress=give_up)
    assert not (tmp_path / "deep").exists()
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    assert import_folder(nut, tmp_path / "mine", Choice()).found.new == 17


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes disks of so many KiB."""
    mounted: list[Path] = []

    def make(kib: int) -> Path:
        place = tmp_path / f"disk {kib}"
        place.mkdir()
        able = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount") is not None
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place)]
        if not able or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk can be mounted by root on Linux only")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_and_no_half_project_stays(nut: Path, tmp_path: Path, disk: Callable[[int], Path]) -> None:
    ended = []
    for kib in (16, 64, 256, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048):
        place = disk(kib)
        try:
            import_folder(nut, place / "line" / "project", Choice())
        except StorageError as error:
            ended.append("full")
            assert error.what == "the disk is full" and error.mend, f"{kib} KiB: {error}"
            assert list(place.iterdir()) == [], f"{kib} KiB: {list(place.rglob('*'))}"
        else:
            ended.append("whole")
            with Project.open(place / "line" / "project", read_only=True) as project:
                assert project.verify().is_whole and sum(1 for _ in project.images()) == 17
    assert ended == sorted(ended) and {"full", "whole"} == set(ended)
