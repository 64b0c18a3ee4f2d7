"""Image to model and back: one geometry, both directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config.preprocess import PreprocessConfig
from core.imaging import save_png
from core.preprocess import Geometry, Preprocessor

sizes = st.integers(1, 200)
boxes = st.tuples(st.integers(-60, 150), st.integers(-60, 150), sizes, sizes).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
geometries = st.builds(
    Geometry,
    boxes,
    st.sampled_from([32, 64, 100]),
    st.sampled_from(["stretch", "letterbox"]),
    st.sampled_from(["edge"]),
)


def preprocessor(**settings_: object) -> Preprocessor:
    return Preprocessor(PreprocessConfig(**settings_))


def ramp(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return (x * 0.01 + y * 0.003).astype(np.float32)


@given(geometry=geometries, x=st.floats(-100, 300), y=st.floats(-100, 300))
def test_a_point_goes_to_the_model_and_back(geometry: Geometry, x: float, y: float) -> None:
    assert geometry.to_image(*geometry.to_model(x, y)) == pytest.approx((x, y), abs=1e-6)


@given(geometry=geometries)
def test_the_box_is_the_content_of_the_model_square(geometry: Geometry) -> None:
    x0, y0, x1, y1 = geometry.content
    assert geometry.to_model(*geometry.box[:2]) == pytest.approx((x0, y0))
    assert geometry.to_model(*geometry.box[2:]) == pytest.approx((x1, y1))
    assert 0 <= x0 < x1 <= geometry.side and 0 <= y0 < y1 <= geometry.side
    assert max(x1 - x0, y1 - y0) == geometry.side


@settings(deadline=None)
@given(geometry=geometries, value=st.floats(-2, 2, width=32), fill=st.floats(-1, 1, width=32))
def test_a_constant_map_comes_back_constant_inside_its_box_only(geometry: Geometry, value: float, fill: float) -> None:
    width, height = 120, 90
    got = preprocessor().restore(
        [np.full((geometry.side,) * 2, value, np.float32)], [geometry], width, height, fill=fill
    )
    expected = np.full((height, width), fill, np.float32)
    x0, y0, x1, y1 = np.clip(geometry.box, 0, [width, height] * 2)
    expected[y0:y1, x0:x1] = value
    np.testing.assert_allclose(got, expected, atol=1e-4)  # one pixel is the float32 sum of up to 10,000


@settings(deadline=None)
@given(
    width=st.integers(5, 200),
    height=st.integers(5, 200),
    tile=st.sampled_from([16, 40, 64]),
    overlap=st.floats(0, 0.75),
)
def test_tiles_cover_the_image_and_blend_without_seams(width: int, height: int, tile: int, overlap: float) -> None:
    """Tiles of the model's own side are identities, so a smooth image must come back as it was."""
    cut = preprocessor(crop="tiles", size=tile if tile >= 32 else 32, tile=tile, overlap=overlap)
    crops = cut.crops(width, height)
    constant = cut.restore([np.full((c.side,) * 2, 0.7, np.float32) for c in crops], crops, width, height, fill=np.nan)
    np.testing.assert_allclose(constant, 0.7, rtol=1e-5)
    if tile >= 32:
        image = np.repeat((ramp(width, height) * 60).astype(np.uint8)[..., None], 3, axis=2)
        maps = [cut.image(image, crop)[..., 0].astype(np.float32) for crop in crops]
        np.testing.assert_allclose(cut.restore(maps, crops, width, height), image[..., 0], atol=1e-3)


def test_tiles_keep_native_pixels_and_end_flush_with_the_border() -> None:
    crops = preprocessor(crop="tiles", size=64, overlap=0.25).crops(150, 64)
    assert [c.box for c in crops] == [(0, 0, 64, 64), (43, 0, 107, 64), (86, 0, 150, 64)]
    assert all(c.scale == (1, 1) for c in crops)


def test_an_image_smaller_than_a_tile_is_centred_in_it() -> None:
    (crop,) = preprocessor(crop="tiles", size=64).crops(40, 20)
    assert crop.box == (-12, -22, 52, 42)


