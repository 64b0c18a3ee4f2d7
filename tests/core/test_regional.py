"""Figures inside a region of interest, and what is rejected outside of it, against cases counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.evaluation.regional import RegionTally, components_outside

SIDE = 16
UPPER = np.zeros((SIDE, SIDE), np.uint8)
UPPER[:8] = 1


def blob(row: int, column: int) -> NDArray[np.uint8]:
    """A defect of 3 x 3 pixels."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[row : row + 3, column : column + 3] = 1
    return mask


def lit(mask: NDArray[np.uint8], value: float = 1.0) -> NDArray[np.uint16]:
    """A map that is `value` on the defect and nothing elsewhere."""
    return mask.astype(np.uint16) * np.uint16(round(value * 65535))


def test_only_components_wholly_outside_count() -> None:
    mask = blob(1, 1) | blob(7, 6) | blob(12, 1) | blob(12, 10)  # inside, across the border, outside, outside
    rejected = np.zeros((SIDE, SIDE), np.bool_)
    rejected[12, 2] = True
    assert components_outside(mask, UPPER, rejected) == [True, False]


def test_corners_that_touch_are_one_component() -> None:
    mask = blob(8, 2) | blob(5, 5)  # (8, 2)-(10, 4) and (5, 5)-(7, 7) touch at a corner
    assert components_outside(mask, UPPER, np.zeros((SIDE, SIDE), np.bool_)) == []


def test_an_image_whose_defects_lie_outside_is_a_good_one_inside() -> None:
    tally = RegionTally(0.5, kernel=1)
    tally.add_good(0.1)
    tally.add_defective(0.9, [blob(1, 1)], [UPPER], [lit(blob(1, 1))], inside=True)
    tally.add_defective(0.2, [blob(12, 1)], [UPPER], [lit(blob(12, 1), 0.2)], inside=False)
    tally.add_defective(0.8, [blob(12, 5)], [UPPER], [lit(blob(12, 5), 0.8)], inside=False)
    found = tally.figures()
    assert (found.images, found.only_outside, found.image_auroc) == (4, 2, 1.0)
    assert found.outside is not None and (found.outside.k, found.outside.n) == (1, 2)
    assert "2 of 4 images" in found.sentences()[0] and "50.0 % (1/2" in found.sentences()[0]


@pytest.mark.parametrize(("kernel", "flagged"), [(1, 1), (3, 1), (5, 0)])
def test_what_is_rejected_is_the_running_mean_as_in_the_score(kernel: int, flagged: int) -> None:
    """Nine pixels of 1.0: their mean over 3 x 3 is 1, over 5 x 5 it is 9 / 25."""
    tally = RegionTally(0.5, kernel)
    tally.add_defective(0.5, [blob(12, 5)], [UPPER], [lit(blob(12, 5))], inside=False)
    found = tally.figures().outside
    assert found is not None and found.k == flagged


def test_a_map_at_the_threshold_rejects() -> None:
    tally = RegionTally(1.0, kernel=1)
    tally.add_defective(1.0, [blob(12, 5)], [UPPER], [lit(blob(12, 5))], inside=False)
    found = tally.figures().outside
    assert found is not None and found.k == 1


def test_crops_of_an_image_are_looked_at_together() -> None:
    nowhere = np.zeros((SIDE, SIDE), np.uint8)
    tally = RegionTally(0.5, kernel=1)
    tally.add_good(0.3)
    tally.add_defective(0.9, [nowhere, blob(1, 1)], [UPPER, UPPER], [lit(nowhere), lit(blob(1, 1))], inside=True)
    found = tally.figures()
    assert found.only_outside == 0 and found.outside is None
    assert found.sentences() == []


def test_without_maps_or_threshold_only_images_are_counted() -> None:
    for threshold, maps in ((None, [lit(blob(12, 1))]), (0.5, None)):
        tally = RegionTally(threshold, kernel=1)
        tally.add_defective(0.9, [blob(12, 1)], [UPPER], maps, inside=False)
        found = tally.figures()
        assert (found.images, found.only_outside, found.outside, found.image_auroc) == (1, 1, None, None)
