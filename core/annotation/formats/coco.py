"""COCO's instances: one JSON file for many images, an annotation for every part of a defect that hangs together.

Written are polygons along the borders of pixels (holes as keyholes), or packed run lengths. Read are polygons of
several parts (together: what any part covers), run lengths as numbers or packed, and crowd regions, which lie under
all others. Other keys, images that are not written now, and annotations whose pixels did not change stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, Final

from core.annotation.components import components, mask_of
from core.annotation.formats import base, runs, text
from core.annotation.formats.base import Export, Format, Item, Record, Shape
from core.annotation.masks import Mask
from core.annotation.outlines import outlines
from core.annotation.shapes import Patch, polygon
from core.errors import InputError

NAME: Final = "annotations.json"
_KEYS: Final = ("images", "annotations", "categories")


def knows(files: Sequence[Path]) -> bool:
    """Whether there are such files among the first."""
    return any(text.has_keys(path, _KEYS) for path in files[: base.LOOKED_AT])


def find(folder: Path) -> list[Path]:
    """JSON files below a folder."""
    return base.files_below(folder, ".json")


def read(path: Path, _root: Path) -> Iterator[Record]:
    """Every image that has annotations. Raises `InputError` where the file is none of COCO's."""
    return iter(_records(path, text.read_json(path)))


@dataclass
class _Parsed:
    """A document that stands there already, by image."""

    document: dict[str, Any] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)


def _records(path: Path, document: Mapping[str, Any]) -> list[Record]:
    images = {one.get("id"): one for one in _with_ids(document, "images", path)}
    names = {one.get("id"): one.get("name") for one in _with_ids(document, "categories", path)}
    grouped: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for number, one in enumerate(text.listed(document, "annotations", path), 1):
        image = one.get("image_id")
        if not isinstance(image, int | str) or image not in images:
            what = f"annotation {number:,} belongs to an image that the file does not list ({str(image)[:40]})"
            raise InputError(what, path=path, kept=text.KEPT)
        grouped[image].append(one)
    return [_record(path, images[image], found, names) for image, found in grouped.items()]


def _record(path: Path, image: Mapping[str, Any], found: list[dict[str, Any]], names: Mapping[Any, Any]) -> Record:
    """One image; what cannot be of its annotations is the fault of this image alone."""
    named = image.get("file_name")
    file_name = PureWindowsPath(named).as_posix() if isinstance(named, str) and named else ""
    place = f"image {image.get('id')}"
    try:
        if not file_name:
            raise InputError(f"{place} has no file_name")
        size = text.size_of(image.get("width"), image.get("height"), place)
        shapes = tuple(_shape(one, names) for one in found)
    except InputError as error:
        return Record(path, (file_name,), place=place, fault=error.what)
    return Record(path, (file_name,), place=place, near=path.parent / file_name, shapes=shapes, size=size)


def _shape(entry: dict[str, Any], names: Mapping[Any, Any]) -> Shape:
    place = f"annotation {str(entry.get('id', '?'))[:40]}"
    category = entry.get("category_id")
    code = base.code_of(names.get(category) if isinstance(category, int | str) else None, place)
    found = entry.get("segmentation")
    is_crowd = bool(entry.get("iscrowd"))
    if isinstance(found, dict):
        counts, height, width = runs.from_segmentation(found, place)

        def decoded(across: int, down: int) -> Patch | None:
            if (across, down) != (width, height):
                raise InputError(f"{place} is made for {width} x {height} pixels, its image has {across} x {down}")
            try:
                return runs.to_pixels(counts.tolist(), height, width)
            except InputError as error:
                raise InputError(f"{place}: {error.what}") from error

        return Shape(code, place, decoded, below=is_crowd, source=entry)
    if not isinstance(found, list) or not found:
        raise InputError(f"{place} is a box without an outline" if "bbox" in entry else f"{place} has no outline")
    rings = [text.points_of(ring, place, least=3) for ring in found]

    def drawn(across: int, down: int) -> Patch | None:
        return base.together([polygon(ring, across, down) for ring in rings])

    return Shape(code, place, drawn, below=is_crowd, source=entry)


