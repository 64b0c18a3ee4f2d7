"""An experiment at work: ordinary projects, ordinary trainings one after the other; what is done is not done again."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from core import layouts
from core.config import TrainingConfig
from core.errors import FlawscopeError, InputError, TrainingError
from core.experiments import measuring
from core.experiments.planning import Category, Options, Task
from core.experiments.registry import Experiment, passes_title
from core.jobfiles import kept_name
from core.jobs import RunningJob
from core.project import Project
from core.project.records import Zone
from core.project.results import RunRow, Scoring
from core.workflow import importing, scoring, training
from core.workflow.deciding import differs
from core.workflow.scores import OWN

PROJECTS: Final = "projects"
_BY_A_PERSON: Final = ("stopped", "terminated", "killed")


class Watch(Protocol):
    """Follows a worker to its end."""

    def __call__(self, following: RunningJob, /) -> object: ...


class Stopped(Exception):
    """A person stopped the training that was running: what was done before is kept."""


@dataclass(frozen=True)
class Row:
    """One line of results.csv; areas under curves, accuracies and shares in percent, losses as they are."""

    experiment: str
    setting: str
    category: str
    seed: int
    metric: str
    value: float


@dataclass(frozen=True)
class Arm:
    """One measured scoring of one training: where its pictures can be taken from."""

    title: str  # its column
    setting: str  # of the training, which several columns can rest on
    category: str
    seed: int
    project: Path
    training: int
    scoring: int
    folder: Path  # of the training


@dataclass(frozen=True)
class Trained:
    """What one training took, for the page."""

    title: str
    category: str
    seed: int
    config: TrainingConfig
    seconds: float | None
    epochs: int | None


@dataclass(frozen=True)
class Failed:
    """A training that gave no figures, and why."""

    task: str
    text: str


@dataclass
class Outcome:
    """What an experiment has so far."""

    rows: list[Row] = field(default_factory=list)
    arms: list[Arm] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    planned: int = 0
    repeated: int = 0  # trainings that were done before
    is_stopped: bool = False


@dataclass
class Runner:
    """Runs the tasks of an experiment on the images in `data`, with everything it makes below `out`.

    `watch` follows a worker to its end (a person may stop it there), `say` tells where the experiment is, with the
    time that is left once one training has shown how long it takes.
    """

    experiment: Experiment
    options: Options
    data: Path
    out: Path
    watch: Watch
    say: Callable[[str], None]
    author: str | None = None
    outcome: Outcome = field(default_factory=Outcome)
    _spent: list[float] = field(default_factory=list)

    def run(self, tasks: Sequence[Task]) -> Outcome:
        """Every task; one that fails is named and the others go on. Ctrl+C ends it with what is done."""
        outcome = self.outcome
        outcome.planned = len(tasks)
        for number, task in enumerate(tasks):
            try:
                self._task(task, number, len(tasks))
            except FlawscopeError as error:
                outcome.failed.append(Failed(task.words(), str(error)))
                self.say(f"{task.words()} gave no figures. {error}")
            except (Stopped, KeyboardInterrupt):
                outcome.is_stopped = True
                break
        return outcome

    def _task(self, task: Task, number: int, count: int) -> None:
        began = time.monotonic()
        with self._project(task) as project:
            view = self._view(task)
            run = _find(project, task, view) or self._prepared(project, task, view)
            is_known = run.state == "finished"
            if is_known:
                self.outcome.repeated += 1
            else:
                self.say(f"Training {number + 1} of {count}: {task.words()}{self._left(count - number)}")
                run = self._train(project, run)
            self._note(task, run)
            for arm, found in self._scorings(project, task, run):
                self.outcome.arms.append(arm)
                self._measure(project, task, arm, found)
        if not is_known:
            self._spent.append(time.monotonic() - began)

    def _train(self, project: Project, run: RunRow) -> RunRow:
        following = training.start(project, run.number)
        try:
            self.watch(following)
        finally:
            following.close()
        try:
            training.collect(project, run.number, following)
        except FlawscopeError:
            if following.outcome() in _BY_A_PERSON:
                raise Stopped from None
            raise
        if following.outcome() in _BY_A_PERSON:
            raise Stopped
        return project.run_by_number(run.number)

    def _scorings(self, project: Project, task: Task, run: RunRow) -> Iterator[tuple[Arm, Scoring]]:
        own = [one for one in project.scorings(run.id) if one.purpose == OWN]
        if not own:
            raise TrainingError("this training has a model but no scores", path=run.folder)
        setting = task.setting
        if not (setting.passes or setting.kept):
            yield self._arm(project, task, run, own[-1], setting.title), own[-1]
        for passes in setting.passes:
            title = passes_title(passes)
            found = self._scored(project, run, scoring.Wish(passes=passes), title)
            yield self._arm(project, task, run, found, title), found
        for one in setting.kept:
            found = self._scored(project, run, scoring.Wish(weights=kept_name(one.share)), f"the model of {one.title}")
            yield self._arm(project, task, run, found, setting.column(one)), found

    def _scored(self, project: Project, run: RunRow, wish: scoring.Wish, what: str) -> Scoring:
        for known in project.scorings(run.id):
            if known.figures and _fits(run, known, wish):
                return known
        self.say(f"Scoring training #{run.number} on {run.product} with {what}")
        job = scoring.start(project, run.number, wish)
        try:
            self.watch(job.following)
        finally:
            job.following.close()
        if job.following.outcome() in _BY_A_PERSON:
            raise Stopped
        scoring.collect(project, job)
        return project.scorings(run.id)[-1]

    def _measure(self, project: Project, task: Task, arm: Arm, found: Scoring) -> None:
        experiment = self.experiment
        if experiment.measure == "losses":
            for moment in experiment.moments:
                values = measuring.of_losses(arm.folder, moment)
                self._keep(replace(arm, title=f"{arm.title}, {moment.title}"), values)
            return
        if experiment.measure == "region":
            region = measuring.read_region(task.category.region)
            self._keep(arm, measuring.of_region(project, arm.training, found.id, region))
            return
        self._keep(arm, measuring.of_figures(found))

    def _keep(self, arm: Arm, values: measuring.Values) -> None:
        name = self.experiment.name
        self.outcome.rows += [
            Row(name, arm.title, arm.category, arm.seed, metric, value) for metric, value in values.items()
        ]

    def _note(self, task: Task, run: RunRow) -> None:
        seconds, epochs = run.figures.get("seconds"), run.figures.get("epochs")
        done = Trained(task.setting.title, task.category.name, task.seed, task.config, seconds, epochs)
        self.outcome.trained.append(done)

    def _arm(self, project: Project, task: Task, run: RunRow, found: Scoring, title: str) -> Arm:
        own = task.setting.title
        return Arm(title, own, task.category.name, task.seed, project.folder, run.number, found.id, run.folder)

    def _left(self, tasks: int) -> str:
        minutes = self.options.minutes
        each = sum(self._spent) / len(self._spent) if self._spent else None if minutes is None else 60 * minutes
        return "" if each is None else f" · about {_duration(each * tasks)} left"

    def _prepared(self, project: Project, task: Task, view: str) -> RunRow:
        (number,) = training.prepare(project, task.order, product=self._product(task), view=view)
        return project.update_run(project.run_by_number(number).id, name=_name(task))

    def _product(self, task: Task) -> str:
        return self.experiment.name if self.experiment.by_view else task.category.name

    def _view(self, task: Task) -> str:
        return task.category.name if self.experiment.by_view else "main"

    def _project(self, task: Task) -> Project:
        """The project of a category, made from its images when it is not there yet. Raises `FlawscopeError`."""
        region = measuring.read_region(task.category.region) if task.setting.region else None  # asked before the import
        name = self._product(task) + ("-region" if region is not None else "")
        folder = self.out / PROJECTS / name
        if not any(folder.glob("*.flawscope")):
            self.say(f"Reading the images of {name}")
            self._import(task.category, folder)
        project = Project.open(folder, author=self.author)
        try:
            self._check_source(project)
            for view in project.views() if region is not None else []:
                if project.roi(view.id) is None:
                    project.set_roi(view.id, zones=[Zone("region", "inspect", mask=region)], reason="lies beside it")
        except BaseException:
            project.close()
            raise
        return project

    def _import(self, category: Category, folder: Path) -> None:
        if not self.experiment.by_view:
            importing.import_folder(self.data, folder, category.choice, author=self.author)
            return
        seen = layouts.recognise(self.data.resolve())
        areas = "|".join(re.escape(name) for name in seen.products)
        choice = importing.Choice(kind=seen.kind, view_pattern=f"(?:^|/)(?P<view>{areas})/")
        seen = replace(seen, products=(self.experiment.name,) * len(seen.products))
        try:
            with Project.create(folder, author=self.author) as project:
                importing.take_in(project, seen, choice)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # begun a moment ago: half an import must not be trained on
            raise

    def _check_source(self, project: Project) -> None:
        known = {root.path for root in project.roots()}
        if known and self.data.resolve() not in known:
            raise InputError(
                f"the projects in this folder are made from {', '.join(map(str, sorted(known)))}",
                path=project.folder,
                kept="Nothing was changed",
                mend="Name another output folder with --out",
            )


def _find(project: Project, task: Task, view: str) -> RunRow | None:
    """The training with exactly these settings, whichever experiment asked for it."""
    alike = [run for run in project.runs(view=view) if run.name.endswith(task.stamp) and run.state != "discarded"]
    found = [run for run in alike if task.is_served_by(run.config)]
    return found[-1] if found else None


def _fits(run: RunRow, known: Scoring, wish: scoring.Wish) -> bool:
    """Whether scores are of the weights and the number of passes that are wished."""
    used = {**run.config["progressive"], "weights": "best", **differs(run, known)}
    passes = run.config["progressive"]["n"] if wish.passes is None else wish.passes
    return bool(used["n"] == passes and used["weights"] == (wish.weights or "best"))


def _name(task: Task) -> str:
    return f"{task.setting.title}, seed {task.seed}, {task.stamp}"


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
