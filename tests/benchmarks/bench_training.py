"""Training steps of PRFF-AD `quick` on one core, beside the plain way: one thing after the other, weight by weight.

Each way runs in a process of its own, ours with what a worker is started with, in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager

import cv2
import numpy as np
import torch

from core.config import TrainingConfig, preset, with_overrides
from core.jobs import worker_environment
from core.models import build
from core.models.base import Recipe
from core.synthesis import DefectSynthesiser, TextureSource
from core.training.data import Place, Prefetcher, Samples, to_device
from core.training.devices import Device
from core.training.stepper import Stepper

FASTER, STEPS = 1.1, 6
ROUNDS = ("plain", "ours", "channels last", "plain", "ours", "channels last", "bf16")


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


def images_a_second(way: str) -> float:
    """Of the fastest step."""
    config = with_overrides(preset("prff", "quick"), ["simulate.textures=self", "preprocess.size=128"])
    cv2.setNumThreads(1)
    device = Halved(threads=1) if way == "bf16" else Device(threads=1)
    torch.set_flush_denormal(way != "plain")
    step = Plain(config) if way == "plain" else Ours(config, device, channels_last=way == "channels last")
    seconds = []
    for _ in range(2 if way == "bf16" else STEPS):  # many processors only pretend to know bf16
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    return config.train.batch / min(seconds)


def test_training() -> None:
    """Prints images a second at 128 px."""
    best: dict[str, float] = {}
    for way in ROUNDS:
        ours = worker_environment()
        environment = ours if way != "plain" else {**os.environ, "PYTHONPATH": ours["PYTHONPATH"]}
        command = [sys.executable, __file__, way]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        best[way] = max(best.get(way, 0.0), float(said))
    print()
    for way, rate in best.items():
        ratio = rate / best["plain"]
        print(f"{way:<16}{rate:7.1f} images/s   {ratio:.2f} times the plain way, asked for {FASTER}")


if __name__ == "__main__":
    print(images_a_second(sys.argv[1]), flush=True)
    os._exit(0)  # a loader may still be at work
