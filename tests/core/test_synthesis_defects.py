"""Artificial defects: where they are, how strong, how often, and that nothing but the generator decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import AugmentConfig, SimulateConfig
from core.synthesis import DefectSynthesiser, TextureSource, sample_rng
from core.synthesis.batched import BatchedOutlines
from core.synthesis.defects import disturbed, stroke_mask
from core.synthesis.procedural import cells
from core.synthesis.variation import vary

Pixels = NDArray[np.uint8]
SIZE = 64


@pytest.fixture(scope="module")
def image() -> Pixels:
    return cells(np.random.default_rng(9), SIZE)


def _make(augment: AugmentConfig | None = None, **simulate: object) -> DefectSynthesiser:
    settings = SimulateConfig.model_validate({"textures": ("procedural",), **simulate})
    textures = TextureSource(settings.textures, SIZE, own=[cells(np.random.default_rng(8), SIZE)])
    return DefectSynthesiser(settings, augment or AugmentConfig(), SIZE, textures)


def test_types_and_ranges_are_what_a_step_expects(image: Pixels) -> None:
    clean, spoiled, mask = _make(p_clean=0)(image, sample_rng(0, 0, 0))

    assert clean.shape == spoiled.shape == (SIZE, SIZE, 3) and mask.shape == (SIZE, SIZE)
    assert clean.dtype == spoiled.dtype == np.float32 and mask.dtype == np.uint8
    assert spoiled.min() >= 0 and spoiled.max() <= 1 and set(np.unique(mask)) == {0, 1}


@pytest.mark.parametrize("settings", [{}, {"mild": 1.0}, {"strokes": 1.0}, {"textures": ("self",)}])
def test_outside_the_mask_nothing_changes_at_all(image: Pixels, settings: dict[str, object]) -> None:
    make = _make(p_clean=0, **settings)
    for index in range(30):
        clean, spoiled, mask = make(image, sample_rng(0, 0, index))
        assert np.array_equal(clean[mask == 0], spoiled[mask == 0])


def test_inside_the_mask_texture_and_image_mix_in_one_proportion(image: Pixels) -> None:
    make = _make(p_clean=0, texture_augs=0)
    texture = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
    make.textures.draw = lambda rng: texture  # type: ignore[method-assign]
    shares = []
    for index in range(200):
        clean, spoiled, mask = make(image, sample_rng(0, 0, index))
        inside = (mask == 1)[..., None] & (clean < 0.9)
        if not inside.any():
            continue
        weights = (spoiled[inside] - clean[inside]) / (1 - clean[inside])
        assert np.ptp(weights) < 1e-4
        shares.append(float(weights.mean()))

    assert 0.2 < min(shares) < 0.25 and 0.95 < max(shares) <= 1.0001


def test_half_of_the_images_stay_clean(image: Pixels) -> None:
    make = _make(texture_augs=0, perlin={"max_exp": 1})

    clean = [not make(image, sample_rng(1, 0, index))[2].any() for index in range(2000)]

    assert np.mean(clean) == pytest.approx(0.5, abs=0.03)


def test_empty_outlines_stay_empty_as_published_unless_drawn_again(image: Pixels) -> None:
    published, ours = _make(p_clean=0, redraw_empty=0), _make(p_clean=0)

    empty = [[not make(image, sample_rng(2, 0, index))[2].any() for index in range(300)] for make in (published, ours)]

    assert 0.05 < np.mean(empty[0]) < 0.25
    assert np.mean(empty[1]) == 0


def test_a_sample_depends_on_seed_epoch_and_index_alone(image: Pixels) -> None:
    first, second = _make(p_clean=0, textures=("procedural", "self")), _make(p_clean=0, textures=("procedural", "self"))
    forward = [first(image, sample_rng(5, 2, index)) for index in range(8)]
    backward = [second(image, sample_rng(5, 2, index)) for index in reversed(range(8))][::-1]

    for one, other in zip(forward, backward, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(forward[0][1], first(image, sample_rng(5, 3, 0))[1])
    assert not np.array_equal(forward[0][1], first(image, sample_rng(6, 2, 0))[1])


@pytest.mark.parametrize("settings", [{}, {"strokes": 0.5, "mild": 0.3}, {"redraw_empty": 0, "least_area": 40}])
def test_images_of_a_batch_get_what_each_gets_alone(image: Pixels, settings: dict[str, object]) -> None:
    make = _make(**settings)
    region = np.zeros((SIZE, SIZE), np.uint8)
    region[:20] = 1
    batch = make.together([(image, region if index % 2 else None, sample_rng(3, 0, index)) for index in range(12)])
    assert 2 < sum(draw[2].any() for draw in batch) < 12
    for index, draw in enumerate(batch):
        alone = make.with_region(image, region if index % 2 else None, sample_rng(3, 0, index))
        assert all(np.array_equal(a, b) for a, b in zip(draw[:3], alone[:3], strict=True))
        assert (draw[3] is None) == (alone[3] is None) == (index % 2 == 0)


def test_outlines_made_elsewhere_change_nothing_else(image: Pixels) -> None:
    plain = _make(p_clean=0, redraw_empty=0)
    batched = DefectSynthesiser(
        plain.simulate, plain.augment, SIZE, plain.textures, BatchedOutlines(torch.device("cpu"))
    )
    samples = [[(image, None, sample_rng(4, 0, index)) for index in range(8)] for _ in range(2)]
    for one, other in zip(plain.together(samples[0]), batched.together(samples[1]), strict=True):
        same = one[2] == other[2]
        assert same.mean() > 0.99 and one[2].any() == other[2].any()
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1][same], other[1][same])


def test_the_good_image_is_left_as_it_was(image: Pixels) -> None:
    before = image.copy()
    for index in range(10):
        _make(p_clean=0)(image, sample_rng(0, 0, index))

    assert np.array_equal(image, before)


def test_mild_defects_are_marked_only_where_they_can_be_seen() -> None:
    plain = np.full((SIZE, SIZE, 3), 128, dtype=np.uint8)
    make = _make(p_clean=0, mild=1.0)
    for index in range(60):
        clean, spoiled, mask = make(plain, sample_rng(0, 0, index))
        changed = np.abs(spoiled - clean).max(axis=2) > 0
        assert np.array_equal(changed, mask == 1)


def test_mild_textures_are_the_image_itself_changed_a_little(image: Pixels) -> None:
    for index in range(20):
        texture = disturbed(image, sample_rng(0, 0, index))
        assert texture.shape == image.shape and texture.dtype == np.uint8
        assert abs(float(texture.mean()) - float(image.mean())) < 70


def test_scratches_and_spots_are_small_and_never_empty() -> None:
    masks = [stroke_mask(sample_rng(0, 0, index), 128) for index in range(200)]

    assert all(mask.any() for mask in masks)
    assert np.mean(masks) < 0.03


def test_three_in_ten_images_are_turned_and_corners_follow_the_setting() -> None:
    white = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
    black_corner = [
        [vary(white, AugmentConfig(rotate_fill=fill), sample_rng(0, 0, i)).min() < 128 for i in range(400)]
        for fill in ("black", "edge")
    ]

    assert np.mean(black_corner[0]) == pytest.approx(0.3, abs=0.07)
    assert not any(black_corner[1])


def test_flips_shifts_and_light_vary_the_good_image_too(image: Pixels) -> None:
    still = {"rotate_p": 0.0}
    rng = sample_rng(0, 0, 0)

    assert np.array_equal(vary(image, AugmentConfig(**still), rng), image)
    assert np.array_equal(vary(image, AugmentConfig(**still, flip_h=1), rng), image[:, ::-1])
    assert np.array_equal(vary(image, AugmentConfig(**still, flip_v=1), rng), image[::-1])
    for settings in (AugmentConfig(**still, shift=0.1), AugmentConfig(**still, brightness=0.2)):
        changed = vary(image, settings, rng)
        assert changed.shape == image.shape and changed.dtype == np.uint8 and not np.array_equal(changed, image)


def test_the_good_image_that_must_be_rebuilt_is_the_varied_one(image: Pixels) -> None:
    make = _make(AugmentConfig(rotate_p=0, flip_h=1), p_clean=1)

    clean, spoiled, mask = make(image, sample_rng(0, 0, 0))

    np.testing.assert_allclose(clean * 255, image[:, ::-1], atol=1e-3)
    assert np.array_equal(clean, spoiled) and clean is not spoiled and not mask.any()
