"""Perlin noise and the outlines cut from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import PerlinConfig
from core.synthesis.batched import BatchedOutlines, outlines_on, perlin_batch
from core.synthesis.perlin import NoiseDraw, draw_noise, exponents, outlines, perlin


def _gathered(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> NDArray[np.float64]:
    """The textbook form: for every pixel, its cell's four corner gradients, dot products, quintic blend."""
    angles = rng.random((cells[0] + 1, cells[1] + 1), dtype=np.float32).astype(np.float64) * 2 * math.pi
    field = np.zeros(shape)
    for y in range(shape[0]):
        for x in range(shape[1]):
            v, u = y * cells[0] / shape[0], x * cells[1] / shape[1]
            row, column = int(v), int(u)
            v, u = v - row, u - column
            dots = [
                math.cos(angles[row + i, column + j]) * (u - j) + math.sin(angles[row + i, column + j]) * (v - i)
                for i in (0, 1)
                for j in (0, 1)
            ]
            s, t = (6 * u**5 - 15 * u**4 + 10 * u**3), (6 * v**5 - 15 * v**4 + 10 * v**3)
            above, below = dots[0] + s * (dots[1] - dots[0]), dots[2] + s * (dots[3] - dots[2])
            field[y, x] = math.sqrt(2) * (above + t * (below - above))
    return field


@pytest.mark.parametrize(("shape", "cells"), [((32, 32), (4, 8)), ((30, 45), (7, 2)), ((16, 16), (1, 1))])
def test_noise_equals_the_textbook_form_for_any_size(shape: tuple[int, int], cells: tuple[int, int]) -> None:
    ours = perlin(np.random.default_rng(3), shape, cells)

    np.testing.assert_allclose(ours, _gathered(np.random.default_rng(3), shape, cells), atol=2e-6)


def test_noise_has_the_spread_of_draems() -> None:
    rng = np.random.default_rng(0)
    fields = [perlin(rng, (64, 64), (2 ** int(a), 2 ** int(b))) for a, b in rng.integers(0, 6, (300, 2))]

    assert float(np.std(fields)) == pytest.approx(0.304, abs=0.015)
    assert max(float(np.abs(field).max()) for field in fields) <= 1.0 + 1e-5


@pytest.mark.parametrize(("size", "highest"), [(256, 5), (128, 4), (64, 3), (96, 3), (1024, 5), (32, 2)])
def test_cells_keep_eight_pixels(size: int, highest: int) -> None:
    assert exponents(size, PerlinConfig()) == (0, highest)
    assert exponents(size, PerlinConfig(cap=False)) == (0, 5)


@pytest.mark.parametrize(("size", "empty", "covered"), [(256, 0.05, 0.048), (128, 0.07, 0.047), (64, 0.13, 0.047)])
def test_outlines_are_as_often_empty_and_as_large_as_measured(size: int, empty: float, covered: float) -> None:
    rng = np.random.default_rng(1)
    masks = outlines(_draws(rng, size, 500), size, PerlinConfig().threshold)

    assert np.mean([not mask.any() for mask in masks]) == pytest.approx(empty, abs=0.035)
    assert float(np.mean(masks)) == pytest.approx(covered, abs=0.012)
    assert set(np.unique(masks)) == {0, 1}


def test_an_outline_may_have_any_side() -> None:
    (mask,) = outlines(_draws(np.random.default_rng(0), 97, 1), 97, 0.5)
    assert mask.shape == (97, 97)


@pytest.mark.parametrize("size", [64, 97, 256])
def test_noise_of_a_batch_is_that_of_its_images(size: int) -> None:
    draws = _draws(np.random.default_rng(5), size, 12)
    assert len({one.angles.shape for one in draws}) > 4  # cells of many sizes in one product
    fields = perlin_batch([one.angles for one in draws], size, torch.device("cpu")).numpy()
    rng = np.random.default_rng(5)
    for field, draw in zip(fields, draws, strict=True):
        rng.integers(0, exponents(size, PerlinConfig())[1] + 1, size=2)
        cells = draw.angles.shape[0] - 1, draw.angles.shape[1] - 1
        np.testing.assert_allclose(field, perlin(rng, (size, size), cells), atol=2e-6)
        rng.uniform()


@pytest.mark.parametrize("size", [64, 97, 256])
def test_outlines_of_a_batch_are_those_of_its_images(size: int) -> None:
    draws = _draws(np.random.default_rng(6), size, 40)
    together = BatchedOutlines(torch.device("cpu"))(draws, size, 0.5)
    alone = outlines(draws, size, 0.5)
    assert sum(mask.any() for mask in alone) > 30
    differ = [int((one != other).sum()) for one, other in zip(together, alone, strict=True)]
    assert max(differ) <= 2 and sum(differ) <= 8  # pixels that lie on the threshold but for rounding
    assert outlines_on(torch.device("cpu")) is outlines
    assert BatchedOutlines(torch.device("cpu"))([], size, 0.5) == []


def _draws(rng: np.random.Generator, size: int, count: int) -> list[NoiseDraw]:
    return [draw_noise(rng, size, PerlinConfig()) for _ in range(count)]
