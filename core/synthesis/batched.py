"""Perlin outlines of a whole batch at once, as batched matrix products on the device that trains."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from core.synthesis.defects import Outlines
from core.synthesis.perlin import NoiseDraw, basis, outlines


class BatchedOutlines:
    """As `core.synthesis.perlin.outlines`, of the same draws, up to rounding; safe from several threads.

    On a GPU it works on a stream of its own: what makes batches ahead does not wait for the step that is computed.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def __call__(self, draws: Sequence[NoiseDraw], size: int, threshold: float) -> list[NDArray[np.uint8]]:
        """Outlines (S, S) of 0 and 1."""
        if not draws:
            return []
        with contextlib.nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
            fields = turned(
                perlin_batch([one.angles for one in draws], size, self._device), [one.turn for one in draws]
            )
            return list((fields > threshold).to(torch.uint8).cpu().numpy())


def outlines_on(device: torch.device) -> Outlines:
    """Who cuts outlines for a training on `device`: on a processor one by one, with the same bits as ever."""
    return outlines if device.type == "cpu" else BatchedOutlines(device)


def perlin_batch(angles: Sequence[NDArray[np.float32]], size: int, device: torch.device) -> Tensor:
    """Gradient noise (B, S, S) float32 in about [-1, 1] of gradients (rows + 1, columns + 1) in any number each.

    Fewer cells are filled up with lines that weigh nothing, so that all fields are one product:
    rows x gradients x columns, as in `core.synthesis.perlin.perlin`.
    """
    rows, columns = (max(one.shape[axis] for one in angles) for axis in (0, 1))
    padded = np.zeros((len(angles), rows, columns), np.float32)
    for held, one in zip(padded, angles, strict=True):
        held[: one.shape[0], : one.shape[1]] = one
    fade_y, slope_y = _bases([one.shape[0] for one in angles], rows, size, device)
    fade_x, slope_x = _bases([one.shape[1] for one in angles], columns, size, device)
    directions = torch.from_numpy(padded).to(device)
    fields = fade_y.mT @ (directions.cos() @ slope_x) + slope_y.mT @ (directions.sin() @ fade_x)
    return fields * math.sqrt(2)


def turned(fields: Tensor, degrees: Sequence[float]) -> Tensor:
    """(B, S, S) turned about their middles, counter-clockwise, zeros from outside."""
    angles = torch.tensor(degrees, device=fields.device).deg2rad()
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    turns = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    grid = affine_grid(turns, [len(fields), 1, *fields.shape[1:]], align_corners=True)
    return grid_sample(fields[:, None], grid, padding_mode="zeros", align_corners=True)[:, 0]


def _bases(lines: Sequence[int], most: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    found = [_basis(size, count - 1, most, device) for count in lines]
    return torch.stack([one[0] for one in found]), torch.stack([one[1] for one in found])


@lru_cache(maxsize=256)
def _basis(size: int, cells: int, most: int, device: torch.device) -> tuple[Tensor, Tensor]:
    weight, slope = np.zeros((2, most, size), np.float32)
    weight[: cells + 1], slope[: cells + 1] = basis(size, cells)
    return torch.from_numpy(weight).to(device), torch.from_numpy(slope).to(device)
