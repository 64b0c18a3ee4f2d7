"""Which image of a view a region is drawn on: a good one that looks as most of them do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ImageError, InputError
from core.imaging import Window, thumbnail
from core.project import Project
from core.project.records import ImageRow, View

_LOOKED_AT: Final = 12
_SIDE: Final = 96  # pixels: enough to see where a part lies and how bright it is
_THREADS: Final = 4


def usual_template(project: Project, view: View) -> ImageRow:
    """The image on which a region is drawn when nobody says which; reads up to twelve small pictures.

    Good images for training come first, then good ones, then any; of the most frequent size. Of some that are spread
    over them it is the one nearest to their median picture: a part that lies askew or is lit badly is not. Raises
    `InputError` when the view has no image that can be read.
    """
    rows = usable(project, view)
    if not rows:
        raise InputError(f"{view.product} has no image that can be read", path=project.folder)
    best = min(map(_rank, rows))
    rows = [row for row in rows if _rank(row) == best]
    (size, _), *_ = Counter((row.width, row.height) for row in rows).most_common(1)
    return _most_typical(spread([row for row in rows if (row.width, row.height) == size], _LOOKED_AT), view)


def usable(project: Project, view: View) -> list[ImageRow]:
    """Images of a view that are there and can be read."""
    rows = project.images(product=view.product, view=view.code, present_only=True)
    return [row for row in rows if not row.problem]


def spread(rows: Sequence[ImageRow], count: int) -> list[ImageRow]:
    """At most `count` of them, evenly from the first to the last."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))
    return [rows[index] for index in chosen]


def _rank(row: ImageRow) -> tuple[bool, bool, bool]:
    return (row.label != "good", row.label == "defective", row.split != "train")


def _most_typical(rows: Sequence[ImageRow], view: View) -> ImageRow:
    if len(rows) < 3:
        return rows[0]
    window = None if view.window is None else Window(*view.window)
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        seen = list(pool.map(lambda row: _seen(row, window), rows))
    readable = [(row, picture) for row, picture in zip(rows, seen, strict=True) if picture is not None]
    if not readable:
        return rows[0]
    pictures = np.stack([picture for _, picture in readable])
    far = np.abs(pictures - np.median(pictures, axis=0)).mean(axis=(1, 2))
    return readable[int(far.argmin())][0]


def _seen(row: ImageRow, window: Window | None) -> NDArray[np.float32] | None:
    try:
        picture = thumbnail(row.path, _SIDE, window)
    except ImageError:
        return None
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
