"""Strokes that a project could not take, in a file elsewhere: nothing is lost while a disk is full or a share is gone.

A stroke is old XOR new, so it fits one mask only: the file names the mask each image had before its first stroke, and
what of the strokes the project already holds is found by taking them back from its mask one by one.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import platformdirs

from core.annotation import masks
from core.errors import FlawscopeError, InputError, ProjectError
from core.files import atomic_write, storage_error
from core.project import Project
from core.workflow.painting import FreshStroke, store_stroke

_log = logging.getLogger(__name__)
SUFFIX: Final = ".flawrescue"
_KEPT: Final = ".kept"  # a file with strokes that do not fit any more: told once, never removed
_FORMAT: Final = "flawscope rescue"
_VERSION: Final = 1
_LARGEST: Final = 1 << 30  # bytes


@dataclass(frozen=True)
class Base:
    """An image as it was before the first of its strokes: SHA-256 of its file ('' not known yet) and of its mask."""

    path: str
    sha256: str
    mask: str


@dataclass(frozen=True)
class RescueFile:
    """What a rescue file holds."""

    path: Path
    project: str
    name: str
    at: str
    bases: Mapping[int, Base]
    strokes: tuple[FreshStroke, ...]


@dataclass(frozen=True)
class RescuePlan:
    """What of rescue files the project lacks (in their order), how many it holds, what fits no more."""

    strokes: tuple[FreshStroke, ...] = ()
    already: int = 0
    problems: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    misfits: tuple[Path, ...] = ()  # files of the problems


def rescue_folder() -> Path:
    """Where rescue files lie: the person's data folder, or the place that FLAWSCOPE_HOME names."""
    named = os.environ.get("FLAWSCOPE_HOME")
    return (Path(named) if named else Path(platformdirs.user_data_path("flawscope", appauthor=False))) / "rescue"


def new_rescue_path(project: Project) -> Path:
    """A name that no other rescue file has."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    return rescue_folder() / project.identity() / f"{stamp}-{os.getpid()}{SUFFIX}"


def base_of(project: Project, image_id: int, shape: tuple[int, int]) -> Base:
    """An image and its mask as the project holds them now. Raises errors of `core.errors`."""
    image, mask = project.image(image_id), project.mask(image_id)
    return Base(str(image.path), image.sha256 or "", _fingerprint(mask, shape))


def write_rescue(path: Path, project: Project, strokes: Sequence[FreshStroke], bases: Mapping[int, Base]) -> None:
    """Write `strokes`, oldest first, as one file. Raises `StorageError`; the file before it is then as it was."""
    document = {
        **{"format": _FORMAT, "version": _VERSION, "at": datetime.now(UTC).isoformat(timespec="seconds")},
        "project": {"id": project.identity(), "name": project.name, "file": str(project.file)},
        "images": {str(image_id): vars(base) for image_id, base in bases.items()},
        "strokes": [_as_json(stroke) for stroke in strokes],
    }
    atomic_write(path, json.dumps(document, ensure_ascii=False))


def read_rescue(path: Path) -> RescueFile:
    """What `write_rescue` wrote. Raises `InputError` for anything else."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT or document["version"] != _VERSION:
            raise ValueError("of another kind")
        project = document["project"]
        bases = {
            int(image_id): Base(str(one["path"]), str(one["sha256"]), str(one["mask"]))
            for image_id, one in document["images"].items()
        }
        strokes = tuple(_from_json(one) for one in document["strokes"])
        if any(stroke.image_id not in bases for stroke in strokes):
            raise ValueError("an image is missing")
        return RescueFile(path, str(project["id"]), str(project["name"]), str(document["at"]), bases, strokes)
    except OSError as error:
        raise InputError(f"the rescue file cannot be read ({error.strerror})", path=path) from error
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, InputError) as error:
        raise InputError("this is no rescue file, or it is damaged", path=path, kept="It was left as it is") from error


