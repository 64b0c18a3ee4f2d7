"""Artificial defects at 256 px on one core, beside the plain way of making the noise: tile, gather, interpolate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import AugmentConfig, PerlinConfig, SimulateConfig, preset
from core.synthesis import DefectSynthesiser, TextureSource, perlin, sample_rng
from core.synthesis.batched import BatchedOutlines
from core.synthesis.perlin import NoiseDraw, draw_noise, outlines

SIZE = 256
NOISE_MS, DEFECT_MS, FASTER = 1.5, 6.0, 10
IMAGES, BATCH = 200, 8
Values = NDArray[np.float64]


def plain_noise(angles: NDArray[np.floating[Any]], shape: tuple[int, int]) -> Values:
    """Gradient noise as it is usually written: every pixel gathers the gradients of its four corners.

    `angles` (rows + 1, columns + 1) are their directions in radians; rows and columns divide `shape`.
    """
    cells = angles.shape[0] - 1, angles.shape[1] - 1
    rows, columns = shape[0] // cells[0], shape[1] // cells[1]
    grid = np.mgrid[0 : cells[0] : cells[0] / shape[0], 0 : cells[1] : cells[1] / shape[1]].transpose(1, 2, 0) % 1
    gradients = np.dstack((np.cos(angles), np.sin(angles)))

    def corner(down: int, right: int) -> Values:
        some = gradients[down : cells[0] + down, right : cells[1] + right]
        tiled = some.repeat(rows, axis=0).repeat(columns, axis=1)
        return np.asarray((np.dstack((grid[..., 0] - down, grid[..., 1] - right)) * tiled).sum(axis=2))

    fade = 6 * grid**5 - 15 * grid**4 + 10 * grid**3
    above = corner(0, 0) * (1 - fade[..., 0]) + corner(1, 0) * fade[..., 0]
    below = corner(0, 1) * (1 - fade[..., 0]) + corner(1, 1) * fade[..., 0]
    return np.asarray(math.sqrt(2) * (above * (1 - fade[..., 1]) + below * fade[..., 1]))


def milliseconds(make: Callable[[int], object], count: int) -> float:
    """Mean of `count` after some to warm up."""
    for number in range(5):
        make(number)
    begin = time.perf_counter()
    for number in range(count):
        make(number)
    return 1000 * (time.perf_counter() - begin) / count


@pytest.fixture
def one_core() -> None:
    """OpenCV on one thread, as in a loader."""
    cv2.setNumThreads(1)


def _cells(rng: np.random.Generator) -> tuple[int, int]:
    rows, columns = 2 ** rng.integers(0, 6, size=2)
    return int(rows), int(columns)


def _draw(number: int) -> NoiseDraw:
    return draw_noise(sample_rng(0, 0, number), SIZE, PerlinConfig())


@pytest.mark.usefixtures("one_core")
def test_noise() -> None:
    """Prints the field alone, beside the plain way with the same cells, and with turn and threshold."""

    def ours(number: int) -> object:
        rng = sample_rng(0, 0, number)
        return perlin(rng, (SIZE, SIZE), _cells(rng))

    def plain(number: int) -> object:
        rng = sample_rng(0, 0, number)
        rows, columns = _cells(rng)
        return plain_noise(2 * math.pi * rng.random((rows + 1, columns + 1)), (SIZE, SIZE))

    fast, slow = milliseconds(ours, IMAGES), milliseconds(plain, IMAGES // 4)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    together = BatchedOutlines(device)

    def batch(number: int) -> object:
        return together([_draw(BATCH * number + k) for k in range(BATCH)], SIZE, 0.5)

    mask = milliseconds(lambda number: outlines([_draw(number)], SIZE, 0.5), IMAGES)
    batched = milliseconds(batch, IMAGES // BATCH) / BATCH
    print(f"\nnoise, {SIZE} px         {fast:6.2f} ms   budget {NOISE_MS} ms")
    print(f"the plain way         {slow:6.2f} ms   {slow / fast:.0f} times as long, asked for {FASTER}")
    print(f"turned and cut        {mask:6.2f} ms   {batched:.2f} ms in a batch of {BATCH} on {device.type}")


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("textures", [("procedural",), ("self",), ("procedural", "self")], ids="-".join)
def test_defect(textures: tuple[str, ...]) -> None:
    """Prints a whole artificial defect: varied image, texture with its augmenters, blending."""
    rng = np.random.default_rng(0)
    images = list(rng.integers(0, 256, (16, SIZE, SIZE, 3), dtype=np.uint8))
    simulate = SimulateConfig(p_clean=0, textures=textures)
    synthesiser = DefectSynthesiser(simulate, AugmentConfig(), SIZE, TextureSource(textures, SIZE, own=images))

    taken = milliseconds(lambda number: synthesiser(images[number % 16], sample_rng(0, 0, number)), IMAGES)

    print(f"\ndefect from {' and '.join(textures):<21} {taken:6.2f} ms   budget {DEFECT_MS} ms")


@pytest.mark.usefixtures("one_core")
def test_defect_of_a_preset() -> None:
    """Prints an image as `medium` trains on it, half of them left clean."""
    config = preset("prff", "medium")
    images = list(np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3), dtype=np.uint8))
    textures = TextureSource(config.simulate.textures, SIZE, own=images)
    synthesiser = DefectSynthesiser(config.simulate, config.augment, SIZE, textures)

    taken = milliseconds(lambda number: synthesiser(images[number % 16], sample_rng(0, 0, number)), IMAGES)

    print(f"\nimage of medium       {taken:6.2f} ms   budget {DEFECT_MS} ms")
