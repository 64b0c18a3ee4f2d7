"""PRFF-AD's two networks as one detector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.config import PrffNetworkConfig
from core.models.autoencoder import Autoencoder, tap_channels
from core.models.base import Detector, Taps
from core.models.layers import UNet
from core.models.prff.discriminator import Fusion, SwinUperNet


class PrffAD(Detector):
    """G rebuilds, D compares image, reconstruction and fused features of the rebuilding.

    With `fusion.mode: dual15` D also sees a second reconstruction: `logits` feeds its `r`, limited to [0, 1], through
    G once more and adds that result and its own fused features. That holds in training and on every pass, so D
    always sees what it has learnt from, at the price of one more G for each call.
    """

    def __init__(self, config: PrffNetworkConfig, size: int) -> None:
        super().__init__()
        self.size = size
        self.fusion_mode = config.fusion.effective
        self.detach_taps = config.fusion.detach_taps
        taps = config.taps if self.fusion_mode != "off" else ()
        self.recon = Autoencoder(config.recon.width, taps, out_bias=config.recon.out_bias)
        channels = [tap_channels(name, config.recon.width) for name in self.recon.taps]
        self.fusion = Fusion(channels, config.fusion) if channels else None
        self.fusion_again = Fusion(channels, config.fusion) if self.fusion_mode == "dual15" else None
        inputs = config.fusion.input_channels
        disc = config.disc
        self.disc: nn.Module = (
            UNet(inputs, disc.unet.classes, disc.unet.base)
            if disc.arch == "unet"
            else SwinUperNet(size, inputs, disc.swin, disc.upernet)
        )

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        """(N, 3, S, S) in [0, 1] -> reconstruction (not clamped) and taps; no taps without fusion."""
        r, taps = self.recon(x)
        return r, taps

    def discriminator_input(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        """What D sees: (N, 6, 9 or 15, S, S): image, reconstruction, fused maps in the order of the taps."""
        parts = [x, r, *self._fused(self.fusion, taps, x)]
        if self.fusion_again is not None:
            again, taps_again = self.recon(r.clamp(0, 1))
            if not r.requires_grad:  # a reconstruction that was detached stays so when it is rebuilt
                again = again.detach()
            parts += [again, *self._fused(self.fusion_again, taps_again, x)]
        return torch.cat(parts, dim=1)

    def logits(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        """(N, classes, S, S): two for softmax with the defect as the second, or one for sigmoid."""
        logits: Tensor = self.disc(self.discriminator_input(x, r, taps))
        return logits

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        """Probability of a defect, (N, 1, S, S) float32 in [0, 1]."""
        logits = self.logits(x, r, taps).float()
        return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)[:, 1:]

    def _fused(self, fusion: Fusion | None, taps: Taps, x: Tensor) -> list[Tensor]:
        if fusion is None:
            return []
        if self.detach_taps:
            taps = tuple(tap.detach() for tap in taps)
        maps: list[Tensor] = fusion(taps, x.shape[-2:])
        return maps
