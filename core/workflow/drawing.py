"""A region as it lies on the image that a person looks at, and what is drawn there on its way back to the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.annotation.outlines import corners
from core.annotation.roi import covered, placed_box
from core.errors import InputError
from core.project import Project
from core.project.records import Cell, Roi, Zone
from core.words import Box, Matrix
from core.workflow.zones import distinct, moved, set_own, template_size

_STILL: Final[Matrix] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Mark:
    """A zone as it is drawn, in pixels of the image; `origin` is the template's zone while it is the same."""

    zone: Zone
    origin: Zone | None = None


@dataclass(frozen=True)
class Frame:
    """A cell as it is drawn, in pixels of the image; `origin` is the template's cell while it is the same."""

    cell: Cell
    origin: Cell | None = None


@dataclass(frozen=True)
class ZoneFacts:
    """What is told of a zone, and the corners by which it can be changed; `corners` None: it has none."""

    pixels: int
    corners: NDArray[np.float64] | None = None  # (N, 2) x, y


@dataclass(frozen=True)
class Lying:
    """The region of one image: its own, or the template's laid over it by `matrix` (template -> image)."""

    image_id: int
    view_id: int
    size: tuple[int, int]
    marks: tuple[Mark, ...] = ()
    frames: tuple[Frame, ...] = ()
    matrix: Matrix = _STILL
    is_own: bool = False
    roi: Roi | None = None
    confidence: float | None = None


def facts_of(zone: Zone, size: tuple[int, int]) -> ZoneFacts:
    """Area and corners of a zone on an image of `size`; takes some milliseconds where it is painted.

    A box is changed by its frame. What is painted has corners where a simple polygon says the same to within a pixel.
    """
    found = None
    if zone.mask is not None:
        found = corners(zone.mask)
    elif "polygon" in zone.shape:
        found = np.asarray(zone.shape["polygon"], np.float64)
    return ZoneFacts(covered(zone, *size), found)


def lying(project: Project, image_id: int, size: tuple[int, int]) -> Lying:
    """The region of an image of `size` (width, height) as it is to be drawn on."""
    row = project.image(image_id)
    roi = project.roi(row.view_id)
    if roi is None:
        return Lying(image_id, row.view_id, size)
    alignment = project.alignment(roi.id, image_id)
    matrix = _stretch(template_size(project, roi), size) if alignment is None else alignment.matrix
    is_own = image_id in roi.own
    if is_own:
        marks = tuple(Mark(zone) for zone in project.own_zones(roi.id, image_id))
    else:
        pairs = zip(moved(roi.zones, matrix, size), roi.zones, strict=True)
        marks = tuple(Mark(zone, origin) for zone, origin in pairs)
    still = None if matrix == _STILL else matrix
    frames = tuple(Frame(Cell(cell.name, placed_box(cell.box, still)), cell) for cell in roi.cells)
    confidence = None if alignment is None else alignment.confidence
    return Lying(image_id, row.view_id, size, marks, frames, matrix, is_own, roi, confidence)


def keep(project: Project, found: Lying, marks: Sequence[Mark], frames: Sequence[Frame], *, label: str) -> Roi:
    """What was drawn becomes the next version: the image's own zones where it has some, else the template's.

    The first thing that is drawn makes its image the template. Two of one name get different ones. Undoable.
    """
    if found.is_own:
        own = [(found.image_id, distinct([mark.zone for mark in marks]))]
        cells = [_cell_back(frame, found) for frame in frames]
        roi = project.roi(found.view_id)
        same = roi is not None and cells == list(roi.cells)
        return project.change_roi(found.view_id, own=own, cells=None if same else cells, label=label)
    roi = project.roi(found.view_id)  # what was drawn a moment ago is in it
    if roi is None or roi.template_image_id is None or not (roi.zones or roi.cells):
        return project.change_roi(
            found.view_id,
            zones=distinct([mark.zone for mark in marks]),
            cells=[frame.cell for frame in frames],
            template_image_id=found.image_id,
            label=label,
        )
    size = template_size(project, roi) or found.size
    zones = distinct([_zone_back(mark, found.matrix, size) for mark in marks])
    same = len(zones) == len(roi.zones) and all(map(_alike, zones, roi.zones))
    cells = [_cell_back(frame, found) for frame in frames]
    return project.change_roi(
        found.view_id, zones=None if same else zones, cells=None if cells == list(roi.cells) else cells, label=label
    )


def give_own(project: Project, found: Lying) -> Roi:
    """The region as it lies becomes the image's own. Undoable."""
    return set_own(project, found.view_id, found.image_id, [mark.zone for mark in found.marks])


def retemplate(project: Project, found: Lying) -> Roi:
    """The template is the image that is looked at from now on; its region, as it lies here, that of all images.

    How it lies on the others is looked for anew. Undoable. Raises `InputError` where there is no region, or the image
    has one of its own.
    """
    if found.roi is None or found.is_own:
        raise InputError("this image does not follow a template", kept="Nothing was changed")
    name = Path(project.image(found.image_id).relative).name
    return project.change_roi(
        found.view_id,
        zones=distinct([mark.zone for mark in found.marks]),
        cells=[frame.cell for frame in found.frames],
        template_image_id=found.image_id,
        label=f"template of the region: {name}",
    )


def _alike(one: Zone, other: Zone) -> bool:
    if (one.name, one.sign, dict(one.shape)) != (other.name, other.sign, dict(other.shape)):
        return False
    if one.mask is None or other.mask is None:
        return one.mask is other.mask
    return np.array_equal(one.mask, other.mask)


def _zone_back(mark: Mark, matrix: Matrix, size: tuple[int, int]) -> Zone:
    if mark.origin is not None:
        return mark.origin
    (zone,) = moved([mark.zone], _inverse(matrix), size)
    return zone


def _cell_back(frame: Frame, found: Lying) -> Cell:
    if frame.origin is not None and frame.origin.name == frame.cell.name:
        return frame.origin
    if frame.origin is not None and placed_box(frame.origin.box, found.matrix) == frame.cell.box:
        return Cell(frame.cell.name, frame.origin.box)
    box: Box = frame.cell.box if found.matrix == _STILL else placed_box(frame.cell.box, _inverse(found.matrix))
    return Cell(frame.cell.name, box)


def _inverse(matrix: Matrix) -> Matrix:
    if matrix == _STILL:
        return matrix
    whole = np.vstack([np.array(matrix, np.float64).reshape(2, 3), [0, 0, 1]])
    a, b, c, d, e, f = (float(value) for value in np.linalg.inv(whole)[:2].ravel())
    return a, b, c, d, e, f


def _stretch(template: tuple[int, int] | None, size: tuple[int, int]) -> Matrix:
    if template is None or template == size:
        return _STILL
    across, down = size[0] / template[0], size[1] / template[1]
    return across, 0.0, (across - 1) / 2, 0.0, down, (down - 1) / 2
