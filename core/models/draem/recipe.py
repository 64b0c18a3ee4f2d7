"""How DRAEM is trained: one optimiser step on the sum of reconstruction and segmentation losses, nothing detached."""

from __future__ import annotations

import torch
from torch.nn.functional import mse_loss

from core.config import DraemLossConfig, DraemNetworkConfig, TrainingConfig
from core.models.base import Batch, Losses, OptimiserSettings, ParameterGroup, Phase, Recipe
from core.models.draem.network import Draem
from core.models.losses import exact, focal, ssim


class DraemRecipe(Recipe):
    """One phase over both networks."""

    model: Draem

    def __init__(self, config: TrainingConfig) -> None:
        assert isinstance(config.network, DraemNetworkConfig) and isinstance(config.loss, DraemLossConfig)
        self.settings = config.loss
        self.train = config.train
        self.model = Draem(config.network, config.preprocess.size)

    def phases(self) -> tuple[Phase, ...]:
        """A single phase, `joint`."""
        train = self.train
        return (
            Phase(
                name="joint",
                groups=(ParameterGroup(parameters=tuple(self.model.parameters())),),
                optimiser=OptimiserSettings(kind=train.optimizer, lr=train.lr, betas=train.betas, clip=train.clip),
                loss=self.losses,
            ),
        )

    def losses(self, batch: Batch) -> Losses:
        """`total` and its parts `mse`, `ssim` (1 - SSIM) and `focal`."""
        settings = self.settings
        r, _ = self.model.reconstruct(batch.input)
        logits = self.model.logits(batch.input, r)
        with exact(batch):
            r, image = r.float(), batch.image.float()
            error = mse_loss(r, image)
            dissimilar = 1 - ssim(r, image, settings.ssim)
            segment = focal(logits, batch.mask, settings.focal)
            total = settings.w_mse * error + settings.w_ssim * dissimilar + settings.w_seg * segment
        return {"total": total, "mse": error.detach(), "ssim": dissimilar.detach(), "focal": segment.detach()}

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """The same losses without gradient."""
        return self.losses(batch)


def build(config: TrainingConfig) -> Recipe:
    """The recipe of DRAEM for `config`, with fresh weights."""
    return DraemRecipe(config)
