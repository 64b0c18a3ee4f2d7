"""A strip of five blow-fill-seal vials before a lit screen: translucent plastic, moving liquid level, bubbles.

Drawn as transmission of the screen's light, `(H, W) float32`, with a colour for plastic and one for liquid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.light import Bytes, Floats
from core.samples.names import SIZES
from core.samples.surface import Matrix, cut, grain, pose
from core.words import Box

COUNT: Final = 5
CELL_WIDTH: Final = 160
CELL_HEIGHT: Final = 440
TOP: Final = 20

CELLS: Final[tuple[Box, ...]] = tuple(
    (CELL_WIDTH * n, TOP, CELL_WIDTH * (n + 1), TOP + CELL_HEIGHT) for n in range(COUNT)
)
"""The boxes of the five vials in the picture; a strip moves by two pixels at most, so each box holds its vial."""

BODY: Final = (150.0, 376.0)  # rows of the cell between shoulder and bottom
_HALF: Final = 55.0
_MIDDLE: Final = CELL_WIDTH / 2


@dataclass(frozen=True)
class Bubble:
    x: float
    y: float
    radius: float
    strength: float


@dataclass(frozen=True)
class Vial:
    """One vial of a strip: where it stands, its liquid and its bubbles, in pixels of its cell."""

    shift: float
    level: float
    tilt: float
    lens: float  # half height of the ellipse that the surface shows
    clear: float  # transmission of the plastic
    bubbles: tuple[Bubble, ...]


@dataclass(frozen=True)
class Strip:
    """One part: five vials, the pose of the strip and its piece of texture."""

    vials: tuple[Vial, ...]
    matrix: Matrix
    texture: int


def plan_strip(rng: np.random.Generator) -> Strip:
    """Draw what is peculiar to one strip."""
    width, height = SIZES["vial_strip"]
    swing = float(rng.normal(0, 0.02))
    base = float(rng.uniform(196, 226))
    vials = tuple(_plan_vial(rng, base, swing) for _ in range(COUNT))
    shift = (float(np.clip(rng.normal(0, 0.9), -2, 2)), float(np.clip(rng.normal(0, 0.9), -2, 2)))
    matrix = pose((width / 2, height / 2), shift=shift, degrees=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)))
    return Strip(vials, matrix, int(rng.integers(2**31)))


def _plan_vial(rng: np.random.Generator, base: float, swing: float) -> Vial:
    level = float(np.clip(base + rng.normal(0, 7), 182, 240))
    bubbles = []
    for _ in range(int(rng.integers(3, 12))):
        low = rng.random() < 0.3
        y = level + (rng.uniform(12, 120) if low else rng.uniform(3, 14))
        x = _MIDDLE + rng.uniform(-0.86, 0.86) * (_HALF - 8)
        bubbles.append(Bubble(float(x), float(y), float(rng.uniform(1.8, 5.0)), float(rng.uniform(0.5, 1.0))))
    return Vial(
        shift=float(np.clip(rng.normal(0, 0.5), -1, 1)),
        level=level,
        tilt=swing + float(rng.normal(0, 0.01)),
        lens=float(rng.uniform(2.5, 5.5)),
        clear=float(rng.uniform(0.97, 1.03)),
        bubbles=tuple(bubbles),
    )


@lru_cache(maxsize=1)
def half_width() -> Floats:
    """Half the width of the vial in each row of its cell, `(440,) float32`; 0 above and below the vial itself."""
    rows = [8, 20, 86, 98, 104, 108, 113, 120, 130, 142, 156, 170, 360, 370, 377, 381]
    half = [31, 34, 34, 31, 15, 11, 12, 17, 29, 42, 51, _HALF, _HALF, 52, 46, 40]
    fine = np.interp(np.arange(CELL_HEIGHT * 4) / 4, rows, half, left=0, right=0).astype(np.float32)
    smooth = cv2.GaussianBlur(fine[None, :], (0, 0), 9.0)[0]
    keep = (np.arange(CELL_HEIGHT * 4) / 4 >= 8) & (np.arange(CELL_HEIGHT * 4) / 4 <= 381)
    return np.asarray((smooth * keep)[2::4], np.float32)


@lru_cache(maxsize=1)
def _tab_text() -> Floats:
    """The embossed lot text on the lower flange as relief, `(440, 160)`."""
    mask: Bytes = np.zeros((CELL_HEIGHT * 2, CELL_WIDTH * 2), np.uint8)
    cv2.putText(mask, "LOT 2407", (72, 822), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 255, 3, cv2.LINE_AA)
    cv2.putText(mask, "0.4 ml", (112, 112), cv2.FONT_HERSHEY_SIMPLEX, 0.95, 255, 3, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 2.0)
    small = cv2.resize(soft, (CELL_WIDTH, CELL_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3) + cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3))


def _step(value: NDArray[np.floating], soft: float) -> Floats:
    """0 below zero, 1 above, over about `soft` pixels."""
    t = np.clip(value / np.float32(soft) + np.float32(0.5), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _bell(value: NDArray[np.floating], wide: float) -> Floats:
    return np.asarray(np.exp(-((value / np.float32(wide)) ** 2)), np.float32)


@lru_cache(maxsize=1)
def _rows() -> Floats:
    return np.arange(CELL_HEIGHT, dtype=np.float32)[:, None]


@lru_cache(maxsize=1)
def _flange() -> Floats:
    """Transmission of what is alike in every cell around the vial: web, flange, perforation, `(440, 160)`."""
    y = _rows()
    x = np.arange(CELL_WIDTH, dtype=np.float32)[None, :]
    web = _step(y - 132, 1.5) * _step(426 - y, 1.5)
    light = np.ones((CELL_HEIGHT, CELL_WIDTH), np.float32) - np.float32(0.13) * web
    edge = np.minimum(x, CELL_WIDTH - 1 - x)
    light -= 0.20 * web * _bell(edge, 1.6) * (0.6 + 0.4 * (np.sin(y * 0.7) > -0.2))
    light -= 0.25 * (_bell(y - 132, 1.4) + _bell(y - 426, 1.6))
    light += 0.05 * web * _bell(y - 136, 2.0)
    flange = _step(y - 384, 2.0) * _step(422 - y, 2.0) * _step(x - 16, 2.0) * _step(144 - x, 2.0)
    light -= 0.10 * flange
    rim = cv2.Sobel(np.asarray(flange, np.float32), cv2.CV_32F, 0, 1) + cv2.Sobel(
        np.asarray(flange, np.float32), cv2.CV_32F, 1, 0
    )
    light += 0.05 * rim
    return np.asarray(light + 0.10 * _tab_text(), np.float32)


@dataclass(frozen=True)
class _Fixed:
    """What is alike in every vial, `(440, 160)`: light = base + gain * (what air, liquid and surface let pass)."""

    base: Floats
    gain: Floats
    inside: Floats
    mottled: Floats  # how much of the uneven plastic is in the way
    air: Floats
    water: Floats
    u: Floats  # distance from the axis, 1 at the outer wall
    x: Floats  # the same in pixels, signed, (1, 160)


@lru_cache(maxsize=1)
def _fixed() -> _Fixed:
    y = _rows()
    x = np.arange(CELL_WIDTH, dtype=np.float32)[None, :] - np.float32(_MIDDLE)
    half = half_width()[:, None]
    inside = np.asarray(cv2.GaussianBlur(_step(half - np.abs(x), 1.6) * (half > 4), (0, 0), 0.8), np.float32)
    u = np.asarray(np.clip(np.abs(x) / np.maximum(half, 1), 0, 1), np.float32)
    body = _step(y - (BODY[0] - 26), 14.0) * _step(BODY[1] + 2 - y, 5.0)
    # Plastic: longer ways through the wall at the sides, a light pipe at the very rim.
    wall = 0.90 - 0.10 * u**2 - 0.34 * _bell(u - 0.955, 0.035) - 0.12 * _bell(u - 1.0, 0.03)
    wall = wall + 0.10 * _bell(u - 0.985, 0.012)
    # Air inside: total reflection gives broad dark sides; liquid: a lens, so bright with narrow dark sides.
    air = 1 - 0.10 * u**2 - 0.52 * _bell(u - 0.86, 0.085)
    water = 1.06 - 0.06 * u**4 - 0.62 * _bell(u - 0.915, 0.042) - 0.10 * _step(u - 0.55, 0.5)
    # The floor of the cavity and the shoulder bend light away.
    bends = 0.36 * _bell(y - (BODY[1] - 6 - 5 * u**2), 3.0) + 0.16 * _bell(y - 160 + 4 * u**2, 3.5)
    cavity = body * _step(np.float32(0.96) - u, 0.04)
    neck = 0.12 * _bell(y - 112, 1.8) * (np.abs(x) < 14) - 0.30 * _bell(y - 107, 2.6) * (np.abs(x) < 30)
    light = wall * (1 - cavity) + neck + 0.045 * _bell((x + 28) / 5, 1.0) * body + 0.10 * _tab_text()
    around = _flange()
    clear = (1 - inside) * (around > 0.97)
    return _Fixed(
        base=np.asarray(around * (1 - inside) + light * inside, np.float32),
        gain=np.asarray(wall * cavity * inside, np.float32),
        inside=np.asarray(inside, np.float32),
        mottled=np.asarray(0.022 * (1 - clear), np.float32),
        air=np.asarray(air - bends, np.float32),
        water=np.asarray(water - bends, np.float32),
        u=u,
        x=x,
    )


def _surface(vial: Vial, fixed: _Fixed, rows: slice) -> tuple[Floats, Floats]:
    """What the rows around the liquid's surface let pass, and where liquid is: an ellipse that climbs at the wall."""
    y, u = _rows()[rows], fixed.u[rows]
    climb = np.float32(vial.level) - 6.0 * np.clip(u, 0, 0.95) ** 7 + np.float32(vial.tilt) * fixed.x
    bow = np.float32(vial.lens) * np.sqrt(np.maximum(1 - (u / 0.93) ** 2, 0))
    front, back = y - (climb + bow), y - (climb - bow)
    liquid = _step(front, 1.6)
    passed = fixed.air[rows] + (fixed.water[rows] - fixed.air[rows]) * liquid
    passed *= 1 - 0.34 * _step(back, 1.6) * (1 - liquid)
    passed -= (0.50 * _bell(front + 1.0, 1.5) + 0.30 * _bell(back, 1.2)) * (u < 0.94)
    passed += 0.16 * _bell(front - 3.0, 1.6)
    return np.maximum(passed, np.float32(0.16)), liquid


