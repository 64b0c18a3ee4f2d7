"""What all chips share: a carrier in a tray pocket, a die on it, one pose for each, and how a scene is put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.light import Floats
from core.samples.names import SIZES, Kind
from core.samples.surface import (
    SCALE,
    Board,
    Colour,
    Layer,
    Matrix,
    box_distance,
    coat,
    cut,
    grain,
    moved,
    over,
    place,
    pose,
    region,
    slope,
    tinted,
)

Rectangle = tuple[float, float, float, float]
Path = NDArray[np.float64]

GOLD: Final[Colour] = (0.92, 0.62, 0.24)
TIN: Final[Colour] = (0.74, 0.74, 0.72)
SILICON: Final[Colour] = (0.20, 0.225, 0.275)
LAMINATE: Final[Colour] = (0.46, 0.37, 0.20)


@dataclass(frozen=True)
class Design:
    """The drawing of one kind of chip: rectangles in picture pixels and the layers that are moved to each part."""

    kind: Kind
    carrier: Rectangle
    die: Rectangle
    resin: Colour | None
    resin_width: float
    draw_carrier: Callable[[], Layer]
    draw_die: Callable[[], Layer]
    tray: Colour

    @property
    def size(self) -> tuple[int, int]:
        return SIZES[self.kind]


@dataclass(frozen=True)
class Plan:
    """What is peculiar to one part: where it lies and which piece of each texture it has."""

    carrier: Matrix
    die: Matrix
    resin: tuple[float, ...]  # eight widths around the die, relative
    texture: int  # seed of the textures


@dataclass(frozen=True)
class Damage:
    """What is missing: the die, or a polygon (in the picture) broken out of the die or of the carrier."""

    no_die: bool = False
    die_chip: Path | None = None
    carrier_chip: Path | None = None
    seed: int = 0


@dataclass
class Scene:
    """A chip in the picture before light: the layer, and where carrier and die lie."""

    design: Design
    plan: Plan
    layer: Layer

    def on_die(self, u: float, v: float) -> NDArray[np.float64]:
        """Where the point (u, v) of the die, each 0..1, lies in the picture."""
        return _inside(self.design.die, self.plan.die, u, v)

    def on_carrier(self, u: float, v: float) -> NDArray[np.float64]:
        return _inside(self.design.carrier, self.plan.carrier, u, v)


def _inside(box: Rectangle, matrix: Matrix, u: float, v: float) -> NDArray[np.float64]:
    return place((box[0] + u * (box[2] - box[0]), box[1] + v * (box[3] - box[1])), matrix)


def plan_part(design: Design, rng: np.random.Generator) -> Plan:
    """Draw what is peculiar to one part."""
    width, height = design.size
    carrier = pose(
        (width / 2, height / 2),
        shift=(float(rng.normal(0, 1.6)), float(rng.normal(0, 1.6))),
        degrees=float(np.clip(rng.normal(0, 0.5), -1.2, 1.2)),
        scale=1 + float(rng.uniform(-0.006, 0.006)),
    )
    x0, y0, x1, y1 = design.die
    own = pose(
        ((x0 + x1) / 2, (y0 + y1) / 2),
        shift=(float(rng.normal(0, 0.6)), float(rng.normal(0, 0.6))),
        degrees=float(rng.normal(0, 0.2)),
    )
    die = np.asarray(np.vstack([carrier, [0, 0, 1]]) @ np.vstack([own, [0, 0, 1]]))[:2]
    widths = tuple(float(value) for value in rng.uniform(0.88, 1.14, 8))
    return Plan(carrier, die, widths, int(rng.integers(2**31)))


def assemble(design: Design, plan: Plan, damage: Damage) -> Scene:
    """Tray, carrier, resin and die as one opaque layer in the picture."""
    width, height = design.size
    texture = np.random.default_rng(plan.texture)
    layer = _tray(design, texture)
    carrier = moved(design.draw_carrier(), plan.carrier, width, height)
    _roughen(carrier, texture, 0.03)
    if damage.carrier_chip is not None:
        _break_carrier(carrier, damage.carrier_chip, damage.seed)
    _shadow(layer, carrier.coverage, 0.5, 7.0)
    over(layer, carrier)
    if not damage.no_die:
        die = moved(design.draw_die(), plan.die, width, height)
        if design.resin is not None:
            _resin(layer, design, plan, texture)
        _shadow(layer, die.coverage, 0.45, 3.5)
        _haze(die, texture)
        over(layer, die)
        if damage.die_chip is not None:
            _break_die(layer, damage.die_chip, damage.seed)
    return Scene(design, plan, layer)


def _tray(design: Design, rng: np.random.Generator) -> Layer:
    """A pocket of moulded antistatic plastic with a bevelled rim."""
    width, height = design.size
    x0, y0, x1, y1 = design.carrier
    still = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    distance, gx, gy = box_distance(still, (x0 - 9, y0 - 9, x1 + 9, y1 + 9), width, height)
    coarse, fine = cut(grain(1.1), rng, width, height), cut(grain(5.0), rng, width, height)
    body = np.ones((4, height, width), np.float32)
    bright = 1 + 0.07 * coarse + 0.07 * fine
    bright -= np.clip(0.5 - distance, 0, 1) * np.float32(0.25)
    body[:3] = tinted(design.tray, bright)
    rim = np.exp(-((distance - 3.0) ** 2) / 9.0) * np.float32(0.55)
    finish = np.zeros((4, height, width), np.float32)
    finish[0] = gx * rim + 0.045 * coarse
    finish[1] = gy * rim + 0.045 * cut(grain(1.1), rng, width, height)
    finish[3] = 0.008
    return Layer(body, finish)


def _shadow(layer: Layer, cover: Floats, depth: float, reach: float) -> None:
    """Darken what lies close to something higher."""
    small = cv2.resize(cover, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), reach / 2), cover.shape[::-1], interpolation=cv2.INTER_LINEAR)
    shade = 1 - np.float32(depth) * soft
    layer.body[:3] *= shade
    layer.finish[2:] *= shade


def _roughen(layer: Layer, rng: np.random.Generator, amount: float) -> None:
    """Orange peel of solder resist and a slightly uneven colour; metal stays smoother."""
    height, width = layer.coverage.shape
    rough = (layer.coverage - 0.6 * layer.finish[2]) * np.float32(amount)
    layer.finish[0] += cut(grain(1.1), rng, width, height) * rough
    layer.finish[1] += cut(grain(1.1), rng, width, height) * rough
    layer.body[:3] *= 1 + 0.035 * cut(grain(5.0), rng, width, height)


def _haze(die: Layer, rng: np.random.Generator) -> None:
    """Faint unevenness of the polished side of a die."""
    height, width = die.coverage.shape
    cloud = 1 + 0.015 * cut(grain(5.0), rng, width, height) + 0.02 * cut(grain(1.1), rng, width, height)
    die.body[:3] *= cloud


def _resin(layer: Layer, design: Design, plan: Plan, rng: np.random.Generator) -> None:
    """The fillet of underfill around a die: widest at the die, wavy at its foot, glossy."""
    width, height = design.size
    distance, gx, gy = box_distance(plan.die, design.die, width, height)
    ring = np.array([*plan.resin, plan.resin[0]], np.float32)[None, :]
    angle = np.arctan2(gy, gx)
    place_on_ring = ((angle + np.pi) * np.float32(8 / (2 * np.pi))).astype(np.float32)
    reach = cv2.remap(ring, place_on_ring, np.zeros_like(place_on_ring), cv2.INTER_LINEAR)
    foot = design.resin_width * reach + 0.5 * cut(grain(5.0), rng, width, height)
    mask = np.clip((foot - distance) / 1.6 + 0.5, 0, 1).astype(np.float32)
    assert design.resin is not None
    coat(layer, mask * np.float32(0.94), design.resin, metal=0.0, gloss=0.07)
    away = np.clip(distance / foot, 0, 1)
    steep = (1.25 - 0.95 * away) * mask  # a meniscus: steep at the die, flat at the foot
    layer.finish[0] += gx * steep
    layer.finish[1] += gy * steep


def _break_die(layer: Layer, path: Path, seed: int) -> None:
    """A piece out of the die: conchoidal facets of fresh silicon, dark at its foot."""
    height, width = layer.coverage.shape
    rng = np.random.default_rng(seed)
    mask = region([path], width, height)
    depth = np.asarray(cv2.GaussianBlur(mask, (0, 0), 3.5), np.float32)
    facets = cv2.GaussianBlur(cut(grain(5.0, 1), rng, width, height), (0, 0), 1.0)
    dark = tinted((0.36, 0.37, 0.40), 0.35 - 0.28 * depth)
    coat(layer, mask, dark, metal=0.35, gloss=0.05)
    slope(layer, (-9.0 * depth + 2.2 * facets) * mask)


def _break_carrier(carrier: Layer, path: Path, seed: int) -> None:
    """A corner off the carrier: the tray shows, and along the break a torn band of laminate."""
    height, width = carrier.coverage.shape
    rng = np.random.default_rng(seed)
    gone = region([path], width, height)
    ragged = cut(grain(1.1, 2), rng, width, height)
    near = np.asarray(cv2.GaussianBlur(gone, (0, 0), 3.0), np.float32)
    torn = np.asarray(np.clip((near * (1 + 0.5 * ragged) - 0.10) * 6, 0, 1) * carrier.coverage, np.float32)
    coat(carrier, torn, tinted(LAMINATE, 1 + 0.3 * ragged), metal=0.0, gloss=0.01)
    keep = 1 - gone
    carrier.body *= keep
    carrier.finish *= keep


def capacitor(board: Board, x: float, y: float, *, upright: bool) -> None:
    """A ceramic capacitor of 8 by 16 pixels with tinned ends and solder fillets, centred at (x, y)."""
    w, h = (4.5, 8.0) if upright else (8.0, 4.5)
    ex, ey = (0.0, 5.6) if upright else (5.6, 0.0)
    ew, eh = (4.5, 2.6) if upright else (2.6, 4.5)
    pads = board.box(x - w - 2, y - h - 2, x + w + 2, y + h + 2, radius=2)
    board.put(pads, (0.30, 0.30, 0.28), metal=0.5, gloss=0.03, rise=1.0, soft=1.2)
    board.put(board.box(x - w, y - h, x + w, y + h, radius=0.8), (0.30, 0.20, 0.12), gloss=0.04, rise=2.2, soft=0.8)
    for sign in (-1, 1):
        cx, cy = x + sign * ex, y + sign * ey
        board.put(board.box(cx - ew, cy - eh, cx + ew, cy + eh, radius=1), TIN, metal=0.85, rise=0.5, soft=0.8)


def balls(board: Board, centres: list[tuple[float, float]], radius: float) -> None:
    """Solder balls: true spheres, so that each mirrors the lamps as a ball does."""
    board.put(board.discs(centres, radius + 1.6), (0.05, 0.05, 0.05), gloss=0.01)
    reach = int(np.ceil((radius + 1) * SCALE))
    for x, y in centres:
        px, py = (x + 0.5) * SCALE - 0.5, (y + 0.5) * SCALE - 0.5
        left, top = round(px) - reach, round(py) - reach
        ys, xs = np.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1].astype(np.float32)
        away = (xs - px) ** 2 + (ys - py) ** 2
        high = np.sqrt(np.maximum((radius * SCALE) ** 2 - away, 0)) * np.float32(0.9)
        board.relief[top : top + 2 * reach + 1, left : left + 2 * reach + 1] += high
    board.put(board.discs(centres, radius), TIN, metal=0.92, gloss=0.02)
