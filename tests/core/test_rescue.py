"""Strokes that a project could not take: written elsewhere, put in later, once, and only where they fit."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.annotation.masks import Delta, apply_delta, delta_between
from core.errors import InputError, ProjectError, StorageError
from core.project import NewImage, Project
from core.workflow import rescue
from core.workflow.painting import FreshStroke, store_stroke

SIZE = 24


def strokes_on(image_id: int, count: int, start: np.ndarray | None = None) -> list[FreshStroke]:
    """Strokes that overlap, each a step of its own; even ones paint, odd ones erase a part."""
    mask = np.zeros((SIZE, SIZE), np.uint8) if start is None else start.copy()
    made = []
    for number in range(count):
        after = mask.copy()
        after[number : number + 6, 2 * number : 2 * number + 5] = 1 - number % 2
        delta = delta_between(mask, after)
        assert delta is not None
        made.append(FreshStroke(image_id, delta, "brush", 1 - number % 2, (1, number), "AB"))
        mask = after
    return made


def painted(deltas: list[Delta]) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for delta in deltas:
        apply_delta(mask, delta)
    return mask


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("FLAWSCOPE_HOME", str(tmp_path / "home"))
    with Project.create(tmp_path / "work", "chip", author="CD") as made:
        rows = [NewImage(tmp_path / f"{n}.png", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in range(3)]
        made.add_images(rows, root=tmp_path)
        yield made


def saved(project: Project, strokes: list[FreshStroke], path: Path | None = None) -> Path:
    place = path or rescue.new_rescue_path(project)
    images = {stroke.image_id for stroke in strokes}
    rescue.write_rescue(place, project, strokes, {one: rescue.base_of(project, one, (SIZE, SIZE)) for one in images})
    return place


@pytest.mark.parametrize("held", range(5))
def test_what_the_project_holds_already_is_found_and_the_rest_put_in(project: Project, held: int) -> None:
    strokes = strokes_on(1, 4)
    path = saved(project, strokes)
    for stroke in strokes[:held]:
        store_stroke(project, stroke)  # then the power went
    plan = rescue.apply_found(project)
    assert (len(plan.strokes), plan.already, plan.problems) == (4 - held, held, ())
    np.testing.assert_array_equal(project.mask(1), painted([one.delta for one in strokes]))
    assert not path.exists()
    assert rescue.apply_found(project).strokes == ()
    assert [layer.author for layer in project.layers(1)] == ["AB"]  # who painted, not who opened
    assert project.verify().is_whole
    rows = [row for row in project.audit_rows() if row.action == "rescue strokes"]
    assert len(rows) == (held < 4)
    assert project.image(1).label == "defective"
    for _ in strokes:
        project.undo()
    mask = project.mask(1)
    assert mask is not None and not mask.any()


def test_two_files_of_one_project_follow_each_other_and_parts_stay_one_step(project: Project) -> None:
    first, second, third = strokes_on(1, 3)
    saved(project, [first])
    base = {1: rescue.Base("", "", rescue.masks.mask_sha256(painted([first.delta])))}
    part = FreshStroke(1, third.delta, "brush", 1, second.number, "AB")
    rescue.write_rescue(rescue.new_rescue_path(project), project, [second, part], base)
    assert len(rescue.apply_found(project).strokes) == 3
    np.testing.assert_array_equal(project.mask(1), painted([first.delta, second.delta, third.delta]))
    project.undo()
    np.testing.assert_array_equal(project.mask(1), painted([first.delta]))


def test_a_mask_that_was_painted_on_since_is_left_alone_and_named(project: Project) -> None:
    on_one, on_two = strokes_on(1, 2), strokes_on(2, 1)
    path = saved(project, [*on_one, *on_two])
    other = strokes_on(1, 4)[3]
    store_stroke(project, other)
    plan = rescue.apply_found(project)
    assert plan.problems == ("2 strokes on 0.png were not put in: its mask was changed since",)
    np.testing.assert_array_equal(project.mask(1), painted([other.delta]))
    np.testing.assert_array_equal(project.mask(2), painted([on_two[0].delta]))
    assert not path.exists()
    kept = path.with_name(path.name + ".kept")
    assert len(rescue.read_rescue(kept).strokes) == 3
    assert rescue.apply_found(project) == rescue.RescuePlan()


def test_another_projects_strokes_are_refused(project: Project, tmp_path: Path) -> None:
    path = saved(project, strokes_on(1, 1), tmp_path / "copy.flawrescue")
    with Project.create(tmp_path / "other", "other") as other, pytest.raises(ProjectError, match="“chip”"):
        rescue.apply_rescue(other, path)


@pytest.mark.parametrize("damage", ["", "{}", "[1]", "half", '{"format": "flawscope rescue", "version": 2}'])
def test_a_damaged_file_is_named_and_kept(project: Project, damage: str) -> None:
    path = saved(project, strokes_on(1, 2))
    text = path.read_text()
    path.write_text(text[: len(text) // 2] if damage == "half" else damage)
    with pytest.raises(InputError, match="damaged"):
        rescue.read_rescue(path)
    plan = rescue.apply_found(project)
    assert path.name in plan.problems[0] and not plan.strokes
    assert path.with_name(path.name + ".kept").exists()


@pytest.mark.parametrize("call", ["mkdir", "open", "fsync", "replace"])
def test_a_rescue_file_is_the_old_or_the_new_one(project: Project, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    strokes = strokes_on(1, 3)
    path = saved(project, strokes[:1])

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*{"mkdir": (Path, "mkdir"), "replace": (Path, "replace")}.get(call, (os, call)), refuse)
        with pytest.raises(StorageError, match="disk is full"):
            saved(project, strokes, path)
    assert [one.number for one in rescue.read_rescue(path).strokes] == [(1, 0)]
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_stroke_brings_its_class_back_where_the_project_offers_none_any_more(project: Project) -> None:
    first, _, third = strokes_on(1, 3)
    store_stroke(project, first)
    project.undo()
    project.undo()  # the making of the class
    assert project.classes() == []
    store_stroke(project, third)
    assert [(one.id, one.code) for one in project.classes()] == [(1, "defect")]
    project.set_class(1, code="crack", retired=True)
    store_stroke(project, strokes_on(2, 1)[0])
    assert [(one.id, one.code) for one in project.classes()] == [(1, "crack")]
