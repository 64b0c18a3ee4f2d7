"""results.csv and index.html of an experiment: our figures beside the published ones, and what they rest on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

from core.config import MODELS
from core.errors import FlawscopeError
from core.evaluation.gallery import render_page
from core.experiments import pictures, summary
from core.experiments.planning import Options, is_published, length_words, order_of, schedule_words
from core.experiments.published import gtanoic_counts
from core.experiments.registry import CHIPS, Experiment, Metric
from core.experiments.running import Arm, Outcome, Row
from core.experiments.summary import Spread, Table
from core.files import atomic_write
from core.workflow.progress import Progress, silent

CSV: Final = "results.csv"
PAGE: Final = "index.html"


@dataclass(frozen=True)
class SettingLine:
    """What one setting was, for the page."""

    title: str
    model: str
    length: str
    batch: int
    changes: str
    seconds: str


@dataclass
class Figures:
    """The pictures of one category."""

    category: str
    grid: list[pictures.Strip] = field(default_factory=list)
    passes: list[pictures.Strip] = field(default_factory=list)
    passes_of: str = ""
    charts: list[pictures.Chart] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Written:
    """What was written, and the tables for a terminal."""

    csv: Path
    page: Path
    tables: tuple[Table, ...]


def write(
    experiment: Experiment,
    options: Options,
    outcome: Outcome,
    folder: Path,
    *,
    with_pictures: bool = False,
    progress: Progress = silent,
) -> Written:
    """Write results.csv and index.html (and pictures/) into `folder`, from whatever is done. Raises `StorageError`."""
    rows = summary.with_means(outcome.rows)
    atomic_write(folder / CSV, summary.to_csv(rows))
    tables = tuple(summary.tables(experiment, rows))
    drawn = _draw(experiment, outcome.arms, folder, progress) if with_pictures else []
    atomic_write(folder / PAGE, _page(experiment, options, outcome, rows, tables, drawn))
    return Written(folder / CSV, folder / PAGE, tables)


def cell_words(ours: Spread | None, metric: Metric) -> str:
    """`98.2 (97.9 to 98.4, 3 seeds)`; with one seed the figure alone."""
    spread = spread_words(ours, metric)
    mean = number_words(None if ours is None else ours.mean, metric)
    return f"{mean} ({spread})" if spread else mean


def spread_words(ours: Spread | None, metric: Metric) -> str:
    """`97.9 to 98.4, 3 seeds`; empty with one seed."""
    if ours is None or ours.n == 1:
        return ""
    return f"{number_words(ours.low, metric)} to {number_words(ours.high, metric)}, {ours.n} seeds"


def number_words(value: float | None, metric: Metric) -> str:
    """Percent with one decimal as the papers print it, losses with three digits."""
    if value is None:
        return "–"
    return f"{value:.1f}" if metric.is_percent else f"{value:.2e}"


def seeds_words(options: Options) -> str:
    """How many seeds, and what the spread says."""
    if options.seeds == 1:
        return "One seed: a difference between two settings may be chance; --seeds 3 shows the spread."
    return f"{options.seeds} seeds: mean, lowest to highest, and how many seeds gave a figure."


def _page(
    experiment: Experiment,
    options: Options,
    outcome: Outcome,
    rows: Sequence[Row],
    tables: Sequence[Table],
    drawn: Sequence[Figures],
) -> str:
    shows_chips = any(row.category in CHIPS for row in rows) or experiment.name in ("prff-table5", "prff-table6")
    return render_page(
        "experiment",
        {"spread": spread_words, "number": number_words},
        x=experiment,
        o=outcome,
        tables=tables,
        schedule=schedule_words(experiment, options),
        published=is_published(options),
        seeds=seeds_words(options),
        settings=_setting_lines(experiment, options, outcome),
        drawn=drawn,
        chart=pictures.CHART,
        chips=gtanoic_counts() if shows_chips else None,
        made=f"Flawscope {version('flawscope')}, {platform.system()} {platform.machine()}",
        command=_command(experiment, options),
    )


def _setting_lines(experiment: Experiment, options: Options, outcome: Outcome) -> list[SettingLine]:
    lines = []
    for setting in experiment.settings:
        order = order_of(setting, options, 0)
        config = order.config()
        seconds = [
            one.seconds
            for one in outcome.trained
            if one.title == setting.title and isinstance(one.seconds, float | int)
        ]
        mean = f"{sum(seconds) / len(seconds) / 60:.1f} min (mean of {len(seconds)})" if seconds else "–"
        changes = ", ".join(change for change in order.changes if not change.startswith(("train.seed", "train.epochs")))
        title = MODELS[setting.model].title
        lines.append(SettingLine(setting.title, title, length_words(config), config.train.batch, changes or "–", mean))
    return lines


def _draw(experiment: Experiment, arms: Sequence[Arm], folder: Path, progress: Progress) -> list[Figures]:
    drawn = []
    names = list(dict.fromkeys(arm.category for arm in arms))
    for number, category in enumerate(names):
        progress("Pictures", number, len(names))
        own = [arm for arm in arms if arm.category == category]
        own = [arm for arm in own if arm.seed == own[0].seed]
        trainings = list({(arm.project, arm.training): arm for arm in own}.values())
        figures = Figures(category)
        try:
            figures.charts = [
                chart
                for curve in experiment.curves
                if (chart := pictures.loss_chart(trainings[-2:], curve)) is not None
            ]
            figures.grid = pictures.method_grid(own, folder)
            figures.passes_of = trainings[-1].setting
            figures.passes = pictures.pass_strips(trainings[-1], folder)
        except FlawscopeError as error:  # the figures stand; a picture that is missing is named
            figures.problem = str(error)
        drawn.append(figures)
    progress("Pictures", len(names), len(names))
    return drawn


def _command(experiment: Experiment, options: Options) -> str:
    parts = [f"flawscope experiment {experiment.name} --data DIR --preset {options.preset} --seeds {options.seeds}"]
    parts += [f"--epochs {options.epochs}"] if options.epochs is not None else []
    parts += [f"--minutes {options.minutes:g}"] if options.minutes is not None else []
    parts += [f"--categories {','.join(options.categories)}"] if options.categories else []
    parts += [f"--set {change}" for change in options.changes]
    return " ".join(parts)
