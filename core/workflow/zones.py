"""Regions of interest as a person changes them: the template of a view, zones of single images, cells of a strip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.annotation.alignment import WAYS
from core.annotation.roi import placed
from core.errors import InputError
from core.imaging import decode_mask, save_png
from core.project import Project
from core.project.records import Cell, ImageRow, Roi, View, Zone
from core.words import Box, Matrix

_SIGNS: Final = ("inspect", "ignore")
_MOST_CELLS: Final = 1_000


def the_view(project: Project, product: str | None, view: str | None) -> View:
    """The view that is meant; the only one where nothing is named. Raises `InputError` naming what there is."""
    found = [
        one
        for one in project.views()
        if (product is None or one.product == product) and (view is None or one.code == view)
    ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.product if one.code == "main" else f"{one.product} > {one.code}" for one in project.views())
    what = "several views fit" if found else "no view of that name"
    raise InputError(what, path=project.folder, mend=f"Name one with --product and --view: {names}")


def zones_on(project: Project, roi: Roi, image: ImageRow) -> tuple[Zone, ...]:
    """The zones as they lie on one image, in its own pixels: its own, or those of the template, laid over it."""
    if image.id in roi.own:
        return project.own_zones(roi.id, image.id)
    alignment = project.alignment(roi.id, image.id)
    if alignment is not None:
        return moved(roi.zones, alignment.matrix, (image.width or 1, image.height or 1))
    size, own = template_size(project, roi), (image.width or 1, image.height or 1)
    if size is None or size == own:
        return roi.zones
    across, down = own[0] / size[0], own[1] / size[1]
    return moved(roi.zones, (across, 0.0, (across - 1) / 2, 0.0, down, (down - 1) / 2), own)


def set_own(project: Project, view_id: int, image_id: int, zones: Sequence[Zone], *, label: str = "") -> Roi:
    """Zones of one image in the place of the template's; none: it follows the template again. Undoable."""
    name = Path(project.image(image_id).relative).name
    said = label or (f"region of {name} alone" if zones else f"region of {name}: the template's again")
    return project.change_roi(view_id, own=[(image_id, zones)], label=said)


def copy_to(project: Project, source_id: int, image_ids: Iterable[int]) -> Roi:
    """The region as it lies on one image becomes that of others, as zones of their own; one undoable step.

    Images of another size get it stretched. Raises `InputError` when there is no region, or an image is of another
    view.
    """
    source = project.image(source_id)
    roi = project.roi(source.view_id)
    zones = () if roi is None else zones_on(project, roi, source)
    if roi is None or not zones:
        raise InputError("there is no region here to be copied", mend="Draw one first")
    rows = [row for row in project.images(ids=list(image_ids)) if row.id != source_id]
    if any(row.view_id != source.view_id for row in rows):
        raise InputError("some of these images are of another product or view", kept="Nothing was changed")
    if not rows:
        raise InputError("no other image was chosen", kept="Nothing was changed")
    zones = tuple(distinct(zones))
    own = [(row.id, _stretched(zones, source, row)) for row in rows]
    return project.change_roi(source.view_id, own=own, label=f"copy a region to {_many(len(rows))}")


def drop_own(project: Project, view_id: int, image_ids: Iterable[int]) -> Roi | None:
    """These images follow the template again; None when none of them had zones of its own. Undoable."""
    roi = project.roi(view_id)
    chosen = [] if roi is None else sorted(set(image_ids) & roi.own)
    if not chosen:
        return roi
    empty: list[tuple[int, Sequence[Zone]]] = [(image_id, ()) for image_id in chosen]
    return project.change_roi(view_id, own=empty, label=f"the template's region on {_many(len(chosen))}")


def repeated(first: Box, count: int, *, pitch: tuple[float, float] | None = None, last: Box | None = None) -> list[Box]:
    """A box and its repeats: `count` in all, each `pitch` (x, y) on, or evenly up to the place of the `last` one.

    Rounding never adds up: the n-th lies within half a pixel of its place. Raises `InputError`.
    """
    if not 1 <= count <= _MOST_CELLS:
        raise InputError(f"from 1 to {_MOST_CELLS:,} cells, not {count:,}")
    if first[0] >= first[2] or first[1] >= first[3]:
        raise InputError("the first cell is empty")
    if last is not None:
        steps = max(1, count - 1)
        pitch = ((last[0] - first[0]) / steps, (last[1] - first[1]) / steps)
    across, down = pitch if pitch is not None else (float(first[2] - first[0]), 0.0)
    x0, y0, x1, y1 = first
    offsets = [(round(across * number), round(down * number)) for number in range(count)]
    return [(x0 + dx, y0 + dy, x1 + dx, y1 + dy) for dx, dy in offsets]


