"""Progressive reconstruction: an image that looks suspicious is rebuilt again before it is judged (spec/prff.md 9)."""

from __future__ import annotations

import copy
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
    """What `Prediction` would be after so many passes; `first` is that of this pass alone, what the gate looks at."""

    maps: Tensor
    reconstructions: Tensor
    score: Tensor
    peak: Tensor
    first: Tensor


@dataclass(frozen=True)
class _Given:
    """What is judged, and where."""

    images: Tensor
    region: Tensor | None

    def of(self, chosen: Tensor) -> _Given:
        return _Given(self.images[chosen], None if self.region is None else self.region[chosen])


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
    def predict(self, images: Tensor, region: Tensor | None = None) -> Prediction:
        """Judge (N, 3, S, S) float32 in [0, 1] on the model's device.

        `region` (N, 1, S, S) of 0 and 1 says where: outside of it maps are 0. A score of the model's own (GANomaly's)
        is one of the whole image nevertheless.
        """
        settings = self.progressive
        given = _Given(images, region)
        r1, taps1 = self.model.reconstruct(images)
        map1 = self._map(given, r1, taps1)
        first = self._peak_of_mean(map1)
        gated = (first > settings.gate) & (settings.n > 1)
        final, shown = map1.clone(), r1.clone()
        score = self._score(images, r1, taps1, map1)
        passes = torch.ones(len(images), dtype=torch.int64)
        chosen = gated.nonzero()[:, 0]
        if len(chosen):
            self._go_on(given, taps1, chosen, final=final, shown=shown, score=score, passes=passes)
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
    def unroll(self, images: Tensor, passes: int, region: Tensor | None = None) -> list[OnePass]:
        """Passes 1 to `passes` of (N, 3, S, S), whatever the gate says: what each would show and score."""
        settings = self.progressive
        given = _Given(images, region)
        r, taps1 = self.model.reconstruct(images)
        one = self._map(given, r, taps1)
        counted = kept = (one, self._score(images, r, taps1, one))
        found = [self._one_pass(r, one, counted)]
        for _ in range(2, passes + 1):
            r, taps = self.model.reconstruct(r.clamp(0, 1) if settings.clamp else r)
            shown = taps1 if settings.taps == "first" else taps
            one = self._map(given, r, shown)
            counted = self._counted(images, r, shown, one, before=kept)
            kept = counted if settings.regate else kept  # else the maps of passes in between are never looked at
            found.append(self._one_pass(r, one, counted))
        return found

    def under(self, progressive: ProgressiveConfig) -> Predictor:
        """The same model, judging with other passes."""
        other = copy.copy(self)
        other.progressive = progressive
        return other

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
        given: _Given,
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
            rebuilt = shown[chosen]
            r, taps = self.model.reconstruct(rebuilt.clamp(0, 1) if settings.clamp else rebuilt)
            if settings.taps == "first":
                taps = tuple(tap[chosen] for tap in taps1)
            shown[chosen] = r
            passes[chosen.cpu()] = number
            if number < settings.n and not settings.regate:
                continue  # the map of a pass in between is never looked at
            again = given.of(chosen)
            found = self._map(again, r, taps)
            before = (final[chosen], score[chosen])
            final[chosen], score[chosen] = self._counted(again.images, r, taps, found, before=before)
            if settings.regate:
                chosen = chosen[self._peak_of_mean(found) > settings.gate]
                if not len(chosen):
                    return

    def _counted(
        self, x: Tensor, r: Tensor, taps: Taps, found: Tensor, *, before: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Map and score that count after one more pass: `found` is its map, `before` what counted until then."""
        if self.progressive.score_from == "first":
            return before
        if self.progressive.score_from == "last":
            return found, self._score(x, r, taps, found)
        highest = torch.maximum(before[0], found)
        return highest, torch.maximum(self._score(x, r, taps, highest), before[1])

    def _one_pass(self, r: Tensor, own: Tensor, counted: tuple[Tensor, Tensor]) -> OnePass:
        maps, score = counted
        return OnePass(
            maps=maps[:, 0].float().cpu(),
            reconstructions=r.float().cpu(),
            score=score.float().cpu(),
            peak=maps.amax((1, 2, 3)).float().cpu(),
            first=self._peak_of_mean(own).float().cpu(),
        )

    def _map(self, given: _Given, r: Tensor, taps: Taps) -> Tensor:
        found = self.model.discriminate(given.images, r, taps)
        if found is None:  # a model without a judging network: what it could not rebuild
            found = (given.images - r).abs().mean(1, keepdim=True).clamp(0, 1)
        return found if given.region is None else found * given.region

    def _score(self, x: Tensor, r: Tensor, taps: Taps, found: Tensor) -> Tensor:
        own = self.model.score(x, r, taps)
        return self._peak_of_mean(found) if own is None else own

    def _peak_of_mean(self, maps: Tensor) -> Tensor:
        return smooth(maps, self.kernel, count_pad=self._count_pad).amax((1, 2, 3))
