"""A process that trains with the first one: it brings its images of every step and does what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.config import TrainingConfig
from core.errors import TrainingError
from core.models.base import Recipe
from core.training import checkpoint
from core.training.data import Place, Prefetcher, Samples, to_device
from core.training.devices import Device
from core.training.group import Group
from core.training.progress import LAST
from core.training.stepper import NotANumber, Stepper, step_that_fits


class Follower:
    """Trains one recipe as the first process orders it. No schedule, no judgement, no checkpoint of its own.

    Weights, moments and parts are those of the checkpoint `last` in `folder`, the same folder for all processes.
    """

    def __init__(
        self,
        config: TrainingConfig,
        folder: Path,
        recipe: Recipe,
        *,
        samples: Samples,
        device: Device,
        group: Group,
        seed: int,
        channels_last: bool,
    ) -> None:
        self._config = config
        self._folder = folder
        self._recipe = recipe
        self._samples = samples
        self._device = device
        self._group = group
        self._channels_last = channels_last
        self._stepper = Stepper(recipe, device, parts_a_step=config.train.accumulate, seed=seed, group=group)

    def run(self) -> dict[str, Any]:
        """Obey until an order comes that is not about training, and return that one. Raises what `Group.hear` does."""
        loaders = self._device.loaders(self._config.train.workers)
        order = self._group.hear()
        if order["do"] not in ("load", "step"):
            return order
        with Prefetcher(self._samples, self._load(order["step"]), threads=loaders) as batches:
            while True:
                order = self._group.hear()
                if order["do"] == "load":
                    batches.restart(self._load(order["step"]))
                elif order["do"] == "step":
                    self._step(order, batches)
                else:
                    return order

    def _load(self, step: int) -> Place:
        path = self._folder / LAST
        tensors, record = checkpoint.load(path)
        if record["progress"]["step"] != step:
            raise TrainingError(
                f"the checkpoint here is of step {record['progress']['step']}, the training stands at {step}",
                path=path,
                kept="Nothing was changed",
                mend="All machines must see the same job folder",
                reason="devices",
            )
        self._recipe.model.load_state_dict(checkpoint.without_prefix("model", tensors))
        self._stepper.load(tensors, record)
        self._recipe.model.train()
        return Place(*record["progress"]["place"])

    def _step(self, order: dict[str, Any], batches: Prefetcher) -> None:
        batch = to_device(batches.take(), self._device.device, channels_last=self._channels_last)
        try:
            step_that_fits(
                self._stepper,
                batch,
                order["factor"],
                order["shares"],
                number=order["step"],
                least=self._samples.least,
                ran_out=lambda _: self._device.release_memory(),
            )
        except NotANumber:
            return  # the first process has met it, too: it goes back and tells where to
