"""What is laid over an image under review, made off the GUI thread: contour, heat, painted defect, reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from app import theme
from app.canvas.layers import ContourLayer, HeatLayer, outlines
from app.canvas.picture import Picture
from app.pages.review.strip import Face, difference_picture
from core.project import Project
from core.reconstructions import Reconstruction
from core.workflow.heatmaps import Maps, image_maps, place
from core.workflow.review import ReviewTable

CONTOUR: Final = QColor("#f0e442")  # yellow: no label, mask or ROI has it


@dataclass(frozen=True)
class Explained:
    """What is laid over an image at one threshold; made off the GUI thread."""

    row: int
    maps: Maps
    contours: ContourLayer
    values: NDArray[np.float32] | None
    heat: HeatLayer | None
    mask: ContourLayer | None


def explain(
    project: Project,
    table: ReviewTable,
    row: int,
    threshold: float,
    colour_map: str,
    known: Explained | None,
    mask: tuple[int, ContourLayer | None] | None,
    *,
    settled: bool,
    rebuilt: Reconstruction | None = None,
) -> Explained:
    """Contour at a threshold, and what does not depend on it unless `known` has it; heat anew once it is `settled`.

    A map that was not kept is taken from what was `rebuilt` of the image.
    """
    image_id, _ = table.place(row)
    maps = known.maps if known is not None else image_maps(project, table.run, table.scoring, image_id)
    values = known.values if known is not None else maps.values()
    if values is None and rebuilt is not None:
        maps = maps.filled(rebuilt)
        values = maps.values()
    polygons = [polygon.astype(np.float64) for polygon in maps.contours(threshold)]
    heat = None if known is None else known.heat
    if values is not None and (settled or heat is None):
        extent = (0.0, 0.0, float(maps.width), float(maps.height))
        heat = HeatLayer(values, extent, threshold=threshold, colour_map=colour_map)
    layer = mask[1] if mask is not None else _painted(project, image_id)
    return Explained(row, maps, ContourLayer(polygons, CONTOUR), values, heat, layer)


def _painted(project: Project, image_id: int) -> ContourLayer | None:
    """What a person painted, as outlines: the defect itself stays to be seen."""
    mask = project.mask(image_id)
    return None if mask is None else ContourLayer(outlines(mask), theme.COLOUR["defective"], width=1.5)


def rebuilt_picture(
    found: Reconstruction, number: int, face: Face, colour_map: str, size: tuple[int, int], ground: Picture
) -> Picture:
    """A pass of every crop where it lies on the image; beside the crops the image is shown dimmed."""
    pictures = []
    for crop in found.crops:
        if number == 0:
            pictures.append(crop.given)
        elif face == "difference":
            pictures.append(difference_picture(crop.difference(number), colour_map))
        else:
            pictures.append(crop.passes[min(number, len(crop.passes)) - 1].picture)
    placed = place(pictures, [crop.geometry for crop in found.crops], size, ground=ground.pixels)
    return Picture(placed, extent=(0.0, 0.0, float(size[0]), float(size[1])))
