"""Feeding back: good parts that the machine rejected and a person passed are offered to the next training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import InputError
from core.project import Project
from core.project.records import ChangeReport
from core.words import Label, Split

REASON: Final = "fed back: a person found it good"


@dataclass(frozen=True)
class Offer:
    """An image that a person found good and no training learns from yet; `lot_in_test`: its lot is also tested with."""

    image_id: int
    name: str
    path: Path
    part: str
    lot: str
    split: Split
    label: Label
    who: str
    at: str
    training: int | None
    score: float | None
    threshold: float | None
    lot_in_test: bool


def feedback(project: Project, product: str, view: str | None = None) -> list[Offer]:
    """Images outside test and train whose last verdict is Good, the newest verdict first.

    An image of the test set is never offered: the figures rest on it. Verdicts on single cells offer nothing, because
    a training takes whole images.
    """
    good = {one.image_id: one for one in project.verdicts() if one.verdict == "good" and not one.cell}
    if not good:
        return []
    numbers = {run.id: run.number for run in project.runs(product=product)}
    tested = {count.lot for count in project.counts(product) if count.split == "test" and count.lot}
    offers = []
    for row in project.images(product=product, view=view, split=["unused", "tuning"], ids=good, present_only=True):
        said = good[row.id]
        number = None if said.run_id is None else numbers.get(said.run_id)
        offers.append(
            Offer(
                image_id=row.id,
                name=row.relative,
                path=row.path,
                part=row.part,
                lot=row.lot,
                split=row.split,
                label=row.label,
                who=said.who,
                at=said.at,
                training=number,
                score=said.score,
                threshold=said.threshold,
                lot_in_test=row.lot in tested,
            )
        )
    return sorted(offers, key=lambda offer: offer.at, reverse=True)


def apply_feedback(project: Project, ids: Iterable[int], *, reason: str = REASON) -> ChangeReport:
    """Label the images good and move them, with their whole parts, into train. Can be undone, in two steps.

    Raises `InputError` for an image that lies in test, `ProjectError` when the same picture lies in test.
    """
    chosen = sorted(set(ids))
    tested = [row.relative for row in project.images(ids=chosen, split="test")]
    if tested:
        raise InputError(
            f"{tested[0]} is a test image: the figures rest on it",
            kept="Nothing was changed",
            mend="Leave it in test",
        )
    report = project.set_split(chosen, "train", reason=reason)  # first: this is what can be refused
    project.set_label(chosen, "good", reason=reason)
    return report
