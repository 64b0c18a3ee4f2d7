"""Drawn textures: families that together stand in for photographs of surfaces. All give (S, S, 3) uint8."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]
Family = Callable[[np.random.Generator, int], Pixels]


def clouds(rng: np.random.Generator, size: int) -> Pixels:
    """Smooth colour noise of a random roughness."""
    return _bytes(_fractal(rng, size, 3))


def marble(rng: np.random.Generator, size: int) -> Pixels:
    """Bands bent by turbulence, between two colours."""
    bend = _fractal(rng, size) * np.float32(rng.uniform(4, 14))
    wave = cv2.sqrt(np.abs(np.sin(_ramp(rng, size, rng.uniform(2, 8)) + bend)))
    return _between(rng, np.asarray(wave, dtype=np.float32))


def gratings(rng: np.random.Generator, size: int) -> Pixels:
    """Stripes, fine to coarse, soft or hard."""
    wave = np.sin(_ramp(rng, size, rng.uniform(4, max(5.0, size / 6))))
    steep = np.float32(0.5 if rng.random() < 2 / 3 else 4.0)
    return _between(rng, (wave * steep + np.float32(0.5)).clip(0, 1))


def weave(rng: np.random.Generator, size: int) -> Pixels:
    """Two crossing gratings: fabric, mesh, chequers."""
    count = rng.uniform(4, max(5.0, size / 6))
    product = np.sin(_ramp(rng, size, count)) * np.sin(_ramp(rng, size, count * rng.uniform(0.5, 2)))
    return _between(rng, (product * np.float32(0.5 if rng.random() < 0.5 else 6.0) + np.float32(0.5)).clip(0, 1))


def grain(rng: np.random.Generator, size: int) -> Pixels:
    """Brushed metal, wood or sand: noise drawn out along one direction."""
    long, short = int(rng.integers(2, 12)), int(rng.integers(size // 4, size + 1))
    noise = cv2.resize(rng.random((short, long), dtype=np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    image = _between(rng, np.asarray(noise, dtype=np.float32))
    return np.ascontiguousarray(np.rot90(image, int(rng.integers(4))))


def cells(rng: np.random.Generator, size: int) -> Pixels:
    """Pebbles, scales, crystals: the nearest of random points, each with its colour, shaded towards the border."""
    points = np.full((size, size), 255, dtype=np.uint8)
    count = int(rng.integers(12, 150))
    points[rng.integers(0, size, count), rng.integers(0, size, count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    spread = rng.uniform(20, 90)
    colours = (_colour(rng) + rng.normal(0, spread, (count + 1, 3))).clip(0, 255).astype(np.float32)
    shade = 1 - np.asarray(distance, dtype=np.float32) * np.float32(rng.uniform(0, 1.2) * math.sqrt(count) / size)
    shaded: Plane = colours[np.asarray(labels)] * shade.clip(0, 1)[..., None]
    return shaded.astype(np.uint8)


def shapes(rng: np.random.Generator, size: int) -> Pixels:
    """Ellipses, boxes and triangles over each other."""
    count = int(rng.integers(6, 40))
    centres = rng.uniform(0, size, (count, 2))
    reaches = rng.uniform(size / 40, size / 4, (count, 2))
    turns, kinds, colours = rng.uniform(0, 180, count), rng.integers(0, 3, count), _colours(rng, count + 1)
    corners = centres[:, None] + rng.uniform(-1, 1, (count, 3, 2)) * reaches[:, None]
    image = np.empty((size, size, 3), dtype=np.uint8)
    image[:] = colours[-1]
    for centre, reach, turn, kind, triangle, colour in zip(
        centres.tolist(), reaches.tolist(), turns.tolist(), kinds.tolist(), corners, colours.tolist(), strict=False
    ):
        if kind == 0:
            cv2.ellipse(image, (centre, reach, turn), colour, -1)
        else:
            outline = triangle if kind == 1 else cv2.boxPoints((centre, reach, turn))
            cv2.fillConvexPoly(image, outline.astype(np.int32), colour)
    return image


def scratches(rng: np.random.Generator, size: int) -> Pixels:
    """Many thin lines, mostly along one direction, on a soft ground."""
    image = clouds(rng, size) if rng.random() < 0.5 else np.full((size, size, 3), _colour(rng), dtype=np.uint8)
    count = int(rng.integers(20, 90))
    angles = rng.normal(rng.uniform(0, math.pi), rng.uniform(0.05, 1.5), count)
    starts = rng.uniform(0, size, (count, 2))
    ends = starts + np.column_stack((np.cos(angles), np.sin(angles))) * rng.uniform(size / 8, size, (count, 1))
    widths = 1 + (rng.random(count) < 0.2)
    lines = np.hstack((starts, ends)).astype(np.int32)
    for (x0, y0, x1, y1), colour, width in zip(
        lines.tolist(), _colours(rng, count).tolist(), widths.tolist(), strict=True
    ):
        cv2.line(image, (x0, y0), (x1, y1), colour, width)
    return image


def spots(rng: np.random.Generator, size: int) -> Pixels:
    """Stains and holes: noise cut at a level, over another noise."""
    field = _fractal(rng, size)
    inside = ((field - np.float32(rng.uniform(0.45, 0.65))) * np.float32(rng.uniform(6, 60))).clip(0, 1)
    ground = clouds(rng, size).astype(np.float32)
    ground += (_colour(rng).astype(np.float32) - ground) * inside[..., None]
    return ground.astype(np.uint8)


def noise(rng: np.random.Generator, size: int) -> Pixels:
    """Fine grain, grey or coloured, on a colour."""
    channels = 3 if rng.random() < 0.5 else 1
    grain_of = rng.integers(-64, 65, (size, size, channels), dtype=np.int16)
    return (grain_of + _colour(rng).astype(np.int16)).clip(0, 255).astype(np.uint8)


def shading(rng: np.random.Generator, size: int) -> Pixels:
    """A plain surface under uneven light: from one colour to another, straight or round."""
    if rng.random() < 0.5:
        ramp = _ramp(rng, size, 1.0)
        return _between(rng, (ramp - ramp.min()) / np.ptp(ramp))
    axis = np.arange(size, dtype=np.float32) / np.float32(size)
    away = np.hypot(axis[:, None] - np.float32(rng.random()), axis - np.float32(rng.random()))
    return _between(rng, away.clip(0, 1))


FAMILIES: Final[tuple[Family, ...]] = (
    clouds,
    marble,
    gratings,
    weave,
    grain,
    cells,
    shapes,
    scratches,
    spots,
    noise,
    shading,
)


def procedural(rng: np.random.Generator, size: int) -> Pixels:
    """A texture of a random family."""
    return FAMILIES[int(rng.integers(len(FAMILIES)))](rng, size)


def _fractal(rng: np.random.Generator, size: int, channels: int = 1) -> Plane:
    """Smooth noise in [0, 1], (S, S) or (S, S, channels): three octaves, each upsampled from a coarse grid.

    They are summed at half size, which the finest grid does not exceed, because resampling is what costs time.
    """
    cells_a_side, half = int(rng.integers(2, 9)), (size + 1) // 2
    weight, keep = 1.0, rng.uniform(0.3, 0.8)
    total = np.zeros((half, half, channels), dtype=np.float32)
    for _ in range(3):
        coarse = rng.random((cells_a_side, cells_a_side, channels), dtype=np.float32) * np.float32(weight)
        total += cv2.resize(coarse, (half, half), interpolation=cv2.INTER_CUBIC).reshape(total.shape)
        weight, cells_a_side = weight * keep, min(cells_a_side * 3, half)
    total -= total.min()
    total *= np.float32(1 / max(float(total.max()), 1e-6))
    return np.asarray(cv2.resize(total, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _ramp(rng: np.random.Generator, size: int, periods: float) -> Plane:
    """A plane (S, S) that rises by `periods` full turns across the side, in a random direction."""
    angle, phase = rng.uniform(0, 2 * math.pi, 2)
    axis = np.arange(size, dtype=np.float32) * np.float32(2 * math.pi * periods / size)
    across = axis * np.float32(math.cos(angle))
    down = axis[:, None] * np.float32(math.sin(angle)) + np.float32(phase)
    plane: Plane = across + down
    return plane


def _between(rng: np.random.Generator, share: Plane) -> Pixels:
    """Colours between two random ones, by a plane in [0, 1]."""
    first, second = _colour(rng).astype(np.float32), _colour(rng).astype(np.float32)
    steps = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    table = (first + (second - first) * steps).astype(np.uint8)
    index = np.asarray(cv2.merge([_bytes(share)] * 3))
    return np.asarray(cv2.LUT(index, table[None]), dtype=np.uint8)


def _colour(rng: np.random.Generator) -> Pixels:
    """One random colour."""
    colour: Pixels = _colours(rng, 1)[0]
    return colour


def _colours(rng: np.random.Generator, count: int) -> Pixels:
    """(count, 3) random colours; every third one or so is grey."""
    colours = rng.integers(0, 256, (count, 3), dtype=np.uint8)
    grey = rng.random(count) < 1 / 3
    colours[grey] = colours[grey, :1]
    return colours


def _bytes(plane: Plane) -> Pixels:
    return (plane * np.float32(255)).astype(np.uint8)
