"""Defect masks in and out, in the layout of MVTec AD: `<class>/<stem>_mask.png`, 0 and 255, a class map beside."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError, InputError
from core.files import atomic_write
from core.imaging import decode_mask, save_png
from core.layouts import NO_IMAGE, Entry
from core.project import Project
from core.project.records import ImageRow
from core.workflow import problems
from core.workflow.progress import Progress, silent

_BATCH: Final = 64
_SUFFIX: Final = "_mask"
_CLASSES: Final = "_classes"
_STAYS: Final = "it is left out, the image stays as it is"
_NOT_DEFECTIVE: Final = (
    "this mask belongs to an image that is not labelled defective: " + _STAYS + ". Label it, then add the images again"
)


@dataclass
class MaskReport:
    """What came in or went out; `left_out` names each file that did not, and says why and what to do."""

    written: int = 0
    unchanged: int = 0
    left_out: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What was left out, a line each."""
        return [f"{path}: {text}" for path, text in self.left_out]

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {"written": self.written, "unchanged": self.unchanged, "problems": self.problems}


def take_in(project: Project, entries: Iterable[Entry], *, progress: Progress = silent) -> MaskReport:
    """Ground-truth masks of a layout become annotations of origin import; what does not fit is named."""
    wanted = {entry.path: entry.mask for entry in entries if entry.mask is not None}
    rows = {row.path: row for row in project.images(label="defective")} if wanted else {}
    report = _store(project, [(rows[path], mask) for path, mask in wanted.items() if path in rows], progress)
    others = {path for path in wanted if path not in rows}
    for row in project.images(label=("good", "unlabelled")) if others else ():
        if row.path in others and project.mask(row.id, origin="import") is None:  # one that was taken in before stays
            report.left_out.append((wanted[row.path], _NOT_DEFECTIVE))
    return report


def import_mvtec(project: Project, folder: Path, *, progress: Progress = silent) -> MaskReport:
    """Masks below `folder` for images that the project knows, matched by class folder and name.

    Names that fit several images or none are named, never guessed; what is left out becomes a problem of the project
    until it fits. Raises `InputError` when there is no mask at all.
    """
    if not folder.is_dir():
        raise InputError("this folder is not there", path=folder)
    folder = folder.resolve()
    files = sorted(path for path in folder.rglob("*.png") if path.is_file() and not _is_class_map(path))
    if not files:
        raise InputError("no mask files (PNG) here", path=folder, mend="Name a folder like ground_truth")
    by_stem: dict[str, list[ImageRow]] = defaultdict(list)
    for row in project.images():
        by_stem[Path(row.relative).stem].append(row)
    pairs: list[tuple[ImageRow, Path]] = []
    unmatched: list[tuple[Path, str]] = []
    for path in files:
        stem = path.stem.removesuffix(_SUFFIX)
        matches = _narrowed(by_stem.get(stem, []), path)
        if len(matches) == 1:
            pairs.append((matches[0], path))
        else:
            unmatched.append((path, NO_IMAGE if not matches else _fits_several(len(matches))))
    report = _store(project, pairs, progress)
    report.left_out[:0] = unmatched
    problems.settle_masks(project, [folder], report.left_out, lacking=False)
    return report