def check_inside(zones: Iterable[Zone], cells: Iterable[Cell], size: tuple[int, int]) -> None:
    """Raises `InputError` naming the first zone or cell that reaches beyond an image of `size` (width, height)."""
    boxes = [(f"zone '{one.name}'", one.shape["box"]) for one in zones if "box" in one.shape]
    boxes += [(f"cell '{one.name}'", one.box) for one in cells]
    for name, (x0, y0, x1, y1) in boxes:
        if x0 < 0 or y0 < 0 or x1 > size[0] + 1 or y1 > size[1] + 1:  # a repeat is rounded by up to a pixel
            where = ",".join(f"{value:g}" for value in (x0, y0, x1, y1))
            raise InputError(
                f"{name} ({where}) reaches beyond the image, which is {size[0]:,} × {size[1]:,} pixels",
                kept="Nothing was changed",
            )


def named_cells(boxes: Sequence[Box], taken: Iterable[str] = ()) -> list[Cell]:
    """Cells with the names 1, 2, ... that are not taken yet."""
    used, cells, number = set(taken), [], 0
    for box in boxes:
        number += 1
        while str(number) in used:
            number += 1
        cells.append(Cell(str(number), box))
    return cells


def free_name(zones: Sequence[Zone], sign: str) -> str:
    """A name that no zone has: part, part 2, ... or ignored, ignored 2, ..."""
    stem = "part" if sign == "inspect" else "ignored"
    names = {zone.name for zone in zones}
    return stem if stem not in names else next(name for n in range(2, 10_000) if (name := f"{stem} {n}") not in names)


def distinct(zones: Sequence[Zone]) -> list[Zone]:
    """The same zones, each with a name of its own: a later one of a name that is taken gets a number behind it.

    Projects of earlier versions may hold two of one name.
    """
    names = {zone.name for zone in zones}
    found: list[Zone] = []
    for zone in zones:
        name = zone.name
        if name in {one.name for one in found}:
            name = next(free for n in range(2, 10_000) if (free := f"{zone.name} {n}") not in names)
            names.add(name)
        found.append(zone if name == zone.name else replace(zone, name=name))
    return found


