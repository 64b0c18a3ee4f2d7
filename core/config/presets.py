"""Presets: named settings by cost, read from resources/presets/MODEL.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from core.assets import resources
from core.config.overrides import near, problems
from core.config.registry import MODELS
from core.config.training import TrainingConfig
from core.errors import ConfigError


@dataclass(frozen=True)
class PresetInfo:
    """A preset as a person chooses it: by what it costs. `minutes` is None where hours or epochs decide."""

    model: str
    name: str
    cost: str
    line: str
    size: int
    minutes: float | None


def presets(model: str) -> list[PresetInfo]:
    """The presets of a model, cheapest first. Raises `ConfigError` for an unknown model."""
    return [
        PresetInfo(
            model=model,
            name=name,
            cost=table["cost"],
            line=table["line"],
            size=table["settings"]["preprocess"]["size"],
            minutes=table["settings"]["train"].get("minutes"),
        )
        for name, table in _tables(model).items()
    ]


def preset(model: str, name: str) -> TrainingConfig:
    """The settings of a preset: what its table holds, the published values elsewhere. Raises `ConfigError`."""
    tables = _tables(model)
    if name not in tables:
        raise ConfigError(f"{model} has no preset {name!r}", mend=near(name, tables))
    settings = tables[name]["settings"]
    length = {key: None for key in ("minutes", "steps", "epochs")}
    values = {**settings, "model": model, "preset": name, "train": {**length, **settings["train"]}}
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(
            f"preset {name!r}: {problems(error)}", path=resources() / "presets" / f"{model}.toml"
        ) from error


def _tables(model: str) -> dict[str, Any]:
    if model not in MODELS:
        raise ConfigError(f"there is no model {model!r}", mend=near(model, MODELS))
    return _read(model)


@cache
def _read(model: str) -> dict[str, Any]:
    path = resources() / "presets" / f"{model}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the presets cannot be read ({error})", path=path, mend="Install flawscope again") from error
