"""Perlin noise of any size, and the outlines cut from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import PerlinConfig

_SMALLEST_CELL: Final = 8  # pixels; finer cells give specks of two to four pixels


def perlin(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> NDArray[np.float32]:
    """Gradient noise (H, W) float32 in about [-1, 1] with `cells` (rows, columns); quintic fade, amplitude sqrt(2).

    Any size goes with any number of cells. The value at a pixel is a sum over the four corners of its cell of
    fade_y fade_x (g_x d_x + g_y d_y); fade and distance separate by axis, so that the whole field is two products of
    thin matrices, rows x gradients x columns, instead of eight gathered images.
    """
    return _field(_angles(rng, cells), shape)


def exponents(size: int, config: PerlinConfig) -> tuple[int, int]:
    """The range of powers of two for an image side; capped at log2(size / 8) so that cells keep 8 pixels."""
    highest = config.max_exp
    if config.cap:
        highest = min(highest, max(0, int(math.log2(size / _SMALLEST_CELL))))
    return min(config.min_exp, highest), highest


@dataclass(frozen=True)
class NoiseDraw:
    """What a generator draws for an outline: directions of the gradients (rows + 1, columns + 1) in radians, and by how
    many degrees the noise is turned."""

    angles: NDArray[np.float32]
    turn: float


def draw_noise(rng: np.random.Generator, size: int, config: PerlinConfig) -> NoiseDraw:
    """The noise of one outline (S, S)."""
    low, high = exponents(size, config)
    rows, columns = rng.integers(low, high + 1, size=2)
    angles = _angles(rng, (2 ** int(rows), 2 ** int(columns)))
    return NoiseDraw(angles, float(rng.uniform(-config.rotate, config.rotate)))


def outlines(draws: Sequence[NoiseDraw], size: int, threshold: float) -> list[NDArray[np.uint8]]:
    """Outlines (S, S) of 0 and 1, one by one: turned noise above the threshold. Empty in 5 to 13 % of draws."""
    return [_outline(one, size, threshold) for one in draws]


def basis(length: int, cells: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(cells + 1, length) each: weight of every grid line at every pixel, and that weight times the distance to it."""
    position = np.arange(length, dtype=np.float32) * np.float32(cells / length)
    lower = position.astype(np.int64)
    part = position - lower
    fade = part * part * part * (part * (part * 6 - 15) + 10)
    weight = np.zeros((cells + 1, length), dtype=np.float32)
    slope = np.zeros_like(weight)
    at = np.arange(length)
    weight[lower, at], weight[lower + 1, at] = 1 - fade, fade
    slope[lower, at], slope[lower + 1, at] = (1 - fade) * part, fade * (part - 1)
    return weight, slope


def _angles(rng: np.random.Generator, cells: tuple[int, int]) -> NDArray[np.float32]:
    return rng.random((cells[0] + 1, cells[1] + 1), dtype=np.float32) * np.float32(2 * math.pi)


def _field(angles: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    fade_y, slope_y = basis(shape[0], angles.shape[0] - 1)
    fade_x, slope_x = basis(shape[1], angles.shape[1] - 1)
    field = fade_y.T @ (np.cos(angles) @ slope_x) + slope_y.T @ (np.sin(angles) @ fade_x)
    field *= np.float32(math.sqrt(2))
    return np.asarray(field, np.float32)


def _outline(draw: NoiseDraw, size: int, threshold: float) -> NDArray[np.uint8]:
    field = _field(draw.angles, (size, size))
    if draw.turn:
        turn = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), draw.turn, 1.0)
        field = np.asarray(cv2.warpAffine(field, turn, (size, size), flags=cv2.INTER_LINEAR), dtype=np.float32)
    return (field > threshold).view(np.uint8)
