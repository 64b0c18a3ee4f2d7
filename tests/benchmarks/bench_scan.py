"""100,000 generated files: seconds and memory of recognising and scanning, as ratios to a plain sorted(rglob)."""

from __future__ import annotations

import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.imaging import save_png
from core.layouts import recognise, scan

FOLDERS, EACH = 20, 5000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 folders (lots) of 5,000 names for one tiny PNG each: hard links, so that no disk fills."""
    root = tmp_path_factory.mktemp("many") / "chips"
    for folder in range(FOLDERS):
        label = "good" if folder % 10 else "scratch"
        place = root / label / f"lot{folder}"
        place.mkdir(parents=True)
        save_png(place / "img0.png", np.zeros((2, 2), np.uint8))
        for index in range(1, EACH):
            os.link(place / "img0.png", place / f"img{index}.png")
    return root


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def naive(root: Path) -> int:
    """What one would write first: every path in memory, text order."""
    return len(sorted(path for path in root.rglob("*") if path.is_file() and path.suffix.lower() == ".png"))


def streamed(root: Path) -> int:
    return sum(1 for _ in scan(recognise(root)))


def seconds(work: Callable[[], object]) -> float:
    """The better of two runs: the first also warms the system's cache of names."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_mb(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def test_scanning_100_000_files(many: Path) -> None:
    start = time.perf_counter()
    next(scan(recognise(many)))
    first = time.perf_counter() - start
    found = recognise(many)
    ours, plain = seconds(lambda: streamed(many)), seconds(lambda: naive(many))
    counted = seconds(lambda: recognise(many))
    memory, plain_memory = peak_mb(lambda: streamed(many)), peak_mb(lambda: naive(many))
    say(f"\n{found.sentence}")
    say(f"recognise + scan {ours:6.2f} s   of it recognise {counted:5.2f} s   until the first entry {first:5.2f} s")
    say(f"sorted(rglob)    {plain:6.2f} s   ratio {ours / plain:4.2f}")
    say(f"peak memory      {memory:6.1f} MB  sorted(rglob) {plain_memory:6.1f} MB   ratio {memory / plain_memory:5.3f}")
    assert streamed(many) == naive(many) == FOLDERS * EACH
    assert memory < plain_memory / 4, "a scan holds one folder, not all of them"


def test_one_folder_of_100_000_files(tmp_path: Path) -> None:
    for index in range(FOLDERS * EACH):
        origin = tmp_path / f"img{index - index % EACH}.png"  # a file system allows only so many links to one file
        if index % EACH:
            os.link(origin, tmp_path / f"img{index}.png")
        else:
            save_png(origin, np.zeros((2, 2), np.uint8))
    ours, plain = seconds(lambda: streamed(tmp_path)), seconds(lambda: naive(tmp_path))
    memory, plain_memory = peak_mb(lambda: streamed(tmp_path)), peak_mb(lambda: naive(tmp_path))
    say(f"\none folder: {ours:5.2f} s, sorted(rglob) {plain:5.2f} s, ratio {ours / plain:4.2f}")
    say(f"peak memory {memory:5.1f} MB, sorted(rglob) {plain_memory:5.1f} MB, ratio {memory / plain_memory:5.3f}")
    assert memory < plain_memory
