"""From an image file to a thumbnail: cropped to the view's region, through the cache, in any thread."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from app.gallery.cache import ThumbnailCache, key_of
from core.annotation.roi import box_around
from core.errors import ImageError
from core.imaging import Window, probe, thumbnail
from core.imaging.small import pack_small, shrunk, unpack_small
from core.words import Box

if TYPE_CHECKING:
    from core.project import Project
    from core.project.records import Roi

LEVELS: Final = (192, 384, 640)  # px of the longer side, as kept on the disk
_MARGIN: Final = 0.04  # of the region's longer side, so that its edge is seen


@dataclass(frozen=True)
class Job:
    """One wanted picture: `side` is the pixels of its longer side."""

    image_id: int
    side: int
    path: Path
    product: str
    view: str


@dataclass(frozen=True)
class Shown:
    """What a view says about its pictures."""

    window: Window | None = None
    box: Box | None = None


class PictureMaker:
    """Makes thumbnails of one project's images. Any thread may call."""

    def __init__(self, project: Project, cache_file: Path | None) -> None:
        self._project = project
        self._file = cache_file
        self._cache: ThumbnailCache | None = None
        self._closed = False
        self._views: dict[tuple[str, str], Shown] | None = None
        self._gate = threading.Lock()

    def make(self, job: Job) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB. Raises `ImageError`."""
        shown = self._shown(job.product, job.view)
        level = next((level for level in LEVELS if level >= job.side), LEVELS[-1])
        try:
            key = key_of(job.path, job.path.stat(), level, shown.window, shown.box)
        except FileNotFoundError as error:
            raise ImageError("the file is not there", path=job.path) from error
        except OSError as error:
            raise ImageError(f"the file cannot be read ({error.strerror or error})", path=job.path) from error
        cache = self._opened_cache()
        packed = cache.get(key)
        picture = None if packed is None else unpack_small(packed)
        if picture is None:
            picture = cropped_thumbnail(job.path, level, shown.window, shown.box)
            cache.put(key, pack_small(picture))
        return shrunk(picture, job.side)

    def forget_views(self) -> None:
        """Read windows and regions again."""
        with self._gate:
            self._views = None

    def empty_cache(self) -> None:
        """Forget what is on the disk."""
        self._opened_cache().empty()

    def close(self) -> None:
        """Let go of the cache's file."""
        with self._gate:
            self._closed = True
            cache, self._cache = self._cache, ThumbnailCache(None)
        if cache is not None:
            cache.close()

    def _opened_cache(self) -> ThumbnailCache:
        with self._gate:
            if self._cache is None:
                file = None if self._closed else self._file
                self._cache = ThumbnailCache(file, read_only=self._project.read_only)
            return self._cache

    def _shown(self, product: str, view: str) -> Shown:
        with self._gate:
            if self._views is None:
                self._views = _views_of(self._project)
            return self._views.get((product, view), Shown())


def cropped_thumbnail(path: Path, side: int, window: Window | None, box: Box | None) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB of what lies in `box`, its longer side at most `side`. Raises `ImageError`."""
    if box is None:
        return thumbnail(path, side, window)
    facts = probe(path)
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(facts.width, box[2]), min(facts.height, box[3])
    if x1 <= x0 or y1 <= y0:
        return thumbnail(path, side, window)  # the region of another size of image: show all of it
    enough = math.ceil(side * max(facts.width, facts.height) / max(x1 - x0, y1 - y0))
    whole = thumbnail(path, enough, window)
    scale = whole.shape[1] / facts.width
    columns = slice(int(x0 * scale), max(int(x0 * scale) + 1, round(x1 * scale)))
    rows = slice(int(y0 * scale), max(int(y0 * scale) + 1, round(y1 * scale)))
    return shrunk(np.ascontiguousarray(whole[rows, columns]), side)


def region_of(roi: Roi | None) -> Box | None:
    """The box around all that is inspected of a view, with a margin; None when everything is."""
    if roi is None:
        return None
    boxes = [found for zone in roi.zones if zone.sign == "inspect" and (found := box_around(zone))]
    boxes += [cell.box for cell in roi.cells]
    if not boxes:
        return None
    x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    margin = round(_MARGIN * max(x1 - x0, y1 - y0))
    return max(0, x0 - margin), max(0, y0 - margin), x1 + margin, y1 + margin


def _views_of(project: Project) -> dict[tuple[str, str], Shown]:
    found = {}
    for view in project.views():
        window = None if view.window is None else Window(*view.window)
        found[view.product, view.code] = Shown(window, region_of(project.roi(view.id)))
    return found
