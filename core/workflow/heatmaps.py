"""Why a unit was rejected, in image pixels: its map, the contour at any threshold, and reconstructions in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import TrainingConfig
from core.errors import ImageError
from core.evaluation.pictures import contour_region
from core.preprocess import Geometry, Preprocessor
from core.project import Project
from core.project.results import RunRow, ScoreRow, Scoring
from core.reconstructions import CropPasses, Reconstruction
from core.workflow.evaluating import MAP_SCALE, Subject

HEAT_SIDE: Final = 1024  # a map has a few hundred pixels: more would show nothing more
_FINE: Final = 512  # contours are drawn on a map of at least this side, so that they are smooth
_STRAIGHT: Final = 0.4  # pixels of the fine map by which a contour may be simplified

Polygon = NDArray[np.float32]


@dataclass(frozen=True)
class Crop:
    """One crop or cell of an image, with what was stored of it. `map` (S, S) float32 in [0, 1], None: not kept."""

    name: str
    geometry: Geometry
    score: float | None
    peak: float | None
    first: float | None
    gated: bool
    passes: int
    map: NDArray[np.float32] | None


@dataclass(frozen=True)
class Maps:
    """All maps of one image. `missing` says why there are none to show."""

    image_id: int
    width: int
    height: int
    crops: tuple[Crop, ...]
    tiled: bool
    preprocessor: Preprocessor = field(repr=False)
    missing: str = ""

    def filled(self, found: Reconstruction) -> Maps:
        """The same, maps that were not kept taken from the passes that the scores rest on.

        Of an image that was not scored all crops are taken from there.
        """
        made = {crop.geometry.box: crop.passes[min(crop.judged, len(crop.passes)) - 1].map for crop in found.crops}
        known = self.crops or tuple(_unscored(at, crop) for at, crop in enumerate(found.crops))
        crops = tuple(
            replace(crop, map=_unit(made[crop.geometry.box]))
            if crop.map is None and crop.geometry.box in made
            else crop
            for crop in known
        )
        gone = any(crop.map is None for crop in crops)
        return replace(self, crops=crops, missing=self.missing if gone else "")

    def heat(self, side: int = HEAT_SIDE) -> NDArray[np.uint8] | None:
        """The map of the whole image, 255 = 1.0, at most `side` pixels long; stretched over the image it lies right."""
        values = self.values(side)
        return None if values is None else np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)

    def values(self, side: int = HEAT_SIDE) -> NDArray[np.float32] | None:
        """The same as float32; 0 where no crop lies."""
        maps = [crop.map for crop in self.crops]
        if not maps or any(one is None for one in maps):
            return None
        share = min(1.0, side / max(self.width, self.height))
        width, height = max(1, round(self.width * share)), max(1, round(self.height * share))
        geometries = [crop.geometry.on(width / self.width, height / self.height) for crop in self.crops]
        return self.preprocessor.restore([one for one in maps if one is not None], geometries, width, height)

    def contours(self, threshold: float) -> list[Polygon]:
        """Closed polygons (K, 2) in image pixels around what the score at this threshold rests on."""
        if self.tiled and len(self.crops) > 1:
            return self._whole_contours(threshold)
        found: list[Polygon] = []
        for crop in self.crops:
            if crop.map is None or crop.score is None:
                continue
            found += _contours(crop.map, crop.geometry, threshold, crop.score >= threshold)
        return [_inside(polygon, self.width, self.height) for polygon in found]

    def _whole_contours(self, threshold: float) -> list[Polygon]:
        """Tiles overlap: their maps are one map, and one contour."""
        values = self.values()
        if values is None:
            return []
        rejected = any(crop.score is not None and crop.score >= threshold for crop in self.crops)
        region = contour_region(values, threshold, rejected=rejected)
        height, width = values.shape
        share = np.array([self.width / width, self.height / height], np.float32)
        return [(polygon + 0.5) * share for polygon in _outlines(region)]


def image_maps(project: Project, run: RunRow, scoring: Scoring, image_id: int) -> Maps:
    """What a scoring stored of one image; maps that are gone or damaged are missing, never an error."""
    subject = Subject(project, run, scoring, TrainingConfig.model_validate(dict(run.config)))
    image = project.image(image_id)
    rows = list(project.scores(scoring.id, scope=None, image_ids=[image_id]))
    crops, missing = [], next((row.problem for row in rows if row.problem), "")
    for row in rows:
        if row.scope in ("crop", "cell") and row.box is not None:
            crop, problem = _crop(subject, row)
            crops.append(crop)
            missing = missing or problem
    boxes = [crop.geometry.box for crop in crops]
    width = image.width or max((box[2] for box in boxes), default=1)
    height = image.height or max((box[3] for box in boxes), default=1)
    tiled = subject.config.preprocess.crop == "tiles"
    return Maps(image_id, width, height, tuple(crops), tiled, subject.preprocessor, missing)


def place(
    pictures: Sequence[NDArray[np.uint8]],
    geometries: Sequence[Geometry],
    size: tuple[int, int],
    *,
    ground: NDArray[np.uint8] | None = None,
    side: int = HEAT_SIDE,
) -> NDArray[np.uint8]:
    """Pictures (S, S, 3) of crops where they lie on an image of `size` (width, height), at most `side` pixels long.

    Where no crop lies `ground` ((H, W, 3), any size) is shown at a third of its brightness, else near black.
    """
    share = min(1.0, side / max(size))
    width, height = max(1, round(size[0] * share)), max(1, round(size[1] * share))
    canvas = np.full((height, width, 3), 24, np.uint8)
    if ground is not None:
        canvas = np.asarray(cv2.resize(ground, (width, height), interpolation=cv2.INTER_AREA) // 3, np.uint8)
    for picture, geometry in zip(pictures, geometries, strict=True):
        _paste(canvas, picture, geometry.on(width / size[0], height / size[1]))
    return canvas


def difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean absolute difference over the channels of two pictures (S, S, 3), in [0, 1]."""
    apart = cv2.absdiff(first, second).astype(np.float32)
    return np.asarray(apart.mean(axis=2) / 255.0, np.float32)


