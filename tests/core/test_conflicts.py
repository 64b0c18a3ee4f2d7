"""An import is one step of undo, also tomorrow; where masks of two people differ a person chooses, and that counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.annotation.masks import Mask, delta_between
from core.errors import ProjectError
from core.project import NewImage, OpenStep, Project
from core.project.table import DECIDED, OPEN
from core.words import MaskChoice
from core.workflow.annotations import ImportReport, import_annotations

SIZE = (16, 20)


def box(x0: int, y0: int, x1: int, y1: int, value: int = 1) -> Mask:
    mask = np.zeros(SIZE, np.uint8)
    mask[y0:y1, x0:x1] = value
    return mask


MINE, THEIRS = box(1, 1, 7, 7), box(3, 3, 11, 9)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three images; AB painted the first."""
    rows = [
        NewImage(tmp_path / f"{n}.png", "nut", label="defective", size=1, mtime_ns=n, width=SIZE[1], height=SIZE[0])
        for n in range(1, 4)
    ]
    with Project.create(tmp_path / "work", "nut", author="AB") as made:
        made.add_images(rows, root=tmp_path)
        made.add_class("crack")
        paint(made, 1, MINE)
        yield made


def paint(project: Project, image: int, wanted: Mask, author: str | None = None) -> None:
    before = project.mask(image)
    delta = delta_between(np.zeros(SIZE, np.uint8) if before is None else before, wanted)
    assert delta is not None
    project.add_stroke(image, delta, tool="brush", class_id=1, author=author)


def brings(project: Project, folder: Path, author: str, masks: dict[int, Mask], code: str = "crack") -> ImportReport:
    """A COCO file with a rectangle an image, imported as the work of `author`."""
    images, shapes = [], []
    for image, mask in masks.items():
        images.append({"id": image, "file_name": f"{image}.png", "width": SIZE[1], "height": SIZE[0]})
        ys, xs = np.nonzero(mask)
        x0, y0, x1, y1 = (int(one) for one in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
        corners = [[x0, y0, x1, y0, x1, y1, x0, y1]]
        shapes.append({"id": image, "image_id": image, "category_id": 1, "segmentation": corners})
    document = {"images": images, "annotations": shapes, "categories": [{"id": 1, "name": code}]}
    folder.mkdir(exist_ok=True)
    (folder / f"{author}.json").write_text(json.dumps(document))
    return import_annotations(project, folder / f"{author}.json", "coco", author=author)


def shown(project: Project, image: int) -> Mask | None:
    return project.mask(image)


def same(mask: Mask | None, other: Mask | None) -> bool:
    return (mask is None and other is None) or (mask is not None and other is not None and np.array_equal(mask, other))


def test_an_import_is_one_step_with_its_classes_also_after_a_restart(project: Project, tmp_path: Path) -> None:
    before = [one.code for one in project.classes()]
    report = brings(project, tmp_path / "cd", "CD", {1: THEIRS, 2: THEIRS, 3: MINE}, code="dent")
    assert (report.written, report.classes) == (3, ["dent"])
    dent = next(one.id for one in project.classes() if one.code == "dent")
    assert project.masked_images() == [1, 2, 3] and project.image_table().masked.all()
    project.close()
    with Project.open(tmp_path / "work", author="AB") as again:
        step = again.undo()
        assert step is not None and step.label == "Import annotations by CD" and step.images is None
        assert [one.code for one in again.classes()] == before
        assert again.masked_images() == [1] and again.image_table().masked.tolist() == [True, False, False]
        assert same(again.mask(1), MINE) and again.mask(2) is None and len(again.layers(1)) == 1
        assert again.mask(2, origin="import", author="CD") is None
        assert again.redo() is not None
        assert same(again.mask(2), np.where(THEIRS > 0, dent, 0).astype(np.uint8))
        assert "dent" in [one.code for one in again.classes()] and again.masked_images() == [1, 2, 3]
        assert again.undo() is not None and brings(again, tmp_path / "cd", "CD", {2: THEIRS}, code="dent").written == 1
        assert "dent" in [one.code for one in again.classes()]
        assert again.verify().is_whole


def test_an_import_that_replaced_one_gives_that_back_and_who_counted(project: Project, tmp_path: Path) -> None:
    brings(project, tmp_path / "a", "CD", {2: MINE})
    brings(project, tmp_path / "b", "EF", {2: box(0, 0, 3, 3)})
    brings(project, tmp_path / "c", "CD", {2: THEIRS})
    assert same(project.mask(2), THEIRS)
    project.undo()
    assert same(project.mask(2), box(0, 0, 3, 3))
    assert same(project.mask(2, origin="import", author="CD"), MINE)
    project.undo()
    assert same(project.mask(2), MINE)


def test_what_was_painted_on_an_imported_mask_goes_before_the_import_does(project: Project, tmp_path: Path) -> None:
    brings(project, tmp_path / "cd", "CD", {2: THEIRS})
    paint(project, 2, THEIRS | box(15, 10, 18, 14))
    paint(project, 2, THEIRS | box(15, 10, 19, 15))
    project.fold_strokes(2)
    for wanted in (THEIRS | box(15, 10, 18, 14), THEIRS, None):
        project.undo()
        assert same(project.mask(2), wanted)
    assert project.layers(2) == [] and not project.image_table().masked[1]
    for wanted in (THEIRS, THEIRS | box(15, 10, 18, 14), THEIRS | box(15, 10, 19, 15)):
        project.redo()
        assert same(project.mask(2), wanted)
    for _ in range(3):
        project.undo()
    paint(project, 2, box(0, 0, 2, 2))  # on an image that has lost all it had
    assert same(project.mask(2), box(0, 0, 2, 2)) and project.redo() is None
    project.undo()
    assert project.mask(2) is None


def test_classes_merged_before_an_import_is_undone_stay_merged(project: Project, tmp_path: Path) -> None:
    dent = project.add_class("dent")
    brings(project, tmp_path / "cd", "CD", {2: MINE})
    project.merge_class(1, dent)
    brings(project, tmp_path / "cd", "CD", {2: THEIRS}, code="dent")
    project.undo()
    assert same(project.mask(2), np.where(MINE > 0, dent, 0).astype(np.uint8))
    project.merge_class(dent, project.add_class("scratch"))
    assert same(project.mask(2), np.where(MINE > 0, 3, 0).astype(np.uint8))


def test_a_step_that_was_undone_while_it_went_on_becomes_two(project: Project) -> None:
    step = OpenStep("Import", "somewhere")
    project.import_masks([(2, MINE)], author="CD", step=step)
    project.undo()
    project.import_masks([(3, THEIRS)], author="CD", step=step)
    assert project.mask(2) is None and same(project.mask(3), THEIRS)
    project.undo()
    assert project.mask(3) is None


def test_a_table_of_labels_is_one_step(project: Project, tmp_path: Path) -> None:
    table = "image,label,class,split\n1.png,good,,test\n2.png,defective,dent,tuning\n3.png,good,,train\n"
    (tmp_path / "labels.csv").write_text(table)
    before = [(row.label, row.defect_class, row.split) for row in project.images()]
    import_annotations(project, tmp_path / "labels.csv", "csv", overwrite=True)
    assert [row.label for row in project.images()] == ["good", "defective", "good"]
    project.undo()
    assert [(row.label, row.defect_class, row.split) for row in project.images()] == before
    assert [one.code for one in project.classes()] == ["crack"]


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [("mine", MINE), ("theirs", THEIRS), ("both", MINE | THEIRS)],
)
def test_a_choice_between_a_painted_and_an_imported_mask(
    project: Project, tmp_path: Path, choice: MaskChoice, wanted: Mask
) -> None:
    report = brings(project, tmp_path / "cd", "CD", {1: THEIRS, 2: THEIRS})
    assert [one.image for one in report.conflicts] == ["1.png"]
    assert project.image_table().conflict.tolist() == [OPEN, 0, 0]
    counting, (other, *rest) = project.others(1)
    assert counting is not None and (counting.author, other.author, other.conflict, rest) == ("AB", "CD", "open", [])
    project.decide(1, other.id, choice)
    assert same(project.mask(1), wanted) and project.image_table().conflict.tolist() == [DECIDED, 0, 0]
    assert same(project.mask(1, origin="import", author="CD"), THEIRS)
    assert [one.conflict for one in project.conflicts()] == [choice]
    assert brings(project, tmp_path / "cd", "CD", {1: THEIRS}).written == 0  # nothing new: what was decided stays
    assert project.image_table().conflict[0] == DECIDED
    step = project.undo()
    assert step is not None and step.images == (1,) and step.image_id == 1
    assert same(project.mask(1), MINE) and project.image_table().conflict[0] == OPEN
    project.redo()
    assert same(project.mask(1), wanted) and project.image_table().conflict[0] == DECIDED
    for _ in range(2):
        project.undo()
    assert project.conflicts() == [] and same(project.mask(1), MINE)


