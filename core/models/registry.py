"""From a model's name to its code, imported only when asked for."""

from __future__ import annotations

from importlib import import_module

from core.config import MODELS, TrainingConfig
from core.errors import ConfigError
from core.models.base import Recipe


def build(config: TrainingConfig) -> Recipe:
    """The recipe of `config.model`, with fresh weights from torch's global generator, on the CPU.

    Seed with `torch.manual_seed` first for the same weights again. Raises `ConfigError` for an unknown model and
    `TrainingError` when a library that it needs is missing or broken.
    """
    if config.model not in MODELS:
        raise ConfigError(f"there is no model {config.model!r}", mend=f"There are {', '.join(MODELS)}")
    recipe = import_module(MODELS[config.model].module).build(config)
    if not isinstance(recipe, Recipe):
        raise TypeError(f"{MODELS[config.model].module}.build returned {type(recipe).__name__}, not a Recipe")
    return recipe
