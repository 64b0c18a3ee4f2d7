"""Reviewing what a training rejects: one table a scoring, counts and queues at any threshold, verdicts, feeding back.

A unit is an image, or a cell of an image that holds many parts. Counts are parts, as everywhere; a queue lists the
units behind a count. Nothing here knows a window, and nothing but the functions at the end changes the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.config import MODELS, TrainingConfig
from core.errors import InputError
from core.evaluation.curves import NotMeasured
from core.evaluation.decisions import Confusion, ThresholdChoice, choose_threshold, effective_scores
from core.project import Project
from core.project.results import Decision, RunRow, Scoring
from core.project.units import UnitTable
from core.words import LABELS, SPLITS, VERDICTS, Verdict
from core.workflow.deciding import decision_for, differs
from core.workflow.feeding import Offer as Offer
from core.workflow.feeding import apply_feedback as apply_feedback
from core.workflow.feeding import feedback as feedback
from core.workflow.lots import judge_scored
from core.workflow.review_table import DEFECTIVE, GOOD, UNLABELLED, verdict_column
from core.workflow.review_table import ReviewTable as ReviewTable
from core.workflow.review_table import RocView as RocView
from core.workflow.review_table import Scope as Scope
from core.workflow.review_table import ScoreColumns as ScoreColumns
from core.workflow.scores import LOT

Kind = Literal[
    "false_rejects",
    "escapes",
    "caught",
    "passed",
    "rejects",
    "recheck",
    "near",
    "unreviewed",
    "disagreements",
    "not_inspectable",
    "all",
]
KINDS: Final[tuple[Kind, ...]] = (
    *("false_rejects", "escapes", "caught", "passed", "rejects", "recheck", "near"),
    *("unreviewed", "disagreements", "not_inspectable", "all"),
)
NEAR: Final = 50  # units that the queue of those near the threshold holds
_RANK_GOOD, _RANK_DEFECTIVE = 0, 2  # of a part, see PartTable


@dataclass(frozen=True)
class Scored:
    """A scoring that can be reviewed, as a person chooses it."""

    number: int
    scoring: int
    title: str
    state: str
    when: str
    images: int
    is_lot: bool
    differs: Mapping[str, Any] = field(default_factory=dict)
    """Settings of progressive reconstruction that are not the training's own."""


def scorings(project: Project, *, product: str | None = None, view: str | None = None) -> list[Scored]:
    """What can be reviewed, the newest first."""
    runs = {run.id: run for run in project.runs(product=product, view=view)}
    found = []
    for one in reversed(project.scorings()):
        if (run := runs.get(one.run_id)) is None or not one.images:
            continue
        name = f"{MODELS[run.model].title} {run.preset}" if run.model in MODELS else run.model
        when = one.finished or one.created
        lot = one.purpose == LOT
        found.append(Scored(run.number, one.id, name, run.state, when, one.images, lot, differs(run, one)))
    return found


def load(
    project: Project,
    number: int | None = None,
    scoring: int | None = None,
    *,
    product: str | None = None,
    view: str | None = None,
) -> ReviewTable:
    """The table of one scoring: of the asked training, or of the latest that has figures. Raises `InputError`.

    A scoring with other passes or another gate is an experiment: it is shown where it is asked for by its number.
    """
    run, chosen = _find(project, number, scoring, product, view)
    config = TrainingConfig.model_validate(dict(run.config))
    settings = config.progressive.model_dump() | dict(chosen.settings.get("progressive", {}))
    decision = decision_for(project, run, chosen)
    smallest = 0 if decision is None else decision.min_area
    units = project.scored_units(chosen.id, areas=smallest > 0)
    reach = effective_scores(units.score, units.areas, smallest).copy()
    reach[units.problem] = np.nan
    label = _labels(project, run, units)
    choice = _choice(units, label)
    table = ReviewTable(
        run=run,
        scoring=chosen,
        decision=decision,
        threshold=_threshold(decision, choice, reach, label),
        choice=choice,
        gate=float(settings["gate"]),
        passes=int(settings["n"]),
        units=units,
        reach=reach,
        label=label,
        verdict=verdict_column(units, latest_verdicts(project)),
        differs=differs(run, chosen),
        has_model=(run.folder / "model.json").is_file(),
    )
    return replace(table, stale=_stale(project, table))


def latest_verdicts(project: Project) -> dict[tuple[int, str], Verdict]:
    """The last verdict on each image and cell."""
    return {(one.image_id, one.cell): one.verdict for one in project.verdicts()}


def counts(table: ReviewTable, threshold: float, scope: Scope = "test") -> Confusion:
    """The four counts in parts, and beside them what was left to a person; log(N) after the first call."""
    band = table.recheck_from
    return table.parts(scope).confusion(threshold, None if band is None else min(band, threshold))


