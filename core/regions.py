"""A view's region of interest in a job folder: written by the owner, read by the worker that has no project.

`roi/template.png` is the region of the view's template, 255 where is judged; `roi/ID.png` that of an image with zones
of its own. How the template lies on an image stands in the manifest (`ManifestRow.matrix`). Without the folder
everything is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from core.annotation.roi import Region, placed
from core.imaging import decode_mask, save_png
from core.words import Matrix

FOLDER: Final = "roi"
_TEMPLATE: Final = "template.png"


@dataclass(frozen=True)
class Regions:
    """The regions of a job's images: the template, and the images that have their own."""

    template: Region | None
    own: Mapping[int, Path]

    @classmethod
    def read(cls, job: Path) -> Regions | None:
        """What the job folder holds; None when everything is judged. Raises `ImageError` for a damaged picture."""
        folder = job / FOLDER
        if not folder.is_dir():
            return None
        template = folder / _TEMPLATE
        own = {int(path.stem): path for path in folder.glob("*.png") if path.stem.isdigit()}
        return cls(_read(template) if template.exists() else None, own)

    def of(self, image: int, width: int, height: int, matrix: Matrix | None = None) -> Region:
        """(height, width) uint8 of 0 and 1 for the image of that id. Raises `ImageError`."""
        if image in self.own:
            return placed(_read(self.own[image]), None, width, height)
        if self.template is None:
            return np.ones((height, width), np.uint8)
        return placed(self.template, matrix, width, height)


def write(job: Path, template: Region | None, own: Iterable[tuple[int, Region]]) -> None:
    """Put the regions into a job folder, those of images one by one; no folder is made where there are none.

    Raises `StorageError`.
    """
    folder = job / FOLDER
    if template is not None:
        folder.mkdir(parents=True, exist_ok=True)
        save_png(folder / _TEMPLATE, template * 255)
    for image, region in own:
        folder.mkdir(parents=True, exist_ok=True)
        save_png(folder / f"{image}.png", region * 255)


def _read(path: Path) -> Region:
    return np.asarray(decode_mask(path) != 0, np.uint8)
