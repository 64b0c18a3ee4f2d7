"""Good images in memory: decoded once, cropped by the one preprocessing, kept as uint8."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import TrainingError
from core.files import storage_error
from core.inference.loading import Loaded, Pixels


@dataclass(frozen=True)
class ImageSet:
    """Crops (N, S, S, 3) uint8 of readable images, the image that each came from, seconds spent an image.

    `regions` (N, S, S) of 0 and 1: where is judged; None: everywhere.
    """

    crops: Pixels
    ids: tuple[int, ...]
    unreadable: tuple[Loaded, ...]
    seconds: float
    regions: Pixels | None = None

    def __len__(self) -> int:
        return len(self.ids)


def load_images(
    loaded: Iterable[Loaded], *, cache: ImageCache, regions: ImageCache | None = None, progress: Callable[[int], None]
) -> ImageSet:
    """Collect the crops of `loaded`, and their regions where asked for; unreadable images are left out and listed.

    Raises `StorageError`.
    """
    ids: list[int] = []
    unreadable: list[Loaded] = []
    began = time.monotonic()
    count = 0
    for count, image in enumerate(loaded, 1):
        if image.problem is not None:
            unreadable.append(image)
        for crop in image.crops:
            cache.add(crop)
            ids.append(image.row.id)
        if regions is not None:
            for region in image.regions:
                regions.add(region)
        progress(count)
    seconds = (time.monotonic() - began) / max(1, count)
    inside = None if regions is None else regions.finish()
    return ImageSet(cache.finish(), tuple(ids), tuple(unreadable), seconds, inside)


class ImageCache:
    """Collects equal arrays in memory, and beyond `limit` bytes in a file that is mapped into memory."""

    def __init__(self, path: Path, *, limit: int) -> None:
        self.path = path
        self.limit = limit
        self.drop()  # what a killed training left
        self._held: list[Pixels] = []
        self._count = 0
        self._shape: tuple[int, ...] = ()

    def add(self, pixels: Pixels) -> None:
        """Raises `StorageError` when the file cannot grow."""
        self._shape = pixels.shape
        self._held.append(pixels)
        self._count += 1
        if len(self._held) * pixels.nbytes > self.limit:
            self._spill()

    def finish(self) -> Pixels:
        """(N, ...) uint8."""
        if not self.path.exists():
            return np.stack(self._held) if self._held else np.empty((0, 1, 1, 3), np.uint8)
        self._spill()
        return np.memmap(self.path, np.uint8, "r", shape=(self._count, *self._shape))

    def drop(self) -> None:
        """Forget the file; a mapping that is still used keeps its pages where the system allows that."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _spill(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                for pixels in self._held:
                    stream.write(np.ascontiguousarray(pixels).tobytes())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            self.drop()
            raise storage_error(error, self.path) from error
        self._held.clear()


def no_good_images(asked: int) -> TrainingError:
    """What is said when there is nothing to learn from, of `asked` images that were named."""
    what = f"none of the {asked} good training images can be read" if asked else "there are no good training images"
    return TrainingError(
        what, kept="Nothing was trained", mend="Add good images to the training split", reason="no_good_images"
    )
