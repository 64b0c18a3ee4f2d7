"""Defect masks in and out, in the layout of MVTec AD: `<class>/<stem>_mask.png`, 0 and 255, a class map beside."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError, InputError
from core.files import atomic_write
from core.imaging import decode_mask, save_png
from core.layouts import Entry
from core.project import Project
from core.project.records import ImageRow
from core.workflow import problems
from core.workflow.progress import Progress, silent

_BATCH: Final = 64
_SUFFIX: Final = "_mask"


@dataclass
class MaskReport:
    """What came in or went out; `problems` name the file and say why it was left out."""

    written: int = 0
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


def take_in(project: Project, entries: Iterable[Entry], *, progress: Progress = silent) -> int:
    """Ground-truth masks of a layout become annotations of origin import; what does not fit becomes a problem."""
    known = list(entries)
    by_path = _images_by_path(project) if known else {}
    pairs = [(by_path[entry.path], entry.mask) for entry in known if entry.mask is not None and entry.path in by_path]
    report = _store(project, pairs, progress)
    named = (problem.partition(": ") for problem in report.problems)
    problems.keep(project, [(path, text) for path, _, text in named])
    return report.written + report.unchanged


def import_mvtec(project: Project, folder: Path, *, progress: Progress = silent) -> MaskReport:
    """Masks below `folder` for images that the project knows, matched by class folder and name.

    Names that fit several images or none are named, never guessed. Raises `InputError` when there is no mask at all.
    """
    if not folder.is_dir():
        raise InputError("this folder is not there", path=folder)
    files = sorted(path for path in folder.rglob("*.png") if path.is_file())
    if not files:
        raise InputError("no mask files (PNG) here", path=folder, mend="Name a folder like ground_truth")
    by_stem: dict[str, list[ImageRow]] = defaultdict(list)
    for row in project.images():
        by_stem[Path(row.relative).stem].append(row)
    pairs: list[tuple[ImageRow, Path]] = []
    unmatched: list[str] = []
    for path in files:
        stem = path.stem.removesuffix(_SUFFIX)
        matches = _narrowed(by_stem.get(stem, []), path)
        if len(matches) == 1:
            pairs.append((matches[0], path))
        else:
            why = "no image of this name" if not matches else f"{len(matches)} images of this name"
            unmatched.append(f"{path}: {why}")
    report = _store(project, pairs, progress)
    report.problems[:0] = unmatched
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
            save_png(target / f"{stem}_classes.png", mask)
        report.written += 1
    atomic_write(folder / "classes.json", json.dumps({str(key): code for key, code in names.items()}, indent=1))
    return report


def _images_by_path(project: Project) -> dict[Path, ImageRow]:
    return {row.path: row for row in project.images(label="defective")}


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
            report.problems.append(f"{path}: the mask is empty")
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
            report.problems.append(f"{path}: {error.what}")
            continue
        if row.width and (raw.shape[1], raw.shape[0]) != (row.width, row.height):
            size = f"{raw.shape[1]} x {raw.shape[0]}, its image {row.width} x {row.height}"
            report.problems.append(f"{path}: the mask measures {size}")
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
