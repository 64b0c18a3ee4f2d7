"""Writing a training's checkpoints, and telling its owner of each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from core.events import Checkpoint
from core.jobfiles import weights_file
from core.models.base import Detector
from core.training import checkpoint
from core.training.progress import Progress
from core.training.reporter import Reporter


@dataclass(frozen=True)
class Saver:
    """Writes into one training's folder; `identity` says which training it is. Raises `StorageError`."""

    folder: Path
    reporter: Reporter
    identity: str

    def write(
        self,
        kind: Literal["last", "best", "kept"],
        name: str,
        tensors: Mapping[str, Tensor],
        record: Mapping[str, Any],
        progress: Progress,
    ) -> None:
        """Replace the checkpoint of that name."""
        began, file = time.monotonic(), weights_file(name)
        size = checkpoint.save(self.folder / file, tensors, {"kind": kind, "identity": self.identity, **record})
        self.reporter.tell(
            Checkpoint(
                kind=kind,
                step=progress.step,
                epoch=progress.place.epoch,
                file=file,
                seconds=time.monotonic() - began,
                bytes=size,
            )
        )

    def write_model(
        self,
        kind: Literal["best", "kept"],
        name: str,
        model: Detector,
        progress: Progress,
        tuning: Mapping[str, float] | None,
    ) -> None:
        """The judged weights as they stand, to score with, and their losses on tuning images."""
        record = {"step": progress.step, "epoch": progress.place.epoch, "tuning": tuning}
        self.write(kind, name, checkpoint.with_prefix("average", model.state_dict()), record, progress)
