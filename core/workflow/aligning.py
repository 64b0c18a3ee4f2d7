"""Laying a view's template over its images: all of them, those that are new, or a few to look at; worst fits first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.annotation.alignment import LOW, SIDE, WAYS, Template, Way
from core.annotation.roi import Region, rasterise
from core.errors import ImageError, InputError
from core.imaging import Window, thumbnail
from core.project import Project
from core.project.records import Alignment, ImageRow, Roi, View, Zone
from core.workflow.progress import Progress, silent
from core.workflow.templates import spread, usable, usual_template

SAMPLE: Final = 24  # images that are looked at where no image is moved
_BATCH: Final = 32
_SETTING: Final = "align"
_THREADS: Final = 4


@dataclass
class AlignReport:
    """What was aligned: how many, the images of which the fit is doubtful, worst first, and files nobody could read."""

    aligned: int = 0
    low: list[tuple[int, float]] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    was_stopped: bool = False
    is_sample: bool = False  # no image is moved: a few were looked at
    images: int = 0  # of which a sample was taken

    def sentences(self) -> list[str]:
        """What a person should know."""
        lines = [f"The region was laid over {_many(self.aligned)}."]
        if self.is_sample:
            compared = f"{self.aligned:,} of {_many(self.images)}"
            lines = [f"It lies alike on all images (align is off); it was compared on {compared}."]
        if self.low:
            lines.append(f"On {_many(len(self.low))} it may lie wrong: confidence below {LOW:.2f}. Look at them first.")
        if self.unreadable:
            lines.append(f"{_many(len(self.unreadable))} could not be read.")
        if self.was_stopped:
            lines.append("It was stopped before all images were done; those that are done are kept.")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "aligned": self.aligned,
            "low": [{"image": image, "confidence": confidence} for image, confidence in self.low],
            "unreadable": [str(path) for path, _ in self.unreadable],
            "stopped": self.was_stopped,
        }


@dataclass(frozen=True)
class Fits:
    """How the template of a view lies on its images, as far as is known."""

    way: Way
    known: tuple[Alignment, ...]  # the least certain first
    pending: int  # images that are still to be aligned before anything rests on them

    @property
    def low(self) -> tuple[Alignment, ...]:
        """Those on which the region may lie wrong, worst first."""
        return tuple(one for one in self.known if one.confidence is not None and one.confidence < LOW)

    def worst(self, count: int = 12) -> tuple[Alignment, ...]:
        """The first ones to look at."""
        return self.known[:count]


NO_FITS: Final = Fits("off", (), 0)


def way_of(roi: Roi | None) -> Way:
    """How images of the view are aligned to its template."""
    asked = None if roi is None else roi.settings.get(_SETTING)
    return next((way for way in WAYS if way == asked), "off")


def set_way(project: Project, view_id: int, way: Way) -> Roi:
    """Align from now on in this way; undoable. Raises `InputError` where there is no region yet."""
    roi = _present(project, view_id)
    if way_of(roi) == way:
        return roi
    return project.change_roi(view_id, settings={**roi.settings, _SETTING: way}, label=f"align the region: {way}")


def fits(project: Project, view: View) -> Fits:
    """What is known of how the template lies, without looking at an image."""
    roi = project.roi(view.id)
    if roi is None:
        return NO_FITS
    known = [one for one in project.alignments(roi.id) if one.image_id not in roi.own]
    return Fits(way_of(roi), tuple(known), len(_pending(project, view, roi, known)))


def align(
    project: Project,
    view: View,
    *,
    again: bool = False,
    progress: Progress = silent,
    goes_on: Callable[[], bool] = lambda: True,
) -> AlignReport:
    """Lay the template over the images that wait for it, or `again` over all; a few of them where none is moved.

    What is done is stored batch by batch; with `goes_on` False it ends after the present one. Raises `InputError`
    (no region, no image that can be read), `ImageError` (the template cannot be read).
    """
    roi = _present(project, view.id)
    known = [] if again else project.alignments(roi.id)
    rows = _pending(project, view, roi, known)
    report = AlignReport(is_sample=way_of(roi) == "off")
    if report.is_sample:
        every = usable(project, view)
        rows, report.images = spread(every, SAMPLE), len(every)
    if not rows:
        return _with_low(report, project, roi)
    template = template_of(project, view, roi)
    window = None if view.window is None else Window(*view.window)
    progress("Laying the region over images", 0, len(rows))
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for start in range(0, len(rows), _BATCH):
            if start and not goes_on():
                report.was_stopped = True
                break
            batch = rows[start : start + _BATCH]
            found = list(pool.map(lambda row: _one(row, template, window, way_of(roi)), batch))
            fitted = [one for one in found if isinstance(one, Alignment)]
            report.unreadable += [one for one in found if not isinstance(one, Alignment)]
            project.set_alignments(roi.id, fitted)
            report.aligned += len(fitted)
            progress("Laying the region over images", start + len(batch), len(rows))
    return _with_low(report, project, roi)


def ready(project: Project, view: View, *, progress: Progress = silent) -> None:
    """Align what waits for it before a training or scoring rests on it; nothing where no image is moved.

    What `progress` raises ends it; batches that are done by then are kept.
    """
    roi = project.roi(view.id)
    if roi is not None and way_of(roi) != "off" and _pending(project, view, roi, project.alignments(roi.id)):
        align(project, view, progress=progress)


def template_of(project: Project, view: View, roi: Roi) -> Template:
    """The template of a version, made ready to be found. Raises `InputError`, `ImageError`.

    Where nobody said on which image it was drawn it lies alike on all of them: the usual one is taken.
    """
    image_id = roi.template_image_id
    row = usual_template(project, view) if image_id is None else project.image(image_id)
    window = None if view.window is None else Window(*view.window)
    picture = thumbnail(row.path, SIDE, window)
    size = (row.width or picture.shape[1], row.height or picture.shape[0])
    return Template(picture, size, _watched(roi, *size))


def _one(row: ImageRow, template: Template, window: Window | None, way: Way) -> Alignment | tuple[Path, str]:
    try:
        picture = thumbnail(row.path, SIDE, window)
    except ImageError as error:
        return row.path, error.what
    size = (row.width or picture.shape[1], row.height or picture.shape[0])
    fit = template.align(picture, size, way)
    return Alignment(row.id, fit.matrix, fit.confidence, fit.method, "model")


def _pending(project: Project, view: View, roi: Roi, known: Sequence[Alignment]) -> list[ImageRow]:
    """Images whose alignment is wanted and not known, or not known for the present zones."""
    if way_of(roi) == "off":
        return []
    fine = {one.image_id for one in known if one.confidence is not None}
    return [row for row in usable(project, view) if row.id not in fine and row.id not in roi.own]


def _watched(roi: Roi, width: int, height: int) -> Region | None:
    """Where template and image are compared: all zones, or the cells where there are no zones."""
    areas: Iterable[Zone] = roi.zones or [Zone(cell.name, "inspect", {"box": list(cell.box)}) for cell in roi.cells]
    return rasterise([Zone(zone.name, "inspect", zone.shape, zone.mask) for zone in areas], width, height)


def _with_low(report: AlignReport, project: Project, roi: Roi) -> AlignReport:
    known = [one for one in project.alignments(roi.id) if one.image_id not in roi.own]
    report.low = [
        (one.image_id, one.confidence) for one in known if one.confidence is not None and one.confidence < LOW
    ]
    return report


def _present(project: Project, view_id: int) -> Roi:
    roi = project.roi(view_id)
    if roi is None:
        raise InputError("there is no region of interest yet", path=project.folder, mend="Draw one first")
    return roi


def _many(count: int) -> str:
    return f"{count:,} image" if count == 1 else f"{count:,} images"
