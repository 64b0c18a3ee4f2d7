"""Every format of the list loads with the right pixels, or is refused in one sentence that names the file."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from core.errors import ImageError
from core.imaging import (
    Limits,
    Window,
    decode,
    decode_mask,
    encode_png,
    guess_window,
    load_rgb8,
    probe,
    save_png,
    thumbnail,
    to_rgb8,
)

HEIGHT, WIDTH = 24, 36


def picture(dtype: type = np.uint8, channels: int = 3) -> np.ndarray:
    """Smooth and asymmetric, so that a turned or channel-swapped picture differs and JPEG stays close."""
    top = np.iinfo(dtype).max
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [x / (WIDTH - 1), y / (HEIGHT - 1), (x + y) / (HEIGHT + WIDTH - 2), np.full((HEIGHT, WIDTH), 1.0)]
    stack = np.stack(planes[:channels], axis=-1) if channels > 1 else planes[0]
    return np.round(stack * top).astype(dtype)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def png16(path: Path, array: np.ndarray) -> Path:
    path.write_bytes(imagecodecs.png_encode(array))
    return path


# Formats and pixel kinds


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_lossless_rgb_comes_back_exactly(tmp_path: Path, suffix: str) -> None:
    path = saved(
        tmp_path / f"a.{suffix}", Image.fromarray(picture()), **({"lossless": True} if suffix == "webp" else {})
    )
    np.testing.assert_array_equal(decode(path), picture())
    info = probe(path)
    assert (info.width, info.height, info.channels, info.bits, info.pages) == (WIDTH, HEIGHT, 3, 8, 1)
    assert info.notes == ()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 2}])
def test_jpeg_comes_back_within_its_loss(tmp_path: Path, options: dict[str, object]) -> None:
    path = saved(tmp_path / "a.jpg", Image.fromarray(picture()), quality=98, **options)
    assert np.abs(decode(path).astype(int) - picture()).max() <= 12
    assert probe(path).format == "JPEG"


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "jpg"])
def test_grey_becomes_three_equal_channels(tmp_path: Path, suffix: str) -> None:
    grey = picture(channels=1)
    pixels = decode(
        saved(tmp_path / f"a.{suffix}", Image.fromarray(grey), **({"quality": 100} if suffix == "jpg" else {}))
    )
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.ptp(pixels, axis=2).max() == 0
    assert np.abs(pixels[..., 0].astype(int) - grey).max() <= (2 if suffix == "jpg" else 0)


def test_sixteen_bit_grey_keeps_its_values(tmp_path: Path) -> None:
    grey = picture(np.uint16, 1)
    for path in (saved(tmp_path / "a.png", Image.fromarray(grey)), tmp_path / "a.tif"):
        if path.suffix == ".tif":
            tifffile.imwrite(path, grey)
        pixels = decode(path)
        assert pixels.dtype == np.uint16
        np.testing.assert_array_equal(pixels[..., 2], grey)
        assert probe(path).bits == 16


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_keeps_its_lower_byte(tmp_path: Path, channels: int) -> None:
    array = picture(np.uint16, channels)
    np.testing.assert_array_equal(decode(png16(tmp_path / "a.png", array)), array[..., :3])
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unassalpha"] * (channels - 3))
    np.testing.assert_array_equal(decode(tmp_path / "a.tif"), array[..., :3])


def test_sixteen_bit_grey_with_alpha_is_composited_over_black(tmp_path: Path) -> None:
    grey = picture(np.uint16, 1)
    alpha = np.full_like(grey, 65535)
    alpha[:, :10] = 0
    pixels = decode(png16(tmp_path / "a.png", np.dstack([grey, alpha])))
    np.testing.assert_array_equal(pixels[:, 10:, 0], grey[:, 10:])
    assert not pixels[:, :10].any()


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_transparency_is_composited_over_black(tmp_path: Path, suffix: str) -> None:
    rgba = np.dstack([picture(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[:5, :, 3] = 0
    rgba[5:8, :, 3] = 128
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, rgba, photometric="rgb", extrasamples=["unassalpha"])
    else:
        saved(path, Image.fromarray(rgba), **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    pixels = decode(path)
    assert not pixels[:5].any()
    np.testing.assert_array_equal(pixels[8:], rgba[8:, :, :3])
    assert np.abs(pixels[5:8].astype(int) - np.round(rgba[5:8, :, :3] * (128 / 255))).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_one_transparent_colour_is_black(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (6, 4), 200 if mode != "RGB" else (200, 200, 200))
    image.putpixel((2, 1), 100 if mode != "RGB" else (100, 100, 100))
    pixels = decode(saved(tmp_path / "a.png", image, transparency=200 if mode != "RGB" else (200, 200, 200)))
    assert pixels[0, 0].max() == 0
    assert pixels[1, 2].min() == 100 if mode != "P" else pixels.shape == (4, 6, 3)


def test_palette_grey_alpha_and_one_bit_become_rgb(tmp_path: Path) -> None:
    rgb = (picture() // 86) * 86
    palette = saved(tmp_path / "p.png", Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE, colors=256))
    assert np.abs(decode(palette).astype(int) - rgb).max() <= 4
    grey_alpha = saved(tmp_path / "la.png", Image.fromarray(picture()).convert("LA"))
    assert decode(grey_alpha).shape == (HEIGHT, WIDTH, 3)
    bits = picture(channels=1) > 127
    for suffix in ("png", "bmp", "tif"):
        pixels = decode(saved(tmp_path / f"1.{suffix}", Image.fromarray(bits)))
        np.testing.assert_array_equal(pixels[..., 1], np.where(bits, 255, 0))
    palette_tiff = saved(
        tmp_path / "p.tif", Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    )
    assert np.abs(decode(palette_tiff).astype(int) - rgb).max() <= 4


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_matches_the_rgb_it_was_made_from(tmp_path: Path, suffix: str) -> None:
    source = Image.fromarray(picture())
    path = saved(tmp_path / f"a.{suffix}", source.convert("CMYK"), **({"quality": 100} if suffix == "jpg" else {}))
    assert np.abs(decode(path).astype(int) - picture()).max() <= 3


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 5},
        {"tile": (16, 16)},
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib", "tile": (16, 32)},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"planarconfig": "separate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_of_every_storage_comes_back_exactly(tmp_path: Path, options: dict[str, object], dtype: type) -> None:
    array = picture(dtype)
    stored = np.moveaxis(array, -1, 0) if "planarconfig" in options else array
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    np.testing.assert_array_equal(decode(tmp_path / "a.tif"), array)


def test_float_tiff_is_scaled_by_a_fixed_rule(tmp_path: Path) -> None:
    unit = np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    tifffile.imwrite(tmp_path / "unit.tif", unit)
    np.testing.assert_array_equal(decode(tmp_path / "unit.tif")[..., 0], np.round(unit.astype(float) * 65535))
    tifffile.imwrite(tmp_path / "counts.tif", unit * 4000)
    assert decode(tmp_path / "counts.tif").max() == 4000
    for name, bad in {"nan": unit * np.nan, "negative": unit - 0.5, "large": unit * 1e6}.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", bad)
        with pytest.raises(ImageError, match=f"{name}.tif.*0 to 1 or 0 to 65535"):
            decode(tmp_path / f"{name}.tif")


def test_several_pages_give_the_first_with_a_note(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([picture(), 255 - picture()]), photometric="rgb")
    np.testing.assert_array_equal(decode(tmp_path / "a.tif"), picture())
    assert probe(tmp_path / "a.tif").notes == ("It has 2 pages: the first is used.",)


def test_kinds_of_tiff_that_are_no_picture_are_refused_by_name(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "five.tif", np.zeros((8, 8, 5), np.uint8), photometric="minisblack", planarconfig="contig"
    )
    with pytest.raises(ImageError, match=r"five\.tif.*5 channels"):
        decode(tmp_path / "five.tif")
    tifffile.imwrite(tmp_path / "lab.tif", picture(), photometric="cielab")
    with pytest.raises(ImageError, match=r"lab\.tif.*CIELAB"):
        decode(tmp_path / "lab.tif")


# Orientation


def with_orientation(path: Path, upright: np.ndarray, orientation: int) -> Path:
    """A file whose stored pixels are `upright` turned back, tagged so that a viewer shows `upright`."""
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(upright)
    stored = image if orientation == 1 else image.transpose(inverse[orientation])
    if path.suffix == ".tif":
        tifffile.imwrite(path, np.asarray(stored), extratags=[(274, "H", 1, orientation, True)])
        return path
    exif = Image.Exif()
    exif[274] = orientation
    return saved(path, stored, exif=exif, **({"quality": 98} if path.suffix == ".jpg" else {"lossless": True}))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_orientation_is_applied_exactly_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = with_orientation(tmp_path / f"a{suffix}", picture(), orientation)
    assert np.abs(decode(path).astype(int) - picture()).max() <= (12 if suffix == ".jpg" else 0)
    info = probe(path)
    assert (info.width, info.height, info.orientation) == (WIDTH, HEIGHT, orientation)
    assert thumbnail(path, 18).shape == (12, 18, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_align_with_the_oriented_image(tmp_path: Path, orientation: int) -> None:
    """A mask painted on the oriented view has no tag; one that a camera's tool tagged is turned by its own tag."""
    upright = picture()
    upright[3:9, 20:30] = (255, 0, 255)
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    painted[3:9, 20:30] = 255
    image = decode(with_orientation(tmp_path / "a.png", upright, orientation))
    plain = decode_mask(saved(tmp_path / "plain.png", Image.fromarray(painted)))
    tagged = decode_mask(with_orientation(tmp_path / "tagged.png", painted, orientation))
    for mask in (plain, tagged):
        assert mask.shape == image.shape[:2]
        assert (image[mask > 0] == (255, 0, 255)).all()


