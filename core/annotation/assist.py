"""Pixels that the program proposes: fill, magic wand, threshold, heatmap, holes, grow, shrink. A person decides.

Images are (H, W, 3) uint8 RGB, masks (H, W) uint8 of class ids; results are (h, w) bool and their box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.annotation.components import component_at, connected
from core.annotation.masks import Mask, bounding_box
from core.annotation.shapes import Patch, cropped
from core.annotation.strokes import Bits
from core.words import Box

Rgb = NDArray[np.uint8]
Grey = NDArray[np.uint8]
Map = NDArray[np.float32]
Indices = NDArray[np.intp]
Polarity = Literal["dark", "bright"]

FILL_REACH: Final = 1536  # pixels on every side of the click
WAND_REACH: Final = 512  # pixels on every side of the click; what is larger than that is no defect
PINHOLE: Final = 8  # pixels: a hole of that size in what the wand takes is noise


# -- on the mask


def fill(labels: Mask, x: int, y: int, painted: Box | None = None) -> Patch | None:
    """What a click at pixel (x, y) fills: the component of a class, or an empty area that is enclosed.

    An empty area is joined by edges, so that a diagonal line one pixel wide holds it. It is enclosed by what is painted
    and by the edges of the image, as long as it reaches but one of them or two that meet; None where it is open, or
    goes further than `FILL_REACH` from the click.
    `painted` is a box outside of which nothing is painted, where that is known: it saves looking for it.
    """
    height, width = labels.shape
    if not (0 <= x < width and 0 <= y < height):
        return None
    if labels[y, x]:
        return component_at(labels, x, y)
    painted = bounding_box(labels) if painted is None else painted
    if painted is None or not (painted[0] <= x < painted[2] and painted[1] <= y < painted[3]):
        return None
    # what leaves the box around everything painted goes on to opposite edges of the image: one pixel more says so
    limit = (
        max(0, painted[0] - 1, x - FILL_REACH),
        max(0, painted[1] - 1, y - FILL_REACH),
        min(width, painted[2] + 1, x + FILL_REACH + 1),
        min(height, painted[3] + 1, y + FILL_REACH + 1),
    )
    bits, box = connected(
        lambda window: labels[window[1] : window[3], window[0] : window[2]] == 0, (x, y), limit, diagonal=False
    )
    edges = (0, 0, width, height)
    left, top, right, bottom = (mine == edge for mine, edge in zip(box, edges, strict=True))
    leaves = any(mine == last != edge for mine, last, edge in zip(box, limit, edges, strict=True))
    return None if leaves or (left and right) or (top and bottom) else (bits, box)


def holes(patch: Patch) -> Patch | None:
    """What the pixels of `patch` surround without containing it: joined by edges, cut off from outside the box."""
    bits, (x0, y0, x1, y1) = patch
    around = np.pad(~bits, 1, constant_values=True)
    outside, _ = connected(
        lambda box: around[box[1] : box[3], box[0] : box[2]], (0, 0), (0, 0, *around.shape[::-1]), diagonal=False
    )
    return cropped((around & ~outside)[1:-1, 1:-1], (x0, y0, x1, y1))


def grown(patch: Patch, by: int, width: int, height: int) -> Patch:
    """All pixels of an image of `width` x `height` whose centre lies within `by` pixels of a centre of `patch`."""
    _, (x0, y0, x1, y1) = patch
    box = (max(0, x0 - by), max(0, y0 - by), min(width, x1 + by), min(height, y1 + by))
    bits = np.zeros((box[3] - box[1], box[2] - box[0]), np.bool_)
    bits[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] = patch[0]
    return _near(bits, by), box


def shrunk(patch: Patch, by: int, width: int, height: int) -> Patch | None:
    """Pixels of `patch` with no other pixel of the image within `by`; None when none are left.

    The edge of the image takes nothing away: a defect that is cut off there goes on beyond it.
    """
    bits, (x0, y0, x1, y1) = patch
    beside = ((int(y0 > 0), int(y1 < height)), (int(x0 > 0), int(x1 < width)))
    around = np.pad(bits, beside)
    kept = around & ~_near(~around, by)
    (top, _), (left, _) = beside
    return cropped(kept[top : top + bits.shape[0], left : left + bits.shape[1]], (x0, y0, x1, y1))


def _near(bits: Bits, by: int) -> Bits:
    """Pixels within `by` of one that is set."""
    if not bits.any():
        return np.zeros(bits.shape, np.bool_)
    away = cv2.distanceTransform((~bits).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # squares of distances are whole numbers: by² is nearer to what is measured than by² + 1 for any rounding of it
    return np.asarray(away <= np.sqrt(by * by + 0.5))


# -- on the image


class Wand:
    """The magic wand at one pixel: `at` gives the area of its colour for any tolerance, quickly one after another.

    The distance of two colours is the largest difference of a channel, in grey levels. The image is taken as it is: any
    smoothing would lose a scratch one pixel wide. Holes of up to `PINHOLE` pixels are taken along instead.
    """

    def __init__(self, image: Rgb, x: int, y: int) -> None:
        """Raises `IndexError` when the pixel lies beside the image."""
        height, width = image.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            raise IndexError(f"({x}, {y}) lies beside an image of {width} x {height}")
        self._image = image
        self._seed = (x, y)
        low, high = (max(0, x - WAND_REACH), max(0, y - WAND_REACH)), (x + WAND_REACH + 1, y + WAND_REACH + 1)
        self._limit = (*low, min(width, high[0]), min(height, high[1]))
        self._known: dict[Box, Grey] = {}

    def at(self, tolerance: int) -> Patch:
        """Pixels joined to the clicked one, at most `WAND_REACH` from it, no further than `tolerance` in colour."""
        bits, box = connected(lambda window: self._distance(window) <= tolerance, self._seed, self._limit)
        around = np.pad(~bits, 1, constant_values=True)
        _, numbers, facts, _ = cv2.connectedComponentsWithStats(around.view(np.uint8), connectivity=4)
        is_pinhole = facts[:, cv2.CC_STAT_AREA] <= PINHOLE
        is_pinhole[[0, numbers[0, 0]]] = False  # what was taken, and all around it
        return bits | is_pinhole[numbers[1:-1, 1:-1]], box

    def _distance(self, box: Box) -> Grey:
        if box not in self._known:
            x0, y0, x1, y1 = box
            red, green, blue = (
                cv2.absdiff(channel, np.full_like(channel, one))
                for channel, one in zip(
                    cv2.split(self._image[y0:y1, x0:x1]), self._image[self._seed[1], self._seed[0]], strict=True
                )
            )
            self._known[box] = cv2.max(cv2.max(red, green), blue)
        return self._known[box]


@dataclass(frozen=True)
class Levels:
    """The grey levels of a box of an image, to be cut at one of them."""

    box: Box
    grey: Grey  # (h, w)

    @classmethod
    def of(cls, image: Rgb, box: Box) -> Levels:
        """Of a box that lies on the image and is not empty."""
        x0, y0, x1, y1 = box
        return cls(box, np.asarray(cv2.cvtColor(np.ascontiguousarray(image[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)))

    def proposal(self) -> tuple[int, Polarity]:
        """Otsu's level, and the side that is rarer along the border of the box: a person draws it around a defect.

        N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9, 1979.
        """
        level, _ = cv2.threshold(self.grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        border = np.ones(self.grey.shape, np.bool_)
        border[1:-1, 1:-1] = False
        dark_share = float(np.mean(self.grey[border] <= level))
        return int(level), "dark" if dark_share <= 0.5 else "bright"

    def beyond(self, level: int, polarity: Polarity) -> Patch | None:
        """Pixels up to `level` ("dark") or above it ("bright"); None when there are none."""
        return cropped(self.grey <= level if polarity == "dark" else self.grey > level, self.box)


# -- on an anomaly map


def heatmap_to_mask(values: Map, level: float, width: int, height: int, *, most: int = 300) -> list[Patch]:
    """The separate areas of an image of `width` x `height` where its anomaly map is not below `level`, largest first.

    `values` is (h, w) float32 of any size, stretched over the image: between the middles of its pixels the map is
    linear in either direction, beyond the outermost ones it stays as it is. Of more than `most` areas of the map (a
    level in its noise) the smallest are left out. Costs by what lies above the level, not by the image.
    """
    _, numbers, facts, _ = cv2.connectedComponentsWithStats((values >= level).view(np.uint8), connectivity=8)
    largest = 1 + np.argsort(-facts[1:, cv2.CC_STAT_AREA], kind="stable")[:most]
    found = [
        patch
        for number in largest.tolist()
        for patch in _stretched(values, numbers, number, facts[number].tolist(), level, (width, height))
    ]
    return sorted(found, key=lambda patch: -int(np.count_nonzero(patch[0])))


def _stretched(
    values: Map, numbers: NDArray[np.int32], number: int, facts: list[int], level: float, size: tuple[int, int]
) -> list[Patch]:
    """One area of the map on the image; a bridge at a corner may fall apart there."""
    x, y, across, down = facts[:4]
    rows, columns = values.shape
    u0, v0, u1, v1 = max(x - 1, 0), max(y - 1, 0), min(x + across + 1, columns), min(y + down + 1, rows)
    around = values[v0:v1, u0:u1].copy()
    others = numbers[v0:v1, u0:u1]
    around[(others != 0) & (others != number)] = level - 1  # they share no four middles with this one
    x0, left, right, across_share = _middles(u0, u1, columns, size[0])
    y0, top, bottom, down_share = _middles(v0, v1, rows, size[1])
    if not left.size or not top.size:
        return []  # it lies between the pixels of an image that is smaller than the map
    lines = around[top] * (1 - down_share[:, None]) + around[bottom] * down_share[:, None]
    fine = lines[:, left] * (1 - across_share) + lines[:, right] * across_share >= level
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(fine.view(np.uint8), connectivity=8)
    found = []
    for part in range(1, count):
        a, b, w, h = boxes[part, :4].tolist()
        found.append((parts[b : b + h, a : a + w] == part, (x0 + a, y0 + b, x0 + a + w, y0 + b + h)))
    return found


def _middles(first: int, last: int, cells: int, pixels: int) -> tuple[int, Indices, Indices, Map]:
    """Where the middles of pixels lie among those of cells `first` to `last` - 1, of `cells` that cover `pixels`.

    Returns the first pixel, and for each the cell before and behind it, counted from `first`, and the share of the way.
    """
    begin = 0 if first == 0 else math.ceil((first + 0.5) * pixels / cells - 0.5)
    end = pixels if last == cells else math.floor((last - 0.5) * pixels / cells - 0.5) + 1
    at = np.clip((np.arange(begin, end) + 0.5) * cells / pixels - 0.5, first, last - 1) - first
    before = np.floor(at).astype(np.intp)
    return begin, before, np.minimum(before + 1, last - first - 1), (at - before).astype(np.float32)
