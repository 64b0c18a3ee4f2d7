"""The trainings and scorings of the open project: a queue, the workers that run, what they say, and how they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from PySide6.QtCore import QObject, Signal

from app import live_worker
from app.awake import KeepAwake
from app.laying import EndedEarlyError, Laying
from app.live_worker import LiveWorker, State, state_of, status_of
from app.polling import Poller
from app.trace import Trace
from app.words import state_word, tr
from core.errors import InputError
from core.events import AnyEvent, PhaseChanged
from core.jobs import RunningJob
from core.project.results import RunRow

if TYPE_CHECKING:
    from app.session import Session
    from core.project import Project
    from core.workflow.scoring import ScoringJob, Wish
    from core.workflow.training import Order

Shutdown = Literal["detach", "checkpoint"]

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
        self._poller = Poller(self)
        self._poller.heard.connect(self._on_worker_heard)
        self._poller.ended.connect(self._on_worker_ended)
        self._queue: list[int] = []
        self._stop_by: dict[int, float] = {}
        self._starting: int | None = None
        self._collecting: set[int] = set()
        self._ended: dict[int, State] = {}  # until the list is read again
        self._leaving: Shutdown | None = None
        self._awake = KeepAwake()
        self.laying: Final = Laying(session, self)
        self.runs: tuple[RunRow, ...] = ()
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
        for worker in self._poller.workers:
            if worker.scoring is None:
                return worker.number
        return self._starting

    @property
    def queue(self) -> tuple[int, ...]:
        """Trainings that start by themselves when the one before has ended."""
        return tuple(self._queue)

    @property
    def is_busy(self) -> bool:
        """Whether anything runs, starts, or is being taken in."""
        return bool(self._poller.workers or self._collecting or self._starting is not None)

    @property
    def would_end(self) -> bool:
        """Whether closing the project would cut something short: what goes on by itself does not count."""
        mine = any(not worker.detached and not worker.project.read_only for worker in self._poller.workers)
        return mine or bool(self._collecting) or self._starting is not None

    @property
    def may_command(self) -> bool:
        """Whether trainings can be commanded from here: a window that only reads only watches."""
        return self._session.can_write

    def trace(self, number: int) -> Trace | None:
        """What the training has said; None when it does not run here."""
        worker = self._training(number)
        return None if worker is None else worker.trace

    def state(self, number: int) -> State:
        """How a training is doing, as of now."""
        worker = self._training(number)
        if worker is not None:
            return worker.state
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
        """Queue a training for every (product, view, order), start the first; `ordered` follows, empty if it failed."""
        project = self._project()

        def done(numbers: list[int]) -> None:
            self.ordered.emit(tuple(numbers))
            self.enqueue(numbers, stop_by=stop_by)

        def failed(error: Exception) -> None:
            self.ordered.emit(())
            if isinstance(error, EndedEarlyError):
                self._session.said.emit(tr("No training was started; images that were done stay done"))
            else:
                self._session.report(error)

        self.laying.run(lambda said: live_worker.prepare_all(project, orders, stop_by, said), done, failed)

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

        self._in_background(
            project, lambda: live_worker.may_resume(project, number), lambda found: self.enqueue([found])
        )

    def score(self, number: int | None, wish: Wish) -> None:
        """Score images with a training that is done; `scored` or `scoring_failed` follows. Runs beside a training."""
        project = self._project()

        def done(worker: LiveWorker) -> None:
            self._follow(worker)
            self._session.said.emit(tr("Scoring with training #{n} …", n=worker.number))

        def failed(error: Exception) -> None:
            self.scoring_failed.emit(number or 0, error)

        self.laying.run(lambda said: live_worker.start_scoring(project, number, wish, said), done, failed)

    # -- commands

    def stop(self, number: int | None = None) -> None:
        """End a training well: this step is finished, a usable model and its scores are kept."""
        for worker in self._commanded(number):
            worker.stop()
            self._set_state(worker, "stopping")

    def pause(self, number: int | None = None) -> None:
        """Hold a training; it writes a checkpoint and waits."""
        for worker in self._commanded(number):
            worker.running.send("pause")

    def go_on(self, number: int | None = None) -> None:
        """Let a held training go on."""
        for worker in self._commanded(number):
            worker.running.send("resume")

    def kill(self, number: int) -> None:
        """End a training that does not answer; its last checkpoint stays."""
        for worker in self._commanded(number):
            self._session.background.run(worker.running.kill, owner=self)

    def detach(self) -> None:
        """The running training goes on without this program; it is found again when the project is opened."""
        for worker in self._poller.workers:
            if worker.scoring is None and not worker.detached:
                worker.detach()
                if self._session.settings.get("train.keep_awake"):
                    self._awake.outlive(worker.running.pid)

    def discard(self, number: int) -> None:
        """Throw a training away that has no results: end it, and remove its files. The audit trail keeps its row."""
        self.dequeue(number)
        worker = self._training(number)
        if worker is None and number != self._starting:
            self._remove(self._project(), number)
        elif worker is not None and self._session.can_write:
            worker.is_discarded = True
            self._session.background.run(worker.running.kill, owner=self)

    def shutdown(self, mode: Shutdown) -> None:
        """Before the project is closed: let the training go on by itself, or end it at a checkpoint; `shut` follows."""
        self._leaving = mode
        self._queue.clear()
        if mode == "detach":
            self.detach()
        for worker in list(self._poller.workers):
            if worker.detached:
                self._poller.remove(worker)
            else:
                worker.running.close()
                self._set_state(worker, "stopping")
        self._after_change()

    def close(self) -> None:
        """The project is being closed: nothing of ours runs on but what was detached. Waits, if nobody asked before."""
        self.laying.cancel()
        for worker in self._poller.workers:
            if worker.detached or worker.project.read_only:
                continue
            worker.leave(_LEAVING_S)
            self._mark_interrupted(worker)
        self._poller.clear()
        for one in (self._queue, self._stop_by, self._collecting, self._ended):
            one.clear()
        self._starting, self._leaving, self.runs = None, None, ()
        self._awake.release()

    def refresh(self) -> None:
        """Read the list of trainings again."""
        project = self._session.project
        if project is not None:
            read = self._session.background.run
            read(lambda: tuple(project.runs()), self._on_runs_read, owner=self, key="runs")

    # -- following

    def _on_worker_heard(self, worker: LiveWorker, events: Sequence[AnyEvent]) -> None:
        if worker.stop_by is not None and time.time() >= worker.stop_by and not worker.is_stopping:
            self.stop(worker.number)
        for event in events:
            worker.trace.feed(event)
            if worker.scoring is not None:
                continue
            if isinstance(event, PhaseChanged) and not worker.is_stopping:
                self._set_state(worker, state_of(event.name))
            self.heard.emit(worker.number, event)
        if events:
            self._say_progress(worker)
        elif time.monotonic() - worker.heard_at > self.silence_s and worker.scoring is None:
            self._set_state(worker, "not_responding")

    def _say_progress(self, worker: LiveWorker) -> None:
        worker.heard_at = time.monotonic()
        if worker.state == "not_responding":
            self._set_state(worker, "stopping" if worker.is_stopping else state_of(worker.trace.phase))
        if worker.scoring is None:
            self.progress.emit(worker.number, worker.trace.fraction, worker.trace.finish)
        else:
            self.scoring_progress.emit(worker.number, worker.trace.fraction)
        self._tell_status()

    def _follow(self, worker: LiveWorker) -> None:
        self._poller.add(worker)
        if self._leaving is not None:  # it was being started when the window was closed
            self.shutdown(self._leaving)
        self._after_change()

    def _set_state(self, worker: LiveWorker, state: State) -> None:
        if worker.state != state:
            worker.state = state
            self.state_changed.emit(worker.number, state)
            self._keep_awake()
            self._tell_status()

    def _after_change(self) -> None:
        self._keep_awake()
        self._tell_status()
        if self._leaving is not None and not self.is_busy:
            self.shut.emit()

    def _tell_status(self) -> None:
        pending = self._starting is not None or bool(self._collecting)
        self.status_changed.emit(*status_of(self._poller.workers, pending=pending))

    def _keep_awake(self) -> None:
        computing = any(worker.state != "paused" for worker in self._poller.workers)
        self._awake.keep(computing and bool(self._session.settings.get("train.keep_awake")))

    # -- ends

    def _on_worker_ended(self, worker: LiveWorker) -> None:
        if worker.is_discarded:
            self._remove(worker.project, worker.number)
        elif self._leaving is not None:
            self._mark_interrupted(worker)
        elif worker.project.read_only:
            self._finish(worker.number, worker.running.outcome() or "interrupted", None)
        elif worker.scoring is not None:
            self._collect_scoring(worker, worker.scoring)
        else:
            self._collect(worker.project, worker.number, worker.running)
        self._after_change()

    def _collect(self, project: Project, number: int, running: RunningJob | None) -> None:
        self._collecting.add(number)
        self.state_changed.emit(number, "collecting")

        def done(found: tuple[State, object]) -> None:
            self._collecting.discard(number)
            if found[0] == "finished" and isinstance(found[1], Exception):
                self._session.report(found[1])  # a model without figures: why
            self._finish(number, *found)

        def failed(error: Exception) -> None:
            self._collecting.discard(number)
            self._session.report(error)
            self._finish(number, "failed", error)

        self._in_background(project, lambda: live_worker.collect_training(project, number, running), done, failed)

    def _collect_scoring(self, worker: LiveWorker, job: ScoringJob) -> None:
        def done(result: object) -> None:
            self.scored.emit(worker.number, result)
            self._session.scores_changed.emit()

        def failed(error: Exception) -> None:
            self.scoring_failed.emit(worker.number, error)

        self._in_background(worker.project, lambda: live_worker.collect_scoring(worker.project, job), done, failed)

    def _finish(self, number: int, state: State, outcome: object) -> None:
        self._ended[number] = state
        self.state_changed.emit(number, state)
        self.ended.emit(number, state, outcome)
        self._session.said.emit(tr("Training #{n}: {state}", n=number, state=state_word(state)))
        self._session.trainings_changed.emit()
        self._session.scores_changed.emit()
        self._after_change()
        self._start_next()

    def _mark_interrupted(self, worker: LiveWorker) -> None:
        if worker.scoring is None:
            self._session.background.run(
                lambda: live_worker.mark_interrupted(worker.project, worker.number), lane="write"
            )

    def _remove(self, project: Project, number: int) -> None:
        self._in_background(
            project,
            lambda: live_worker.discard_files(project, number),
            lambda _: self._finish(number, "discarded", None),
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

        def done(worker: LiveWorker) -> None:
            self._starting = None
            worker.stop_by = stop_by
            self._follow(worker)
            self._session.trainings_changed.emit()

        def failed(error: Exception) -> None:
            self._starting = None
            self._session.report(error)
            self.ended.emit(number, "failed", error)
            self._session.trainings_changed.emit()
            self._after_change()
            self._start_next()

        still = self._session.still(project)
        self._in_background(project, lambda: live_worker.start_training(project, number, still), done, failed)

    # -- opening

    def _on_session_opened(self) -> None:
        project = self._project()
        self.refresh()
        self._in_background(
            project, lambda: live_worker.find_workers(project), lambda found: self._take_up(project, *found)
        )

    def _take_up(self, project: Project, workers: list[LiveWorker], ended: list[int]) -> None:
        for worker in workers:
            self._follow(worker)
        for number in ended:
            if not project.read_only:
                self._collect(project, number, None)
        if workers or ended:
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

    def _training(self, number: int) -> LiveWorker | None:
        return next((one for one in self._poller.workers if one.number == number and one.scoring is None), None)

    def _commanded(self, number: int | None) -> list[LiveWorker]:
        if not self._session.can_write:
            return []
        return [worker for worker in self._poller.workers if worker.scoring is None and number in (None, worker.number)]

    def _in_background(
        self,
        project: Project,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """`done` and `failed` are left out when another project is open by then."""
        self._session.background.run(work, done, failed, owner=self, still=self._session.still(project))
