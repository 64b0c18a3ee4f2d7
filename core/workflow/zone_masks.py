"""Masks of regions from a folder, each for one image: matched by split and path, never by a bare name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from core.errors import ImageError, InputError
from core.imaging import SUFFIXES, decode_mask
from core.layouts.words import role_of
from core.project import Project
from core.project.records import ImageRow, View, Zone
from core.workflow.masks import MaskReport
from core.workflow.progress import Progress, silent

_ENDINGS: Final = ("_mask", "-mask", "_roi", "-roi", "")
_SPLITS: Final = {"train", "tuning", "test"}
_STAYS: Final = "it is left out, the image stays as it is"


def import_masks(project: Project, view: View, folder: Path, *, progress: Progress = silent) -> MaskReport:
    """Every mask below `folder` (0: outside, else inside) becomes the region of its image, in one undoable step.

    A mask belongs to the image of its name whose folders are most like its own (`train/good/001.png` or
    `train/good/001_mask.png`), one folder at least and never one of another split; where images lie in no folder, to
    the one of its name. What fits no image or several is named, never guessed. Raises `InputError` when there is no
    mask at all.
    """
    if not folder.is_dir():
        raise InputError("this folder is not there", path=folder)
    folder = folder.resolve()
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise InputError("no masks here", path=folder, mend="Name a folder whose sub-folders are named as the images'")
    report = MaskReport()
    pairs = _matched(project, view, folder, files, report)
    own = _read(pairs, report, progress)
    first = next(own, None)
    if first is not None:
        zones = _after(first, own)
        project.change_roi(view.id, own=zones, label="import masks of regions", reason=f"from {folder}")
    return report


def _matched(
    project: Project, view: View, folder: Path, files: Sequence[Path], report: MaskReport
) -> list[tuple[ImageRow, Path]]:
    by_name: dict[str, list[ImageRow]] = defaultdict(list)
    for row in project.images(product=view.product, view=view.code, present_only=True):
        by_name[PurePosixPath(row.relative).stem.casefold()].append(row)
    found: dict[int, tuple[ImageRow, Path]] = {}
    for path in files:
        rows = _rows_of(path.relative_to(folder), by_name)
        if len(rows) != 1:
            report.left_out.append((path, _why_not(rows)))
        elif rows[0].id in found:
            other = found[rows[0].id][1].name
            report.left_out.append((path, f"{other} is the mask of the same image: that one counts, {_STAYS}"))
        else:
            found[rows[0].id] = rows[0], path
    return list(found.values())


def _rows_of(mask: Path, by_name: dict[str, list[ImageRow]]) -> list[ImageRow]:
    """Images whose folders are most like those of the mask, for the first ending of the name that gives any."""
    folders = [part.casefold() for part in mask.parent.parts]
    for ending in _ENDINGS:
        stem = mask.stem.casefold()
        if not stem.endswith(ending):
            continue
        named = by_name.get(stem.removesuffix(ending), [])
        if not folders:
            rows = [row for row in named if len(PurePosixPath(row.relative).parts) == 1]
        else:
            likeness = [_likeness(row.path, folders) for row in named]
            most = max(likeness, default=0)
            rows = [row for row, alike in zip(named, likeness, strict=True) if alike == most > 0]
        if rows:
            return rows
    return []


def _likeness(image: Path, folders: list[str]) -> int:
    """How many folders, from the last one up, two paths have in common; 0 where they speak of different splits."""
    mine = [part.casefold() for part in image.parent.parts]
    same = 0
    for here, there in zip(reversed(mine), reversed(folders), strict=False):
        if here != there:
            return 0 if {role_of(here), role_of(there)} <= _SPLITS else same
        same += 1
    return same


def _why_not(rows: Sequence[ImageRow]) -> str:
    if rows:
        return (
            f"this mask fits {len(rows):,} images by its path: it is left out, they stay as they are. Put it below "
            "folders named like the image's, that of the split (train, test) among them"
        )
    return (
        "this mask has no image of its path: it is left out. Put it below folders named like the image's, and name it "
        "like the image"
    )


def _read(
    pairs: Sequence[tuple[ImageRow, Path]], report: MaskReport, progress: Progress
) -> Iterator[tuple[int, Sequence[Zone]]]:
    for done, (row, path) in enumerate(pairs, 1):
        progress("Reading masks of regions", done, len(pairs))
        try:
            mask = (decode_mask(path) > 0).astype(np.uint8)
        except ImageError as error:
            report.left_out.append((path, f"this mask cannot be used ({error.what}): {_STAYS}. Replace it"))
            continue
        if row.width and (mask.shape[1], mask.shape[0]) != (row.width, row.height):
            size = f"{mask.shape[1]} x {mask.shape[0]} pixels, its image {row.width} x {row.height}"
            report.left_out.append((path, f"this mask measures {size}: {_STAYS}. Save it in the image's size"))
            continue
        report.written += 1
        yield row.id, (Zone("part", "inspect", mask=mask),)


def _after(
    first: tuple[int, Sequence[Zone]], rest: Iterator[tuple[int, Sequence[Zone]]]
) -> Iterator[tuple[int, Sequence[Zone]]]:
    yield first
    yield from rest