def test_an_exif_part_behind_the_pixels_counts_too(tmp_path: Path) -> None:
    data = with_orientation(tmp_path / "a.png", picture(), 6).read_bytes()
    at = data.index(b"eXIf") - 4
    length = int.from_bytes(data[at : at + 4], "big") + 12
    moved = data[:at] + data[at + length : -12] + data[at : at + length] + data[-12:]
    (tmp_path / "late.png").write_bytes(moved)
    np.testing.assert_array_equal(decode(tmp_path / "late.png"), picture())


# Masks


def test_masks_keep_class_ids(tmp_path: Path) -> None:
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[2:5, 3:9], ids[10:12, 3:9] = 3, 7
    palette = Image.fromarray(ids).convert("P")
    palette.putpalette([i * 5 % 256 for i in range(768)])
    np.testing.assert_array_equal(decode_mask(saved(tmp_path / "grey.png", Image.fromarray(ids))), ids)
    np.testing.assert_array_equal(decode_mask(saved(tmp_path / "palette.png", palette)), ids)
    np.testing.assert_array_equal(decode_mask(saved(tmp_path / "16.png", Image.fromarray(ids.astype(np.uint16)))), ids)
    np.testing.assert_array_equal(decode_mask(saved(tmp_path / "ids.tif", Image.fromarray(ids))), ids)
    np.testing.assert_array_equal(decode_mask(saved(tmp_path / "1.png", Image.fromarray(ids > 0))), (ids > 0) * 1)


