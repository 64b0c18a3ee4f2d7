"""TIFF by tifffile: strips, tiles, BigTIFF, LZW, any depth, floating point; the first page only."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError
from core.imaging.common import Header, Limits, Pixels, check_size, over_black

_MINISWHITE: Final = 0
_MINISBLACK: Final = 1
_RGB: Final = 2
_PALETTE: Final = 3
_SEPARATED: Final = 5
_YCBCR: Final = 6
_JPEG_COMPRESSIONS: Final = frozenset([6, 7, 33007, 34892])  # whose decoder hands out RGB for YCbCr
_UNASSOCIATED_ALPHA: Final = 2


def tiff_header(stream: IO[bytes], path: Path) -> Header:
    """Facts of the first page, and how many pages there are."""
    import tifffile

    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        return _header(file, path)


def read_tiff(stream: IO[bytes], limits: Limits, path: Path, *, raw: bool) -> tuple[Header, Pixels]:
    """Header and pixels of the first page as stored (not oriented): (H, W) grey or (H, W, 3) RGB, uint8 or uint16.

    Depths of 9 to 16 bits keep their raw values (12-in-16 too). Floating point is read by one fixed rule: values
    within [0, 1] become 0..65535, other values within [0, 65535] are rounded, everything else is refused.
    `raw` keeps palette indices and values of less than 8 bits, as masks need them.
    """
    import tifffile

    length = stream.seek(0, 2)
    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        header = _header(file, path)
        check_size(header, limits, path)
        page = file.pages[0]
        _check_kind(page, path)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            if offset <= 0 or count <= 0 or offset + count > length:
                raise ImageError("the image is cut short", path=path, mend="Copy it again from where it came from")
        stored = np.asarray(page.asarray(maxworkers=1))
        if page.axes == "SYX":
            stored = np.moveaxis(stored, 0, -1)
        if stored.shape[:2] != (header.height, header.width):
            raise ImageError(f"the TIFF page has the axes {page.axes}, not those of one picture", path=path)
        return header, _picture(stored, page, path, raw=raw)


def _header(file: Any, path: Path) -> Header:
    page = file.pages[0]
    tag = page.tags.get(274)
    orientation = tag.value if tag is not None and tag.value in range(1, 9) else 1
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise ImageError(f"its channels differ in depth ({bits} bits)", path=path)
    return Header(
        page.imagewidth, page.imagelength, page.samplesperpixel, bits, orientation=orientation, pages=len(file.pages)
    )


def _check_kind(page: Any, path: Path) -> None:
    photometric = int(page.photometric)
    samples = int(page.samplesperpixel)
    wanted = {_MINISWHITE: 1, _MINISBLACK: 1, _RGB: 3, _PALETTE: 1, _SEPARATED: 4, _YCBCR: 3}.get(photometric)
    raw_ycbcr = photometric == _YCBCR and int(page.compression) not in _JPEG_COMPRESSIONS
    if wanted is None or raw_ycbcr:
        name = getattr(page.photometric, "name", page.photometric)
        raise ImageError(f"TIFF colour of the kind {name} is not supported", path=path)
    if samples not in (wanted, wanted + 1) or page.imagedepth != 1:
        raise ImageError(f"a TIFF with {samples} channels is not a picture Flawscope can use", path=path)


def _picture(stored: NDArray[Any], page: Any, path: Path, *, raw: bool) -> Pixels:
    photometric = int(page.photometric)
    bits = int(page.bitspersample)
    if photometric == _PALETTE:
        indices = stored if stored.ndim == 2 else stored[..., 0]
        if raw:
            return _integers(indices, path)
        table: NDArray[np.uint16] = np.asarray(page.colormap, np.uint16).T  # (2**bits, 3), 65535 = full
        rgb: Pixels = (table >> 8).astype(np.uint8)[indices]
        return rgb
    values = _integers(stored, path)
    if values.dtype == np.uint8 and bits < 8 and not raw:
        values = (values.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)
        bits = 8
    if photometric == _MINISWHITE:
        top = (1 << bits) - 1 if bits <= 16 else 65535
        values = (top - values.astype(np.int32)).astype(values.dtype)
    if values.ndim == 3:
        values = _without_extra(values, page)
    if photometric == _SEPARATED:
        ink = int(np.iinfo(values.dtype).max) - values.astype(np.uint32)
        values = ((ink[..., :3] * ink[..., 3:]) // int(np.iinfo(values.dtype).max)).astype(values.dtype)
    return values


def _without_extra(values: Pixels, page: Any) -> Pixels:
    colours = {_RGB: 3, _YCBCR: 3, _SEPARATED: 4}.get(int(page.photometric), 1)
    colour = values[..., :colours]
    if values.shape[2] > colours and _UNASSOCIATED_ALPHA in [int(kind) for kind in page.extrasamples]:
        colour = over_black(colour, values[..., colours])  # associated alpha is already composited over black
    return colour[..., 0] if colours == 1 else colour


def _integers(stored: NDArray[Any], path: Path) -> Pixels:
    if stored.dtype == np.bool_:
        return stored.astype(np.uint8)
    if stored.dtype.kind == "f":
        return _from_float(stored, path)
    if stored.dtype.itemsize == 1 and stored.dtype.kind == "u":
        return stored
    low, high = int(stored.min()), int(stored.max())
    if low < 0 or high > 65535:
        raise ImageError(f"its values run from {low} to {high}; Flawscope takes 0 to 65535", path=path)
    return stored.astype(np.uint16)


def _from_float(stored: NDArray[Any], path: Path) -> NDArray[np.uint16]:
    low, high = float(stored.min()), float(stored.max())
    if not (low >= 0.0 and high <= 65535.0):  # also when either is NaN
        raise ImageError(f"its values run from {low:g} to {high:g}; Flawscope takes 0 to 1 or 0 to 65535", path=path)
    scale = 65535.0 if high <= 1.0 else 1.0
    return np.floor(stored.astype(np.float64) * scale + 0.5).astype(np.uint16)
