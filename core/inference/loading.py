"""Images of a manifest as model input: decoded and cropped by the one preprocessing, a few ahead in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ImageError
from core.imaging import Window, load_rgb8
from core.jobfiles import ManifestRow
from core.preprocess import Geometry, Preprocessor
from core.regions import Regions

_AHEAD: Final = 8
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Loaded:
    """One image of the manifest as model input: crops (S, S, 3), where they lie, or why it could not be read.

    `regions` are the crops of its region of interest, (S, S) of 0 and 1 each; none when everything is judged.
    """

    row: ManifestRow
    crops: tuple[Pixels, ...] = ()
    regions: tuple[Pixels, ...] = ()
    geometries: tuple[Geometry, ...] = ()
    width: int = 0
    height: int = 0
    problem: str | None = None


def load_row(
    row: ManifestRow, preprocessor: Preprocessor, window: Window | None, regions: Regions | None = None
) -> Loaded:
    """Decode and crop one image; what is wrong with it stands in `problem`."""
    try:
        pixels = load_rgb8(Path(row.path), window)
        height, width = pixels.shape[:2]
        geometries = tuple(preprocessor.crops(width, height, boxes=row.boxes, pixels=pixels))
        crops = tuple(preprocessor.image(pixels, geometry) for geometry in geometries)
        region = None if regions is None else regions.of(row.id, width, height, row.matrix)
    except ImageError as error:
        return Loaded(row, problem=error.what)
    inside = () if region is None else tuple(preprocessor.mask(region, geometry) for geometry in geometries)
    return Loaded(row, crops, inside, geometries, width, height)


def load_rows(
    rows: Iterable[ManifestRow],
    preprocessor: Preprocessor,
    window: Window | None,
    regions: Regions | None = None,
    *,
    threads: int,
) -> Iterator[Loaded]:
    """`load_row` for each, in order, a few ahead in `threads` threads; memory stays at those few."""
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        waiting: deque[Future[Loaded]] = deque()
        try:
            for row in rows:
                waiting.append(pool.submit(load_row, row, preprocessor, window, regions))
                if len(waiting) >= _AHEAD + threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def to_input(crops: Pixels) -> Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) float32 in [0, 1]: the one way into a model."""
    return torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).float().div_(255)


def to_region(regions: Pixels) -> Tensor:
    """(N, S, S) uint8 of 0 and 1 -> (N, 1, S, S) float32."""
    return torch.from_numpy(np.ascontiguousarray(regions[:, None])).float()
