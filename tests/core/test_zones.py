"""Regions as a person changes them: versions, undo and redo, zones of single images, cells, masks from a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.annotation.roi import placed_box, rasterise
from core.errors import InputError
from core.imaging import save_png
from core.project import Alignment, Cell, NewImage, Project, Zone
from core.workflow import aligning, findings, listing, readiness, templates, training, zone_masks, zones

WIDTH, HEIGHT = 96, 64
V1 = Path(__file__).parents[1] / "data" / "projects" / "v1.flawscope"
V2 = V1.with_name("v2.flawscope")


def _part(across: int, down: int) -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    cv2.rectangle(picture, (24 + across, 16 + down), (64 + across, 46 + down), (200, 190, 170), -1)
    cv2.circle(picture, (36 + across, 26 + down), 5, (20, 40, 60), -1)
    cv2.line(picture, (44 + across, 40 + down), (60 + across, 22 + down), (240, 30, 30), 2)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)


SHIFTS = {1: (0, 0), 2: (6, 3), 3: (-5, -4), 4: (3, -2)}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Four images of a part that lies differently in each, a fifth that shows nothing; one of them is for testing."""
    rows = []
    for number in range(1, 6):
        split = "test" if number == 4 else "train"
        path = tmp_path / "pictures" / split / "good" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(path, _part(*SHIFTS[number]) if number in SHIFTS else np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        rows.append(NewImage(path, "chip", split=split, label="good", width=WIDTH, height=HEIGHT))
    with Project.create(tmp_path / "work", "work", author="AB") as made:
        made.add_images(rows, root=tmp_path / "pictures")
        yield made


def _view(project: Project) -> int:
    return project.views()[0].id


def _box(*corners: int, name: str = "part", sign: str = "inspect") -> Zone:
    return Zone(name, sign, {"box": list(corners)})  # type: ignore[arg-type]


# -- versions, undo, redo


def test_every_change_is_a_step_back_and_forth(project: Project) -> None:
    view = _view(project)
    first = project.change_roi(view, zones=[_box(1, 2, 30, 40)], template_image_id=1)
    second = project.change_roi(view, cells=[Cell("1", (0, 0, 9, 9))], label="add a cell")
    assert (second.zones, second.template_image_id, second.number) == (first.zones, 1, 2)

    step = project.undo()
    assert step is not None and (step.label, step.images, step.views) == ("add a cell", (), (view,))
    assert project.roi(view) == first and project.roi_ids() == {view: first.id}
    project.undo()
    assert project.roi(view) is None and project.roi_ids() == {}
    project.redo()
    project.redo()
    assert project.roi(view) == second
    assert [roi.is_withdrawn for roi in project.rois(view)] == [False, False]
    assert project.verify().is_whole


def test_what_was_undone_never_comes_back_into_a_new_version(project: Project) -> None:
    view = _view(project)
    project.change_roi(view, zones=[_box(1, 2, 30, 40)])
    project.change_roi(view, cells=[Cell("1", (0, 0, 9, 9))])
    project.undo()
    third = project.change_roi(view, settings={"align": "translation"})
    assert third.number == 3 and third.cells == () and len(third.zones) == 1
    assert project.redo() is None


def test_undo_survives_a_restart(project: Project) -> None:
    view = _view(project)
    project.change_roi(view, zones=[_box(1, 2, 30, 40)])
    project.close()
    with Project.open(project.file, author="CD") as again:
        again.undo()
        assert again.roi(view) is None
        again.redo()
        assert again.roi(view) is not None


def test_how_the_template_lies_stays_known_while_it_is_the_same(project: Project) -> None:
    view = _view(project)
    first = project.change_roi(view, zones=[_box(1, 2, 30, 40)], template_image_id=1)
    lies = Alignment(2, (1, 0, 3, 0, 1, -2), 0.9, "phase correlation", "model")
    project.set_alignments(first.id, [lies])

    own = project.change_roi(view, own=[(3, [_box(0, 0, 5, 5)])])
    assert project.alignments(own.id) == [lies]
    moved = project.change_roi(view, zones=[_box(1, 2, 31, 40)])
    assert [(one.matrix, one.confidence) for one in project.alignments(moved.id)] == [(lies.matrix, None)]
    other = project.change_roi(view, template_image_id=4)
    assert project.alignments(other.id) == []


def test_two_cells_of_one_name_are_refused(project: Project) -> None:
    with pytest.raises(InputError, match="two cells"):
        project.change_roi(_view(project), cells=[Cell("1", (0, 0, 9, 9)), Cell("1", (9, 0, 18, 9))])
    assert project.roi(_view(project)) is None


def test_a_project_of_version_1_gets_undo_of_regions(tmp_path: Path) -> None:
    shutil.copy(V1, tmp_path / "old.flawscope")
    with Project.open(tmp_path / "old.flawscope", read_only=True) as old:
        before = old.roi(old.views()[0].id)
        assert before is not None and [zone.name for zone in before.zones] == ["die"]
    with Project.open(tmp_path / "old.flawscope", author="AB") as project:
        view = project.views()[0].id
        assert project.roi(view) == before
        project.change_roi(view, cells=[])
        project.undo()
        assert project.roi(view) == before
        assert len([backup for backup in project.backups() if backup.kind == "migration"]) == 1
        assert project.verify().is_whole


def test_a_project_of_version_2_opens_and_takes_its_region_back(tmp_path: Path) -> None:
    shutil.copy(V2, tmp_path / "old.flawscope")
    with Project.open(tmp_path / "old.flawscope", author="AB") as project:
        view = project.views()[0].id
        assert project.roi(view) is not None
        labels = []
        while (step := project.undo()) is not None:
            labels.append(step.label)
        assert "change ROI" in labels and project.roi(view) is None
        assert project.verify().is_whole


# -- zones of single images


def test_zones_of_one_image_replace_the_template_there_until_they_are_dropped(project: Project) -> None:
    view = _view(project)
    project.change_roi(view, zones=[_box(10, 10, 20, 20)], template_image_id=1)
    zones.set_own(project, view, 2, [_box(0, 0, 5, 5, name="here")])
    roi = project.roi(view)
    assert roi is not None and roi.own == {2}
    assert [zone.name for zone in zones.zones_on(project, roi, project.image(2))] == ["here"]
    assert [zone.name for zone in zones.zones_on(project, roi, project.image(3))] == ["part"]
    later = project.change_roi(view, cells=[Cell("1", (0, 0, 9, 9))])
    assert dict(project.all_own_zones(later.id)) == {2: project.own_zones(roi.id, 2)}

    dropped = zones.drop_own(project, view, [2, 3])
    assert dropped is not None and dropped.own == frozenset()
    assert zones.drop_own(project, view, [2]) == dropped
    project.undo()
    found = project.roi(view)
    assert found is not None and found.own == {2}


def test_a_region_is_copied_as_it_lies_and_in_one_step(project: Project) -> None:
    view = _view(project)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:20, 10:30] = 1
    drawn = [_box(30, 10, 50, 20), Zone("painted", "ignore", mask=mask)]
    roi = project.change_roi(view, zones=drawn, template_image_id=1)
    project.set_alignments(roi.id, [Alignment(2, (1, 0, 3, 0, 1, -2), 0.9, "phase correlation", "model")])

    zones.copy_to(project, 2, [3, 4])

    roi = project.roi(view)
    assert roi is not None and roi.own == {3, 4}
    box, painted = project.own_zones(roi.id, 4)
    assert box.shape == {"box": [33, 8, 53, 18]}
    assert painted.mask is not None and np.array_equal(painted.mask[8:18, 13:33], mask[10:20, 10:30])
    project.undo()
    roi = project.roi(view)
    assert roi is not None and not roi.own
    with pytest.raises(InputError, match="no other image"):
        zones.copy_to(project, 2, [2])


