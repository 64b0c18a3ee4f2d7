"""The trainings and scorings of the open project: a queue, the workers that run, what they say, and how they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.awake import KeepAwake
from app.trace import Trace
from app.words import state_word, tr
from app.work import State, Work, discard_files, find_works, may_resume, prepare_all, start_work, state_of, status_of
from core.errors import FlawscopeError, InputError
from core.events import AnyEvent, PhaseChanged
from core.jobs import RunningJob
from core.project.results import RunRow

if TYPE_CHECKING:
    from app.session import Session
    from core.project import Project
    from core.workflow.scoring import ScoringJob, Wish
    from core.workflow.training import Order

Shutdown = Literal["detach", "checkpoint"]

POLL_MS: Final = 100
_LEAVING_S: Final = 6.0  # a worker whose owner has gone ends after 4 s at the latest
T = TypeVar("T")


class Trainings(QObject):
    """Starts, follows and ends the workers of a session: one training at a time, scorings beside it."""

    heard = Signal(int, object)  # training, AnyEvent
    state_changed = Signal(int, str)
    progress = Signal(int, float, object)  # training, 0..1, finish in seconds since 1970 or None
    scoring_progress = Signal(int, float)
    queue_changed = Signal()
    runs_changed = Signal()
    ordered = Signal(object)  # numbers of new trainings
    ended = Signal(int, str, object)  # training, state, Result or the error or None
    scored = Signal(int, object)  # training, Result or LotResult
    scoring_failed = Signal(int, object)  # training (0: none has a model), the error
    status_changed = Signal(str, object, object)  # word ('' = nothing runs), share or None, finish or None
    shut = Signal()  # nothing is left that would end with this program

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.silence_s = 30.0  # without a word, and a worker is not responding; heartbeats come every 2 s
        self._session = session
        self._works: list[Work] = []
        self._queue: list[int] = []
        self._stop_by: dict[int, float] = {}
        self._starting: int | None = None
        self._collecting: set[int] = set()
        self._ended: dict[int, State] = {}  # until the list is read again
        self._leaving: Shutdown | None = None
        self._awake = KeepAwake()
        self.runs: tuple[RunRow, ...] = ()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self.close)
        session.settings.changed.connect(lambda _: self._keep_awake())
        session.trainings_changed.connect(self.refresh)
        if session.project is not None:
            self._on_session_opened()

    # -- what is going on

    @property
    def current(self) -> int | None:
        """The training that runs or is being started."""
        for work in self._works:
            if work.scoring is None:
                return work.number
        return self._starting

    @property
    def queue(self) -> tuple[int, ...]:
        """Trainings that start by themselves when the one before has ended."""
        return tuple(self._queue)

    @property
    def is_busy(self) -> bool:
        """Whether anything runs, starts, or is being taken in."""
        return bool(self._works or self._collecting or self._starting is not None)

    @property
    def would_end(self) -> bool:
        """Whether closing the project would cut something short: what goes on by itself does not count."""
        mine = any(not work.detached and not work.project.read_only for work in self._works)
        return mine or bool(self._collecting) or self._starting is not None

    @property
    def may_command(self) -> bool:
        """Whether trainings can be commanded from here: a window that only reads only watches."""
        return self._session.can_write

    def trace(self, number: int) -> Trace | None:
        """What the training has said; None when it does not run here."""
        work = self._training(number)
        return None if work is None else work.trace

    def state(self, number: int) -> State:
        """How a training is doing, as of now."""
        work = self._training(number)
        if work is not None:
            return work.state
        if number in self._collecting:
            return "collecting"
        if number == self._starting:
            return "starting"
        if number in self._ended:
            return self._ended[number]
        return next((run.state for run in self.runs if run.number == number), "queued")

    def run(self, number: int) -> RunRow | None:
        """The row of a training, as it was read last."""
        return next((run for run in self.runs if run.number == number), None)

    # -- ordering

    def order(self, orders: Sequence[tuple[str, str, Order]], *, stop_by: datetime | None = None) -> None:
        """Queue a training for every (product, view, order) and start the first; `ordered` follows."""
        project = self._project()

        def done(numbers: list[int]) -> None:
            self.ordered.emit(tuple(numbers))
            self.enqueue(numbers, stop_by=stop_by)

        self._in_background(project, lambda: prepare_all(project, orders, stop_by), done)

    def enqueue(self, numbers: Iterable[int], *, stop_by: datetime | None = None) -> None:
        """Put trainings that exist (queued, stopped, interrupted, failed) into the queue; the first starts at once."""
        for number in numbers:
            if number not in self._queue and number != self.current:
                self._queue.append(number)
            if stop_by is not None:
                self._stop_by[number] = stop_by.timestamp()
        self._session.trainings_changed.emit()
        self.queue_changed.emit()
        self._start_next()

    def dequeue(self, number: int) -> None:
        """It no longer starts by itself."""
        if number in self._queue:
            self._queue.remove(number)
            self.queue_changed.emit()

    def resume(self, number: int) -> None:
        """Let a training that was interrupted, stopped or failed go on from its last checkpoint."""
        project = self._project()

        self._in_background(project, lambda: may_resume(project, number), lambda found: self.enqueue([found]))

    def score(self, number: int | None, wish: Wish) -> None:
        """Score images with a training that is done; `scored` or `scoring_failed` follows. Runs beside a training."""
        project = self._project()

        def work() -> ScoringJob:
            from core.workflow import scoring

            return scoring.start(project, number, wish)

        def done(job: ScoringJob) -> None:
            self._follow(Work(job.run.number, job.following, project, scoring=job))
            self._session.said.emit(tr("Scoring with training #{n} …", n=job.run.number))

        self._in_background(project, work, done, lambda error: self.scoring_failed.emit(number or 0, error))

    # -- commands

    def stop(self, number: int | None = None) -> None:
        """End a training well: this step is finished, a usable model and its scores are kept."""
        for work in self._commanded(number):
            work.running.stop()
            work.is_stopping = True
            self._set_state(work, "stopping")

    def pause(self, number: int | None = None) -> None:
        """Hold a training; it writes a checkpoint and waits."""
        for work in self._commanded(number):
            work.running.send("pause")

    def go_on(self, number: int | None = None) -> None:
        """Let a held training go on."""
        for work in self._commanded(number):
            work.running.send("resume")

    def kill(self, number: int) -> None:
        """End a training that does not answer; its last checkpoint stays."""
        for work in self._commanded(number):
            self._session.background.run(work.running.kill, owner=self)

    def detach(self) -> None:
        """The running training goes on without this program; it is found again when the project is opened."""
        for work in self._works:
            if work.scoring is None and not work.detached:
                if work.state == "paused":
                    work.running.send("resume")
                work.running.send("detach")
                work.detached = True
                if self._session.settings.get("train.keep_awake"):
                    self._awake.outlive(work.running.pid)

    def discard(self, number: int) -> None:
        """Throw a training away that has no results: end it, and remove its files. The audit trail keeps its row."""
        self.dequeue(number)
        work = self._training(number)
        if work is None and number != self._starting:
            self._remove(self._project(), number)
        elif work is not None and self._session.can_write:
            work.is_discarded = True
            self._session.background.run(work.running.kill, owner=self)

    def shutdown(self, mode: Shutdown) -> None:
        """Before the project is closed: let the training go on by itself, or end it at a checkpoint; `shut` follows."""
        self._leaving = mode
        self._queue.clear()
        if mode == "detach":
            self.detach()
        for work in list(self._works):
            if work.detached:
                self._works.remove(work)
            else:
                work.running.close()
                self._set_state(work, "stopping")
        self._after_change()

    def close(self) -> None:
        """The project is being closed: nothing of ours runs on but what was detached. Waits, if nobody asked before."""
        self._timer.stop()
        for work in self._works:
            if work.detached or work.project.read_only:
                continue
            work.running.close()
            if work.running.wait(_LEAVING_S) is None:
                work.running.kill()
            self._mark_interrupted(work)
        self._works.clear()
        self._queue.clear()
        self._stop_by.clear()
        self._collecting.clear()
        self._ended.clear()
        self._starting, self._leaving, self.runs = None, None, ()
        self._awake.release()

    def refresh(self) -> None:
        """Read the list of trainings again."""
        project = self._session.project
        if project is not None:
            read = self._session.background.run
            read(lambda: tuple(project.runs()), self._on_runs_read, owner=self, key="runs")

    # -- following

    def _on_timer_timeout(self) -> None:
        now = time.time()
        for work in list(self._works):
            if work.stop_by is not None and now >= work.stop_by and not work.is_stopping:
                self.stop(work.number)
            alive = work.running.running  # asked before the poll, so that the last events are never missed
            events = work.running.poll_events()
            self._listen(work, events)
            if not alive:
                self._works.remove(work)
                self._end(work)

    def _listen(self, work: Work, events: Sequence[AnyEvent]) -> None:
        for event in events:
            work.trace.feed(event)
            if work.scoring is not None:
                continue
            if isinstance(event, PhaseChanged) and not work.is_stopping:
                self._set_state(work, state_of(event.name))
            self.heard.emit(work.number, event)
        if events:
            work.heard_at = time.monotonic()
            if work.state == "not_responding":
                self._set_state(work, "stopping" if work.is_stopping else state_of(work.trace.phase))
            if work.scoring is None:
                self.progress.emit(work.number, work.trace.fraction, work.trace.finish)
            else:
                self.scoring_progress.emit(work.number, work.trace.fraction)
            self._tell_status()
        elif time.monotonic() - work.heard_at > self.silence_s and work.scoring is None:
            self._set_state(work, "not_responding")

    def _follow(self, work: Work) -> None:
        self._works.append(work)
        if self._leaving is not None:  # it was being started when the window was closed
            self.shutdown(self._leaving)
        self._after_change()

    def _set_state(self, work: Work, state: State) -> None:
        if work.state != state:
            work.state = state
            self.state_changed.emit(work.number, state)
            self._keep_awake()
            self._tell_status()

    def _after_change(self) -> None:
        if self._works and not self._timer.isActive():
            self._timer.start()
        elif not self._works:
            self._timer.stop()
        self._keep_awake()
        self._tell_status()
        if self._leaving is not None and not self.is_busy:
            self.shut.emit()

    def _tell_status(self) -> None:
        pending = self._starting is not None or bool(self._collecting)
        self.status_changed.emit(*status_of(self._works, pending=pending))

    def _keep_awake(self) -> None:
        computing = any(work.state != "paused" for work in self._works)
        if computing and self._session.settings.get("train.keep_awake"):
            self._awake.hold()
        else:
            self._awake.release()

    # -- ends

    def _end(self, work: Work) -> None:
        if work.is_discarded:
            self._remove(work.project, work.number)
        elif self._leaving is not None:
            self._mark_interrupted(work)
        elif work.project.read_only:
            self._finish(work.number, work.running.outcome() or "interrupted", None)
        elif work.scoring is not None:
            self._collect_scoring(work, work.scoring)
        else:
            self._collect(work.project, work.number, work.running)
        self._after_change()

    def _collect(self, project: Project, number: int, running: RunningJob | None) -> None:
        self._collecting.add(number)
        self.state_changed.emit(number, "collecting")

        def work() -> tuple[State, object]:
            from core.workflow import training

            try:
                outcome: object = training.collect(project, number, running)
            except FlawscopeError as error:
                outcome = error
            return project.run_by_number(number).state, outcome

        def done(found: tuple[State, object]) -> None:
            self._collecting.discard(number)
            if found[0] == "finished" and isinstance(found[1], Exception):
                self._session.report(found[1])  # a model without figures: why
            self._finish(number, *found)

        def failed(error: Exception) -> None:
            self._collecting.discard(number)
            self._session.report(error)
            self._finish(number, "failed", error)

        self._in_background(project, work, done, failed)

    def _collect_scoring(self, work: Work, job: ScoringJob) -> None:
        def collect() -> object:
            from core.workflow import scoring

            return scoring.collect(work.project, job)

        def done(result: object) -> None:
            self.scored.emit(work.number, result)
            self._session.scores_changed.emit()

        self._in_background(work.project, collect, done, lambda error: self.scoring_failed.emit(work.number, error))

    def _finish(self, number: int, state: State, outcome: object) -> None:
        self._ended[number] = state
        self.state_changed.emit(number, state)
        self.ended.emit(number, state, outcome)
        self._session.said.emit(tr("Training #{n}: {state}", n=number, state=state_word(state)))
        self._session.trainings_changed.emit()
        self._session.scores_changed.emit()
        self._after_change()
        self._start_next()

    def _mark_interrupted(self, work: Work) -> None:
        project, number = work.project, work.number

        def mark() -> None:
            project.update_run(project.run_by_number(number).id, state="interrupted")

        if work.scoring is None:
            self._session.background.run(mark, lane="write")

    def _remove(self, project: Project, number: int) -> None:
        self._in_background(
            project, lambda: discard_files(project, number), lambda _: self._finish(number, "discarded", None)
        )

    # -- the queue

    def _start_next(self) -> None:
        project = self._session.project
        if project is None or self._leaving is not None or self.current is not None or not self._queue:
            return
        number = self._queue.pop(0)
        stop_by = self._stop_by.get(number)
        if stop_by is not None and time.time() >= stop_by:
            self._session.said.emit(tr("Training #{n} was not started: its time is over", n=number))
            self.queue_changed.emit()
            self._start_next()
            return
        self._starting = number
        self.queue_changed.emit()
        self.state_changed.emit(number, "starting")

        def done(work: Work) -> None:
            self._starting = None
            work.stop_by = stop_by
            self._follow(work)
            self._session.trainings_changed.emit()

        def failed(error: Exception) -> None:
            self._starting = None
            self._session.report(error)
            self.ended.emit(number, "failed", error)
            self._session.trainings_changed.emit()
            self._after_change()
            self._start_next()

        self._in_background(project, lambda: start_work(project, number, self._is_open), done, failed)

    def _is_open(self, project: Project) -> bool:
        return self._session.project is project

    # -- opening

    def _on_session_opened(self) -> None:
        project = self._project()
        self.refresh()
        self._in_background(project, lambda: find_works(project), lambda found: self._take_up(project, *found))

    def _take_up(self, project: Project, works: list[Work], ended: list[int]) -> None:
        for work in works:
            self._follow(work)
        for number in ended:
            if not project.read_only:
                self._collect(project, number, None)
        if works or ended:
            self._session.trainings_changed.emit()

    def _on_runs_read(self, runs: tuple[RunRow, ...]) -> None:
        self.runs = runs
        self._ended.clear()
        self.runs_changed.emit()

    # -- small help

    def _project(self) -> Project:
        if self._session.project is None:
            raise InputError("no project is open")
        return self._session.project

    def _training(self, number: int) -> Work | None:
        return next((work for work in self._works if work.number == number and work.scoring is None), None)

    def _commanded(self, number: int | None) -> list[Work]:
        if not self._session.can_write:
            return []
        return [work for work in self._works if work.scoring is None and number in (None, work.number)]

    def _in_background(
        self,
        project: Project,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """`done` and `failed` are left out when another project is open by then."""
        self._session.background.run(work, done, failed, owner=self, still=self._session.still(project))