def write(items: Iterable[Item], export: Export) -> None:
    """One file for all images that have a mask or are known to show no defect."""
    may, before = export.outlet.claim(NAME, _parse)
    if not may:
        return
    old = before or _Parsed()
    document = dict(old.document)
    categories = _categories(document.get("categories", []), export.codes)
    images = {one["file_name"]: one for one in document.get("images", []) if isinstance(one.get("file_name"), str)}
    entries = list(document.get("images", []))
    annotations: dict[int, list[Any]] = defaultdict(list)
    for one in document.get("annotations", []):
        annotations[one["image_id"]].append(one)
    next_image = 1 + max((one["id"] for one in entries if isinstance(one["id"], int)), default=0)
    for item in items:
        mask = item.mask()
        if mask is None and not item.is_empty:
            continue
        width, height = (item.width, item.height) if mask is None else (mask.shape[1], mask.shape[0])
        image = images.get(item.name)
        if image is None:
            image = {"id": next_image, "file_name": item.name}
            next_image += 1
            entries.append(image)
        image |= {"width": width, "height": height}
        record = old.records.get(image["id"])
        kept, rest = base.untouched(record.shapes, mask, export.ids) if record and mask is not None else ([], mask)
        new = [] if rest is None else _annotations(rest, export, categories)
        annotations[image["id"]] = [one.source for one in kept] + [{"image_id": image["id"], **one} for one in new]
    document = {"info": {"description": "Defects"}, "licenses": [], **document, "images": entries}
    document |= {"categories": list(categories.values()), "annotations": _numbered(annotations)}
    export.outlet.put(NAME, text.to_json(document))


def _parse(path: Path) -> _Parsed:
    document = text.read_json(path)
    records = _records(path, document)
    faults = [f"{one.place}: {one.fault}" for one in records if one.fault]
    if faults:
        raise InputError(faults[0], path=path, kept=text.KEPT)
    numbers = {one.get("file_name"): one["id"] for one in document["images"]}
    by_name = {PureWindowsPath(str(name)).as_posix(): number for name, number in numbers.items()}
    return _Parsed(document, {by_name[one.names[0]]: one for one in records})


def _categories(before: list[dict[str, Any]], codes: Mapping[int, str]) -> dict[str, dict[str, Any]]:
    """By name, those that stand there first with their own ids."""
    found = {str(one.get("name")): one for one in before}
    taken = {one.get("id") for one in before}
    for number, code in codes.items():
        if code not in found:
            free = number if number not in taken else 1 + max(one for one in taken if isinstance(one, int))
            found[code] = {"id": free, "name": code, "supercategory": "defect"}
            taken.add(free)
    return found


def _annotations(mask: Mask, export: Export, categories: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    height, width = mask.shape
    found = []
    for one in components(mask):
        patch = mask_of(mask, one)
        x0, y0, x1, y1 = one.box
        if export.style == "masks":
            counts = runs.to_counts(patch, height, width)
            outline: Any = {"size": [height, width], "counts": runs.pack(counts)}
        else:
            outline = [ring.ravel().tolist() for ring in outlines(patch[0], (x0, y0))]
        found.append(
            {"category_id": categories[export.codes[one.class_id]]["id"], "segmentation": outline, "area": one.area}
            | {"bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0}
        )
    return found


def _numbered(annotations: Mapping[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """All annotations; new ones get numbers that no other has."""
    every = [one for found in annotations.values() for one in found]
    number = max((one["id"] for one in every if isinstance(one.get("id"), int)), default=0)
    result = []
    for one in every:
        if "id" not in one:
            number += 1
            one = {"id": number, **one}
        result.append(one)
    return result


def _with_ids(document: Mapping[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    found = text.listed(document, key, path)
    seen: set[int | str] = set()
    for number, one in enumerate(found, 1):
        name = one.get("id")
        if not isinstance(name, int | str) or name in seen:
            what = f"entry {number:,} of “{key}” has {'no id' if name is None else f'the id {str(name)[:40]} again'}"
            raise InputError(what, path=path, kept=text.KEPT)
        seen.add(name)
    return found


FORMAT: Final = Format(
    id="coco",
    title="COCO (JSON)",
    about="One JSON file for all images, with polygons or run lengths.",
    styles=("polygons", "masks"),
    find=find,
    knows=knows,
    read=read,
    write=write,
)
