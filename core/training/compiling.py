"""Networks compiled by torch: faster steps where it works, and as they were where it does not."""

from __future__ import annotations

import os

import torch

from core.models.base import Batch, Recipe
from core.training.devices import Device


def compile_networks(recipe: Recipe, batch: Batch, device: Device) -> str:
    """Compile every network of `recipe` and try them on `batch`; why it failed, or nothing when it works.

    Takes minutes. Weights and statistics are afterwards what they were. After a failure the recipe cannot be used.
    """
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no further processes, which a kill would leave behind
    before = {name: value.clone() for name, value in recipe.model.state_dict().items()}
    for network in recipe.model.children():
        network.compile()
    recipe.model.train()
    try:
        for phase in recipe.phases():
            with device.autocast():
                losses = phase.loss(batch)
            device.backward(losses["total"])
    except Exception as error:  # of the compiler, or of whatever it calls
        torch.compiler.reset()
        return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    recipe.model.zero_grad(set_to_none=True)
    recipe.model.load_state_dict(before)
    return ""