def queue(table: ReviewTable, kind: Kind, threshold: float, scope: Scope = "test") -> NDArray[np.intp]:
    """Rows in the order in which a person should see them: the worst first."""
    rows, parts = table.rows(scope), table.parts(scope)
    reach, label = table.reach[rows], table.label[rows]
    rank, best = parts.ranks[parts.index], parts.scores[parts.index]
    rejected, seen = reach >= threshold, ~parts.unseen[parts.index]
    band = threshold if table.recheck_from is None else min(table.recheck_from, threshold)
    if kind == "near":
        return _nearest(rows, reach, threshold)
    fine, bad = rank == _RANK_GOOD, rank == _RANK_DEFECTIVE
    chosen: dict[Kind, NDArray[np.bool_]] = {
        "false_rejects": rejected & fine,
        "escapes": seen & (best < band) & bad & (label == DEFECTIVE),
        "caught": rejected & bad,
        "passed": seen & (best < band) & fine,
        "rejects": rejected,
        "recheck": seen & (best < threshold) & (reach >= band),
        "not_inspectable": ~np.isfinite(reach),
        "unreviewed": table.verdict[rows] == 0,
        "disagreements": _disagrees(table, rows, rejected),
        "all": np.ones(rows.size, np.bool_),
    }
    found: NDArray[np.intp] = rows[chosen[kind]]
    return found[::-1] if kind == "escapes" else found


def margin(table: ReviewTable, row: int, threshold: float) -> float:
    """How far above (positive: rejected) or below the threshold a unit lies, as a share of the threshold."""
    return float(table.reach[row] - threshold) / max(abs(threshold), 1e-9)


def is_optimistic(table: ReviewTable, threshold: float, scope: Scope) -> bool:
    """Whether a threshold was chosen while looking at labelled test images: then their figures flatter it."""
    if _same(threshold, _offers(table)) is not None:
        return False
    if table.decision is not None and threshold == table.decision.threshold:
        return table.decision.optimistic
    test = table.units.split == SPLITS.index("test")
    return scope in ("test", "all") and bool(np.any(test & (table.label != UNLABELLED)))


def next_change(table: ReviewTable, threshold: float, scope: Scope, *, up: bool) -> float:
    """The next threshold at which one score fewer (`up`) or more is rejected: the middle between two scores."""
    columns = table.columns(scope)
    every = np.unique(np.concatenate([columns.good, columns.defective, columns.unlabelled]))
    if not every.size:
        return threshold
    edges = np.concatenate([[every[0]], (every[1:] + every[:-1]) / 2, [np.nextafter(every[-1], np.inf)]])
    here = int(np.searchsorted(every, threshold))  # the gap that the threshold lies in
    return float(edges[min(here + 1, edges.size - 1) if up else max(here - 1, 0)])


def give_verdict(
    project: Project, table: ReviewTable, row: int, verdict: Verdict, *, threshold: float, reason: str = ""
) -> int:
    """What a person says of a unit, with training, threshold and score in its audit row; returns its id. Undoable."""
    image_id, cell = table.place(row)
    score = float(table.units.score[row])
    return project.add_verdict(
        image_id,
        verdict,
        cell=cell,
        run_id=table.run.id,
        scoring_id=table.scoring.id,
        decision_id=None if table.decision is None else table.decision.id,
        threshold=threshold,
        score=score if np.isfinite(score) else None,
        reason=reason,
    )


def keep_threshold(
    project: Project, table: ReviewTable, threshold: float, scope: Scope = "test", *, reason: str = ""
) -> Decision:
    """The threshold as the next draft of the training's decision settings; a lot is judged anew by it.

    It is optimistic when it was set by hand while test images were looked at. Raises `InputError` on no number.
    """
    if not np.isfinite(threshold):
        raise InputError("a threshold is a number", kept="Nothing was changed")
    proposal = _same(threshold, _offers(table))
    good, defective = int(table.columns(scope).good.size), int(table.columns(scope).defective.size)
    how: dict[str, Any] = {"rule": "by_hand", "split": scope, "good": good, "defective": defective}
    how["sentence"] = f"Set by hand to {threshold:.4g}."
    if proposal is not None:
        how = {"rule": proposal.how, "split": "tuning", "good": proposal.good_n, "defective": proposal.defective_n}
        how["sentence"] = proposal.sentence
    before = table.decision
    band = None if before is None else before.recheck
    decision = project.add_decision(
        table.run.id,
        threshold,
        recheck=band if band is not None and band[0] <= threshold else None,
        min_area=0 if before is None else before.min_area,
        roi_version_id=table.scoring.roi_version_id,
        passes=table.passes,
        gate=table.gate,
        scoring_id=table.scoring.id,
        how=how,
        settings={} if before is None else before.settings,
        optimistic=is_optimistic(table, threshold, scope),
        parent_id=None if before is None else before.id,
        reason=reason,
    )
    if table.scoring.purpose == LOT:
        judge_scored(project, table.run.number, table.scoring.id)
    return decision


def _offers(table: ReviewTable) -> tuple[ThresholdChoice, ...]:
    """What tuning images propose."""
    return () if isinstance(table.choice, NotMeasured) else (table.choice, *table.choice.proposals)