def draw_vial(vial: Vial, mottle: Floats) -> tuple[Floats, Floats]:
    """Transmission and share of liquid of one cell, each `(440, 160) float32`."""
    fixed = _fixed()
    top, low = int(vial.level) - 24, int(vial.level) + 24
    passed = fixed.air.copy()
    passed[low:] = fixed.water[low:]
    wet = np.zeros_like(passed)
    wet[low:] = 1
    passed[top:low], wet[top:low] = _surface(vial, fixed, slice(top, low))
    light = fixed.base + fixed.gain * passed
    for bubble in vial.bubbles:
        _add_bubble(light, bubble)
    light *= 1 + np.float32(vial.clear - 1) * fixed.inside
    aside = np.array([[1.0, 0.0, vial.shift], [0.0, 1.0, 0.0]])
    size = (CELL_WIDTH, CELL_HEIGHT)
    light = cv2.warpAffine(light, aside, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light *= 1 + fixed.mottled * mottle
    return np.asarray(light, np.float32), np.asarray(wet * (fixed.gain > 0), np.float32)


def _add_bubble(light: Floats, bubble: Bubble) -> None:
    """A small lens of air: a soft dark ring with a bright middle, in place."""
    reach = int(bubble.radius + 4)
    cx, cy = bubble.x, bubble.y
    left, top = int(cx) - reach, int(cy) - reach
    view = light[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    y = np.arange(top, top + view.shape[0], dtype=np.float32)[:, None] - np.float32(cy)
    x = np.arange(left, left + view.shape[1], dtype=np.float32)[None, :] - np.float32(cx)
    away = np.sqrt(x * x + y * y)
    ring = _bell(away - bubble.radius * 0.85, 1.1 + bubble.radius * 0.10)
    shine = _bell(np.sqrt((x + 0.2 * bubble.radius) ** 2 + (y + 0.2 * bubble.radius) ** 2), bubble.radius * 0.45)
    view *= 1 + np.float32(bubble.strength) * (0.12 * shine - 0.24 * ring)


def backdrop(rng: np.random.Generator) -> Floats:
    """The lit screen, slightly uneven, `(480, 800)`."""
    width, height = SIZES["vial_strip"]
    return np.asarray(0.86 * (1 + 0.003 * cut(grain(9.0), rng, width, height)), np.float32)


def draw_strip(strip: Strip) -> tuple[Floats, Floats]:
    """Transmission and share of liquid of the whole picture before its pose, each `(480, 800) float32`."""
    width, height = SIZES["vial_strip"]
    rng = np.random.default_rng(strip.texture)
    light = backdrop(rng)
    liquid = np.zeros((height, width), np.float32)
    mottle = cut(grain(2.2), rng, width, height) * np.float32(0.5) + cut(grain(9.0), rng, width, height)
    for vial, (x0, y0, x1, y1) in zip(strip.vials, CELLS, strict=True):
        cell, wet = draw_vial(vial, mottle[y0:y1, x0:x1])
        light[y0:y1, x0:x1] *= cell
        liquid[y0:y1, x0:x1] = wet
    return light, liquid


_PLASTIC: Final = (0.99, 1.0, 0.985)
_LIQUID: Final = (0.955, 0.995, 1.0)


def colour(light: Floats, liquid: Floats, matrix: Matrix) -> Floats:
    """Linear RGB `(3, 480, 800)` of the strip in its pose."""
    height, width = light.shape
    border = cv2.BORDER_REPLICATE
    turned = cv2.warpAffine(light, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    wet = cv2.warpAffine(liquid, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    result = np.empty((3, height, width), np.float32)
    for plane, plastic, fluid in zip(result, _PLASTIC, _LIQUID, strict=True):
        np.multiply(turned, np.float32(plastic) + np.float32(fluid - plastic) * wet, out=plane)
    return result


def region_of_interest() -> NDArray[np.uint8]:
    """1 over the filled bodies from shoulder to bottom, `(480, 800)`."""
    width, height = SIZES["vial_strip"]
    mask = np.zeros((height, width), np.uint8)
    half = half_width()
    for x0, y0, _, _ in CELLS:
        for row in range(int(BODY[0]) - 18, int(BODY[1]) + 6):
            reach = int(half[row]) + 3
            mask[y0 + row, x0 + int(_MIDDLE) - reach : x0 + int(_MIDDLE) + reach + 1] = 1
    return mask