@given(st.floats(-0.3, 0.3), st.floats(0.8, 1.2), st.integers(-5, 5))
def test_a_turned_box_covers_what_the_turned_mask_covers(turn: float, scale: float, shift: int) -> None:
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    matrix = (a, -b, 60 - 40 * a + shift, b, a, 40 - 40 * b - 40 * a + 20)
    filled = np.zeros((120, 140), np.uint8)
    filled[30:60, 25:65] = 1
    boxed, masked = zones.moved([_box(25, 30, 65, 60), Zone("m", "inspect", mask=filled)], matrix, (140, 120))

    one, other = rasterise([boxed], 140, 120), rasterise([masked], 140, 120)

    assert one is not None and other is not None
    edge = cv2.dilate(other, np.ones((3, 3), np.uint8)) - cv2.erode(other, np.ones((3, 3), np.uint8))
    assert not (one != other)[edge == 0].any()


# -- cells


@given(st.integers(1, 40), st.floats(-90, 90), st.floats(-90, 90))
def test_repeats_lie_within_half_a_pixel_of_their_place(count: int, across: float, down: float) -> None:
    first = (10, 20, 50, 90)
    boxes = zones.repeated(first, count, pitch=(across, down))
    assert len(boxes) == count and boxes[0] == first
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        assert (x1 - x0, y1 - y0) == (40, 70)
        assert abs(x0 - 10 - number * across) <= 0.5 and abs(y0 - 20 - number * down) <= 0.5
    assert zones.repeated(first, count, last=boxes[-1])[-1] == boxes[-1]


