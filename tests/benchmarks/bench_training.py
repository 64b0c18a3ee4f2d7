"""Training steps of PRFF-AD `quick` on one core, beside the plain way: one thing after the other, weight by weight."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import cv2
import numpy as np
import pytest
import torch

from core.config import TrainingConfig, preset, with_overrides
from core.models import build
from core.models.base import Recipe
from core.synthesis import DefectSynthesiser, TextureSource
from core.training.data import Place, Prefetcher, Samples, to_device
from core.training.devices import Device
from core.training.stepper import Stepper

FASTER, WARM, STEPS, ROUNDS = 1.1, 2, 3, 3


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    threads = torch.get_num_threads()
    cv2.setNumThreads(1)
    yield
    torch.set_num_threads(threads)


def a_set(config: TrainingConfig) -> Samples:
    """Noisy images of a light square on a dark ground."""
    size = config.preprocess.size
    rng = np.random.default_rng(0)
    crops = rng.integers(40, 60, (16, size, size, 3), dtype=np.uint8)
    crops[:, size // 4 : -size // 4, size // 4 : -size // 4] += 120
    textures = TextureSource(config.simulate.textures, size, own=list(crops))
    synthesiser = DefectSynthesiser(config.simulate, config.augment, size, textures)
    return Samples(crops, synthesiser, batch=config.train.batch, seed=0, drop_last=True)


def a_recipe(config: TrainingConfig, *, channels_last: bool) -> Recipe:
    torch.manual_seed(0)
    recipe = build(config)
    recipe.model.train()
    if channels_last:
        recipe.model.to(memory_format=torch.channels_last)
    return recipe


class Halved(Device):
    """The same with bf16: accelerate knows one precision a process."""

    def autocast(self) -> AbstractContextManager[object]:
        return torch.autocast("cpu", torch.bfloat16)


class Ours:
    """As the engine trains."""

    def __init__(self, config: TrainingConfig, device: Device, *, channels_last: bool) -> None:
        samples = a_set(config)
        self.device = device
        self.channels_last = channels_last
        self.stepper = Stepper(a_recipe(config, channels_last=channels_last), self.device)
        self.batches = Prefetcher(samples, Place(), threads=1)

    def __call__(self) -> None:
        batch = to_device(self.batches.take(), self.device.device, channels_last=self.channels_last)
        self.stepper.step(batch, 1.0)


class Plain:
    """As it is written first: every image made when the step wants it, one weight moved after the other."""

    def __init__(self, config: TrainingConfig) -> None:
        self.samples = a_set(config)
        recipe = a_recipe(config, channels_last=False)
        (self.phase,) = recipe.phases()
        train = config.train
        groups = [{"params": list(group.parameters), "weight_decay": group.weight_decay} for group in self.phase.groups]
        maker = torch.optim.AdamW if train.optimizer == "adamw" else torch.optim.Adam
        self.optimizer = maker(groups, lr=train.lr, betas=train.betas, foreach=False, fused=False)
        self.place = Place()

    def __call__(self) -> None:
        batch = self.samples.make(self.place, self.samples.order(self.place.epoch))
        self.place = self.samples.next_place(self.place)
        self.optimizer.zero_grad()
        losses = self.phase.loss(batch)
        losses["total"].backward()
        sum(value.item() for value in losses.values())
        if self.phase.optimiser.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.phase.parameters, self.phase.optimiser.clip, foreach=False)
        self.optimizer.step()


def images_a_second(ways: dict[str, Callable[[], None]], batch: int) -> dict[str, float]:
    """The best of some rounds in turns, so that whatever else the machine does meets all of them."""
    best = dict.fromkeys(ways, 0.0)
    for step in ways.values():
        for _ in range(WARM):
            step()
    for _ in range(ROUNDS):
        for name, step in ways.items():
            begin = time.perf_counter()
            for _ in range(STEPS):
                step()
            best[name] = max(best[name], STEPS * batch / (time.perf_counter() - begin))
    return best


def test_training() -> None:
    """Prints images a second at 128 px."""
    config = with_overrides(preset("prff", "quick"), ["simulate.textures=self", "preprocess.size=128"])
    device = Device(threads=1)
    ways: dict[str, Callable[[], None]] = {
        "the plain way": Plain(config),
        "ours, fp32": Ours(config, device, channels_last=False),
        "ours, fp32, channels last": Ours(config, device, channels_last=True),
        "ours, bf16": Ours(config, Halved(threads=1), channels_last=device.likes_channels_last),
    }
    found = images_a_second(ways, config.train.batch)
    print()
    for name, rate in found.items():
        ratio = rate / found["the plain way"]
        print(f"{name:<28}{rate:7.1f} images/s   {ratio:.2f} times the plain way, asked for {FASTER}")
