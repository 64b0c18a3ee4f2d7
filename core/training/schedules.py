"""Learning rate over a training, and how a training fits into the minutes that it was given. No torch here."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.config import TrainConfig

_TIME_UNITS: Final = 10_000  # resolution of a schedule by the clock
_LATE_LOOKS: Final = 4  # judgements between the last drop and the end
_MEDIAN_OF: Final = 32
_WARM_STEPS: Final = 3  # the first steps allocate and choose kernels: they say nothing about the pace


def rounded(value: float) -> int:
    """Nearest whole number, halves up: a milestone that is no whole number would never fire (spec/prff.md 8)."""
    return math.floor(value + 0.5)


@dataclass(frozen=True)
class Schedule:
    """Rate factor over `total` units: linear warm-up, then a drop by `gamma` at each milestone (in units)."""

    total: int
    milestones: tuple[int, ...]
    gamma: float
    warmup: int = 0

    @classmethod
    def of(cls, total: int, *, milestones: Sequence[float], gamma: float, warmup: float = 0.0) -> Schedule:
        """From fractions: `milestones` and `warmup` in [0, 1] of `total`."""
        last = max(1, total - 1)  # a drop at the end itself would never come
        places = tuple(sorted(min(last, max(1, rounded(part * total))) for part in milestones))
        return cls(total=total, milestones=places, gamma=gamma, warmup=rounded(warmup * total))

    def factor(self, unit: int) -> float:
        """The factor on the base rate in the 0-based `unit` (an epoch, a step)."""
        drops = sum(unit >= place for place in self.milestones)
        rising = min(1.0, (unit + 1) / (self.warmup + 1)) if self.warmup else 1.0
        return float(self.gamma**drops * rising)

    @property
    def last_drop(self) -> int:
        """The unit from which on the rate no longer falls; 0 when it never does."""
        return max(self.milestones, default=0)


@dataclass
class Pace:
    """Where a training stands on its schedule: by steps, or, when minutes were given, by training time.

    By steps everything is a pure function of the step. By time the position is `spent / budget`, so that the drops
    and the end come at their place in the time given however fast the machine is at the moment; `spent` counts
    training only (no pause, no loading), goes on over a resume, and is kept in the checkpoint.
    """

    schedule: Schedule  # in steps; with a budget in equal parts of it
    budget: float | None = None  # seconds for training steps
    spent: float = 0.0

    def position(self, step: int) -> float:
        """Share of the schedule that is done before the 0-based `step`, 0..1."""
        if self.budget is None:
            return min(1.0, step / max(1, self.schedule.total))
        return min(1.0, self.spent / max(1e-9, self.budget))

    def unit(self, step: int) -> int:
        """The schedule's unit in which `step` falls."""
        if self.budget is not None:
            return min(self.schedule.total, int(self.position(step) * self.schedule.total))
        return step

    def factor(self, step: int) -> float:
        return self.schedule.factor(self.unit(step))

    def settled(self, step: int) -> bool:
        """Whether the last drop lies behind: from here on a model may be called best."""
        return self.unit(step) >= self.schedule.last_drop

    def over(self, step: int) -> bool:
        return self.position(step) >= 1.0

    def remaining_steps(self, step: int, seconds: float) -> int:
        """Steps still to come at `seconds` a step."""
        if self.budget is None:
            return max(0, self.schedule.total - step)
        return max(0, math.ceil((self.budget - self.spent) / max(1e-6, seconds)))

    def to_json(self) -> dict[str, Any]:
        return {"total": self.schedule.total, "budget": self.budget, "spent": self.spent}


def steps_schedule(
    *, epochs: int, steps_per_epoch: int, milestones: Sequence[float], gamma: float, warmup: float
) -> Schedule:
    """`epochs` as steps, with the drops at the beginning of whole epochs (spec/prff.md 8: round(0.8 * epochs))."""
    by_epoch = Schedule.of(epochs, milestones=milestones, gamma=gamma)
    return Schedule(
        total=epochs * steps_per_epoch,
        milestones=tuple(place * steps_per_epoch for place in by_epoch.milestones),
        gamma=gamma,
        warmup=rounded(warmup * epochs * steps_per_epoch),
    )


