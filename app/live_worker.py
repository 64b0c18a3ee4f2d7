"""One worker that is being followed; starting one, finding those that went on alone, taking in what it left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from app.trace import Trace, read_trace
from app.words import state_word, tr
from core.errors import FlawscopeError, InputError
from core.jobs import Job, RunningJob
from core.project.results import RunState

if TYPE_CHECKING:
    from core.project import Project
    from core.workflow.progress import Progress
    from core.workflow.scoring import ScoringJob, Wish
    from core.workflow.training import Order

State = str  # a core.project RunState, or "collecting" (results are taken in), or "not_responding"

_LIVE: Final[tuple[RunState, ...]] = ("starting", "running", "paused", "stopping")
_STATE_OF: Final[dict[str, State]] = {
    "loading": "starting",
    "preparing": "starting",
    "training": "running",
    "paused": "paused",
    "stopping": "stopping",
}


@dataclass(eq=False)
class LiveWorker:
    """One worker that is being followed."""

    number: int
    running: RunningJob
    project: Project
    trace: Trace = field(default_factory=Trace)
    state: State = "starting"
    scoring: ScoringJob | None = None
    detached: bool = False
    is_stopping: bool = False
    is_discarded: bool = False
    stop_by: float | None = None  # seconds since 1970
    heard_at: float = field(default_factory=time.monotonic)

    def stop(self) -> None:
        """End well: this step is finished, a usable model and its scores are kept."""
        self.running.stop()
        self.is_stopping = True

    def detach(self) -> None:
        """Go on without this program; what is held goes on, too."""
        if self.state == "paused":
            self.running.send("resume")
        self.running.send("detach")
        self.detached = True

    def leave(self, patience_s: float) -> None:
        """End at a checkpoint, now; waits, and kills what takes longer than that."""
        self.running.close()
        if self.running.wait(patience_s) is None:
            self.running.kill()


def state_of(phase: str) -> State:
    """The state of a training in a phase of its work."""
    return _STATE_OF.get(phase, "running")


def status_of(workers: Sequence[LiveWorker], *, pending: bool) -> tuple[str, float | None, float | None]:
    """A word ('' when nothing goes on), the share done and the finish, where they are known."""
    if not workers:
        return (tr("Training") if pending else "", None, None)
    worker = min(workers, key=lambda one: one.scoring is not None)
    trace = worker.trace
    word = tr("Scoring") if worker.scoring is not None or trace.phase == "scoring" else tr("Training")
    if worker.state in ("paused", "stopping"):
        word = state_word(worker.state)
    is_measured = trace.position > 0 or trace.phase == "scoring"
    return word, trace.fraction if is_measured else None, trace.finish


def prepare_all(
    project: Project, orders: Sequence[tuple[str, str, Order]], stop_by: datetime | None, progress: Progress
) -> list[int]:
    """Make a training for every (product, view, order); their numbers. For a thread.

    What takes time, laying regions over images, comes first: when `progress` raises, nothing was made.
    """
    from core.workflow import aligning, training

    for product, view, _ in orders:
        for one in training.views_of(project, product, view):
            aligning.ready(project, one, progress=progress)
    numbers: list[int] = []
    for product, view, order in orders:
        for number in training.prepare(project, order, product=product, view=view):
            if stop_by is not None:
                project.update_run(project.run_by_number(number).id, stop_by=stop_by.isoformat())
            numbers.append(number)
    return numbers


def may_resume(project: Project, number: int) -> int:
    """The number of a training that can go on. Raises `InputError` when it runs or has finished. For a thread."""
    from core.workflow import training

    return training.resume(project, number)


def start_training(project: Project, number: int, still_open: Callable[[], bool]) -> LiveWorker:
    """Start a training, or let it go on; what it said earlier is read first. For a thread."""
    from core.workflow import training

    trace, _ = read_trace(project.run_by_number(number).folder)
    running = training.start(project, number)
    if not still_open():  # closed meanwhile: nobody would hear it
        running.close()
    return LiveWorker(number, running, project, trace)


def start_scoring(project: Project, number: int | None, wish: Wish, progress: Progress) -> LiveWorker:
    """Start scoring images with a training that is done; when `progress` raises, nothing began. For a thread."""
    from core.workflow import scoring

    job = scoring.start(project, number, wish, progress=progress)
    return LiveWorker(job.run.number, job.following, project, scoring=job)


def find_workers(project: Project) -> tuple[list[LiveWorker], list[int]]:
    """Trainings that go on by themselves, and the numbers of those that ended while nobody looked. For a thread."""
    workers: list[LiveWorker] = []
    ended: list[int] = []
    for run in project.runs(state=_LIVE):
        job = Job(run.folder)
        if not job.state().active:
            ended.append(run.number)
            continue
        trace, offset = read_trace(run.folder)
        try:
            running = job.attach(offset)
        except InputError:  # it has ended in this moment, or runs on another computer
            if not job.state().active:
                ended.append(run.number)
            continue
        stop_by = None if run.stop_by is None else datetime.fromisoformat(run.stop_by).timestamp()
        state = state_of(trace.phase)
        workers.append(LiveWorker(run.number, running, project, trace, state, detached=True, stop_by=stop_by))
    return workers, ended


def collect_training(project: Project, number: int, running: RunningJob | None) -> tuple[State, object]:
    """Take in what a training left: how it ended, and its Result or the error. For a thread."""
    from core.workflow import training

    try:
        outcome: object = training.collect(project, number, running)
    except FlawscopeError as error:
        outcome = error
    return project.run_by_number(number).state, outcome


def collect_scoring(project: Project, job: ScoringJob) -> object:
    """Take in what a scoring left: its Result or LotResult. For a thread."""
    from core.workflow import scoring

    return scoring.collect(project, job)


def mark_interrupted(project: Project, number: int) -> None:
    """A training was cut short; it can go on from its last checkpoint. For a thread."""
    project.update_run(project.run_by_number(number).id, state="interrupted")


def discard_files(project: Project, number: int) -> None:
    """Mark a training as discarded, remove what it wrote, keep its log. Raises `InputError` when it has results."""
    run = project.run_by_number(number)
    if run.state in ("finished", "stopped"):
        raise InputError(
            f"training #{number} has results", kept="It was left as it is", mend="Clean up can remove its files"
        )
    project.update_run(run.id, state="discarded", reason="discarded by a person")
    for name in ("checkpoints", "cache", "pictures", "scores"):
        shutil.rmtree(run.folder / name, ignore_errors=True)