def test_a_strip_of_five_vials_is_one_box_and_a_number() -> None:
    cells = zones.named_cells(zones.repeated((100, 10, 180, 300), 5, last=(503, 12, 583, 302)))
    assert [cell.name for cell in cells] == ["1", "2", "3", "4", "5"]
    assert [cell.box[:2] for cell in cells] == [(100, 10), (201, 10), (302, 11), (402, 12), (503, 12)]
    assert [cell.name for cell in zones.named_cells([cells[0].box] * 2, taken=["1", "3"])] == ["2", "4"]
    assert zones.repeated((0, 0, 10, 10), 3) == [(0, 0, 10, 10), (10, 0, 20, 10), (20, 0, 30, 10)]
    with pytest.raises(InputError):
        zones.repeated((0, 0, 10, 10), 0)


def test_a_cell_goes_along_with_the_template(project: Project) -> None:
    assert placed_box((10, 20, 30, 50), None) == (10, 20, 30, 50)
    assert placed_box((10, 20, 30, 50), (1, 0, 2.6, 0, 1, -3.4)) == (13, 17, 33, 47)
    assert placed_box((10, 20, 30, 50), (0, -1, 60, 1, 0, 5)) == (16, 10, 36, 40)  # a quarter turn: never tilted
    roi = project.change_roi(_view(project), cells=[Cell("A", (10, 10, 30, 40))], template_image_id=1)
    project.set_alignments(roi.id, [Alignment(2, (1, 0, 4, 0, 1, 2), 0.9, "phase correlation", "model")])

    (number,) = training.prepare(project, training.Order(preset="micro"))

    lines = (project.run_by_number(number).folder / "manifest.jsonl").read_text().splitlines()
    boxes = {row["id"]: row["boxes"] for row in map(json.loads, lines)}
    assert boxes[1] == [[10, 10, 30, 40]] and boxes[2] == [[14, 12, 34, 42]]


# -- a region as JSON


def test_a_region_goes_out_and_comes_back(project: Project, tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:9, 7:30] = 1
    roi = project.change_roi(
        _view(project),
        zones=[
            _box(1, 2, 30, 40),
            Zone("date", "ignore", {"polygon": [[1.5, 2.0], [9.0, 2.0], [9.0, 8.0]]}),
            Zone("rim", "inspect", mask=mask),
        ],
        cells=[Cell("left", (0, 0, 9, 9))],
        settings={"align": "similarity"},
    )
    document = json.loads(json.dumps(zones.written(roi, tmp_path)))

    given_ = zones.read({key: value for key, value in document.items() if key != "template"}, tmp_path)

    assert given_["settings"] == {"align": "similarity"} and given_["cells"] == list(roi.cells)
    for one, other in zip(given_["zones"], roi.zones, strict=True):
        assert (one.name, one.sign, dict(one.shape)) == (other.name, other.sign, dict(other.shape))
    assert np.array_equal(given_["zones"][2].mask, mask)