@pytest.mark.parametrize(("choice", "wanted"), [("mine", THEIRS), ("theirs", MINE)])
def test_of_two_imported_masks_a_person_chooses_and_no_later_one_takes_its_place(
    project: Project, tmp_path: Path, choice: MaskChoice, wanted: Mask
) -> None:
    brings(project, tmp_path / "ef", "EF", {2: MINE})
    brings(project, tmp_path / "cd", "CD", {2: THEIRS})
    counting, (other,) = project.others(2)
    assert counting is not None and (counting.author, other.author) == ("CD", "EF")
    project.decide(2, other.id, choice)
    assert same(project.mask(2), wanted) and project.image_table().conflict[1] == DECIDED
    brings(project, tmp_path / "gh", "GH", {2: box(0, 0, 2, 2)})
    assert same(project.mask(2), wanted) and project.image_table().conflict[1] == OPEN
    project.undo()
    assert project.image_table().conflict[1] == DECIDED
    project.undo()
    assert same(project.mask(2), THEIRS) and {one.author for one in project.layers(2)} == {"EF", "CD"}


def test_what_is_no_longer_there_cannot_be_chosen(project: Project, tmp_path: Path) -> None:
    brings(project, tmp_path / "cd", "CD", {1: THEIRS})
    other = project.others(1)[1][0]
    project.undo()
    with pytest.raises(ProjectError, match="no longer there"):
        project.decide(1, other.id, "theirs")


@pytest.mark.parametrize(
    ("mask", "code", "words"),
    [
        (
            MINE,
            "dent",
            "the same place, another class on 36 pixels (dent 36 px came in, crack 36 px by AB (painted))",
        ),
        (THEIRS, "crack", "52 pixels differ in place, IoU 0.24 ("),
        (THEIRS, "dent", "52 pixels differ in place, IoU 0.24, and 16 in class ("),
    ],
)
def test_a_conflict_says_what_differs(project: Project, tmp_path: Path, mask: Mask, code: str, words: str) -> None:
    (conflict,) = brings(project, tmp_path / "cd", "CD", {1: mask}, code=code).conflicts
    assert words in str(conflict)
