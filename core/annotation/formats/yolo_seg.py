"""YOLO's segmentation labels: a text file an image, a line an outline, in parts of the image's width and height.

Classes are numbers into the `names` of data.yaml, or the lines of classes.txt. A defect with holes is one outline with
keyholes. Beside the labels lie lists of the images of each split: put the images, or links to them, below `images/`
under the same paths, and the folder can be trained on.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.annotation.formats import base, text
from core.annotation.formats.base import Export, Format, Item, Record, Shape
from core.annotation.masks import Mask
from core.annotation.shapes import Patch, polygon
from core.errors import InputError

_DATA: Final = "data.yaml"
_CLASS_FILES: Final = (_DATA, "data.yml", "dataset.yaml", "classes.txt", "obj.names")
_LISTS: Final = {"train": "train.txt", "tuning": "val.txt", "test": "test.txt"}
_NO_LABELS: Final = frozenset({*_LISTS.values(), "classes.txt", "readme.txt", "requirements.txt", "notes.txt"})
_FOLDERS: Final = ("labels", "images")
_BEYOND: Final = 0.01  # how far, in parts of the image, a point may lie beside it
_DIGITS: Final = 8  # a hundredth of a pixel on an image of a million
_NAMES: Final = re.compile(r"^names\s*:\s*(.*)$")
_ENTRY: Final = re.compile(r"^\s+(\d+)\s*:\s*(.+)$|^\s*-\s+(.+)$")


def find(folder: Path) -> list[Path]:
    """Label files below a folder, without lists of classes and images."""
    found = base.files_below(folder, ".txt")
    return [path for path in found if path.name.lower() not in _NO_LABELS or path.parent.name == "labels"]


def knows(files: Sequence[Path]) -> bool:
    """Whether there are text files with a list of classes above them."""
    return any(_classes_above(path) is not None for path in files[: base.LOOKED_AT])


def read(path: Path, root: Path) -> Iterator[Record]:
    """The one image of a file. Raises `InputError` naming the line that does not parse."""
    source = _classes_above(path)
    if source is None:
        mend = f"Put the classes beside it, as {_DATA} with names or as classes.txt"
        raise InputError("nothing says what its class numbers mean", path=path, kept=text.KEPT, mend=mend)
    codes = read_classes(source)
    shapes: list[Shape] = []
    for number, line in enumerate(text.read_text(path).splitlines(), 1):
        if line.strip():
            try:
                shapes.append(_shape(line.split(), f"line {number:,}", codes))
            except InputError as error:
                raise InputError(error.what, path=path, kept=text.KEPT) from error
    beside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    parts = [part for part in beside.with_suffix("").as_posix().split("/")]
    yield Record(path, ("/".join(part for part in parts if part not in _FOLDERS),), shapes=tuple(shapes))


def write(items: Iterable[Item], export: Export) -> None:
    """Labels of images that have a mask, lists of these and of images without defect, and the classes."""
    outlet, codes = export.outlet, export.codes
    order = sorted(codes)
    names = {index: codes[number] for index, number in enumerate(order)}
    if not outlet.claim(_DATA, read_classes)[0]:
        return  # labels whose numbers mean something else there would be wrong without a word
    lists: dict[str, list[str]] = defaultdict(list)
    for item in items:
        mask = item.mask()
        if mask is None and not item.is_empty:
            continue
        lists[_LISTS.get(item.facts.get("split", ""), "")].append(f"./images/{item.name}")
        if mask is not None:
            name = outlet.fresh(f"labels/{base.without_suffix(item.name)}", ".txt", item.key)
            outlet.offer(name, _lines(mask, order), partial(_check, root=outlet.folder))
    outlet.put(_DATA, _data(names, {split: name for split, name in _LISTS.items() if lists.get(name)}))
    for name, paths in lists.items():
        if name:
            outlet.offer(name, "\n".join(paths) + "\n", text.read_text)


def read_classes(path: Path) -> dict[int, str]:
    """Class numbers and codes of data.yaml (`names`, as list or by number) or a line each. Raises `InputError`."""
    lines = text.read_text(path).splitlines()
    if path.suffix not in (".yaml", ".yml"):
        return {index: base.code_of(line, f"line {index + 1}") for index, line in enumerate(lines) if line.strip()}
    start = next((index for index, line in enumerate(lines) if _NAMES.match(line)), None)
    if start is None:
        raise InputError("there is no “names” in it", path=path, kept=text.KEPT)
    match = _NAMES.match(lines[start])
    inline = match[1].partition(" #")[0].strip() if match else ""
    found = _inline(inline) if inline else _block(lines[start + 1 :])
    if not found:
        raise InputError(f"line {start + 1:,}: “names” lists no class", path=path, kept=text.KEPT)
    return {index: base.code_of(name, f"class {index}") for index, name in found.items()}


def _block(lines: list[str]) -> dict[int, str]:
    """The lines below `names:` as far as they belong to it."""
    found: dict[int, str] = {}
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ENTRY.match(line)
        if match is None:
            break
        index = int(match[1]) if match[1] else len(found)
        found[index] = _unquoted(match[2] or match[3])
    return found


def _inline(value: str) -> dict[int, str]:
    """`[a, b]` or `{0: a, 1: b}` on one line; commas inside quotes belong to the name."""
    parts = re.findall(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^,"'])+""", value[1:-1].strip())
    if value[:1] == "[" and value[-1:] == "]":
        return {index: _unquoted(part) for index, part in enumerate(parts)}
    pairs = [part.partition(":") for part in parts] if value[:1] == "{" and value[-1:] == "}" else []
    return {int(key): _unquoted(name) for key, _, name in pairs if key.strip().isdigit()}


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value[1:-1]
    return value.partition(" #")[0].strip()


