"""A detector and a recipe of a few weights, and trainings of them in this process, as a child would run them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from core.config import TrainingConfig, preset, with_overrides
from core.events import AnyEvent, Done, EventTail, Warn
from core.imaging import save_png
from core.jobs import Job, JobSpec, ManifestRow
from core.models.base import Batch, Detector, Losses, OptimiserSettings, ParameterGroup, Phase, Recipe, Taps
from core.training.checkpoint import load
from core.training.control import Control
from core.training.loop import LAST
from core.training.reporter import Reporter
from core.training.work import Worker

Hook = Callable[[int, Batch], None]


class TinyDetector(Detector):
    """Two convolutions with everything that makes a resume hard: running statistics and dropout."""

    def __init__(self, *, norm: bool = True) -> None:
        super().__init__()
        self.size = 32
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4) if norm else nn.Identity())
        self.drop = nn.Dropout(0.3 if norm else 0.0)
        self.out = nn.Conv2d(4, 3, 1)
        self.head = nn.Conv2d(6, 1, 1)

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        hidden = self.body(x)
        return self.out(self.drop(hidden)), (hidden,)

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        return torch.sigmoid(self.head(torch.cat([x, r], 1)))


class TinyRecipe(Recipe):
    def __init__(self, config: TrainingConfig, hook: Hook | None = None, *, norm: bool = True) -> None:
        self.model: TinyDetector = TinyDetector(norm=norm)
        self.config = config
        self.hook = hook
        self.calls = 0

    def phases(self) -> tuple[Phase, ...]:
        train = self.config.train
        settings = OptimiserSettings(kind=train.optimizer, lr=train.lr, betas=train.betas, clip=train.clip)
        groups = (ParameterGroup(parameters=tuple(self.model.parameters())),)
        return (Phase(name="all", groups=groups, optimiser=settings, loss=self.losses),)

    def losses(self, batch: Batch) -> Losses:
        self.calls += 1
        if self.hook is not None and self.model.training:
            self.hook(self.calls, batch)
        r, taps = self.model.reconstruct(batch.input)
        found = self.model.discriminate(batch.input, r, taps)
        mse = (r - batch.image).square().mean()
        total = mse + (found - batch.mask).square().mean()
        return {"total": total * self._poison(), "mse": mse.detach()}

    def evaluate(self, batch: Batch) -> Losses:
        return self.losses(batch)

    def _poison(self) -> float:
        return 1.0


def make_rows(tmp_path: Path) -> list[ManifestRow]:
    """Six images to learn from, two for tuning, one for the test."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(9):
        path = tmp_path / "images" / f"{number}.png"
        save_png(path, rng.integers(60, 180, (40, 40, 3), dtype=np.uint8))
        split = "train" if number < 6 else "tuning" if number < 8 else "test"
        rows.append(ManifestRow(number, str(path), split, "good"))  # type: ignore[arg-type]
    return rows


def a_config(*changes: str) -> TrainingConfig:
    basis = [
        "preprocess.size=32",
        "simulate.textures=self",
        "train.steps=12",
        "train.checkpoint_minutes=1e-9",
        "train.threads=1",
    ]
    return with_overrides(preset("prff", "micro"), [*basis, *changes])


class Run:
    """A training in this process, in the same pieces as the child's."""

    def __init__(self, folder: Path, rows: list[ManifestRow], config: TrainingConfig, **spec: object) -> None:
        dumped = config.model_dump(mode="json")
        self.job = Job.create(folder, JobSpec(run="1", config=dumped, **spec), rows)  # type: ignore[arg-type]
        self.config = config
        self.control = Control(folder, detached=True)

    def go(self, hook: Hook | None = None, *, resume: bool = False, recipe: type[TinyRecipe] = TinyRecipe) -> Done:
        built: list[TinyRecipe] = []

        def build(config: TrainingConfig) -> Recipe:
            built.append(recipe(config, hook if not built else None))
            return built[-1]

        spec = self.job.spec().model_copy(update={"resume": resume})
        with Reporter(self.job.folder, run="1", command="train", log=io.StringIO()) as reporter:
            try:
                done = Worker(self.job, spec, self.config, reporter, self.control, build).train()
            except BaseException:
                reporter.interrupted()
                raise
            reporter.finished(done)
        return done

    @property
    def events(self) -> list[AnyEvent]:
        return EventTail(self.job.events_path).drain()

    def warnings(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Warn)]

    def weights(self, file: str = LAST) -> dict[str, Tensor]:
        return load(self.job.folder / file)[0]


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@contextmanager
def kept_settings() -> Iterator[None]:
    """What a training sets for the whole process is put back."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(before[0])
    torch.use_deterministic_algorithms(before[1])
