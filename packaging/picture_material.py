"""What the pictures show: the sample project, copies of it with more trainings, and folders of drawn parts."""

from __future__ import annotations

import json
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import psutil

from core.events import AnyEvent, Done, EventWriter, Failure, Heartbeat, Hello, PhaseChanged, Step, parse_line
from core.imaging import decode, save_png
from core.jobfiles import JobState, write_state
from core.project import Project
from core.project.results import RunRow
from core.samples import write_samples
from core.workflow.annotations import export_annotations
from core.workflow.importing import Choice, import_folder
from core.workflow.sample import NAME, open_sample

COMPUTER: Final = "processor, 2 threads"
MANY: Final = 4000
MINUTES_LEFT: Final = 4


class Material:
    """Folders and projects below `home`, each made when first asked for."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._sleeper: subprocess.Popen[bytes] | None = None
        self._writer: EventWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._sleeper is not None and self._sleeper.stdin is not None:
            self._sleeper.stdin.close()
            self._sleeper.wait()

    def settle_in(self, settings: Path) -> None:
        """What a window would otherwise find out or ask at its first start."""
        known = {"computing_on": [socket.gethostname(), COMPUTER], "folder": str(self.home / "Pictures")}
        (settings / "memory.json").write_text(json.dumps(known))

    # -- folders of images

    @cached_property
    def drawn(self) -> Path:
        """Vials in good and bad, as they come from a camera."""
        folder = self.home / "Pictures" / "line 3"
        write_samples(folder, kinds=["vial_strip"], train=16, test_good=6, per_class=2)
        return folder / "vial_strip"

    @cached_property
    def flat(self) -> Path:
        """Chips in one folder, nobody knows which are good."""
        drawn = self.home / "drawn"
        write_samples(drawn, kinds=["wire_chip"], train=18, test_good=0, per_class=1)
        folder = self.home / "Pictures" / "wire chips"
        folder.mkdir(parents=True)
        for path in sorted(drawn.rglob("*.png")):
            if path.parent.parent.name in ("train", "test"):
                shutil.move(path, folder / f"{path.stem}.png")
        return folder

    @cached_property
    def nothing(self) -> Path:
        """A folder with papers, but no image."""
        folder = self.home / "Documents" / "protocols"
        folder.mkdir(parents=True)
        (folder / "shift.txt").write_text("No image here.\n")
        return folder

    @cached_property
    def unreadable(self) -> Path:
        """A path that leads nowhere: the stick was pulled."""
        return self.home / "media" / "STICK" / "line 3"

    @cached_property
    def many(self) -> Path:
        """So many images that taking them in lasts."""
        folder = self.home / "Pictures" / "archive"
        sources = sorted((self.drawn / "train" / "good").glob("*.png"))
        for number in range(MANY):
            path = folder / "good" / f"2026-03-{1 + number // 200:02}_{number:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.hardlink_to(sources[number % len(sources)])
        return folder

    # -- projects

    @cached_property
    def sample(self) -> Path:
        """The project that comes with the program."""
        return open_sample(self._projects / NAME)

    @cached_property
    def offers(self) -> Path:
        """The same, to give verdicts in."""
        return self._copy("Flip chip, second look")

    @cached_property
    def to_paint(self) -> Path:
        """The same, to paint, measure and write in."""
        return self._copy("Flip chip, annotated")

    @cached_property
    def vials(self) -> Path:
        """Drawn vials without any training; one image is broken, one mask does not fit, one file is gone."""
        images = self.home / "Pictures" / "vials"
        shutil.copytree(self.drawn, images)
        good = sorted((images / "test" / "good").glob("*.png"))
        good[0].write_bytes(good[0].read_bytes()[:3000])
        mask = sorted((images / "ground_truth").rglob("*.png"))[0]
        save_png(mask, decode(mask)[::4, ::4])
        report = import_folder(images, self._projects / "Vials", Choice(product="Vial"), author="AB")
        good[1].unlink()
        return report.project

    @cached_property
    def unlabelled(self) -> Path:
        """Images that nobody labelled."""
        return import_folder(self.flat, self._projects / "Wire chips", Choice(product="Wire chip"), author="AB").project

    @cached_property
    def empty(self) -> Path:
        """A project without images."""
        with Project.create(self._projects / "New line", "New line", author="AB") as project:
            return project.file

    @cached_property
    def shop(self) -> Path:
        """A project whose second training was stopped, whose third failed, whose fourth runs, and two wait."""
        file = self._copy("Flip chip, line 3")
        with Project.open(file, author="AB") as project:
            first = project.run_by_number(1)
            stopped = self._run(project, first, 0.55)
            project.update_run(stopped.id, state="stopped", figures=dict(first.figures) | {"training": stopped.number})
            self._say(stopped, Done(outcome="stopped", step=385))
            failed = self._run(project, first, 0.3)
            why = "The disk is full: 0.2 GB are free, a checkpoint takes 0.4 GB. The last checkpoint was kept."
            project.update_run(failed.id, state="failed", error=why)
            self._say(failed, Failure(code="storage", text=why))
            runs = self._run(project, first, 0.62)
            project.update_run(runs.id, state="running")
            self._pretend(runs)
            for preset in ("medium", "quick"):
                project.add_run(product=first.product, model="prff", preset=preset, config=dict(first.config))
        return file

    def beat(self) -> None:
        """The training of `shop` says that it is alive."""
        if self._writer is not None:
            finish = time.time() + 60 * MINUTES_LEFT
            self._writer.write(Heartbeat(name="training", done=434, total=700, finish=finish, memory=1_150_000_000))

    @cached_property
    def exchanged(self) -> Path:
        """Masks of `offers` as labelme has them: shifted a little, one with a shape over another, one cut off."""
        folder = self.home / "Documents" / "from CD"
        with Project.open(self.offers, read_only=True) as project:
            export_annotations(project, folder, "labelme")
        files = sorted(folder.rglob("[!.]*.json"))
        for path in files[1:]:
            document = json.loads(path.read_text())
            for shape in document["shapes"]:
                shape["points"] = [[x + 2, y + 1] for x, y in shape["points"]]
            document["shapes"].append({**document["shapes"][0], "label": "stain"})
            path.write_text(json.dumps(document))
        files[0].write_text(files[0].read_text()[:400])
        return folder

    # -- inside

    @property
    def _projects(self) -> Path:
        return self.home / "Documents" / "Flawscope"

    def _copy(self, name: str) -> Path:
        folder = self._projects / name
        shutil.copytree(self.sample.parent, folder)
        return next(folder.glob("*.flawscope")).rename(folder / f"{name}.flawscope")

    def _run(self, project: Project, first: RunRow, share: float) -> RunRow:
        """A training like the first, which came as far as `share`."""
        run = project.add_run(product=first.product, model="prff", preset="quick", config=dict(first.config))
        project.update_run(run.id, state="running")
        run.folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(first.folder / "pictures", run.folder / "pictures")
        writer = EventWriter(run.folder / "events.jsonl")
        for event in _part(first.folder / "events.jsonl", share):
            writer.write(event)
        writer.close()
        return run

    def _say(self, run: RunRow, event: Done | Failure) -> None:
        writer = EventWriter(run.folder / "events.jsonl")
        writer.write(event)
        writer.close()
        status: Literal["failed", "stopped"] = "failed" if isinstance(event, Failure) else "stopped"
        write_state(run.folder, JobState(status))

    def _pretend(self, run: RunRow) -> None:
        """A process that waits stands for the worker: the window finds it as it finds one that goes on by itself."""
        self._sleeper = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        began = psutil.Process(self._sleeper.pid).create_time()
        write_state(run.folder, JobState("running", self._sleeper.pid, began, platform.node(), step=434))
        self._writer = EventWriter(run.folder / "events.jsonl")
        self.beat()


def _part(path: Path, share: float) -> Iterator[AnyEvent]:
    """The events of a training up to a share of its schedule, as if they were said just now."""
    finish = time.time() + 60 * MINUTES_LEFT
    for line in path.read_text().splitlines():
        event = parse_line(line)
        if isinstance(event, Step):
            if event.progress > share:
                return
            yield event.model_copy(update={"finish": finish})
        elif isinstance(event, Hello):
            yield event.model_copy(update={"computing_on": COMPUTER})
        elif isinstance(event, PhaseChanged):
            yield event.model_copy(update={"finish": finish})
        elif event is not None:
            yield event
