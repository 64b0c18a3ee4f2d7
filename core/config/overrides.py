"""Changing settings by text, as `--set train.lr=2e-4` does: a wrong key is answered with what was probably meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError

from core.config.registry import MODELS
from core.config.settings import Settings
from core.config.training import TrainingConfig
from core.errors import ConfigError

_LENGTHS: Final = ("train.minutes", "train.steps", "train.epochs")


def keys(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted name, with its value."""
    found: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Settings):
            found.update({f"{name}.{inner}": deep for inner, deep in keys(value).items()})
        else:
            found[name] = value
    return found


def near(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the known names most like `name`, or all of them when none is near."""
    names = list(known)
    tails = {key.rsplit(".", 1)[-1]: key for key in reversed(names)}
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    close += [tails[tail] for tail in difflib.get_close_matches(name.rsplit(".", 1)[-1], tails, n=3, cutoff=0.7)]
    close = list(dict.fromkeys(close))[:3]
    return f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(names)}"


def problems(error: ValidationError) -> str:
    """What pydantic found, as one line: setting, what is wrong."""
    lines = []
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in _settings_only(item["loc"]))
        text = item["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {text}" if place else text)
    return "; ".join(lines)


def _settings_only(place: Sequence[int | str]) -> Iterator[int | str]:
    """`place` without the model's name, which pydantic puts behind `network` and `loss` to say which kind it tried."""
    for before, part in zip(("", *place), place, strict=False):
        if not (before in ("network", "loss") and part in MODELS):
            yield part


def with_overrides(config: TrainingConfig, assignments: Iterable[str]) -> TrainingConfig:
    """`config` with each `key=value` applied, checked as a whole at the end.

    A key is the full dotted name or an ending of it that only one setting has (`window` is not enough, `swin.window`
    is). A value is JSON, plain text, `none`, or a list with commas. Setting one of train.minutes, train.steps and
    train.epochs clears the other two. Raises `ConfigError` that names the key and what is near it.
    """
    values = config.model_dump()
    known = keys(config)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"{assignment!r} is not a setting", mend="Write key=value, for example train.lr=2e-4")
        full = _full_name(key.strip(), known)
        if full in _LENGTHS:
            for length in _LENGTHS:
                _put(values, length, None)
        _put(values, full, _parse(text.strip(), known[full]))
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(problems(error)) from error


def _full_name(key: str, known: dict[str, Any]) -> str:
    if key in known:
        return key
    endings = [name for name in known if name.endswith(f".{key}")]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise ConfigError(f"{key!r} could be {', '.join(endings)}", mend="Write the whole name")
    raise ConfigError(f"there is no setting {key!r}", mend=near(key, known))


def _put(values: dict[str, Any], name: str, value: object) -> None:
    *groups, last = name.split(".")
    for group in groups:
        values = values[group]
    values[last] = value


def _parse(text: str, before: object) -> object:
    """What `text` stands for, given the value it replaces: `none` is a word of some settings, nothing in others."""
    if text.lower() in ("null", "") or (text.lower() == "none" and not isinstance(before, str)):
        return None
    if isinstance(before, tuple) and not text.startswith("["):
        return [_parse(part.strip(), None) for part in text.split(",")]
    try:
        return json.loads(text)
    except ValueError:
        return {"true": True, "false": False}.get(text.lower(), text)
