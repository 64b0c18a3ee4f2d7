"""`make sample`: draws chips, trains on them, and packs project, images and model into resources/samples.

Run again whenever images, models or the project's format change so that the packed one no longer serves. Trains for
some minutes; refuses to pack a model that tells good from defective test images badly, or a file that is too large.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# The file is given away: it does not name the computer that made it. Set before anything reads them.
os.environ["LOGNAME"] = "flawscope"
socket.gethostname = lambda: "flawscope"
HOST: Final = platform.node()

from PIL import Image  # noqa: E402

from core.config import TrainingConfig  # noqa: E402
from core.errors import FlawscopeError  # noqa: E402
from core.events import Done, Epoch, Heartbeat, Picture, Step, parse_line  # noqa: E402
from core.imaging import decode, decode_mask  # noqa: E402
from core.jobs import Job, JobSpec, RunningJob, ScoreSpec  # noqa: E402
from core.project import Project  # noqa: E402
from core.project.records import Zone  # noqa: E402
from core.samples import CLASSES, write_samples  # noqa: E402
from core.training import checkpoint  # noqa: E402
from core.words import Split  # noqa: E402
from core.workflow import evaluating, importing, sample, training  # noqa: E402
from core.workflow.results import Result  # noqa: E402

KIND: Final = "flip_chip_a"
PRODUCT: Final = "Flip chip"
AUTHOR: Final = "Flawscope"
GOOD, LATER_GOOD, A_CLASS = 60, 24, 5  # good parts of the first lots; then good and defective ones, mixed
TUNING_LOTS: Final = ("L03", "L06")  # one of good parts, one of both kinds; the other later lots are for testing
JPEG_QUALITY: Final = 85
LEAST_AUROC: Final = 0.95
LARGEST: Final = 8 * 2**20
PICTURES: Final = 4  # times at which the pictures of the training are kept
NAMES: Final = r"(?P<lot>L\d+)_(?P<part>P\d+)"
CHANGES: Final = (
    "network.recon.width=8",
    "network.disc.swin.embed=16",
    "network.disc.upernet.channels=32",
    "train.evaluations=3",
    "train.threads=1",  # the same weights on every machine
)


def main() -> int:
    """Make the file; exit code 1 and one sentence when it is not good enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the file to write")
    parser.add_argument("--steps", type=int, default=700, help="optimiser steps of the training")
    parser.add_argument("--set", action="append", default=[], help="change one more setting of the training")
    parser.add_argument("--try", action="store_true", dest="trial", help="say what it came to, whatever that is")
    asked = parser.parse_args()
    place = Path(tempfile.gettempdir()) / "flawscope-sample"
    shutil.rmtree(place, ignore_errors=True)
    try:
        return make(asked.target, place, steps=asked.steps, more=asked.set, trial=asked.trial)
    except FlawscopeError as error:
        say(str(error))
        return error.exit_code
    finally:
        shutil.rmtree(place, ignore_errors=True)


def make(target: Path, place: Path, *, steps: int, more: list[str], trial: bool) -> int:
    """Everything below `place`, the result at `target`."""
    parts = draw(place / "parts")
    folder = place / sample.NAME
    choice = importing.Choice(kind="mvtec", product=PRODUCT, lot_pattern=NAMES, part_pattern=NAMES)
    importing.import_folder(parts, folder, choice, author=AUTHOR)
    with Project.open(folder, author=AUTHOR) as project:
        describe(project, parts)
        order = training.Order(preset="quick", changes=(*CHANGES, f"train.steps={steps}", *more))
        (number,) = training.prepare(project, order)
        follow(training.start(project, number))
        run = project.run_by_number(number).folder
        halve(run / "checkpoints" / "best.safetensors")
        score_again(project, number)
        result = training.collect(project, number)
        for line in result.lines():
            say(line)
        prune(run, project)
        report = project.pack(target, images=True)
    size = target.stat().st_size
    weights = (run / "checkpoints" / "best.safetensors").stat().st_size
    say(f"{report.files} files, {size / 2**20:.2f} MiB, of which {weights / 2**20:.2f} MiB are weights: {target}")
    return 0 if trial else check(target, place, result, size)


def check(target: Path, place: Path, result: Result, size: int) -> int:
    """What is given away opens and says the same; else nothing is left at `target`."""
    problems = [] if size <= LARGEST else [f"larger than {LARGEST / 2**20:.0f} MiB"]
    auroc = result.as_json()["image_auroc"]
    if auroc is None or auroc < LEAST_AUROC:
        problems.append(f"image AUROC {auroc} is below {LEAST_AUROC}")
    shutil.copy(target, place / "copy.flawpack")
    file = sample.unpack_project(place / "copy.flawpack", place / "unpacked")
    with Project.open(file, author=AUTHOR) as project:
        again = evaluating.evaluate(project).as_json()
        if again["image_auroc"] != auroc or not project.verify(images=True).is_whole:
            problems.append("the unpacked project is not what was packed")
    here = [word for word in (HOST, str(Path.home())) if len(word) > 3]
    named = [word for word in here if word.encode() in target.read_bytes()]
    problems += [f"it names this computer: {word}" for word in named]
    for problem in problems:
        say(problem)
    if problems:
        target.unlink()
    return 1 if problems else 0