def read(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What `Project.change_roi` takes of a region as JSON; masks are files, named from `folder`.

    {"align": "translation", "zones": [{"name": "part", "sign": "inspect", "box": [x0, y0, x1, y1]}, {"name": "date",
    "sign": "ignore", "polygon": [[x, y], ...]}, {"name": "rim", "mask": "rim.png"}],
    "cells": [{"name": "1", "box": [...]}] or {"first": [...], "count": 5, "pitch": [90, 0] or "last": [...]}}.
    Raises `InputError` naming the entry that makes no sense, `ImageError`.
    """
    unknown = sorted(set(document) - {"zones", "cells", "align", "template", "size"})
    if unknown:
        raise InputError(f"a region has no {', '.join(unknown)}", mend="It has zones, cells, align and template")
    given: dict[str, Any] = {}
    if "zones" in document:
        given["zones"] = [_zone(entry, number, folder) for number, entry in enumerate(document["zones"], 1)]
        twice = [name for name, count in Counter(zone.name for zone in given["zones"]).items() if count > 1]
        if twice:
            raise InputError(f"two zones have the name {twice[0]}", mend="Rename one of them")
    if "cells" in document:
        given["cells"] = _cells(document["cells"])
    if "align" in document:
        if document["align"] not in WAYS:
            raise InputError(f"align is {', '.join(WAYS)}, not {document['align']!r}")
        given["settings"] = {"align": document["align"]}
    return given


def written(roi: Roi, folder: Path | None = None) -> dict[str, Any]:
    """A version as JSON that `read` takes; masks become files in `folder` (without one: only their size is told)."""
    zones: list[dict[str, Any]] = []
    for number, zone in enumerate(roi.zones, 1):
        entry: dict[str, Any] = {"name": zone.name, "sign": zone.sign, **zone.shape}
        if zone.mask is not None:
            entry["mask"] = f"zone {number}.png"
            entry["size"] = [zone.mask.shape[1], zone.mask.shape[0]]
            if folder is not None:
                save_png(folder / entry["mask"], np.where(zone.mask > 0, 255, 0).astype(np.uint8))
        zones.append(entry)
    return {
        "align": roi.settings.get("align", "off"),
        "template": roi.template_image_id,
        "zones": zones,
        "cells": [{"name": cell.name, "box": list(cell.box)} for cell in roi.cells],
    }


def _zone(entry: Any, number: int, folder: Path) -> Zone:
    if not isinstance(entry, Mapping):
        raise InputError(f"zone {number} is no object with name, sign and box, polygon or mask")
    sign = entry.get("sign", "inspect")
    if sign not in _SIGNS:
        raise InputError(f"zone {number} has the sign {sign!r}", mend="It is inspect or ignore")
    name = str(entry.get("name") or f"zone {number}")
    if "mask" in entry:
        mask = (decode_mask(folder / str(entry["mask"])) > 0).astype(np.uint8)
        return Zone(name, sign, mask=mask)
    if "box" in entry:
        x0, y0, x1, y1 = _box(entry["box"], f"zone {number}")
        return Zone(name, sign, {"box": [x0, y0, x1, y1]})
    points = entry.get("polygon")
    if not isinstance(points, list) or len(points) < 3:
        raise InputError(f"zone {number} has neither a box nor a mask nor a polygon of three points or more")
    try:
        return Zone(name, sign, {"polygon": [[float(x), float(y)] for x, y in points]})
    except (TypeError, ValueError) as error:
        raise InputError(f"zone {number}: a polygon is a list of [x, y]") from error


def _cells(entry: Any) -> list[Cell]:
    if isinstance(entry, Mapping):
        first = _box(entry.get("first"), "the first cell")
        last = None if entry.get("last") is None else _box(entry["last"], "the last cell")
        pitch = entry.get("pitch")
        try:
            count = int(entry.get("count", 1))
            step = None if pitch is None else (float(pitch[0]), float(pitch[1]))
        except (TypeError, ValueError, IndexError) as error:
            raise InputError("cells need a count, and a pitch [x, y] or the last cell") from error
        return named_cells(repeated(first, count, pitch=step, last=last))
    if not isinstance(entry, list) or not all(isinstance(one, Mapping) for one in entry):
        raise InputError("cells are a list of objects with name and box, or one with first, count and pitch")
    return [
        Cell(str(one.get("name") or number), _box(one.get("box"), f"cell {number}"))
        for number, one in enumerate(entry, 1)
    ]


def _box(value: Any, what: str) -> Box:
    try:
        x0, y0, x1, y1 = (round(float(one)) for one in value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: a box is [x0, y0, x1, y1]") from error
    if x0 >= x1 or y0 >= y1:
        raise InputError(f"{what} is empty: a box is [x0, y0, x1, y1]")
    return x0, y0, x1, y1


def _stretched(zones: Sequence[Zone], source: ImageRow, target: ImageRow) -> tuple[Zone, ...]:
    here, there = (source.width or 1, source.height or 1), (target.width or 1, target.height or 1)
    if here == there:
        return tuple(zones)
    across, down = there[0] / here[0], there[1] / here[1]
    return moved(zones, (across, 0.0, (across - 1) / 2, 0.0, down, (down - 1) / 2), there)


def moved(zones: Sequence[Zone], matrix: Matrix, size: tuple[int, int]) -> tuple[Zone, ...]:
    """Zones where a matrix takes them, on an image of `size`; a box that is turned becomes a polygon."""
    if matrix == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0):
        return tuple(zones)
    return tuple(_moved_zone(zone, matrix, size) for zone in zones)


def _moved_zone(zone: Zone, matrix: Matrix, size: tuple[int, int]) -> Zone:
    a, b, c, d, e, f = matrix
    if zone.mask is not None:
        return replace(zone, mask=placed((zone.mask != 0).astype(np.uint8), matrix, *size))
    box = zone.shape.get("box")
    corners = (
        zone.shape.get("polygon") if box is None else [[box[i], box[j]] for i, j in ((0, 1), (2, 1), (2, 3), (0, 3))]
    )
    points = np.asarray(corners, np.float64) - 0.5  # corners lie between pixels, matrices speak of their middles
    moved = points @ np.array([[a, d], [b, e]]) + (c, f) + 0.5
    if box is not None and abs(b) < 1e-9 and abs(d) < 1e-9:
        return replace(zone, shape={"box": [*np.rint(moved[0]).tolist(), *np.rint(moved[2]).tolist()]})
    return replace(zone, shape={"polygon": np.round(moved, 3).tolist()})


def template_size(project: Project, roi: Roi) -> tuple[int, int] | None:
    """Width and height of the picture that the template was drawn on; None: not known."""
    sizes = Counter(zone.mask.shape[1::-1] for zone in roi.zones if zone.mask is not None)
    if sizes:
        width, height = sizes.most_common(1)[0][0]
        return int(width), int(height)
    if roi.template_image_id is None:
        return None
    row = project.image(roi.template_image_id)
    return (row.width, row.height) if row.width and row.height else None


def _many(count: int) -> str:
    return f"{count:,} image" if count == 1 else f"{count:,} images"
