"""Defect classes that become one, or go: one step, every mask with it, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.annotation.masks import Mask, delta_between
from core.errors import InputError, ProjectError
from core.project import ClassUse, MergeReport, NewImage, Project

SIZE = 16


def dotted(*values: int) -> Mask:
    """A block of each class."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for place, value in enumerate(values):
        mask[4 * place : 4 * place + 3, 1:9] = value
    return mask


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Image 1 painted with classes 1 and 2, image 2 with an imported mask of class 1, image 3 with class 3 alone."""
    with Project.create(tmp_path / "work", "chip", author="AB") as made:
        rows = [NewImage(tmp_path / f"{n}.png", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in range(4)]
        made.add_images(rows, root=tmp_path)
        for code in ("crack", "dirt", "stain"):
            made.add_class(code)
        delta = delta_between(dotted(), dotted(1, 2))
        assert delta is not None
        made.add_stroke(1, delta, tool="brush", class_id=1)
        made.import_masks([(2, dotted(1)), (3, dotted(3))])
        made.set_label([2, 4], "defective", defect_class="crack")
        yield made


def state(project: Project) -> tuple[object, ...]:
    codes = [(one.code, one.retired) for one in project.classes(retired=True)]
    images = [one.defect_class for one in project.images()]
    return codes, images, [None if (mask := project.mask(n)) is None else mask.tobytes() for n in (1, 2, 3, 4)]


def test_a_merge_rewrites_masks_and_images_in_one_step_that_is_undone_after_a_restart(project: Project) -> None:
    before, seen = state(project), []
    report = project.merge_class(1, 2, progress=lambda done, total: seen.append((done, total)), reason="one kind")
    assert report == MergeReport(2, 2)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    np.testing.assert_array_equal(project.mask(1), dotted(2, 2))
    np.testing.assert_array_equal(project.mask(2), dotted(2))
    np.testing.assert_array_equal(project.mask(3), dotted(3))
    assert [layer.origin for layer in project.layers(2)] == ["import"]
    assert [one.code for one in project.classes()] == ["dirt", "stain"]
    assert [project.image(n).defect_class for n in (2, 4)] == ["dirt", "dirt"]
    after, folder = state(project), project.folder
    project.close()
    with Project.open(folder, author="AB") as again:
        step = again.undo()
        assert step is not None and step.label == "Merge class crack into dirt" and step.images is None
        assert state(again) == before
        again.redo()
        assert state(again) == after
        again.fold_strokes(1)
        again.undo()
        assert state(again) == before
        assert again.verify().is_whole


def test_a_merge_that_is_broken_off_changes_nothing(project: Project) -> None:
    before = state(project)

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.merge_class(1, 2, progress=stop)
    assert state(project) == before
    assert project.next_undo() is not None and project.next_undo().label == "Label defective"  # type: ignore[union-attr]


def test_a_stroke_below_a_merge_is_not_taken_back_alone(project: Project) -> None:
    project.merge_class(1, 2)
    before = state(project)
    with pytest.raises(ProjectError, match="painted over"):
        project.undo(1)
    assert state(project) == before


def test_only_a_class_that_nothing_uses_can_be_deleted(project: Project) -> None:
    assert project.class_use(1) == ClassUse(2, 2)
    assert project.class_use(3) == ClassUse(0, 1)
    with pytest.raises(ProjectError, match="0 images and 1 masks") as caught:
        project.delete_class(3)
    assert "Merge it" in str(caught.value)
    spare = project.add_class("spare")
    project.delete_class(spare)
    assert [one.code for one in project.classes()] == ["crack", "dirt", "stain"]
    project.undo()
    assert [one.code for one in project.classes()] == ["crack", "dirt", "stain", "spare"]


def test_what_cannot_be_merged_is_said(project: Project) -> None:
    before = state(project)
    with pytest.raises(InputError, match="itself"):
        project.merge_class(1, 1)
    with pytest.raises(ProjectError, match="no defect class 9"):
        project.merge_class(1, 9)
    assert state(project) == before
    project.delete_class(project.add_class("spare"))
    with pytest.raises(ProjectError, match="no longer in use"):
        project.merge_class(1, 4)
