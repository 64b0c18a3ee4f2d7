"""What every model offers to the engine: two functions of a detector, and a recipe that says how it is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import torch
from torch import Tensor, nn

Taps = tuple[Tensor, ...]
_FUSED: Final = ("cpu", "cuda")  # devices where one kernel moves all weights, always in the same way


class Detector(nn.Module):
    """A network that rebuilds an image and judges what differs.

    Calls in training mode use batch statistics; everything is differentiable in both modes.
    """

    size: int
    """Image side that the network was built for, in pixels."""

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        """(N, 3, S, S) float32 in [0, 1] -> reconstruction of the same shape, not clamped, and the tapped features."""
        raise NotImplementedError

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor | None:
        """Anomaly map (N, 1, S, S) float32 in [0, 1] of image `x` against `r`; None for models without one."""
        raise NotImplementedError

    def score(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor | None:
        """Image score (N,) of models that have one of their own; None where the map's smoothed maximum is the score."""
        del x, r, taps
        return None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Reconstruction and map of one pass."""
        r, taps = self.reconstruct(x)
        return r, self.discriminate(x, r, taps)


@dataclass(kw_only=True)
class Batch:
    """What a step trains on; all (N, C, S, S) float32 on the model's device."""

    image: Tensor
    """The good image: what is to be reconstructed, in [0, 1]."""
    input: Tensor
    """The same with an artificial defect."""
    mask: Tensor
    """(N, 1, S, S), 1 where the defect is."""
    roi: Tensor | None = None
    """(N, 1, S, S), 1 where judged; None: everywhere. For models that learn from it."""
    share: float = 1.0
    """Of the step's images: less than all where several processes make a step together."""
    shared: object = field(default=None, repr=False)
    """Left to the recipe: what its first phase computed and later phases of the same batch use again."""


Losses = dict[str, Tensor]
"""Scalars by name. `total` is what is minimised; the rest is detached or only logged."""


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """How one phase's parameters are moved."""

    kind: Literal["adam", "adamw"]
    lr: float
    betas: tuple[float, float]
    clip: float | None


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Parameters that share a weight decay."""

    parameters: tuple[nn.Parameter, ...]
    weight_decay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One optimiser step of a training step.

    The engine runs the phases of a recipe in order on the same `Batch`: zero the gradients of all phases,
    `loss(batch)["total"].backward()`, clip `parameters`, step this phase's optimiser. Gradients that reach other
    phases' parameters (a frozen critic) are thrown away by the next zeroing.
    """

    name: str
    groups: tuple[ParameterGroup, ...]
    optimiser: OptimiserSettings
    loss: Callable[[Batch], Losses]
    watches: str = "total"  # the tuning loss (of `Recipe.evaluate`) that a plateau schedule lowers its rate by

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters that this phase moves."""
        return [parameter for group in self.groups for parameter in group.parameters]

    def make_optimiser(self) -> torch.optim.Optimizer:
        """A fresh optimiser for this phase; `initial_lr` stands in every group for a schedule to scale."""
        settings = self.optimiser
        groups = [
            {
                "params": list(group.parameters),
                "weight_decay": group.weight_decay,
                "lr": settings.lr,
                "initial_lr": settings.lr,
            }
            for group in self.groups
            if group.parameters
        ]
        maker = torch.optim.AdamW if settings.kind == "adamw" else torch.optim.Adam
        fused = all(parameter.device.type in _FUSED for parameter in self.parameters)
        return maker(groups, lr=settings.lr, betas=settings.betas, fused=fused)


class Recipe(ABC):
    """How a detector is trained. Holds no training state: the engine owns optimisers, schedule and precision."""

    model: Detector

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The phases of one step, in order; their parameters are disjoint."""

    def given(self, batch: Batch) -> Tensor:
        """What the detector is given in training, (N, 3, S, S): normalisation statistics are measured with it."""
        return batch.input

    @abstractmethod
    def evaluate(self, batch: Batch) -> Losses:
        """Losses on tuning images, in evaluation mode and without gradient; lower `total` is better."""
