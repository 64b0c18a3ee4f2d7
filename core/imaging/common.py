"""What every reader shares: limits, the facts of a header, opening a file safely, one error for all damage."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError

Format = Literal["PNG", "JPEG", "BMP", "TIFF", "WebP"]
Pixels = NDArray[np.unsignedinteger[Any]]  # uint8 or uint16

FORMAT_SUFFIXES: Final[dict[Format, tuple[str, ...]]] = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "WebP": (".webp",),
}
SUFFIXES: Final[frozenset[str]] = frozenset(s for group in FORMAT_SUFFIXES.values() for s in group)

_WINDOWS_PATH_LIMIT: Final = 240  # 260 with room for what the system appends
_REFUSED: Final[tuple[tuple[bytes, str], ...]] = (
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"\x00\x00\x00\x0cjP", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"PK\x03\x04", "ZIP"),
)


@dataclass(frozen=True)
class Limits:
    """What is refused before decoding: more `pixels` than that, or a file of more `bytes`."""

    pixels: int = 400_000_000
    bytes: int = 4 * 1024**3


@dataclass(frozen=True)
class ImageInfo:
    """What a header says. `width` and `height` are those of the oriented image; `bits` is per channel as stored.

    `pages` counts TIFF pages and animation frames; only the first is ever used. `notes` are sentences for a person:
    a name that does not match the content, further pages.
    """

    width: int
    height: int
    channels: int
    bits: int
    format: Format
    orientation: int
    pages: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Header:
    """As stored, before orientation."""

    width: int
    height: int
    channels: int
    bits: int
    orientation: int = 1
    pages: int = 1
    palette: bool = False


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns whatever a decoder raises on a damaged file into one `ImageError` that names the file."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("there is not enough memory to decode this image", path=path) from error
    except OSError as error:
        raise _os_error(error, path) from error
    except Exception as error:  # hostile bytes make decoders raise anything: struct.error, KeyError, SyntaxError, ...
        raise ImageError(f"the image is damaged ({_brief(error)})", path=path) from error


def open_file(path: Path, limits: Limits) -> IO[bytes]:
    """A regular, non-empty file of at most `limits.bytes`, open for reading; else `ImageError`."""
    with reading(path):
        native = _native(path)
        if native.is_symlink() and not native.exists():
            raise ImageError("the link points to a file that is not there", path=path)
        status = native.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("this is a folder, not an image", path=path)
        if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device could wait for ever
            raise ImageError("this is not a regular file", path=path)
        if status.st_size == 0:
            raise ImageError("the file is empty", path=path)
        if status.st_size > limits.bytes:
            raise ImageError(f"the file is larger than the limit of {limits.bytes / 1e6:,.0f} MB", path=path)
        return native.open("rb")


def sniff(head: bytes, path: Path) -> Format:
    """The format by its first 16 bytes; `ImageError` for anything outside the allow-list."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head.startswith(b"BM"):
        return "BMP"
    named = next((f"the content is {name}" for magic, name in _REFUSED if head.startswith(magic)), "not an image")
    raise ImageError(f"{named}; Flawscope reads PNG, JPEG, BMP, TIFF and WebP", path=path)


def check_size(header: Header, limits: Limits, path: Path) -> None:
    """Raises `ImageError` for an empty image or one of more than `limits.pixels`."""
    if header.width < 1 or header.height < 1:
        raise ImageError(f"the image has no pixels ({header.width} x {header.height})", path=path)
    if header.width * header.height > limits.pixels:
        raise ImageError(
            f"{header.width} x {header.height} pixels are more than the limit of {limits.pixels / 1e6:,.0f} million",
            path=path,
        )


def orient(pixels: Pixels, orientation: int) -> Pixels:
    """`pixels` (H, W[, C]) turned upright for EXIF orientation 1 to 8 (EXIF 2.32, tag 274); contiguous."""
    turned: NDArray[Any] = pixels
    if orientation in (5, 6, 7, 8):
        turned = turned.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def over_black(colour: Pixels, alpha: Pixels) -> Pixels:
    """`colour` (H, W, C) weighted by `alpha` (H, W): what is transparent is black. Opaque pixels stay exact."""
    top = int(np.iinfo(alpha.dtype).max)
    if int(alpha.min(initial=top)) == top:
        return colour
    weighted = (colour.astype(np.uint32) * alpha[..., None].astype(np.uint32) + top // 2) // top
    return weighted.astype(np.uint8) if colour.dtype == np.uint8 else weighted.astype(np.uint16)


def _os_error(error: OSError, path: Path) -> ImageError:
    if isinstance(error, FileNotFoundError):
        return ImageError("the file is not there", path=path)
    if isinstance(error, PermissionError):
        return ImageError("the file may not be read", path=path, mend="Check its permissions")
    if error.errno is None:  # Pillow reports damage as OSError without a number
        return ImageError(f"the image is damaged ({_brief(error)})", path=path)
    return ImageError(f"the file cannot be read ({error.strerror or error})", path=path)


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text or type(error).__name__)[:160]


def _native(path: Path) -> Path:
    if os.name != "nt" or len(str(path)) < _WINDOWS_PATH_LIMIT or str(path).startswith("\\\\"):
        return path
    return Path("\\\\?\\" + str(path.absolute()))