def _same(threshold: float, offers: Iterable[ThresholdChoice]) -> ThresholdChoice | None:
    return next((one for one in offers if abs(one.value - threshold) < 1e-12), None)


def _find(
    project: Project, number: int | None, scoring: int | None, product: str | None, view: str | None
) -> tuple[RunRow, Scoring]:
    runs = {run.id: run for run in project.runs(product=product, view=view) if number in (None, run.number)}
    found = [one for one in project.scorings() if one.run_id in runs and one.images]
    if scoring is not None:
        found = [one for one in found if one.id == scoring]
    measured = [one for one in found if one.purpose != LOT]
    if not found:
        what = "nothing was scored yet" if number is None else f"training #{number} has no scores"
        raise InputError(what, path=project.folder, mend="Train first, then come back")
    newest = (measured or found)[-1]
    run = runs[newest.run_id]
    own = [one for one in measured if one.run_id == run.id and not differs(run, one)]
    return run, own[-1] if own and scoring is None else newest


def _labels(project: Project, run: RunRow, units: UnitTable) -> NDArray[np.uint8]:
    """Labels of units: those of images; a cell of a defective image by its mask, not known without one."""
    label = units.label.copy()
    cells = np.flatnonzero((units.cell > 0) & (units.label == DEFECTIVE))
    if not cells.size:
        return label
    masked = set(project.masked_images(product=run.product))
    label[cells] = UNLABELLED
    ids = units.image_id[cells]
    for image_id in np.unique(ids).tolist():
        mask = project.mask(image_id) if image_id in masked else None
        if mask is None:
            continue
        for row in cells[ids == image_id].tolist():
            x0, y0, x1, y1 = units.box[row].tolist()
            label[row] = DEFECTIVE if mask[max(y0, 0) : y1, max(x0, 0) : x1].any() else GOOD
    return label


def _choice(units: UnitTable, label: NDArray[np.uint8]) -> ThresholdChoice | NotMeasured:
    tuning = (units.split == SPLITS.index("tuning")) & np.isfinite(units.score) & ~units.problem
    return choose_threshold(units.score[tuning & (label == GOOD)], units.score[tuning & (label == DEFECTIVE)])


def _threshold(
    decision: Decision | None,
    choice: ThresholdChoice | NotMeasured,
    reach: NDArray[np.float64],
    label: NDArray[np.uint8],
) -> float:
    """The one in use; without any the one that tuning images propose; else above every good image."""
    if decision is not None:
        return decision.threshold
    if isinstance(choice, ThresholdChoice):
        return choice.value
    seen = np.isfinite(reach)
    good = reach[seen & (label == GOOD)]
    every = good if good.size else reach[seen]
    return float(np.nextafter(every.max(), np.inf)) if every.size else 0.5


def _nearest(rows: NDArray[np.intp], reach: NDArray[np.float64], threshold: float) -> NDArray[np.intp]:
    away = np.abs(np.where(np.isfinite(reach), reach, np.inf) - threshold)
    order = np.argsort(away, kind="stable")[:NEAR]
    found: NDArray[np.intp] = rows[order[np.isfinite(away[order])]]
    return found


def _disagrees(table: ReviewTable, rows: NDArray[np.intp], rejected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A person says other than the machine, or other than the label."""
    said_good = table.verdict[rows] == 1 + VERDICTS.index("good")
    said_bad = table.verdict[rows] == 1 + VERDICTS.index("defective")
    label = table.label[rows]
    machine = (said_good & rejected) | (said_bad & ~rejected)
    return np.asarray(machine | (said_good & (label == DEFECTIVE)) | (said_bad & (label == GOOD)))


def _stale(project: Project, table: ReviewTable) -> tuple[str, ...]:
    """Why stored figures are out of date, in sentences."""
    run, scoring, found = table.run, table.scoring, []
    roi = None if run.view_id is None else project.roi(run.view_id)
    if (None if roi is None else roi.id) != scoring.roi_version_id:
        after = "this training" if scoring.roi_version_id == run.roi_version_id else "these images were scored"
        found.append(f"The ROI was changed after {after}.")
    if scoring.figures and not table.has_cells:
        now = np.bincount(table.label[table.rows("test")], minlength=3)
        then = [int(scoring.figures.get(name) or 0) for name in LABELS]
        area = table.roc("test")
        live = None if isinstance(area, NotMeasured) else area.area.auc
        stored = scoring.figures.get("image_auroc")
        moved = live is not None and stored is not None and abs(live - stored) > 1e-9
        if now.tolist() != then or moved:
            found.append("Labels or splits of test images were changed after they were measured.")
    if scoring.figures and scoring.finished:
        painted = project.masks_changed_since(scoring.finished, product=run.product, view=run.view)
        if painted:
            found.append(f"Masks of {painted} test image{'' if painted == 1 else 's'} were painted after measuring.")
    return tuple(found)
