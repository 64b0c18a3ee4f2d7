"""What a project knows of a training besides its row: what passes at the threshold, the shape of what it looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.config import PreprocessConfig
from core.preprocess import Preprocessor
from core.project import Project
from core.project.results import RunRow
from core.workflow.scores import OWN


@dataclass(frozen=True)
class Rate:
    """k of n, with the 95 % interval."""

    k: int
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class About:
    """`aspect` is width to height of the crops, before they were made square; rates are in parts."""

    aspect: float = 1.0
    escapes: Rate | None = None
    false_rejects: Rate | None = None


def read_about(project: Project, run: RunRow) -> About:
    """Look it up; for a thread. Raises `StorageError`."""
    own = [one for one in project.scorings(run.id) if one.purpose == OWN and one.figures.get("confusion")]
    confusion: Mapping[str, Any] = own[-1].figures["confusion"] if own else {}
    return About(_aspect(project, run), _rate(confusion.get("escape_rate")), _rate(confusion.get("false_reject_rate")))


def _rate(found: Mapping[str, Any] | None) -> Rate | None:
    return None if found is None else Rate(found["k"], found["n"], found["low"], found["high"])


def _aspect(project: Project, run: RunRow) -> float:
    config = PreprocessConfig.model_validate(dict(run.config.get("preprocess") or {}))
    if config.mode != "stretch" or config.crop_and_pad == "auto":  # the part is found in a square
        return 1.0
    sizes = ((row.width, row.height) for row in project.images(product=run.product, view=run.view, present_only=True))
    width, height = next(((x, y) for x, y in sizes if x and y), (1, 1))
    roi = None if run.view_id is None or config.crop == "fit" else project.roi(run.view_id)
    boxes = None if roi is None else [cell.box for cell in roi.cells]
    first = Preprocessor(config).crops(width, height, boxes=boxes)[0]
    return first.width / first.height
