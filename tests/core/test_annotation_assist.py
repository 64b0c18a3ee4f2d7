"""What the program proposes from an image: magic wand, threshold in a box, cutting out between scribbles."""

from __future__ import annotations

from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.annotation.assist import WAND_REACH, Levels, Wand, heatmap_to_mask
from core.annotation.cutting import cut_out
from core.annotation.shapes import Patch, placed
from core.imaging import decode_mask, load_rgb8
from tests.core.test_annotation_components import slow_joined

Rgb = NDArray[np.uint8]
Bits = NDArray[np.bool_]
IMAGES = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda size: arrays.arrays(np.uint8, (*size, 3), elements=st.sampled_from([0, 7, 100, 110, 255]))
)


def whole(patch: Patch | None, shape: tuple[int, ...]) -> Bits:
    if patch is None:
        return np.zeros(shape[:2], np.bool_)
    return placed(patch, (0, 0, shape[1], shape[0]))


def slow_wand(image: Rgb, x: int, y: int, tolerance: int) -> Bits:
    """What is joined and alike, and holes in it of up to eight pixels."""
    apart = np.abs(image.astype(int) - image[y, x].astype(int)).max(axis=2)
    found = slow_joined(apart <= tolerance, x, y, diagonal=True)
    left = np.pad(~found, 1, constant_values=True)
    left &= ~slow_joined(left, 0, 0, diagonal=False)
    while left.any():
        row, column = (int(one[0]) for one in np.nonzero(left))
        hole = slow_joined(left, column, row, diagonal=False)
        left &= ~hole
        if np.count_nonzero(hole) <= 8:
            found |= hole[1:-1, 1:-1]
    return found


@settings(deadline=None, max_examples=80)
@given(IMAGES, st.data())
def test_the_wand_takes_what_is_joined_and_alike(image: Rgb, data: st.DataObject) -> None:
    y, x = (data.draw(st.integers(0, side - 1)) for side in image.shape[:2])
    wand = Wand(image, x, y)
    for tolerance in (0, 9, 10, 160, 255):
        np.testing.assert_array_equal(whole(wand.at(tolerance), image.shape), slow_wand(image, x, y, tolerance))


def test_the_wand_grows_as_the_tolerance_and_follows_a_long_defect() -> None:
    rng = np.random.default_rng(3)
    image = np.full((500, 800, 3), 150, np.uint8)
    image[240:262, 30:780] = 110
    image = (image + rng.integers(-4, 5, image.shape[:2])[..., None]).astype(np.uint8)
    wand = Wand(image, 40, 250)
    areas = [int(wand.at(tolerance)[0].sum()) for tolerance in (0, 4, 8, 30, 60)]
    assert areas == sorted(areas) and areas[-1] > 500 * 550
    found = whole(wand.at(8), image.shape)
    wanted = image[..., 0] < 130
    wanted[:, 40 + WAND_REACH + 1 :] = False
    np.testing.assert_array_equal(found, wanted)


def test_the_wand_follows_a_scratch_one_pixel_wide() -> None:
    image = np.full((90, 90, 3), 120, np.uint8)
    image[np.arange(10, 80), np.arange(10, 80)] = 150
    found = whole(Wand(image, 40, 40).at(20), image.shape)
    np.testing.assert_array_equal(found, image[..., 0] == 150)


def test_the_wand_ends_where_no_defect_can_be_and_beside_the_image() -> None:
    image = np.zeros((10, 3 * WAND_REACH, 3), np.uint8)
    bits, box = Wand(image, 700, 4).at(0)
    assert box == (700 - WAND_REACH, 0, 700 + WAND_REACH + 1, 10) and bits.all()
    with pytest.raises(IndexError):
        Wand(image, 4, 10)


# -- threshold


