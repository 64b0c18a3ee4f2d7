"""The whole job once, on parts that draw themselves: what `make demo` runs and what a newcomer sees first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from core.imaging import decode_mask
from core.project import Project
from core.project.records import Cell, Zone
from core.samples import CLASSES, KINDS, write_samples
from core.workflow import importing, training
from core.workflow.progress import Progress, silent

TRAINED: Final = ("flip_chip_a", "vial_strip")  # one chip view, one vial view
_NAMES: Final = r"(?P<lot>L\d+)_(?P<part>P\d+)"


def make_project(folder: Path, *, author: str | None = None, progress: Progress = silent) -> Path:
    """Draw the parts into `folder/parts` and import them into `folder/project`; a project that is there is kept.

    Raises `StorageError`.
    """
    project = folder / "project"
    if any(project.glob("*.flawscope")):
        return project
    parts = folder / "parts"
    write_samples(parts, progress=lambda done, total: progress("Drawing parts", done, total))
    choice = importing.Choice(kind="mvtec", lot_pattern=_NAMES, part_pattern=_NAMES)
    importing.import_folder(parts, project, choice, author=author, progress=progress)
    with Project.open(project, author=author) as opened:
        _take_in_views(opened, parts)
    return project


def prepare_trainings(project: Project, minutes: float) -> list[int]:
    """Queue PRFF-AD `quick` on one chip view and one vial view, `minutes` each; returns their numbers."""
    order = training.Order(model="prff", preset="quick", minutes=minutes)
    return [number for product in TRAINED for number in training.prepare(project, order, product=product)]


def _take_in_views(project: Project, parts: Path) -> None:
    """What a drawn view knows of itself: its region of interest, the cells of a strip, names of defect classes."""
    known = {one.code: one.id for one in project.classes()}
    for code, drawn in CLASSES.items():
        if code in known:
            project.set_class(known[code], names=drawn.names)
    for view in project.views():
        if view.product not in KINDS:
            continue
        folder = parts / view.product
        cells = json.loads((folder / "cells.json").read_bytes())["cells"]
        project.set_roi(
            view.id,
            zones=[Zone("part", "inspect", mask=decode_mask(folder / "roi.png") // 255)],
            cells=[Cell(cell["name"], tuple(cell["box"])) for cell in cells],
            reason="drawn with the parts",
        )
