"""A chip on a board with gold wires: a patterned die on a gold pad, ten wires to each side."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.chip import GOLD, LAMINATE, Damage, Design, Path, Plan, Scene, assemble
from core.samples.light import Floats
from core.samples.names import SIZES
from core.samples.surface import Board, Colour, Layer, coat, place, region, slope, stroke

_BLACK: Final[Colour] = (0.014, 0.016, 0.017)
_BLACK_TRACE: Final[Colour] = (0.034, 0.036, 0.036)
_WIRE_SIDE: Final[Colour] = (0.34, 0.20, 0.06)
_WIRE_RIDGE: Final[Colour] = (1.0, 0.74, 0.36)
_CARRIER: Final = (28.0, 28.0, 312.0, 312.0)
_DIE: Final = (118.0, 116.0, 222.0, 224.0)
SIDE: Final = 10
_FINGER: Final = 15.5  # pitch of the fingers
_PAD: Final = 9.6  # pitch of the pads on the die


def _pad_places() -> list[tuple[float, float]]:
    """Bond pads on the die, side by side: top, right, bottom, left."""
    x0, y0, x1, y1 = _DIE
    steps = (np.arange(SIDE) - (SIDE - 1) / 2) * _PAD
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    top = [(cx + s, y0 + 6.0) for s in steps]
    right = [(x1 - 6.0, cy + s) for s in steps]
    bottom = [(cx + s, y1 - 6.0) for s in steps]
    left = [(x0 + 6.0, cy + s) for s in steps]
    return [(float(x), float(y)) for x, y in (*top, *right, *bottom, *left)]


def _finger_places() -> list[tuple[float, float]]:
    """Where each wire ends on its finger, in the order of the pads."""
    steps = (np.arange(SIDE) - (SIDE - 1) / 2) * _FINGER
    top = [(170 + s, 66.0) for s in steps]
    right = [(274.0, 170 + s) for s in steps]
    bottom = [(170 + s, 274.0) for s in steps]
    left = [(66.0, 170 + s) for s in steps]
    return [(float(x), float(y)) for x, y in (*top, *right, *bottom, *left)]


@lru_cache(maxsize=1)
def _carrier() -> Layer:
    board = Board(*SIZES["wire_chip"])
    x0, y0, x1, y1 = _CARRIER
    board.put(board.box(x0, y0, x1, y1, radius=3), LAMINATE, gloss=0.01, rise=3.0, soft=1.4)
    resist = board.box(x0 + 1.6, y0 + 1.6, x1 - 1.6, y1 - 1.6, radius=2.5)
    board.put(resist, _BLACK, gloss=0.016, rise=0.4, soft=0.7)
    fingers, tails = board.blank(), []
    for number, (x, y) in enumerate(_finger_places()):
        flat = (number // SIDE) % 2 == 0
        w, h = (4.6, 11.0) if flat else (11.0, 4.6)
        fingers = np.maximum(fingers, board.box(x - w, y - h, x + w, y + h, radius=1.5))
        out = -1 if number // SIDE in (0, 3) else 1
        tails.append([(x, y + out * 12), (x, y + out * 26)] if flat else [(x + out * 12, y), (x + out * 26, y)])
    board.put(board.lines(tails, 3), _BLACK_TRACE, gloss=0.016, rise=0.5, soft=0.5)
    board.put(fingers, GOLD, metal=0.72, gloss=0.02, rise=0.5, soft=0.6)
    board.put(board.box(100, 98, 240, 242, radius=4), GOLD, metal=0.72, gloss=0.02, rise=0.5, soft=0.6)
    board.put(board.box(110, 108, 230, 232, radius=7), (0.42, 0.40, 0.37), metal=0.25, gloss=0.03, rise=1.0, soft=2.0)
    for x, y in ((44.0, 44.0), (296.0, 296.0), (296.0, 44.0)):
        board.put(board.discs([(x, y)], 5.0), GOLD, metal=0.8, gloss=0.02, rise=0.4, soft=0.5)
    board.put(board.text("W4", 36, 304, 12, thick=1.2), (0.6, 0.6, 0.57), opaque=0.9)
    return board.layer()


@lru_cache(maxsize=1)
def _die() -> Layer:
    """Aluminium wiring under glass: blocks of different density, so of different colour."""
    board = Board(*SIZES["wire_chip"])
    x0, y0, x1, y1 = _DIE
    board.put(board.box(x0, y0, x1, y1, radius=0.6), (0.10, 0.10, 0.12), metal=0.4, gloss=0.02, rise=2.4, soft=0.8)
    board.put(board.box(x0 + 2, y0 + 2, x1 - 2, y1 - 2), (0.17, 0.17, 0.21), metal=0.75, gloss=0.02)
    rng = np.random.default_rng(41)
    tints: tuple[Colour, ...] = ((0.20, 0.13, 0.17), (0.11, 0.16, 0.19), (0.21, 0.17, 0.10), (0.13, 0.18, 0.13))
    blocks = [(131, 129, 168, 158), (172, 129, 209, 146), (172, 150, 190, 180), (194, 150, 209, 180)]
    blocks += [(131, 162, 168, 180), (131, 184, 152, 211), (156, 184, 209, 196), (156, 200, 209, 211)]
    for number, block in enumerate(blocks):
        board.put(board.box(*block), tints[number % 4], metal=0.75, gloss=0.02, rise=0.15, soft=0.4)
        a0, b0, a1, b1 = block
        upright = number % 2 == 0
        rows: list[list[tuple[float, float]]] = [
            [(float(v), b0 + 1.0), (float(v), b1 - 1.0)] if upright else [(a0 + 1.0, float(v)), (a1 - 1.0, float(v))]
            for v in np.arange((a0 if upright else b0) + 2, (a1 if upright else b1) - 1, 2.5)
            if rng.random() < 0.7
        ]
        board.put(board.lines(rows, 0.5), (0.40, 0.39, 0.36), metal=0.8, gloss=0.02, opaque=0.55)
    pads = board.blank()
    for x, y in _pad_places():
        pads = np.maximum(pads, board.box(x - 3.4, y - 3.4, x + 3.4, y + 3.4))
    board.put(pads, (0.55, 0.55, 0.55), metal=0.8, gloss=0.02, rise=-0.3, soft=0.4)
    return board.layer()


WIRE_CHIP: Final = Design("wire_chip", _CARRIER, _DIE, None, 0.0, _carrier, _die, (0.050, 0.052, 0.055))


def wires(plan: Plan, rng: np.random.Generator) -> list[Path]:
    """The forty wires of one part in the picture, each a curve of points from the ball to the stitch."""
    pads = place(np.asarray(_pad_places()), plan.die)
    ends = place(np.asarray(_finger_places()), plan.carrier) + rng.normal(0, 0.9, (4 * SIDE, 2))
    sway = rng.normal(0, 1.6, 4 * SIDE)
    steps = np.linspace(0, 1, 14)[:, None]
    paths = []
    for start, end, lean in zip(pads, ends, sway, strict=True):
        along = end - start
        aside = np.array([-along[1], along[0]]) / np.hypot(*along)
        paths.append(start + along * steps + aside * lean * np.sin(np.pi * steps))
    return paths


def draw_wires(layer: Layer, paths: list[Path], *, bonds: bool = True, thick: float = 2.5) -> None:
    """Round gold wire: a shadow below, dark sides, a bright ridge that mirrors the lamp; a ball at its start."""
    height, width = layer.coverage.shape
    if not paths:
        return
    body = stroke(paths, thick, width, height)
    shadow = cv2.GaussianBlur(np.roll(body, (3, 2), (0, 1)), (0, 0), 1.5)
    layer.body[:3] *= 1 - 0.5 * shadow
    layer.finish[2:] *= 1 - 0.5 * shadow
    coat(layer, body, _WIRE_SIDE, metal=0.30, gloss=0.0)
    ridge = stroke([path - 0.25 for path in paths], thick * 0.42, width, height)
    coat(layer, ridge * np.float32(0.9), _WIRE_RIDGE, metal=0.15, gloss=0.02)
    if bonds:
        ball = region([_disc(path[0], 3.3) for path in paths], width, height)
        stitch = region([_disc(path[-1], 2.4) for path in paths], width, height)
        bond = np.maximum(ball, stitch)
        coat(layer, bond, GOLD, metal=0.86, gloss=0.02)
        slope(layer, _round(bond, 4.0))


def _round(mask: Floats, high: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.9) * np.float32(high), np.float32)


def _disc(centre: Path, radius: float) -> Path:
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return np.asarray(centre + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def assemble_wired(plan: Plan, damage: Damage, *, keep: NDArray[np.bool_] | None = None) -> Scene:
    """The chip with its wires; `keep` (40 flags) leaves some out. A missing die has no wires either."""
    scene = assemble(WIRE_CHIP, plan, damage)
    paths = wires(plan, np.random.default_rng([plan.texture, 1]))
    if not damage.no_die:
        draw_wires(scene.layer, [path for number, path in enumerate(paths) if keep is None or keep[number]])
    return scene
