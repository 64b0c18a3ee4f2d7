"""A training from order to figures: prepare its job folder, start it, follow it, take its results in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core import regions
from core.annotation.roi import placed_box, rasterise
from core.config import MODELS, TrainingConfig, preset, with_overrides
from core.errors import ConfigError, FlawscopeError, InputError, TrainingError
from core.jobs import Job, JobSpec, ManifestRow, RunningJob
from core.project import Project
from core.project.records import ImageRow, Roi, View
from core.project.results import RunRow, RunState
from core.words import Box, Matrix
from core.workflow import aligning
from core.workflow.progress import Progress, silent
from core.workflow.scores import FINAL, OWN, read_back

if TYPE_CHECKING:
    from core.workflow.results import Result

FEW_GOOD: Final = 10  # below so many, a detector mostly learns the few images by heart
_LIVE: Final[frozenset[RunState]] = frozenset(["queued", "starting", "running", "paused", "stopping"])
_ENDED: Final[dict[str, RunState]] = {
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "interrupted": "interrupted",
    "terminated": "interrupted",
    "killed": "interrupted",
}


@dataclass(frozen=True)
class Order:
    """What a person asks for: a model, a preset, perhaps a time, perhaps single settings (`train.lr=2e-4`)."""

    model: str = "prff"
    preset: str = "quick"
    minutes: float | None = None
    changes: tuple[str, ...] = ()

    def config(self) -> TrainingConfig:
        """The whole settings. Raises `ConfigError` naming what does not exist."""
        if self.model not in MODELS:
            raise ConfigError(f"there is no model {self.model!r}", mend=f"Choose one of {', '.join(MODELS)}")
        changes = list(self.changes)
        if self.minutes is not None:
            changes.append(f"train.minutes={self.minutes}")
        return with_overrides(preset(self.model, self.preset), changes)


def prepare(
    project: Project,
    order: Order,
    *,
    product: str | None = None,
    view: str | None = None,
    progress: Progress = silent,
) -> list[int]:
    """Queue one training for every view that matches; returns their numbers.

    Regions are laid over the images that wait for it first; what `progress` raises meanwhile ends it before anything
    is queued. Raises `InputError` (no such view, no good images), `ConfigError`, `StorageError`.
    """
    config = order.config()
    views = views_of(project, product, view)
    for one in views:
        aligning.ready(project, one, progress=progress)
    return [_prepare_view(project, order, fitted(project, config, order, one), one) for one in views]


def views_of(project: Project, product: str | None, view: str | None) -> list[View]:
    """The views that match; None matches all. Raises `InputError` where none does."""
    views = [
        one
        for one in project.views()
        if (product is None or one.product == product) and (view is None or one.code == view)
    ]
    if not views:
        known = ", ".join(sorted({one.product for one in project.views()}))
        raise InputError("no product or view of that name", mend=f"The project holds: {known}")
    return views


def headline(project: Project, number: int) -> str:
    """One line that says what a training is."""
    run = project.run_by_number(number)
    view = "" if run.view in (None, "main") else f" > {run.view}"
    return f"Training #{number}: {MODELS[run.model].title} {run.preset} on {run.product}{view}"


def start(project: Project, number: int, *, devices: int | None = None) -> RunningJob:
    """Start (or go on with) a queued training as a child of this process; `devices` over those of its settings."""
    return _start(project, number, detach=False, devices=devices)


def waiting(project: Project, number: int) -> dict[str, Any]:
    """Where a queued training waits for whoever starts it."""
    return {"training": number, "state": "queued", "folder": str(project.run_by_number(number).folder)}


def start_detached(project: Project, number: int, *, devices: int | None = None) -> dict[str, Any]:
    """Start a training that outlives this process; `devices` over those of its settings."""
    running = _start(project, number, detach=True, devices=devices)
    return {"training": number, "state": "running", "pid": running.pid, "folder": str(running.job.folder)}


def resume(project: Project, number: int) -> int:
    """Ready a training that was interrupted, stopped or failed to go on from its last checkpoint."""
    run = project.run_by_number(number)
    if Job(run.folder).state().active:
        raise InputError(f"training #{number} is still running", mend=f"Watch it with: flawscope follow ... {number}")
    if run.state == "finished":
        raise InputError(f"training #{number} has finished", kept="Its model is whole")
    return number


def attach(project: Project, number: int) -> RunningJob | None:
    """A training that goes on by itself, to be watched; None when it has ended meanwhile and waits to be collected."""
    job = Job(project.run_by_number(number).folder)
    return job.attach() if job.state().active else None


def state(run: RunRow) -> RunState:
    """How a training is doing now: what the project last heard, or what its folder says since."""
    if run.state not in _LIVE:
        return run.state
    status: RunState = Job(run.folder).state().status
    return status


def collect(project: Project, number: int, running: RunningJob | None = None) -> Result:
    """Take the results of an ended training into the project and measure them.

    Raises what the worker said (`TrainingError`, `StorageError`) when there is no model to measure.
    """
    from core.workflow import evaluating  # brings scikit-learn: a window starts and follows trainings without it

    run = project.run_by_number(number)
    ended, failure = _end(run, running)
    project.update_run(run.id, state=ended, error=str(failure or ""))
    if ended not in ("finished", "stopped"):
        raise failure or TrainingError(
            f"training #{number} was ended from outside",
            kept="Its last checkpoint is kept",
            mend=f"Go on with: flawscope train {project.folder} --resume {number}",
        )
    earlier = [one for one in project.scorings(run.id) if one.purpose == OWN]
    if earlier and run.state == ended:  # taken in before: only measured again
        return evaluating.evaluate(project, number, earlier[-1].id)
    return evaluating.evaluate(project, number, read_back(project, run, FINAL, purpose=OWN), decide=True)


def _end(run: RunRow, running: RunningJob | None) -> tuple[RunState, FlawscopeError | None]:
    if running is not None:
        return _ENDED[running.outcome() or "interrupted"], running.failure()
    found = Job(run.folder).state()
    failure = None
    if found.status == "failed":
        failure = TrainingError(found.error, path=run.folder / "log.txt", reason=found.error_code)
    return _ENDED.get(found.status, "interrupted"), failure


def _start(project: Project, number: int, *, detach: bool, devices: int | None) -> RunningJob:
    run = project.run_by_number(number)
    job = Job(run.folder)
    going_on = (run.folder / "checkpoints").is_dir() and any((run.folder / "checkpoints").glob("last*"))
    running = job.start(detach=detach, resume=going_on, devices=devices)
    project.update_run(run.id, state="running", error="")
    return running


def fitted(project: Project, config: TrainingConfig, order: Order, view: View) -> TrainingConfig:
    """A view with cells is trained on its cells, unless a person asked for another crop."""
    roi = project.roi(view.id)
    asked = any(change.replace(" ", "").startswith("preprocess.crop=") for change in order.changes)
    if roi is None or not roi.cells or asked:
        return config
    return with_overrides(config, ["preprocess.crop=roi"])


def _prepare_view(project: Project, order: Order, config: TrainingConfig, view: View) -> int:
    good = sum(1 for _ in project.images(product=view.product, view=view.code, split="train", label="good"))
    if not good:
        raise InputError(
            f"{view.product} has no good images to train on",
            kept="Nothing was started",
            mend="Label some images good and put them into train",
        )
    revision = project.freeze_revision(view.product, reason="training")
    roi = project.roi(view.id)
    run = project.add_run(
        product=view.product,
        view=view.code,
        model=order.model,
        preset=order.preset,
        config=config.model_dump(mode="json"),
        seed=config.train.seed,
        revision_id=revision.id,
        roi_version_id=None if roi is None else roi.id,
    )
    spec = JobSpec(
        run=str(run.number),
        config=config.model_dump(mode="json"),
        window=view.window,
        project=project.name,
        product=view.product,
        view=view.code,
    )
    job = Job.create(run.folder, spec, manifest(project, view, config))
    write_regions(project, view, job.folder)
    return run.number


def write_regions(project: Project, view: View, job: Path) -> None:
    """Put the present ROI of a view into a job folder, for the worker. Raises `StorageError`."""
    roi = project.roi(view.id)
    if roi is None or not (roi.zones or roi.own):
        return
    sizes = {
        row.id: (row.width or 0, row.height or 0)
        for row in project.images(product=view.product, view=view.code, present_only=True)
        if row.width and row.height
    }
    regions.write(
        job,
        rasterise(roi.zones, *template_size(roi, sizes)),
        (
            (image, region)
            for image, zones in project.all_own_zones(roi.id)
            if image in sizes and (region := rasterise(zones, *sizes[image])) is not None
        ),
    )


def template_size(roi: Roi, sizes: Mapping[int, tuple[int, int]]) -> tuple[int, int]:
    """Width and height of the picture that the template was drawn on, or of the most frequent images."""
    masks = [zone.mask.shape[1::-1] for zone in roi.zones if zone.mask is not None]
    if masks:
        return masks[0]
    if roi.template_image_id is not None and roi.template_image_id in sizes:
        return sizes[roi.template_image_id]
    return Counter(sizes.values()).most_common(1)[0][0] if sizes else (1, 1)


def manifest(project: Project, view: View, config: TrainingConfig, *, lot: str | None = None) -> Iterator[ManifestRow]:
    """Every usable image of a view, with its crops: the boxes of its cells when the settings ask for them."""
    roi = project.roi(view.id)
    boxes = tuple(cell.box for cell in roi.cells) if roi and roi.cells and config.preprocess.crop == "roi" else None
    lies = {} if roi is None else {one.image_id: one.matrix for one in project.alignments(roi.id)}
    for row in project.images(product=view.product, view=view.code, lot=lot, present_only=True):
        if row.problem:
            continue
        matrix = lies.get(row.id)
        yield _manifest_row(row, boxes and tuple(placed_box(box, matrix) for box in boxes), matrix)


def _manifest_row(row: ImageRow, boxes: tuple[Box, ...] | None, matrix: Matrix | None) -> ManifestRow:
    return ManifestRow(
        id=row.id,
        path=str(row.path),
        split=row.split,
        label=row.label,
        boxes=boxes,
        sha256=row.sha256,
        width=row.width or 0,
        height=row.height or 0,
        matrix=matrix,
    )
