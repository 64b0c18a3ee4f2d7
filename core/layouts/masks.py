"""Finding the mask of an image: `<stem>_mask.png` below ground_truth, in the same sub-folder or flat, or beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.layouts.entries import ScanReport
from core.layouts.folders import list_folder
from core.layouts.words import is_plain_word, role_of

NO_IMAGE: Final = (
    "this mask has no image of its name: it is left out. Name it like its image, or bring the image, "
    "then add the images again"
)
NO_MASK: Final = (
    "this defective image has no mask: it is kept, pixel figures leave it out. Paint the defect, "
    "or bring a mask of its name and add the images again"
)
_TWICE: Final = "this mask has the name of {other}: that one counts, this one is left out. Remove one of the two"
_ENDINGS: Final = ("_mask", "-mask", "_gt", "_label", "")
_BESIDE: Final = "_mask"


@dataclass
class _MaskFolder:
    """Mask files of one folder by case-folded stem, and which of them an image has claimed."""

    folder: Path
    names: dict[str, str]
    claimed: set[str] = field(default_factory=set)

    def claim(self, stem: str) -> Path | None:
        for ending in _ENDINGS:
            key = (stem + ending).casefold()
            if key in self.names:
                self.claimed.add(key)
                return self.folder / self.names[key]
        return None


class MaskFinder:
    """The masks of one product: roots are added as the scan meets them, images claim, the rest is reported."""

    def __init__(self, report: ScanReport) -> None:
        self._report = report
        self._roots: list[Path] = []
        self._folders: dict[Path, _MaskFolder] = {}

    def add_root(self, root: Path) -> None:
        """A folder of masks (ground_truth, masks, ...)."""
        if root not in self._roots:
            self._roots.append(root)

    @property
    def any_roots(self) -> bool:
        return bool(self._roots)

    def for_folder(self, folder: Path) -> Sequence[_MaskFolder]:
        """The mask folders that can belong to the images of `folder`, best first."""
        found: list[_MaskFolder] = []
        for root in self._roots:
            if not folder.is_relative_to(root.parent):
                continue
            for place in _places(root, folder.relative_to(root.parent).parts):
                masks = self._open(place)
                if masks.names and masks not in found:
                    found.append(masks)
        return found

    def report_unclaimed(self) -> None:
        """Note every mask that no image claimed."""
        for root in self._roots:
            self._report_below(root)

    def _report_below(self, folder: Path) -> None:
        masks = self._open(folder)
        for key, name in masks.names.items():
            if key not in masks.claimed:
                self._report.problem(folder / name, NO_IMAGE)
        for name in list_folder(folder, ScanReport()).folders:
            self._report_below(folder / name)

    def _open(self, folder: Path) -> _MaskFolder:
        if folder not in self._folders:
            names: dict[str, str] = {}
            for name in list_folder(folder, self._report).images if folder.is_dir() else ():
                other = names.setdefault(_stem(name).casefold(), name)
                if other != name:
                    self._report.problem(folder / name, _TWICE.format(other=other))
            self._folders[folder] = _MaskFolder(folder, names)
        return self._folders[folder]


def beside(names: Sequence[str]) -> dict[str, str]:
    """Masks that lie among the images of one folder: image stem -> name, for `x_mask.png` beside `x.png`."""
    candidates = [name for name in names if _is_named_mask(name)]
    if not candidates:
        return {}
    stems = {_stem(name).casefold() for name in names}
    pairs = {_stem(name).casefold().removesuffix(_BESIDE): name for name in candidates}
    return {stem: name for stem, name in pairs.items() if stem in stems}


def strays(names: Sequence[str], paired: Collection[str]) -> set[str]:
    """Masks among the images of a folder that belong to none of them; images where all are named like masks."""
    found = {name for name in names if _is_named_mask(name) and name not in paired}
    return found if len(found) + len(paired) < len(names) else set()


def _places(root: Path, parts: tuple[str, ...]) -> list[Path]:
    """Where the masks of a folder with these path parts (from the root's parent) can lie, nearest likeness first."""
    places = [root.joinpath(*parts)]
    rest = [part for part in parts if role_of(part) not in ("train", "tuning", "test")]
    places.append(root.joinpath(*rest))
    classes = [part for part in rest if not (role_of(part) == "bad" and is_plain_word(part, "bad"))]
    places += [root.joinpath(*classes), *([root / parts[-1]] if parts else []), root]
    return list(dict.fromkeys(places))


def _is_named_mask(name: str) -> bool:
    return _stem(name).casefold().endswith(_BESIDE)


def _stem(name: str) -> str:
    return name[: name.rfind(".")]
