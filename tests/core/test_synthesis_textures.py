"""The ten augmenters and the sources of textures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from core.errors import ConfigError, ImageError, InputError
from core.imaging import save_png
from core.synthesis import TextureSource
from core.synthesis.augmenters import (
    AUGMENTERS,
    Augmenter,
    autocontrast,
    brightness,
    choose,
    equalize,
    gamma_contrast,
    hue_and_saturation,
    invert,
    posterize,
    rotate,
    sharpness,
    solarize,
    stretch,
)
from core.synthesis.procedural import FAMILIES, Family, clouds, procedural

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def image() -> Pixels:
    return clouds(np.random.default_rng(4), 48)


class _Fixed(np.random.Generator):
    """A generator whose `uniform` gives one value."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.PCG64(0))
        self._value = value

    def uniform(self, low: object = 0, high: object = 1, size: object = None) -> object:  # type: ignore[override]
        return self._value if size is None else np.full(size, self._value)  # type: ignore[arg-type]


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_every_augmenter_keeps_shape_and_type_and_its_input(augmenter: Augmenter, image: Pixels) -> None:
    before, changed = image.copy(), False
    for seed in range(12):
        result = augmenter(image, np.random.default_rng(seed))
        assert result.shape == image.shape and result.dtype == np.uint8
        changed |= not np.array_equal(result, image)

    assert changed and np.array_equal(image, before)


def test_four_different_augmenters_are_chosen_and_each_can_be() -> None:
    rng = np.random.default_rng(0)
    draws = [choose(rng, 4) for _ in range(300)]

    assert all(len(set(draw)) == 4 for draw in draws)
    assert {augmenter for draw in draws for augmenter in draw} == set(AUGMENTERS)
    assert {draw[0] for draw in draws} == set(AUGMENTERS)


def test_gamma_of_one_half_takes_64_to_128(image: Pixels) -> None:
    grey = np.full((4, 4, 3), 64, dtype=np.uint8)

    assert (gamma_contrast(grey, _Fixed(0.5)) == round(255 * (64 / 255) ** 0.5)).all()


def test_brightness_stays_within_its_factor_and_offset() -> None:
    grey = np.full((4, 4, 3), 128, dtype=np.uint8)
    values = [int(brightness(grey, np.random.default_rng(seed))[0, 0].mean()) for seed in range(200)]

    assert min(values) >= 128 * 0.8 - 36 and max(values) <= 128 * 1.2 + 44
    assert max(values) - min(values) > 40


def test_sharpness_is_pillows(image: Pixels) -> None:
    for factor in (0.0, 0.5, 1.0, 2.0):
        expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(image)).enhance(factor), dtype=int)
        ours = sharpness(image, _Fixed(factor)).astype(int)
        assert np.abs(ours - expected)[2:-2, 2:-2].max() <= 2


def test_autocontrast_is_pillows(image: Pixels) -> None:
    dull = (image // 3 + 40).astype(np.uint8)
    for cutoff in (0, 5, 20):
        expected = np.asarray(ImageOps.autocontrast(Image.fromarray(dull), cutoff=cutoff), dtype=int)
        assert np.abs(stretch(dull, cutoff).astype(int) - expected).max() <= 1
    assert autocontrast(dull, _Fixed(0.0)).max() == 255


def test_autocontrast_leaves_a_plain_image() -> None:
    plain = np.full((8, 8, 3), 77, dtype=np.uint8)

    assert np.array_equal(stretch(plain, 10), plain)


def test_equalize_is_near_pillows(image: Pixels) -> None:
    expected = np.asarray(ImageOps.equalize(Image.fromarray(image)), dtype=int)

    assert np.abs(equalize(image, np.random.default_rng(0)).astype(int) - expected).mean() < 3


def test_solarize_inverts_above_its_threshold_half_of_the_time() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    results = [solarize(ramp, np.random.default_rng(seed)) for seed in range(200)]
    changed = [result for result in results if not np.array_equal(result, ramp)]

    assert len(changed) == pytest.approx(100, abs=25)
    for result in changed:
        start = int(np.argmax(result[0, :, 0] != ramp[0, :, 0]))
        assert 32 <= start <= 128
        assert np.array_equal(result[0, start:, 0], 255 - ramp[0, start:, 0])


def test_posterize_keeps_the_highest_bits() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    levels = {len(np.unique(posterize(ramp, np.random.default_rng(seed)))) for seed in range(100)}

    assert levels == {2, 4, 8, 16, 32, 64, 128, 256}


def test_invert_twice_is_the_image(image: Pixels) -> None:
    rng = np.random.default_rng(0)

    assert np.array_equal(invert(invert(image, rng), rng), image)


def test_hue_turns_without_touching_grey() -> None:
    grey, red = np.full((2, 2, 3), 90, dtype=np.uint8), np.zeros((2, 2, 3), dtype=np.uint8)
    red[..., 0] = 200
    reds = {tuple(hue_and_saturation(red, np.random.default_rng(seed))[0, 0].tolist()) for seed in range(30)}

    assert len(reds) > 15
    assert all(max(colour) == 200 for colour in reds)
    assert hue_and_saturation(grey, np.random.default_rng(1)).max() == 90


def test_rotation_fills_corners_black() -> None:
    white = np.full((33, 33, 3), 255, dtype=np.uint8)

    turned = rotate(white, _Fixed(45.0))

    assert turned[0, 0].tolist() == [0, 0, 0] and turned[16, 16].tolist() == [255, 255, 255]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [64, 97])
