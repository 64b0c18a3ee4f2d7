"""What GRD-Net's generator and critic are made of: an identity block, then one that projects and resamples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from core.config.grdnet import Block

_SLOPE = 0.2


class PreactBlock(nn.Module):
    """ResNet V2: norm and activation come before each convolution, and the sum is left as it is.

    (N, inputs, H, W) -> (N, outputs, H / stride, W / stride), or twice the side when `up`.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, up: bool = False) -> None:
        super().__init__()
        self.up = up
        self.before = _active_norm(inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.between = _active_norm(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        same = inputs == outputs and stride == 1 and not up
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The sum of shortcut and residual; a projecting shortcut starts after the first activation."""
        h = self.before(x)
        if self.up:
            h = F.interpolate(h, scale_factor=2, mode="nearest")
        s = x if self.shortcut is None else self.shortcut(h)
        summed: Tensor = s + self.second(self.between(self.first(h)))
        return summed


class Fig5Block(nn.Module):
    """The paper's figure 5: convolution and activation twice, no norm, nothing after the sum.

    Without `shortcut` it is the vanilla autoencoder's block, then with norms, as nothing else would keep it trainable.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, up: bool = False, shortcut: bool = True) -> None:
        super().__init__()
        self.up = up
        norm = nn.Identity if shortcut else nn.BatchNorm2d
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            norm(outputs),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            norm(outputs),
            nn.LeakyReLU(_SLOPE),
        )
        same = inputs == outputs and stride == 1 and not up
        self.shortcut: nn.Module | None = None
        if shortcut:
            project = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.LeakyReLU(_SLOPE))
            self.shortcut = nn.Identity() if same else project

    def forward(self, x: Tensor) -> Tensor:
        """F(x) + x, F(x) + G(x), or F(x) alone."""
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        y: Tensor = self.body(x)
        return y if self.shortcut is None else y + self.shortcut(x)


class Encoder(nn.Module):
    """(N, images, S, S) -> (N, channels[-1], S / 2^n, S / 2^n) with n + 1 channels given."""

    def __init__(self, images: int, channels: Sequence[int], block: Block) -> None:
        super().__init__()
        stem: list[nn.Module] = [nn.Conv2d(images, channels[0], 3, padding=1, bias=False)]
        if block != "preact":
            stem.append(nn.LeakyReLU(_SLOPE))
        stages: list[nn.Module] = []
        for width, wider in pairwise(channels):
            stages += [make_block(block, width, width), make_block(block, width, wider, stride=2)]
        self.body = nn.Sequential(*stem, *stages, tail(block, channels[-1]))

    def forward(self, x: Tensor) -> Tensor:
        """The map that a latent head or the critic's last layer reads."""
        found: Tensor = self.body(x)
        return found


def make_block(block: Block, inputs: int, outputs: int, *, stride: int = 1, up: bool = False) -> nn.Module:
    """One block of the kind asked for."""
    if block == "preact":
        return PreactBlock(inputs, outputs, stride=stride, up=up)
    return Fig5Block(inputs, outputs, stride=stride, up=up, shortcut=block == "fig5")


def tail(block: Block, channels: int) -> nn.Module:
    """What closes a row of blocks: pre-activation blocks leave the last sum unnormalised."""
    return _active_norm(channels) if block == "preact" else nn.Identity()


def _active_norm(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.LeakyReLU(_SLOPE))
