"""How GANomaly is trained: generator, then critic, on good images alone; artificial defects are not used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from core.config import GanomalyLossConfig, GanomalyNetworkConfig, TrainingConfig
from core.models.base import Batch, Losses, OptimiserSettings, ParameterGroup, Phase, Recipe
from core.models.ganomaly.network import Ganomaly, signed
from core.models.layers import frozen
from core.models.losses import critic_loss, exact

PhaseLoss = Callable[[Batch], Losses]


@dataclass(frozen=True)
class Rebuilt:
    """What the generator gave for a batch, in [-1, 1]."""

    reconstruction: Tensor


class GanomalyRecipe(Recipe):
    """Two phases over disjoint parameters, the generator first."""

    model: Ganomaly

    def __init__(self, config: TrainingConfig) -> None:
        assert isinstance(config.network, GanomalyNetworkConfig) and isinstance(config.loss, GanomalyLossConfig)
        self.settings = config.loss
        self.train = config.train
        self.model = Ganomaly(config.network, config.preprocess.size)

    def phases(self) -> tuple[Phase, ...]:
        """`generator`, then `critic`."""
        model = self.model
        return (
            self._phase("generator", (model.encoder, model.decoder, model.encoder_again), self.generator_losses),
            self._phase("critic", (model.critic_features, model.critic_out), self.critic_losses),
        )

    def generator_losses(self, batch: Batch) -> Losses:
        """`total` and its parts `adversarial` (features), `contextual` (L1) and `encoder` (latents)."""
        image = signed(batch.image)
        r, z, z_again = self.model.generate(image)
        batch.shared = Rebuilt(r.detach())
        with torch.no_grad():
            _, wanted = self.model.criticise(image)
        with frozen(self.model.critic_features):
            found = self.model.critic_features(r)
        with exact(batch):
            return self._sum(
                adversarial=mse_loss(found.float(), wanted.float()),
                contextual=l1_loss(r.float(), image.float()),
                encoder=mse_loss(z_again.float(), z.float()),
            )

    def given(self, batch: Batch) -> Tensor:
        """The good image: an artificial defect is never seen."""
        return batch.image

    def critic_losses(self, batch: Batch) -> Losses:
        """`total`: 0.5 (BCE of the good image as good, BCE of the reconstruction as rebuilt)."""
        assert isinstance(batch.shared, Rebuilt)
        real, _ = self.model.criticise(signed(batch.image))
        fake, _ = self.model.criticise(batch.shared.reconstruction)
        with exact(batch):
            return {"total": critic_loss(real.float(), fake.float())}

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """`total` is contextual + encoder of good tuning images: what the model is judged by without the critic."""
        image = signed(batch.image)
        r, z, z_again = self.model.generate(image)
        with exact(batch):
            contextual, encoder = l1_loss(r.float(), image.float()), mse_loss(z_again.float(), z.float())
        return {"total": contextual + encoder, "contextual": contextual, "encoder": encoder}

    def _sum(self, **parts: Tensor) -> Losses:
        settings = self.settings
        total = (
            settings.w_adv * parts["adversarial"]
            + settings.w_con * parts["contextual"]
            + settings.w_enc * parts["encoder"]
        )
        return {"total": total, **{name: value.detach() for name, value in parts.items()}}

    def _phase(self, name: str, networks: tuple[nn.Module, ...], loss: PhaseLoss) -> Phase:
        train = self.train
        moved = tuple(parameter for network in networks for parameter in network.parameters())
        return Phase(
            name=name,
            groups=(ParameterGroup(parameters=moved),),
            optimiser=OptimiserSettings(kind=train.optimizer, lr=train.lr, betas=train.betas, clip=train.clip),
            loss=loss,
        )


def build(config: TrainingConfig) -> Recipe:
    """The recipe of GANomaly for `config`, with fresh weights."""
    return GanomalyRecipe(config)
