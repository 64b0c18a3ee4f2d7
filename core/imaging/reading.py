"""probe, decode, load_rgb8, thumbnail: a file to an upright picture, or one `ImageError`."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from core.errors import ImageError
from core.imaging.common import (
    FORMAT_SUFFIXES,
    Format,
    Header,
    ImageInfo,
    Limits,
    Pixels,
    check_size,
    open_file,
    orient,
    over_black,
    reading,
    sniff,
)
from core.imaging.headers import bmp_header, check_jpeg, check_png, jpeg_header, png_header, webp_header
from core.imaging.small import shrunk
from core.imaging.tiff import read_tiff, tiff_header
from core.imaging.window import Window, to_rgb8

_HEAD: Final = 65_536  # holds every segment of a usual JPEG before its first scan
# The plugins are called by name: Image.open would try every format, and its pixel limit is a global.
_PLUGINS: Final[dict[Format, type[ImageFile]]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
}


@dataclass(frozen=True)
class Stored:
    """A decoded, oriented picture before it is made RGB: (H, W) grey or (H, W, 3) RGB, uint8 or uint16."""

    pixels: Pixels
    format: Format
    header: Header


def probe(path: Path, *, limits: Limits | None = None) -> ImageInfo:
    """Facts of the header, without decoding; sizes are those of the oriented image. Raises `ImageError`.

    A file that probes well can still be damaged further on: only `decode` reads it whole.
    """
    with open_file(path, limits or Limits()) as stream, reading(path):
        kind = sniff(stream.read(16), path)
        header = _header(kind, stream, path)
        check_size(header, limits or Limits(), path)
    swapped = header.orientation >= 5
    return ImageInfo(
        width=header.height if swapped else header.width,
        height=header.width if swapped else header.height,
        channels=header.channels,
        bits=header.bits,
        format=kind,
        orientation=header.orientation,
        pages=header.pages,
        notes=_notes(path, kind, header),
    )


def decode(path: Path, *, limits: Limits | None = None) -> Pixels:
    """(H, W, 3) RGB, uint8 or uint16, upright; alpha over black, first page or frame. Raises `ImageError`."""
    pixels = decode_stored(path, limits or Limits()).pixels
    if pixels.ndim == 3:
        return pixels
    return np.repeat(pixels[..., None], 3, axis=2)


def load_rgb8(path: Path, window: Window | None = None, *, limits: Limits | None = None) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB, upright, through the view's window (see `to_rgb8`). Raises `ImageError`."""
    return to_rgb8(decode_stored(path, limits or Limits()).pixels, window)


def thumbnail(
    path: Path, side: int, window: Window | None = None, *, limits: Limits | None = None
) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB whose longer side is `side`; smaller images keep their size. Raises `ImageError`.

    JPEG is decoded at a half, a quarter or an eighth where that suffices.
    """
    return to_rgb8(shrunk(decode_stored(path, limits or Limits(), at_least=side).pixels, side), window)


def decode_stored(path: Path, limits: Limits, *, raw: bool = False, at_least: int | None = None) -> Stored:
    """The picture as stored, made upright. `raw` keeps palette indices and values of fewer than 8 bits.

    With `at_least` a JPEG may come smaller, its longer side still that many pixels. Raises `ImageError`.
    """
    with open_file(path, limits) as stream, reading(path):
        kind = sniff(stream.read(16), path)
        stream.seek(0)
        if kind == "TIFF":
            header, pixels = read_tiff(stream, limits, path, raw=raw)
        else:
            header = _header(kind, stream, path)
            check_size(header, limits, path)
            stream.seek(0)
            pixels = _pillow_pixels(stream.read(), kind, header, path, raw=raw, at_least=at_least)
        return Stored(orient(pixels, header.orientation), kind, header)


def _header(kind: Format, stream: IO[bytes], path: Path) -> Header:
    if kind == "PNG":
        return png_header(stream, path)
    if kind == "TIFF":
        return tiff_header(stream, path)
    if kind == "BMP":
        return bmp_header(stream)
    if kind == "WebP":
        return webp_header(stream, stream.seek(0, 2), path)
    stream.seek(0)
    head = stream.read(_HEAD)
    try:
        return jpeg_header(head, path)
    except ImageError:
        return jpeg_header(head + stream.read(), path)  # long profiles or previews come before the size


def _pillow_pixels(data: bytes, kind: Format, header: Header, path: Path, *, raw: bool, at_least: int | None) -> Pixels:
    if kind == "PNG":
        body = list(check_png(data, path))
        if header.bits >= 8 and not header.palette:
            return _png(data, header, path)
        _check_inflated(body, header, path)
    if kind == "JPEG":
        data = check_jpeg(data, path)
    image = _PLUGINS[kind](io.BytesIO(data))
    if at_least is not None and kind == "JPEG":
        scale = min(1.0, at_least / max(header.width, header.height))
        image.draft(None, (max(1, round(header.width * scale)), max(1, round(header.height * scale))))
    elif image.size != (header.width, header.height):
        raise ImageError(f"the image is damaged (two sizes: {image.size} and {header.width, header.height})", path=path)
    return _array(image, header, path, raw=raw)


def _array(image: Image.Image, header: Header, path: Path, *, raw: bool) -> Pixels:
    image.load()
    mode = image.mode
    if raw and mode in ("1", "P"):
        return np.asarray(image).astype(np.uint8)
    if raw and mode == "L" and header.bits < 8:
        return np.asarray(image) // (255 // ((1 << header.bits) - 1))
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if "transparency" in image.info or mode in ("LA", "PA", "RGBA"):
        rgba = np.asarray(image.convert("RGBA"))
        return over_black(rgba[..., :3], rgba[..., 3])
    if mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if mode in ("RGB", "P", "CMYK"):
        return np.asarray(image if mode == "RGB" else image.convert("RGB"))
    raise ImageError(f"pixels of the kind {mode} are not supported", path=path)


def _png(data: bytes, header: Header, path: Path) -> Pixels:
    """Grey, RGB and alpha of 8 and 16 bits: libpng refuses missing rows and keeps the lower byte, Pillow neither."""
    import imagecodecs

    pixels = np.asarray(imagecodecs.png_decode(data))
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] in (2, 4):  # stored alpha, or one transparent colour
        pixels = over_black(pixels[..., :-1], pixels[..., -1])
    if pixels.shape[:2] != (header.height, header.width) or pixels.shape[2] not in (1, 3):
        raise ImageError(f"the image is damaged (decoded as {pixels.dtype} {pixels.shape})", path=path)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _check_inflated(body: list[memoryview], header: Header, path: Path) -> None:
    """Pillow leaves missing rows black: count the bytes first (interlaced files have at least as many)."""
    expected = header.height * (1 + (header.width * header.bits + 7) // 8)
    inflate = zlib.decompressobj()
    got = 0
    for part in body:
        rest: bytes | memoryview = part
        while rest and got < expected:
            got += len(inflate.decompress(rest, 1 << 20))
            rest = inflate.unconsumed_tail
    if got + len(inflate.flush()) < expected:
        raise ImageError("the image is cut short", path=path, mend="Copy it again from where it came from")


def _notes(path: Path, kind: Format, header: Header) -> tuple[str, ...]:
    notes = []
    if path.suffix.lower() not in FORMAT_SUFFIXES[kind]:
        notes.append(f"The name ends in {path.suffix or 'nothing'}, the content is {kind}.")
    if header.pages > 1:
        notes.append(f"It has {header.pages} pages: the first is used.")
    return tuple(notes)
