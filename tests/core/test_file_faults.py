"""The n-th file operation fails, for every n: of SQLite under the project, and of the rescue file elsewhere.

The project is whole after each, its trail verifies, a stroke is in it or kept, and all are in it once the disk works.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from core.annotation.masks import apply_delta
from core.errors import FlawscopeError, StorageError
from core.files import atomic_write
from core.project import NewImage, Project
from core.workflow import rescue
from core.workflow.painting import FreshStroke
from core.workflow.waiting import Pile
from tests.core.test_stroke_faults import SIZE, block
from tests.faulty_files import LOOKING, Fault, faults_of_files, faults_of_sqlite

STROKES = [block(1, 0), block(1, 0, part=1)]  # one stroke that took long; it brings the project's first class
MORE = block(2, 0)


@dataclass
class Place:
    """A project that is made anew for every fault, and the disks under it and under the rescue files."""

    template: Path
    folder: Path
    disk: Fault
    home: Fault
    made: int = 0
    strokes: list[FreshStroke] = field(default_factory=list)

    @contextlib.contextmanager
    def project(self) -> Iterator[Project]:
        """A fresh one; when it is let go all strokes are in it and nothing lies beside it."""
        self.made += 1
        self.folder.mkdir(exist_ok=True)
        file = Path(shutil.copy(self.template, self.folder / f"{self.made}.flawscope"))
        with Project.open(file, author="AB") as project:
            yield project
            self.disk.mend()
            self.home.mend()
            check(project, self.strokes)
        Project.open(file, thorough=True, read_only=True).close()
        assert not list(rescue.rescue_folder().rglob("*.flawrescue*"))


def check(project: Project, strokes: Sequence[FreshStroke]) -> None:
    for image_id in (1, 2):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mine = [one for one in strokes if one.image_id == image_id]
        for stroke in mine:
            apply_delta(mask, stroke.delta)
        found = project.mask(image_id)
        np.testing.assert_array_equal(np.zeros_like(mask) if found is None else found, mask)
        stored = [one for layer in project.layers(image_id) for one in project.strokes(layer.id)]
        assert len(stored) == len(mine)
    assert project.verify().is_whole


def rescued(pile: Pile) -> list[FreshStroke]:
    assert pile.rescued is not None
    return list(rescue.read_rescue(pile.rescued).strokes)


def same(ones: Sequence[FreshStroke], others: Sequence[FreshStroke]) -> bool:
    return [(one.key, one.delta.box) for one in ones] == [(one.key, one.delta.box) for one in others]


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: hundreds of projects are made, each waits for the disk dozens of times."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("FLAWSCOPE_HOME", str(tmp_path / "home"))
    with faults_of_sqlite() as disk, faults_of_files(tmp_path / "home") as home:
        with Project.create(tmp_path / "work", "chip", author="AB") as made:
            rows = [NewImage(tmp_path / f"{n}", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in range(2)]
            made.add_images(rows, root=tmp_path)
        yield Place(tmp_path / "work" / "chip.flawscope", tmp_path / "copies", disk, home)


def stored(pile: Pile) -> bool:
    try:
        pile.store()
    except FlawscopeError as error:
        assert isinstance(error, StorageError), error
        return False
    return True


def tries(place: Place, tried: Callable[[Project, int], int]) -> int:
    """Have the first operation fail, then the second, and so on, each in a fresh project; how many there were.

    `tried` gets the project and the number of the operation, and returns how many it saw: none is left behind that.
    """
    number, total = 0, 1
    while number < total:
        number += 1
        place.strokes = [*STROKES]
        with place.project() as project:
            total = max(total, tried(project, number))
    return number


def unstored(project: Project, disk: Fault) -> Pile:
    """The strokes wait beside a project whose disk can only be read."""
    pile = Pile(project)
    disk.fail(spares=LOOKING)
    for stroke in STROKES:
        pile.add(stroke)
    return pile


@pytest.mark.slow
@pytest.mark.parametrize("how", ["once", "for good", "gone"])
def test_every_operation_on_the_project_may_fail(place: Place, how: str) -> None:
    def tried(project: Project, number: int) -> int:
        pile = Pile(project)
        for stroke in STROKES:
            pile.add(stroke)
        place.disk.fail(number, lasts=how != "once", spares=LOOKING if how == "for good" else ())
        if stored(pile):
            assert not pile.waiting and pile.rescued is None
            return place.disk.count  # nothing is left to fail behind the last one
        seen = place.disk.count
        kept = pile.waiting
        assert same(kept, STROKES[-len(kept) :])
        if how != "gone":  # what cannot be read cannot be rescued: it is kept in the window alone
            assert same(rescued(pile), kept)
        pile.add(MORE)
        pile.rescue()
        place.strokes.append(MORE)
        place.disk.mend()
        assert stored(pile) and not pile.waiting and pile.rescued is None
        return seen + 1

    assert tries(place, tried) > 50


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for good"])
def test_every_operation_on_the_rescue_file_may_fail(place: Place, lasts: bool) -> None:
    def tried(project: Project, number: int) -> int:
        place.home.fail(number, lasts=lasts)
        pile = unstored(project, place.disk)
        assert not stored(pile)
        pile.add(MORE)
        pile.rescue()
        assert pile.take_back() is not None
        pile.rescue()
        assert same(pile.waiting, STROKES)
        for path in rescue.rescue_folder().rglob("*.flawrescue"):  # the one before, or the new one
            assert same(rescue.read_rescue(path).strokes[:2], STROKES)
        if not lasts:
            assert pile.rescued is not None
        place.disk.mend()
        assert stored(pile) and not pile.waiting
        seen = place.home.count
        place.home.mend()
        assert stored(pile)  # as the next stroke will do
        return seen

    assert tries(place, tried) > 25


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("where", [pytest.param("project", marks=pytest.mark.slow), "home"])
def test_every_operation_may_fail_while_rescued_strokes_are_put_in(place: Place, where: str, lasts: bool) -> None:
    def tried(project: Project, number: int) -> int:
        assert not stored(unstored(project, place.disk))
        place.disk.mend()
        pile, fault = Pile(project), place.disk if where == "project" else place.home
        pile.take_in(rescue.find_rescue(project))
        fault.fail(number, lasts=lasts, spares=LOOKING)
        stored(pile)
        seen = fault.count + (where == "project")
        fault.mend()
        assert stored(pile) and not pile.waiting
        later = Pile(project)  # of the next start
        later.take_in(rescue.find_rescue(project))
        assert stored(later)
        actions = [row.action for row in project.audit_rows()]
        assert actions.count("rescue strokes") == 1
        return seen

    assert tries(place, tried) > (50 if where == "project" else 0)


def test_what_is_left_half_written_and_cannot_be_removed_is_one_error(place: Place, tmp_path: Path) -> None:
    place.home.fail(3)  # the folder, the file, and then nothing any more
    with pytest.raises(StorageError, match="disk is full"):
        atomic_write(tmp_path / "home" / "copy", "words")
    assert place.home.names[:3] == ["mkdir", "open", "write"] and place.home.names[-1] == "unlink"
