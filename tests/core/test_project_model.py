"""Random work on a project, with restarts, against a model that is a dictionary."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.project import NewImage, Project
from core.words import LABELS, SPLITS, Label, Split

IMAGES = 8
IDS = st.sets(st.integers(1, IMAGES), min_size=1)
State = dict[int, tuple[str, str]]


class ProjectMachine(RuleBasedStateMachine):
    """Labels and splits of eight images in four parts; undo and redo as in any editor."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.states: list[State] = [{}]
        self.at = 0
        self.project: Project | None = None

    @initialize()
    def begin(self) -> None:
        self.project = Project.create(self.place / "work", "model")
        rows = [
            NewImage(self.place / f"{n}.png", "p", part=f"part {n // 2}", size=1, mtime_ns=1) for n in range(IMAGES)
        ]
        self.project.add_images(rows, root=self.place)
        self.states = [{n: ("unlabelled", "unused") for n in range(1, IMAGES + 1)}]

    @rule(ids=IDS, label=st.sampled_from(LABELS))
    def label(self, ids: set[int], label: Label) -> None:
        assert self.project is not None
        now = self.states[self.at]
        after = now | {n: (label, now[n][1]) for n in ids}
        report = self.project.set_label(ids, label)
        assert report.changed == sum(1 for n in now if now[n] != after[n])
        self._step(after)

    @rule(ids=IDS, split=st.sampled_from(SPLITS))
    def split(self, ids: set[int], split: Split) -> None:
        assert self.project is not None
        now = self.states[self.at]
        whole = {n for n in now if {(n - 1) // 2} & {(i - 1) // 2 for i in ids}}
        self.project.set_split(ids, split)
        self._step(now | {n: (now[n][0], split) for n in whole})

    @rule()
    def undo(self) -> None:
        assert self.project is not None
        assert (self.project.undo() is not None) == (self.at > 0)
        self.at = max(0, self.at - 1)

    @rule()
    def redo(self) -> None:
        assert self.project is not None
        last = len(self.states) - 1
        assert (self.project.redo() is not None) == (self.at < last)
        self.at = min(last, self.at + 1)

    @rule()
    @precondition(lambda self: self.project is not None)
    def reopen(self) -> None:
        assert self.project is not None
        self.project.close()
        self.project = Project.open(self.place / "work")
        assert self.project.verify().is_whole

    @invariant()
    @precondition(lambda self: self.project is not None)
    def the_project_shows_what_the_model_holds(self) -> None:
        assert self.project is not None
        shown = {image.id: (image.label, image.split) for image in self.project.images()}
        assert shown == self.states[self.at]
        assert self.project.straddling()["part"] == []

    def teardown(self) -> None:
        if self.project is not None:
            self.project.close()
        shutil.rmtree(self.place)

    def _step(self, after: State) -> None:
        if after != self.states[self.at]:
            self.states = [*self.states[: self.at + 1], after]
            self.at += 1


TestProjectModel = ProjectMachine.TestCase
TestProjectModel.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