def test_every_drawn_family_fills_any_side_and_varies(family: Family, size: int) -> None:
    textures = [family(np.random.default_rng(seed), size) for seed in range(6)]

    assert all(texture.shape == (size, size, 3) and texture.dtype == np.uint8 for texture in textures)
    assert len({texture.tobytes() for texture in textures}) == 6
    assert any(float(texture.std()) > 5 for texture in textures)


def test_every_family_is_drawn() -> None:
    rng = np.random.default_rng(0)
    assert len({procedural(rng, 32).tobytes() for _ in range(50)}) == 50


def test_training_images_give_pieces_in_other_colours(image: Pixels) -> None:
    source = TextureSource(("self",), 48, own=[image])
    textures = [source.draw(np.random.default_rng(seed)) for seed in range(20)]

    assert all(texture.shape == (48, 48, 3) and texture.dtype == np.uint8 for texture in textures)
    assert not any(np.array_equal(texture, image) for texture in textures)


def test_a_folder_gives_its_images_at_model_size_also_from_sub_folders(tmp_path: Path) -> None:
    for number, name in enumerate(("a.png", "deep/b.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save_png(tmp_path / name, np.full((20, 30, 3), 100 + number, dtype=np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    source = TextureSource((f"folder:{tmp_path}",), 32)

    values = {int(source.draw(np.random.default_rng(seed)).mean()) for seed in range(20)}

    assert values == {100, 101}
    assert source.draw(np.random.default_rng(0)).shape == (32, 32, 3)


def test_a_texture_that_cannot_be_read_is_named_once_and_another_drawn(tmp_path: Path) -> None:
    save_png(tmp_path / "a.png", np.full((8, 8, 3), 100, np.uint8))
    (tmp_path / "b.png").write_bytes(b"torn")
    named: list[ImageError] = []
    source = TextureSource((f"folder:{tmp_path}",), 32, unreadable=named.append)

    values = {int(source.draw(np.random.default_rng(seed)).mean()) for seed in range(20)}

    assert values == {100} and [error.path for error in named] == [tmp_path / "b.png"]
    (tmp_path / "a.png").write_bytes(b"torn, too")
    with pytest.raises(InputError, match="no texture"):
        TextureSource((f"folder:{tmp_path}",), 32).draw(np.random.default_rng(0))


def test_real_textures_are_read(real_data: Path) -> None:
    source = TextureSource((f"folder:{real_data / 'textures'}",), 64)

    assert source.draw(np.random.default_rng(0)).std() > 1


def test_sources_are_mixed_evenly(image: Pixels) -> None:
    own = [np.full((16, 16, 3), 7, dtype=np.uint8)]
    source = TextureSource(("procedural", "self"), 16, own=own)
    rng = np.random.default_rng(0)

    plain = [np.ptp(source.draw(rng).reshape(-1, 3), axis=0).max() == 0 for _ in range(400)]

    assert np.mean(plain) == pytest.approx(0.5, abs=0.1)


def test_missing_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no training images"):
        TextureSource(("self",), 32)
    with pytest.raises(InputError, match="does not exist"):
        TextureSource((f"folder:{tmp_path / 'nowhere'}",), 32)
    with pytest.raises(InputError, match="holds no images"):
        TextureSource((f"folder:{tmp_path}",), 32)
