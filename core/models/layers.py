"""Building blocks that several models share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_block(inputs: int, outputs: int, *, kernel: int = 3) -> nn.Sequential:
    """Convolution with bias, batch norm, ReLU; keeps the size."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, corners not aligned; returns `x` itself when it already has that size."""
    return (
        x
        if tuple(x.shape[-2:]) == tuple(size)
        else F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
    )


def initialise(module: nn.Module) -> None:
    """DCGAN's and DRAEM's weights: convolutions N(0, 0.02) with PyTorch's default biases, batch norm N(1, 0.02)."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, 0.0, 0.02)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Gradients pass through what `network` computes meanwhile and leave none in it; its statistics still follow."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of an NCHW map."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def norm2d(kind: Literal["bn", "gn", "ln", "in", "none"], channels: int) -> nn.Module:
    """A normalisation of NCHW maps by name."""
    match kind:
        case "bn":
            return nn.BatchNorm2d(channels)
        case "gn":
            return nn.GroupNorm(_groups(channels), channels)
        case "ln":
            return ChannelNorm(channels)
        case "in":
            return nn.InstanceNorm2d(channels, affine=True)
        case "none":
            return nn.Identity()


def activation(kind: Literal["relu", "sigmoid", "gelu", "none"]) -> nn.Module:
    """An activation by name."""
    makers: dict[str, type[nn.Module]] = {
        "relu": nn.ReLU,
        "sigmoid": nn.Sigmoid,
        "gelu": nn.GELU,
        "none": nn.Identity,
    }
    return makers[kind]()


def _groups(channels: int) -> int:
    """At most 32 groups of at least four channels: a group of one value, as on a 1x1 map, would always give zero."""
    return next(groups for groups in (32, 16, 8, 4, 2, 1) if channels % groups == 0 and channels // groups >= 4)


class UNet(nn.Module):
    """DRAEM's discriminator, a U-Net of six levels: (N, in, S, S) -> logits of the same side, divisible by 32."""

    def __init__(self, inputs: int, outputs: int, base: int) -> None:
        super().__init__()
        down = (base, 2 * base, 4 * base, 8 * base, 8 * base, 8 * base)
        self.encoder = nn.ModuleList(_double(a, b) for a, b in zip((inputs, *down[:-1]), down, strict=True))
        ups, doubles = [], []
        below = down[-1]
        for skip, narrow in zip(down[-2::-1], (8 * base, 4 * base, 2 * base, base, base), strict=True):
            ups.append(conv_block(below, narrow))
            doubles.append(_double(narrow + skip, narrow))
            below = narrow
        self.ups, self.decoder = nn.ModuleList(ups), nn.ModuleList(doubles)
        self.out = nn.Conv2d(below, outputs, 3, padding=1)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the size of `x`."""
        skips: list[Tensor] = []
        for stage in self.encoder:
            x = stage(F.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        for up, double, skip in zip(self.ups, self.decoder, skips[-2::-1], strict=True):
            x = up(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
            x = double(torch.cat((x, skip), dim=1))
        logits: Tensor = self.out(x)
        return logits


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv_block(inputs, outputs), conv_block(outputs, outputs))
