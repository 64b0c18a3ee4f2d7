"""Progressive reconstruction: an image that looks suspicious is rebuilt again before it is judged (spec/prff.md 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from core.config import ProgressiveConfig, ScoreConfig
from core.models.base import Detector, Taps


@dataclass(frozen=True)
class Prediction:
    """What the model says of a batch; everything on the CPU.

    `maps` (N, S, S) float32 in [0, 1], unsmoothed; `reconstructions` (N, 3, S, S) of the last pass, not clamped;
    `score` (N,) maximum of the smoothed map; `peak` (N,) maximum of the map itself; `first` (N,) smoothed maximum of
    pass 1, what the gate looked at; `gated` (N,) bool, whether it went on; `passes` (N,) how many were made.
    """

    maps: Tensor
    reconstructions: Tensor
    score: Tensor
    peak: Tensor
    first: Tensor
    gated: Tensor
    passes: Tensor


@dataclass(frozen=True)
class OnePass:
    """One pass of a batch, as in `Prediction` but of this pass alone: nothing is kept from the passes before it."""

    maps: Tensor
    reconstructions: Tensor
    score: Tensor
    peak: Tensor
    first: Tensor


def smooth(maps: Tensor, kernel: int, *, count_pad: bool = True) -> Tensor:
    """Running mean of (N, 1, S, S) over an odd `kernel`, stride 1; zeros outside count in the mean (DRAEM)."""
    return functional.avg_pool2d(maps, kernel, stride=1, padding=kernel // 2, count_include_pad=count_pad)


class Predictor:
    """Judges batches with a model in evaluation mode; a batch gives what its images give one by one.

    The discriminating network always sees the original image and the unclamped last reconstruction. With `taps` first
    it sees the features of pass 1, as in training, where they belong to the image with its defect.
    """

    def __init__(self, model: Detector, *, progressive: ProgressiveConfig, score: ScoreConfig, size: int) -> None:
        self.model = model.eval()
        self.progressive = progressive
        self._count_pad = score.count_pad
        self.kernel = score.kernel(size)

    @torch.inference_mode()
    def predict(self, images: Tensor) -> Prediction:
        """Judge (N, 3, S, S) float32 in [0, 1] on the model's device."""
        settings = self.progressive
        r1, taps1 = self.model.reconstruct(images)
        map1 = self._map(images, r1, taps1)
        first = self._peak_of_mean(map1)
        gated = (first > settings.gate) & (settings.n > 1)
        final, shown = map1.clone(), r1.clone()
        score = self._score(images, r1, taps1, map1)
        passes = torch.ones(len(images), dtype=torch.int64)
        chosen = gated.nonzero()[:, 0]
        if len(chosen):
            self._go_on(images, taps1, chosen, final=final, shown=shown, score=score, passes=passes)
        return Prediction(
            maps=final[:, 0].float().cpu(),
            reconstructions=shown.float().cpu(),
            score=score.float().cpu(),
            peak=final.amax((1, 2, 3)).float().cpu(),
            first=first.float().cpu(),
            gated=gated.cpu(),
            passes=passes,
        )

    @torch.inference_mode()
    def unroll(self, images: Tensor, passes: int) -> list[OnePass]:
        """Passes 1 to `passes` of (N, 3, S, S), whatever the gate says: what each would show and score."""
        settings = self.progressive
        found: list[OnePass] = []
        given = images
        taps1: Taps = ()
        for number in range(1, passes + 1):
            r, taps = self.model.reconstruct(given)
            taps1 = taps if number == 1 else taps1
            shown = taps1 if settings.taps == "first" else taps
            one = self._map(images, r, shown)
            found.append(
                OnePass(
                    maps=one[:, 0].float().cpu(),
                    reconstructions=r.float().cpu(),
                    score=self._score(images, r, shown, one).float().cpu(),
                    peak=one.amax((1, 2, 3)).float().cpu(),
                    first=self._peak_of_mean(one).float().cpu(),
                )
            )
            given = r.clamp(0, 1) if settings.clamp else r
        return found

    def judged_passes(self, firsts: Sequence[float]) -> int:
        """How many passes `predict` makes of an image whose smoothed maxima, pass by pass, are `firsts`."""
        settings = self.progressive
        if settings.n == 1 or firsts[0] <= settings.gate:
            return 1
        if not settings.regate:
            return settings.n
        closed = (number for number, first in enumerate(firsts, 1) if first <= settings.gate)
        return min(next(closed, settings.n), settings.n)

    def _go_on(
        self,
        images: Tensor,
        taps1: Taps,
        chosen: Tensor,
        *,
        final: Tensor,
        shown: Tensor,
        score: Tensor,
        passes: Tensor,
    ) -> None:
        """Passes 2 to n of the `chosen` images, written back into `final`, `shown`, `score` and `passes`."""
        settings = self.progressive
        for number in range(2, settings.n + 1):
            before = shown[chosen]
            r, taps = self.model.reconstruct(before.clamp(0, 1) if settings.clamp else before)
            if settings.taps == "first":
                taps = tuple(tap[chosen] for tap in taps1)
            shown[chosen] = r
            passes[chosen.cpu()] = number
            if number < settings.n and not settings.regate:
                continue  # the map of a pass in between is never looked at
            x = images[chosen]
            found = self._map(x, r, taps)
            if settings.score_from == "last":
                final[chosen] = found
                score[chosen] = self._score(x, r, taps, found)
            elif settings.score_from == "max":
                final[chosen] = torch.maximum(final[chosen], found)
                score[chosen] = torch.maximum(self._score(x, r, taps, final[chosen]), score[chosen])
            if settings.regate:
                chosen = chosen[self._peak_of_mean(found) > settings.gate]
                if not len(chosen):
                    return

    def _map(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        found = self.model.discriminate(x, r, taps)
        if found is None:  # a model without a judging network: what it could not rebuild
            found = (x - r).abs().mean(1, keepdim=True).clamp(0, 1)
        return found

    def _score(self, x: Tensor, r: Tensor, taps: Taps, found: Tensor) -> Tensor:
        own = self.model.score(x, r, taps)
        return self._peak_of_mean(found) if own is None else own

    def _peak_of_mean(self, maps: Tensor) -> Tensor:
        return smooth(maps, self.kernel, count_pad=self._count_pad).amax((1, 2, 3))