def _data(names: Mapping[int, str], splits: Mapping[str, str]) -> str:
    words = {"train": "train", "tuning": "val", "test": "test"}
    lines = [f"{words[split]}: {name}" for split, name in splits.items()]
    lines += ["names:", *(f"  {index}: {json.dumps(name, ensure_ascii=False)}" for index, name in names.items())]
    return "\n".join(lines) + "\n"


def _lines(mask: Mask, order: list[int]) -> str:
    height, width = mask.shape
    found = np.unique(mask[mask > 0]).tolist()
    rings = [(order.index(number), ring) for number in found for ring in base.rings_of(mask, number)]
    return "".join(f"{index} {_numbers(ring / np.array([width, height]))}\n" for index, ring in rings)


def _numbers(ring: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".") for value in ring.ravel().tolist())


def _shape(words: list[str], place: str, codes: Mapping[int, str]) -> Shape:
    try:
        number, values = int(words[0]), np.array([float(word) for word in words[1:]])
    except ValueError as error:
        raise InputError(f"{place} is not a class number with coordinates") from error
    if number not in codes:
        raise InputError(f"{place} names class {number}, the list of classes does not")
    if len(values) == 4:
        raise InputError(f"{place} is a box, not an outline: labels for segmentation are needed")
    if len(values) % 2:
        raise InputError(f"{place} has a coordinate without its pair")
    ring = text.points_of(values, place, least=3)
    if ring.min() < -_BEYOND or ring.max() > 1 + _BEYOND:
        raise InputError(f"{place} has coordinates beyond 0 and 1: they are parts of width and height, not pixels")
    return Shape(codes[number], place, partial(_pixels, ring))


def _pixels(ring: NDArray[np.float64], width: int, height: int) -> Patch | None:
    return polygon(ring * np.array([width, height]), width, height)


def _check(path: Path, root: Path) -> None:
    for _ in read(path, root):
        pass


def _classes_above(path: Path) -> Path | None:
    """The list of classes that counts for a label file: beside it or in a folder above it."""
    for folder in path.absolute().parents[:4]:
        for name in _CLASS_FILES:
            if (folder / name).is_file():
                return folder / name
    return None


FORMAT: Final = Format(
    id="yolo",
    title="YOLO segmentation (TXT)",
    about="A text file an image with outlines in parts of width and height, and data.yaml with the classes.",
    styles=("polygons",),
    find=find,
    knows=knows,
    read=read,
    write=write,
)
