"""The region of interest on its way: zones to pixels, into the job folder, through variation, training and scoring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from core import regions
from core.annotation.roi import box_around, placed, rasterise
from core.config import AugmentConfig, ProgressiveConfig, ScoreConfig
from core.imaging import decode, decode_mask
from core.inference.predictor import Predictor
from core.jobs import ManifestRow
from core.models.base import Batch
from core.project.records import Zone
from core.synthesis import sample_rng
from core.synthesis.variation import Variation
from core.training.data import parts
from tests.tiny import Run, TinyDetector, a_config, kept_settings, make_rows


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    with kept_settings():
        yield


def _box(name: str, *corners: int, sign: str = "inspect") -> Zone:
    return Zone(name, sign, {"box": list(corners)})  # type: ignore[arg-type]


# -- zones to pixels


def test_without_zones_everything_is_judged() -> None:
    assert rasterise([], 8, 6) is None


def test_what_is_ignored_is_cut_out_of_what_is_inspected() -> None:
    region = rasterise([_box("date", 2, 2, 4, 4, sign="ignore"), _box("part", 1, 1, 6, 5)], 8, 6)

    expected = np.zeros((6, 8), np.uint8)
    expected[1:5, 1:6] = 1
    expected[2:4, 2:4] = 0
    assert region is not None and np.array_equal(region, expected)


def test_an_ignored_zone_alone_leaves_the_rest() -> None:
    region = rasterise([_box("mark", 0, 0, 8, 2, sign="ignore")], 8, 6)

    assert region is not None and region[:2].sum() == 0 and region[2:].all()


def test_masks_and_polygons_count_like_boxes() -> None:
    mask = np.zeros((4, 4), np.uint8)
    mask[:2] = 7
    square = Zone("p", "inspect", {"polygon": [[4, 2], [7, 2], [7, 5], [4, 5]]})

    region = rasterise([Zone("m", "inspect", mask=mask), square], 8, 6)

    assert region is not None and region[:2, :4].all() and region[2:5, 4:7].all() and region.sum() == 8 + 9


def test_the_box_around_a_zone_is_found_wherever_it_lies() -> None:
    mask = np.zeros((6, 8), np.uint8)
    assert box_around(Zone("empty", "inspect", mask=mask)) is None
    mask[2:4, 3:7] = 1
    assert box_around(Zone("painted", "inspect", mask=mask)) == (3, 2, 7, 4)
    assert box_around(_box("part", -2, 1, 9, 5, sign="ignore")) == (-2, 1, 9, 5)
    assert box_around(Zone("spot", "inspect", {"polygon": [[1.2, 2.5], [6.8, 2.5], [4, 7.1]]})) == (1, 2, 7, 8)


def test_a_box_beyond_the_image_is_cut_at_its_border() -> None:
    region = rasterise([_box("part", -5, -5, 50, 50)], 8, 6)

    assert region is not None and region.all()


@given(st.integers(-6, 6), st.integers(-6, 6))
def test_a_template_moves_with_its_matrix(across: int, down: int) -> None:
    template = np.zeros((20, 30), np.uint8)
    template[8:12, 10:16] = 1

    found = placed(template, (1, 0, across, 0, 1, down), 30, 20)

    expected = np.zeros_like(template)
    expected[8 + down : 12 + down, 10 + across : 16 + across] = 1
    assert np.array_equal(found, expected)


def test_a_template_is_stretched_to_an_image_of_another_size() -> None:
    template = np.zeros((4, 4), np.uint8)
    template[:, 2:] = 1

    assert np.array_equal(placed(template, None, 8, 8), np.repeat(np.repeat(template, 2, 0), 2, 1))


# -- the job folder


def test_regions_come_back_from_the_job_folder_as_they_were(tmp_path: Path) -> None:
    template = np.zeros((6, 8), np.uint8)
    template[1:3] = 1
    regions.write(tmp_path, template, [(7, 1 - template)])

    found = regions.Regions.read(tmp_path)

    assert found is not None
    assert np.array_equal(found.of(1, 8, 6), template)
    assert np.array_equal(found.of(7, 8, 6), 1 - template)
    moved = found.of(1, 8, 6, (1, 0, 0, 0, 1, 2))
    assert np.array_equal(moved[3:5], template[1:3])


def test_a_job_without_regions_judges_everything(tmp_path: Path) -> None:
    regions.write(tmp_path, None, [])

    assert regions.Regions.read(tmp_path) is None


def test_a_row_keeps_how_the_template_lies_on_it() -> None:
    row = ManifestRow(1, "a.png", "train", "good", matrix=(1, 0, 2.5, 0, 1, -3))

    assert ManifestRow.from_json(row.to_json()) == row


# -- variation, training, scoring


def test_the_region_is_moved_as_the_image_is() -> None:
    config = AugmentConfig(rotate_p=1, rotate_deg=40, flip_h=0.5, flip_v=0.5, shift=0.1)
    region = np.zeros((64, 64), np.uint8)
    cv2.rectangle(region, (20, 24), (50, 38), 1, -1)
    image = np.repeat(region[..., None] * 255, 3, axis=2)

    for number in range(20):
        variation = Variation.draw(config, sample_rng(0, 0, number), 64)
        seen = variation.of_image(image)[..., 0] > 127
        agree = np.mean(seen == (variation.of_region(region) > 0))
        assert agree > 0.98


def test_what_a_turn_brings_in_from_outside_is_not_judged() -> None:
    whole = np.ones((32, 32), np.uint8)

    assert Variation(degrees=45.0, fill="edge").of_region(whole)[0, 0] == 0


def test_parts_of_a_batch_keep_their_regions() -> None:
    def planes(count: int) -> Tensor:
        return torch.arange(count).float().view(-1, 1, 1, 1)

    batch = Batch(image=planes(5), input=planes(5), mask=planes(5), roi=planes(5))
    found = parts(batch, 2)

    assert [piece.roi.flatten().tolist() for piece, _ in found if piece.roi is not None] == [[0, 1, 2], [3, 4]]
    assert sum(share for _, share in found) == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 3])
def test_outside_the_region_a_map_is_nothing_and_has_no_score(n: int) -> None:
    torch.manual_seed(0)
    predictor = Predictor(
        TinyDetector().eval(), progressive=ProgressiveConfig(n=n, gate=-1), score=ScoreConfig(), size=32
    )
    images, region = torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)
    region[0, :, :8] = 1

    found, whole = predictor.predict(images, region), predictor.predict(images)

    assert torch.equal(found.maps[0, :8], whole.maps[0, :8]) and (found.maps[0, 8:] == 0).all()
    assert found.score[1] == found.peak[1] == 0
    assert found.score[0] < whole.score[0]
    assert torch.equal(predictor.unroll(images, n, region)[-1].maps, found.maps)


def test_a_training_shows_its_model_the_region_and_its_scores_end_there(tmp_path: Path) -> None:
    template = np.zeros((40, 40), np.uint8)
    template[:20] = 1
    run = Run(tmp_path / "run", make_rows(tmp_path), a_config("augment.rotate_p=0"))
    regions.write(run.job.folder, template, [])
    seen: list[NDArray[np.float32]] = []

    run.go(lambda _, batch: seen.append(np.asarray(batch.roi)))

    assert seen and all((one[:, :, :16] == 1).all() and (one[:, :, 16:] == 0).all() for one in seen)
    found = decode(run.job.folder / "scores/final/heatmaps/8.png")
    assert found[:16].any() and not found[16:].any()


def test_judging_everything_is_a_setting(tmp_path: Path) -> None:
    template = np.zeros((40, 40), np.uint8)
    run = Run(tmp_path / "run", make_rows(tmp_path), a_config("score.inside_roi=false"))
    regions.write(run.job.folder, template, [])

    run.go()

    assert decode(run.job.folder / "scores/final/heatmaps/8.png").any()
    assert not decode_mask(run.job.folder / "roi/template.png").any()
