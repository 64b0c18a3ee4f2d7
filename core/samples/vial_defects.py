"""The defects of vials, in the light that passes: particles, scratches, black spots."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from core.samples.light import Floats
from core.samples.surface import cut, grain, region, stroke
from core.samples.vial import BODY, CELL_HEIGHT, CELL_WIDTH, CELLS, Strip

_REACH: Final = 40.0  # from the middle of a vial: where the liquid is clear of the dark sides


def blemish(code: str, strip: Strip, light: Floats, rng: np.random.Generator) -> Floats:
    """`light` (480, 800) with a defect of class `code` in one of the five vials; the given array is not changed."""
    number = int(rng.integers(len(CELLS)))
    vial = strip.vials[number]
    x0, y0, x1, y1 = CELLS[number]
    spoiled = light.copy()
    cell = spoiled[y0:y1, x0:x1]
    middle = CELL_WIDTH / 2 + vial.shift
    x = middle + float(rng.uniform(-_REACH, _REACH))
    if code == "particle":
        _particle(cell, x, vial.level + float(_depth(rng, vial.level)), rng)
    elif code == "scratch":
        _scratch(cell, middle, float(rng.uniform(BODY[0] + 50, BODY[1] - 50)), rng)
    else:
        _black_spot(cell, x, float(rng.uniform(BODY[0] + 22, BODY[1] - 22)), rng)
    return spoiled


def _depth(rng: np.random.Generator, level: float) -> float:
    """How far below the surface a particle is: afloat at it, suspended, or sunk to the floor."""
    kind = rng.random()
    if kind < 0.35:
        return float(rng.uniform(0, 6))
    if kind < 0.7:
        return float(rng.uniform(20, BODY[1] - 40 - level))
    return float(rng.uniform(BODY[1] - 26, BODY[1] - 14) - level)


def _particle(cell: Floats, x: float, y: float, rng: np.random.Generator) -> None:
    """An irregular crumb in the liquid: dark, a little translucent at its edge."""
    size, flat, turn = rng.uniform(7.5, 11.0), rng.uniform(0.7, 1.0), rng.uniform(0, np.pi)
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    radius = size * rng.uniform(0.65, 1.2, 10)
    u, v = radius * np.cos(angle), radius * np.sin(angle) * flat
    outline = np.stack([x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)], axis=1)
    mask = region([outline], CELL_WIDTH, CELL_HEIGHT)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.9)
    rough = cut(grain(1.1), rng, CELL_WIDTH, CELL_HEIGHT)
    cell *= 1 - soft * np.clip(rng.uniform(0.72, 0.88) + 0.06 * rough, 0, 1)


def _scratch(cell: Floats, middle: float, y: float, rng: np.random.Generator) -> None:
    """One or two nearly straight scores in the wall: dark where the light is bent away, bright along one lip."""
    lean = rng.uniform(-1.2, 1.2)
    length = rng.uniform(55, 95)
    along = np.array([np.cos(lean), np.sin(lean)]) if rng.random() < 0.6 else np.array([np.sin(lean), np.cos(lean)])
    steps = np.linspace(-0.5, 0.5, 9)[:, None]
    swing = np.cumsum(rng.normal(0, 0.9, (9, 2)), axis=0)
    start = np.array([middle + rng.uniform(-14, 14), y])
    path = start + along * steps * length + swing
    paths = [path]
    if rng.random() < 0.4:
        aside = np.array([-along[1], along[0]]) * rng.uniform(5, 9)
        paths.append(path[2:-1] + aside)
    reach = 44.0
    paths = [np.column_stack([np.clip(p[:, 0], middle - reach, middle + reach), p[:, 1]]) for p in paths]
    thick = rng.uniform(3.0, 4.0)
    lip = stroke([p + np.array([1.6, 1.2]) for p in paths], thick, CELL_WIDTH, CELL_HEIGHT)
    gap = stroke(paths, thick, CELL_WIDTH, CELL_HEIGHT)
    cell *= (1 + 0.16 * lip) * (1 - np.float32(rng.uniform(0.55, 0.72)) * gap)


def _black_spot(cell: Floats, x: float, y: float, rng: np.random.Generator) -> None:
    """Burnt plastic in the wall: round, black, with a scorched rim."""
    radius, oval = rng.uniform(7.5, 11.0), rng.uniform(0.8, 1.2)
    px = np.arange(CELL_WIDTH, dtype=np.float32)[None, :] - np.float32(x)
    py = np.arange(CELL_HEIGHT, dtype=np.float32)[:, None] - np.float32(y)
    ragged = cut(grain(2.2), rng, CELL_WIDTH, CELL_HEIGHT)
    edge = radius - np.sqrt(px * px * oval + py * py / oval) + 0.8 * ragged
    core = np.clip(edge / 1.8 + 0.5, 0, 1)
    halo = np.exp(-np.maximum(-edge, 0) / 2.2)
    cell *= (1 - 0.90 * core) * (1 - 0.18 * halo)
