"""That GRD-Net learns where to look: defects outside the region are called none any more, those inside still are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import preset, with_overrides
from core.inference.loading import to_input
from core.inference.predictor import Predictor
from core.models import build
from core.samples import draw
from core.synthesis import DefectSynthesiser, TextureSource
from core.training.averaging import reestimate_norms
from core.training.data import Place, Samples
from core.training.devices import Device
from core.training.stepper import Stepper
from tests.tiny import kept_settings

SIDE: Final = 64
STEPS: Final = 300
VIAL: Final = (160, 320)  # rows of a cell: a square round the liquid's surface
MENISCUS: Final = (172, 258)  # wherever the surface may stand
APART: Final = 10  # rows between the region and what counts as outside
EACH: Final = 14  # defects inside, and as many outside
KINDS: Final = ("particle", "scratch", "black_spot")

Pixels = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    with kept_settings():
        yield


@dataclass(frozen=True)
class Vials:
    """Pictures (N, 64, 64, 3) of single vials: to learn from, good ones to set a threshold by, defective ones."""

    good: Pixels
    tuning: Pixels
    inside: Pixels
    outside: Pixels


def vials_of(index: int, defect: str | None = None) -> Iterator[tuple[Pixels, tuple[int, int] | None]]:
    """The five vials of a strip, and the first and last row of the cell that is defective."""
    strip = draw("vial_strip", seed=11, index=index, defect=defect)
    for x0, y0, x1, y1 in strip.cells:
        picture = strip.image[y0 + VIAL[0] : y0 + VIAL[1], x0:x1]
        rows = np.flatnonzero(strip.mask[y0:y1, x0:x1].any(axis=1))
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        yield small, ((int(rows[0]), int(rows[-1])) if rows.size else None)


def drawn() -> Vials:
    """Vials of 20 good strips, and as many defective ones as it takes."""
    good = [picture for index in range(20) for picture, _ in vials_of(index)]
    tuning = [picture for index in range(20, 28) for picture, _ in vials_of(index)]
    inside: list[Pixels] = []
    outside: list[Pixels] = []
    index = 200
    while min(len(inside), len(outside)) < EACH:
        for picture, rows in vials_of(index, KINDS[index % 3]):
            if rows is None:
                continue
            if MENISCUS[0] <= rows[0] and rows[1] < MENISCUS[1]:
                inside.append(picture)
            elif MENISCUS[1] + APART <= rows[0] < VIAL[1] - APART:
                outside.append(picture)
        index += 1
    return Vials(*(np.stack(some) for some in (good, tuning, inside[:EACH], outside[:EACH])))


def trained(good: Pixels, region: Pixels | None) -> Callable[[Pixels], NDArray[np.float32]]:
    """Scores of images by a GRD-Net that has seen `good`; judgement's own region is not used."""
    settings = ["train.lr=1e-3", "augment.rotate_p=0", "simulate.strokes=0.3", "simulate.least_change=0.04"]
    config = with_overrides(preset("grdnet", "micro"), settings)
    torch.manual_seed(0)
    recipe = build(config)
    textures = TextureSource(config.simulate.textures, SIDE, own=list(good))
    synthesiser = DefectSynthesiser(config.simulate, config.augment, SIDE, textures)
    samples = Samples(good, synthesiser, batch=8, seed=0, drop_last=True, regions=region)
    stepper, place = Stepper(recipe, Device()), Place()
    recipe.model.train()
    for step in range(STEPS):
        stepper.step(samples.make(place, samples.order(place.epoch)), 1.0 if step < 0.75 * STEPS else 0.2)
        place = samples.next_place(place)
    reestimate_norms(recipe.model, map(recipe.given, samples.norm_batches(20)))
    once = config.progressive.model_copy(update={"n": 1})
    predictor = Predictor(recipe.model, progressive=once, score=config.score, size=SIDE)
    return lambda images: np.asarray(predictor.predict(to_input(images)).score)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_region_that_was_learnt_needs_no_mask_when_judging() -> None:
    """GRD-Net's promise on drawn vials, region round the meniscus: alarms from outside fall by four fifths."""
    vials = drawn()
    region = np.zeros((len(vials.good), SIDE, SIDE), np.uint8)
    first, last = ((row - VIAL[0]) * SIDE // (VIAL[1] - VIAL[0]) for row in MENISCUS)
    region[:, first:last] = 1

    def escapes_and_alarms(where: Pixels | None) -> tuple[int, int]:
        score = trained(vials.good, where)
        threshold = score(vials.tuning).max()
        return int((score(vials.inside) <= threshold).sum()), int((score(vials.outside) > threshold).sum())

    escapes_without, alarms_without = escapes_and_alarms(None)
    escapes, alarms = escapes_and_alarms(region)
    print(f"\nwithout region: {escapes_without} escapes, {alarms_without} alarms; with it: {escapes}, {alarms}")

    assert alarms_without >= 0.6 * EACH, "without a region the defects outside must be found, or nothing is shown"
    assert alarms <= 0.2 * alarms_without
    assert escapes <= escapes_without
