"""One optimiser step: forward, backward in parts, clipping, rates; memory that runs out, losses that are no numbers."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from core.errors import TrainingError
from core.models.base import Batch, Phase, Recipe
from core.training.averaging import Gradients
from core.training.checkpoint import load_optimizer, optimizer_tensors
from core.training.data import parts
from core.training.devices import Device, is_out_of_memory
from core.training.group import Group

_LOSSES: Final = 64  # a phase names at most so many: processes tell each other that many numbers a step


class NotANumber(Exception):
    """A loss is not finite; nothing was changed by this step. Holds the losses by name."""

    def __init__(self, losses: dict[str, float]) -> None:
        self.losses = losses
        super().__init__(", ".join(f"{name} {value}" for name, value in losses.items()))


class OutOfMemory(Exception):
    """The step did not fit; nothing was changed by this phase."""


class Stepper:
    """Runs a recipe's phases on a batch, spread over `parts` smaller ones whose gradients add up to the whole.

    With several processes in `group` each brings its images of the batch: what they draw, and what they move their
    weights by, is what one process with as many parts would. What layers draw (dropout) is a pure function of `seed`,
    the number of the step, phase and part.
    """

    def __init__(
        self,
        recipe: Recipe,
        device: Device,
        *,
        parts_a_step: int = 1,
        seed: int = 0,
        group: Group | None = None,
    ) -> None:
        self._device = device
        self._seed = seed
        self._group = group or Group()
        self._phases = recipe.phases()
        self._optimizers = [device.optimizer(phase.make_optimiser()) for phase in self._phases]
        self._gradients = [] if self._group.alone else [Gradients(phase.parameters) for phase in self._phases]
        self.parts = parts_a_step

    @property
    def alone(self) -> bool:
        return self._group.alone

    @property
    def phases(self) -> tuple[Phase, ...]:
        return self._phases

    def step(
        self, batch: Batch, factor: float, shares: Mapping[str, float] | None = None, *, number: int = 0
    ) -> dict[str, float]:
        """Step `number` at `factor` times every phase's rate, less where `shares` names the phase.

        Returns the losses by name, `total` among them.

        Raises `NotANumber`; `OutOfMemory` when a gradient did not fit, in whichever process.
        """
        pieces = parts(batch, self.parts)
        losses: dict[str, float] = {"total": 0.0}
        for index, phase in enumerate(self._phases):
            for group in self._optimizers[index].param_groups:
                group["lr"] = group["initial_lr"] * factor * (shares or {}).get(phase.name, 1.0)
            found = self._phase(index, pieces, number)
            prefix = f"{phase.name}." if len(self._phases) > 1 else ""
            losses["total"] += found["total"]
            losses.update({f"{prefix}{name}": value for name, value in found.items() if name != "total" or prefix})
        return losses

    def tensors(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All moments and the scale of the losses, for a checkpoint."""
        tensors: dict[str, Tensor] = {}
        numbers: dict[str, Any] = {"scale": self._device.scale}
        for phase, optimizer in zip(self._phases, self._optimizers, strict=True):
            more, plain = optimizer_tensors(f"optimizer/{phase.name}", optimizer)
            tensors.update(more)
            numbers.update(plain)
        return tensors, numbers

    def load(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        """Put back moments, scale and parts from a checkpoint, also from one of another number of processes."""
        for phase, optimizer in zip(self._phases, self._optimizers, strict=True):
            load_optimizer(f"optimizer/{phase.name}", optimizer, tensors, record["numbers"])
        self._device.scale = record["numbers"].get("scale", {})
        self.parts = -(-record["parts"] * record.get("devices", 1) // self._group.size)

    def _phase(self, index: int, pieces: list[tuple[Batch, float]], number: int) -> dict[str, float]:
        phase, optimizer = self._phases[index], self._optimizers[index]
        for other in self._optimizers:
            other.zero_grad(set_to_none=True)
        found = self._agreed(self._backward(index, pieces, number))
        if not all(math.isfinite(value) for value in found.values()):
            optimizer.zero_grad(set_to_none=True)
            raise NotANumber(found)
        if not self._group.alone:
            self._gradients[index].average(self._group.add_up)
        if phase.optimiser.clip is not None:
            self._device.clip(phase.parameters, phase.optimiser.clip)
        known = len(optimizer.state)
        try:
            optimizer.step()
        except (RuntimeError, MemoryError):
            for parameter in list(optimizer.state)[known:]:  # moments half made would be taken for whole ones
                del optimizer.state[parameter]
            raise
        return found

    def _backward(self, index: int, pieces: list[tuple[Batch, float]], number: int) -> dict[str, float] | None:
        """Leave this process's gradients; its share of the losses, or None when memory ran out."""
        sums: dict[str, Tensor] = {}
        try:
            for count, (piece, share) in enumerate(pieces, self._group.rank * self.parts):
                torch.manual_seed(_draw(self._seed, number, index, count))
                with self._device.autocast():
                    losses = self._phases[index].loss(piece)
                _check_count(self._phases[index], len(losses))
                self._device.backward(losses["total"] * share if share < 1 else losses["total"])
                for name, value in losses.items():
                    part = value.detach() * share
                    sums[name] = sums[name] + part if name in sums else part
            return dict(zip(sums, torch.stack(list(sums.values())).tolist(), strict=True)) if sums else {}
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return None

    def _agreed(self, found: dict[str, float] | None) -> dict[str, float]:
        """The losses of all processes together. Raises `OutOfMemory` when any of them ran out of memory."""
        if self._group.alone:
            if found is None:
                raise OutOfMemory
            return found
        mine = list((found or {}).values())
        ran_out, *sums = self._group.agree([float(found is None), *mine, *[0.0] * (_LOSSES - len(mine))])
        if ran_out:
            raise OutOfMemory
        names = list(found or {})
        if not names:  # no image of this step was ours: how the losses are called is known elsewhere
            names = ["total", *map(str, range(1, _LOSSES))]
        return dict(zip(names, sums, strict=False))


def step_that_fits(
    stepper: Stepper,
    batch: Batch,
    factor: float,
    shares: Mapping[str, float] | None = None,
    *,
    number: int,
    least: int,
    ran_out: Callable[[int], None],
) -> dict[str, float]:
    """`stepper.step`, with more and smaller parts whenever memory runs out; `ran_out` is told the images in one.

    `least` images of a whole batch are every process's. Raises `NotANumber`; `TrainingError` when two images at a
    time do not fit.
    """
    while True:
        try:
            return stepper.step(batch, factor, shares, number=number)
        except OutOfMemory:
            pass
        except (RuntimeError, MemoryError) as error:  # in moving the weights: others may have moved theirs
            if not (stepper.alone and is_out_of_memory(error)):
                raise
        # Outside the except block: its traceback would keep the step's tensors alive.
        batch.shared = None
        gc.collect()
        ran_out(halve(stepper, least))


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


def _check_count(phase: Phase, losses: int) -> None:
    if losses > _LOSSES:
        raise TrainingError(
            f"the phase {phase.name!r} of this model names {losses} losses, at most {_LOSSES} are possible",
            kept="Nothing was changed",
            mend="Let the recipe name fewer of them",
            reason="recipe",
        )


def _draw(seed: int, step: int, phase: int, part: int) -> int:
    return int(np.random.SeedSequence((seed, step, phase, part)).generate_state(1)[0])
