"""The training loop: steps, schedule, commands, checkpoints, judging. One engine for every model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import torch

from core.config import TrainingConfig
from core.errors import TrainingError
from core.events import Epoch, Step
from core.jobfiles import kept_name
from core.models.base import Recipe
from core.training import checkpoint
from core.training.control import Control
from core.training.data import Prefetcher, Samples, to_device
from core.training.devices import Device
from core.training.estimate import estimate, warn_if_tight
from core.training.group import Group
from core.training.judge import Judge, OwnerGone, StopAsked
from core.training.metrics import Metrics
from core.training.progress import BEST, LAST, Progress
from core.training.reporter import Reporter
from core.training.saving import Saver
from core.training.schedules import StepTimer, looks, pace_of, training_budget
from core.training.stepper import NotANumber, Stepper, step_that_fits

SETBACKS: Final = 3
_ESTIMATED_AT: Final = 2  # the first step allocates, and says nothing about the others
_PICTURES_EVERY_S: Final = 20.0
_PAUSE_LOOK_S: Final = 0.2
_EARLY_SHARE: Final = 0.05  # of the time spent, for judging before the last drop when minutes were given
_LATE_SHARE: Final = 0.12  # and in all
_RESERVE: Final = 1.25  # the machine may be busier by then

End = Literal["finished", "stopped"]


class Trainer:
    """Trains one recipe in one job folder until its schedule is over, it is stopped, or its owner is gone.

    Where several processes train, this is the first one: it alone judges, reports, writes and hears commands, and
    tells the others in `group` (each a `Follower`) before every step what is done.
    `identity` says what this training is (settings, data): a checkpoint of another one is refused.
    `maps` is how many bytes scoring will write; `afterwards` answers how long it will take, in seconds, and is asked
    once the model has warmed up.
    """

    def __init__(
        self,
        config: TrainingConfig,
        folder: Path,
        recipe: Recipe,
        *,
        samples: Samples,
        judge: Judge,
        device: Device,
        reporter: Reporter,
        control: Control,
        identity: str,
        seed: int,
        channels_last: bool = False,
        afterwards: Callable[[], float] = lambda: 0.0,
        group: Group | None = None,
        maps: int = 0,
    ) -> None:
        self.maps = maps
        self.config = config
        self.folder = folder
        self.recipe = recipe
        self.samples = samples
        self.judge = judge
        self.device = device
        self.reporter = reporter
        self.control = control
        self.identity = identity
        self.seed = seed
        self.channels_last = channels_last
        self.afterwards = afterwards
        self.group = group or Group()
        self.progress = Progress()
        self.pace = pace_of(config.train, samples.steps_per_epoch)
        self.stepper = Stepper(recipe, device, parts_a_step=config.train.accumulate, seed=seed, group=self.group)
        self._saver = Saver(folder, reporter, identity)
        self.metrics = Metrics(folder / "metrics.jsonl")
        self._looks = looks(self.pace, config.train.evaluations)
        self._timer = StepTimer()
        self._mark = 0.0
        self._saved = 0.0
        self._drawn = float("-inf")
        self._after = 0.0  # seconds that will be needed after the last step
        self._paused = 0.0  # seconds
        self._tuning: dict[str, float] | None = None
        self._judging = self._judged = 0.0  # seconds: the last judgement, all of them

    def run(self) -> End:
        """Train to the end; leaves `best` behind. Raises `OwnerGone` (saved), `TrainingError`, `StorageError`."""
        try:
            end = self._train()
            self._finish(end)
        except OwnerGone:
            if self.progress.step and not self.progress.finished:
                self.save()
            raise
        return end

    def resume(self) -> bool:
        """Go on from `last` if there is one. Raises `TrainingError` when it belongs to other settings or images."""
        path = self.folder / LAST
        if not path.exists():
            return False
        tensors, record = checkpoint.load(path)
        if record["identity"] != self.identity:
            raise TrainingError(
                "settings or images have changed since this training was interrupted",
                path=self.folder,
                kept="The checkpoint was kept",
                mend="Start a new training, or restore what was changed",
                reason="changed",
            )
        self._load(tensors, record)
        self.metrics.cut(self.progress.step)
        return True

    def save(self) -> None:
        """Write `last`: with it a killed training goes on bit for bit as if it had not been killed (on a CPU).

        Weights that are no numbers are never written: the older checkpoint is what the training goes back to.
        """
        if not self._sound():
            return
        moments, numbers = self.stepper.tensors()
        tensors = {
            **checkpoint.with_prefix("model", self.recipe.model.state_dict()),
            **checkpoint.with_prefix("average", self.judge.model.state_dict()),
            **moments,
            **checkpoint.random_state(),
        }
        record = {
            "progress": self.progress.to_json(),
            "pace": self.pace.to_json(),
            "numbers": numbers,
            "parts": self.stepper.parts,
            "devices": self.group.size,
            "after": self._after,
            "averaged": self.config.train.ema is not None,
        }
        self.metrics.flush()
        self._saver.write("last", "last", tensors, record, self.progress)
        self._saved = time.monotonic()

    def _train(self) -> End:
        progress = self.progress
        if progress.finished:
            return "finished"
        self._begin()
        loaders = self.device.loaders(self.config.train.workers)
        with Prefetcher(self.samples, progress.place, threads=loaders) as batches:
            self._look_if_due()  # a judgement that an interruption cut short
            self._watch_if_due()
            self._keep_if_due()
            while not (self.pace.over(progress.step) or progress.early):
                self._attend()
                if self.control.stops:
                    return "stopped"
                try:
                    self._step(batches)
                except NotANumber as problem:
                    self._step_back(problem)
                    batches.restart(self.progress.place)
                    progress = self.progress
                    continue
                self._between_steps()
        return "finished"

    def _sound(self) -> bool:
        weights = [parameter.detach() for parameter in self.recipe.model.parameters()]
        return bool(torch.isfinite(torch.stack(torch._foreach_norm(weights))).all())

    def _begin(self) -> None:
        # The generator's state goes into the checkpoint: what training draws must not depend on what was built before.
        if not self.progress.step:
            torch.manual_seed(self.seed)
            self._budget(provisional=True)
            self.save()
        self._tell_load()
        self.recipe.model.train()
        self.reporter.phase("training", total=self._steps_shown())
        self._saved = self._mark = time.monotonic()

    def _step(self, batches: Prefetcher) -> None:
        progress, began = self.progress, time.monotonic()
        factor = self.pace.factor(progress.step) * progress.rate
        shares = self._shares()
        self.group.tell({"do": "step", "step": progress.step, "factor": factor, "shares": shares})
        batch = to_device(batches.take(), self.device.device, channels_last=self.channels_last)
        losses = step_that_fits(
            self.stepper,
            batch,
            factor,
            shares,
            number=progress.step,
            least=self.samples.least,
            ran_out=self._warn_of_memory,
        )
        self.judge.averaged.update(progress.step)
        place = progress.place
        progress.step += 1
        progress.place = self.samples.next_place(place)
        now = time.monotonic()
        self._timer.add(now - began)
        self.pace.spent += now - self._mark
        self._mark = now
        rate = self._rate(factor)
        self.metrics.add(progress.step, place.epoch, rate, losses, now - began)
        self._tell_step(place.epoch, rate, losses)

    def _warn_of_memory(self, images: int) -> None:
        self.device.release_memory()
        self.reporter.warn(
            "memory",
            f"Memory ran out: {images} images at a time now, the rest added up. "
            "Normalisation sees smaller groups than before.",
        )

    def _tell_load(self) -> None:
        """The other processes take over what `last` holds, which is what this one holds."""
        self.group.tell({"do": "load", "step": self.progress.step})

    def _tell_step(self, epoch: int, rate: float, losses: dict[str, float]) -> None:
        step = self.progress.step
        median = self._timer.median
        left = self.pace.remaining_steps(step, median) * median
        self.reporter.expect(time.time() + left + self._after if self._timer.ready else None)
        self.reporter.step(
            Step(
                step=step,
                steps=self._steps_shown(),
                epoch=epoch,
                progress=self.pace.position(step),
                lr=rate,
                losses=losses,
                seconds=median,
            )
        )

    def _tell_estimate(self) -> None:
        found = estimate(
            self.recipe.model,
            self.stepper,
            step=self._timer.last,
            steps=self.pace.remaining_steps(self.progress.step, self._timer.last),
            seconds=self.pace.budget,
            memory=self.device.peak_memory or self.reporter.peak_memory,
            maps=self.maps,
        )
        self.reporter.tell(found)
        warn_if_tight(found, self.folder, self.reporter)

    def _between_steps(self) -> None:
        progress = self.progress
        if progress.step == _ESTIMATED_AT:
            self._tell_estimate()
        if self._timer.ready and not self._after:
            with contextlib.suppress(StopAsked):
                self._measure_afterwards()
        self._look_if_due()
        self._watch_if_due()
        self._keep_if_due()
        if progress.place.position == 0:
            self._end_epoch()
        if time.monotonic() - self._saved > self.config.train.checkpoint_minutes * 60:
            self.save()

    def _look_if_due(self) -> None:
        due = sum(self.pace.position(self.progress.step) >= look for look in self._looks)
        if due > self.progress.looks:
            with contextlib.suppress(StopAsked):
                self._look()
                self.progress.looks = due  # not before: a judgement that was cut short is made after a resume
                if self.progress.best_step == self.progress.step and not self.pace.over(self.progress.step):
                    self.save()  # going back must not forget how good the kept model is

    def _watch_if_due(self) -> None:
        """On a plateau schedule: judge after every epoch, and lower the rates whose losses no longer fall."""
        plateau = self.progress.plateau
        if self.config.train.schedule != "plateau" or self.progress.place.epoch <= plateau.epochs:
            return
        with contextlib.suppress(StopAsked):
            self.judge.prepare(self._look_up)
            self._tuning = self.judge.tuning_losses(self._look_up)
            plateau.add_epoch(self._tuning, patience=self.config.train.plateau_patience)

    def _keep_if_due(self, *, to_the_end: bool = False) -> None:
        """At its milestones: keep the judged weights as they stand. What a stop cuts short is made after a resume."""
        progress, position = self.progress, self.pace.position(self.progress.step)
        due = [share for share in self.config.train.keep_at if progress.kept < share <= position]
        with contextlib.suppress(StopAsked):
            if due and self._sound():
                look_up = None if to_the_end else self._look_up
                self.judge.prepare(look_up)
                tuning = self.judge.tuning_losses(look_up)
                for share in due:
                    self._saver.write_model("kept", kept_name(share), self.judge.model, progress, tuning)
            progress.kept = position

    def _shares(self) -> dict[str, float]:
        """What a plateau schedule leaves of each phase's rate."""
        train = self.config.train
        if train.schedule != "plateau":
            return {}
        plateau, floor = self.progress.plateau, min(1.0, train.plateau_floor / train.lr)
        return {
            phase.name: max(floor, plateau.factor(phase.watches, train.plateau_decay)) for phase in self.stepper.phases
        }

    def _rate(self, factor: float) -> float:
        """The rate of the first phase, for showing."""
        first = self.stepper.phases[0]
        return first.optimiser.lr * factor * self._shares().get(first.name, 1.0)

    def _look(self) -> None:
        """Judge the averaged weights; after the last drop the best ones are kept. Raises `StopAsked`."""
        settled = self.pace.settled(self.progress.step)
        if not self._affordable(settled=settled):
            return
        began = time.monotonic()
        self.judge.prepare(self._look_up)
        self._tuning = self.judge.tuning_losses(self._look_up)
        if settled:
            self._keep_if_best()
        self._judging = time.monotonic() - began
        self._judged += self._judging

    def _look_up(self) -> None:
        """Between two pieces of a judgement while training: a stop judges by itself, later and in its own time."""
        if self.control.owner_gone:
            raise OwnerGone
        if self.control.stops:
            raise StopAsked

    def _affordable(self, *, settled: bool) -> bool:
        """By steps every judgement is made; by the clock those that leave the time to training, and the last one."""
        if self.pace.budget is None or self.pace.over(self.progress.step):
            return True
        share = _LATE_SHARE if settled else _EARLY_SHARE
        return self._judged + self._judging <= share * self.pace.spent

    def _keep_if_best(self) -> bool:
        progress = self.progress
        total = (self._tuning or {}).get("total")
        if total is None:
            return False
        if progress.best is not None and total >= progress.best:
            progress.without_gain += 1
            patience = self.config.train.patience
            progress.early = patience is not None and progress.without_gain >= patience
            return False
        progress.best, progress.best_step, progress.without_gain = total, progress.step, 0
        self._saver.write_model("best", "best", self.judge.model, progress, self._tuning)
        return True

    def _end_epoch(self) -> None:
        progress = self.progress
        self.reporter.tell(
            Epoch(
                epoch=progress.place.epoch,
                step=progress.step,
                lr=self._rate(self.pace.factor(progress.step) * progress.rate),
                losses=self.metrics.means(),
                tuning=self._tuning,
                best=progress.best_step == progress.step,
            )
        )
        self._tuning = None
        over = self.pace.over(progress.step) or progress.early  # the last ones are drawn of what is kept
        if time.monotonic() - self._drawn > _PICTURES_EVERY_S and not over:
            self.judge.averaged.bring_up_to_date()
            self._draw()

    def _draw(self) -> None:
        """Draw what the judged weights see as they are now."""
        count = self.config.train.pictures
        if not count:
            return
        progress = self.progress
        for picture in self.judge.draw(self.folder, step=progress.step, epoch=progress.place.epoch, count=count):
            self.reporter.tell(picture)
        self._drawn = time.monotonic()

    def _finish(self, end: End) -> None:
        """Leave a usable model: `last`, and `best` if no judgement after the last drop has made one."""
        progress = self.progress
        if progress.finished:
            self._take_best()
            return
        name: Literal["stopping", "finishing"] = "stopping" if end == "stopped" else "finishing"
        self.reporter.phase(name, "Saving what was learnt")
        if not self._sound():
            self._load(*checkpoint.load(self.folder / LAST))
            progress = self.progress
        self.save()
        if not progress.step:
            return
        if progress.best is None:
            self.judge.prepare()
            self._tuning = self.judge.tuning_losses()
            progress.best_step = progress.step
            self._saver.write_model("best", "best", self.judge.model, progress, self._tuning)
        if end == "finished":
            self._keep_if_due(to_the_end=True)
            progress.finished = True
            self.save()
        self._take_best()
        self._draw()

    def _take_best(self) -> None:
        self.judge.model.load_state_dict(checkpoint.without_prefix("average", checkpoint.load(self.folder / BEST)[0]))

    def _attend(self) -> None:
        """Between two steps: what the owner wants."""
        if self.control.owner_gone:
            raise OwnerGone
        if self.control.take_checkpoint_wish():
            self.save()
        if self.control.paused:
            began = time.monotonic()
            self.reporter.expect(None)
            self.reporter.phase("paused")
            self.save()
            while not self.control.wait_while_paused(_PAUSE_LOOK_S):
                if self.control.take_checkpoint_wish():
                    self.save()
            if not self.control.leaving:
                self.reporter.phase("training", total=self._steps_shown())
            self._paused += time.monotonic() - began
            self._mark = time.monotonic()
        if self.control.owner_gone:
            raise OwnerGone

    def _step_back(self, problem: NotANumber) -> None:
        """A loss is no number: back to the last checkpoint with half the rate; after three times it is over."""
        setbacks, rate = self.progress.setbacks + 1, self.progress.rate / 2
        if setbacks > SETBACKS:
            raise TrainingError(
                f"the losses are no numbers any more ({problem}), also after {SETBACKS} fresh starts at lower rates",
                kept="The last good checkpoint was kept",
                mend="Choose a lower learning rate, and look for images that are one flat colour",
                reason="diverged",
            )
        step, spent = self.progress.step, self.pace.spent
        self._load(*checkpoint.load(self.folder / LAST))
        self.pace.spent = spent  # minutes that were lost are not given again
        self.progress.setbacks, self.progress.rate = setbacks, rate
        self.metrics.cut(self.progress.step)
        self.reporter.warn(
            "diverged",
            f"A loss was no number in step {step + 1}: back to step {self.progress.step}, at half the learning rate.",
        )
        self.save()
        self._tell_load()
        self.recipe.model.train()

    def _load(self, tensors: dict[str, torch.Tensor], record: dict[str, Any]) -> None:
        self.recipe.model.load_state_dict(checkpoint.without_prefix("model", tensors))
        self.judge.model.load_state_dict(checkpoint.without_prefix("average", tensors))
        self.stepper.load(tensors, record)
        checkpoint.restore_random_state(tensors)
        self.progress = Progress.from_json(record["progress"])
        self.pace.budget = record["pace"]["budget"]
        self.pace.spent = record["pace"]["spent"]
        self._after = record["after"]

    def _budget(self, *, provisional: bool) -> None:
        minutes = self.config.train.minutes
        if minutes is None:
            return
        spent = self.pace.spent
        after = 0.1 * minutes * 60 if provisional else self._after
        loaded = max(0.0, self.reporter.elapsed - self._paused - spent)
        self.pace.budget = training_budget(minutes=minutes, loaded=loaded, afterwards=after)

    def _measure_afterwards(self) -> None:
        """Once the steps are at pace: how long judging and scoring will take, and what that leaves for training."""
        began = time.monotonic()
        self.judge.prepare(self._look_up)
        self.judge.tuning_losses(self._look_up)
        self._judging = time.monotonic() - began
        self._after = _RESERVE * (self._judging + self.afterwards())
        self._budget(provisional=False)
        self._mark = time.monotonic()  # measuring counts as loading, not as training, too

    def _steps_shown(self) -> int:
        return self.progress.step + self.pace.remaining_steps(self.progress.step, self._timer.median or 1.0)
