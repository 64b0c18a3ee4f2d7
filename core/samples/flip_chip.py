"""Two flip chips: A, a large bare die on a green carrier with capacitors; B, a small die among solder balls."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from core.samples.chip import GOLD, LAMINATE, SILICON, TIN, Design, balls, capacitor
from core.samples.names import SIZES
from core.samples.surface import SCALE, Board, Colour, Layer

_GREEN: Final[Colour] = (0.010, 0.105, 0.046)
_GREEN_TRACE: Final[Colour] = (0.040, 0.205, 0.085)
_BLUE: Final[Colour] = (0.012, 0.030, 0.075)
_BLUE_TRACE: Final[Colour] = (0.024, 0.062, 0.140)
_WHITE: Final[Colour] = (0.62, 0.62, 0.58)

_CARRIER_A: Final = (38.0, 36.0, 312.0, 364.0)
_DIE_A: Final = (104.0, 118.0, 246.0, 284.0)
_CARRIER_B: Final = (36.0, 34.0, 364.0, 306.0)
_DIE_B: Final = (140.0, 116.0, 254.0, 220.0)


def _carrier(board: Board, box: tuple[float, float, float, float], resist: Colour) -> None:
    x0, y0, x1, y1 = box
    board.put(board.box(x0, y0, x1, y1, radius=3), LAMINATE, gloss=0.01, rise=3.0, soft=1.4)
    board.put(board.box(x0 + 1.6, y0 + 1.6, x1 - 1.6, y1 - 1.6, radius=2.5), resist, gloss=0.014, rise=0.4, soft=0.7)


def _fan_out(board: Board, die: tuple[float, float, float, float], reach: float, colour: Colour, seed: int) -> None:
    """Copper below the resist: lines that leave the die, bend by 45 degrees and end in a via."""
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = die
    paths: list[list[tuple[float, float]]] = []
    for side in range(4):
        across = side % 2 == 0
        start, stop = (x0, x1) if across else (y0, y1)
        for at in np.arange(start + 5, stop - 4, 6.0):
            near = {0: y0, 1: x1, 2: y1, 3: x0}[side]
            out = -1.0 if side in (0, 3) else 1.0
            bend = (at - (start + stop) / 2) * 0.28
            first, last = rng.uniform(0.25, 0.4) * reach, rng.uniform(0.75, 1.0) * reach
            steps = [(at, near - out * 4), (at, near + out * first), (at + bend, near + out * (first + abs(bend)))]
            steps.append((at + bend, near + out * max(last, first + abs(bend) + 3)))
            paths.append([(a, b) if across else (b, a) for a, b in steps])
    board.put(board.lines(paths, 1.7), colour, gloss=0.014, rise=0.5, soft=0.5)
    ends = [path[-1] for path in paths]
    board.put(board.discs(ends, 2.1), colour, gloss=0.014, rise=0.6, soft=0.5)
    board.put(
        board.discs(ends, 0.8), (colour[0] * 0.4, colour[1] * 0.4, colour[2] * 0.4), gloss=0.03, rise=-0.6, soft=0.4
    )


def _site(board: Board, die: tuple[float, float, float, float], pitch: float) -> None:
    """What a missing die would show: an opening in the resist with rows of small bumps."""
    x0, y0, x1, y1 = die
    board.put(board.box(x0 + 4, y0 + 4, x1 - 4, y1 - 4, radius=2), (0.19, 0.14, 0.07), gloss=0.02, rise=-0.8, soft=0.8)
    pads = [(float(x), float(y)) for x in np.arange(x0 + 9, x1 - 7, pitch) for y in np.arange(y0 + 9, y1 - 7, pitch)]
    board.put(board.discs(pads, 2.4), TIN, metal=0.85, gloss=0.02, rise=1.6, soft=0.7)


def _ring(board: Board, x: float, y: float) -> None:
    """A fiducial: a gold dot in a round opening."""
    board.put(board.discs([(x, y)], 8.5), LAMINATE, gloss=0.01, rise=-0.5, soft=0.6)
    board.put(board.discs([(x, y)], 4.6), GOLD, metal=0.8, gloss=0.02, rise=0.4, soft=0.5)


def _cross(board: Board, x: float, y: float) -> None:
    """A fiducial: a gold cross in a square opening."""
    board.put(board.box(x - 9, y - 9, x + 9, y + 9, radius=1), LAMINATE, gloss=0.01, rise=-0.5, soft=0.6)
    arms = board.lines([[(x - 6, y), (x + 6, y)], [(x, y - 6), (x, y + 6)]], 3)
    board.put(arms, GOLD, metal=0.8, gloss=0.02, rise=0.4, soft=0.5)


def _matrix_code(board: Board, x: float, y: float, side: float, seed: int, colour: Colour) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.random((12, 12)) < 0.5
    cells[:, 0] = cells[-1, :] = True
    cells[0, :] = cells[:, -1] = np.arange(12) % 2 == 0
    step = side / 12
    mask = board.blank()
    for row, column in np.argwhere(cells):
        left, top = x + column * step, y + row * step
        mask = np.maximum(mask, board.box(left, top, left + step, top + step))
    board.put(mask, colour, metal=0.12, gloss=0.02, opaque=0.85)


def _bare_die(board: Board, die: tuple[float, float, float, float], colour: Colour, *, metal: float) -> None:
    """The polished back of a die: a mirror with a sawn, slightly rounded edge."""
    x0, y0, x1, y1 = die
    board.put(board.box(x0, y0, x1, y1, radius=1.2), (0.16, 0.17, 0.19), metal=0.5, gloss=0.03, rise=2.6, soft=0.9)
    board.put(board.box(x0 + 1.5, y0 + 1.5, x1 - 1.5, y1 - 1.5, radius=1), colour, metal=metal, gloss=0.02)
    _grinding(board, (x0 - 160, y1 + 90), 0.05)


def _grinding(board: Board, pivot: tuple[float, float], amount: float) -> None:
    """Marks of the wheel that thinned the wafer: faint arcs about a far point, in what is drawn so far."""
    height, width = board.shape
    y = np.arange(height, dtype=np.float32)[:, None] / SCALE - np.float32(pivot[1])
    x = np.arange(width, dtype=np.float32)[None, :] / SCALE - np.float32(pivot[0])
    away = np.sqrt(x * x + y * y) * np.float32(1.6)
    tone = np.random.default_rng(3).standard_normal(2048).astype(np.float32)
    soft = cv2.GaussianBlur(tone[None, :], (0, 0), 0.9)
    arcs = cv2.remap(soft, np.minimum(away, 2047), np.zeros_like(away), cv2.INTER_LINEAR)
    board.colour *= (1 + np.float32(amount) * arcs)[..., None]


@lru_cache(maxsize=1)
def _carrier_a() -> Layer:
    board = Board(*SIZES["flip_chip_a"])
    _carrier(board, _CARRIER_A, _GREEN)
    _fan_out(board, (98, 112, 252, 290), 46, _GREEN_TRACE, 11)
    for x in (66.0, 284.0):
        for y in (146.0, 174.0, 228.0, 256.0):
            capacitor(board, x, y, upright=True)
    for x in (130.0, 158.0, 192.0, 220.0):
        capacitor(board, x, 68, upright=False)
    _site(board, _DIE_A, 8.0)
    _ring(board, 58, 342)
    _ring(board, 292, 58)
    corner = board.blank()

    cv2.fillPoly(corner, [board.pixels([(46, 44), (62, 44), (46, 60)])], 255, cv2.LINE_AA, 4)
    board.put(corner, GOLD, metal=0.8, gloss=0.02, rise=0.3, soft=0.5)
    board.put(board.text("FS-A17", 214, 350, 13, thick=1.2), _WHITE, opaque=0.9)
    board.put(board.text("94V-0", 92, 350, 9), _WHITE, opaque=0.85)
    return board.layer()


@lru_cache(maxsize=1)
def _die_a() -> Layer:
    board = Board(*SIZES["flip_chip_a"])
    _bare_die(board, _DIE_A, SILICON, metal=0.93)
    etched: Colour = (0.46, 0.47, 0.48)
    board.put(board.text("FLX 7120", 116, 158, 17, thick=1.4), etched, metal=0.12, gloss=0.02, opaque=0.8)
    board.put(board.text("2418 TW", 116, 181, 14, thick=1.3), etched, metal=0.12, gloss=0.02, opaque=0.8)
    board.put(board.text("K3 B0", 116, 202, 14, thick=1.3), etched, metal=0.12, gloss=0.02, opaque=0.8)
    board.put(board.discs([(232, 132)], 4), etched, metal=0.12, gloss=0.02, opaque=0.8)
    _matrix_code(board, 196, 234, 36, 5, etched)
    return board.layer()


@lru_cache(maxsize=1)
def _carrier_b() -> Layer:
    board = Board(*SIZES["flip_chip_b"])
    _carrier(board, _CARRIER_B, _BLUE)
    _fan_out(board, (134, 110, 260, 226), 26, _BLUE_TRACE, 23)
    grid = [
        (float(x), float(y))
        for x in np.arange(52, 350, 18.5)
        for y in np.arange(50, 292, 18.5)
        if not (96 < x < 300 and 84 < y < 254)
    ]
    keep = [(x, y) for x, y in grid if not (x < 60 and y < 60) and not (x > 340 and y > 280)]
    balls(board, keep, 6.2)
    _site(board, _DIE_B, 7.5)
    _cross(board, 53, 51)
    _cross(board, 347, 289)
    board.put(board.text("BX9-204  E1", 158, 247, 9), _WHITE, opaque=0.85)
    return board.layer()


@lru_cache(maxsize=1)
def _die_b() -> Layer:
    board = Board(*SIZES["flip_chip_b"])
    _bare_die(board, _DIE_B, (0.115, 0.135, 0.19), metal=0.9)
    etched: Colour = (0.40, 0.40, 0.40)
    board.put(board.text("BX9", 150, 148, 21, thick=1.7), etched, metal=0.12, gloss=0.02, opaque=0.8)
    board.put(board.text("H2407", 150, 172, 13, thick=1.2), etched, metal=0.12, gloss=0.02, opaque=0.8)
    _matrix_code(board, 212, 180, 30, 9, etched)
    return board.layer()


FLIP_CHIP_A: Final = Design(
    "flip_chip_a", _CARRIER_A, _DIE_A, (0.020, 0.016, 0.013), 13.0, _carrier_a, _die_a, (0.030, 0.031, 0.033)
)
FLIP_CHIP_B: Final = Design(
    "flip_chip_b", _CARRIER_B, _DIE_B, (0.090, 0.052, 0.018), 10.0, _carrier_b, _die_b, (0.055, 0.053, 0.050)
)