def test_sixteen_bit_masks_are_scaled_or_refused(tmp_path: Path) -> None:
    full = np.zeros((4, 4), np.uint16)
    full[1, 1] = 65535
    assert decode_mask(saved(tmp_path / "a.png", Image.fromarray(full)))[1, 1] == 255
    full[1, 1] = 300
    with pytest.raises(ImageError, match=r"b\.png.*300"):
        decode_mask(saved(tmp_path / "b.png", Image.fromarray(full)))


def test_a_lossy_mask_loses_its_ringing(tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[10:20, 8:24] = 255
    got = decode_mask(saved(tmp_path / "a.jpg", Image.fromarray(mask), quality=60))
    assert set(np.unique(got)) == {0, 255}
    assert np.mean((got > 0) != (mask > 0)) < 0.02


# Window/level


def test_sixteen_bit_without_a_window_uses_the_range_of_the_type() -> None:
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    np.testing.assert_array_equal(to_rgb8(values, None)[0, :, 0], [0, 1, 128, 255])


def test_a_window_is_linear_and_clips() -> None:
    values = np.array([[0, 100, 2100, 4100, 9000]], np.uint16)
    np.testing.assert_array_equal(to_rgb8(values, Window(100, 4100))[0, :, 1], [0, 0, 128, 255, 255])


def test_twelve_bits_in_sixteen_get_a_twelve_bit_window(tmp_path: Path) -> None:
    grey = (picture(np.uint16, 1) >> 4).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", grey)
    window = guess_window([tmp_path / "a.tif"])
    assert window == Window(0, 4095)
    assert load_rgb8(tmp_path / "a.tif", window).max() == 255
    assert load_rgb8(tmp_path / "a.tif").max() == 16
    assert guess_window([picture()]) is None


def test_a_sixteen_bit_window_leaves_eight_bit_images_of_the_view_alone() -> None:
    np.testing.assert_array_equal(to_rgb8(picture(), Window(0, 4095)), picture())
    assert to_rgb8(picture(), Window(0, 127))[:, 20:, 0].min() == 255


def test_a_window_needs_low_below_high() -> None:
    with pytest.raises(ValueError, match="low < high"):
        Window(5, 5)


# Names and places


@pytest.mark.parametrize(
    "name", ["Schräge Naht.png", "芯片 甲.png", "😀.png", "e\u0301.png", "trailing .png", "x" * 251 + ".png"]
)
def test_any_name_loads(tmp_path: Path, name: str) -> None:
    save_png(tmp_path / name, picture())
    np.testing.assert_array_equal(decode(tmp_path / name), picture())


def test_a_very_long_path_loads(tmp_path: Path) -> None:
    folder = tmp_path
    while len(str(folder)) < 900:
        folder = folder / ("long folder name " * 5)
    folder.mkdir(parents=True)
    save_png(folder / "a.png", picture())
    np.testing.assert_array_equal(decode(folder / "a.png"), picture())


def test_a_wrong_extension_loads_by_content_with_a_note(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "BMP")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), picture())
    assert probe(tmp_path / "a.png").notes == ("The name ends in .png, the content is BMP.",)


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("this is a text that was renamed")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    Image.fromarray(picture()).save(tmp_path / "gif.png", "GIF")
    expected = {
        "text": "not an image",
        "empty": "empty",
        "folder": "folder",
        "link": "link points to",
        "gif": "GIF",
        "absent": "not there",
    }
    for name, words in expected.items():
        for reader in (probe, decode, decode_mask, load_rgb8):
            with pytest.raises(ImageError, match=rf"{name}\.png.*{words}"):
                reader(tmp_path / f"{name}.png")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a regular file"):
        decode(tmp_path / "pipe.png")


