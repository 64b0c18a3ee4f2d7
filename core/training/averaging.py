"""The weights that are judged: an average over the last steps, with normalisation statistics of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from core.models.base import Detector

_Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


class Averaged:
    """An exponential moving average of `live`'s parameters, kept in `shadow`, a model of the same shape.

    The decay rises as (1 + t) / (10 + t) to `decay`, so that an early average is not mostly the initial weights.
    With `decay` None the shadow is a plain copy, taken when it is asked for.
    """

    def __init__(self, live: nn.Module, shadow: Detector, decay: float | None) -> None:
        self._live = live
        self.model = shadow
        self._decay = decay
        self._pairs = list(zip(shadow.parameters(), live.parameters(), strict=True))
        self.copy()
        shadow.requires_grad_(False)
        shadow.eval()

    @torch.no_grad()
    def copy(self) -> None:
        """Make the shadow equal to the live model, buffers included."""
        self.model.load_state_dict(self._live.state_dict())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After the 0-based optimiser step `step`."""
        if self._decay is None:
            return
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_([pair[0] for pair in self._pairs], [pair[1] for pair in self._pairs], 1 - decay)

    @torch.no_grad()
    def bring_up_to_date(self) -> None:
        """Before judging: buffers (and, without averaging, everything) from the live model."""
        if self._decay is None:
            self.copy()
            return
        for mine, theirs in zip(self.model.buffers(), self._live.buffers(), strict=True):
            mine.copy_(theirs)


@torch.no_grad()
def reestimate_norms(model: Detector, batches: Iterable[Tensor]) -> int:
    """Measure every BatchNorm's statistics anew as plain means over `batches` (N, 3, S, S); returns how many were used.

    Only the BatchNorms are in training mode meanwhile; no gradient, no optimiser. Running statistics that lag behind
    fast weights make an evaluation worthless (spec/prff.md 13.4).
    """
    norms = [module for module in model.modules() if isinstance(module, _Norm)]
    if not norms:
        return 0
    used = 0
    with _measuring(model, norms):
        for images in batches:
            reconstruction, taps = model.reconstruct(images)
            model.discriminate(images, reconstruction, taps)
            used += 1
    return used


@contextmanager
def _measuring(model: nn.Module, norms: list[_Norm]) -> Iterator[None]:
    was_training = model.training
    momenta = [norm.momentum for norm in norms]
    before = [{name: value.clone() for name, value in norm.state_dict().items()} for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
        norm.train()
    try:
        yield
    finally:
        for norm, momentum, state in zip(norms, momenta, before, strict=True):
            norm.momentum = momentum
            if not norm.num_batches_tracked:  # part of the training only (a critic): nothing passed through it
                norm.load_state_dict(state)
        model.train(was_training)
