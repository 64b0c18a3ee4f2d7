"""MVTec AD's masks, as GTanoIC has them: a PNG of 0 and 255 an image in a folder a class, a class map beside.

`<product>/ground_truth/<class>/<stem>_mask.png` says where the defect is. Where a mask holds other classes than the
one of its folder, `<stem>_classes.png` beside holds their numbers, and `classes.json` above says which is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from core.annotation.formats import base, text
from core.annotation.formats.base import Export, Format, Item, Record, Shape
from core.annotation.masks import Mask
from core.annotation.shapes import Patch, cropped
from core.errors import InputError
from core.imaging import decode_mask, encode_png
from core.layouts import role_of

CLASS_LIST: Final = "classes.json"
_MASK: Final = "_mask"
_MAP: Final = "_classes"
_CLASS: Final = "defect"  # of an image that has none


def find(folder: Path) -> list[Path]:
    """Mask files below a folder, without the class maps beside them."""
    return [path for path in base.files_below(folder, ".png") if not _is_map(path)]


def knows(files: Sequence[Path]) -> bool:
    """Whether some are masks by their names or folders: pictures beside other annotations are none."""
    return any(_is_mask(path) for path in files)


def read(path: Path, root: Path) -> Iterator[Record]:
    """The one image of a mask file."""
    beside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    name = PurePosixPath(beside.parent.as_posix()) / path.stem.removesuffix(_MASK)
    try:
        mask, codes = _decoded(path, root)
    except InputError as error:
        yield Record(path, (str(name),), fault=error.what)
        return
    yield Record(path, (str(name),), shapes=_shapes(mask, codes), size=(mask.shape[1], mask.shape[0]))


def write(items: Iterable[Item], export: Export) -> None:
    """A mask an image that has one, class maps where they are needed, and the list of classes."""
    outlet, codes = export.outlet, export.codes
    if not outlet.offer(CLASS_LIST, text.to_json({str(number): code for number, code in codes.items()}), _class_list):
        return  # class maps whose numbers mean something else there would be wrong without a word
    for item in items:
        mask = item.mask()
        if mask is None:
            continue
        own = item.facts.get("class") or _CLASS
        folder = f"{base.folder_name(item.facts.get('product', ''), 'product')}/ground_truth/{base.folder_name(own)}"
        stem = f"{folder}/{PurePosixPath(item.name).stem}"
        name = outlet.fresh(stem, f"{_MASK}.png", item.key)
        outlet.offer(name, encode_png(np.where(mask > 0, 255, 0).astype(np.uint8)), decode_mask)
        beside = name.removesuffix(f"{_MASK}.png") + f"{_MAP}.png"
        others = {codes[int(number)] for number in np.unique(mask[mask > 0])} - {own}
        if others or (outlet.folder / beside).exists():  # one that is there must not go on saying what was before
            outlet.offer(beside, encode_png(mask), decode_mask)


def _decoded(path: Path, root: Path) -> tuple[Mask, dict[int, str]]:
    """The mask with its classes; 1 and no class where no class map says more. Raises `InputError`."""
    mask = (decode_mask(path) > 0).astype(np.uint8)
    beside = path.with_name(f"{path.stem.removesuffix(_MASK)}{_MAP}.png")
    above = _list_above(path, root) if path.stem.endswith(_MASK) and beside.is_file() else None
    if above is None:
        return mask, {1: ""}
    codes = _class_list(above)
    classes = decode_mask(beside)
    if classes.shape != mask.shape or ((classes > 0) != (mask > 0)).any():
        raise InputError(f"{beside.name} beside it paints other pixels", mend="Remove one of the two")
    unknown = set(np.unique(classes[classes > 0]).tolist()) - set(codes)
    if unknown:
        raise InputError(f"{beside.name} beside it holds the number {min(unknown)}, which {CLASS_LIST} does not name")
    return classes, codes


def _shapes(mask: Mask, codes: Mapping[int, str]) -> tuple[Shape, ...]:
    """A shape a class."""
    return tuple(
        Shape(codes[int(number)], "the mask", partial(_pixels, mask, int(number)))
        for number in np.unique(mask[mask > 0])
    )


def _pixels(mask: Mask, number: int, width: int, height: int) -> Patch | None:
    return cropped(mask == number, (0, 0, width, height))


def _is_mask(path: Path) -> bool:
    return path.stem.endswith(_MASK) or any(role_of(folder) == "masks" for folder in path.parts[-5:-1])


def _is_map(path: Path) -> bool:
    stem = path.stem.removesuffix(_MAP)
    return stem != path.stem and path.with_name(f"{stem}{_MASK}.png").is_file()


def _list_above(path: Path, root: Path) -> Path | None:
    """The list of classes that counts for a mask: in its folder, or above it up to `root`."""
    for folder in path.parents:
        if (folder / CLASS_LIST).is_file():
            return folder / CLASS_LIST
        if folder == root:
            break
    return None


def _class_list(path: Path) -> dict[int, str]:
    """Class numbers and codes. Raises `InputError`."""
    found: dict[str, Any] = text.read_json(path)
    codes: dict[int, str] = {}
    for key, value in found.items():
        if not (key.isascii() and key.isdigit() and 0 < int(key[:4]) < 256):
            raise InputError(f"{key[:20]!r} is no number of a class", path=path, kept=text.KEPT)
        codes[int(key)] = base.code_of(value, f"class {key}")
    return codes


FORMAT: Final = Format(
    id="mvtec",
    title="MVTec AD (PNG)",
    about="A black and white picture an image in a folder a class, and the numbers of classes beside.",
    styles=("masks",),
    find=find,
    knows=knows,
    read=read,
    write=write,
)
