"""Averages: of weights over the last steps (those are judged), of gradients over the processes of a training."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
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


class Gradients:
    """The gradients of `parameters` (one type, one device) in one piece of memory, to be added up in one go."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        first = parameters[0]
        counts = [parameter.numel() for parameter in parameters]
        self._flat = torch.zeros(sum(counts) + len(counts), dtype=first.dtype, device=first.device)
        starts = [0, *itertools.accumulate(counts)]
        self._views = [
            self._flat[start : start + one.numel()].view_as(one) for start, one in zip(starts, parameters, strict=False)
        ]
        self._present = self._flat[sum(counts) :]  # in how many processes a parameter has a gradient

    @torch.no_grad()
    def average(self, add_up: Callable[[Tensor], None]) -> None:
        """Replace the gradients, weighted by the loss already, by their sum; a parameter without any stays so."""
        self._flat.zero_()
        mine = [parameter.grad is not None for parameter in self._parameters]
        self._present.copy_(torch.tensor(mine, dtype=self._flat.dtype))
        pairs = zip(self._views, self._parameters, strict=True)
        found = [(view, one.grad) for view, one in pairs if one.grad is not None]
        if found:
            torch._foreach_copy_([view for view, _ in found], [gradient for _, gradient in found])
        add_up(self._flat)
        if found:
            torch._foreach_copy_([gradient for _, gradient in found], [view for view, _ in found])
        if len(found) < len(self._parameters):
            for parameter, view, present in zip(self._parameters, self._views, self._present.tolist(), strict=True):
                if parameter.grad is None and present:
                    parameter.grad = torch.empty_like(parameter).copy_(view)


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
