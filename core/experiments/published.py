"""The figures that the papers print, from resources/paper: nothing in these files is measured here."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from core.assets import resources
from core.errors import FlawscopeError

Paper = Literal["prff", "grdnet"]
AVERAGE: Final = "average"


@dataclass(frozen=True)
class Published:
    """One printed number; areas under curves and accuracies in percent, losses as they are.

    `category` is a product of a data set, or a mean: `average`, `average_texture`, `average_mvtec`, ... `note` says
    what is doubtful about the number.
    """

    table: str
    setting: str
    category: str
    metric: str
    value: float
    source: str
    note: str


@cache
def published(paper: Paper) -> tuple[Published, ...]:
    """Every number of a paper's result tables, in the order of print. Raises `FlawscopeError` when they are missing."""
    return tuple(Published(**{**row, "value": float(row["value"])}) for row in _rows(f"{paper}.csv"))  # type: ignore[arg-type]


def in_tables(paper: Paper, tables: Iterable[str]) -> tuple[Published, ...]:
    """The numbers of some tables of a paper."""
    wanted = set(tables)
    return tuple(one for one in published(paper) if one.table in wanted)


def gtanoic_counts() -> tuple[tuple[str, ...], list[list[str | int]]]:
    """GTanoIC as its authors count it (PRFF-AD, Tables 1 and 2): columns, and one row a type of chip.

    Instances by defect class (0 where the paper prints a dash or the table has no such column), their sum, defective
    and good images, and the resolution as printed: whether it is width x height is not said.
    """
    found: dict[str, dict[str, str]] = {}
    for row in _rows("gtanoic.csv"):
        found.setdefault(row["dataset"], {})[row["quantity"]] = row["value"]
    tail = ("defect_instances", "defective_images", "non_defective", "resolution")
    classes = tuple(dict.fromkeys(name for counts in found.values() for name in counts if name not in tail))
    rows: list[list[str | int]] = [
        [code, *(int(counts.get(name, "0")) for name in (*classes, *tail[:3])), counts["resolution"]]
        for code, counts in found.items()
    ]
    return ("type", *classes, *tail), rows


def _rows(name: str) -> list[dict[str, str]]:
    path = resources() / "paper" / name
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise FlawscopeError(
            "this installation lacks the published tables", path=path, mend="Install flawscope again"
        ) from error
