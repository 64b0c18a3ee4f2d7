"""Training steps at `quick`, beside the plain way: every defect made when it is wanted, one thing after the other.

Each way runs in a process of its own, ours with what a worker is started with. They take their steps in turns, the
others stopped meanwhile, so that whatever else the computer does touches all of them alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

import cv2
import numpy as np
import psutil
import pytest
import torch
from numpy.typing import NDArray

from core.config import MODELS, TrainingConfig, preset, with_overrides
from core.jobs import worker_environment
from core.models import build
from core.models.base import Phase, Recipe
from core.synthesis import DefectSynthesiser, TextureSource
from core.synthesis.perlin import NoiseDraw, outlines
from core.training.data import Place, Prefetcher, Samples, to_device
from core.training.devices import Device
from core.training.stepper import Stepper
from tests.benchmarks.bench_synthesis import plain_noise

FASTER, ROUNDS, STEPS = 1.1, 12, 2
WAYS: Final = ("plain", "contiguous", "channels last")
Step = Callable[[], object]


def a_set(config: TrainingConfig, make: Callable[..., list[NDArray[np.uint8]]] = outlines) -> Samples:
    """Noisy images of a light square on a dark ground."""
    size = config.preprocess.size
    rng = np.random.default_rng(0)
    crops = rng.integers(40, 60, (16, size, size, 3), dtype=np.uint8)
    crops[:, size // 4 : -size // 4, size // 4 : -size // 4] += 120
    textures = TextureSource(config.simulate.textures, size, own=list(crops))
    synthesiser = DefectSynthesiser(config.simulate, config.augment, size, textures, make)
    return Samples(crops, synthesiser, batch=config.train.batch, seed=0, drop_last=True)


def plain_outlines(draws: Sequence[NoiseDraw], size: int, threshold: float) -> list[NDArray[np.uint8]]:
    """The same outlines with noise as it is usually written."""
    found = []
    for draw in draws:
        turn = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), draw.turn, 1.0)
        field = cv2.warpAffine(plain_noise(draw.angles, (size, size)), turn, (size, size))
        found.append((np.asarray(field) > threshold).view(np.uint8))
    return found


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
        self.device = device
        self.channels_last = channels_last
        self.stepper = Stepper(a_recipe(config, channels_last=channels_last), self.device)
        self.batches = Prefetcher(a_set(config), Place(), threads=1)

    def __call__(self) -> None:
        batch = to_device(self.batches.take(), self.device.device, channels_last=self.channels_last)
        self.stepper.step(batch, 1.0)


class Plain:
    """As it is written first: every image made when the step wants it, one weight moved after the other."""

    def __init__(self, config: TrainingConfig) -> None:
        self.samples = a_set(config, plain_outlines)
        self.phases = a_recipe(config, channels_last=False).phases()
        self.optimizers = [_plain_optimizer(phase) for phase in self.phases]
        self.place = Place()

    def __call__(self) -> None:
        batch = self.samples.make(self.place, self.samples.order(self.place.epoch))
        self.place = self.samples.next_place(self.place)
        for phase, optimizer in zip(self.phases, self.optimizers, strict=True):
            for each in self.optimizers:
                each.zero_grad()
            losses = phase.loss(batch)
            losses["total"].backward()
            sum(value.item() for value in losses.values())
            if phase.optimiser.clip is not None:
                torch.nn.utils.clip_grad_norm_(phase.parameters, phase.optimiser.clip, foreach=False)
            optimizer.step()


def _plain_optimizer(phase: Phase) -> torch.optim.Optimizer:
    settings = phase.optimiser
    groups = [{"params": list(group.parameters), "weight_decay": group.weight_decay} for group in phase.groups]
    maker = torch.optim.AdamW if settings.kind == "adamw" else torch.optim.Adam
    return maker(groups, lr=settings.lr, betas=settings.betas, foreach=False, fused=False)


def the_config(model: str) -> TrainingConfig:
    return with_overrides(preset(model, "quick"), ["simulate.textures=self", "preprocess.size=128"])


def take_steps(model: str, way: str) -> None:
    """For every number read from the standard input, so many steps and their seconds."""
    config = the_config(model)
    cv2.setNumThreads(1)
    device = Halved() if way == "bf16" else Device()
    torch.set_flush_denormal(way != "plain")
    step: Step = Plain(config) if way == "plain" else Ours(config, device, channels_last=way == "channels last")
    step()
    print("ready", flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - begin, flush=True)


class Way:
    """A process that takes steps one way and stands still in between."""

    def __init__(self, model: str, way: str) -> None:
        ours = worker_environment()
        environment = ours if way != "plain" else {**os.environ, "PYTHONPATH": ours["PYTHONPATH"]}
        command = [sys.executable, __file__, model, way]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        self._stopped = psutil.Process(self._process.pid)
        assert self._said() == "ready"
        self._stopped.suspend()

    def seconds(self, steps: int) -> float:
        """Of each of `steps` steps, on average."""
        self._stopped.resume()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        taken = float(self._said())
        self._stopped.suspend()
        return taken / steps

    def end(self) -> None:
        """Whatever it does."""
        self._process.kill()
        self._process.communicate()

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.mark.parametrize("model", MODELS)
def test_training(model: str) -> None:
    """Prints images a second at 128 px, with all cores, and the median of what each round gained."""
    ways = {way: Way(model, way) for way in WAYS}
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(ROUNDS):
        for way in WAYS[:: 1 if number % 2 else -1]:
            taken[way].append(ways[way].seconds(STEPS))
    for each in ways.values():
        each.end()
    chosen = "channels last" if Device().likes_channels_last(model) else "contiguous"
    print(f"\n{MODELS[model].title}, fp32")
    for way in WAYS:
        note = f"   as the engine trains it, asked for {FASTER}" if way == chosen else ""
        print_rate(model, way, taken[way], taken["plain"], note)


def test_half_precision() -> None:
    """Prints bf16, which many processors only pretend to know."""
    ways = {way: Way("prff", way) for way in ("plain", "bf16")}
    taken = {way: [each.seconds(1)] for way, each in ways.items()}
    for each in ways.values():
        each.end()
    print()
    print_rate("prff", "bf16", taken["bf16"], taken["plain"], "")


def print_rate(model: str, way: str, taken: list[float], plain: list[float], note: str) -> None:
    """One line of a table."""
    rate = the_config(model).train.batch / statistics.median(taken)
    gains = sorted(theirs / ours for ours, theirs in zip(taken, plain, strict=True))
    spread = f"{statistics.median(gains):.2f} times the plain way ({gains[0]:.2f} to {gains[-1]:.2f})"
    print(f"{way:<16}{rate:7.1f} images/s   {spread}{note}")


if __name__ == "__main__":
    take_steps(sys.argv[1], sys.argv[2])
    os._exit(0)  # a loader may still be at work
