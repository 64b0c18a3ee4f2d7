"""After a training: how well tuning images and artificial defects separate with 1 to 3 passes, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.evaluation.curves import to_levels
from core.evaluation.passes import PassesProposal, Unrolled, propose
from core.inference.predictor import OnePass, Predictor
from core.models.base import Batch
from core.training.devices import Device

MOST: Final = 3
_IMAGES: Final = 32
_LEAST: Final = 8  # fewer say nothing
_PIECE: Final = 8
_TIMED: Final = 4  # images that passes are timed with
_TIMING: Final = _TIMED * (1 + MOST * (MOST + 1) // 2)  # passes that are made for it
_SHARE: Final = 0.03  # of the minutes that a person gave


def affordable(crop_s: float, minutes: float | None) -> int:
    """How many tuning images are measured where one takes `crop_s` a pass; 0: the minutes asked for are too few."""
    if minutes is None:
        return _IMAGES
    passes = _SHARE * 60 * minutes / max(crop_s, 1e-6) - _TIMING
    count = min(_IMAGES, int(passes / MOST))
    return count if count >= _LEAST else 0


def seconds(crop_s: float, minutes: float | None) -> float:
    """About what measuring will take."""
    count = affordable(crop_s, minutes)
    return crop_s * (count * MOST + _TIMING) if count else 0.0


def propose_passes(
    predictor: Predictor,
    tuning: Batch,
    *,
    device: Device,
    minutes: float | None,
    images: int,
    inside_roi: bool,
    look_up: Callable[[], None],
) -> PassesProposal | None:
    """Number of passes and gate for a model, from the fixed samples of `data.tuning_samples`.

    Those at even places are taken with their defect, the others as the good images they are. `images` tuning images
    are behind them (0: none, training images stand in). `look_up` may raise between two pieces of work. None: there
    is no time for it, or nothing to tell apart.
    """
    given = torch.where(_odd(tuning.input), tuning.image, tuning.input)
    region = tuning.roi if inside_roi else None
    masks = torch.where(_odd(tuning.mask), torch.zeros_like(tuning.mask), tuning.mask)
    if region is not None:
        masks = masks * region
    timed = [_time(predictor, given[:_TIMED].to(device.device), 1, device)]
    count = min(affordable(timed[0], minutes), len(given))
    if not count:
        return None
    for passes in range(2, MOST + 1):
        look_up()
        timed.append(_time(predictor, given[:_TIMED].to(device.device), passes, device))
    found = []
    for start in range(0, count, _PIECE):
        look_up()
        piece = slice(start, min(start + _PIECE, count))
        inside = None if region is None else region[piece].to(device.device)
        found.append(predictor.unroll(given[piece].to(device.device), MOST, inside))
    own = predictor.progressive
    return propose(
        _together(found, masks[:count, 0].numpy().astype(np.uint8), [1000 * one for one in timed]),
        images=min(count, images or count),
        gate=own.gate,
        passes=own.n,
        regate=own.regate,
        from_tuning=images > 0,
    )


def _odd(values: Tensor) -> Tensor:
    return (torch.arange(len(values)) % 2 == 1).view(-1, 1, 1, 1)


def _time(predictor: Predictor, images: Tensor, passes: int, device: Device) -> float:
    """Seconds an image where all of `images` make so many passes; the first call for a shape is not counted."""
    chosen = predictor.under(predictor.progressive.model_copy(update={"n": passes, "gate": -1.0, "regate": False}))
    if passes == 1:
        chosen.predict(images)
    device.synchronize()
    began = time.perf_counter()
    chosen.predict(images)
    device.synchronize()
    return (time.perf_counter() - began) / len(images)


def _together(pieces: list[list[OnePass]], masks: NDArray[np.uint8], ms: list[float]) -> Unrolled:
    def column(name: str) -> NDArray[np.float64]:
        rows = [torch.cat([getattr(piece[number], name) for piece in pieces]) for number in range(MOST)]
        return torch.stack(rows).double().numpy()

    maps = [np.concatenate([_levels(piece[number].maps) for piece in pieces]) for number in range(MOST)]
    return Unrolled(column("score"), column("first"), np.stack(maps), masks, ms)


def _levels(maps: Tensor) -> NDArray[np.uint16]:
    return np.stack([to_levels(one) for one in maps.clamp(0, 1).numpy()])
