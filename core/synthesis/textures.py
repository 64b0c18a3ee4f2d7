"""Where the surface of an artificial defect comes from: drawn, from the training images, or from a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, ImageError, InputError
from core.imaging import SUFFIXES, load_rgb8
from core.synthesis.perlin import perlin
from core.synthesis.procedural import procedural

Pixels = NDArray[np.uint8]

_KEPT_BYTES: Final = 256 * 2**20  # of a folder's textures, resized, in memory


class Images(Protocol):
    """Training images at model size, (S, S, 3) uint8 each; a list will do, and so will a cache that loads."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Pixels: ...


class TextureSource:
    """Draws textures of one size from a mixture of sources, each as likely as the others.

    `names` are `procedural`, `self` (needs `own`, the training images), `rgb` and `coloured` (as GRD-Net's noise)
    and `folder:PATH`. What is drawn depends on the
    generator alone, not on what was drawn before; a file that cannot be read is told to `unreadable` once, and its
    neighbour drawn in its place. Raises `ConfigError` without `own`, `InputError` for a folder
    without images.
    """

    def __init__(
        self,
        names: Iterable[str],
        size: int,
        *,
        own: Images | None = None,
        unreadable: Callable[[ImageError], None] = lambda _: None,
    ) -> None:
        self.names = tuple(names)
        self.size = size
        self.own = own
        self._folders = {
            name: _Folder(Path(name[7:]), size, unreadable) for name in self.names if name.startswith("folder:")
        }
        if "self" in self.names and not own:
            raise ConfigError("textures from the training images are asked for, but there are no training images")

    def draw(self, rng: np.random.Generator) -> Pixels:
        """A texture (S, S, 3) uint8 RGB."""
        name = self.names[int(rng.integers(len(self.names)))]
        if name == "procedural":
            return procedural(rng, self.size)
        if name == "rgb":
            return random_colours(rng, self.size)
        if name == "coloured":
            return coloured_noise(rng, self.size)
        if name == "self" and self.own is not None:
            return recoloured(self.own[int(rng.integers(len(self.own)))], rng)
        return self._folders[name].draw(rng)


def random_colours(rng: np.random.Generator, size: int) -> Pixels:
    """A colour of its own for every pixel, or one for all (GRD-Net's random RGB pixels)."""
    shape = (size, size, 3) if rng.random() < 0.5 else (1, 1, 3)
    return np.ascontiguousarray(np.broadcast_to(rng.integers(0, 256, shape, dtype=np.uint8), (size, size, 3)))


def coloured_noise(rng: np.random.Generator, size: int) -> Pixels:
    """Perlin noise between two colours, stretched over the whole range."""
    cells = 2 ** rng.integers(1, 5, size=2)
    field = perlin(rng, (size, size), (int(cells[0]), int(cells[1])))
    share = (field - field.min()) / max(float(np.ptp(field)), 1e-6)
    low, high = rng.integers(0, 256, (2, 3)).astype(np.float32)
    colours: Pixels = (low + share[..., None] * (high - low)).astype(np.uint8)
    return colours


def recoloured(image: Pixels, rng: np.random.Generator) -> Pixels:
    """A piece of a good image at another scale, turned, with other colours or its quarters exchanged."""
    size = image.shape[0]
    side = int(rng.integers(max(8, size // 4), size + 1))
    top, left = (int(value) for value in rng.integers(0, size - side + 1, size=2))
    piece = np.rot90(image[top : top + side, left : left + side], int(rng.integers(4)))
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    match int(rng.integers(4)):
        case 0:
            piece = 255 - piece
        case 1:
            piece = piece[..., rng.permutation(3)]
        case 2:
            piece = _shuffled(piece, rng)
        case _:
            gain, offset = rng.uniform(0.5, 1.5, 3), rng.uniform(-60, 60, 3)
            levels = np.arange(256)[:, None] * gain + offset
            piece = np.asarray(cv2.LUT(np.ascontiguousarray(piece), levels.clip(0, 255).astype(np.uint8)[None]))
    resized = cv2.resize(np.ascontiguousarray(piece), (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def _shuffled(image: Pixels, rng: np.random.Generator) -> Pixels:
    """The image cut into tiles that change places."""
    tiles = int(rng.integers(2, 5))
    side = image.shape[0] // tiles
    grid = image[: side * tiles, : side * tiles].reshape(tiles, side, tiles, side, 3).swapaxes(1, 2)
    mixed = grid.reshape(tiles * tiles, side, side, 3)[rng.permutation(tiles * tiles)]
    return mixed.reshape(tiles, tiles, side, side, 3).swapaxes(1, 2).reshape(side * tiles, side * tiles, 3)


class _Folder:
    """Images of a folder and its sub-folders, resized once and kept while memory allows."""

    def __init__(self, folder: Path, size: int, unreadable: Callable[[ImageError], None]) -> None:
        self._unreadable = unreadable
        self._bad: set[int] = set()
        self.folder = folder
        self.size = size
        self.paths = _images_below(folder)
        self._kept: dict[int, Pixels] = {}

    def draw(self, rng: np.random.Generator) -> Pixels:
        first, count = int(rng.integers(len(self.paths))), len(self.paths)
        for index in ((first + step) % count for step in range(count)):
            if index in self._bad:
                continue
            try:
                return self._texture(index)
            except ImageError as error:  # one bad file of thousands must not end a training: the next one stands in
                self._bad.add(index)
                self._unreadable(error)
        raise InputError("no texture of this folder can be read", path=self.folder, mend="Choose another folder")

    def _texture(self, index: int) -> Pixels:
        kept = self._kept.get(index)
        if kept is None:
            whole = load_rgb8(self.paths[index])
            kept = np.asarray(cv2.resize(whole, (self.size, self.size), interpolation=cv2.INTER_AREA), dtype=np.uint8)
            if (len(self._kept) + 1) * kept.nbytes <= _KEPT_BYTES:
                self._kept[index] = kept
        return kept


def _images_below(folder: Path) -> Sequence[Path]:
    if not folder.is_dir():
        raise InputError("the folder of textures does not exist", path=folder, mend="Choose another folder of textures")
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    ]
    if not found:
        raise InputError(
            "the folder of textures holds no images", path=folder, mend="Choose another folder of textures"
        )
    return sorted(found)
