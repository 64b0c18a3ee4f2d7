"""How many reconstruction passes, and above which gate: proposed from good and artificially defective tuning images.

PRFF-AD: structured parts gain from further passes, textures blur (spec/prff.md 9). Here that is measured, not assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.evaluation.curves import NotMeasured, PixelCounts, Ranking

GAIN: Final = 0.002
"""What the mean of image and pixel AUROC must gain before a further pass is proposed: less is chance with 32 images."""


@dataclass(frozen=True)
class Unrolled:
    """K passes over N tuning images, whatever the gate says.

    `scores` and `firsts` (K, N): the score after so many passes, and what the gate looks at in each; `maps`
    (K, N, S, S) uint16 with 65535 = 1.0; `masks` (N, S, S), non-zero = artificial defect; `ms` (K,): what an image
    takes that makes so many.
    """

    scores: NDArray[np.float64]
    firsts: NDArray[np.float64]
    maps: NDArray[np.uint16]
    masks: NDArray[np.uint8]
    ms: Sequence[float]

    @property
    def defective(self) -> NDArray[np.bool_]:
        """(N,): which of them have a defect."""
        return np.asarray(self.masks.any(axis=(1, 2)))


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PassesMeasured(_Record):
    """How tuning images separate with so many passes above a gate; `ms` is what an image takes that makes them all."""

    passes: int
    gate: float
    image_auroc: float
    pixel_auroc: float
    good_on: int
    defective_on: int
    ms: float

    @property
    def value(self) -> float:
        """What options are compared by."""
        return (self.image_auroc + self.pixel_auroc) / 2


class PassesProposal(_Record):
    """What is proposed, why, and what it was chosen from: the best of each number of passes, the training's own too.

    `images` tuning images gave `good` good and `defective` artificially defective ones.
    """

    passes: int
    gate: float
    sentence: str
    images: int
    good: int
    defective: int
    options: tuple[PassesMeasured, ...]


def propose(
    seen: Unrolled, *, images: int, gate: float, passes: int = 1, regate: bool = False, from_tuning: bool = True
) -> PassesProposal | None:
    """The cheapest number of passes and gate that separate as well as the best; None without good or defective ones.

    `passes` and `gate` are the training's own. A further pass is proposed for a gain above `GAIN` only.
    """
    options = _options(seen, gate, regate)
    if not options:
        return None
    once, best = options[0], max(options, key=lambda one: one.value)
    chosen = once
    if best.value - once.value > GAIN:
        equal = [one for one in options if one.value >= best.value - GAIN / 2]
        chosen = min(equal, key=lambda one: (one.good_on * (one.passes - 1), one.passes, one.gate != gate))
    own = next((one for one in options if one.passes == passes and (passes == 1 or one.gate == gate)), once)
    defective = int(seen.defective.sum())
    good = seen.defective.size - defective
    where = f"{_count(images, 'tuning image')}" if from_tuning else f"{_count(images, 'training image')}"
    sentence = _once(options, where) if chosen is once else _again(chosen, once, good, where)
    return PassesProposal(
        passes=chosen.passes,
        gate=chosen.gate,
        sentence=sentence,
        images=images,
        good=good,
        defective=defective,
        options=_told(options, (once, chosen, own)),
    )


def _options(seen: Unrolled, gate: float, regate: bool) -> list[PassesMeasured]:
    """One pass; then every number of them, with gates that let all, half or none of the good images on, and `gate`."""
    good = ~seen.defective
    if good.all() or not good.any():
        return []
    firsts = np.sort(seen.firsts[0][good])
    gates = [gate, float(firsts[-1]), float(firsts[(firsts.size - 1) // 2]), 0.0]
    options = [_measure(seen, 1, gate, regate)]
    for passes in range(2, len(seen.scores) + 1):
        known: set[bytes] = set()
        for value in (round(one, 4) for one in gates):
            made = _made(seen.firsts, passes, value, regate)
            if made.tobytes() not in known:
                known.add(made.tobytes())
                options.append(_measure(seen, passes, value, regate))
    return options


def _made(firsts: NDArray[np.float64], passes: int, gate: float, regate: bool) -> NDArray[np.int64]:
    """(N,): how many passes each image makes, as `core.inference.predictor.Predictor` counts them."""
    opened = firsts[:passes] > gate
    if not regate:
        return np.where(opened[0], passes, 1)
    return np.asarray(np.minimum(1 + np.cumprod(opened, axis=0).sum(axis=0), passes), np.int64)


def _measure(seen: Unrolled, passes: int, gate: float, regate: bool) -> PassesMeasured:
    made = _made(seen.firsts, passes, gate, regate) - 1
    images, bad = np.arange(made.size), seen.defective
    counts = PixelCounts()
    for image in images:
        counts.add(seen.maps[made[image], image], seen.masks[image] if bad[image] else None)
    return PassesMeasured(
        passes=passes,
        gate=gate,
        image_auroc=_number(Ranking.of(seen.scores[made, images], bad).auroc()),
        pixel_auroc=_number(counts.auroc()),
        good_on=int((made[~bad] > 0).sum()),
        defective_on=int((made[bad] > 0).sum()),
        ms=round(float(seen.ms[passes - 1]), 2),
    )


def _number(found: float | NotMeasured) -> float:
    assert isinstance(found, float)  # there are good and defective ones
    return found


def _told(options: Sequence[PassesMeasured], always: Sequence[PassesMeasured]) -> tuple[PassesMeasured, ...]:
    best: dict[int, PassesMeasured] = {}
    for one in options:
        if one.passes not in best or one.value > best[one.passes].value:
            best[one.passes] = one
    told = [one for one in options if one in always or best[one.passes] is one]
    return tuple(told)


def _once(options: Sequence[PassesMeasured], where: str) -> str:
    once = options[0]
    further = [one for one in options if one.passes == 2]
    if not further:
        return f"One pass: no other was measured on {where}."
    second = max(further, key=lambda one: one.value)
    change = 100 * (second.value - once.value)
    gained = "gained nothing"
    if abs(change) >= 0.05:
        gained = f"gained no more than {change:.1f} points" if change > 0 else f"lost {-change:.1f} points"
    return f"One pass: a second one {gained} on {where} and costs {max(0.0, second.ms - once.ms):.0f} ms."


def _again(chosen: PassesMeasured, once: PassesMeasured, good: int, where: str) -> str:
    return (
        f"{_WORDS[chosen.passes]} passes above {chosen.gate:g}: on {where} image AUROC goes from "
        f"{100 * once.image_auroc:.1f} to {100 * chosen.image_auroc:.1f} %, pixel AUROC from "
        f"{100 * once.pixel_auroc:.1f} to {100 * chosen.pixel_auroc:.1f} % with artificial defects; "
        f"{chosen.good_on} of {good} good ones go on, which costs {max(0.0, chosen.ms - once.ms):.0f} ms each."
    )


_WORDS: Final[dict[int, Any]] = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
