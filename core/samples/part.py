"""One sample part, drawn: picture, mask, region of interest, cells, lot and part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from core.errors import InputError
from core.samples import vial
from core.samples.chip import Design, Plan, Scene, assemble, plan_part
from core.samples.defects import Flaw, flaw
from core.samples.flip_chip import FLIP_CHIP_A, FLIP_CHIP_B
from core.samples.light import LOT_SIZE, Bytes, Floats, Light, develop, expose, light_of, sensor_noise, stream, tone
from core.samples.names import CLASSES, SIZES, Kind, check
from core.samples.surface import shade
from core.samples.vial_defects import blemish
from core.samples.wire_chip import WIRE_CHIP, assemble_wired
from core.words import Box

MODEL_SIDE: Final = 128
MIN_AREA: Final = 14.0
"""Smallest defect, in pixels of a picture or cell fitted to 128 x 128."""

_VISIBLE: Final = 12.0  # grey levels out of 255: a change that a person sees
_TRACE: Final = 5.0  # grey levels: a change that still belongs to a visible one beside it
_CLEAR: Final = 30.0  # mean change over the mask that a person sees at once
_TRIES: Final = 8
_DESIGNS: Final[dict[Kind, Design]] = {design.kind: design for design in (FLIP_CHIP_A, FLIP_CHIP_B, WIRE_CHIP)}


@dataclass(frozen=True)
class SamplePart:
    """A drawn part: `image` (H, W, 3) uint8 RGB, `mask` (H, W) uint8 class numbers, `roi` (H, W) uint8 0/1.

    `cells` are boxes (x0, y0, x1, y1) in image pixels, one a vial, empty for chips; `lot` and `part` are names like
    L03 and P0123; `name` joins them and is what the file is called.
    """

    kind: Kind
    image: Bytes
    mask: Bytes
    roi: Bytes
    cells: tuple[Box, ...]
    lot: str
    part: str
    defect: str | None

    @property
    def name(self) -> str:
        return f"{self.lot}_{self.part}"


def draw(kind: str, *, seed: int, index: int, defect: str | None = None) -> SamplePart:
    """Part `index` of `kind`, good or with one defect of class `defect`.

    The same arguments give the same bytes, in any order of calls. Outside the mask a defective part equals the good
    part of the same seed and index. Raises `InputError` for an unknown kind or class and for a negative index.
    """
    known = check(kind, defect)
    if index < 0:
        raise InputError(f"a part cannot have the number {index}", mend="Count from 0")
    light = light_of(known, seed=seed, index=index)
    width, height = SIZES[known]
    noise = sensor_noise(stream(known, seed, 4, index), light, width, height)
    scene = (
        _StripScene(seed=seed, index=index)
        if known == "vial_strip"
        else _ChipScene(known, light, seed=seed, index=index)
    )
    root = expose(scene.good(), light)
    mask = np.zeros((height, width), np.uint8)
    if defect is not None:
        root, mask = _spoil(scene, known, light, root, defect, stream(known, seed, 5, index))
    return SamplePart(
        kind=known,
        image=develop(root, noise),
        mask=mask,
        roi=roi(known).copy(),
        cells=cells(known),
        lot=f"L{index // LOT_SIZE + 1:02d}",
        part=f"P{index + 1:04d}",
        defect=defect,
    )


def cells(kind: Kind) -> tuple[Box, ...]:
    """The boxes of the parts of a strip in every picture of a kind; none for a chip."""
    return vial.CELLS if kind == "vial_strip" else ()


@lru_cache(maxsize=4)
def roi(kind: Kind) -> Bytes:
    """The region of interest of every picture of a kind, `(H, W) uint8` 0/1; shared, do not write into it."""
    if kind == "vial_strip":
        return vial.region_of_interest()
    width, height = SIZES[kind]
    x0, y0, x1, y1 = (round(value) for value in _DESIGNS[kind].carrier)
    mask = np.zeros((height, width), np.uint8)
    mask[y0 - 8 : y1 + 9, x0 - 8 : x1 + 9] = 1
    return mask


class _ChipScene:
    """A chip, drawable without and with a defect."""

    def __init__(self, kind: Kind, light: Light, *, seed: int, index: int) -> None:
        self._light = light
        self._design = _DESIGNS[kind]
        self._plan: Plan = plan_part(self._design, stream(kind, seed, 3, index))
        self._scene = self._assembled(Flaw())

    def good(self) -> Floats:
        return shade(self._scene.layer, self._light)

    def spoiled(self, defect: str, grey: Floats, rng: np.random.Generator) -> Floats:
        one = flaw(defect, self._scene, grey, rng)
        scene = self._assembled(one) if one.mark is None else Scene(self._design, self._plan, self._scene.layer.copy())
        if one.mark is not None:
            one.mark(scene)
        return shade(scene.layer, self._light)

    def _assembled(self, one: Flaw) -> Scene:
        if self._design is WIRE_CHIP:
            return assemble_wired(self._plan, one.damage, keep=one.keep)
        return assemble(self._design, self._plan, one.damage)


class _StripScene:
    """A strip of vials, drawable without and with a defect."""

    def __init__(self, *, seed: int, index: int) -> None:
        self._strip = vial.plan_strip(stream("vial_strip", seed, 3, index))
        self._light, self._liquid = vial.draw_strip(self._strip)

    def good(self) -> Floats:
        return vial.colour(self._light, self._liquid, self._strip.matrix)

    def spoiled(self, defect: str, _grey: Floats, rng: np.random.Generator) -> Floats:
        spoiled = blemish(defect, self._strip, self._light, rng)
        return vial.colour(spoiled, self._liquid, self._strip.matrix)


def _spoil(
    scene: _ChipScene | _StripScene, kind: Kind, light: Light, root: Floats, defect: str, rng: np.random.Generator
) -> tuple[Floats, Bytes]:
    """Draw the defect until it can be seen at the side of a small model; returns the picture's root and its mask.

    Only visible pixels are taken over from the spoiled drawing, so mask and change agree to the pixel.
    """
    grey = tone(root)
    best: tuple[float, Floats, Bytes] | None = None
    for _ in range(_TRIES):
        spoiled = expose(scene.spoiled(defect, grey, rng), light)
        change = np.abs(tone(spoiled) - grey).max(axis=0)
        mask = _visible(change) & roi(kind)
        area = float(mask.sum()) * _shrink(kind)
        clear = float(change[mask > 0].mean()) if area else 0.0
        quality = min(1.0, area / MIN_AREA) * min(1.0, clear / _CLEAR)
        if best is None or quality > best[0]:
            best = (quality, spoiled, mask)
        if quality >= 1.0:
            break
    assert best is not None
    _, spoiled, mask = best
    return np.where(mask > 0, spoiled, root), mask * np.uint8(CLASSES[defect].id)


def _shrink(kind: Kind) -> float:
    """How many pixels of a 128 x 128 model input one picture pixel makes."""
    width, height = (vial.CELL_WIDTH, vial.CELL_HEIGHT) if kind == "vial_strip" else SIZES[kind]
    return MODEL_SIDE * MODEL_SIDE / (width * height)


def _visible(change: Floats) -> Bytes:
    """Pixels that changed visibly and the fainter ones that hang on to them; pinholes closed, single specks dropped."""
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx((change > _TRACE).astype(np.uint8), cv2.MORPH_CLOSE, ball)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    seen = np.bincount(labels[change > _VISIBLE], minlength=count)
    keep = ((seen >= 8) & (stats[:, cv2.CC_STAT_AREA] >= 12)).astype(np.uint8)
    keep[0] = 0
    return np.asarray(keep[labels], np.uint8)
