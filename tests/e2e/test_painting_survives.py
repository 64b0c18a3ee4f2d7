"""A window that is killed while somebody paints: what was painted is there, and the next start goes on there."""

from __future__ import annotations

import base64
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.annotation.masks import apply_delta, unpack_delta
from core.imaging import save_png
from core.project import NewImage, Project

IMAGES = 6
HEIGHT, WIDTH = 120, 160
KILLS = 25
_LOST_S = 2.0  # what was finished longer ago must be there
_REMEMBERED_S = 2.0  # an image that was gone to longer ago is the one that the next start shows
_PATIENCE_S = 60.0


@dataclass
class Painted:
    """What the hand said so far, image by image: packed strokes and when each was finished."""

    strokes: dict[int, list[tuple[float, bytes]]] = field(default_factory=dict)
    images: list[tuple[float, int]] = field(default_factory=list)
    line: str = ""

    def hear(self, said: dict[str, Any]) -> None:
        if said["kind"] == "stroke":
            self.strokes.setdefault(said["image"], []).append((said["at"], base64.b64decode(said["delta"])))
        else:
            self.images.append((said["at"], said["image"]))
            self.line = said.get("line", self.line)


def make_project(folder: Path) -> Path:
    dice = np.random.default_rng(3)
    rows = []
    for number in range(IMAGES):
        path = folder / "pictures" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        save_png(path, dice.integers(90, 130, (HEIGHT, WIDTH, 3), dtype=np.uint8))
        rows.append(NewImage(path, "chip", label="defective", width=WIDTH, height=HEIGHT))
    with Project.create(folder / "work", "work", author="AB") as project:
        project.add_images(rows, root=folder / "pictures")
        project.add_class("crack")
        return project.file


class Windows:
    """Windows of the program, one after the other, each in a process of its own."""

    def __init__(self, log: Path) -> None:
        self._log, self._pending = log, b""
        with log.open("wb") as errors:
            self._nest = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.painter"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def begin(self, arguments: list[str]) -> int:
        """Start one; its process id."""
        assert self._nest.stdin is not None
        self._nest.stdin.write(json.dumps(arguments).encode() + b"\n")
        self._nest.stdin.flush()
        (born,) = self.heard(_PATIENCE_S)
        return int(born["pid"])

    def heard(self, seconds: float) -> list[dict[str, Any]]:
        """What was said meanwhile; at once when something was."""
        assert self._nest.stdout is not None
        if not select.select([self._nest.stdout], [], [], max(seconds, 0))[0]:
            return []
        chunk = os.read(self._nest.stdout.fileno(), 65536)
        assert chunk, f"nothing can be started any more: {self._log.read_text()}"
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        return [json.loads(line) for line in lines if line.endswith(b"}")]

    def close(self) -> None:
        """No further one."""
        assert self._nest.stdin is not None and self._nest.stdout is not None
        self._nest.stdin.close()
        self._nest.wait()
        self._nest.stdout.close()


def live_and_die(windows: Windows, painted: Painted, seconds: float, arguments: list[str]) -> float:
    """One life of a window, ended `seconds` after its first stroke; the moment of the kill."""
    pid = windows.begin(arguments)
    end, give_up, kinds = None, time.monotonic() + _PATIENCE_S, list[str]()

    def hear(wait: float) -> None:
        for said in windows.heard(wait):
            kinds.append(said["kind"])
            if said["kind"] != "died":
                painted.hear(said)

    try:
        while end is None or time.monotonic() < end:
            hear((give_up if end is None else end) - time.monotonic())
            assert "died" not in kinds, f"the window ended by itself: {kinds}"
            if end is None and "stroke" in kinds:
                end = time.monotonic() + seconds
            if end is None and time.monotonic() > give_up:
                raise TimeoutError(f"{painted.images}")
    finally:
        os.kill(pid, signal.SIGKILL)
        killed = time.time()
        while "died" not in kinds:
            hear(_PATIENCE_S)
    return killed


def check(file: Path, painted: Painted, killed: float) -> int:
    """What the project holds is what was painted, but for the last moment; how many strokes that is."""
    kept = 0
    with Project.open(file, read_only=True) as project:
        report = project.verify()
        assert report.is_whole, report.faults
        for image_id in range(1, IMAGES + 1):
            said = painted.strokes.get(image_id, [])
            layers = project.layers(image_id)
            stored = [one.delta for layer in layers for one in project.strokes(layer.id) if one.state == "done"]
            assert stored[: len(said)] == [packed for _, packed in said][: len(stored)]
            assert len(stored) >= sum(at < killed - _LOST_S for at, _ in said)
            assert len(stored) <= len(said) + 1  # one may be stored before it could be said
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            for packed in stored:
                apply_delta(mask, unpack_delta(packed))
            found = project.mask(image_id)
            np.testing.assert_array_equal(np.zeros_like(mask) if found is None else found, mask)
            painted.strokes[image_id] = [(0.0, packed) for packed in stored]
            kept += len(stored)
    return kept


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_25_kills_while_painting_lose_nothing_that_was_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.json").write_text(json.dumps({"work.initials": "AB"}))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("FLAWSCOPE_HOME", str(home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    file = make_project(tmp_path)
    dice, painted, expected, killed = random.Random(7), Painted(), set[int](), 0.0
    windows = Windows(tmp_path / "errors.txt")
    request.addfinalizer(windows.close)
    for life in range(KILLS + 1):
        painted.images.clear()
        seconds = 2.5 if life % 8 == 3 else dice.uniform(0.0, 1.2)
        killed = live_and_die(windows, painted, seconds, [str(file)] if life == 0 else [])
        if life:
            assert painted.images[0][1] in expected
            assert painted.line.startswith("Flawscope ended unexpectedly.")
        kept = check(file, painted, killed)
        assert kept > life
        settled = [image for at, image in painted.images if at < killed - _REMEMBERED_S]
        expected = {*settled[-1:], *(image for at, image in painted.images if at >= killed - _REMEMBERED_S)}
