"""What the project knows of one image and the canvas lays over it: mask and regions. Read off the GUI thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QColor

from app import theme
from app.canvas.layers import MaskLayer
from app.canvas.regions import Region, RoiLayer, regions_of
from core.annotation.masks import Delta, Mask, apply_delta, bounding_box, empty, painted_pixels
from core.errors import ProjectError
from core.project import Project
from core.project.records import DefectClass, Layer
from core.words import Origin


@dataclass(frozen=True)
class Overlays:
    """The mask of an image with its pixels by class and whose it is, and its regions; None where there is none."""

    image_id: int
    size: tuple[int, int]  # width, height
    mask: MaskLayer  # also where nothing is painted: what is painted next goes into it
    settled: Mask  # a copy of its labels
    painted: tuple[tuple[int, int], ...] = ()  # class id, pixels
    origin: Origin | None = None
    author: str = ""
    roi: RoiLayer | None = None
    regions: tuple[str, ...] = ()


def read_overlays(project: Project, image_id: int, size: tuple[int, int], *, unsaved: Sequence[Delta] = ()) -> Overlays:
    """Everything to be laid over an image of `size` (width, height), with strokes that the project does not hold yet.

    Raises errors of `core.errors`: `ProjectError` when the mask is of another size than the image.
    """
    row = project.image(image_id)
    labels = project.mask(image_id)
    layer = None if labels is None else _shown(project.layers(image_id))
    if labels is None:
        labels = empty(*size)
    elif labels.shape != (size[1], size[0]):
        raise ProjectError(
            f"the mask of this image measures {labels.shape[1]} x {labels.shape[0]} pixels, the image {size[0]} x "
            f"{size[1]}",
            path=Path(row.path),
            kept="The mask stays in the project; nothing can be painted here",
            mend="Put the image back that the mask was painted on, then press F5 on the Dataset page",
        )
    for delta in unsaved:
        apply_delta(labels, delta)
    settled = empty(*size)
    painted: tuple[tuple[int, int], ...] = ()
    box = bounding_box(labels)
    if box is not None:
        x0, y0, x1, y1 = box
        settled[y0:y1, x0:x1] = labels[y0:y1, x0:x1]
        painted = tuple(sorted(painted_pixels(settled[y0:y1, x0:x1]).items(), key=lambda pair: -pair[1]))
    roi = project.roi(row.view_id)
    regions: tuple[Region, ...] = ()
    if roi is not None:
        alignment = project.alignment(roi.id, image_id)
        own = project.own_zones(roi.id, image_id) if image_id in roi.own else ()
        regions = regions_of(roi, None if alignment is None else alignment.matrix, own)
    return Overlays(
        image_id,
        size,
        MaskLayer(labels, class_colours(project.classes(retired=True))),
        settled,
        painted,
        None if layer is None else layer.origin,
        "" if layer is None else layer.author,
        RoiLayer(regions, size, theme.COLOUR["roi"]) if regions else None,
        tuple(region.name for region in regions),
    )


def class_colours(classes: Iterable[DefectClass]) -> dict[int, QColor]:
    """Class id -> its colour."""
    return {one.id: QColor(one.colour) for one in classes}


def _shown(layers: Iterable[Layer]) -> Layer | None:
    """The layer whose mask counts, as `Project.mask` chooses: a person's before an imported one."""
    truth = [one for one in layers if one.kind == "defect" and one.origin in ("person", "import")]
    return max(truth, key=lambda one: (one.origin == "person", one.changed, one.id), default=None)
