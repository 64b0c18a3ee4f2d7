"""Images of a view by the score that its newest training gave them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.project import Project
from core.project.units import UnitTable
from core.workflow.review import scorings


@dataclass(frozen=True)
class Worst:
    """The `number` of a training and the images that it scored, the highest score first, those without one last."""

    number: int
    ids: NDArray[np.int64]


def worst_first(project: Project, *, product: str | None, view: str | None) -> Worst | None:
    """What the newest scored training of a view says of its images; None when nothing was scored.

    Lots that were scored later count; a scoring with other passes than the training's own is an experiment and does
    not. Of an image that was scored twice the newest score counts, of one with cells the highest.
    """
    usable = [one for one in scorings(project, product=product, view=view) if not one.differs]
    if not usable:
        return None
    number = max(one.number for one in usable)
    ids, scores = zip(
        *(_by_image(project.scored_units(one.scoring)) for one in usable if one.number == number), strict=True
    )
    found, first = np.unique(np.concatenate(ids), return_index=True)  # the newest scoring comes first
    score = np.concatenate(scores)[first]
    return Worst(number, found[np.argsort(-score, kind="stable")])  # NaN sorts last


def _by_image(units: UnitTable) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    ids, place = np.unique(units.image_id, return_inverse=True)
    highest = np.full(ids.size, np.nan)
    np.fmax.at(highest, place, np.where(units.problem, np.nan, units.score))
    return ids, highest
