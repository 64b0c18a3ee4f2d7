"""Defect classes edited as a list, the defect book, notes and scales: stored, undone, audited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError, ProjectError
from core.imaging import save_png
from core.project import ClassDraft, NewImage, Project
from core.workflow.classes import PRESETS, preset_classes
from core.workflow.worst import worst_first
from tests.scored import Shot, add_scoring, add_training, make_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two images and two classes, crack and dirt."""
    rows = []
    for name in ("a.png", "b.png"):
        save_png(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
        rows.append(NewImage(tmp_path / name, "chip"))
    with Project.create(tmp_path / "work", "work", author="AB") as made:
        made.add_images(rows, root=tmp_path)
        made.add_class("crack")
        made.add_class("dirt")
        yield made


def drafts(project: Project) -> list[ClassDraft]:
    return [
        ClassDraft(one.id, one.code, one.names, one.colour, one.description, one.retired)
        for one in project.classes(retired=True)
    ]


def listed(project: Project) -> list[tuple[int, str, str]]:
    return [(one.id, one.code, one.names.get("en", "")) for one in project.classes()]


def test_the_whole_list_is_one_step(project: Project) -> None:
    crack, dirt = drafts(project)
    wanted = [
        replace(dirt, names={"en": "Dirt"}, colour="#112233"),
        ClassDraft(None, "chip"),
        replace(crack, code="gap"),
    ]
    assert project.edit_classes(wanted) == [2, 3, 1]
    assert listed(project) == [(2, "dirt", "Dirt"), (3, "chip", ""), (1, "gap", "")]
    project.undo()
    assert listed(project) == [(1, "crack", ""), (2, "dirt", "")]
    project.redo()
    assert listed(project) == [(2, "dirt", "Dirt"), (3, "chip", ""), (1, "gap", "")]
    assert project.verify().is_whole


def test_a_class_that_was_taken_out_comes_back_by_its_code(project: Project) -> None:
    crack, dirt = drafts(project)
    project.edit_classes([crack, replace(dirt, retired=True)])
    assert listed(project) == [(1, "crack", "")]
    assert project.edit_classes([crack, ClassDraft(None, "dirt", {"en": "Dirt"})]) == [1, 2]
    assert listed(project)[1] == (2, "dirt", "Dirt")
    project.set_class(2, retired=True)
    assert project.add_class("dirt") == 2 and len(listed(project)) == 2
    project.undo()
    assert len(listed(project)) == 1


def test_nothing_changes_nothing_is_remembered(project: Project) -> None:
    last = project.next_undo()
    project.edit_classes(drafts(project))
    assert project.next_undo() == last


@pytest.mark.parametrize(
    "wrong",
    [
        [ClassDraft(1, "dirt")],
        [ClassDraft(None, "dirt")],
        [ClassDraft(1, "x"), ClassDraft(2, "x")],
        [ClassDraft(1, "dirt"), ClassDraft(2, "crack")],
        [ClassDraft(1, " ")],
        [ClassDraft(1, "crack", colour="red")],
    ],
    ids=["taken", "taken by a new one", "twice", "swapped", "empty", "colour"],
)
def test_what_cannot_be_is_refused_as_a_whole(project: Project, wrong: list[ClassDraft]) -> None:
    before = project.classes(retired=True)
    with pytest.raises(InputError):
        project.edit_classes(wrong)
    assert project.classes(retired=True) == before


def test_the_book_holds_places_once_and_says_who_took_one_out(project: Project) -> None:
    first = project.add_example(1, 1, "example", box=(1, 1, 5, 4), note="typical")
    assert project.add_example(1, 1, "example", box=(1, 1, 5, 4)) == first
    limit = project.add_example(1, 2, "limit_good", box=(0, 0, 8, 8))
    project.add_example(2, 2, "example", box=(0, 0, 8, 8))
    assert [(one.id, one.kind, one.box, one.note) for one in project.examples(1)] == [
        (first, "example", (1, 1, 5, 4), "typical"),
        (limit, "limit_good", (0, 0, 8, 8), ""),
    ]
    project.remove_example(first)
    assert [one.id for one in project.examples(1)] == [limit]
    last = list(project.audit_rows())[-1]
    assert (last.action, last.subject_id, last.who) == ("remove example", 1, "AB") and "typical" in (last.before or "")
    with pytest.raises(ProjectError):
        project.remove_example(first)
    with pytest.raises(ProjectError):
        project.add_example(9, 1, "example", box=(0, 0, 2, 2))
    with pytest.raises(InputError):
        project.add_example(1, 1, "example", box=(3, 3, 3, 5))


def test_a_note_is_withdrawn_and_comes_back(project: Project) -> None:
    note = project.add_note("image", 1, "glare")
    project.withdraw_note(note)
    assert project.notes("image", 1) == []
    step = project.undo()
    assert step is not None and step.images == (1,) and step.image_id == 1
    assert [(one.text, one.who) for one in project.notes("image", 1)] == [("glare", "AB")]
    project.undo()
    with pytest.raises(ProjectError):
        project.withdraw_note(note)


def test_a_scale_can_be_taken_back(project: Project) -> None:
    view = project.views()[0]
    project.set_scale(view.id, 3.7)
    project.set_scale(view.id, 1 / 3)
    assert project.views()[0].scale_um == 1 / 3
    project.undo()
    assert project.views()[0].scale_um == 3.7
    project.undo()
    assert project.views()[0].scale_um is None
    with pytest.raises(InputError):
        project.set_scale(view.id, 0.0)


def test_the_lists_of_chips_and_vials_share_a_project(project: Project) -> None:
    lists = [preset_classes(name) for name in PRESETS]
    project.edit_classes([*drafts(project), *(one for drafted in lists for one in drafted if one.code != "crack")])
    codes = [one.code for one in project.classes()]
    assert len(codes) == len(set(codes)) == sum(map(len, lists)) - 1 + 2
    assert next(one for one in project.classes() if one.code == "no_die").names["de"] == "Chip fehlt"


def test_the_worst_come_first_by_what_the_newest_training_says(tmp_path: Path) -> None:
    scores = {"a": 0.2, "b": 0.9, "c": None, "d": 0.5}
    shots = [Shot(name, "good", "test", score) for name, score in scores.items()]
    with make_project(tmp_path, shots) as project:
        assert worst_first(project, product="nut", view="main") is None
        run = add_training(project, shots)
        found = worst_first(project, product="nut", view="main")
        assert found is not None and found.number == run.number
        names = {image.id: image.path.stem for image in project.images()}
        assert [names[image_id] for image_id in found.ids.tolist()] == ["b", "d", "a", "c"]
        add_scoring(project, run, [Shot("c", "good", "test", 0.7)], purpose="lot")
        add_scoring(project, run, [Shot("a", "good", "test", 0.99)], purpose="again", passes=5)
        found = worst_first(project, product="nut", view="main")
        assert found is not None and [names[image_id] for image_id in found.ids.tolist()] == ["b", "c", "d", "a"]
        assert worst_first(project, product="bolt", view="main") is None