def export_mvtec(
    project: Project, folder: Path, *, product: str | None = None, progress: Progress = silent
) -> MaskReport:
    """Write `<product>/ground_truth/<class>/<stem>_mask.png` (0 and 255) and `classes.json`.

    Where one image holds several classes, `<stem>_classes.png` beside holds their numbers. Raises `StorageError`.
    """
    names = {one.id: one.code for one in project.classes(retired=True)}
    if product is not None and product not in {one.code for one in project.products()}:
        known = ", ".join(one.code for one in project.products())
        raise InputError(f"there is no product {product!r}", mend=f"The project holds: {known}")
    rows = list(project.images(product=product, ids=project.masked_images(product=product)))
    report = MaskReport()
    taken: set[Path] = set()
    for done, row in enumerate(rows, 1):
        mask = project.mask(row.id)
        progress("Writing masks", done, len(rows))
        if mask is None:
            continue
        target = folder / row.product / "ground_truth" / (row.defect_class or "defect")
        stem = _unique_stem(target, row, taken)
        save_png(target / f"{stem}{_SUFFIX}.png", np.where(mask > 0, 255, 0).astype(np.uint8))
        if len(set(np.unique(mask).tolist()) - {0}) > 1:
            save_png(target / f"{stem}{_CLASSES}.png", mask)
        report.written += 1
    atomic_write(folder / "classes.json", json.dumps({str(key): code for key, code in names.items()}, indent=1))
    return report


def _is_class_map(path: Path) -> bool:
    """Whether this is the class map that `export_mvtec` writes beside a mask."""
    stem = path.stem.removesuffix(_CLASSES)
    return stem != path.stem and path.with_name(f"{stem}{_SUFFIX}.png").is_file()


def _fits_several(count: int) -> str:
    where = "Put it into a folder named like the images' class, below one named like their product"
    return f"this mask fits {count:,} images by its name: it is left out, the images stay as they are. {where}"


def _narrowed(rows: list[ImageRow], mask: Path) -> list[ImageRow]:
    """Of several images with one name, those of the mask's class folder; of these, those of its product."""
    same_class = [row for row in rows if row.defect_class == mask.parent.name]
    chosen = same_class if same_class else rows if len(rows) == 1 else []
    same_product = [row for row in chosen if row.product in mask.parts]
    return same_product if len(chosen) > 1 and same_product else chosen


def _store(project: Project, pairs: list[tuple[ImageRow, Path]], progress: Progress) -> MaskReport:
    report = MaskReport()
    batch: list[tuple[int, NDArray[np.uint8]]] = []
    classes: dict[str, int] = {}
    for done, (row, path, labels) in enumerate(_read(project, pairs, classes, report), 1):
        progress("Reading masks", done, len(pairs))
        before = project.mask(row.id, origin="import")
        if before is not None and np.array_equal(before, labels):
            report.unchanged += 1
            continue
        if not labels.any():
            mend = "Paint the defect into it and add the images again, or label the image good"
            report.left_out.append((path, f"this mask is empty: {_STAYS}. {mend}"))
            continue
        batch.append((row.id, labels))
        report.written += 1
        if len(batch) >= _BATCH:
            project.import_masks(batch)
            batch = []
    if batch:
        project.import_masks(batch)
    return report


def _read(
    project: Project, pairs: list[tuple[ImageRow, Path]], classes: dict[str, int], report: MaskReport
) -> Iterator[tuple[ImageRow, Path, NDArray[np.uint8]]]:
    for row, path in pairs:
        try:
            raw = decode_mask(path)
        except ImageError as error:
            mend = "Replace it, then add the images again"
            report.left_out.append((path, f"this mask cannot be used ({error.what}): {_STAYS}. {mend}"))
            continue
        if row.width and (raw.shape[1], raw.shape[0]) != (row.width, row.height):
            size = f"{raw.shape[1]} x {raw.shape[0]} pixels, its image {row.width} x {row.height}"
            mend = "Save it in the image's size, then add the images again"
            report.left_out.append((path, f"this mask measures {size}: {_STAYS}. {mend}"))
            continue
        code = row.defect_class or "defect"
        if code not in classes:
            classes[code] = project.add_class(code)
        yield row, path, np.where(raw > 0, classes[code], 0).astype(np.uint8)


def _unique_stem(target: Path, row: ImageRow, taken: set[Path]) -> str:
    """The image's own stem; with its number where another image of the same name went before in this export."""
    stem = Path(row.relative).stem
    if target / stem in taken:
        stem = f"{stem}-{row.id}"
    taken.add(target / stem)
    return stem
