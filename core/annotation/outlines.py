"""Outlines of painted pixels, along the borders of pixels: what they surround is what was painted, to the pixel.

Corners lie on whole numbers: pixel (0, 0) has the corners (0, 0) and (1, 1). Pixels that touch at a corner belong
together. A hole is joined to the outline around it by a cut of no width ("keyhole"), so that one closed ring says it
all; read back by the even-odd rule at the centres of pixels (`core.annotation.shapes.polygon`) the ring gives the same
pixels.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.annotation.masks import bounding_box
from core.annotation.shapes import placed, polygon

Bits = NDArray[np.bool_]
Ring = NDArray[np.int64]  # (N, 2) x, y of corners, closed by itself, what is inside on the right hand

_STEPS: Final = ((1, 0), (0, 1), (-1, 0), (0, -1))  # east, south, west, north; y points down
_EAST, _SOUTH, _WEST, _NORTH = range(4)
_NEAR: Final = (2.0, 1.5, 1.0)  # pixels, as Douglas and Peucker simplify: the fewest corners that are near enough
_MOST_CORNERS: Final = 32
_LONGEST: Final = 40_000  # pixels: a longer outline was painted, and is frayed
_APART: Final = (-1, 0, 1)  # where pixels touch at a corner: left first, which keeps them together
_JOINED: Final = (1, 0, -1)  # at the ends of a cut: right first, which follows it


def outlines(bits: Bits, corner: tuple[int, int] = (0, 0)) -> list[Ring]:
    """One ring for every part of (h, w) bool that hangs together, from top to bottom.

    `corner` is where the upper left pixel of `bits` lies.
    """
    count, numbers, facts, _ = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(bits).view(np.uint8), connectivity=8
    )
    rings: list[Ring] = []
    for number in range(1, count):
        x, y, width, height = (int(one) for one in facts[number, :4])
        part = numbers[y : y + height, x : x + width] == number
        rings.append(_ring(part) + np.array([corner[0] + x, corner[1] + y]))
    return sorted(rings, key=lambda ring: (int(ring[:, 1].min()), int(ring[:, 0].min())))


def corners(mask: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """(N, 2) x, y of a polygon that covers what is not 0 in (H, W) to within a pixel along its border.

    None where no simple one does: what is painted has several parts, a hole, or more corners than a hand moves.
    """
    box = bounding_box(mask)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    padded = np.pad((mask[y0:y1, x0:x1] != 0).astype(np.uint8), 2)
    found, _ = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)  # holes are outlines, too
    if len(found) != 1 or len(found[0]) > _LONGEST:
        return None
    (ring,) = outlines(padded != 0)
    around = np.ones((3, 3), np.uint8)
    least, most = cv2.erode(padded, around), cv2.dilate(padded, around)
    for simpler in _NEAR:
        near = cv2.approxPolyDP(ring.astype(np.float32)[:, None, :], simpler, closed=True)[:, 0].astype(np.float64)
        patch = polygon(near, padded.shape[1], padded.shape[0]) if 3 <= len(near) <= _MOST_CORNERS else None
        if patch is None:
            continue
        drawn = placed(patch, (0, 0, padded.shape[1], padded.shape[0])).view(np.uint8)
        if (drawn <= most).all() and (least <= drawn).all():
            return np.asarray(near - 2 + np.array([x0, y0]), np.float64)
    return None


def _ring(part: Bits) -> Ring:
    """The outline of one part that touches all four sides of its box."""
    padded = np.pad(part, 1)
    edges = _edges(padded)
    joined = _cut(padded, edges)
    width = edges.shape[2]
    first = int(np.argmax(part[0]))
    heading = _EAST  # along the top edge of its first pixel
    flat = edges.reshape(4, -1)
    left_over = int(np.count_nonzero(flat))
    corners: list[tuple[int, int]] = []
    before = -1
    moves = [dx + dy * width for dx, dy in _STEPS]
    table = [side.tolist() for side in flat]
    place = first
    for _ in range(left_over):
        if heading != before:
            corners.append((place % width, place // width))
        table[heading][place] = False
        place += moves[heading]
        before = heading
        for turn in _JOINED if place in joined else _APART:
            heading = (before + turn) % 4
            if table[heading][place]:
                break
    return np.array(corners, np.int64)


def _edges(padded: Bits) -> NDArray[np.bool_]:
    """(4, h + 1, w + 1): whether an outline leaves a corner eastwards, southwards, ...; what is painted on its right.

    `padded` is (h + 2, w + 2) with an empty frame; corner (x, y) lies between its pixels (x, y) and (x + 1, y + 1).
    """
    above_left, above_right = padded[:-1, :-1], padded[:-1, 1:]
    below_left, below_right = padded[1:, :-1], padded[1:, 1:]
    east = below_right & ~above_right
    south = below_left & ~below_right
    west = above_left & ~below_left
    north = above_right & ~above_left
    return np.stack([east, south, west, north])


def _cut(padded: Bits, edges: NDArray[np.bool_]) -> set[int]:
    """Add a cut from the first corner of every hole to the left, to the next outline; where cuts begin and end.

    Holes are met from top to bottom and from left to right: what a cut meets was reached before.
    """
    empty = np.ascontiguousarray(~padded).view(np.uint8)
    count, numbers, facts, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    width = edges.shape[2]
    ends: set[int] = set()
    for number in range(1, count):
        left, top, across = int(facts[number, 0]), int(facts[number, 1]), int(facts[number, 2])
        if left == 0:  # what lies around the part
            continue
        x = left + int(np.argmax(numbers[top, left : left + across] == number))
        whole = padded[top - 1, :x] & padded[top, :x]  # the columns left of the hole's first corner
        gaps = np.flatnonzero(~whole)
        end = int(gaps[-1])  # the frame is empty: there is one
        y, start = top - 1, x - 1  # as a corner
        edges[_EAST, y, end:start] = True
        edges[_WEST, y, end + 1 : start + 1] = True
        ends.update((y * width + end, y * width + start))
    return ends
