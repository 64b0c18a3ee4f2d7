"""How PRFF-AD is trained: one optimiser step on the sum of reconstruction and segmentation losses."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import mse_loss

from core.config import PrffLossConfig, PrffNetworkConfig, TrainingConfig
from core.models.base import Batch, Losses, OptimiserSettings, ParameterGroup, Phase, Recipe
from core.models.losses import exact, focal, ssim
from core.models.prff.network import PrffAD


class PrffRecipe(Recipe):
    """One phase over both networks; the detach switches decide where the segmentation loss reaches."""

    model: PrffAD

    def __init__(self, config: TrainingConfig) -> None:
        assert isinstance(config.network, PrffNetworkConfig) and isinstance(config.loss, PrffLossConfig)
        self.settings = config.loss
        self.train = config.train
        self.model = PrffAD(config.network, config.preprocess.size)

    def phases(self) -> tuple[Phase, ...]:
        """A single phase, `joint`."""
        train = self.train
        return (
            Phase(
                name="joint",
                groups=_groups(self.model, train.weight_decay),
                optimiser=OptimiserSettings(kind=train.optimizer, lr=train.lr, betas=train.betas, clip=train.clip),
                loss=self.losses,
            ),
        )

    def losses(self, batch: Batch) -> Losses:
        """`total` (PRFF-AD eq. 5), its parts `mse`, `ssim` (1 - SSIM) and `focal`, and `mse_defect`: within defects.

        The last shows whether D teaches the encoder to keep defects instead of repairing them.
        """
        settings = self.settings
        r, taps = self.model.reconstruct(batch.input)
        seen = r.detach() if settings.detach_recon else r
        logits = self.model.logits(batch.input, seen, taps)
        with exact(batch):
            r, image, mask = r.float(), batch.image.float(), batch.mask.float()
            error = mse_loss(r, image)
            dissimilar = 1 - ssim(r, image, settings.ssim)
            segment = focal(logits, mask, settings.focal)
            total = settings.w_mse * error + settings.w_ssim * dissimilar + settings.w_seg * segment
            with torch.no_grad():
                inside = ((r - image).square() * mask).sum() / (r.shape[1] * mask.sum()).clamp(min=1)
        return {
            "total": total,
            "mse": error.detach(),
            "ssim": dissimilar.detach(),
            "focal": segment.detach(),
            "mse_defect": inside,
        }

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """The same losses without gradient; the caller puts the model into evaluation mode."""
        return self.losses(batch)


def build(config: TrainingConfig) -> Recipe:
    """The recipe of PRFF-AD for `config`, with fresh weights."""
    return PrffRecipe(config)


def _groups(model: PrffAD, weight_decay: float) -> tuple[ParameterGroup, ...]:
    """Weight decay on Swin's matrices only, as Swin is trained; nothing else of the model is decayed."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        swin = name.startswith("disc.backbone.body.") and parameter.ndim > 1
        (decayed if swin and "relative_position_bias" not in name else free).append(parameter)
    return tuple(
        group
        for group in (
            ParameterGroup(parameters=tuple(decayed), weight_decay=weight_decay),
            ParameterGroup(parameters=tuple(free)),
        )
        if group.parameters
    )
