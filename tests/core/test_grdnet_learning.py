"""That GRD-Net learns where to look: defects outside of the region are no longer called any, those inside still are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import preset, with_overrides
from core.inference.loading import to_input
from core.inference.predictor import Predictor
from core.models import build
from core.synthesis import DefectSynthesiser, TextureSource
from core.training.averaging import reestimate_norms
from core.training.data import Place, Samples
from core.training.devices import Device
from core.training.stepper import Stepper
from tests.tiny import kept_settings

SIDE = 64
STEPS = 240
Pixels = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    with kept_settings():
        yield


def _part(rng: np.random.Generator) -> Pixels:
    """A weave of two waves with noise: what every good part looks like."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    waves = [120 + 40 * np.sin(x / 5 + shift) + 20 * np.cos(y / 7) for shift in (0, 0.3, 0.6)]
    noisy = np.stack(waves, axis=-1) + rng.normal(0, 4, (SIDE, SIDE, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def _spotted(rng: np.random.Generator, rows: tuple[int, int]) -> Pixels:
    """A part with a spot whose centre lies in `rows`."""
    part = _part(rng)
    centre = (int(rng.integers(8, SIDE - 8)), int(rng.integers(*rows)))
    cv2.circle(part, centre, 4, tuple(int(value) for value in rng.integers(0, 256, 3)), -1)
    return part


def _trained(good: Pixels, region: Pixels | None) -> Callable[[Pixels], NDArray[np.float32]]:
    """Scores of images by a GRD-Net that has seen `good`; judgement's own region is not used."""
    config = with_overrides(
        preset("grdnet", "micro"), ["train.lr=1e-3", "simulate.textures=self,coloured", "augment.rotate_p=0"]
    )
    torch.manual_seed(0)
    recipe = build(config)
    textures = TextureSource(config.simulate.textures, SIDE, own=list(good))
    synthesiser = DefectSynthesiser(config.simulate, config.augment, SIDE, textures)
    samples = Samples(good, synthesiser, batch=8, seed=0, drop_last=True, regions=region)
    stepper, place = Stepper(recipe, Device(threads=2)), Place()
    recipe.model.train()
    for step in range(STEPS):
        stepper.step(samples.make(place, samples.order(place.epoch)), 1.0 if step < 0.8 * STEPS else 0.2)
        place = samples.next_place(place)
    reestimate_norms(recipe.model, samples.norm_batches(10))
    once = config.progressive.model_copy(update={"n": 1})
    predictor = Predictor(recipe.model, progressive=once, score=config.score, size=SIDE)
    return lambda images: np.asarray(predictor.predict(to_input(images)).score)


@pytest.mark.slow
def test_a_region_that_was_learnt_needs_no_mask_when_judging() -> None:
    """GRD-Net's promise, at small scale: false alarms from outside fall by four fifths, nothing inside is lost."""
    rng = np.random.default_rng(0)
    good = np.stack([_part(rng) for _ in range(32)])
    upper = np.zeros((32, SIDE, SIDE), np.uint8)
    upper[:, : SIDE // 2] = 1
    inside = np.stack([_spotted(rng, (8, 24)) for _ in range(20)])
    outside = np.stack([_spotted(rng, (40, 56)) for _ in range(20)])
    fresh = np.stack([_part(rng) for _ in range(20)])

    def escapes_and_alarms(region: Pixels | None) -> tuple[int, int]:
        score = _trained(good, region)
        threshold = score(fresh).max()
        return int((score(inside) <= threshold).sum()), int((score(outside) > threshold).sum())

    escapes_without, alarms_without = escapes_and_alarms(None)
    escapes, alarms = escapes_and_alarms(upper)

    assert alarms_without >= 15, "without a region the spots outside must be found, or nothing is shown here"
    assert alarms <= 0.2 * alarms_without
    assert escapes <= escapes_without
