"""How GRD-Net is trained: on each batch the critic, then the generator, then the judging network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from core.config import GrdLossConfig, GrdNetworkConfig, TrainingConfig
from core.models.base import Batch, Losses, OptimiserSettings, ParameterGroup, Phase, Recipe
from core.models.grdnet.losses import judging_loss
from core.models.grdnet.network import GrdNet
from core.models.layers import frozen
from core.models.losses import critic_loss, exact, ssim

PhaseLoss = Callable[[Batch], Losses]
_GAN_BETAS: Final = (0.5, 0.999)


@dataclass(frozen=True)
class Rebuilt:
    """What the one forward pass of G gave, shared by the three phases of a step."""

    reconstruction: Tensor
    latent: Tensor


class GrdRecipe(Recipe):
    """Three phases over disjoint parameters. G runs once a step; critic and judge see its result detached."""

    model: GrdNet

    def __init__(self, config: TrainingConfig) -> None:
        assert isinstance(config.network, GrdNetworkConfig) and isinstance(config.loss, GrdLossConfig)
        self.settings = config.loss
        self.train = config.train
        self.model = GrdNet(config.network, config.preprocess.size)

    def phases(self) -> tuple[Phase, ...]:
        """`critic`, `generator`, `judge`, in this order."""
        model = self.model
        return (
            self._phase("critic", model.critic, _GAN_BETAS, self.critic_losses, watches="contextual"),
            self._phase("generator", model.generator, _GAN_BETAS, self.generator_losses, watches="contextual"),
            self._phase("judge", model.judge, self.train.betas, self.judge_losses, watches="focal"),
        )

    def critic_losses(self, batch: Batch) -> Losses:
        """`total`: 0.5 (BCE of the good image as good, BCE of the reconstruction as rebuilt)."""
        rebuilt = self._rebuild(batch)
        real, _ = self.model.critic(batch.image)
        fake, _ = self.model.critic(rebuilt.reconstruction.detach())
        with exact(batch):
            return {"total": critic_loss(real.float(), fake.float())}

    def generator_losses(self, batch: Batch) -> Losses:
        """`total` (eq. 2) and its parts `adversarial`, `contextual` (eq. 1: `l1`, `ssim` = 1 - SSIM), `encoder`."""
        rebuilt = self._rebuild(batch)
        r, z = rebuilt.reconstruction, rebuilt.latent
        with torch.no_grad():
            _, wanted = self.model.critic(batch.image)
        with frozen(self.model.critic):
            _, found = self.model.critic(r)
        z_again = self.model.generator.encode_again(r)
        with exact(batch):
            adversarial = mse_loss(found.float(), wanted.float())
            distance = mse_loss if self.settings.encoder == "l2" else l1_loss
            encoder = distance(z_again.float(), z.float())
            parts = self._contextual(r, batch.image)
            total = (
                self.settings.w_adv * adversarial
                + self.settings.w_con * parts["contextual"]
                + self.settings.w_enc * encoder
            )
        parts |= {"adversarial": adversarial, "encoder": encoder}
        return {"total": total, **{name: value.detach() for name, value in parts.items()}}

    def judge_losses(self, batch: Batch) -> Losses:
        """`total`: the focal loss with the ROI as configured (equations 5, 8, 9)."""
        r = self._rebuild(batch).reconstruction.detach()
        logits = self.model.logits(batch.input, r)
        with exact(batch):
            return {"total": judging_loss(logits, batch.mask, batch.roi, self.settings)}

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """`total` is contextual + focal, what the two halves are watched by; the critic only gives `adversarial`."""
        r, z = self.model.generator(batch.input)
        z_again = self.model.generator.encode_again(r)
        logits = self.model.logits(batch.input, r)
        (_, wanted), (_, found) = self.model.critic(batch.image), self.model.critic(r)
        with exact(batch):
            parts = self._contextual(r, batch.image)
            segment = judging_loss(logits, batch.mask, batch.roi, self.settings)
            parts |= {"encoder": mse_loss(z_again.float(), z.float())}
            parts |= {"adversarial": mse_loss(found.float(), wanted.float())}
        return {"total": parts["contextual"] + segment, **parts, "focal": segment}

    def _rebuild(self, batch: Batch) -> Rebuilt:
        """The reconstruction of this batch: made by whichever phase asks first, with its graph."""
        if not isinstance(batch.shared, Rebuilt):
            batch.shared = Rebuilt(*self.model.generator(batch.input))
        return batch.shared

    def _contextual(self, r: Tensor, image: Tensor) -> Losses:
        r, image = r.float(), image.float()
        distance, dissimilar = l1_loss(r, image), 1 - ssim(r, image, self.settings.ssim)
        total = self.settings.w_l1 * distance + self.settings.w_ssim * dissimilar
        return {"contextual": total, "l1": distance, "ssim": dissimilar}

    def _phase(
        self, name: str, network: nn.Module, betas: tuple[float, float], loss: PhaseLoss, *, watches: str
    ) -> Phase:
        train = self.train
        return Phase(
            name=name,
            groups=(ParameterGroup(parameters=tuple(network.parameters())),),
            optimiser=OptimiserSettings(kind=train.optimizer, lr=train.lr, betas=betas, clip=train.clip),
            loss=loss,
            watches=watches,
        )


def build(config: TrainingConfig) -> Recipe:
    """The recipe of GRD-Net for `config`, with fresh weights."""
    return GrdRecipe(config)
