"""One optimiser step: forward, backward in parts, clipping, rates; memory that runs out, losses that are no numbers."""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from core.errors import TrainingError
from core.models.base import Batch, Phase, Recipe
from core.training.checkpoint import load_optimizer, optimizer_tensors
from core.training.data import parts
from core.training.devices import Device, is_out_of_memory


class NotANumber(Exception):
    """A loss is not finite; nothing was changed by this step. Holds the losses by name."""

    def __init__(self, losses: dict[str, float]) -> None:
        self.losses = losses
        super().__init__(", ".join(f"{name} {value}" for name, value in losses.items()))


class OutOfMemory(Exception):
    """The step did not fit; nothing was changed by this phase."""


class Stepper:
    """Runs a recipe's phases on a batch, spread over `parts` smaller ones whose gradients add up to the whole."""

    def __init__(self, recipe: Recipe, device: Device, *, parts_a_step: int = 1) -> None:
        self._device = device
        self._phases = recipe.phases()
        self._optimizers = [device.optimizer(phase.make_optimiser()) for phase in self._phases]
        self.parts = parts_a_step

    @property
    def phases(self) -> tuple[Phase, ...]:
        return self._phases

    def step(self, batch: Batch, factor: float, shares: Mapping[str, float] | None = None) -> dict[str, float]:
        """One step at `factor` times every phase's rate, less where `shares` names the phase.

        Returns the losses by name, `total` among them.

        Raises `NotANumber`; `TrainingError` when even two images at a time do not fit into memory.
        """
        pieces = parts(batch, self.parts)
        losses: dict[str, float] = {"total": 0.0}
        for phase, optimizer in zip(self._phases, self._optimizers, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor * (shares or {}).get(phase.name, 1.0)
            found = self._phase(phase, optimizer, pieces)
            prefix = f"{phase.name}." if len(self._phases) > 1 else ""
            losses["total"] += found["total"]
            losses.update({f"{prefix}{name}": value for name, value in found.items() if name != "total" or prefix})
        return losses

    def tensors(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All moments, for a checkpoint."""
        tensors: dict[str, Tensor] = {}
        numbers: dict[str, Any] = {}
        for phase, optimizer in zip(self._phases, self._optimizers, strict=True):
            more, plain = optimizer_tensors(f"optimizer/{phase.name}", optimizer)
            tensors.update(more)
            numbers.update(plain)
        return tensors, numbers

    def load(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        for phase, optimizer in zip(self._phases, self._optimizers, strict=True):
            load_optimizer(f"optimizer/{phase.name}", optimizer, tensors, numbers)

    def _phase(
        self, phase: Phase, optimizer: torch.optim.Optimizer, pieces: list[tuple[Batch, float]]
    ) -> dict[str, float]:
        for other in self._optimizers:
            other.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        for piece, share in pieces:
            with self._device.autocast():
                losses = phase.loss(piece)
            self._device.backward(losses["total"] * share if share < 1 else losses["total"])
            for name, value in losses.items():
                part = value.detach() * share
                sums[name] = sums[name] + part if name in sums else part
        found = dict(zip(sums, torch.stack(list(sums.values())).tolist(), strict=True))
        if not all(math.isfinite(value) for value in found.values()):
            optimizer.zero_grad(set_to_none=True)
            raise NotANumber(found)
        if phase.optimiser.clip is not None:
            self._device.clip(phase.parameters, phase.optimiser.clip)
        optimizer.step()
        return found


def try_step(
    stepper: Stepper, batch: Batch, factor: float, shares: Mapping[str, float] | None = None
) -> dict[str, float]:
    """`stepper.step`, with `OutOfMemory` in place of the many errors that mean it; the failed step's memory is free."""
    try:
        return stepper.step(batch, factor, shares)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the except block: its traceback would keep the step's tensors alive.
    gc.collect()
    raise OutOfMemory


def halve(stepper: Stepper, batch: int) -> int:
    """Spread a step of `batch` images over twice as many parts; the images in one. Raises `TrainingError` below two."""
    count = min(2 * stepper.parts, batch // 2)
    if count <= stepper.parts:
        raise TrainingError(
            "two images at a time do not fit into memory",
            kept="The last checkpoint was kept",
            mend="Choose a smaller preset or image side, or close other programs",
            reason="memory",
        )
    stepper.parts = count
    return -(-batch // count)
