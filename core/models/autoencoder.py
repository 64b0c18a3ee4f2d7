"""G: DRAEM's plain autoencoder without skips, whose stages can be tapped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from core.models.layers import conv_block, initialise

ENCODER: Final = ("enc1", "enc2", "enc3", "enc4", "enc5")
DECODER: Final = ("dec1", "dec2", "dec3", "dec4")


def _plan(width: int) -> dict[str, tuple[int, ...]]:
    """Channels through each stage, input first."""
    w = width
    return {
        "enc1": (3, w, w),
        "enc2": (w, 2 * w, 2 * w),
        "enc3": (2 * w, 4 * w, 4 * w),
        "enc4": (4 * w, 8 * w, 8 * w),
        "enc5": (8 * w, 8 * w, 8 * w),
        "dec1": (8 * w, 8 * w, 8 * w, 4 * w),
        "dec2": (4 * w, 4 * w, 4 * w, 2 * w),
        "dec3": (2 * w, 2 * w, 2 * w, w),
        "dec4": (w, w, w, w),
    }


def tap_channels(name: str, width: int) -> int:
    """Channels of a tap: a stage (`enc3`), one of its convolutions (`enc3.conv1`), a pooling or an upsampling."""
    plan = _plan(width)
    stage, _, conv = name.partition(".")
    if conv:
        return plan[stage][int(conv.removeprefix("conv"))]
    if stage.startswith("pool"):
        return plan[f"enc{stage[4:]}"][-1]
    if stage.startswith("up"):
        return plan[f"dec{stage[2:]}"][0]
    return plan[stage][-1]


class Autoencoder(nn.Module):
    """(N, 3, S, S) in [0, 1] -> (N, 3, S, S) unbounded, and the tapped features; S divisible by 16.

    Five encoder stages of two 3x3 convolutions with pooling between, four decoder stages of three behind bilinear
    upsampling with aligned corners, one linear convolution at the end.
    """

    def __init__(self, width: int, taps: Sequence[str], *, out_bias: float | None = None) -> None:
        super().__init__()
        self.taps = tuple(taps)
        self.stages = nn.ModuleDict(
            {name: nn.ModuleList(conv_block(a, b) for a, b in pairwise(path)) for name, path in _plan(width).items()}
        )
        self.out = nn.Conv2d(width, 3, 3, padding=1)
        initialise(self)
        if out_bias is not None:
            # SSIM is as high for -x as for x: a channel that starts below zero can stay there, mirrored, for good
            assert self.out.bias is not None
            nn.init.constant_(self.out.bias, out_bias)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Reconstruction and taps in the order asked for."""
        found: dict[str, Tensor] = {}
        for number, name in enumerate(ENCODER):
            if number:
                x = self._keep(found, f"pool{number}", F.max_pool2d(x, 2))
            x = self._stage(found, name, x)
        for number, name in enumerate(DECODER, start=1):
            up = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = self._stage(found, name, self._keep(found, f"up{number}", up))
        return self.out(x), tuple(found[name] for name in self.taps)

    def _stage(self, found: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        blocks = self.stages[name]
        assert isinstance(blocks, nn.ModuleList)
        for number, block in enumerate(blocks, start=1):
            x = self._keep(found, f"{name}.conv{number}", block(x))
        return self._keep(found, name, x)

    def _keep(self, found: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        if name in self.taps:
            found[name] = x
        return x