def _variance_between(grey: NDArray[np.uint8], level: int) -> float:
    low, high = grey[grey <= level].astype(float), grey[grey > level].astype(float)
    if not low.size or not high.size:
        return 0.0
    share = low.size / grey.size
    return share * (1 - share) * (low.mean() - high.mean()) ** 2


@settings(deadline=None, max_examples=40)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 255)))
def test_the_proposed_level_parts_best(grey: NDArray[np.uint8]) -> None:
    image = np.repeat(grey[..., None], 3, axis=2)
    levels = Levels.of(image, (0, 0, grey.shape[1], grey.shape[0]))
    np.testing.assert_array_equal(levels.grey, grey)
    level, polarity = levels.proposal()
    best = max(_variance_between(grey, one) for one in range(256))
    assert _variance_between(grey, level) == pytest.approx(best, rel=1e-5)
    np.testing.assert_array_equal(whole(levels.beyond(level, "dark"), grey.shape), grey <= level)
    np.testing.assert_array_equal(whole(levels.beyond(level, "bright"), grey.shape), grey > level)
    border = np.ones(grey.shape, np.bool_)
    border[1:-1, 1:-1] = False
    assert polarity == ("dark" if (grey[border] <= level).mean() <= 0.5 else "bright")


@pytest.mark.parametrize(("defect", "polarity"), [(60, "dark"), (210, "bright")])
def test_a_box_around_a_defect_finds_it_dark_or_bright(defect: int, polarity: str) -> None:
    image = np.full((60, 80, 3), 130, np.uint8)
    image[20:50, 15:62] = defect  # most of the box
    levels = Levels.of(image, (10, 15, 70, 55))
    level, found = levels.proposal()
    assert found == polarity
    wanted = np.zeros((60, 80), np.bool_)
    wanted[20:50, 15:62] = True
    np.testing.assert_array_equal(whole(levels.beyond(level, found), (60, 80)), wanted)


# -- cutting out


def _disc(side: int, x: float, y: float, radius: float) -> Bits:
    rows, columns = np.mgrid[:side, :side] + 0.5
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def _stained(side: int, *stains: Bits) -> Rgb:
    rng = np.random.default_rng(11)
    image = np.full((side, side, 3), (130, 120, 110), np.int16)
    for stain in stains:
        image[stain] -= 30
    return np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)


def _line(x0: int, x1: int, y: int, thick: int = 3) -> Patch:
    return np.ones((thick, x1 - x0), np.bool_), (x0, y, x1, y + thick)


def _overlap(found: Bits, wanted: Bits) -> float:
    return float(np.count_nonzero(found & wanted) / np.count_nonzero(found | wanted))


