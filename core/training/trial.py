"""What a training will take, found out before it begins: two of its steps with its own images."""

from __future__ import annotations

from core.errors import TrainingError
from core.events import Estimate
from core.training.data import Prefetcher, steps_an_epoch
from core.training.estimate import estimate
from core.training.loop import Trainer
from core.training.schedules import pace_of
from core.training.stepper import NotANumber

_STEPS = 2  # the first one allocates, and says nothing about the others


class Trial(Trainer):
    """A training of two steps on a few of its images; what it writes goes with its folder."""

    def measure(self, share: float) -> Estimate:
        """What the whole training takes when its images here are `share` of all that it learns from.

        Raises `OwnerGone`, `TrainingError` (memory, losses that are no numbers), `StorageError`.
        """
        train = self.config.train
        crops = round(self.samples.crops / share)
        self.pace = pace_of(train, steps_an_epoch(crops, batch=train.batch, drop_last=train.drop_last))
        self._begin()
        try:
            with Prefetcher(self.samples, self.progress.place, threads=self.device.loaders(train.workers)) as batches:
                for _ in range(_STEPS):
                    self._attend()
                    self._step(batches)
        except NotANumber as problem:
            raise TrainingError(
                f"the first losses are no numbers ({problem})",
                kept="Nothing was changed",
                mend="Choose a lower learning rate, and look for images that are one flat colour",
                reason="diverged",
            ) from problem
        step = self._timer.last
        steps = self.pace.remaining_steps(0, step)
        own = self.device.peak_memory
        held = min(
            crops * 3 * self.config.preprocess.size**2, train.cache_mb * 2**20
        )  # images, in the computer's memory
        return estimate(
            self.recipe.model,
            self.stepper,
            step=step,
            steps=steps,
            seconds=steps * step + self.afterwards() if train.minutes is None else 60 * train.minutes,
            memory=own or self.reporter.peak_memory + held,
            maps=self.maps,
        )
