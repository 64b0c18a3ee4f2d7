"""The first look in the morning: which trainings ended since the last visit, and the worst false reject of each."""

from __future__ import annotations

from dataclasses import dataclass

from core.config import MODELS
from core.errors import FlawscopeError
from core.project import Project
from core.project.results import RunRow, RunState
from core.workflow import review


@dataclass(frozen=True)
class Worst:
    """The good image with the highest score above the threshold."""

    image_id: int
    cell: str
    name: str
    score: float
    threshold: float


@dataclass(frozen=True)
class Ended:
    """How a training ended; counts are parts of the test images, None where there were no figures."""

    number: int
    title: str
    state: RunState
    at: str
    error: str
    scoring: int | None = None
    image_auroc: float | None = None
    is_outdated: bool = False  # what the figure rests on was changed since
    false_rejects: int | None = None
    good: int | None = None
    escapes: int | None = None
    defective: int | None = None
    worst: Worst | None = None


def ended_since(project: Project, moment: str | None, *, told: int | None = None) -> list[Ended]:
    """Trainings that ended after `moment` (UTC text of the store; None: ever), the newest first.

    With `told` only so many come with their counts: reading those takes a moment each.
    """
    runs = [
        run
        for run in project.runs(state=["finished", "stopped", "failed", "interrupted"])
        if run.finished is not None and (moment is None or run.finished > moment)
    ]
    newest = sorted(runs, key=lambda run: run.finished or "", reverse=True)
    return [_ended(project, run, told is None or place < told) for place, run in enumerate(newest)]


def _ended(project: Project, run: RunRow, with_counts: bool) -> Ended:
    view = "" if run.view in (None, "main") else f" > {run.view}"
    model = MODELS[run.model].title if run.model in MODELS else run.model
    found = Ended(
        number=run.number,
        title=f"{model} {run.preset} · {run.product}{view}",
        state=run.state,
        at=run.finished or run.created,
        error=run.error,
    )
    if not with_counts:
        return found
    try:
        table = review.load(project, run.number)
    except FlawscopeError:  # it left no scores: its end says why
        return found
    scope = table.default_scope()
    counts = review.counts(table, table.threshold, scope)
    worst = review.queue(table, "false_rejects", table.threshold, scope)
    area = table.scoring.figures.get("image_auroc")
    return Ended(
        **{name: getattr(found, name) for name in ("number", "title", "state", "at", "error")},
        scoring=table.scoring.id,
        image_auroc=area if isinstance(area, float) else None,
        is_outdated=bool(table.stale),
        false_rejects=counts.false_rejects,
        good=counts.good,
        escapes=counts.escapes,
        defective=counts.defective,
        worst=_worst(project, table, int(worst[0])) if worst.size else None,
    )


def _worst(project: Project, table: review.ReviewTable, row: int) -> Worst:
    image_id, cell = table.place(row)
    name = project.image(image_id).relative
    return Worst(image_id, cell, name, float(table.units.score[row]), table.threshold)