def find_rescue(project: Project) -> RescuePlan:
    """What earlier windows could not store in this project, oldest first; what does not fit any more is named."""
    folder = rescue_folder() / project.identity()
    held: dict[int, masks.Mask] = {}
    try:
        plans = [_planned(project, path, held) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    except OSError as error:
        return RescuePlan(problems=(f"{folder} cannot be read ({error.strerror})",))
    return RescuePlan(
        tuple(stroke for plan in plans for stroke in plan.strokes),
        sum(plan.already for plan in plans),
        tuple(problem for plan in plans for problem in plan.problems),
        tuple(path for plan in plans for path in plan.files),
        tuple(path for plan in plans for path in plan.misfits),
    )


def finish_rescue(plan: RescuePlan) -> None:
    """The strokes are stored: their files go; those with something that does not fit are set aside, for a person.

    One that cannot be removed is found again next time, and what it holds is seen to be stored already.
    """
    for path in plan.files:
        try:
            if path in plan.misfits:
                path.rename(path.with_name(path.name + _KEPT))
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("A rescue file stays: %s", storage_error(error, path))


def plan_rescue(project: Project, path: Path) -> RescuePlan:
    """What of one rescue file the project lacks. Raises `InputError` (no rescue file), `ProjectError` (of another)."""
    found = read_rescue(path)
    if found.project != project.identity():
        raise ProjectError(f"these strokes belong to the project “{found.name}”", path=path, kept="Nothing was changed")
    return _fitted(project, found, {})


def apply_rescue(project: Project, path: Path) -> RescuePlan:
    """Store what of a rescue file the project lacks; the file stays. A second time nothing is left to do.

    Raises what `plan_rescue` does, and errors of the store.
    """
    return _stored(project, plan_rescue(project, path))


def apply_found(project: Project) -> RescuePlan:
    """Store what the rescue files of this computer hold of a project; these go, or are set aside with what is left."""
    plan = _stored(project, find_rescue(project))
    finish_rescue(plan)
    return plan


def _stored(project: Project, plan: RescuePlan) -> RescuePlan:
    last: tuple[tuple[int, tuple[int, int]], int] | None = None
    for stroke in plan.strokes:
        continues = last[1] if last is not None and last[0] == stroke.key else None
        last = stroke.key, store_stroke(project, stroke, continues=continues).stroke_id
    if plan.strokes:
        record_rescue(project, plan)
    return plan


def record_rescue(project: Project, plan: RescuePlan) -> None:
    """Say in the audit trail that strokes came out of rescue files."""
    images = sorted({stroke.image_id for stroke in plan.strokes})
    after = {"strokes": len(plan.strokes), "images": images[:50], "files": [path.name for path in plan.files]}
    project.record("rescue strokes", after=after)


def _planned(project: Project, path: Path, held: dict[int, masks.Mask]) -> RescuePlan:
    try:
        return _fitted(project, read_rescue(path), held)
    except InputError as error:
        return RescuePlan((), 0, (f"{path.name}: {error.what}",), (path,), (path,))
    except FlawscopeError as error:  # of the project: the file may fit later
        return RescuePlan((), 0, (f"{path.name}: {error.what}",))


def _fitted(project: Project, found: RescueFile, held: dict[int, masks.Mask]) -> RescuePlan:
    """`held` carries masks from one file to the next: strokes of the second go on from those of the first."""
    missing: list[tuple[int, FreshStroke]] = []
    already, problems = 0, []
    for image_id, base in found.bases.items():
        mine = [(at, stroke) for at, stroke in enumerate(found.strokes) if stroke.image_id == image_id]
        if not mine:
            continue
        count = _held_strokes(project, image_id, base, [stroke for _, stroke in mine], held)
        if isinstance(count, str):
            problems.append(f"{len(mine)} strokes on {Path(base.path).name} were not put in: {count}")
        else:
            already += count
            missing += mine[count:]
    missing.sort(key=lambda pair: pair[0])
    misfits = (found.path,) if problems else ()
    return RescuePlan(tuple(stroke for _, stroke in missing), already, tuple(problems), (found.path,), misfits)


def _held_strokes(
    project: Project, image_id: int, base: Base, strokes: Sequence[FreshStroke], held: dict[int, masks.Mask]
) -> int | str:
    """How many of the strokes on an image the project holds already, or why they do not fit."""
    shape = strokes[0].delta.shape
    try:
        image = project.image(image_id)
    except ProjectError:
        return "the project has no such image"
    if base.sha256 and image.sha256 and base.sha256 != image.sha256:
        return "the image is another file now"
    if image.width is not None and (image.height, image.width) != shape:
        return "the image has another size now"
    known = {one.id for one in project.classes(retired=True)}
    if known and any(stroke.class_id and stroke.class_id not in known for stroke in strokes):
        return "their class is not known"
    mask = held[image_id] if image_id in held else project.mask(image_id)
    mask = masks.empty(shape[1], shape[0]) if mask is None else mask.copy()
    if mask.shape != shape:
        return "the mask has another size now"
    for count in range(len(strokes) + 1):
        if masks.mask_sha256(mask) == base.mask:
            for stroke in strokes:
                masks.apply_delta(mask, stroke.delta)
            held[image_id] = mask
            return count
        if count < len(strokes):
            masks.apply_delta(mask, strokes[count].delta)
    return "its mask was changed since"


def _fingerprint(mask: masks.Mask | None, shape: tuple[int, int]) -> str:
    return masks.mask_sha256(masks.empty(shape[1], shape[0]) if mask is None else mask)


def _as_json(stroke: FreshStroke) -> dict[str, object]:
    packed = base64.b64encode(masks.pack_delta(stroke.delta)).decode()
    return {
        **{"image": stroke.image_id, "tool": stroke.tool, "class": stroke.class_id, "number": list(stroke.number)},
        **{"author": stroke.author, "delta": packed},
    }


def _from_json(one: Any) -> FreshStroke:
    sheet, number = one["number"]
    delta = masks.unpack_delta(base64.b64decode(one["delta"], validate=True))
    return FreshStroke(
        int(one["image"]), delta, str(one["tool"]), int(one["class"]), (int(sheet), int(number)), str(one["author"])
    )
