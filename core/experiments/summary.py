"""Rows of an experiment as tables: means and spread over seeds, means over categories, the published figures beside."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.experiments.planning import published_name
from core.experiments.published import AVERAGE, Published, in_tables
from core.experiments.registry import OBJECTS, TEXTURES, Experiment, Metric
from core.experiments.running import Row

COLUMNS: Final = ("experiment", "setting", "category", "seed", "metric", "value")
_GROUPS: Final = (("average_texture", "textures", TEXTURES), ("average_object", "objects", OBJECTS))


@dataclass(frozen=True)
class Spread:
    """Our figure: the mean over `n` seeds, the lowest and the highest."""

    mean: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.fmean(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Cell:
    """One place of a table: ours and what is published there; None where there is nothing."""

    ours: Spread | None
    published: float | None
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One row of a table. `others` are published figures of methods that were not trained here."""

    title: str
    cells: tuple[Cell, ...]
    others: tuple[float | None, ...]
    is_mean: bool = False


@dataclass(frozen=True)
class Table:
    """One metric: settings across, categories down."""

    metric: Metric
    columns: tuple[str, ...]
    others: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def any_published(self) -> bool:
        """Whether a paper has anything to say here."""
        return any(cell.published is not None for line in self.lines for cell in line.cells)

    @property
    def notes(self) -> list[str]:
        """What is to be known of single published figures, each once."""
        return list(dict.fromkeys(cell.note for line in self.lines for cell in line.cells if cell.note))


def with_means(rows: Sequence[Row]) -> list[Row]:
    """The rows, then means over categories by seed: of textures, of objects, of all, as the papers form them.

    A mean needs two categories, and every one of them measured with that setting, metric and seed.
    """
    found = list(rows)
    measured: dict[str, list[str]] = {}
    for row in rows:
        names = measured.setdefault(row.metric, [])
        names += [] if row.category in names else [row.category]
    for key in dict.fromkeys((row.experiment, row.setting, row.metric) for row in rows):
        own = [row for row in rows if (row.experiment, row.setting, row.metric) == key]
        for average, members in _means(measured[key[2]]):
            for seed in sorted({row.seed for row in own}):
                values = [row.value for row in own if row.seed == seed and row.category in members]
                if len(values) == len(members):
                    found.append(Row(key[0], key[1], average, seed, key[2], statistics.fmean(values)))
    return found


def to_csv(rows: Iterable[Row]) -> str:
    """results.csv: one figure a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([row.experiment, row.setting, row.category, row.seed, row.metric, f"{row.value:.6g}"])
    return text.getvalue()


def tables(experiment: Experiment, rows: Sequence[Row]) -> list[Table]:
    """A table for each metric that was measured, from rows with their means (`with_means`)."""
    known = in_tables(experiment.paper, experiment.tables)
    made = [_table(experiment, metric, rows, known) for metric in experiment.metrics]
    return [table for table in made if table.columns]


def columns_of(experiment: Experiment) -> dict[str, str]:
    """Every column of an experiment's tables, in order, with the name that the paper has for it."""
    found: dict[str, str] = {}
    for setting in experiment.settings:
        found |= setting.columns(experiment.moments)
    return found


def _means(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    groups = [(key, [name for name in names if published_name(name) in members]) for key, _, members in _GROUPS]
    return [(key, members) for key, members in [*groups, (AVERAGE, list(names))] if len(members) > 1]


def _table(experiment: Experiment, metric: Metric, rows: Sequence[Row], known: Sequence[Published]) -> Table:
    own = [row for row in rows if row.metric == metric.name]
    names = columns_of(experiment)
    columns = [title for title in names if any(row.setting == title for row in own)]
    printed = [one for one in known if metric.published and one.metric == metric.published]
    others = list(dict.fromkeys(one.setting for one in printed if one.setting not in names.values()))
    means = dict.fromkeys(key for key, _, _ in _GROUPS) | {AVERAGE: None}
    trained = list(dict.fromkeys(row.category for row in own if row.category not in means))
    lines = []
    for category in [*trained, *(mean for mean in means if any(row.category == mean for row in own))]:
        members = dict(_means(trained)).get(category) if category in means else None
        cells = [_cell(own, printed, title, names[title], category, members) for title in columns]
        rest = [_printed(printed, other, category, members)[0] for other in others]
        lines.append(Line(_title(category, members), tuple(cells), tuple(rest), members is not None))
    for reference in experiment.references:
        cells = [Cell(None, *_printed(printed, names[title], reference, None)) for title in columns]
        if any(cell.published is not None for cell in cells):
            lines.append(Line(f"published: {_words(reference)}", tuple(cells), (None,) * len(others), True))
    return Table(metric, tuple(columns), tuple(others), tuple(lines))


def _cell(
    own: Sequence[Row],
    printed: Sequence[Published],
    title: str,
    published: str,
    category: str,
    members: Sequence[str] | None,
) -> Cell:
    values = [row.value for row in own if row.setting == title and row.category == category]
    value, note = _printed(printed, published, category, members)
    return Cell(Spread.of(values) if values else None, value, note)


def _printed(
    printed: Sequence[Published], setting: str, category: str, members: Sequence[str] | None
) -> tuple[float | None, str]:
    """What a paper prints for a category. A mean over other categories than the paper's is formed from its rows."""
    own = {one.category: one for one in printed if one.setting == setting}
    if members is None:
        found = own.get(published_name(category)) or own.get(category)
        return (None, "") if found is None else (found.value, found.note)
    wanted = [published_name(name) for name in members]
    if not wanted or any(name not in own for name in wanted):
        return None, ""
    if category in own and set(wanted) == _printed_members(own, category):
        return own[category].value, own[category].note
    return statistics.fmean(own[name].value for name in wanted), f"mean of these {len(wanted)} rows of the paper"


def _printed_members(own: dict[str, Published], category: str) -> set[str]:
    every = {name for name in own if not name.startswith(AVERAGE)}
    members = {key: set(names) for key, _, names in _GROUPS}
    return every & members.get(category, every)


def _title(category: str, members: Sequence[str] | None) -> str:
    if members is None:
        return category
    words = {key: title for key, title, _ in _GROUPS}
    return f"mean of {len(members)} {words.get(category, 'categories')}"


def _words(reference: str) -> str:
    known = {"average_mvtec": "mean of 15 (MVTec AD)", "average_gtanoic": "mean of 7 (GTanoIC)"}
    return known.get(reference, reference.replace("_", " "))
