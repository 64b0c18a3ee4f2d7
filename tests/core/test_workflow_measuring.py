"""What a training takes, measured by a real worker before it is ordered; nothing of it stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.errors import InputError
from core.events import AnyEvent, Step
from core.jobfiles import JobState, write_state
from core.project import Project
from core.workflow.measuring import Cancelled, measure
from core.workflow.training import Order
from tests.scored import Shot, make_project

SHOTS = [Shot(f"good {n}", "good", "train", 0.1) for n in range(40)]
SHOTS += [Shot("tuning", "good", "tuning", 0.1), Shot("bad", "defective", "test", 0.9)]
QUICKLY = ("train.threads=1", "train.workers=0", "simulate.textures=self")
FOREVER = Order(preset="micro", changes=(*QUICKLY, "train.epochs=1000"))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path, SHOTS) as made:
        yield made


def left(project: Project) -> list[str]:
    return [path.name for path in project.folder.rglob("*") if "measuring" in str(path) or "runs" in str(path)]


def test_a_measured_step_says_what_the_whole_training_takes(project: Project) -> None:
    said: list[AnyEvent] = []
    ((view, found),) = measure(project, FOREVER, heard=said.append)
    assert view.product == "nut"
    batch = FOREVER.config().train.batch
    steps = 1000 * (40 // batch)  # of all forty images, not of the few that were read
    assert steps * found.step < found.seconds < steps * found.step + 600
    assert found.memory > 50e6 and found.disk > 100_000
    assert [event.step for event in said if isinstance(event, Step)][-1:] in ([1], [2])
    assert project.runs() == [] and left(project) == []


@pytest.mark.slow
def test_a_measurement_that_nobody_wants_any_more_leaves_nothing(project: Project) -> None:
    children: list[psutil.Process] = []

    def stop() -> bool:
        children.extend(one for one in psutil.Process().children() if one not in children)
        return bool(children) and (project.folder / "cache" / "measuring" / "events.jsonl").exists()

    with pytest.raises(Cancelled):
        measure(project, FOREVER, stop=stop)
    assert left(project) == [] and not psutil.wait_procs(children, timeout=10)[1]


def test_beside_a_training_nothing_is_measured(project: Project) -> None:
    run = project.add_run(product="nut", model="prff", preset="micro")
    project.update_run(run.id, state="running")
    run.folder.mkdir(parents=True)
    me = psutil.Process()
    write_state(run.folder, JobState("running", pid=os.getpid(), create_time=me.create_time()))
    with pytest.raises(InputError, match="training #1 runs") as caught:
        measure(project, FOREVER)
    assert "when it has ended" in caught.value.mend
    write_state(run.folder, JobState("finished"))
    with pytest.raises(InputError, match="no product"):
        measure(project, FOREVER, product="bolt")
