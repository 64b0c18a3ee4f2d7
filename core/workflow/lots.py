"""What the machine says of images that nobody has labelled yet: tomorrow's lot against today's threshold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.evaluation.decisions import DecisionSettings, judge
from core.project import Project
from core.project.records import NewJudgement
from core.words import Judgement
from core.workflow.deciding import decision_for


@dataclass(frozen=True)
class Judged:
    """One image and what the machine says of it; `score` is None where it could not be inspected."""

    id: int
    path: Path
    score: float | None
    judgement: Judgement
    why: str


@dataclass(frozen=True)
class LotResult:
    """Every scored image of one scoring, worst first, judged by one version of the decision settings."""

    training: int
    scoring: int
    threshold: float
    version: int
    state: str
    images: tuple[Judged, ...]
    caution: str = ""

    def counts(self) -> Counter[Judgement]:
        """How many images of each judgement."""
        return Counter(one.judgement for one in self.images)

    def lines(self) -> list[str]:
        """The counts first, then by what threshold."""
        found = self.counts()
        said = f"{found['reject']} rejected, {found['pass']} passed"
        said += f", {found['recheck']} to recheck" if found["recheck"] else ""
        said += f", {found['not_inspectable']} could not be inspected" if found["not_inspectable"] else ""
        return [
            f"{len(self.images)} images scored by training #{self.training}: {said}.",
            f"Threshold {self.threshold:.4f} (decision settings version {self.version}, {self.state}).",
        ]

    def table(self) -> tuple[list[str], list[list[object]]]:
        """Everything that did not pass: columns and rows."""
        rows: list[list[object]] = [
            [one.judgement.replace("_", " "), "–" if one.score is None else f"{one.score:.4f}", str(one.path), one.why]
            for one in self.images
            if one.judgement != "pass"
        ]
        return ["judgement", "score", "image", "why"], rows

    def notes(self) -> list[str]:
        """No figure is claimed for images without a label; what the threshold does not fit is said."""
        return [self.caution] if self.caution else []

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        found = self.counts()
        return {
            "training": self.training,
            "scoring": self.scoring,
            "threshold": self.threshold,
            "images": len(self.images),
            **{name: found[name] for name in ("reject", "recheck", "pass", "not_inspectable")},
            "judged": [vars(one) | {"path": str(one.path)} for one in self.images],
        }


def judge_scored(project: Project, number: int, scoring: int) -> LotResult:
    """Judge every image of a scoring by the training's newest decision settings, and keep what was said.

    Raises `InputError` when the training has none: its tuning images were never scored.
    """
    run = project.run_by_number(number)
    scored = next(one for one in project.scorings(run.id) if one.id == scoring)
    fitting = decision_for(project, run, scored)
    decision = fitting or next(iter(reversed(project.decisions(run.id))), None)
    if decision is None:
        raise InputError(
            f"training #{number} has no threshold yet",
            path=project.folder,
            kept="The scores are stored",
            mend="Good tuning images give one: put some into tuning and score them",
        )
    settings = DecisionSettings(decision.threshold, minimum_area=decision.min_area)
    rows = {row.image_id: row for row in project.scores(scoring)}
    judged = []
    for image in project.images(ids=rows):
        row = rows[image.id]
        areas = None if row.areas is None else row.areas.tolist()
        said = judge(row.score, row.problem or None, settings, areas)
        judged.append(Judged(image.id, image.path, row.score, said, row.problem))
    project.set_judgements(decision.id, scoring, [NewJudgement(one.id, one.judgement, why=one.why) for one in judged])
    judged.sort(key=lambda one: (one.score is not None, -(one.score or 0.0)))
    caution = "" if fitting else "The threshold was set on scores of other passes or taps: measure it again for these."
    return LotResult(number, scoring, decision.threshold, decision.version, decision.state, tuple(judged), caution)
