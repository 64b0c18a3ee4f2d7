"""Annotations out of a project and into another one: matched by path, nobody's work overwritten, differences listed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.annotation.formats import Style
from core.annotation.masks import Mask
from core.errors import InputError
from core.imaging import save_png
from core.project import NewImage, Project
from core.workflow.annotations import ExportReport, ImportReport, export_annotations, import_annotations
from core.workflow.disagreement import as_csv

SIZE = (24, 32)
PLACES = ("test/crack/000.png", "test/dent/000.png", "test/crack/Größe 001.png", "train/good/000.png")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number, place in enumerate(PLACES):
        save_png(tmp_path / "nut" / place, np.full((*SIZE, 3), number, np.uint8))
    return tmp_path / "nut"


def a_project(pictures: Path, folder: Path, author: str = "AB") -> Project:
    """One product; two images of one name in different classes, one good, one with letters beyond ASCII."""
    rows = []
    for place in PLACES:
        split, code, _ = place.split("/")
        label = "good" if code == "good" else "defective"
        rows.append(
            NewImage(
                pictures / place,
                "nut",
                split=split,  # type: ignore[arg-type]
                label=label,  # type: ignore[arg-type]
                defect_class="" if code == "good" else code,
                part=place,
                lot="L1",
                width=SIZE[1],
                height=SIZE[0],
            )
        )
    project = Project.create(folder, author=author)
    project.add_images(rows, root=pictures)
    return project


def ids(project: Project) -> dict[str, int]:
    return {row.relative: row.id for row in project.images()}


def paint(project: Project, place: str, box: tuple[int, int, int, int], code: str, **how: Any) -> Mask:
    """A box with a hole on an image, beside what it has."""
    image = ids(project)[place]
    before = project.mask(image, **how)
    mask = np.zeros(SIZE, np.uint8) if before is None else before.copy()
    x0, y0, x1, y1 = box
    mask[y0:y1, x0:x1] = project.add_class(code)
    mask[(y0 + y1) // 2, (x0 + x1) // 2] = 0
    project.import_mask(image, mask, **how)
    return mask


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("mvtec", None),
        ("labelme", "polygons"),
        ("labelme", "masks"),
        ("coco", "polygons"),
        ("coco", "masks"),
        ("yolo", None),
    ],
)
def test_masks_go_to_another_project_and_only_to_the_images_they_are_of(
    pictures: Path, tmp_path: Path, name: str, style: Style | None
) -> None:
    with a_project(pictures, tmp_path / "one") as one, a_project(pictures, tmp_path / "two", "CD") as two:
        two.add_class("something else")  # numbers differ
        paint(one, PLACES[0], (2, 2, 9, 9), "crack", origin="person")
        paint(one, PLACES[0], (15, 5, 22, 20), "Größe", origin="person")
        paint(one, PLACES[1], (3, 3, 30, 20), "dent")
        paint(one, PLACES[2], (0, 0, 5, 5), "crack")
        out = export_annotations(one, tmp_path / "out", name, style=style)
        assert (out.masks, out.problems) == (3, [])
        assert export_annotations(one, tmp_path / "out", name, style=style).written == 0
        report = import_annotations(two, tmp_path / "out", author="CD")
        assert (report.format, report.written, report.problems, report.conflicts) == (name, 3, [], [])
        there, codes = ids(two), {one.id: one.code for one in two.classes()}
        for place, image in ids(one).items():
            first, second = one.mask(image), two.mask(there[place], origin="import", author="CD")
            assert (first is None) == (second is None), place
            if first is not None and second is not None:
                wanted = {one.id: one.code for one in one.classes()}
                assert [wanted.get(v) for v in first.ravel()] == [codes.get(v) for v in second.ravel()]
        again = import_annotations(two, tmp_path / "out", author="CD")
        assert (again.written, again.unchanged) == (0, 3)


def exchange(project: Project, other: Project, folder: Path, **how: Any) -> tuple[ExportReport, ImportReport]:
    out = export_annotations(project, folder, "coco", style="masks")
    return out, import_annotations(other, folder, "coco", **how)


def test_two_annotators_keep_their_masks_and_see_where_they_differ(pictures: Path, tmp_path: Path) -> None:
    with a_project(pictures, tmp_path / "one", "CD") as one, a_project(pictures, tmp_path / "two") as two:
        paint(one, PLACES[0], (2, 2, 12, 12), "crack", origin="person")
        paint(one, PLACES[1], (2, 2, 12, 12), "dent", origin="person")
        mine = paint(two, PLACES[0], (2, 2, 12, 7), "crack", origin="person")
        two.import_mask(ids(two)[PLACES[1]], np.where(one.mask(ids(one)[PLACES[1]]) > 0, 2, 0).astype(np.uint8))  # type: ignore[operator]
        two.add_class("dent")
        _, report = exchange(one, two, tmp_path / "out", author="CD")
        assert report.written == 2
        (conflict,) = report.conflicts  # the dents are the same
        assert (conflict.image, conflict.what, conflict.whom) == (PLACES[0], "mask", "AB (painted)")
        theirs = one.mask(ids(one)[PLACES[0]])
        assert theirs is not None
        assert conflict.pixels == np.count_nonzero(theirs != mine)
        assert conflict.iou == pytest.approx(((theirs > 0) & (mine > 0)).sum() / ((theirs > 0) | (mine > 0)).sum())
        assert conflict.counts == "The mask painted by AB counts, as before"
        image = ids(two)[PLACES[0]]
        assert np.array_equal(two.mask(image), mine)  # type: ignore[arg-type]
        assert np.array_equal(two.mask(image, origin="import", author="CD"), theirs)  # type: ignore[arg-type]
        table = list(csv.DictReader(io.StringIO(as_csv(report.conflicts).removeprefix("\ufeff"))))
        assert table[0]["image"] == PLACES[0] and table[0]["pixels"] == str(conflict.pixels)
        assert json.loads(json.dumps(report.as_json()))["conflicts"][0]["iou"] == conflict.iou
        paint(one, PLACES[0], (20, 2, 24, 6), "crack", origin="person")
        _, later = exchange(one, two, tmp_path / "out", author="CD")
        assert (later.written, later.replaced, later.unchanged, len(later.conflicts)) == (1, 1, 1, 1)


def test_of_two_imported_masks_the_later_counts_and_is_said_to(pictures: Path, tmp_path: Path) -> None:
    with a_project(pictures, tmp_path / "one", "CD") as one, a_project(pictures, tmp_path / "two") as two:
        paint(one, PLACES[0], (2, 2, 12, 12), "crack")
        paint(two, PLACES[0], (2, 2, 12, 7), "crack", author="EF")
        _, report = exchange(one, two, tmp_path / "out", author="CD")
        assert [one.counts for one in report.conflicts] == ["The mask imported by CD counts now, the other one is kept"]
        assert np.array_equal(two.mask(ids(two)[PLACES[0]]), one.mask(ids(one)[PLACES[0]]))  # type: ignore[arg-type]
        assert {layer.author for layer in two.layers(ids(two)[PLACES[0]])} == {"CD", "EF"}


def coco_of(folder: Path, *names: str, size: tuple[int, int] = SIZE) -> Path:
    """A COCO file with a square on images of these names."""
    images = [{"id": n, "file_name": name, "width": size[1], "height": size[0]} for n, name in enumerate(names)]
    square = [[1, 1, 4, 1, 4, 4, 1, 4]]
    annotations = [{"id": n, "image_id": n, "category_id": 1, "segmentation": square} for n in range(len(names))]
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "crack"}]}
    folder.mkdir(exist_ok=True)
    (folder / "all.json").write_text(json.dumps(document), encoding="utf-8")
    return folder / "all.json"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("/elsewhere/nut/test/crack/000.png", PLACES[0]),
        ("D:\\data\\test\\dent\\000.png", PLACES[1]),
        ("dent/000.png", PLACES[1]),
        ("train/good/000.png", PLACES[3]),
        ("Gro\u0308ße 001.png", PLACES[2]),  # as some systems write it
        ("images/Größe 001.png", PLACES[2]),
        ("000.png", "fits 3 images by its name"),
        ("images/000.png", "fits 3 images by its name"),
        ("train/good/Größe 001.png", "test/crack/Größe 001.png has its name, but belongs elsewhere"),
        ("test/dent/Größe 001.png", "has its name, but belongs elsewhere"),
        ("999.png", "has no image of its name"),
    ],
)
def test_an_image_is_found_by_its_folders_and_never_guessed(
    pictures: Path, tmp_path: Path, name: str, place: str
) -> None:
    with a_project(pictures, tmp_path / "project") as project:
        report = import_annotations(project, coco_of(tmp_path / "in", name), author="CD")
        found = [one.relative for one in project.images(ids=project.masked_images())]
        if place in PLACES:
            assert (found, report.problems) == ([place], [])
        else:
            assert found == [] and place in report.problems[0] and "image 0" in report.problems[0]


def test_what_cannot_be_read_is_named_and_the_rest_comes_in(pictures: Path, tmp_path: Path) -> None:
    with a_project(pictures, tmp_path / "project") as project:
        paint(project, PLACES[0], (2, 2, 9, 9), "crack")
        paint(project, PLACES[1], (2, 2, 9, 9), "dent")
        paint(project, PLACES[2], (2, 2, 9, 9), "crack")
        export_annotations(project, tmp_path / "out", "labelme")
        broken = tmp_path / "out" / "test" / "dent" / "000.json"
        broken.write_text(broken.read_text()[:-40])
        odd = tmp_path / "out" / "test" / "crack" / "Größe 001.json"
        odd.write_text(
            odd.read_text(encoding="utf-8").replace('"imageWidth": 32', '"imageWidth": 99'), encoding="utf-8"
        )
        report = import_annotations(project, tmp_path / "out", author="CD")
        assert report.written == 1
        said = dict(report.left_out)
        assert "this file is no JSON: line" in said[broken] and "column" in said[broken]
        assert "measures 99 x 24 pixels, its image 32 x 24" in said[odd]
        before = broken.read_text()
        again = export_annotations(project, tmp_path / "out", "labelme", overwrite=True)
        assert [path for path, _ in again.left_out] == [broken] and broken.read_text() == before


def test_overlaps_are_told_and_the_later_shape_counts(pictures: Path, tmp_path: Path) -> None:
    file = coco_of(tmp_path / "in", PLACES[0])
    document = json.loads(file.read_text())
    document["categories"].append({"id": 2, "name": "dent"})
    document["annotations"].append(
        {"id": 7, "image_id": 0, "category_id": 2, "segmentation": [[2, 2, 6, 2, 6, 6, 2, 6]]}
    )
    file.write_text(json.dumps(document))
    with a_project(pictures, tmp_path / "project") as project:
        report = import_annotations(project, file)
        (said,) = [words for _, words in report.overlaps]
        assert "annotation 7 (dent) lies over 4 pixels that were crack before" in said
        mask = project.mask(ids(project)[PLACES[0]])
        codes = {one.code: one.id for one in project.classes()}
        assert mask is not None and mask[2, 2] == codes["dent"] and mask[1, 1] == codes["crack"]


def test_a_file_that_shows_nothing_any_more_empties_what_its_author_brought(pictures: Path, tmp_path: Path) -> None:
    labels = tmp_path / "in" / "labels" / "dent" / "000.txt"
    labels.parent.mkdir(parents=True)
    (tmp_path / "in" / "classes.txt").write_text("dent\n")
    labels.write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    with a_project(pictures, tmp_path / "project") as project:
        assert import_annotations(project, tmp_path / "in", author="CD").written == 1
        labels.write_text("")
        assert import_annotations(project, tmp_path / "in", author="EF").empty == 1
        report = import_annotations(project, tmp_path / "in", author="CD")
        assert (report.written, report.replaced) == (1, 1)
        mask = project.mask(ids(project)[PLACES[1]])
        assert mask is not None and not mask.any()


def test_labels_go_out_and_in_and_what_is_set_stays(pictures: Path, tmp_path: Path) -> None:
    with a_project(pictures, tmp_path / "one") as one, a_project(pictures, tmp_path / "two") as two:
        export_annotations(one, tmp_path / "out", "csv")
        table = (tmp_path / "out" / "labels.csv").read_text(encoding="utf-8-sig")
        assert "test/crack/Größe 001.png,nut,main,test,defective,crack,L1" in table
        there = ids(two)
        two.set_label([there[PLACES[0]]], "unlabelled")
        two.set_split([there[PLACES[0]]], "unused")
        two.set_label([there[PLACES[1]]], "good")
        report = import_annotations(two, tmp_path / "out")
        assert (report.labelled, report.unchanged) == (1, 2)
        assert [(one.image, one.what, one.theirs, one.here) for one in report.conflicts] == [
            (PLACES[1], "label", "defective", "good")
        ]
        first, second = two.image(there[PLACES[0]]), two.image(there[PLACES[1]])
        assert (first.label, first.defect_class, first.split, second.label) == ("defective", "crack", "test", "good")
        assert import_annotations(two, tmp_path / "out", overwrite=True).labelled == 1
        assert two.image(there[PLACES[1]]).defect_class == "dent"
        two.undo()
        assert two.image(there[PLACES[1]]).label == "good"


def test_lines_of_a_table_that_cannot_be_are_named(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "file;Label;split\ncrack/000.png;maybe;\ncrack/000.png;NG;val\n999.png;good;\n;good;\ndent/000.png;good;attic\n"
    )
    with a_project(pictures, tmp_path / "project") as project:
        report = import_annotations(project, tmp_path / "t.csv")
        said = " ".join(words for _, words in report.left_out)
        for words in ("(line 2) cannot be used ('maybe' is no label)", "(line 4) has no image", "(line 5)", "'attic'"):
            assert words in said
        assert [(one.what, one.theirs, one.here) for one in report.conflicts] == [("split", "tuning", "test")]
        (tmp_path / "t.csv").write_text("what\nx\n")
        ((_, words),) = import_annotations(project, tmp_path / "t.csv", "csv").left_out
        assert "line 1: a column “image”" in words


def test_what_there_is_not_is_refused_before_anything_is_written(pictures: Path, tmp_path: Path) -> None:
    with a_project(pictures, tmp_path / "project") as project:
        for call in (
            lambda: export_annotations(project, tmp_path / "out", "pascal"),
            lambda: export_annotations(project, tmp_path / "out", "yolo", style="masks"),
            lambda: export_annotations(project, tmp_path / "out", product="bolt"),
            lambda: export_annotations(project, pictures / PLACES[0]),
            lambda: import_annotations(project, tmp_path / "nowhere"),
            lambda: import_annotations(project, tmp_path / "nowhere", "coco"),
            lambda: import_annotations(project, pictures, "coco"),
            lambda: import_annotations(project, pictures, product="bolt"),
        ):
            with pytest.raises(InputError):
                call()
        assert not (tmp_path / "out").exists()


def test_only_the_masks_of_one_author_go_out(pictures: Path, tmp_path: Path) -> None:
    with a_project(pictures, tmp_path / "project") as project:
        paint(project, PLACES[0], (2, 2, 9, 9), "crack", origin="person", author="AB")
        paint(project, PLACES[1], (2, 2, 9, 9), "dent", origin="person", author="CD")
        assert export_annotations(project, tmp_path / "out", "labelme", author="CD").masks == 1
        assert [path.parent.name for path in (tmp_path / "out").rglob("*.json") if path.name[0] != "."] == ["dent"]


def test_an_export_that_is_cancelled_knows_what_it_wrote(pictures: Path, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def progress(phase: str, done: int, total: int | None) -> None:
        if done == 2:
            raise Enough

    with a_project(pictures, tmp_path / "project") as project:
        for place in PLACES[:3]:
            paint(project, place, (2, 2, 9, 9), "crack")
        with pytest.raises(Enough):
            export_annotations(project, tmp_path / "out", "labelme", progress=progress)
        assert len([path for path in (tmp_path / "out").rglob("*.json") if path.name[0] != "."]) == 1
        paint(project, PLACES[0], (12, 12, 20, 20), "crack")
        assert export_annotations(project, tmp_path / "out", "labelme").left_out == []
