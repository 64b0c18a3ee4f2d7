"""Zones with names of their own, corners of what was painted, the image that a region is drawn on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.annotation.outlines import corners
from core.annotation.roi import covered, covers, rasterise
from core.annotation.shapes import placed, polygon
from core.errors import InputError
from core.imaging import save_png
from core.project import NewImage, Project, Zone
from core.workflow import drawing, templates, training, zones

WIDTH, HEIGHT = 96, 64


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two defective images, then six good ones: the first of these is dark, the others show a part a pixel apart."""
    rows = []
    for number in range(8):
        picture = np.full((HEIGHT, WIDTH, 3), 20 if number == 2 else 90, np.uint8)
        if number != 2:
            cv2.rectangle(picture, (20 + number, 14), (60 + number, 46), (200, 180, 150), -1)
        path = tmp_path / "pictures" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        save_png(path, picture)
        label = "defective" if number < 2 else "good"
        rows.append(NewImage(path, "chip", split="train", label=label, width=WIDTH, height=HEIGHT))
    with Project.create(tmp_path / "work", "work", author="AB") as made:
        made.add_images(rows, root=tmp_path / "pictures")
        yield made


def _box(*corners: int, name: str = "part") -> Zone:
    return Zone(name, "inspect", {"box": list(corners)})


# -- names


def test_two_zones_of_one_name_are_refused(project: Project) -> None:
    (view,) = project.views()
    project.change_roi(view.id, zones=[_box(0, 0, 9, 9)])
    with pytest.raises(InputError, match="two zones have the name part"):
        project.change_roi(view.id, zones=[_box(0, 0, 9, 9), _box(9, 9, 20, 20)])
    with pytest.raises(InputError, match="two zones have the name rim"):
        project.change_roi(view.id, own=[(3, [_box(0, 0, 9, 9, name="rim"), _box(9, 9, 20, 20, name="rim")])])
    with pytest.raises(InputError, match="two zones have the name a"):
        zones.read({"zones": [{"name": "a", "box": [0, 0, 2, 2]}] * 2}, Path())
    found = project.roi(view.id)
    assert found is not None and [zone.name for zone in found.zones] == ["part"] and not found.own


def test_names_of_an_earlier_version_are_told_apart_with_the_next_change(project: Project) -> None:
    (view,) = project.views()
    found = drawing.lying(project, 3, (WIDTH, HEIGHT))
    marks = [drawing.Mark(_box(n, n, n + 9, n + 9, name=name)) for n, name in enumerate(("a", "a", "a 2", "b", "a"))]
    roi = drawing.keep(project, found, marks, (), label="draw")
    assert [zone.name for zone in roi.zones] == ["a", "a 3", "a 2", "b", "a 4"]
    assert [zone.shape for zone in roi.zones] == [mark.zone.shape for mark in marks]
    assert project.roi(view.id) == roi


# -- corners


@given(
    st.lists(st.tuples(st.integers(3, 90), st.integers(3, 60)), min_size=3, max_size=3, unique=True),
    st.booleans(),
)
def test_corners_say_what_was_painted_to_within_a_pixel(points: list[tuple[int, int]], fills: bool) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(mask, [np.array(points, np.int32)], 1)
    if fills:
        mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    found = corners(mask)
    if found is None:
        return
    assert 3 <= len(found) <= 32
    patch = polygon(found, WIDTH, HEIGHT)
    assert patch is not None
    drawn = placed(patch, (0, 0, WIDTH, HEIGHT)).astype(np.uint8)
    around = np.ones((3, 3), np.uint8)
    assert (drawn <= cv2.dilate(mask, around)).all() and (cv2.erode(mask, around, borderValue=0) <= drawn).all()


def test_a_box_and_a_hexagon_have_their_own_corners() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:30, 20:60] = 1
    found = corners(mask)
    assert found is not None and sorted(map(tuple, found.tolist())) == [(20, 10), (20, 30), (60, 10), (60, 30)]
    hexagon = np.array([(30, 4), (60, 4), (80, 30), (60, 58), (30, 58), (8, 30)], np.float64)
    patch = polygon(hexagon, WIDTH, HEIGHT)
    assert patch is not None
    found = corners(placed(patch, (0, 0, WIDTH, HEIGHT)).astype(np.uint8))
    assert found is not None and len(found) <= 10
    assert all(np.hypot(*(found - corner).T).min() < 2 for corner in hexagon)