# Sizes


def test_the_smallest_and_the_thinnest_load(tmp_path: Path) -> None:
    for shape in ((1, 1), (1, 20_000), (20_000, 1)):
        for suffix in ("png", "tif", "bmp"):
            path = saved(tmp_path / f"{shape[0]}.{suffix}", Image.fromarray(np.full((*shape, 3), 7, np.uint8)))
            assert decode(path).shape == (*shape, 3)
            assert max(thumbnail(path, 64).shape[:2]) == min(64, max(shape))


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "jpg", "webp"])
def test_a_pixel_bomb_is_refused_from_its_header(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(picture()))
    small = Limits(pixels=HEIGHT * WIDTH - 1)
    for reader in (probe, decode, load_rgb8, decode_mask):
        with pytest.raises(ImageError, match="more than the limit"):
            reader(path, limits=small)
    with pytest.raises(ImageError, match="larger than the limit"):
        decode(path, limits=Limits(bytes=10))


def test_a_bomb_of_a_declared_size_never_gets_its_memory(tmp_path: Path) -> None:
    import struct
    import zlib

    body = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    head = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + b"\0\0\0\0IEND\xaeB`\x82")
    with pytest.raises(ImageError, match="100000 x 100000"):
        decode(tmp_path / "bomb.png")


# Writing, thumbnails, weight


@pytest.mark.parametrize("array", [picture(), picture(np.uint16), picture(channels=1), picture(np.uint16, 1)])
def test_png_round_trips(tmp_path: Path, array: np.ndarray) -> None:
    save_png(tmp_path / "a.png", array)
    got = decode(tmp_path / "a.png")
    np.testing.assert_array_equal(got if array.ndim == 3 else got[..., 0], array)


def test_png_refuses_what_it_cannot_hold() -> None:
    for bad in (np.zeros((2, 2)), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2), np.uint8)):
        with pytest.raises(ValueError, match="PNG"):
            encode_png(bad)


def test_a_jpeg_thumbnail_looks_like_the_shrunk_image(tmp_path: Path) -> None:
    big = np.asarray(Image.fromarray(picture()).resize((720, 480), Image.Resampling.BICUBIC))
    small = thumbnail(saved(tmp_path / "a.jpg", Image.fromarray(big), quality=95), 90)
    assert small.shape == (60, 90, 3)
    reference = np.asarray(Image.fromarray(big).resize((90, 60), Image.Resampling.BOX))
    assert np.abs(small.astype(int) - reference).mean() < 3


def test_importing_imaging_is_light() -> None:
    heavy = "{'scipy', 'sklearn', 'torch', 'tifffile', 'imagecodecs', 'matplotlib'}"
    code = f"import sys, core.imaging, core.preprocess, core.layouts; sys.exit(bool({heavy} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_real_images_load(real_data: Path) -> None:
    for name, size in (("mvtec_pill", (320, 320)), ("cookie", (768, 576))):
        image = next(iter(sorted((real_data / name / "train" / "good").iterdir())))
        assert decode(image).shape == (*size, 3)
    mask = next(iter(sorted((real_data / "mvtec_pill" / "ground_truth" / "crack").iterdir())))
    assert set(np.unique(decode_mask(mask))) == {0, 255}
