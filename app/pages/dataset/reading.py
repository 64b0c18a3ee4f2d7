"""What the dataset page reads of a project, in the background: trainings, scores, findings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.pages.dataset.summary import Facts, usable
from core.project import Project
from core.project.results import RunRow
from core.project.table import ImageTable
from core.words import SPLITS, STATES
from core.workflow.deciding import decision_for, differs

_UNUSED = SPLITS.index("unused")
_GONE = STATES.index("gone")


@dataclass(frozen=True)
class Scored:
    """The newest score of each image by the newest training of its view; `threshold` of that training or None."""

    ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))
    threshold: float | None = None


def read_facts(project: Project, product: str | None, view: str | None, table: ImageTable) -> tuple[Facts, Scored]:
    """Trainings of a place, which lots the newest has not seen, and its scores."""
    runs = tuple(run for run in project.runs(product=product) if view in (None, run.view))
    missing = sum(1 for root in project.roots() if root.images and not root.is_there)
    bare = _without_region(project, product, view)
    best = usable(runs)
    if best is None:
        return Facts(runs, missing, without_region=bare), Scored()
    scored = _scores(project, best)
    return Facts(runs, missing, _unscored_lots(table, best, scored), bare), scored


def _without_region(project: Project, product: str | None, view: str | None) -> tuple[str, str] | None:
    """Of which product and view nobody drew a region yet; None where one of the place has one: it is known how."""
    here = [one for one in project.views(product) if view in (None, one.code)]
    drawn = project.roi_ids()
    return None if not here or any(one.id in drawn for one in here) else (here[0].product, here[0].code)


def _scores(project: Project, run: RunRow) -> Scored:
    """Later scorings overrule earlier ones; those with other passes are no measure for the training's threshold."""
    ids, values = np.empty(0, np.int64), np.empty(0, np.float64)
    own = [scoring for scoring in project.scorings(run.id) if not differs(run, scoring)]
    for scoring in own:
        units = project.scored_units(scoring.id)
        fresh, worst = _worst_cell(units.image_id, units.score)
        kept = ~np.isin(ids, fresh)
        ids, values = np.concatenate([ids[kept], fresh]), np.concatenate([values[kept], worst])
    decision = decision_for(project, run, own[-1]) if own else None
    return Scored(ids, values, None if decision is None else decision.threshold)


def _worst_cell(ids: NDArray[np.int64], scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The highest score of each image: a part is rejected when any of its cells is."""
    if not ids.size:
        return ids, scores
    found, place = np.unique(ids, return_inverse=True)
    worst = np.full(found.size, -np.inf)
    np.fmax.at(worst, place, scores)
    return found, np.where(np.isinf(worst), np.nan, worst)


def _unscored_lots(table: ImageTable, run: RunRow, scored: Scored) -> tuple[str, ...]:
    """Lots of the training's view that have a name, are in no split yet, and of which no image was scored."""
    if run.product not in table.products:
        return ()
    mine = (table.product == table.products.index(run.product)) & (table.state != _GONE) & ~table.problem
    if run.view in table.views:
        mine &= table.view == table.views.index(run.view)
    seen = np.isin(table.ids, scored.ids) | (table.split != _UNUSED)
    fresh = set(np.unique(table.lot[mine]).tolist()) - set(np.unique(table.lot[mine & seen]).tolist())
    return tuple(table.lots[code] for code in sorted(fresh) if table.lots[code])
