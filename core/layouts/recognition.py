"""From a folder to a kind, its products, and the sentence that says so."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.errors import InputError
from core.layouts.entries import Counts, Kind, Recognition, ScanReport
from core.layouts.folders import has_images, subfolders
from core.layouts.scanning import count
from core.layouts.words import role_of

_WRAPPERS: Final = 4  # an unpacked archive brings a folder that holds one folder that holds ...
_TITLES: Final[dict[Kind, str]] = {
    "mvtec": "MVTec AD layout",
    "good_bad": "Folders of good and bad",
    "gtanoic": "One folder a type",
    "flat": "One folder",
    "nested": "Folders without labels",
}


def recognise(folder: Path, *, kind: Kind | None = None, product: str | None = None) -> Recognition:
    """How `folder` is laid out; reads names only, no image.

    `kind` overrules the guess. `product` names the one product there is, or picks one of several by name.
    Raises `InputError` when the folder is absent, unreadable, holds no images or is not of the `kind` asked for.
    """
    _check_readable(folder)
    base = _unwrapped(folder)
    found = kind or _guess(base)
    if found is None:
        raise InputError(
            "there are no images in this folder", path=folder, mend="Flawscope reads PNG, JPEG, BMP, TIFF and WebP"
        )
    folders = _product_folders(base, found)
    if not folders:
        raise InputError(f"this folder is not of the kind {found!r}", path=folder, mend=_mend(found))
    products, folders = _named(folder, folders, product)
    plain = Recognition(folder, found, products, folders, "", (), _counts(ScanReport()))
    report = ScanReport()
    count(plain, report)
    if not report.images:
        raise InputError("there are no images in this folder", path=folder, mend=_mend(found))
    counts = _counts(report)
    notes = _notes(found, counts, base, folders)
    return replace(plain, sentence=_sentence(found, len(products), counts), notes=notes, counts=counts)


def _check_readable(folder: Path) -> None:
    try:
        with os.scandir(folder):
            pass
    except FileNotFoundError:
        raise InputError("this folder is not there", path=folder) from None
    except NotADirectoryError:
        raise InputError("this is a file; a folder of images is needed", path=folder) from None
    except OSError as error:
        raise InputError(f"this folder cannot be read ({error.strerror or error})", path=folder) from error


def _unwrapped(folder: Path) -> Path:
    """The first folder inside that holds more than one plain sub-folder."""
    for _ in range(_WRAPPERS):
        names = subfolders(folder)
        if len(names) != 1 or role_of(names[0]) != "other" or has_images(folder, below=False):
            return folder
        folder = folder / names[0]
    return folder


def _guess(folder: Path) -> Kind | None:
    names = subfolders(folder)
    if _is_split(folder):
        return "mvtec"
    if any(_is_split(folder / name) for name in names):
        return "mvtec"  # asked first: a product may be called "pass"
    if _is_labelled(folder):
        return "good_bad"
    if any(_is_labelled(folder / name) for name in names):
        return "gtanoic"
    if any(has_images(folder / name) for name in names):
        return "nested"
    return "flat" if has_images(folder, below=False) else None


def _is_split(folder: Path) -> bool:
    return any(role_of(name) in ("train", "test") and has_images(folder / name) for name in subfolders(folder))


def _is_labelled(folder: Path) -> bool:
    return any(role_of(name) in ("good", "bad") and has_images(folder / name) for name in subfolders(folder))


def _product_folders(base: Path, kind: Kind) -> tuple[Path, ...]:
    if kind in ("flat", "nested", "good_bad") or (kind == "mvtec" and _is_split(base)):
        return (base,)
    test = _is_split if kind == "mvtec" else has_images
    if kind == "gtanoic" and any(_is_labelled(base / name) for name in subfolders(base)):
        test = _is_labelled
    return tuple(base / name for name in subfolders(base) if role_of(name) != "masks" and test(base / name))


def _named(root: Path, folders: tuple[Path, ...], product: str | None) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    names = tuple((folder.name or folder.resolve().name) for folder in folders)
    if product is None:
        return names, folders
    if len(folders) == 1:
        return (product,), folders
    if product not in names:
        raise InputError(f"there is no product {product!r} here", path=root, mend="There are: " + ", ".join(names))
    return (product,), (folders[names.index(product)],)


def _counts(report: ScanReport) -> Counts:
    return Counts(
        images=report.images,
        train=report.splits.get("train", 0),
        test=report.splits.get("test", 0),
        good=report.labels.get("good", 0),
        defective=report.labels.get("defective", 0),
        unlabelled=report.labels.get("unlabelled", 0),
        defect_classes=len(report.classes),
        masks=report.masks,
        folders=report.folders,
        problems=report.problem_count,
    )


def _sentence(kind: Kind, products: int, counts: Counts) -> str:
    if kind == "flat":
        return f"One folder of {_many(counts.images, 'unlabelled image')}."
    if kind == "nested":
        return f"{_many(counts.folders, 'folder')} of {_many(counts.images, 'unlabelled image')}."
    parts = [_many(products, "product")]
    if kind == "mvtec":
        parts += [f"{counts.train:,} training", f"{_many(counts.test, 'test image')}"]
    else:
        parts += [f"{counts.good:,} good", f"{_many(counts.defective, 'defective image')}"]
    if counts.unlabelled:
        parts.append(f"{counts.unlabelled:,} unlabelled")
    if counts.defective or counts.masks:
        parts += [_many(counts.defect_classes, "defect class", "defect classes"), _many(counts.masks, "mask")]
    return f"{_TITLES[kind]}: {', '.join(parts)}."


def _notes(kind: Kind, counts: Counts, base: Path, folders: tuple[Path, ...]) -> tuple[str, ...]:
    notes = []
    if kind in ("flat", "nested"):
        notes.append("Nothing says which images are good: label them, or import the folder as good.")
    elif not counts.good:
        notes.append("There are no good images: nothing to train on.")
    if kind == "mvtec" and counts.good and not counts.train:
        notes.append("There are no training images: train/good is missing or empty.")
    if kind not in ("flat", "nested") and not counts.defective:
        notes.append("There are no defective images: a ROC curve and rates of escapes cannot be measured.")
    if kind in ("mvtec", "gtanoic") and folders != (base,):
        taken = {folder.name for folder in folders}
        aside = [name for name in subfolders(base) if name not in taken and has_images(base / name)]
        if aside and len(folders) > 1:
            notes.append(f"Left aside, laid out in another way: {', '.join(aside)}.")
    if counts.problems:
        notes.append(f"{_many(counts.problems, 'problem')}: listed after the import.")
    return tuple(notes)


def _mend(kind: Kind) -> str:
    expected: dict[Kind, str] = {
        "mvtec": "Expected: train/good, test/good, test/<defect>",
        "good_bad": "Expected: folders named good and bad, or ok and ng",
        "gtanoic": "Expected: one folder a type, images inside",
        "flat": "Expected: images directly in the folder",
        "nested": "Expected: images in sub-folders",
    }
    return expected[kind]


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
