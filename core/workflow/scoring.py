"""Scoring with a training that is done: other passes or gate, another lot, without training again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeVar, get_args

from pydantic import ValidationError

from core.config import ProgressiveConfig, TrainingConfig
from core.config.overrides import problems
from core.errors import ConfigError, FlawscopeError, InputError, StorageError, TrainingError
from core.jobfiles import ScoreSpec, weights_file
from core.jobs import Job, JobSpec, RunningJob
from core.project import Project
from core.project.results import RunRow
from core.words import SPLITS, Split
from core.workflow import aligning, evaluating, training
from core.workflow.lots import LotResult, judge_scored
from core.workflow.progress import Progress, silent
from core.workflow.results import Result
from core.workflow.scores import LOT, read_back

Pass = Literal["first", "last", "max"]
_TAPS: Final[tuple[Literal["first", "last"], ...]] = ("first", "last")
_SCORES_FROM: Final[tuple[Pass, ...]] = ("last", "first", "max")
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Wish:
    """What a person wants scored, and how; None and empty leave the training's own settings."""

    passes: int | None = None
    gate: float | None = None
    taps: str | None = None
    score_from: str | None = None
    splits: tuple[str, ...] = ()
    lot: str | None = None
    weights: str | None = None  # best (where absent), last, or a model that was kept on the way: kept-050
    devices: int | None = None


@dataclass(frozen=True)
class ScoringJob:
    """A started scoring."""

    run: RunRow
    name: str
    following: RunningJob
    purpose: str  # "again" where test images are among them, so that it has figures; else "lot"
    roi_version_id: int | None = None  # of the day of the scoring


def start(project: Project, number: int | None, wish: Wish, *, progress: Progress = silent) -> ScoringJob:
    """Start scoring as a child of this process; before it the region is laid over images that wait for it.

    Raises `InputError`, `ConfigError`, `TrainingError`.
    """
    run = _trained(project, number)
    view = next(one for one in project.views(run.product) if one.code == run.view)
    splits = _splits(wish.splits, of_lot=wish.lot is not None)
    spec = ScoreSpec(
        scoring=_free_name(run),
        weights=_weights(run, wish.weights),
        training="../..",
        splits=splits,
        passes=wish.passes,
        gate=wish.gate,
        taps=_choice(wish.taps, _TAPS, "taps"),
        score_from=_choice(wish.score_from, _SCORES_FROM, "score-from"),
    )
    job_spec = JobSpec(
        command="score",
        run=str(run.number),
        window=view.window,
        project=project.name,
        product=run.product,
        view=view.code,
        score=spec,
        devices=wish.devices,
    )
    config = TrainingConfig.model_validate(dict(run.config))
    _check(config, spec)
    aligning.ready(project, view, progress=progress)
    rows = [row for row in training.manifest(project, view, config, lot=wish.lot) if row.split in splits]
    if not rows:
        what = f"of lot {wish.lot} " if wish.lot is not None else ""
        raise InputError(f"no usable image {what}of {run.product} is in {', '.join(splits)}", path=project.folder)
    job = Job.create(run.folder / "scores" / spec.scoring, job_spec, rows)
    training.write_regions(project, view, job.folder)
    purpose = "again" if any(row.split == "test" for row in rows) else LOT
    roi = project.roi(view.id)
    return ScoringJob(run, spec.scoring, job.start(), purpose, None if roi is None else roi.id)


def collect(project: Project, job: ScoringJob) -> Result | LotResult:
    """Take the scores in; measure them where test images are among them, judge them one by one where not.

    Raises what the worker said when there are none.
    """
    failure = job.following.failure()
    if failure is not None:
        raise _of_scoring(failure, job)
    scoring = read_back(project, job.run, job.name, purpose=job.purpose, roi_version_id=job.roi_version_id)
    if job.purpose == LOT:
        return judge_scored(project, job.run.number, scoring)
    return evaluating.evaluate(project, job.run.number, scoring)


def _of_scoring(failure: TrainingError | StorageError, job: ScoringJob) -> FlawscopeError:
    """What a worker said, for a scoring: it has no checkpoint to go on from, and spoils nothing."""
    kept = f"Training #{job.run.number} and its earlier scores are as they were"
    if isinstance(failure, StorageError):
        mend = "Free some space and score the images again"
        return StorageError(failure.what, path=failure.path, kept=kept, mend=mend)
    mend = "Score the images again" if failure.reason == "interrupted" else failure.mend
    return TrainingError(failure.what, path=failure.path, kept=kept, mend=mend, reason=failure.reason)


def _trained(project: Project, number: int | None) -> RunRow:
    runs = [run for run in project.runs() if (run.folder / "model.json").is_file()]
    if number is not None:
        runs = [run for run in runs if run.number == number]
    if not runs:
        which = "no training has a" if number is None else f"training #{number} has no"
        raise InputError(f"{which} model to score with", path=project.folder, mend="Finish a training first")
    return runs[-1]


def _weights(run: RunRow, asked: str | None) -> str:
    known = sorted(path.stem for path in (run.folder / weights_file("best")).parent.glob("*.safetensors"))
    if asked is None or asked in known:
        return asked or "best"
    raise InputError(
        f"training #{run.number} has no weights {asked!r}",
        path=run.folder,
        mend=f"There are {', '.join(known)}; train.keep_at decides before a training what is kept on the way",
    )


def _check(config: TrainingConfig, spec: ScoreSpec) -> None:
    asked = {"n": spec.passes, "gate": spec.gate, "taps": spec.taps, "score_from": spec.score_from}
    try:
        ProgressiveConfig.model_validate(
            config.progressive.model_dump() | {name: value for name, value in asked.items() if value is not None}
        )
    except ValidationError as error:
        raise ConfigError(problems(error)) from error


def _free_name(run: RunRow) -> str:
    numbers = [int(path.name) for path in (run.folder / "scores").glob("*") if path.name.isdigit()]
    return str(max(numbers, default=0) + 1)


def _splits(asked: tuple[str, ...], *, of_lot: bool) -> tuple[Split, ...]:
    found: list[Split] = [split for split in get_args(Split) if split in asked]
    if len(found) != len(set(asked)):
        unknown = sorted(set(asked) - set(SPLITS))
        raise ConfigError(f"{', '.join(unknown)} is no split", mend=f"Use {', '.join(SPLITS)}")
    return tuple(found) or (SPLITS if of_lot else ("tuning", "test"))


def _choice(value: str | None, choices: tuple[Name, ...], name: str) -> Name | None:
    if value is None:
        return None
    for choice in choices:
        if choice == value:
            return choice
    raise ConfigError(f"{name} is {' or '.join(choices)}, not {value!r}")
