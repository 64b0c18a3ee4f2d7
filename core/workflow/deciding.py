"""Which decision settings hold for a scoring, and what number of passes tuning images propose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.evaluation.passes import PassesProposal
from core.project import Project
from core.project.results import Decision, RunRow, Scoring


def decision_for(project: Project, run: RunRow, scoring: Scoring) -> Decision | None:
    """The newest settings that were made for scores of this kind: other passes or taps give other scores."""
    scorings = {one.id: one for one in project.scorings(run.id)}
    for one in reversed(project.decisions(run.id)):
        made_on = scorings.get(one.scoring_id or 0)
        if one.state != "retired" and (made_on is None or differs(run, made_on) == differs(run, scoring)):
            return one
    return None


def differs(run: RunRow, scoring: Scoring) -> dict[str, Any]:
    """What a scoring set otherwise than its training does: settings of the passes, `weights` other than `best`."""
    own: Mapping[str, Any] = run.config.get("progressive", {})
    used: Mapping[str, Any] = scoring.settings.get("progressive", {})
    found = {name: value for name, value in used.items() if name in own and own[name] != value}
    weights = Path(scoring.settings.get("weights", "best")).stem
    return found if weights == "best" else {**found, "weights": weights}


def proposed_passes(figures: Mapping[str, Any]) -> PassesProposal | None:
    """What tuning images proposed at the end of a training, from its figures; None where that was not measured.

    It changes nothing by itself: images are scored again with it when a person asks for that.
    """
    try:
        return PassesProposal.model_validate(figures.get("proposal"))
    except ValidationError:
        return None
