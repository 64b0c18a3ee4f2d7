"""The defects of chips: what each class does to a scene, at a random place, so that a person would see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.chip import Damage, Path, Scene
from core.samples.light import Floats
from core.samples.surface import Colour, coat, cut, grain, region, slope, stroke, tinted
from core.samples.wire_chip import SIDE, draw_wires

_DARK_GROUND: Final = 105.0  # mean grey level below which a mark must be light to be seen

Mark = Callable[[Scene], None]


@dataclass(frozen=True)
class Flaw:
    """One defect: what is missing from the assembly, which wires stay, and what lies on top."""

    damage: Damage = field(default_factory=Damage)
    keep: NDArray[np.bool_] | None = None
    mark: Mark | None = None


def flaw(code: str, scene: Scene, picture: Floats, rng: np.random.Generator) -> Flaw:
    """A defect of class `code` for the good `scene`, whose grey levels are `picture` (3, H, W)."""
    if code == "no_die":
        return Flaw(Damage(no_die=True))
    if code == "no_wires":
        return Flaw(keep=_missing_wires(rng))
    if code == "broken":
        return Flaw(_broken(scene, rng))
    if code == "crack":
        return Flaw(mark=_crack(scene, rng))
    if code == "wire_residue":
        return Flaw(mark=_wire_residue(scene, rng))
    return Flaw(mark=(_pollution if code == "pollution" else _foreign)(scene, picture, rng))


def _missing_wires(rng: np.random.Generator) -> NDArray[np.bool_]:
    """All wires, or those of one to three sides."""
    keep = np.ones((4, SIDE), np.bool_)
    sides = rng.permutation(4)[: rng.integers(1, 5)]
    keep[sides] = False
    return keep.reshape(-1)


def _broken(scene: Scene, rng: np.random.Generator) -> Damage:
    """A corner off the die or off the carrier."""
    right, low = int(rng.integers(2)), int(rng.integers(2))
    seed = int(rng.integers(2**31))
    if rng.random() < 0.6:
        a, b = rng.uniform(0.20, 0.40, 2)
        return Damage(die_chip=_corner(scene.on_die, right, low, a, b, 0.008, rng), seed=seed)
    a, b = rng.uniform(0.13, 0.26, 2)
    return Damage(carrier_chip=_corner(scene.on_carrier, right, low, a, b, 0.08, rng), seed=seed)


def _corner(
    on: Callable[[float, float], NDArray[np.float64]],
    right: int,
    low: int,
    a: float,
    b: float,
    beyond: float,
    rng: np.random.Generator,
) -> Path:
    """A polygon that takes `a` of the width and `b` of the height off a corner, along a ragged, hollow line."""
    steps = np.linspace(0, 1, 9)
    bow = rng.uniform(-0.10, 0.22)
    rough = rng.normal(0, 0.035, 9)
    points = []
    for t, wobble in zip(steps, rough, strict=True):
        pull = 1 - bow * 4 * t * (1 - t) + wobble
        points.append((a * (1 - t) * pull - beyond * t, b * t * pull - beyond * (1 - t)))
    points[0], points[-1] = (a, -beyond), (-beyond, b)
    points.append((-beyond, -beyond))
    return np.array([on(1 - u if right else u, 1 - v if low else v) for u, v in points])


def _ground(picture: Floats, at: NDArray[np.float64], reach: int = 14) -> float:
    """Mean grey level around a place."""
    x, y = (int(value) for value in at)
    return float(picture[:, max(0, y - reach) : y + reach, max(0, x - reach) : x + reach].mean())


def _pollution(scene: Scene, picture: Floats, rng: np.random.Generator) -> Mark:
    """A dried stain: flux, white residue or grease, with the darker rim that drying leaves."""
    at = scene.on_carrier(float(rng.uniform(0.14, 0.86)), float(rng.uniform(0.14, 0.86)))
    light = _ground(picture, at) < _DARK_GROUND
    tints: tuple[tuple[Colour, float], ...] = (
        (((0.52, 0.50, 0.45), 0.02), ((0.55, 0.40, 0.17), 0.05), ((0.42, 0.44, 0.47), 0.015))
        if light
        else (((0.055, 0.030, 0.012), 0.03), ((0.020, 0.020, 0.020), 0.02), ((0.12, 0.065, 0.015), 0.04))
    )
    colour, gloss = tints[int(rng.integers(3))]
    size, stretch, turn = rng.uniform(18, 32), rng.uniform(0.65, 1.0), rng.uniform(0, np.pi)
    thick = rng.uniform(0.72, 0.92)

    def mark(scene: Scene) -> None:
        height, width = scene.layer.coverage.shape
        x = np.arange(width, dtype=np.float32)[None, :] - np.float32(at[0])
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(at[1])
        along = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
        across = (y * np.float32(np.cos(turn)) - x * np.float32(np.sin(turn))) / np.float32(stretch)
        wave, fine = cut(grain(9.0), rng, width, height), cut(grain(1.1), rng, width, height)
        edge = np.float32(size) * (1 + 0.26 * wave + 0.015 * fine) - np.sqrt(along * along + across * across)
        mask = np.clip(edge / 3.0 + 0.5, 0, 1)
        rim = np.exp(-((edge - 2.0) ** 2) / 7.0)
        cover = mask * np.clip(np.float32(thick) * (0.80 + 0.12 * wave + 0.03 * fine) + 0.2 * rim, 0, 0.97)
        shade = tinted(colour, 1 - 0.35 * rim + 0.06 * fine)
        coat(scene.layer, cover, shade, metal=0.0, gloss=gloss, flatten=0.7)
        slope(scene.layer, np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.2), np.float32) * (1.0 + 0.10 * wave))

    return mark


def _crack(scene: Scene, rng: np.random.Generator) -> Mark:
    """A jagged crack through the die, from edge to edge or into it, with a branch and a lip that catches the light."""
    start = [float(rng.integers(2)), float(rng.uniform(0.15, 0.85))]
    stop = [1 - start[0] if rng.random() < 0.5 else float(rng.uniform(0.4, 0.6)), float(rng.uniform(0.1, 0.9))]
    if rng.random() < 0.5:
        start, stop = start[::-1], stop[::-1]
    trunk = _jagged(np.array(start), np.array(stop), rng)
    paths = [trunk]
    if rng.random() < 0.7:
        fork = trunk[int(rng.integers(4, 9))]
        paths.append(_jagged(fork, np.clip(fork + rng.uniform(-0.35, 0.35, 2), 0.02, 0.98), rng))
    lines = [np.array([scene.on_die(u, v) for u, v in path]) for path in paths]
    thick = float(rng.uniform(2.6, 3.6))

    def mark(scene: Scene) -> None:
        height, width = scene.layer.coverage.shape
        lip = stroke([line + np.array([1.3, 1.0]) for line in lines], thick, width, height)
        coat(scene.layer, lip * np.float32(0.8), (0.60, 0.61, 0.62), metal=0.2, gloss=0.02)
        gap = stroke(lines, thick, width, height)
        coat(scene.layer, gap, (0.006, 0.006, 0.006), metal=0.0, gloss=0.0)

    return mark


def _jagged(start: NDArray[np.float64], stop: NDArray[np.float64], rng: np.random.Generator) -> Path:
    steps = np.linspace(0, 1, 13)[:, None]
    swing = np.cumsum(rng.normal(0, 0.022, (13, 2)), axis=0)
    swing -= steps * swing[-1]
    swing[0] = swing[-1] = 0
    return np.asarray(np.clip(start + (stop - start) * steps + swing, 0, 1))


def _curl(at: NDArray[np.float64], length: float, bend: float, rng: np.random.Generator) -> Path:
    """A curve of given length in pixels whose direction drifts."""
    count = 24
    turns = np.cumsum(rng.normal(0, bend, count)) + np.linspace(0, rng.uniform(-2.4, 2.4), count)
    angle = rng.uniform(0, 2 * np.pi) + turns
    path = np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1) * (length / count), axis=0)
    return np.asarray(path - path.mean(axis=0) + at)


def _foreign(scene: Scene, picture: Floats, rng: np.random.Generator) -> Mark:
    """Something that does not belong there: a fibre, a crumb of plastic or a metal flake, with its shadow."""
    at = scene.on_carrier(float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.25, 0.75)))
    light = _ground(picture, at) < _DARK_GROUND
    if rng.random() < 0.5:
        path = _curl(at, rng.uniform(75, 140), 0.12, rng)
        tints: tuple[Colour, ...] = (
            ((0.70, 0.69, 0.66), (0.66, 0.20, 0.14)) if light else ((0.03, 0.05, 0.20), (0.02, 0.02, 0.02))
        )
        return _fibre(path, tints[int(rng.integers(2))], float(rng.uniform(2.6, 3.6)))
    bright: tuple[tuple[Colour, float], ...] = (((0.75, 0.75, 0.74), 0.75), ((0.55, 0.42, 0.20), 0.0))
    dark: tuple[tuple[Colour, float], ...] = (((0.03, 0.025, 0.02), 0.0), ((0.24, 0.08, 0.03), 0.0))
    colour, metal = (bright if light else dark)[int(rng.integers(2))]
    return _crumb(at, float(rng.uniform(9, 15)), colour, metal, rng)


def _fibre(path: Path, colour: Colour, thick: float) -> Mark:
    def mark(scene: Scene) -> None:
        height, width = scene.layer.coverage.shape
        body = stroke([path], thick, width, height)
        _cast(scene, body, 3)
        coat(scene.layer, body, colour, metal=0.0, gloss=0.05)
        slope(scene.layer, np.asarray(cv2.GaussianBlur(body, (0, 0), 1.0), np.float32) * np.float32(1.5))

    return mark


def _crumb(at: NDArray[np.float64], size: float, colour: Colour, metal: float, rng: np.random.Generator) -> Mark:
    angle = np.linspace(0, 2 * np.pi, 11, endpoint=False) + rng.uniform(-0.2, 0.2, 11)
    radius = size * rng.uniform(0.62, 1.15, 11)
    outline = at + np.stack([np.cos(angle), np.sin(angle) * rng.uniform(0.6, 1.0)], axis=1) * radius[:, None]

    def mark(scene: Scene) -> None:
        height, width = scene.layer.coverage.shape
        body = region([outline], width, height)
        rough = cut(grain(2.2), rng, width, height)
        _cast(scene, body, 4)
        coat(scene.layer, body, tinted(colour, 1 + 0.12 * rough), metal=metal, gloss=0.04)
        dome = np.asarray(cv2.GaussianBlur(body, (0, 0), 2.4), np.float32)
        slope(scene.layer, body * (dome * 3.4 + 0.35 * rough))

    return mark


def _cast(scene: Scene, body: Floats, far: int) -> None:
    """The shadow of something that lies on top, to the lower right."""
    shadow = cv2.GaussianBlur(np.roll(body, (far, far - 1), (0, 1)), (0, 0), 1.8)
    left = 1 - 0.5 * shadow
    scene.layer.body[:3] *= left
    scene.layer.finish[2:] *= left


def _wire_residue(scene: Scene, rng: np.random.Generator) -> Mark:
    """A stray piece of bond wire that lies across die, pad or fingers."""
    at = scene.on_carrier(float(rng.uniform(0.22, 0.78)), float(rng.uniform(0.22, 0.78)))
    path = _curl(at, rng.uniform(90, 150), 0.28, rng)
    thick = float(rng.uniform(3.4, 4.2))
    bonded = bool(rng.random() < 0.5)

    def mark(scene: Scene) -> None:
        draw_wires(scene.layer, [path], bonds=bonded, thick=thick)

    return mark
