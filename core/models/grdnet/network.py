"""GRD-Net's three networks: generator G, critic D (training only), and the network that judges."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from core.config import GrdNetworkConfig
from core.models.base import Detector, Taps
from core.models.grdnet.blocks import Encoder, make_block, tail
from core.models.layers import UNet, initialise


class Head(nn.Module):
    """From an encoder's map to the latent and back is the bottleneck; this is the way to it."""

    def __init__(self, config: GrdNetworkConfig, side: int) -> None:
        super().__init__()
        last = config.channels[-1]
        self.way: nn.Module = (
            nn.Conv2d(last, config.latent_channels, 1)
            if config.latent == "conv"
            else nn.Sequential(nn.Flatten(), nn.Linear(last * side * side, config.latent_length))
        )

    def forward(self, found: Tensor) -> Tensor:
        """(N, C, s, s) -> latent, a map (N, latent_channels, s, s) or a vector (N, latent_length); any sign."""
        latent: Tensor = self.way(found)
        return latent


class Decoder(nn.Module):
    """Latent -> image in [0, 1]."""

    def __init__(self, config: GrdNetworkConfig, images: int, side: int) -> None:
        super().__init__()
        channels = config.channels[::-1]
        self.start: nn.Module = (
            nn.Conv2d(config.latent_channels, channels[0], 1)
            if config.latent == "conv"
            else nn.Sequential(
                nn.Linear(config.latent_length, channels[0] * side * side),
                nn.Unflatten(1, (channels[0], side, side)),
            )
        )
        stages: list[nn.Module] = []
        for width, narrower in pairwise(channels):
            stages += [make_block(config.block, width, width), make_block(config.block, width, narrower, up=True)]
        self.stages = nn.Sequential(*stages, tail(config.block, channels[-1]))
        self.out = nn.Conv2d(channels[-1], images, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """(N, images, S, S) in (0, 1)."""
        image: Tensor = self.out(self.stages(self.start(z))).sigmoid()
        return image


class Generator(nn.Module):
    """Encoder, decoder, and an encoder of its own weights that reads the reconstruction again."""

    def __init__(self, config: GrdNetworkConfig, size: int, images: int = 3) -> None:
        super().__init__()
        side = size // 2 ** (len(config.channels) - 1)
        self.encoder = Encoder(images, config.channels, config.block)
        self.head = Head(config, side)
        self.decoder = Decoder(config, images, side)
        self.encoder_again = Encoder(images, config.channels, config.block)
        self.head_again = Head(config, side)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction and latent z; the second encoder is for training only (`encode_again`)."""
        z = self.head(self.encoder(x))
        return self.decoder(z), z

    def encode_again(self, r: Tensor) -> Tensor:
        """The latent of a reconstruction, of the shape of z."""
        latent: Tensor = self.head_again(self.encoder_again(r))
        return latent


class Critic(nn.Module):
    """D: tells good images from reconstructions; its map before the last layer is what G is compared by."""

    def __init__(self, config: GrdNetworkConfig, size: int, images: int = 3) -> None:
        super().__init__()
        side = size // 2 ** (len(config.channels) - 1)
        self.features = Encoder(images, config.channels, config.block)
        self.out = nn.Linear(config.channels[-1] * side * side, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logit (N, 1) for a good image, and the feature map."""
        found = self.features(x)
        return self.out(found.flatten(1)), found


class GrdNet(Detector):
    """G rebuilds, the U-Net compares reconstruction and image; the critic takes part in training only."""

    def __init__(self, config: GrdNetworkConfig, size: int) -> None:
        super().__init__()
        self.size = size
        self.generator = Generator(config, size)
        self.critic = Critic(config, size)
        self.judge = UNet(6, 1, config.unet)
        initialise(self.generator)
        initialise(self.critic)

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        """(N, 3, S, S) in [0, 1] -> reconstruction in (0, 1); GRD-Net taps nothing."""
        r, _ = self.generator(x)
        return r, ()

    def logits(self, x: Tensor, r: Tensor) -> Tensor:
        """(N, 1, S, S) before the sigmoid; the U-Net sees reconstruction, then image."""
        found: Tensor = self.judge(torch.cat((r, x), dim=1))
        return found

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        """Probability of a defect, (N, 1, S, S) float32 in [0, 1]. Needs no ROI: that was learnt."""
        del taps
        return self.logits(x, r).float().sigmoid()