@pytest.mark.parametrize(
    "document",
    [
        {"zone": []},
        {"zones": [{"name": "a"}]},
        {"zones": [{"box": [1, 2, 3]}]},
        {"zones": [{"box": [5, 5, 5, 9]}]},
        {"zones": [{"box": [0, 0, 5, 9], "sign": "maybe"}]},
        {"zones": [{"polygon": [[0, 0], [1, "x"], [2, 2]]}]},
        {"zones": ["part"]},
        {"cells": {"first": [0, 0, 5, 5], "count": "many"}},
        {"cells": 5},
        {"align": "perspective"},
    ],
)
def test_what_makes_no_sense_is_named(document: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        zones.read(document, tmp_path)


# -- aligning


def test_a_view_is_aligned_and_what_may_lie_wrong_is_told(project: Project) -> None:
    (view,) = project.views()
    project.change_roi(view.id, zones=[_box(22, 14, 67, 49)], template_image_id=1, settings={"align": "translation"})
    assert aligning.fits(project, view).pending == 5
    seen: list[tuple[int, int | None]] = []

    report = aligning.align(project, view, progress=lambda phase, done, total: seen.append((done, total)))

    assert (report.aligned, [image for image, _ in report.low]) == (5, [5]) and seen[-1] == (5, 5)
    known = {one.image_id: one for one in project.alignments(project.roi_ids()[view.id])}
    for image_id, (across, down) in SHIFTS.items():
        matrix = known[image_id].matrix
        assert (matrix[2], matrix[5]) == (pytest.approx(across, abs=0.5), pytest.approx(down, abs=0.5))
    fits = aligning.fits(project, view)
    assert fits.pending == 0 and fits.worst(2)[0].image_id == 5
    assert [one.images for one in findings.look(project) if one.kind == "region"] == [(5,)]
    facts = readiness.gather(project, "chip", "main")
    line = readiness._region(facts, training.Order(preset="micro").config())
    assert line.state == "warning" and "On 1 image it may lie wrong" in line.sentence
    assert aligning.align(project, view).aligned == 0
    assert aligning.align(project, view, again=True).aligned == 5


def test_own_zones_end_the_doubt_and_new_images_are_aligned_before_a_training(project: Project) -> None:
    (view,) = project.views()
    project.change_roi(view.id, zones=[_box(22, 14, 67, 49)], template_image_id=1, settings={"align": "translation"})
    zones.set_own(project, view.id, 5, [_box(0, 0, 9, 9)])
    assert aligning.fits(project, view).pending == 4

    (number,) = training.prepare(project, training.Order(preset="micro"))

    assert aligning.fits(project, view).pending == 0 and not aligning.fits(project, view).low
    lines = (project.run_by_number(number).folder / "manifest.jsonl").read_text().splitlines()
    assert [row["matrix"] is None for row in map(json.loads, lines)] == [False, False, False, False, True]


def test_aligning_can_be_stopped_and_keeps_what_is_done(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (view,) = project.views()
    project.change_roi(view.id, zones=[_box(22, 14, 67, 49)], template_image_id=1, settings={"align": "translation"})
    monkeypatch.setattr(aligning, "_BATCH", 2)

    report = aligning.align(project, view, goes_on=lambda: False)

    assert report.was_stopped and report.aligned == 2 and aligning.fits(project, view).pending == 3


def test_without_aligning_a_few_images_are_looked_at_and_none_is_moved(project: Project) -> None:
    (view,) = project.views()
    project.change_roi(view.id, zones=[_box(22, 14, 67, 49)], template_image_id=1)
    report = aligning.align(project, view)
    assert report.sentences()[0].endswith("it was compared on 5 of 5 images.")
    assert report.aligned == 5 and {one.matrix for one in aligning.fits(project, view).known} == {(1, 0, 0, 0, 1, 0)}
    assert aligning.set_way(project, view.id, "similarity").settings == {"align": "similarity"}
    assert aligning.fits(project, view).pending == 5


def test_a_template_without_an_image_of_its_own_is_taken_from_the_usual_one(project: Project) -> None:
    (view,) = project.views()
    with pytest.raises(InputError, match="no region"):
        aligning.align(project, view)
    project.change_roi(view.id, zones=[_box(22, 14, 67, 49)], settings={"align": "translation"})
    assert templates.usual_template(project, view).id == 1
    report = aligning.align(project, view)
    assert report.aligned == 5 and [image for image, _ in report.low] == [5]


# -- masks from a folder


def test_masks_are_matched_by_split_and_path(project: Project, tmp_path: Path) -> None:
    (view,) = project.views()
    folder = tmp_path / "regions"
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    inside[10:30, 20:60] = 255
    for name in ("train/good/001_mask.png", "test/good/004.png", "good/002.png", "003.png", "test/good/001.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save_png(folder / name, inside)
    save_png(folder / "train" / "good" / "003.png", inside[:20])

    report = zone_masks.import_masks(project, view, folder)

    left = {path.relative_to(folder).as_posix(): text for path, text in report.left_out}
    assert report.written == 3 and set(left) == {"003.png", "test/good/001.png", "train/good/003.png"}
    assert "no image of its path" in left["003.png"] and "measures 96 x 20" in left["train/good/003.png"]
    roi = project.roi(view.id)
    assert roi is not None and roi.own == {1, 2, 4}
    (zone,) = project.own_zones(roi.id, 4)
    assert zone.mask is not None and np.array_equal(zone.mask, inside // 255)
    project.undo()
    assert project.roi(view.id) is None


def test_a_mask_that_fits_two_images_is_not_guessed(project: Project, tmp_path: Path) -> None:
    (view,) = project.views()
    path = tmp_path / "pictures" / "test" / "good" / "002.png"
    save_png(path, _part(0, 0))
    more = NewImage(path, "chip", split="test", label="good", width=WIDTH, height=HEIGHT)
    project.add_images([more], root=tmp_path / "pictures")
    save_png(tmp_path / "regions" / "good" / "002.png", np.full((HEIGHT, WIDTH), 255, np.uint8))

    report = zone_masks.import_masks(project, view, tmp_path / "regions")

    assert report.written == 0 and "fits 2 images" in report.left_out[0][1]
    assert project.roi(view.id) is None
    with pytest.raises(InputError):
        zone_masks.import_masks(project, view, tmp_path / "absent")


# -- what rests on a region


def test_figures_of_another_region_are_out_of_date_until_it_is_back(project: Project) -> None:
    view = _view(project)
    roi = project.change_roi(view, zones=[_box(10, 10, 20, 20)])
    run = project.add_run(product="chip", model="prff", preset="micro", roi_version_id=roi.id)
    project.update_run(run.id, state="finished", figures={"image_auroc": 0.9})
    assert not project.run(run.id).is_outdated

    project.change_roi(view, zones=[_box(10, 10, 30, 30)])
    assert project.run(run.id).is_outdated
    (table,) = (one for one in listing.overview(project) if one.title == "trainings")
    assert table.as_json()[0]["out of date"] == "the ROI was changed"
    assert ["out of date", "the ROI was changed"] in list(listing.one_training(project, 1).rows)

    project.undo()
    assert [one.is_outdated for one in project.runs()] == [False]
    assert all("out of date" not in row for row in listing.one_training(project, 1).rows)


def test_what_reaches_beyond_the_image_is_named() -> None:
    inside = [Cell(str(n), box) for n, box in enumerate(zones.repeated((0, 0, 32, 64), 3), 1)]
    zones.check_inside([Zone("part", "inspect", {"box": [0, 0, WIDTH, HEIGHT]})], inside, (WIDTH, HEIGHT))
    beyond = [Cell(str(n), box) for n, box in enumerate(zones.repeated((0, 0, 32, 64), 4), 1)]
    with pytest.raises(InputError, match=r"cell '4'.*96 × 64 pixels"):
        zones.check_inside([], beyond, (WIDTH, HEIGHT))
    with pytest.raises(InputError, match="zone 'part'"):
        zones.check_inside([Zone("part", "inspect", {"box": [-9, 0, 20, 20]})], [], (WIDTH, HEIGHT))
