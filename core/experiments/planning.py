"""From an experiment and what a person asks for to a list of trainings, each with its whole settings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core import layouts
from core.config import TrainingConfig
from core.errors import ConfigError, InputError
from core.experiments.registry import CHIPS, PAPER, Experiment, Setting
from core.jobfiles import kept_name
from core.workflow.importing import Choice
from core.workflow.training import Order

REGION_FILE: Final = "roi.png"
_KINDS: Final[tuple[layouts.Kind, ...]] = ("mvtec", "good_bad", "gtanoic")
_PREFIXES: Final = ("mvtec_", "mvtec-", "gtanoic_")


@dataclass(frozen=True)
class Options:
    """What a person asks for. At most one of `epochs` and `minutes` (of each training) is given."""

    preset: str = PAPER
    epochs: int | None = None
    minutes: float | None = None
    seeds: int = 1
    categories: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Category:
    """One product of a data set: its name, the folder that holds it, how it is imported."""

    name: str
    folder: Path
    choice: Choice

    @property
    def published(self) -> str:
        """The name that the papers print."""
        return published_name(self.name)

    @property
    def region(self) -> Path:
        """Where its region of interest lies, if it has one: white where to look."""
        return self.folder / REGION_FILE


@dataclass(frozen=True)
class Task:
    """One training: of a setting, on a category, with a seed."""

    category: Category
    setting: Setting
    seed: int
    order: Order

    @property
    def config(self) -> TrainingConfig:
        """The whole settings."""
        return self.order.config()

    @property
    def stamp(self) -> str:
        """What tells this training from others of its category: equal settings are trained once, whoever asks."""
        dumped = self.config.model_dump_json(exclude={"train": {"keep_at"}})  # changes nothing of what is learnt
        return hashlib.sha256(dumped.encode()).hexdigest()[:12]

    def is_served_by(self, config: Mapping[str, Any]) -> bool:
        """Whether a training of these settings (its stamp is ours) keeps every model that is scored on the way."""
        kept = {kept_name(share) for share in config["train"].get("keep_at", ())}
        return {kept_name(one.share) for one in self.setting.kept} <= kept

    def words(self) -> str:
        """For a person: category, setting, seed."""
        return f"{self.category.name} · {self.setting.title} · seed {self.seed}"


def plan(experiment: Experiment, found: Sequence[Category], options: Options) -> list[Task]:
    """Every training of the experiment, category by category, seeds innermost.

    Raises `ConfigError` for a preset that a model has not, settings that do not exist, both lengths at once.
    """
    _check(experiment, options)
    tasks = [
        Task(category, setting, seed, order_of(setting, options, seed))
        for category in found
        for setting in experiment.settings
        for seed in range(options.seeds)
    ]
    for task in tasks[: len(experiment.settings) * options.seeds]:
        task.order.config()  # what is wrong with a setting is wrong before the first training begins
    return tasks


def order_of(setting: Setting, options: Options, seed: int) -> Order:
    """What is trained: the setting's changes, then the length, then what a person changes beyond."""
    changes = [*setting.changes, *setting.smaller.get(options.preset, ())]
    length = _length(setting, options)
    changes += [length] if length else []
    if setting.kept:
        changes.append(f"train.keep_at={','.join(str(one.share) for one in setting.kept)}")
    changes += [*options.changes, f"train.seed={seed}"]
    return Order(model=setting.model, preset=options.preset, changes=tuple(changes))


def is_published(options: Options) -> bool:
    """Whether the published networks are trained for the published time."""
    return options.preset == PAPER and options.epochs is None and options.minutes is None and not options.changes


def length_words(config: TrainingConfig) -> str:
    """`12 steps at 64 px`."""
    train = config.train
    if train.minutes is not None:
        text = f"{train.minutes:g} minutes"
    elif train.steps is not None:
        text = f"{train.steps:,} {'step' if train.steps == 1 else 'steps'}"
    else:
        text = f"{train.epochs} {'epoch' if train.epochs == 1 else 'epochs'}"
    return f"{text} at {config.preprocess.size} px"


def schedule_words(experiment: Experiment, options: Options) -> str:
    """One sentence on what was trained, in plain words when it is not what the paper did."""
    lengths = [length_words(order_of(setting, options, 0).config()) for setting in experiment.settings]
    told = "; ".join(dict.fromkeys(lengths))
    if is_published(options):
        return f"The published schedule: {experiment.lengths}."
    changed = f", changed: {', '.join(options.changes)}" if options.changes else ""
    return f"Not the published schedule: preset {options.preset}, {told}{changed}. The paper: {experiment.lengths}."


def categories(data: Path, options: Options) -> list[Category]:
    """The products below `data` that can be trained and tested, in natural order; only those that are asked for.

    MVTec AD's layout, one product or many; or one folder a type, good and bad inside. Raises `InputError`.
    """
    seen = layouts.recognise(data)
    if seen.kind not in _KINDS:
        raise InputError(
            "an experiment needs labelled images",
            path=data,
            mend="Expected: CATEGORY/train/good, CATEGORY/test/good, CATEGORY/test/<defect>, CATEGORY/ground_truth",
        )
    found = [
        Category(name, folder, Choice(kind=seen.kind, product=name, protocol=_protocol(seen.kind, name)))
        for name, folder in zip(seen.products, seen.folders, strict=True)
    ]
    unknown = sorted(set(options.categories) - {one.name for one in found} - {one.published for one in found})
    if unknown:
        raise InputError(
            f"{', '.join(unknown)}: no such category here",
            path=data,
            mend=f"There are {', '.join(one.name for one in found)}",
        )
    wanted = set(options.categories)
    return [one for one in found if not wanted or {one.name, one.published} & wanted]


def published_name(name: str) -> str:
    """A folder's name as the papers print it: `mvtec_pill` is their pill, `Metal Nut` their metal_nut."""
    if name in CHIPS:
        return name
    plain = name.casefold().replace(" ", "_").replace("-", "_")
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix)
    return plain


def _protocol(kind: layouts.Kind, name: str) -> layouts.Protocol:
    return "gtanoic200" if kind == "gtanoic" and name in CHIPS else "none"


def _length(setting: Setting, options: Options) -> str | None:
    if options.epochs is not None:
        return f"train.epochs={options.epochs}"
    if options.minutes is not None:
        return f"train.minutes={options.minutes}"
    if options.preset == PAPER and setting.epochs is not None:
        return f"train.epochs={setting.epochs}"
    return None


def _check(experiment: Experiment, options: Options) -> None:
    if options.preset not in experiment.presets:
        raise ConfigError(
            f"{experiment.name} cannot be trained with the preset {options.preset!r}",
            mend=f"Choose one of {', '.join(experiment.presets)}",
        )
    if options.epochs is not None and options.minutes is not None:
        raise ConfigError("a training is so many epochs or so many minutes long, not both")
    if options.seeds < 1:
        raise ConfigError("at least one seed is needed")