def test_tiles_of_an_roi_stay_in_its_area() -> None:
    crops = preprocessor(crop="tiles", size=32, overlap=0).crops(400, 400, boxes=[(100, 100, 164, 132)])
    assert [c.box for c in crops] == [(100, 100, 132, 132), (132, 100, 164, 132)]


def test_fit_is_the_whole_image_and_roi_its_boxes() -> None:
    cell = (10, 20, 60, 90)
    assert [c.box for c in preprocessor().crops(100, 80, boxes=[cell])] == [(0, 0, 100, 80)]
    assert [c.box for c in preprocessor(crop="roi").crops(100, 80, boxes=[cell, cell])] == [cell, cell]
    assert [c.box for c in preprocessor(crop="roi").crops(100, 80)] == [(0, 0, 100, 80)]


def test_an_image_of_the_models_side_passes_untouched() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    got = preprocessor(size=64).image(image, Geometry((0, 0, 64, 64), 64))
    np.testing.assert_array_equal(got, image)
    got[:] = 0
    assert image.any(), "model input must be a copy"


def test_shrinking_averages_what_a_model_pixel_covers() -> None:
    checkers = np.repeat(np.where(np.indices((128, 128)).sum(0) % 2, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    got = preprocessor(size=32).image(checkers, Geometry((0, 0, 128, 128), 32))
    assert got.min() >= 127 and got.max() <= 128


def test_bilinear_shrinking_is_that_of_the_published_code() -> None:
    import cv2

    image = np.random.default_rng(1).integers(0, 256, (150, 90, 3), dtype=np.uint8)
    got = preprocessor(size=64, resample="bilinear").image(image, Geometry((0, 0, 90, 150), 64))
    np.testing.assert_array_equal(got, cv2.resize(image, (64, 64)))


def test_letterbox_keeps_proportions_and_fills_by_the_pad() -> None:
    image = np.full((50, 100, 3), 200, np.uint8)
    edge = preprocessor(size=64, mode="letterbox").image(image, Geometry((0, 0, 100, 50), 64, "letterbox", "edge"))
    black = preprocessor(size=64, mode="letterbox").image(image, Geometry((0, 0, 100, 50), 64, "letterbox", "black"))
    assert (edge == 200).all()
    assert (black[16:48] == 200).all() and not black[:16].any() and not black[48:].any()


@pytest.mark.parametrize("box", [(-20, -10, 50, 50), (30, 30, 130, 90), (200, 200, 260, 260), (-90, 0, -10, 20)])
def test_a_box_beyond_the_image_is_padded(box: tuple[int, int, int, int]) -> None:
    image = np.full((60, 80, 3), 90, np.uint8)
    cut = preprocessor(size=64)
    assert (cut.image(image, Geometry(box, 64, pad="edge")) == 90).all()
    black = cut.image(image, Geometry(box, 64, pad="black"))
    outside = cut.mask(np.ones((60, 80), np.uint8), Geometry(box, 64, pad="edge"))
    assert black.any() == outside.any()
    assert set(np.unique(outside)) <= {0, 1}


def test_a_crop_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="needs pixels"):
        Geometry((5, 5, 5, 9), 64)


# Masks


def test_masks_by_half_floor_and_nearest() -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[0:4, 0:4] = 7  # covers one 4 x 4 block wholly
    mask[0:4, 4:6] = 255  # half of the next
    mask[4:8, 0:1] = 1  # a quarter of the one below
    cut, geometry = preprocessor(size=32), Geometry((0, 0, 8, 8), 2)
    np.testing.assert_array_equal(cut.mask(mask, geometry), [[1, 1], [0, 0]])
    np.testing.assert_array_equal(cut.mask(mask, geometry, binarize="floor"), [[1, 0], [0, 0]])
    assert cut.mask(mask, geometry, binarize="nearest")[0, 0] == 1


@settings(deadline=None)
@given(
    box=st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(20, 80), st.integers(20, 80)),
    mode=st.sampled_from(["stretch", "letterbox"]),
)
def test_a_mask_comes_back_where_it_was(box: tuple[int, int, int, int], mode: str) -> None:
    x, y, w, h = box
    mask = np.zeros((140, 140), np.uint8)
    mask[y : y + h, x : x + w] = 1
    cut, geometry = preprocessor(size=64, mode=mode), Geometry((0, 0, 140, 140), 64, mode)  # type: ignore[arg-type]
    back = cut.restore([cut.mask(mask, geometry).astype(np.float32)], [geometry], 140, 140) >= 0.5
    ys, xs = np.nonzero(back)
    pixel = 140 / 64
    assert (xs.min(), ys.min()) == pytest.approx((x, y), abs=pixel)
    assert (xs.max() + 1, ys.max() + 1) == pytest.approx((x + w, y + h), abs=pixel)