def test_what_is_not_simple_has_no_corners() -> None:
    empty = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert corners(empty) is None
    ring, two, frayed = empty.copy(), empty.copy(), empty.copy()
    ring[10:40, 10:40] = 1
    ring[20:30, 20:30] = 0
    two[2:9, 2:9] = two[20:40, 20:40] = 1
    frayed[10:50, 5:90] = 1
    frayed[10:20, 5:90:4] = 0
    assert corners(ring) is None and corners(two) is None and corners(frayed) is None


@given(st.floats(-3, 99), st.floats(-3, 67))
def test_a_point_lies_in_a_zone_where_its_pixel_does(x: float, y: float) -> None:
    shapes: list[Zone] = [
        _box(10, 10, 40, 30),
        Zone("b", "inspect", {"polygon": [[5.5, 3.2], [80, 20], [30, 60]]}),
    ]
    mask = rasterise(shapes[1:], WIDTH, HEIGHT)
    assert mask is not None
    for zone in (*shapes, Zone("c", "ignore", mask=mask)):
        pixels = rasterise([Zone("", "inspect", zone.shape, zone.mask)], WIDTH, HEIGHT)
        assert pixels is not None and covered(zone, WIDTH, HEIGHT) == pixels.sum()
        inside = 0 <= x < WIDTH and 0 <= y < HEIGHT and pixels[int(y), int(x)] == 1
        assert covers(zone, x, y) == inside


# -- the template


def test_the_usual_template_is_a_good_image_that_looks_as_most_do(project: Project) -> None:
    (view,) = project.views()
    found = templates.usual_template(project, view)
    assert found.label == "good" and found.id in (6, 7), "the middle of those that show the part, not the dark one"
    project.set_label([4, 5, 6, 7, 8], "unlabelled")
    assert templates.usual_template(project, view).id == 3
    project.set_label([3], "defective")
    assert templates.usual_template(project, view).label == "unlabelled"


def test_a_region_is_handed_to_another_image(project: Project) -> None:
    (view,) = project.views()
    roi = project.change_roi(
        view.id, zones=[_box(20, 14, 60, 46)], template_image_id=3, settings={"align": "translation"}
    )
    from core.project import Alignment

    project.set_alignments(roi.id, [Alignment(5, (1, 0, 4, 0, 1, -2), 0.9, "", "model")])
    taken = drawing.retemplate(project, drawing.lying(project, 5, (WIDTH, HEIGHT)))
    assert taken.template_image_id == 5 and taken.zones[0].shape["box"] == [24, 12, 64, 44]
    assert project.alignments(taken.id) == [] and taken.settings == {"align": "translation"}
    project.undo()
    assert project.roi(view.id) == roi and len(project.alignments(roi.id)) == 1
    own = zones.set_own(project, view.id, 5, [_box(0, 0, 9, 9)])
    with pytest.raises(InputError, match="does not follow"):
        drawing.retemplate(project, drawing.lying(project, 5, (WIDTH, HEIGHT)))
    assert project.roi(view.id) == own


# -- laying it over images before a training


def test_laying_a_region_says_how_far_it_is_and_ends_before_anything_is_queued(project: Project) -> None:
    (view,) = project.views()
    project.change_roi(view.id, zones=[_box(20, 14, 60, 46)], template_image_id=3, settings={"align": "translation"})
    heard: list[tuple[int, int | None]] = []

    class Enough(Exception):
        pass

    def stop(phase: str, done: int, total: int | None) -> None:
        heard.append((done, total))
        if done:
            raise Enough

    order = training.Order(preset="micro")
    with pytest.raises(Enough):
        training.prepare(project, order, progress=stop)
    assert heard == [(0, 8), (8, 8)] and project.runs() == []
    heard.clear()
    (number,) = training.prepare(project, order, progress=stop)
    assert heard == [] and project.run_by_number(number).number == number, "what was done stays done"
