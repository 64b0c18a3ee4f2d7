"""Settings while a person changes them: what holds, what was typed that does not fit, and why, in plain words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from PySide6.QtCore import QObject, Signal

from app.words import tr
from core.config import Settings, TrainingConfig, keys, with_overrides
from core.errors import ConfigError

MINUTES: Final = "train.minutes"
LENGTHS: Final = (MINUTES, "train.steps", "train.epochs")  # exactly one of them is set
_MOST: Final[Mapping[str, float]] = {MINUTES: 100_000, "train.steps": 1_000_000_000, "train.epochs": 1_000_000}
_NOTHING: Final = frozenset({"", "none", "null"})


@dataclass(frozen=True)
class Wrong:
    """What was typed, and why it does not fit."""

    text: str
    why: str


class Draft(QObject):
    """The settings of a training that is being prepared. A text that does not fit waits beside them until mended."""

    changed = Signal()

    def __init__(self, base: TrainingConfig, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._base = self._config = base
        self._wrong: dict[str, Wrong] = {}

    @property
    def base(self) -> TrainingConfig:
        """The preset that was started from."""
        return self._base

    @property
    def config(self) -> TrainingConfig:
        """The settings that hold, checked as a whole: without what does not fit."""
        return self._config

    @property
    def wrong(self) -> Mapping[str, Wrong]:
        """What was typed and does not fit, by the dotted name of its setting."""
        return self._wrong

    @property
    def changes(self) -> tuple[str, ...]:
        """What differs from the preset, as `key=value`."""
        before, now = keys(self._base), keys(self._config)
        changed = [name for name in now if now[name] != before[name]]
        kept = [name for name in changed if name not in LENGTHS or now[name] is not None]  # setting one clears two
        return tuple(f"{name}={as_text(now[name])}" for name in kept)

    @property
    def length(self) -> tuple[str, ...]:
        """Of the changes the one that says how long it takes; () while that is the preset's."""
        return tuple(change for change in self.changes if change.partition("=")[0] in LENGTHS)

    def begin(self, base: TrainingConfig, changes: Iterable[str] = ()) -> None:
        """Start from a preset, with changes that were made before (dropped when they no longer fit)."""
        self._base = self._config = base
        self._wrong = {}
        try:
            self._config = with_overrides(base, changes)
        except ConfigError:
            self._config = base
        self.changed.emit()

    def reset(self) -> None:
        """Back to the preset."""
        self.begin(self._base)

    def set(self, name: str, text: str) -> bool:
        """Change a setting by its dotted name; False when the text does not fit. An emptied length is the preset's."""
        text = text.strip()
        self._wrong.pop(name, None)
        if name in LENGTHS and text.lower() in _NOTHING:
            if keys(self._config)[name] is not None:
                self._config = with_overrides(self._config, [_length_of(self._base)])
        elif why := self._apply(name, text):
            self._wrong[name] = Wrong(text, why)
        elif name in LENGTHS:
            for other in LENGTHS:
                self._wrong.pop(other, None)
        for other, wrong in list(self._wrong.items()):  # what did not go with the old value may go with the new one
            if other != name and not self._apply(other, wrong.text):
                del self._wrong[other]
        self.changed.emit()
        return name not in self._wrong

    def first_wrong(self) -> str:
        """Where something does not fit, and why, in one sentence; '' when all fits."""
        if not self._wrong:
            return ""
        name, wrong = next(iter(self._wrong.items()))
        said = f"{title_of(self._config, name)}: {wrong.why}"
        more = len(self._wrong) - 1
        return said if not more else tr("{said} (and {n} more)", said=said, n=more)

    def _apply(self, name: str, text: str) -> str:
        """Take a text in; '' or why it does not fit."""
        if name in LENGTHS:
            text = text.replace(",", ".")
        try:
            config = with_overrides(self._config, [f"{name}={text}"])
        except ConfigError as error:
            return _why(error, is_empty=text.lower() in _NOTHING)
        value = keys(config)[name]
        if not _is_finite(value):
            return tr("Write a number, such as 7.5.")
        if value is not None and name in _MOST and value > _MOST[name]:
            return tr("At most {limit:,}.", limit=_MOST[name])
        self._config = config
        return ""


def as_text(value: Any) -> str:
    """A value as `with_overrides` reads it."""
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return json.dumps(list(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def title_of(config: Settings, name: str) -> str:
    """`Training › Minutes` for `train.minutes`."""
    words, group = [], config
    for part in name.split("."):
        words.append(tr(type(group).model_fields[part].title or part))
        inner = getattr(group, part)
        group = inner if isinstance(inner, Settings) else group
    return " › ".join(words)


def _length_of(config: TrainingConfig) -> str:
    now = keys(config)
    return next(f"{name}={as_text(now[name])}" for name in LENGTHS if now[name] is not None)


def _is_finite(value: Any) -> bool:
    parts = value if isinstance(value, tuple | list) else (value,)
    return all(math.isfinite(part) for part in parts if isinstance(part, float))


def _why(error: ConfigError, *, is_empty: bool) -> str:
    """What a person can do about it, where pydantic said what is wrong."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return str(error)
    first = cause.errors(include_url=False)[0]
    kind, limits = first["type"], first.get("ctx", {})
    if kind.endswith("_type") and is_empty:
        return tr("It cannot be empty.")
    sentences = {
        "int": tr("Write a whole number."),
        "float": tr("Write a number, such as 7.5."),
        "finite_number": tr("Write a number, such as 7.5."),
        "greater_than": tr("It must be more than {limit:g}.", limit=limits.get("gt", 0)),
        "greater_than_equal": tr("At least {limit:g}.", limit=limits.get("ge", 0)),
        "less_than": tr("It must be less than {limit:g}.", limit=limits.get("lt", 0)),
        "less_than_equal": tr("At most {limit:g}.", limit=limits.get("le", 0)),
        "missing": tr("Some values are missing; write commas between them."),
        "too_long": tr("These are too many values."),
    }
    found = sentences.get(kind) or sentences.get(kind.partition("_")[0])
    said = str(first["msg"]).removeprefix("Value error, ")
    return found or f"{said[:1].upper()}{said[1:].rstrip('.')}."
