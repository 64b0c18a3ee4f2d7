"""The good training image that looks most like another one: what a person holds against a reject."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.project.table import ImageTable
from core.words import LABELS, SPLITS, STATES

SIDE: Final = 32  # pixels of a print: place, light and large parts of the pattern count, a scratch does not
MOST: Final = 2_000  # images that are compared
_SEED: Final = 0
_FLAT: Final = 1e-3  # grey levels: a picture of one colour is like no other

Print = NDArray[np.float32]  # (SIDE * SIDE,), its mean 0 and its length 1


@dataclass(frozen=True)
class Sample:
    """Good training images of one view to be compared, in the order in which they are read: spread over all of them.

    `of` is how many there are.
    """

    ids: NDArray[np.int64]
    of: int

    @property
    def is_whole(self) -> bool:
        """Whether every one of them is compared."""
        return len(self.ids) == self.of


@dataclass(frozen=True)
class Nearest:
    """The good image that is most like another; `likeness` is 1.0 for the same picture. `among` were compared."""

    image_id: int
    likeness: float
    among: int


@dataclass(frozen=True)
class Prints:
    """Prints (N, SIDE * SIDE) of images; grown by `extended`, never changed."""

    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    rows: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, SIDE * SIDE), np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    def extended(self, found: Iterable[tuple[int, Print]]) -> Prints:
        """These, and more."""
        more = list(found)
        if not more:
            return self
        ids = np.array([image_id for image_id, _ in more], np.int64)
        return Prints(np.concatenate([self.ids, ids]), np.concatenate([self.rows, np.stack([one for _, one in more])]))

    def kept(self, ids: NDArray[np.int64]) -> Prints:
        """Only those of these images."""
        here = np.isin(self.ids, ids)
        return Prints(self.ids[here], self.rows[here])

    def nearest(self, looked_at: Print, *, but: int) -> Nearest | None:
        """The one with the highest normalised correlation, other than image `but`; None where there is none."""
        others = np.flatnonzero(self.ids != but)
        if not others.size:
            return None
        alike = self.rows[others] @ looked_at
        best = int(np.argmax(alike))
        return Nearest(int(self.ids[others[best]]), float(alike[best]), int(others.size))


def sample(images: ImageTable, product: str, view: str, *, most: int = MOST) -> Sample:
    """Which good training images of a view are compared: all, or `most` of them drawn evenly, the same every time."""
    rows = (images.label == LABELS.index("good")) & (images.split == SPLITS.index("train"))
    rows &= (images.state != STATES.index("gone")) & ~images.problem
    rows &= np.isin(images.product, [code for code, name in enumerate(images.products) if name == product])
    rows &= np.isin(images.view, [code for code, name in enumerate(images.views) if name == view])
    found = images.ids[rows]
    evenly = np.linspace(0, len(found), min(most, len(found)), endpoint=False).astype(np.int64)
    order = np.random.default_rng(_SEED).permutation(len(evenly))
    return Sample(found[evenly][order], len(found))


def print_of(picture: NDArray[np.uint8]) -> Print:
    """The print of a picture (h, w, 3) uint8 RGB of any size: grey, small, without its brightness and contrast."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel()
    centred = small - small.mean()
    length = float(np.linalg.norm(centred))
    if length < _FLAT * SIDE:
        return np.zeros(SIDE * SIDE, np.float32)
    return np.asarray(centred / length, np.float32)
