"""A disk that fails at the n-th operation, for every n, once and for good: the project is whole, strokes are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.annotation.masks import Delta, apply_delta
from core.errors import FlawscopeError, ProjectBusyError, StorageError
from core.project import NewImage, Project
from core.workflow import rescue
from core.workflow.painting import FreshStroke
from core.workflow.waiting import Pile
from tests.faults import FaultyDisk

SIZE = 16


def block(image_id: int, number: int, part: int = 0) -> FreshStroke:
    """Blocks that overlap: one that were stored twice, or left out, would show."""
    box = (number, 2 * part, number + 4, 2 * part + 5)
    bits = np.full((5, 4), 1 if number % 2 else 3, np.uint8)
    return FreshStroke(image_id, Delta((SIZE, SIZE), box, bits), "brush", 1, (1, number), "AB")


STROKES = [block(1, 0), block(1, 1), block(1, 1, part=1), block(2, 0), block(1, 2)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("FLAWSCOPE_HOME", str(tmp_path / "home"))
    with Project.create(tmp_path / "work", "chip", author="AB") as made:
        rows = [NewImage(tmp_path / f"{n}.png", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in range(2)]
        made.add_images(rows, root=tmp_path)
        yield made


def check(project: Project, strokes: list[FreshStroke] = STROKES) -> None:
    for image_id in (1, 2):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for stroke in strokes:
            if stroke.image_id == image_id:
                apply_delta(mask, stroke.delta)
        np.testing.assert_array_equal(project.mask(image_id), mask)
    assert project.verify().is_whole


def operations(tmp_path: Path) -> int:
    """How many operations the strokes take on a disk that works."""
    with Project.create(tmp_path / "count", "chip", author="AB") as made:
        rows = [NewImage(tmp_path / f"{n}.png", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in range(2)]
        made.add_images(rows, root=tmp_path)
        disk = FaultyDisk(made)
        pile = Pile(made)
        for stroke in STROKES:
            pile.add(stroke)
        pile.store()
        disk.remove()
        check(made)
        return disk.count


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for good"])
def test_every_operation_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasts: bool) -> None:
    monkeypatch.setenv("FLAWSCOPE_HOME", str(tmp_path / "home"))
    total = operations(tmp_path)
    assert total > 40
    with Project.create(tmp_path / "work", "chip", author="AB") as project:
        count = 2 * total + 2
        rows = [NewImage(tmp_path / f"{n}", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in range(count)]
        project.add_images(rows, root=tmp_path)
        project.add_class("defect")
        disk = FaultyDisk(project)
        for number in range(1, total + 1):
            fails_and_goes_on(project, disk, number, lasts=lasts)
        disk.remove()
        assert project.verify().is_whole


def fails_and_goes_on(project: Project, disk: FaultyDisk, number: int, *, lasts: bool) -> None:
    """Strokes on two fresh images while the disk refuses the operation of that number."""
    pile, first = Pile(project), 2 * number - 1
    strokes = [
        FreshStroke(first + one.image_id - 1, one.delta, one.tool, 1, (number, one.number[1])) for one in STROKES
    ]
    for stroke in strokes:
        pile.add(stroke)
    disk.fail(number, lasts=lasts)
    try:
        pile.store()
    except StorageError:
        assert pile.waiting and pile.rescued is not None
        assert [one.key for one in rescue.read_rescue(pile.rescued).strokes] == [one.key for one in pile.waiting]
    else:
        assert not pile.waiting
    disk.mend()
    pile.store()
    assert not pile.waiting and pile.rescued is None
    assert not list(rescue.rescue_folder().rglob("*.*"))
    for image_id in (first, first + 1):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for stroke in strokes:
            if stroke.image_id == image_id:
                apply_delta(mask, stroke.delta)
        np.testing.assert_array_equal(project.mask(image_id), mask)


@pytest.mark.parametrize("number", [1, 20, 45])
def test_a_window_that_falls_while_the_disk_is_full_loses_nothing(project: Project, number: int) -> None:
    disk, pile = FaultyDisk(project), Pile(project)
    disk.fail(number)
    for stroke in STROKES[:3]:
        pile.add(stroke)
    with pytest.raises(StorageError):
        pile.store()
    for stroke in STROKES[3:]:
        pile.add(stroke)
        pile.rescue()
    disk.mend()
    disk.remove()
    del pile  # the window is gone; the next one opens the project
    later = Pile(project)
    later.take_in(rescue.find_rescue(project))
    later.store()
    check(project)
    assert not list(rescue.rescue_folder().rglob("*.*"))
    assert rescue.find_rescue(project) == rescue.RescuePlan()


def test_a_locked_project_keeps_what_is_painted_until_it_is_free(project: Project) -> None:
    project._write(lambda tx: tx.execute("PRAGMA busy_timeout = 20") and None)
    pile = Pile(project)
    with closing(sqlite3.connect(project.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for stroke in STROKES:
            pile.add(stroke)
            with pytest.raises(ProjectBusyError):
                pile.store()
        other.execute("ROLLBACK")
    pile.store()
    check(project)


def test_a_stroke_is_never_taken_back_while_it_is_stored(project: Project) -> None:
    disk, pile = FaultyDisk(project), Pile(project)
    pile.add(STROKES[0])
    found: list[object] = []
    execute = disk.execute

    def looking(*arguments: object) -> sqlite3.Cursor:
        found.append(pile.take_back())
        return execute(*arguments)

    disk.execute = looking  # type: ignore[method-assign]
    pile.store()
    disk.remove()
    assert found and set(found) == {None}
    mask = project.mask(1)
    assert mask is not None and np.count_nonzero(mask) == 20


def test_no_rescue_file_is_no_reason_to_forget(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(rescue, "write_rescue", refuse)
    disk, pile = FaultyDisk(project), Pile(project)
    disk.fail()
    for stroke in STROKES:
        pile.add(stroke)
    with pytest.raises(FlawscopeError):
        pile.store()
    assert pile.rescued is None and len(pile.waiting) == len(STROKES)
    disk.remove()
    pile.store()
    check(project)


def test_a_copy_that_cannot_be_made_is_said(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pile = Pile(project)
    pile.add(STROKES[0])
    assert pile.save_copy(tmp_path / "copy.flawrescue") == 1

    def unreadable(*_: object) -> None:
        raise StorageError("the disk reported an error")

    unknown = Pile(project)
    unknown.add(STROKES[0])
    monkeypatch.setattr(rescue, "base_of", unreadable)
    with pytest.raises(StorageError, match="no rescue copy"):
        unknown.save_copy(tmp_path / "other.flawrescue")
    assert not (tmp_path / "other.flawrescue").exists() and len(unknown.waiting) == 1