def _crop(subject: Subject, row: ScoreRow) -> tuple[Crop, str]:
    try:
        stored = subject.map(row)
        problem = "" if stored is not None else "The map of this image was not kept."
    except ImageError as error:
        stored, problem = None, str(error)
    values = None if stored is None else _unit(stored)
    geometry = subject.geometry(row)
    crop = Crop(row.name, geometry, row.score, row.peak, row.first, row.gated, row.passes, values)
    return crop, problem


def _unscored(at: int, crop: CropPasses) -> Crop:
    return Crop(str(at), crop.geometry, None, None, None, False, crop.judged, None)


def _unit(stored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """A map as it is kept -> float32 in [0, 1]."""
    return np.asarray(stored.astype(np.float32) / np.float32(MAP_SCALE), np.float32)


def _contours(values: NDArray[np.float32], geometry: Geometry, threshold: float, rejected: bool) -> list[Polygon]:
    side = values.shape[0]
    fine = max(1, -(-_FINE // side))
    if fine > 1:
        values = np.asarray(cv2.resize(values, None, fx=fine, fy=fine, interpolation=cv2.INTER_LINEAR), np.float32)
    region = contour_region(values, threshold, rejected=rejected)
    x0, y0, x1, y1 = geometry.content
    outside = np.ones_like(region)
    scale = fine * side / geometry.side
    outside[round(y0 * scale) : round(y1 * scale), round(x0 * scale) : round(x1 * scale)] = False
    region &= ~outside  # what fills a letterbox is no part
    (sx, sy) = geometry.scale
    found = []
    for polygon in _outlines(region):
        model = (polygon + 0.5) / scale
        x = (model[:, 0] - x0) / sx + geometry.box[0]
        y = (model[:, 1] - y0) / sy + geometry.box[1]
        found.append(np.stack([x, y], axis=1).astype(np.float32))
    return found


def _outlines(region: NDArray[np.bool_]) -> list[Polygon]:
    outlines, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    smooth = [cv2.approxPolyDP(outline, _STRAIGHT, True) for outline in outlines]
    return [polygon[:, 0, :].astype(np.float32) for polygon in smooth if len(polygon) > 2]


def _inside(polygon: Polygon, width: int, height: int) -> Polygon:
    return np.clip(polygon, 0, np.array([width, height], np.float32)).astype(np.float32)


def _paste(canvas: NDArray[np.uint8], picture: NDArray[np.uint8], geometry: Geometry) -> None:
    height, width = canvas.shape[:2]
    share = picture.shape[0] / geometry.side
    x0, y0, x1, y1 = (round(edge * share) for edge in geometry.content)
    cut: NDArray[Any] = np.ascontiguousarray(picture[y0:y1, x0:x1])
    shrinks = geometry.width < cut.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(cut, (geometry.width, geometry.height), interpolation=way), np.uint8)
    left, top, right, bottom = geometry.box
    to = (slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width)))
    start = (max(top, 0) - top, max(left, 0) - left)
    rows, columns = to[0].stop - to[0].start, to[1].stop - to[1].start
    if rows > 0 and columns > 0:
        canvas[to] = scaled[start[0] : start[0] + rows, start[1] : start[1] + columns]
