"""One of several processes of a training, started as torchrun starts them: `python -P -m tests.ranks WHAT FOLDER`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch

from core.config import MODELS, TrainingConfig, preset, with_overrides
from core.errors import TrainingError
from core.jobs import Job
from core.models import build
from core.models.base import Batch, Recipe
from core.training import checkpoint
from core.training.control import Control
from core.training.data import piece_of
from core.training.devices import Device
from core.training.group import PATIENCE, Group, share
from core.training.helpers import Member
from core.training.joining import joined
from core.training.recording import read_config
from core.training.reporter import Reporter
from core.training.stepper import Stepper
from core.training.work import Worker
from tests.tiny import TinyRecipe

STEPS = 5
_PATIENCE_S = 5  # of `hang`: so long the others wait for a process that does not answer


def trained(model: str, group: Group, *, parts: int) -> dict[str, torch.Tensor]:
    """The parameters of `micro` after five steps on drawn batches of five images."""
    config = with_overrides(preset(model, "micro"), ["train.batch=5"])
    torch.manual_seed(0)
    recipe = build(config)
    recipe.model.train()
    stepper = Stepper(recipe, Device(threads=1), parts_a_step=parts, seed=1, group=group)
    start, end = share(5, group.rank, group.size)
    size = config.preprocess.size
    for step in range(STEPS):
        draw = torch.Generator().manual_seed(step)
        image = torch.rand(5, 3, size, size, generator=draw)
        mask = (torch.rand(5, 1, size, size, generator=draw) > 0.8).float()
        batch = piece_of(Batch(image=image, input=image * (1 - mask), mask=mask, roi=1 - mask), start, end)
        batch.share = (end - start) / 5
        stepper.step(batch, 1.0, number=step)
    return {name: parameter.detach() for name, parameter in recipe.model.named_parameters()}


def with_trouble(config: TrainingConfig, rank: int) -> Recipe:
    """A tiny recipe; in process 1 memory runs out in the second step, and the third gives no number, once each."""
    met: set[str] = set()

    class Trouble(TinyRecipe):
        def _poison(self) -> float:
            once = self.calls == 6 and "nan" not in met  # in the third step: memory ran out in the second
            met.update(["nan"] if once else [])
            return float("nan") if rank == 1 and once else 1.0

    def hook(call: int, _: Batch) -> None:
        if rank == 1 and call == 2 and "memory" not in met:
            met.add("memory")
            raise torch.OutOfMemoryError("CUDA out of memory.")

    return Trouble(config, hook, norm=False)


def main(what: str, folder: Path) -> None:
    member = Member.of(os.environ)
    patience = timedelta(seconds=_PATIENCE_S) if what == "hang" else PATIENCE
    with joined(member, 1, job=folder, command="train", look_up=lambda: None, patience=patience) as group:
        if what == "models":
            for model in MODELS:
                found = trained(model, group, parts=1)
                if group.rank == 0:
                    checkpoint.save(folder / f"{model}.safetensors", found, {})
            return
        job = Job(folder)
        spec = job.spec()
        config = read_config(job, spec, devices=member.size)
        voice = member.voice(folder)
        voice.mkdir(parents=True, exist_ok=True)
        with Reporter(voice, run="1", command="train") as reporter:
            worker = Worker(job, spec, config, reporter, Control(voice, detached=True), group=group)
            try:
                builder = TinyRecipe if what == "hang" else lambda asked: with_trouble(asked, group.rank)
                reporter.finished(replace(worker, builder=builder).work())
            except TrainingError as error:
                reporter.failed(error, error.reason)
                raise


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