@dataclass
class Plateau:
    """Rates that fall whenever a watched tuning loss has not fallen for some epochs (GRD-Net, equation 7).

    With a decay of 0.1 and patience 3: LR_k = LR_(k-1) e^-0.1 on the third epoch in a row without a new best.
    """

    epochs: int = 0
    best: dict[str, float] = field(default_factory=dict)
    without_gain: dict[str, int] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)

    def add_epoch(self, losses: Mapping[str, float], *, patience: int) -> None:
        """What the tuning images say after one more epoch; losses that are missing (not finite) count as no gain."""
        self.epochs += 1
        for name in {*losses, *self.best}:
            value = losses.get(name, math.inf)
            if value < self.best.get(name, math.inf):
                self.best[name], self.without_gain[name] = value, 0
                continue
            self.without_gain[name] = self.without_gain.get(name, 0) + 1
            if self.without_gain[name] >= patience:
                self.drops[name], self.without_gain[name] = self.drops.get(name, 0) + 1, 0

    def factor(self, name: str, decay: float) -> float:
        """What is left of the rate that watches the loss `name`."""
        return math.exp(-decay * self.drops.get(name, 0))


class StepTimer:
    """Median seconds of the recent steps, without the first few."""

    def __init__(self) -> None:
        self._seen = 0
        self._recent: deque[float] = deque(maxlen=_MEDIAN_OF)
        self.last = 0.0  # seconds

    def add(self, seconds: float) -> None:
        self._seen += 1
        self.last = seconds
        if self._seen > _WARM_STEPS or not self._recent:
            if self._seen == _WARM_STEPS + 1:
                self._recent.clear()
            self._recent.append(seconds)

    @property
    def ready(self) -> bool:
        """Whether the median rests on steps at full pace."""
        return self._seen >= 2 * _WARM_STEPS

    @property
    def median(self) -> float:
        return statistics.median(self._recent) if self._recent else 0.0


def training_budget(*, minutes: float, loaded: float, afterwards: float) -> float:
    """Seconds for training steps so that the whole job takes `minutes`.

    `loaded`: seconds this job has lived without training, `afterwards`: seconds that judging and scoring will need.
    At least half of what is left goes to training: minutes that are too few give a short training, never none.
    """
    left = max(0.0, minutes * 60 - loaded)
    return max(left - afterwards, 0.5 * left, 1.0)


def looks(pace: Pace, evaluations: int) -> tuple[float, ...]:
    """Positions in (0, 1] at which tuning images are judged: `evaluations` spread evenly, four after the last drop."""
    if not evaluations:
        return ()
    settled = min(1.0, pace.schedule.last_drop / max(1, pace.schedule.total))
    early = {k / evaluations for k in range(1, evaluations + 1) if k / evaluations <= settled}
    late = {settled + (1 - settled) * k / _LATE_LOOKS for k in range(1, _LATE_LOOKS + 1)}
    return tuple(sorted(early | {min(1.0, look) for look in late}))


def pace_of(train: TrainConfig, steps_per_epoch: int) -> Pace:
    """The schedule of a training, by epochs, steps or minutes."""
    if train.epochs is not None:
        schedule = steps_schedule(
            epochs=train.epochs,
            steps_per_epoch=steps_per_epoch,
            milestones=train.milestones,
            gamma=train.gamma,
            warmup=train.warmup,
        )
        return Pace(schedule)
    total = train.steps if train.steps is not None else _TIME_UNITS
    schedule = Schedule.of(total, milestones=train.milestones, gamma=train.gamma, warmup=train.warmup)
    return Pace(schedule, budget=None if train.minutes is None else train.minutes * 60)
