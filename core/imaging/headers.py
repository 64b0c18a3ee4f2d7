"""Headers and containers, read without decoding: sizes, orientation, and whether the file is whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np
from PIL import ExifTags, Image

from core.errors import ImageError
from core.imaging.common import Header

_PNG_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_JPEG_BETWEEN_SCANS: Final = frozenset([0xC4, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)])
_JPEG_PADDING: Final = b"\xff\x00" * 8  # 64 one bits: as far as libjpeg looks ahead
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def orientation_of(exif: bytes | None) -> int:
    """Orientation 1 to 8 from an EXIF block (with or without the `Exif\\0\\0` prefix); 1 when absent or nonsense."""
    if not exif:
        return 1
    table = Image.Exif()
    try:
        table.load(exif if exif.startswith(b"Exif\0\0") else b"Exif\0\0" + exif)
        value = table.get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block is a broken note beside a whole picture: upright is what viewers show then
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def png_header(stream: IO[bytes], path: Path) -> Header:
    """Size, depth, orientation (an eXIf chunk may follow the pixels) and frames of a PNG."""
    width = height = depth = colour = -1
    exif: bytes | None = None
    pages = 1
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            break
        if kind in (b"IHDR", b"eXIf", b"acTL") and length < 1 << 24:
            body = stream.read(length)
            if kind == b"IHDR":
                width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            elif kind == b"eXIf":
                exif = body
            else:
                pages = max(1, struct.unpack(">I", body[:4])[0])
            stream.seek(4, 1)
        else:
            stream.seek(length + 4, 1)
    if colour not in _PNG_CHANNELS:
        raise ImageError("the image is damaged (its PNG header is not valid)", path=path)
    return Header(width, height, _PNG_CHANNELS[colour], depth, orientation_of(exif), pages, palette=colour == 3)


def check_png(data: bytes, path: Path) -> Iterator[memoryview]:
    """The bodies of IDAT, one by one; `ImageError` when a chunk is cut short, a CRC is wrong or IEND is missing."""
    view = memoryview(data)
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        (crc,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[at + 4 : end - 4]) != crc:
            raise ImageError(f"the image is damaged (checksum of its {_printable(kind)} part is wrong)", path=path)
        if kind == b"IDAT":
            yield view[at + 8 : end - 4]
        if kind == b"IEND":
            return
        at = end
    raise ImageError("the image is cut short", path=path, mend="Copy it again from where it came from")


def jpeg_header(data: bytes, path: Path) -> Header:
    """Size, channels and orientation of a JPEG from its first bytes (all segments before the first scan)."""
    exif: bytes | None = None
    frame: tuple[int, int, int, int] | None = None
    for marker, body in _jpeg_segments(data, path):
        if marker == 0xE1 and bytes(body[:6]) == b"Exif\0\0" and exif is None:
            exif = bytes(body)
        if marker in _JPEG_FRAMES:
            frame = struct.unpack(">BHHB", body[:6])
    if frame is None:
        raise ImageError("the image is damaged (it has no JPEG frame)", path=path)
    bits, height, width, channels = frame
    return Header(width, height, channels, bits, orientation_of(exif))


def check_jpeg(data: bytes, path: Path) -> bytes:
    """What to hand to the decoder; `ImageError` when a marker cannot stand where it does, or the end marker is missing.

    libjpeg paints grey whatever is missing before an end marker. Where one scan holds the whole picture, its end
    marker is replaced by a few padding bits: a whole picture does not need them, a cut one runs out of data and fails.
    """
    at = 0
    single = False
    for marker, body in _jpeg_segments(data, path):
        if marker in _JPEG_FRAMES:
            components = body[5] if marker in (0xC0, 0xC1) else 0
        elif marker == 0xDA:
            single = data[len(data) - len(body) - 4 - 2 * components] == components > 0
            at = len(data) - len(body)
    for found in _jpeg_markers(data):
        if found < at:  # inside the segment before
            continue
        marker = data[found + 1]
        if marker == 0xD9:
            return data[:found] + _JPEG_PADDING if single else data
        if marker not in _JPEG_BETWEEN_SCANS or found + 4 > len(data):
            raise ImageError(f"the image is damaged (stray JPEG marker {marker:02X})", path=path)
        single &= marker != 0xDA
        at = found + 2 + int.from_bytes(data[found + 2 : found + 4], "big")
    raise ImageError("the image is cut short", path=path, mend="Copy it again from where it came from")


def bmp_header(stream: IO[bytes]) -> Header:
    """Size and channels of a BMP."""
    stream.seek(0)
    head = stream.read(34)
    (size,) = struct.unpack_from("<I", head, 14)
    if size == 12:
        width, height, _planes, depth = struct.unpack_from("<HHHH", head, 18)
    else:
        width, height, _planes, depth = struct.unpack_from("<iiHH", head, 18)
    channels = 1 if depth <= 8 else 4 if depth == 32 else 3
    return Header(abs(width), abs(height), channels, min(depth, 8))


def webp_header(stream: IO[bytes], length: int, path: Path) -> Header:
    """Size, alpha, orientation and frames of a WebP; `ImageError` when the container is longer than the file."""
    stream.seek(0)
    (riff,) = struct.unpack_from("<I", stream.read(12), 4)
    if riff + 8 > length:
        raise ImageError("the image is cut short", path=path, mend="Copy it again from where it came from")
    width = height = 0
    channels, pages, exif = 3, 0, None
    while len(head := stream.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        start = stream.tell()
        if kind in (b"VP8X", b"VP8 ", b"VP8L"):
            body = stream.read(10)
            if not width:
                width, height, alpha = _webp_size(kind, body)
                channels = 4 if alpha else 3
        elif kind == b"EXIF":
            exif = stream.read(min(size, 1 << 24))
        pages += kind == b"ANMF"
        stream.seek(start + size + (size & 1))
    return Header(width, height, channels, 8, orientation_of(exif), max(1, pages))


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int, bool]:
    if kind == b"VP8X":
        flags, width, height = body[0], body[4:7], body[7:10]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1, bool(flags & 0x10)
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width16, height16 = struct.unpack_from("<HH", body, 6)
    return width16 & 0x3FFF, height16 & 0x3FFF, False


def _jpeg_segments(data: bytes, path: Path) -> Iterator[tuple[int, memoryview]]:
    """(marker, body) of each segment before and with the first scan; the scan's body is the rest of the file."""
    view = memoryview(data)
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ImageError("the image is damaged (a JPEG segment does not start where it should)", path=path)
        marker = data[at + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:  # fill byte, or a marker without a body
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xDA:
            yield marker, view[at + 2 + length :]
            return
        if length < 2 or at + 2 + length > len(data):
            break
        yield marker, view[at + 4 : at + 2 + length]
        at += 2 + length
    raise ImageError("the image is cut short", path=path, mend="Copy it again from where it came from")


def _jpeg_markers(data: bytes) -> list[int]:
    """Where an FF starts a marker: not a stuffed byte (00), a fill byte (FF) or a restart (D0 to D7)."""
    octets = np.frombuffer(data, np.uint8)
    at = np.flatnonzero(octets[:-1] == 0xFF)
    after = octets[at + 1]
    return [int(i) for i in at[(after != 0) & (after != 0xFF) & ~((after >= 0xD0) & (after <= 0xD7))]]


def _printable(kind: bytes) -> str:
    return kind.decode("ascii", "replace")
