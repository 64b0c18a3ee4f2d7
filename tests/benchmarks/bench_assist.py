"""What the program proposes while one annotates: magic wand, fill, cutting out, lists of components."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.annotation import assist
from core.annotation.components import components
from core.annotation.cutting import cut_out
from core.annotation.shapes import Patch, polygon
from core.annotation.strokes import sweep

SIDES = ((2048, 2448), (8192, 8192))


def stained(height: int, width: int, radius: int) -> NDArray[np.uint8]:
    """A noisy surface with a round stain in the middle."""
    rng = np.random.default_rng(4)
    image = np.full((height, width, 3), 150, np.uint8)
    cv2.circle(image, (width // 2, height // 2), radius, (110, 112, 118), -1)
    rough = np.tile(rng.integers(-4, 5, (512, 512, 3), dtype=np.int8), (height // 512 + 1, width // 512 + 1, 1))
    return np.asarray(image + rough[:height, :width], np.uint8)


def milliseconds(work: Callable[[], object], times: int = 7) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - begin))
    return float(np.median(found))


def whole_wand(image: NDArray[np.uint8], x: int, y: int, tolerance: int) -> NDArray[np.uint8]:
    """The same over all of the image."""
    apart = np.abs(image.astype(np.int16) - image[y, x]).max(axis=2) <= tolerance
    _, numbers = cv2.connectedComponents(apart.astype(np.uint8), connectivity=8)
    return np.asarray(numbers == numbers[y, x], np.uint8)


@pytest.mark.parametrize("size", SIDES)
@pytest.mark.parametrize("radius", [20, 200])
def test_the_magic_wand(size: tuple[int, int], radius: int) -> None:
    height, width = size
    image = stained(height, width, radius)
    x, y = width // 2, height // 2
    wand = assist.Wand(image, x, y)
    pixels = int(wand.at(20)[0].sum())
    first = milliseconds(lambda: assist.Wand(image, x, y).at(20))
    again = milliseconds(lambda: wand.at(20))
    leak = milliseconds(lambda: wand.at(255), 3)
    naive = milliseconds(lambda: whole_wand(image, x, y, 20), 1)
    print(f"\nwand at {width} x {height}, {pixels:,} px: first {first:.1f} ms (budget 15), dragged {again:.1f} ms")
    print(f"  everything {leak:.1f} ms; the whole image {naive:.0f} ms, ratio {first / naive:.4f}")


@pytest.mark.parametrize("length", [40, 400])
def test_cutting_out(length: int) -> None:
    image = stained(2048, 2448, length)
    middle = (1224.0, 1024.0)
    on = sweep(middle, (middle[0] + length / 2, middle[1]), 5, "round", 2448, 2048)
    assert on is not None
    taken = milliseconds(lambda: cut_out(image, [on], []), 5)
    side = 4 * length
    window = np.ascontiguousarray(image[1024 - side // 2 :, 1224 - side // 2 :][:side, :side])
    naive = milliseconds(lambda: _plain(window), 1)
    print(f"\ncut out, {length} px: {taken:.0f} ms (budget 300); GrabCut on all {naive:.0f} ms, {taken / naive:.2f}")


def _plain(window: NDArray[np.uint8]) -> None:
    state = np.full(window.shape[:2], cv2.GC_PR_BGD, np.uint8)
    middle = window.shape[0] // 2
    state[middle - 2 : middle + 3, middle : middle + middle // 4] = cv2.GC_FGD
    cv2.grabCut(window, state, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)


def painted(height: int, width: int) -> NDArray[np.uint8]:
    """Forty defects all over, and a ring."""
    rng = np.random.default_rng(8)
    labels = np.zeros((height, width), np.uint8)
    for number in range(40):
        x, y = int(rng.integers(50, width - 50)), int(rng.integers(50, height - 50))
        cv2.circle(labels, (x, y), int(rng.integers(3, 40)), 1 + number % 3, -1)
    cv2.circle(labels, (width // 2, height // 2), 300, 4, 5)
    return labels


@pytest.mark.parametrize("size", SIDES)
def test_on_the_mask(size: tuple[int, int]) -> None:
    height, width = size
    labels = painted(height, width)
    box = (0, 0, width, height)
    listed = milliseconds(lambda: components(labels), 3)
    filled = milliseconds(lambda: assist.fill(labels, width // 2, height // 2, box))
    is_open = milliseconds(lambda: assist.fill(labels, 2, 2, box), 3)
    drawn = milliseconds(lambda: polygon([(9, 9), (2000, 400), (1800, 1900), (300, 1700)], width, height))
    one: Patch = (np.ones((200, 200), np.bool_), (300, 300, 500, 500))
    rounds = milliseconds(lambda: assist.grown(one, 5, width, height))
    print(f"\n{width} x {height}: {len(components(labels))} components {listed:.1f} ms, a ring filled {filled:.1f} ms")
    print(f"  an open area refused {is_open:.1f} ms, a polygon of 2000 px {drawn:.1f} ms, 200 px grown {rounds:.2f} ms")
