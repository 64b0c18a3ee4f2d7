"""What a training will take, measured before it is ordered: a real worker makes one step; nothing of it stays."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from core.config import TrainingConfig
from core.errors import FlawscopeError, InputError, StorageError, TrainingError
from core.events import AnyEvent, Estimate
from core.jobfiles import MeasureSpec
from core.jobs import Job, JobSpec, ManifestRow
from core.project import Project
from core.project.records import View
from core.project.results import RunState
from core.workflow.training import Order, fitted, manifest, views_of, write_regions

_FOLDER: Final = "cache/measuring"
_LIVE: Final[tuple[RunState, ...]] = ("starting", "running", "paused", "stopping")
_BATCHES: Final = 2  # of images, so that the steps see different ones
_TUNING: Final = 4
_POLL_S: Final = 0.05


class Cancelled(Exception):
    """Nobody wants to know any more."""


def measure(
    project: Project,
    order: Order,
    *,
    product: str | None = None,
    view: str | None = None,
    stop: Callable[[], bool] = lambda: False,
    heard: Callable[[AnyEvent], None] = lambda _: None,
) -> list[tuple[View, Estimate]]:
    """What the training of every view that matches takes: seconds in all and of a step, bytes of memory and disk.

    Takes some seconds, most of them for starting; for a thread. `stop` is asked meanwhile, `heard` is told what the
    worker says. Raises `Cancelled`, `InputError` (a training runs; no such view, no good images), `ConfigError`,
    `TrainingError`, `StorageError`.
    """
    config = order.config()
    _refuse_beside_others(project)
    return [
        (one, _measured(project, fitted(project, config, order, one), one, stop, heard))
        for one in views_of(project, product, view)
    ]


def _measured(
    project: Project,
    config: TrainingConfig,
    view: View,
    stop: Callable[[], bool],
    heard: Callable[[AnyEvent], None],
) -> Estimate:
    rows = list(manifest(project, view, config))
    good = [row for row in rows if row.split == "train" and row.label == "good"]
    tuning = [row for row in rows if row.split == "tuning" and row.label == "good"]
    if not good:
        raise InputError(f"{view.product} has no good images to train on", kept="Nothing was started")
    few = _spread(good, _BATCHES * config.train.batch)
    to_score = sum(row.split in ("tuning", "test") for row in rows)
    spec = JobSpec(
        run="measure",
        config=config.model_dump(mode="json"),
        window=view.window,
        product=view.product,
        view=view.code,
        measure=MeasureSpec(share=len(few) / len(good), to_score=to_score),
    )
    folder = project.folder / _FOLDER
    try:
        job = Job.create(_emptied(folder), spec, [*few, *_spread(tuning, _TUNING)])
        write_regions(project, view, job.folder)
        return _followed(job, stop, heard)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _followed(job: Job, stop: Callable[[], bool], heard: Callable[[AnyEvent], None]) -> Estimate:
    running = job.start()
    found: Estimate | None = None
    try:
        alive = True
        while alive:
            if stop():
                raise Cancelled
            alive = running.running  # asked before the poll, so that the last events are never missed
            for event in running.poll_events():
                found = event if isinstance(event, Estimate) else found
                heard(event)
            time.sleep(_POLL_S if alive else 0)
    finally:
        if running.running:
            running.kill()
        running.close()
    if found is None:
        raise _of_measuring(running.failure())
    return found


def _of_measuring(failure: TrainingError | StorageError | None) -> FlawscopeError:
    """What a worker said, for a measurement: there is nothing to go on from."""
    if isinstance(failure, StorageError):
        return StorageError(failure.what, kept="Nothing was changed", mend="Free some space")
    if failure is None or failure.reason == "interrupted":
        return TrainingError("the step could not be measured: its worker ended", kept="Nothing was changed")
    return TrainingError(failure.what, kept="Nothing was changed", mend=failure.mend, reason=failure.reason)


def _refuse_beside_others(project: Project) -> None:
    for run in project.runs(state=_LIVE):
        if Job(run.folder).state().active:
            raise InputError(
                f"training #{run.number} runs: a step that is measured beside it would say too much",
                kept="It goes on undisturbed",
                mend="Measure when it has ended",
            )


def _emptied(folder: Path) -> Path:
    """The folder without what a measurement left that was killed. Raises `InputError` while another one measures."""
    if Job(folder).state().active:
        raise InputError("a step of this project is being measured already", kept="It goes on undisturbed")
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _spread(rows: Sequence[ManifestRow], count: int) -> list[ManifestRow]:
    """Up to `count` of `rows`, evenly spread."""
    step = max(1, len(rows) // count)
    return list(rows[::step][:count])
