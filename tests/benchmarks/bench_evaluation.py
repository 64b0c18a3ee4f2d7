"""Pixel figures by streaming: the memory that 1,000 large maps take, and time and difference against scikit-learn."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from core.evaluation.curves import PixelCounts

SIDE, MAPS, COMPARED = 1024, 1000, 48  # 48 maps are 50 million pixels
LIMIT_GB, FASTER, APART = 1.0, 20, 1e-4

_STREAM = """
import json, resource, sys, time
from core.evaluation.curves import PixelCounts
from tests.benchmarks.bench_evaluation import pool
count, form = int(sys.argv[1]), sys.argv[2]
made = pool(form)
counts, began = PixelCounts(), time.perf_counter()
for number in range(count):
    counts.add(*made[number % len(made)])
found = [counts.auroc(), counts.ap(), counts.aupro()]
seconds = time.perf_counter() - began
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, counts.maps, *found]))
"""

Pair = tuple[NDArray[np.float32] | NDArray[np.uint16], NDArray[np.uint8] | None]


def pool(form: str, count: int = 8) -> list[Pair]:
    """`count` maps (1024, 1024) as `float` or `stored` (16 bits); every second one good, the others with defects."""
    rng = np.random.default_rng(7)
    pairs: list[Pair] = []
    for number in range(count):
        values = rng.beta(1.5, 12, (SIDE, SIDE)).astype(np.float32)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        if number % 2:
            for _ in range(6):
                y, x, size = (int(v) for v in (*rng.integers(0, SIDE - 100, 2), rng.integers(4, 100)))
                mask[y : y + size, x : x + size] = 1
            values = np.clip(values + mask * rng.normal(0.15, 0.1, values.shape).astype(np.float32), 0, 1)
        found = values if form == "float" else np.rint(values * 65535).astype(np.uint16)
        pairs.append((found, mask if number % 2 else None))
    return pairs


def test_a_thousand_maps_are_streamed_in_little_memory() -> None:
    for form in ("float", "stored"):
        command = [sys.executable, "-c", _STREAM, str(MAPS), form]
        seconds, peak, maps, auroc, ap, aupro = json.loads(
            subprocess.run(command, capture_output=True, check=True).stdout
        )
        print(
            f"\nstreaming {maps:,} {form} maps of {SIDE} x {SIDE}: peak memory of the whole process {peak:.2f} GB "
            f"(aim < {LIMIT_GB:g} GB), {1000 * seconds / maps:.1f} ms a map; AUROC {auroc:.4f}, AP {ap:.4f}, "
            f"AUPRO {aupro:.4f}"
        )
        assert peak < LIMIT_GB


def test_fifty_million_pixels_against_scikit_learn() -> None:
    pairs = pool("float", COMPARED)
    began = time.perf_counter()
    counts = PixelCounts()
    for values, mask in pairs:
        counts.add(values, mask)
    found = (counts.auroc(), counts.ap())
    ours = time.perf_counter() - began
    scores = np.concatenate([values.ravel() for values, _ in pairs])
    truth = np.concatenate([np.zeros(SIDE * SIDE, np.uint8) if mask is None else mask.ravel() for _, mask in pairs])
    began = time.perf_counter()
    exact = (metrics.roc_auc_score(truth, scores), metrics.average_precision_score(truth, scores))
    theirs = time.perf_counter() - began
    apart = [abs(float(str(one)) - other) for one, other in zip(found, exact, strict=True)]
    print(
        f"\n{scores.size:,} pixels, AUROC and AP: streamed (AUPRO's counts included) in {ours:.2f} s, scikit-learn "
        f"{theirs:.1f} s: {theirs / ours:.0f} times as fast (aim >= {FASTER}); apart by {apart[0]:.1e} and "
        f"{apart[1]:.1e} (aim < {APART:g}), bound for AUROC {counts.resolution():.1e}"
    )
    assert max(apart) < APART