def draw(folder: Path) -> Path:
    """Chips in the layout of MVTec AD, pictures as JPEG: noise of a camera does not pack."""
    say("Drawing chips")
    (kind,) = write_samples(folder, kinds=[KIND], train=GOOD, test_good=LATER_GOOD, per_class=A_CLASS)
    for split in ("train", "test"):
        for path in sorted((kind / split).rglob("*.png")):
            Image.fromarray(decode(path)).save(path.with_suffix(".jpg"), quality=JPEG_QUALITY, subsampling=0)
            path.unlink()
    return kind


def describe(project: Project, parts: Path) -> None:
    """Names of classes, the region of interest, and which parts are for tuning."""
    for one in project.classes():
        project.set_class(one.id, names=CLASSES[one.code].names)
    (view,) = project.views()
    inside = decode_mask(parts / "roi.png") // 255
    project.set_roi(view.id, zones=[Zone("chip", "inspect", mask=inside)], reason="drawn with the chips")
    splits: dict[int, Split] = {}
    for row in project.images():
        early = row.lot in ("L01", "L02")
        splits[row.id] = "tuning" if row.lot in TUNING_LOTS else "train" if early else "test"
    project.set_splits(splits, reason="whole lots: two to train, two for tuning, two for testing")


def follow(running: RunningJob) -> None:
    """Wait for a worker, saying how far it is. Raises what it said."""
    shown = -1.0
    path = running.job.events_path
    while (outcome := running.wait(1.0)) is None:
        for line in path.read_bytes().splitlines()[-3:] if path.exists() else []:
            event = parse_line(line)
            if isinstance(event, Step) and event.progress - shown >= 0.05:
                shown = event.progress
                loss, seconds = event.losses["total"], event.seconds
                say(f"{event.progress:4.0%}  step {event.step}/{event.steps}  total {loss:.4f}  {seconds:.2f} s a step")
    failure = running.failure()
    if failure is not None:
        raise failure
    if outcome != "finished":
        raise FlawscopeError(f"the worker ended: {outcome}", path=running.job.folder / "log.txt")


def halve(path: Path) -> None:
    """Weights at 16 bits, statistics of the norms as they are: every figure is measured after this."""
    tensors, record = checkpoint.load(path)
    small = {
        name: tensor.half() if tensor.is_floating_point() and "running_" not in name else tensor
        for name, tensor in tensors.items()
    }
    checkpoint.save(path, small, record)


def score_again(project: Project, number: int) -> None:
    """The scores that end the training, from the weights that are packed."""
    run = project.run_by_number(number)
    (view,) = project.views()
    config = TrainingConfig.model_validate(dict(run.config))
    out = run.folder / "scores" / "final"
    shutil.rmtree(out)
    rows = [row for row in training.manifest(project, view, config) if row.split in ("tuning", "test")]
    score = ScoreSpec(scoring="final", training="../..", splits=("tuning", "test"))
    spec = JobSpec(command="score", run=str(number), window=view.window, score=score)
    follow(Job.create(out, spec, rows).start())
    settings = json.loads((out / "settings.json").read_bytes()) | {"weights": "checkpoints/best.safetensors"}
    (out / "settings.json").write_text(json.dumps(settings, indent=1))
    for name in ("job.json", "manifest.jsonl", "events.jsonl", "state.json", "log.txt", "control.jsonl"):
        (out / name).unlink(missing_ok=True)


def prune(run: Path, project: Project) -> None:
    """Leave what a window shows of a finished training, and nothing of this computer."""
    (run / "checkpoints" / "last.safetensors").unlink()
    shutil.rmtree(run / "cache", ignore_errors=True)
    (run / "log.txt").write_text("")
    steps = sorted({int(path.name.split("_")[0]) for path in (run / "pictures").glob("*.png")})
    kept = {steps[round(k * (len(steps) - 1) / (PICTURES - 1))] for k in range(PICTURES)}
    for path in (run / "pictures").glob("*.png"):
        if int(path.name.split("_")[0]) not in kept:
            path.unlink()
    lines = list(_events(run / "events.jsonl", kept))
    (run / "events.jsonl").write_text("".join(lines))
    state = json.loads((run / "state.json").read_bytes()) | {"host": "flawscope", "pid": None, "create_time": None}
    (run / "state.json").write_text(json.dumps(state, indent=1))
    places = {row.id: f"images/{row.root_id}/{row.relative}" for row in project.images()}
    rows = [json.loads(line) for line in (run / "manifest.jsonl").read_text().splitlines()]
    text = "".join(json.dumps(row | {"path": places[row["id"]]}) + "\n" for row in rows)
    (run / "manifest.jsonl").write_text(text)


def _events(path: Path, kept: set[int]) -> Iterator[str]:
    for line in path.read_text().splitlines():
        event = parse_line(line)
        if event is None or isinstance(event, Heartbeat) or (isinstance(event, Picture) and event.step not in kept):
            continue
        record: dict[str, Any] = event.model_dump(mode="json")
        if "host" in record:
            record |= {"host": "flawscope", "pid": 1}
        if isinstance(event, Step | Epoch | Done):
            record = _rounded(record)
        yield json.dumps(record) + "\n"


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    for name, value in record.items():
        if isinstance(value, dict):
            record[name] = _rounded(value)
        elif isinstance(value, float) and name not in ("t", "finish"):
            record[name] = float(f"{value:.5g}")
    return record


def say(text: str) -> None:
    """To whoever waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
