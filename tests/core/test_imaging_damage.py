"""Damaged files end in one ImageError that names them: never another exception, never half an image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import ImageError
from core.imaging import decode, decode_mask, probe, thumbnail

KINDS = ("rgb.png", "palette.png", "rgb16.png", "a.jpg", "progressive.jpg", "a.bmp")
KINDS += ("a.webp", "lossless.webp", "strip.tif", "tiles.tif", "lzw.tif", "big.tif", "jpeg.tif")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(3)
    pixels = (np.linspace(0, 200, 48 * 64 * 3).reshape(48, 64, 3) + rng.integers(0, 50, (48, 64, 3))).astype(np.uint8)
    image = Image.fromarray(pixels)
    image.save(folder / "rgb.png")
    image.convert("P").save(folder / "palette.png")
    (folder / "rgb16.png").write_bytes(imagecodecs.png_encode(pixels.astype(np.uint16) * 200))
    image.save(folder / "a.jpg", quality=95)
    image.save(folder / "progressive.jpg", quality=95, progressive=True)
    image.save(folder / "a.bmp")
    image.save(folder / "a.webp", quality=90)
    image.save(folder / "lossless.webp", lossless=True)
    tifffile.imwrite(folder / "strip.tif", pixels, photometric="rgb", rowsperstrip=8)
    tifffile.imwrite(folder / "tiles.tif", pixels, photometric="rgb", tile=(16, 16))
    tifffile.imwrite(folder / "lzw.tif", pixels, photometric="rgb", compression="lzw", rowsperstrip=8)
    tifffile.imwrite(folder / "big.tif", pixels, photometric="rgb", bigtiff=True)
    tifffile.imwrite(folder / "jpeg.tif", pixels, photometric="rgb", compression="jpeg", rowsperstrip=16)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


NAMES = sorted(KINDS)


def readers() -> Iterator[object]:
    yield from (probe, decode, decode_mask)
    yield lambda path: thumbnail(path, 16)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.1, 0.6, 0.99])
def test_a_truncated_file_is_refused_and_named(
    tmp_path: Path, whole: dict[str, bytes], name: str, share: float
) -> None:
    path = tmp_path / name
    path.write_bytes(whole[name][: int(len(whole[name]) * share)])
    for reader in (decode, decode_mask, lambda p: thumbnail(p, 16)):
        with pytest.raises(ImageError, match=name):
            reader(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_loads(tmp_path: Path, whole: dict[str, bytes], name: str) -> None:
    (tmp_path / name).write_bytes(whole[name])
    assert decode(tmp_path / name).shape == (48, 64, 3)


@pytest.mark.parametrize("name", [n for n in NAMES if n.endswith(".png")])
def test_any_flipped_byte_of_a_png_is_found(tmp_path: Path, whole: dict[str, bytes], name: str) -> None:
    data = whole[name]
    for at in range(0, len(data), max(1, len(data) // 97)):
        damaged = bytearray(data)
        damaged[at] ^= 0x41
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ImageError, match=name):
            decode(tmp_path / name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255))))
def test_flipped_bytes_give_an_image_error_or_a_whole_image(
    tmp_path: Path, whole: dict[str, bytes], name: str, flips: list[tuple[float, int]]
) -> None:
    damaged = bytearray(whole[name])
    for where, value in flips:
        damaged[int(where * len(damaged))] ^= value
    path = tmp_path / name
    path.write_bytes(damaged)
    for reader in readers():
        try:
            reader(path)
        except ImageError as error:
            assert name in str(error)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(
        [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"RIFF\0\0\0\0WEBP"]
    ),
    body=st.binary(max_size=300),
)
def test_garbage_behind_a_true_magic_is_an_image_error(tmp_path: Path, head: bytes, body: bytes) -> None:
    path = tmp_path / "garbage.png"
    path.write_bytes(head + body)
    for reader in (decode, decode_mask):
        with pytest.raises(ImageError, match="garbage"):
            reader(path)


def test_a_png_whose_pixels_end_early_is_refused_even_with_valid_checksums(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for bits, colour, size in ((8, 2, 3), (16, 2, 6), (8, 0, 1), (16, 0, 2), (4, 0, 0.5), (8, 3, 1)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, bits, colour, 0, 0, 0))
        header += chunk(b"PLTE", bytes(768)) if colour == 3 else b""
        rows = zlib.compress(b"".join(b"\0" + bytes(int(40 * size)) for _ in range(20)))
        (tmp_path / "half.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
        with pytest.raises(ImageError, match=r"half\.png"):
            decode(tmp_path / "half.png")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_jpeg_cut_short_is_refused_even_when_its_writer_ended_it(
    tmp_path: Path, whole: dict[str, bytes], share: float
) -> None:
    data = whole["a.jpg"]
    start = data.index(b"\xff\xda")
    (tmp_path / "ended.jpg").write_bytes(data[: int(start + (len(data) - start) * share)] + b"\xff\xd9")
    for reader in (decode, lambda path: thumbnail(path, 16)):
        with pytest.raises(ImageError, match=r"ended\.jpg"):
            reader(tmp_path / "ended.jpg")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    mode=st.sampled_from(["L", "RGB", "CMYK"]),
    options=st.fixed_dictionaries(
        {"quality": st.integers(5, 100), "subsampling": st.integers(0, 2), "progressive": st.booleans()},
        optional={"restart_marker_blocks": st.integers(1, 5), "optimize": st.booleans()},
    ),
)
def test_every_whole_jpeg_passes_the_checks_as_pillow_reads_it(
    tmp_path: Path, width: int, height: int, mode: str, options: dict[str, int]
) -> None:
    noise = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(noise).convert(mode).save(path, **options)
    np.testing.assert_array_equal(decode(path), np.asarray(Image.open(path).convert("RGB")))
    assert max(thumbnail(path, 20).shape) == min(20, max(width, height, 3))


def test_bytes_behind_the_end_of_a_jpeg_are_harmless(tmp_path: Path, whole: dict[str, bytes]) -> None:
    (tmp_path / "a.jpg").write_bytes(whole["a.jpg"] + b"\0\xff\xd8\xff\xe1 second picture \xff\xd9")
    assert decode(tmp_path / "a.jpg").shape == (48, 64, 3)


def test_a_broken_exif_block_does_not_cost_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6), (9, 9, 9)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish")
    assert decode(tmp_path / "a.jpg").shape == (6, 8, 3)
