"""Components, and everything that works on them, against slow definitions of their own."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.annotation import assist
from core.annotation.components import component_at, components, mask_of
from core.annotation.shapes import Patch, cropped, placed

SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14))
LABELS = SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 0, 1, 1, 7])))
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
EDGES = ((0, 1), (1, 0), (0, -1), (-1, 0))
Bits = NDArray[np.bool_]


def whole(patch: Patch | None, labels: NDArray[np.uint8]) -> Bits:
    """A patch on the mask that it lies on."""
    if patch is None:
        return np.zeros(labels.shape, np.bool_)
    return placed(patch, (0, 0, labels.shape[1], labels.shape[0]))


def slow_joined(member: Bits, x: int, y: int, *, diagonal: bool) -> Bits:
    """Step by step from one pixel to its neighbours."""
    found = np.zeros(member.shape, np.bool_)
    waiting = [(y, x)]
    while waiting:
        row, column = waiting.pop()
        inside = 0 <= row < member.shape[0] and 0 <= column < member.shape[1]
        if inside and member[row, column] and not found[row, column]:
            found[row, column] = True
            waiting += [(row + dy, column + dx) for dy, dx in (EDGES + CORNERS if diagonal else EDGES)]
    return found


@settings(deadline=None, max_examples=60)
@given(LABELS)
def test_every_painted_pixel_is_in_one_component_and_each_is_joined(labels: NDArray[np.uint8]) -> None:
    found = components(labels)
    covered = np.zeros(labels.shape, np.int64)
    for one in found:
        bits = whole(mask_of(labels, one), labels)
        x, y = one.pixel
        np.testing.assert_array_equal(bits, slow_joined(labels == one.class_id, x, y, diagonal=True))
        np.testing.assert_array_equal(bits, whole(component_at(labels, x, y), labels))
        rows, columns = np.nonzero(bits)
        assert one.area == rows.size
        assert one.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert one.centroid == (pytest.approx(columns.mean() + 0.5), pytest.approx(rows.mean() + 0.5))
        covered += bits
    np.testing.assert_array_equal(covered, (labels > 0).astype(int))
    assert components(labels, only=7) == tuple(one for one in found if one.class_id == 7)
    assert [(one.class_id, one.pixel[1], one.pixel[0]) for one in found] == sorted(
        (one.class_id, one.pixel[1], one.pixel[0]) for one in found
    )


def test_islands_of_a_large_mask_share_no_component_and_lose_none() -> None:
    labels = np.zeros((700, 900), np.uint8)
    labels[20, 20:880] = 3  # around another one, whose tiles lie in its box
    labels[20:680, 880] = 3
    labels[300:320, 300:330] = 3
    labels[319:400, 329:331] = 5
    labels[63:65, 63:65] = 1
    labels[128, 128], labels[127, 127] = 1, 1
    found = components(labels)
    assert [(one.class_id, one.area, one.box) for one in found] == [
        (1, 4, (63, 63, 65, 65)),
        (1, 2, (127, 127, 129, 129)),
        (3, 860 + 660 - 1 + 1, (20, 20, 881, 680)),
        (3, 20 * 30 - 1, (300, 300, 330, 320)),
        (5, 2 * 81, (329, 319, 331, 400)),
    ]


def test_an_area_in_square_millimetres() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[10:20, 10:30] = 1
    (only,) = components(labels)
    assert only.area_mm2(5.0) == pytest.approx(200 * 0.005 * 0.005)


def test_a_component_that_is_another_one_by_now_is_not_taken_for_it() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[5:9, 5:9] = 1
    (only,) = components(labels)
    labels[5, 5] = 0
    with pytest.raises(KeyError):
        mask_of(labels, only)
    labels[5, 5], labels[8, 8] = 1, 2
    with pytest.raises(KeyError):
        mask_of(labels, only)


def test_a_long_component_is_followed_beyond_what_is_looked_at_first() -> None:
    labels = np.zeros((700, 900), np.uint8)
    labels[20, 20:880] = 3
    labels[20:680, 880] = 3
    labels[680, 100:881] = 3
    found = component_at(labels, 25, 20)
    np.testing.assert_array_equal(whole(found, labels), labels == 3)
    assert component_at(labels, 25, 21) is None and component_at(labels, 900, 20) is None


# -- fill


def slow_fill(labels: NDArray[np.uint8], x: int, y: int) -> Bits:
    value = labels[y, x]
    found = slow_joined(labels == value, x, y, diagonal=bool(value))
    if value:
        return found
    left, right, top, bottom = found[:, 0].any(), found[:, -1].any(), found[0].any(), found[-1].any()
    is_open = (left and right) or (top and bottom)
    return np.zeros(labels.shape, np.bool_) if is_open else found


@settings(deadline=None, max_examples=150)
@given(LABELS, st.data())
def test_a_click_fills_a_component_or_what_is_enclosed(labels: NDArray[np.uint8], data: st.DataObject) -> None:
    y, x = (data.draw(st.integers(0, side - 1)) for side in labels.shape)
    wanted = slow_fill(labels, x, y)
    np.testing.assert_array_equal(whole(assist.fill(labels, x, y), labels), wanted)
    everything = (0, 0, labels.shape[1], labels.shape[0])
    np.testing.assert_array_equal(whole(assist.fill(labels, x, y, everything), labels), wanted)


def ring(side: int = 600) -> NDArray[np.uint8]:
    """A diamond one pixel wide, joined by corners only."""
    labels = np.zeros((side, side), np.uint8)
    for step in range(200):
        for dx, dy in ((step, 200 - step), (-step, 200 - step), (step, step - 200), (-step, step - 200)):
            labels[300 + dy, 300 + dx] = 2
    labels[300, [100, 500]] = 2
    return labels


def test_a_thin_diagonal_outline_holds_the_fill() -> None:
    labels = ring()
    rows, columns = np.mgrid[:600, :600]
    inside = np.abs(rows - 300) + np.abs(columns - 300) < 200
    np.testing.assert_array_equal(whole(assist.fill(labels, 300, 250), labels), inside)


def test_nothing_is_filled_that_is_open() -> None:
    labels = ring()
    assert assist.fill(labels, 3, 3) is None
    far = np.pad(np.zeros((10, 4 * assist.FILL_REACH), np.uint8), 1, constant_values=1)
    assert assist.fill(far, 5000, 5) is None
    labels[300, 100] = 0
    assert assist.fill(labels, 300, 300) is None
    assert assist.fill(np.zeros((50, 50), np.uint8), 20, 20) is None
    assert assist.fill(labels, -1, 3) is None and assist.fill(labels, 3, 600) is None


def test_a_chipped_corner_is_filled_up_to_the_edges_of_the_image_and_a_strip_is_not() -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[20, :31] = 1
    labels[:21, 30] = 1
    assert np.count_nonzero(whole(assist.fill(labels, 5, 5), labels)) == 20 * 30
    labels[:, 50] = 1
    assert assist.fill(labels, 70, 10) is None


# -- holes, grow, shrink


@settings(deadline=None, max_examples=60)
@given(LABELS)
def test_holes_are_what_cannot_be_left(labels: NDArray[np.uint8]) -> None:
    bits = labels == 1
    around = np.pad(~bits, 1, constant_values=True)
    wanted = (around & ~slow_joined(around, 0, 0, diagonal=False))[1:-1, 1:-1]
    found = assist.holes((bits, (0, 0, bits.shape[1], bits.shape[0])))
    np.testing.assert_array_equal(whole(found, labels), wanted)


def slow_near(bits: Bits, by: int) -> Bits:
    rows, columns = np.mgrid[: bits.shape[0], : bits.shape[1]]
    found = np.zeros(bits.shape, np.bool_)
    for y, x in zip(*np.nonzero(bits), strict=True):
        found |= (rows - y) ** 2 + (columns - x) ** 2 <= by * by
    return found


@settings(deadline=None, max_examples=60)
@given(LABELS, st.integers(0, 6))
def test_growing_and_shrinking_are_round(labels: NDArray[np.uint8], by: int) -> None:
    height, width = labels.shape
    patch = cropped(labels == 1, (0, 0, width, height))
    if patch is None:
        return
    np.testing.assert_array_equal(whole(assist.grown(patch, by, width, height), labels), slow_near(labels == 1, by))
    kept = (labels == 1) & ~slow_near(labels != 1, by)
    np.testing.assert_array_equal(whole(assist.shrunk(patch, by, width, height), labels), kept)


def test_a_large_round_step_is_exact() -> None:
    bits = np.zeros((301, 301), np.bool_)
    bits[150, 150] = True
    found = assist.grown((bits[150:151, 150:151], (150, 150, 151, 151)), 130, 301, 301)
    np.testing.assert_array_equal(placed(found, (0, 0, 301, 301)), slow_near(bits, 130))
