"""labelme's JSON: one file an image, beside it or elsewhere; polygons, rectangles, circles, lines, points and masks.

Written are polygons along the borders of pixels (holes as keyholes), or mask shapes; what a file held besides, and
shapes whose pixels did not change, stay as they are. Read, a pixel belongs to a shape when its centre does; lines and
points are one pixel wide. `_background_` shapes show no defect and are passed over.
"""

from __future__ import annotations

import base64
import binascii
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.annotation.components import components, mask_of
from core.annotation.formats import base, text
from core.annotation.formats.base import Export, Format, Item, Record, Shape, Style
from core.annotation.masks import Mask
from core.annotation.shapes import Patch, cropped, placed, polygon
from core.annotation.strokes import sweep
from core.errors import InputError
from core.imaging import encode_png

_VERSION: Final = "5.5.0"  # the labelme whose form is written; later ones read it, too
_BACKGROUND: Final = ("_background_", "__background__")
_KEYS: Final = ("shapes", "imagePath")
_POINTS: Final = {  # how many points each kind has at least
    "polygon": 3,
    "rectangle": 2,
    "oriented_rectangle": 4,
    "circle": 2,
    "line": 2,
    "linestrip": 2,
    "point": 1,
    "points": 1,
    "mask": 2,
}


def knows(files: Sequence[Path]) -> bool:
    """Whether there are such files among the first."""
    return any(text.has_keys(path, _KEYS) for path in files[: base.LOOKED_AT])


def find(folder: Path) -> list[Path]:
    """JSON files below a folder."""
    return base.files_below(folder, ".json")


def read(path: Path, root: Path) -> Iterator[Record]:
    """The one image of a file. Raises `InputError` where it does not parse, naming the shape."""
    yield parse(path, text.read_json(path), root)


def parse(path: Path, document: Mapping[str, Any], root: Path) -> Record:
    """What a document says. Raises `InputError` naming the shape that cannot be."""
    image = document.get("imagePath")
    if not isinstance(image, str) or not image:
        raise InputError("this is no labelme file: “imagePath” is missing", path=path, kept=text.KEPT)
    entries = text.listed(document, "shapes", path)
    name = PureWindowsPath(image).as_posix()  # written on Windows, it has backslashes
    beside = path.parent.relative_to(root) if path.is_relative_to(root) else Path()
    try:
        size = text.size_of(document.get("imageWidth"), document.get("imageHeight"), "its image")
        shapes = [_shape(entry, f"shape {number:,}") for number, entry in enumerate(entries, 1)]
    except InputError as error:
        raise InputError(error.what, path=path, kept=text.KEPT) from error
    return Record(
        file=path,
        names=(name, (beside / PurePosixPath(name).name).as_posix()),
        near=path.parent / name,
        shapes=tuple(shape for shape in shapes if shape.code not in _BACKGROUND),
        size=size,
    )


def write(items: Iterable[Item], export: Export) -> None:
    """A file an image that has a mask, in the folders of the images."""
    outlet, ids = export.outlet, export.ids
    for item in items:
        mask = item.mask()
        if mask is None:
            continue
        name = outlet.fresh(base.without_suffix(item.name), ".json", item.key)
        target = outlet.folder / name

        def parsed(path: Path) -> tuple[dict[str, Any], Record]:
            document = text.read_json(path)
            return document, parse(path, document, outlet.folder)

        may, before = outlet.claim(name, parsed)
        if may:
            document, record = before or ({}, None)
            kept, rest = base.untouched(record.shapes, mask, ids) if record is not None else ([], mask)
            shapes = [shape.source for shape in kept] + _shapes(rest, export.codes, export.style)
            outlet.put(name, text.to_json(_document(document, shapes, mask, _image_path(item.path, target))))


def _document(before: Mapping[str, Any], shapes: list[Any], mask: Mask, image: str) -> dict[str, Any]:
    """The new document, with every key that stood there before and is not about shapes."""
    height, width = mask.shape
    usual: dict[str, Any] = {"version": _VERSION, "flags": {}, "shapes": shapes, "imagePath": image, "imageData": None}
    document = {**usual, "imageHeight": height, "imageWidth": width, **before}
    return {**document, "shapes": shapes, "imageHeight": height, "imageWidth": width}