def test_a_mask_and_its_image_stay_together_through_every_geometry() -> None:
    image = np.zeros((120, 90, 3), np.uint8)
    image[40:80, 30:60] = 255
    for settings_ in ({}, {"mode": "letterbox"}, {"crop_and_pad": "fixed", "percent": (10, -10, 20, 5)}):
        cut = preprocessor(size=64, pad="black", **settings_)
        (geometry,) = cut.crops(90, 120)
        inside = cut.image(image, geometry)[..., 0] >= 128
        assert np.mean(inside != (cut.mask(image[..., 0], geometry) > 0)) < 0.01


# Crop and pad


def test_fixed_amounts_are_percent_of_each_side() -> None:
    (geometry,) = preprocessor(crop_and_pad="fixed", percent=(10, 20, -5, -25)).crops(200, 100)
    assert geometry.box == (50, -10, 240, 95)


@pytest.mark.parametrize("part", [(30, 40, 70, 100), (60, 50, 180, 90), (5, 5, 45, 45)])
@pytest.mark.parametrize("colours", [(20, 220), (220, 20), (128, 90)])
def test_auto_finds_the_part_and_gives_it_its_share(part: tuple[int, int, int, int], colours: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    image = np.full((120, 200, 3), colours[0], np.int16)
    x0, y0, x1, y1 = part
    image[y0:y1, x0:x1] = colours[1]
    image = np.clip(image + rng.integers(-6, 7, image.shape), 0, 255).astype(np.uint8)
    image[0:3, 190:193] = 255 - colours[0]  # a speck is not the part
    (geometry,) = preprocessor(crop_and_pad="auto", target_fill=0.8).crops(200, 120, pixels=image)
    assert geometry.width == geometry.height == pytest.approx(max(x1 - x0, y1 - y0) / 0.8, abs=3)
    assert (geometry.box[0] + geometry.box[2]) / 2 == pytest.approx((x0 + x1) / 2, abs=2)
    assert (geometry.box[1] + geometry.box[3]) / 2 == pytest.approx((y0 + y1) / 2, abs=2)


def test_auto_sees_a_part_that_differs_in_colour_only() -> None:
    image = np.full((100, 100, 3), 120, np.uint8)
    image[30:70, 20:60] = (180, 98, 98)  # about the same grey
    (geometry,) = preprocessor(crop_and_pad="auto", target_fill=1.0).crops(100, 100, pixels=image)
    assert geometry.box == pytest.approx((20, 30, 60, 70), abs=2)


def test_auto_keeps_the_frame_where_nothing_stands_out() -> None:
    (geometry,) = preprocessor(crop_and_pad="auto").crops(50, 40, pixels=np.full((40, 50, 3), 99, np.uint8))
    assert geometry.box == (0, 0, 50, 40)
    with pytest.raises(ValueError, match="pixels"):
        preprocessor(crop_and_pad="auto").crops(50, 40)


def test_tiles_and_crop_and_pad_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="native pixels"):
        PreprocessConfig(crop="tiles", crop_and_pad="auto")


def test_load_is_decode_and_image(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    save_png(tmp_path / "a.png", pixels)
    cut, geometry = preprocessor(size=32), Geometry((10, 5, 60, 45), 32)
    np.testing.assert_array_equal(cut.load(tmp_path / "a.png", geometry), cut.image(pixels, geometry))


def test_maps_and_crops_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="2 maps for 1 crops"):
        preprocessor().restore([np.zeros((4, 4), np.float32)] * 2, [Geometry((0, 0, 4, 4), 4)], 4, 4)
