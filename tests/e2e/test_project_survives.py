"""A process that writes labels is killed at random moments: nothing that it acknowledged is lost."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.project import NewImage, Project

IMAGES = 50

# Prints one line for every edit once the call has returned: from then on it must never be lost.
WRITER = """
import sys
from pathlib import Path
import numpy as np
from core.annotation.masks import delta_between
from core.project import Project

folder, start = Path(sys.argv[1]), int(sys.argv[2])
with Project.open(folder, author="AB") as project:
    print("ready", flush=True)
    blank, dot = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    dot[5:9, 5:9] = 1
    delta = delta_between(blank, dot)
    for number in range(start, 10**9):
        image = number % 50 + 1
        project.set_label([image], ("good", "defective")[number // 50 % 2], reason=str(number))
        print("label", number, flush=True)
        if number % 7 == 0:
            stroke = project.add_stroke(image, delta, tool="brush", class_id=1).stroke_id
            print("stroke", stroke, flush=True)
"""


def kill_and_check(folder: Path, dice: random.Random, start: int) -> int:
    """One life of the writer, ended by SIGKILL; returns the number to go on with."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(start)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    heard = b""
    deadline = time.monotonic() + dice.uniform(0.0, 0.25)
    while (left := deadline - time.monotonic()) > 0:
        if select.select([child.stdout], [], [], left)[0]:
            heard += os.read(child.stdout.fileno(), 65536)
    child.send_signal(signal.SIGKILL)
    heard += child.stdout.read()
    child.wait()
    child.stdout.close()
    return check(folder, heard.decode().splitlines(keepends=True), start)


def check(folder: Path, lines: list[str], start: int) -> int:
    acknowledged = [line.split() for line in lines if line.endswith("\n")]
    labels = [int(value) for kind, value in acknowledged if kind == "label"]
    strokes = {int(value) for kind, value in acknowledged if kind == "stroke"}
    with Project.open(folder) as project:
        assert project.crashed is not None
        report = project.verify()
        assert report.is_whole, report.faults
        written = [int(row.reason) for row in project.audit_rows() if row.action == "label" and row.reason]
        assert set(labels) <= set(written)
        stored = {
            stroke.id for n in range(1, IMAGES + 1) for lay in project.layers(n) for stroke in project.strokes(lay.id)
        }
        assert strokes <= stored
        for image in project.images():
            last = max((number for number in written if number % IMAGES + 1 == image.id), default=None)
            if last is not None:
                assert image.label == ("good", "defective")[last // IMAGES % 2]
    return max(written, default=start - 1) + 1


def survive(folder: Path, lives: int, seed: int) -> None:
    with Project.create(folder, "pill") as project:
        rows = [NewImage(folder / f"{n}.png", "pill", size=1, mtime_ns=1) for n in range(IMAGES)]
        project.add_images(rows, root=folder)
    dice, start = random.Random(seed), 0
    for _ in range(lives):
        start = kill_and_check(folder, dice, start)
    assert start > lives


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_no_acknowledged_edit_is_lost_in_five_kills(tmp_path: Path) -> None:
    survive(tmp_path / "work", 5, seed=1)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_no_acknowledged_edit_is_lost_in_25_kills(tmp_path: Path) -> None:
    survive(tmp_path / "work", 25, seed=2)