def _image_path(image: Path, target: Path) -> str:
    try:
        return Path(os.path.relpath(image, target.parent.resolve())).as_posix()
    except ValueError:  # another drive
        return image.as_posix()


def _shapes(mask: Mask, codes: Mapping[int, str], style: Style) -> list[dict[str, Any]]:
    usual: dict[str, Any] = {"group_id": None, "description": "", "flags": {}}
    if style == "masks":
        found = [(one.class_id, mask_of(mask, one)) for one in components(mask)]
        return [
            {"label": codes[number], "points": [[box[0], box[1]], [box[2] - 1, box[3] - 1]], **usual}
            | {"shape_type": "mask", "mask": _encoded(bits)}
            for number, (bits, box) in found
        ]
    return [
        {"label": codes[number], "points": ring.astype(float).tolist(), **usual, "shape_type": "polygon", "mask": None}
        for number in np.unique(mask[mask > 0]).tolist()
        for ring in base.rings_of(mask, number)
    ]


def _shape(entry: Mapping[str, Any], place: str) -> Shape:
    code = base.code_of(entry.get("label"), place)
    kind = entry.get("shape_type") or "polygon"
    if not isinstance(kind, str) or kind not in _POINTS:
        known = ", ".join(_POINTS)
        raise InputError(f"{place} is of a kind that is not known ({str(kind)[:40]!r}); known are {known}")
    points = text.points_of(entry.get("points"), place, least=_POINTS[kind])
    if kind == "mask":
        bits = _decoded(entry.get("mask"), place)
        x, y = int(points[0, 0]), int(points[0, 1])
        return Shape(code, place, lambda width, height: _seated(bits, x, y, width, height), source=entry)

    def pixels(width: int, height: int) -> Patch | None:
        return _drawn(kind, points, width, height)

    return Shape(code, place, pixels, source=entry)


def _drawn(kind: str, points: NDArray[np.float64], width: int, height: int) -> Patch | None:
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points[:2].min(axis=0), points[:2].max(axis=0)
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    elif kind == "circle":
        radius = math.dist(points[0], points[1])
        turns = np.linspace(0, 2 * np.pi, max(32, min(4096, math.ceil(2 * math.pi * radius))), endpoint=False)
        points = points[0] + radius * np.column_stack([np.cos(turns), np.sin(turns)])
    elif kind in ("line", "linestrip", "point", "points"):
        last = points[1:] if kind.startswith("line") else points
        return base.together([_line(a, b, width, height) for a, b in zip(points, last, strict=False)])
    return polygon(points, width, height)


def _line(start: NDArray[np.float64], end: NDArray[np.float64], width: int, height: int) -> Patch | None:
    low, high = np.zeros(2), np.array([width, height], np.float64)
    a, b = np.clip(start, low, high), np.clip(end, low, high)
    return sweep((float(a[0]), float(a[1])), (float(b[0]), float(b[1])), 1, "square", width, height)


def _seated(bits: NDArray[np.bool_], x: int, y: int, width: int, height: int) -> Patch | None:
    """A mask whose upper left pixel is (x, y), as far as it lies on the image."""
    box = (max(0, x), max(0, y), min(width, x + bits.shape[1]), min(height, y + bits.shape[0]))
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    return cropped(placed((bits, (x, y, x + bits.shape[1], y + bits.shape[0])), box), box)


def _encoded(bits: NDArray[np.bool_]) -> str:
    return base64.b64encode(encode_png(bits.astype(np.uint8))).decode("ascii")


def _decoded(value: object, place: str) -> NDArray[np.bool_]:
    """A PNG in base64. Its size is looked at before a pixel is decoded."""
    fault = f"{place} holds a mask that is no picture"
    if not isinstance(value, str):
        raise InputError(fault)
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(fault) from error
    if raw[:8] != b"\x89PNG\r\n\x1a\n" or len(raw) < 33:
        raise InputError(fault)
    text.size_of(int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big"), f"the mask of {place}")
    try:
        found = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError(fault) from error
    if found is None:
        raise InputError(fault)
    return np.asarray((found if found.ndim == 2 else found.max(axis=2)) != 0, np.bool_)


FORMAT: Final = Format(
    id="labelme",
    title="labelme (JSON)",
    about="A JSON file an image, as labelme and tools like it open them. Other keys of a file stay as they are.",
    styles=("polygons", "masks"),
    find=find,
    knows=knows,
    read=read,
    write=write,
)
