"""What a review reads of a project, off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.project import Project
from core.workflow import review
from core.workflow.review import Kind, ReviewTable, Scope, Scored


@dataclass(frozen=True)
class Loaded:
    """What was read of a project to be reviewed; `table` is None, and `reason` says why, where nothing was scored."""

    choices: tuple[Scored, ...]
    table: ReviewTable | None
    scope: Scope
    reason: str
    offered: int


def read(
    project: Project,
    number: int | None,
    scoring: int | None,
    product: str | None,
    view: str | None,
    scope: Scope | None,
) -> Loaded:
    """Read a scoring off the GUI thread: the one that is asked for, else the newest of the product and view."""
    choices = tuple(review.scorings(project, product=product, view=view))
    if number is not None and not any(one.number == number for one in choices):
        choices = tuple(review.scorings(project))  # another product's training was asked for
        product = view = None
    try:
        table = review.load(project, number, scoring, product=product, view=view)
    except InputError as error:
        return Loaded(choices, None, "test", error.what, 0)
    chosen: Scope = scope if scope is not None and scope in table.scopes() else table.default_scope()
    prepare(table, chosen)
    offered = len(review.feedback(project, table.run.product, table.run.view))
    return Loaded(choices, table, chosen, "", offered)


def prepare(table: ReviewTable, scope: Scope) -> None:
    """Whatever takes longer than a frame, off the GUI thread."""
    table.rows(scope)
    table.columns(scope)
    table.roc(scope)


def first_kind(table: ReviewTable, scope: Scope) -> Kind:
    """What a person should see first: false rejects, escapes, else what is rejected, else what lies near."""
    kinds: tuple[Kind, ...] = ("false_rejects", "escapes", "rejects", "near")
    return next((kind for kind in kinds if review.queue(table, kind, table.threshold, scope).size), "all")


def changed_row(before: ReviewTable | None, after: ReviewTable) -> int | None:
    """The one unit whose verdict differs; None when none or several do."""
    if before is None or len(before) != len(after):
        return None
    rows = np.flatnonzero(before.verdict != after.verdict)
    return int(rows[0]) if rows.size == 1 else None