@pytest.mark.parametrize(("side", "radius"), [(200, 30), (1000, 220)])
def test_a_stain_is_cut_out_at_its_edge_whatever_its_size(side: int, radius: int) -> None:
    stain = _disc(side, side / 2, side / 2, radius)
    image = _stained(side, stain)
    on = _line(side // 2 - radius // 2, side // 2 + radius // 2, side // 2)
    found = whole(cut_out(image, [on], []), image.shape)
    assert _overlap(found, stain) > 0.98
    np.testing.assert_array_equal(found, whole(cut_out(image, [on], []), image.shape))


def test_only_the_stain_with_a_scribble_is_taken_and_never_what_is_beside() -> None:
    one, other = _disc(200, 70, 100, 22), _disc(200, 140, 100, 22)
    image = _stained(200, one, other)
    on = _line(60, 80, 100)
    assert _overlap(whole(cut_out(image, [on], []), image.shape), one) > 0.97
    beside = _line(62, 90, 92)
    found = whole(cut_out(image, [on], [beside]), image.shape)
    assert found[100:103, 60:80].all() and not found[92:95, 62:90].any()
    both = whole(cut_out(image, [on], [_line(60, 70, 100)]), image.shape)
    assert not both[100:103, 60:70].any() and both[100:103, 70:80].all()


def test_a_dot_on_a_stain_and_a_line_beside_it_are_enough() -> None:
    stain = _disc(200, 100, 100, 35)
    image = _stained(200, stain)
    found = whole(cut_out(image, [_line(98, 104, 98, 5)], [_line(50, 150, 150)]), image.shape)
    assert _overlap(found, stain) > 0.95


def test_without_a_scribble_on_a_defect_nothing_is_cut_out() -> None:
    image = _stained(64, _disc(64, 30, 30, 9))
    assert cut_out(image, [], []) is None
    assert cut_out(image, [], [_line(3, 9, 4)]) is None
    assert cut_out(image, [_line(3, 9, 4)], [_line(3, 9, 4)]) is None
    assert cut_out(image, [_line(90, 99, 4)], []) is None


def test_scribbles_all_over_a_tiny_image() -> None:
    image = np.zeros((3, 4, 3), np.uint8)
    everything: Patch = (np.ones((3, 4), np.bool_), (0, 0, 4, 3))
    np.testing.assert_array_equal(whole(cut_out(image, [everything], []), image.shape), True)


def test_a_real_crack_is_cut_out_from_a_scribble_along_it(real_data: Path) -> None:
    image = load_rgb8(real_data / "full_resolution" / "pill_crack_000.png")
    truth = decode_mask(real_data / "full_resolution" / "pill_crack_000_mask.png") > 0
    rows, columns = np.nonzero(truth)
    middle = int(np.median(rows[columns == int(np.median(columns))]))
    x = int(np.median(columns))
    patch = (np.ones((3, 3), np.bool_), (x - 1, middle - 1, x + 2, middle + 2))
    found = whole(cut_out(image, [patch], []), image.shape)
    assert found[middle, x] and np.count_nonzero(found & truth) / np.count_nonzero(found) > 0.3


MAPS = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda size: arrays.arrays(np.float32, size, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
)


def stretched(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    """A map on an image: linear between the middles of its pixels, pixel by pixel."""
    rows, columns = values.shape
    found = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            u = min(max((x + 0.5) * columns / width - 0.5, 0), columns - 1)
            v = min(max((y + 0.5) * rows / height - 0.5, 0), rows - 1)
            i, j = int(u), int(v)
            k, m = min(i + 1, columns - 1), min(j + 1, rows - 1)
            upper = values[j, i] * (1 - (u - i)) + values[j, k] * (u - i)
            lower = values[m, i] * (1 - (u - i)) + values[m, k] * (u - i)
            found[y, x] = upper * (1 - (v - j)) + lower * (v - j)
    return found


@settings(max_examples=60, deadline=None)
@given(MAPS, st.integers(1, 23), st.integers(1, 23), st.sampled_from([0.3, 0.6, 0.9]))
def test_areas_of_a_heatmap_are_those_of_the_map_on_the_image(
    values: NDArray[np.float32], width: int, height: int, level: float
) -> None:
    smooth = stretched(values, width, height)
    found = heatmap_to_mask(values, level, width, height)
    sure = np.abs(smooth - level) > 1e-5
    covered = np.zeros((height, width), np.intp)
    for bits, (x0, y0, x1, y1) in found:
        covered[y0:y1, x0:x1] += bits
    assert covered.max(initial=0) <= 1  # none twice
    np.testing.assert_array_equal((covered > 0)[sure], (smooth >= level)[sure])
    areas = [int(np.count_nonzero(bits)) for bits, _ in found]
    assert areas == sorted(areas, reverse=True)


def test_of_a_map_full_of_noise_the_largest_areas_are_taken() -> None:
    values = np.zeros((41, 41), np.float32)
    values[::2, ::2] = 1
    values[10:13, 10:13] = 1  # four of the lone pixels are in it
    found = heatmap_to_mask(values, 0.5, 41, 41, most=3)
    assert [int(np.count_nonzero(bits)) for bits, _ in found] == [9, 1, 1]
