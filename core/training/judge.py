"""Judging a training from outside its steps: averaged weights, fresh statistics, losses on tuning images, pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config import TrainingConfig
from core.events import Picture
from core.imaging import save_png
from core.inference.predictor import Predictor
from core.models.base import Batch, Detector, Losses, Recipe
from core.training.averaging import Averaged, reestimate_norms
from core.training.data import Samples, piece_of, to_device
from core.training.devices import Device

_PIECE: Final = 8  # images at once on the way through the tuning set


class OwnerGone(Exception):
    """Nobody is left who wants the result: save and leave."""


class StopAsked(Exception):
    """A stop came in the middle of work that need not be done to the end."""


class Judge:
    """Keeps the weights that are judged (`averaged.model`) and measures them; training itself is never touched.

    `look_up` is called between pieces of work and may raise `OwnerGone`; so is the one that a call brings with it.
    """

    def __init__(
        self,
        config: TrainingConfig,
        live: Recipe,
        shadow: Recipe,
        *,
        device: Device,
        samples: Samples,
        tuning: Batch,
        channels_last: bool,
        look_up: Callable[[], None],
    ) -> None:
        self.averaged = Averaged(live.model, shadow.model, config.train.ema)
        self._config = config
        self._shadow = shadow
        self._device = device
        self._samples = samples
        self.tuning: Final = tuning
        self._channels_last = channels_last
        self._look_up = look_up

    @property
    def model(self) -> Detector:
        return self._shadow.model

    def prepare(self, look_up: Callable[[], None] | None = None) -> None:
        """Make the judged weights fit to be judged: up to date, normalisation statistics measured for them."""
        self.averaged.bring_up_to_date()
        count = self._config.train.bn_reestimate
        if count:
            reestimate_norms(self.model, self._inputs(count, look_up or self._look_up))
        self.model.eval()

    @torch.no_grad()
    def tuning_losses(self, look_up: Callable[[], None] | None = None) -> dict[str, float]:
        """Mean losses on the fixed tuning samples; call `prepare` first. Not finite values are left out."""
        sums: dict[str, float] = {}
        count = len(self.tuning.image)
        for start in range(0, count, _PIECE):
            (look_up or self._look_up)()
            piece = to_device(_slice(self.tuning, start), self._device.device, channels_last=self._channels_last)
            with self._device.autocast():
                losses: Losses = self._shadow.evaluate(piece)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(piece.image) / count
        return {name: value for name, value in sums.items() if math.isfinite(value)}

    def draw(self, folder: Path, *, step: int, epoch: int, count: int) -> Iterator[Picture]:
        """Write the same `count` images as PNG: with artificial defect, reconstruction, map, mask."""
        chosen = to_device(_slice(self.tuning, 0, 2 * count), self._device.device, channels_last=self._channels_last)
        given = chosen.input[::2]  # every second one surely has a defect
        once = self._config.progressive.model_copy(update={"n": 1})
        predictor = Predictor(self.model, progressive=once, score=self._config.score, size=self._config.preprocess.size)
        found = predictor.predict(given)
        for index in range(len(given)):
            layers = {
                "image": rgb8(given[index]),
                "reconstruction": rgb8(found.reconstructions[index]),
                "map": grey8(found.maps[index]),
                "mask": grey8(chosen.mask[::2][index, 0]),
            }
            files = {role: f"pictures/{step:07d}_{index}_{role}.png" for role in layers}
            for role, pixels in layers.items():
                save_png(folder / files[role], pixels)
            yield Picture(step=step, epoch=epoch, index=index, files=files)

    def _inputs(self, count: int, look_up: Callable[[], None]) -> Iterator[Tensor]:
        for batch in self._samples.norm_batches(count):
            look_up()
            yield self._shadow.given(batch).to(self._device.device)


def rgb8(image: Tensor) -> NDArray[np.uint8]:
    """(3, S, S) in [0, 1], clamped -> (S, S, 3) uint8."""
    plain = image.detach().float().cpu().clamp(0, 1).mul(255).round().byte()
    return np.ascontiguousarray(plain.permute(1, 2, 0).numpy())


def grey8(plane: Tensor) -> NDArray[np.uint8]:
    """(S, S) in [0, 1] -> (S, S) uint8."""
    plain: NDArray[np.uint8] = plane.detach().float().cpu().clamp(0, 1).mul(255).round().byte().numpy()
    return plain


def _slice(batch: Batch, start: int, count: int = _PIECE) -> Batch:
    return piece_of(batch, start, start + count)
