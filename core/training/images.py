"""Good images in memory: decoded once, cropped by the one preprocessing, kept as uint8."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.files import storage_error
from core.inference.loading import Loaded, Pixels


@dataclass(frozen=True)
class ImageSet:
    """Crops (N, S, S, 3) uint8 of readable images, the image that each came from, seconds spent an image."""

    crops: Pixels
    ids: tuple[int, ...]
    unreadable: tuple[Loaded, ...]
    seconds: float

    def __len__(self) -> int:
        return len(self.ids)


def load_images(loaded: Iterable[Loaded], *, cache: ImageCache, progress: Callable[[int], None]) -> ImageSet:
    """Collect the crops of `loaded`; unreadable images are left out and listed. Raises `StorageError`."""
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
        progress(count)
    seconds = (time.monotonic() - began) / max(1, count)
    return ImageSet(cache.finish(), tuple(ids), tuple(unreadable), seconds)


class ImageCache:
    """Collects equal arrays in memory, and beyond `limit` bytes in a file that is mapped into memory."""

    def __init__(self, path: Path, *, limit: int) -> None:
        self._path = path
        self.drop()  # what a killed training left
        self._limit = limit
        self._held: list[Pixels] = []
        self._count = 0
        self._shape: tuple[int, ...] = ()

    def add(self, pixels: Pixels) -> None:
        """Raises `StorageError` when the file cannot grow."""
        self._shape = pixels.shape
        self._held.append(pixels)
        self._count += 1
        if len(self._held) * pixels.nbytes > self._limit:
            self._spill()

    def finish(self) -> Pixels:
        """(N, ...) uint8."""
        if not self._path.exists():
            return np.stack(self._held) if self._held else np.empty((0, 1, 1, 3), np.uint8)
        self._spill()
        return np.memmap(self._path, np.uint8, "r", shape=(self._count, *self._shape))

    def drop(self) -> None:
        """Forget the file; a mapping that is still used keeps its pages where the system allows that."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _spill(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as stream:
                for pixels in self._held:
                    stream.write(np.ascontiguousarray(pixels).tobytes())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            self.drop()
            raise storage_error(error, self._path) from error
        self._held.clear()
