"""What a training will take, from one step that was measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from core.events import Estimate
from core.files import free_bytes
from core.models.base import Detector
from core.training.reporter import Reporter
from core.training.stepper import Stepper


def estimate(
    model: Detector, stepper: Stepper, *, step: float, steps: int, seconds: float | None, memory: int, maps: int
) -> Estimate:
    """For `steps` more of `step` seconds (or the `seconds` that were given), `memory` and `maps` in bytes.

    On the disk: `last` with weights, average and moments, its successor while that is written, and `best`.
    """
    weights = _bytes(model.state_dict().values())
    last = 2 * weights + _bytes(stepper.tensors()[0].values())
    return Estimate(
        step=step,
        seconds=step * steps if seconds is None else seconds,
        memory=memory,
        disk=2 * last + weights + maps,
    )


def warn_if_tight(found: Estimate, folder: Path, reporter: Reporter) -> None:
    """Say so when the disk will not take what is still to be written."""
    free = free_bytes(folder)
    if free < found.disk:
        needed = f"about {found.disk / 2**20:,.0f} MB are needed, {free / 2**20:,.0f} MB are free"
        reporter.warn("disk", f"The disk may become full: {needed}.")


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
