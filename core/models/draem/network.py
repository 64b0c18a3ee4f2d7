"""DRAEM's two networks as one detector."""

from __future__ import annotations

import torch
from torch import Tensor

from core.config import DraemNetworkConfig
from core.models.autoencoder import Autoencoder
from core.models.base import Detector, Taps
from core.models.layers import UNet


class Draem(Detector):
    """The autoencoder rebuilds, the U-Net compares reconstruction and image."""

    def __init__(self, config: DraemNetworkConfig, size: int) -> None:
        super().__init__()
        self.size = size
        self.recon = Autoencoder(config.width, (), out_bias=config.out_bias)
        self.judge = UNet(6, 2, config.unet)

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        """(N, 3, S, S) in [0, 1] -> reconstruction, not clamped; nothing is tapped."""
        r, _ = self.recon(x)
        return r, ()

    def logits(self, x: Tensor, r: Tensor) -> Tensor:
        """(N, 2, S, S) for softmax, the defect second; the U-Net sees reconstruction, then image."""
        found: Tensor = self.judge(torch.cat((r, x), dim=1))
        return found

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        """Probability of a defect, (N, 1, S, S) float32 in [0, 1]."""
        del taps
        return self.logits(x, r).float().softmax(dim=1)[:, 1:]
