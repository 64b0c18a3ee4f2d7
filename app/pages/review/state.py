"""What is being reviewed: scoring, threshold, queue, and where in it. Widgets show it and tell it what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.pages.review.loading import Loaded, changed_row, first_kind, prepare, read
from app.pages.review.moved import MovedThresholds
from app.reconstructions import Asked
from app.session import Session
from app.throttle import Slowly
from app.words import tr, verdict_word
from core.evaluation.decisions import Confusion
from core.project.results import Decision
from core.words import VERDICTS, Box, Verdict
from core.workflow import review
from core.workflow.review import Kind, ReviewTable, Scope, Scored

_SETTLE_MS: Final = 90  # a queue of 230,000 is not made anew for every pixel of a drag
_RELOAD_MS: Final = 150
_NOTHING: Final[NDArray[np.intp]] = np.empty(0, np.intp)


@dataclass(frozen=True)
class Wanted:
    """What to show once the table is there."""

    number: int | None = None
    scoring: int | None = None
    kind: Kind | None = None
    image: int | None = None
    cell: str | None = None


@dataclass(frozen=True)
class Unit:
    """An image, or one cell of it, as a table holds it."""

    table: ReviewTable
    row: int
    image_id: int
    cell: str

    @property
    def box(self) -> Box:
        """Its place on the image."""
        x0, y0, x1, y1 = (int(edge) for edge in self.table.units.box[self.row])
        return x0, y0, x1, y1

    @property
    def asked(self) -> Asked:
        """What its reconstructions are asked for with."""
        return Asked(self.table.run.number, self.image_id, self.table.scoring.id)


class Review(QObject):
    """One review. `row` is a row of `table`; `rows` is the queue, the worst first."""

    loading = Signal()
    loaded = Signal()  # another table, or none
    scope_changed = Signal()
    threshold_moved = Signal(float)
    threshold_settled = Signal(float)
    queue_changed = Signal()
    row_changed = Signal()
    verdict_given = Signal(int, str)  # row, verdict; '' when it was taken back
    offers_changed = Signal(int)  # good images that wait to be fed back

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.choices: tuple[Scored, ...] = ()
        self.table: ReviewTable | None = None
        self.reason = ""
        self.scope: Scope = "test"
        self.kind: Kind = "false_rejects"
        self.threshold = 0.5
        self.rows = _NOTHING
        self.row: int | None = None
        self.offered = 0
        self.is_loading = False
        self._wanted = Wanted()
        self._moved = MovedThresholds(session)
        self._writes = 0  # verdicts given and verdicts written: what was read in between is old
        self._unwritten = 0
        self._settle = Slowly(self._on_settled, _SETTLE_MS, self)
        self._reload = Slowly(self.reload, _RELOAD_MS, self)
        self._is_active = False
        self._is_stale = True
        session.closed.connect(self._on_session_closed)
        session.opened.connect(self._on_session_opened)
        session.table_loaded.connect(self._on_table_loaded)
        session.images_changed.connect(self._on_images_changed)
        session.scores_changed.connect(self._on_scores_changed)
        session.trainings_changed.connect(self._on_scores_changed)
        session.place_changed.connect(self._on_place_changed)

    # -- what is reviewed

    def activate(self) -> None:
        """The page came on screen: read what changed meanwhile."""
        self._is_active = True
        if self._is_stale:
            self.reload()
        else:
            self._tell_order()

    def rest(self) -> None:
        """The page went."""
        self._is_active = False

    def show(self, wanted: Wanted) -> None:
        """Another scoring, queue or image."""
        self._wanted = wanted
        self.reload()

    def reload(self) -> None:
        """Read the table again; threshold and place stay where they are."""
        project = self.session.project
        if project is None:
            return
        if not self._is_active or not self.session.is_complete:  # names and places of images come first
            self._is_stale = True
            return
        self._is_stale = False
        wanted, kept = self._wanted, self.table
        number, scoring = wanted.number, wanted.scoring
        if number is None and scoring is None and kept is not None and self._is_here(kept):
            number, scoring = kept.run.number, kept.scoring.id
        product, view, scope = self.session.product, self.session.view, self.scope
        writes = self._writes
        if kept is None:
            self.is_loading = True
            self.loading.emit()
        self.session.background.run(
            lambda: read(project, number, scoring, product, view, scope if kept is not None else None),
            lambda found: self._takeread(found, writes, scope),
            self._fail,
            owner=self,
            key="review",
        )

    def set_scope(self, scope: Scope) -> None:
        """Other images of the same scoring."""
        table = self.table
        if table is None or scope == self.scope:
            return

        def prepared() -> Scope:
            prepare(table, scope)
            return scope

        self.session.background.run(prepared, self._take_scope, owner=self, key="scope")

    def set_kind(self, kind: Kind) -> None:
        """Another queue, from its worst."""
        self.kind = kind
        self._requeue()
        self.go_to(0)

    @property
    def unit(self) -> Unit | None:
        """What is on screen."""
        if self.table is None or self.row is None:
            return None
        return Unit(self.table, self.row, *self.table.place(self.row))

    # -- the threshold

    def move_threshold(self, threshold: float) -> None:
        """While it is dragged: counts at once, the queue a moment later."""
        self.threshold = threshold
        self.threshold_moved.emit(threshold)
        self._settle.start()

    def set_threshold(self, threshold: float) -> None:
        """Let go there."""
        self.threshold = threshold
        self.threshold_moved.emit(threshold)
        self._settle.stop()
        self._on_settled()

    def step_threshold(self, up: bool) -> None:
        """To the next place where a count changes."""
        if self.table is not None:
            self.set_threshold(review.next_change(self.table, self.threshold, self.scope, up=up))

    @property
    def is_moved(self) -> bool:
        """Whether the threshold differs from the one that is kept."""
        return self.table is not None and self.threshold != self.table.threshold

    @property
    def is_optimistic(self) -> bool:
        """Whether the figures at this threshold flatter it."""
        return self.table is not None and review.is_optimistic(self.table, self.threshold, self.scope)

    def keep_threshold(self) -> None:
        """As the next draft of the decision settings."""
        table, threshold, scope = self.table, self.threshold, self.scope
        if table is None or not self.session.check_writable():
            return

        def kept(decision: Decision) -> None:
            said = tr("Threshold {value} kept as draft, version {n}", value=f"{threshold:.4f}", n=decision.version)
            self.session.said.emit(said)
            self._moved.remember(table.scoring.id, None)
            self.session.scores_changed.emit()

        self.session.write(lambda project: review.keep_threshold(project, table, threshold, scope), kept)

    def counts(self) -> Confusion | None:
        """The counts at the threshold."""
        return None if self.table is None else review.counts(self.table, self.threshold, self.scope)

    # -- the queue

    @property
    def position(self) -> int:
        """Where in the queue the row on screen stands; -1 when it does not."""
        if self.row is None:
            return -1
        found = np.flatnonzero(self.rows == self.row)
        return int(found[0]) if found.size else -1

    def go_to(self, position: int) -> None:
        """Show a place of the queue; beyond its ends nothing changes, an empty queue shows nothing."""
        if not self.rows.size:
            self.show_row(None)
        elif 0 <= position < self.rows.size:
            self.show_row(int(self.rows[position]))

    def step(self, delta: int) -> None:
        """On, or back."""
        at = self.position
        self.go_to(at + delta if at >= 0 else 0)

    def step_open(self, delta: int) -> None:
        """To the next one without a verdict."""
        if self.table is None:
            return
        opened = np.flatnonzero(self.table.verdict[self.rows] == 0)
        at = self.position
        beyond = opened[opened > at] if delta > 0 else opened[opened < at][::-1]
        if beyond.size:
            self.go_to(int(beyond[0]))
        else:
            self.session.said.emit(tr("Everything in this queue has a verdict"))

    def show_row(self, row: int | None) -> None:
        """Show a unit, whether it is in the queue or not."""
        if row == self.row:
            return
        self.row = row
        self._tell_row()

    def reviewed(self) -> tuple[int, int]:
        """How many of the queue have a verdict, and how many it holds."""
        if self.table is None:
            return (0, 0)
        return int(np.count_nonzero(self.table.verdict[self.rows])), int(self.rows.size)

    # -- verdicts

    def give_verdict(self, verdict: Verdict) -> None:
        """What a person says of the unit on screen; then on to the next, if they want that."""
        table, row, threshold = self.table, self.row, self.threshold
        if table is None or row is None or not self.session.check_writable():
            return
        self.table = table.with_verdict(row, verdict)
        self._writes += 1
        self._unwritten += 1
        self.verdict_given.emit(row, verdict)

        def given(_: int) -> None:
            self._writes += 1
            self._unwritten -= 1
            said = tr("Verdict: {word}. Ctrl+Z takes it back", word=verdict_word(verdict))
            if verdict == "good" and table.split_of(row) in ("unused", "tuning") and not table.place(row)[1]:
                said = tr("Verdict: Good. It waits under Feed back for the next training. Ctrl+Z takes it back")
            self.session.said.emit(said)
            self.count_offers()

        def failed(error: Exception) -> None:
            self._writes += 1
            self._unwritten -= 1
            self._reload.start()  # what stands in the project counts
            self.session.report(error)

        self.session.write(
            lambda project: review.give_verdict(project, table, row, verdict, threshold=threshold),
            given,
            failed=failed,
        )
        if self.session.settings.get("work.move_on"):
            at = self.position
            if 0 <= at < self.rows.size - 1:
                self.go_to(at + 1)

    def count_offers(self) -> None:
        """Ask how many good images wait to be fed back."""
        project, table = self.session.project, self.table
        if project is None or table is None:
            return
        product, view = table.run.product, table.run.view
        self.session.background.run(
            lambda: len(review.feedback(project, product, view)), self._take_offers, owner=self, key="offers"
        )

    # -- inside

    def _is_here(self, table: ReviewTable) -> bool:
        """Whether a table belongs to the product and view that the window is at."""
        place = (self.session.product, self.session.view)
        return self.session.product is None or place == (table.run.product, table.run.view)

    def _takeread(self, found: Loaded, writes: int, scope: Scope) -> None:
        if writes != self._writes or self._unwritten or scope != self.scope:
            self._reload.start()  # a verdict was given, or a scope chosen meanwhile: what was read does not know it
        else:
            self._take(found)

    def _take(self, found: Loaded) -> None:
        before, self.table = self.table, found.table
        self.is_loading = False
        self.choices, self.reason, self.scope = found.choices, found.reason, found.scope
        wanted, self._wanted = self._wanted, Wanted()
        table = self.table
        if table is None:
            self._show_nothing()
            return
        same = before is not None and before.scoring.id == table.scoring.id
        if not same or before is None or self.threshold == before.threshold or table.threshold == self.threshold:
            moved = None if same else self._moved.of(table.scoring.id)
            self.threshold = table.threshold if moved is None else moved
        changed = changed_row(before, table) if same else None
        row = self.row if same else None
        if not same:
            self.kind = first_kind(table, self.scope)
        if wanted.kind is not None:
            self.kind, row = wanted.kind, None
        self.rows = review.queue(table, self.kind, self.threshold, self.scope)
        if wanted.image is not None:
            row = table.row_of(wanted.image, wanted.cell)
        elif changed is not None:  # an undone verdict is shown, not guessed at
            row = changed
        if row is None and self.rows.size:
            row = int(self.rows[0])
        self.row = row
        self.loaded.emit()
        self.queue_changed.emit()
        self._tell_order()
        self._tell_row()
        if found.offered != self.offered:
            self._take_offers(found.offered)

    def _show_nothing(self) -> None:
        """There is no table: whatever showed one of its rows forgets it."""
        self.rows, self.row = _NOTHING, None
        self.loaded.emit()
        self.queue_changed.emit()
        self._tell_row()
        self._take_offers(0)

    def _fail(self, error: Exception) -> None:
        self.is_loading = False
        self.session.report(error)

    def _take_scope(self, scope: Scope) -> None:
        self.scope = scope
        self.scope_changed.emit()
        self._requeue()
        if self.position < 0:
            self.go_to(0)

    def _take_offers(self, count: int) -> None:
        self.offered = count
        self.offers_changed.emit(count)

    def _tell_row(self) -> None:
        self.row_changed.emit()
        if self.row is not None and self.table is not None and self._is_active:
            self.session.set_current(self.table.place(self.row)[0])

    def _on_settled(self) -> None:
        self._requeue()
        if self.table is not None:
            self._moved.remember(self.table.scoring.id, self.threshold if self.is_moved else None)
        self.threshold_settled.emit(self.threshold)
        if self.row is None:
            self.go_to(0)

    def _requeue(self) -> None:
        table = self.table
        if table is None:
            return
        self.rows = review.queue(table, self.kind, self.threshold, self.scope)
        self.queue_changed.emit()
        self._tell_order()

    def _tell_order(self) -> None:
        """Other pages walk the same queue; cells of one image are one image there."""
        if self.table is None or not self._is_active:
            return
        ids = self.table.units.image_id[self.rows]
        _, first = np.unique(ids, return_index=True)
        self.session.set_order(ids[np.sort(first)], tr("Review"))

    def _on_table_loaded(self, complete: bool) -> None:
        if complete and self._is_active and self._is_stale:
            self.reload()

    def _on_session_opened(self) -> None:
        self._is_stale = True

    def _on_session_closed(self) -> None:
        self._settle.stop()
        self._reload.stop()
        self.table, self.choices = None, ()
        self.reason, self._is_stale, self._unwritten = "", True, 0
        self._show_nothing()

    def _on_images_changed(self, _: object) -> None:
        self._is_stale = True
        if self._is_active:
            self._reload.start()

    def _on_scores_changed(self) -> None:
        self._is_stale = True
        if self._is_active:
            self._reload.start()

    def _on_place_changed(self) -> None:
        self._is_stale = True
        if self._is_active:
            self._reload.start()


def verdict_code(verdict: Verdict) -> int:
    """How a table holds a verdict."""
    return 1 + VERDICTS.index(verdict)
