"""Learning rate over a training, and how a training fits into the minutes that it was given. No torch here."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

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


class StepTimer:
    """Median seconds of the recent steps, without the first few."""

    def __init__(self) -> None:
        self._seen = 0
        self._recent: deque[float] = deque(maxlen=_MEDIAN_OF)

    def add(self, seconds: float) -> None:
        self._seen += 1
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
