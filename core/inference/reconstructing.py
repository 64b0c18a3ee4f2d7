"""Rebuilding single images with a finished training, again and again: what Review looks at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from pydantic import ValidationError

from core import reconstructions
from core.config import TrainingConfig
from core.config.overrides import problems
from core.errors import ConfigError, FlawscopeError, ImageError, TrainingError
from core.events import EventPipe, Failure, Reconstructed
from core.files import safe_join
from core.imaging import Window
from core.inference.loading import Loaded, load_row, to_input, to_region
from core.inference.predictor import Predictor
from core.inference.requests import Requests
from core.inference.scoring import to_16bit
from core.jobfiles import ManifestRow
from core.models import build
from core.preprocess import Preprocessor
from core.reconstructions import CropWork, Request
from core.regions import Regions
from core.training import checkpoint
from core.training.devices import Device, is_out_of_memory
from core.training.judge import rgb8

_AT_ONCE: Final = 8  # crops


@dataclass(frozen=True)
class Rebuilder:
    """One training's model, ready to rebuild images into its folder."""

    training: Path
    predictor: Predictor
    preprocessor: Preprocessor
    window: Window | None
    device: Device
    stamp: str
    regions: Regions | None = None

    @classmethod
    def load(cls, training: Path) -> Rebuilder:
        """Read settings and weights. Raises `TrainingError` (no model, damaged weights), `ConfigError`."""
        cv2.setNumThreads(1)
        record, stamp = reconstructions.read_model(training), reconstructions.stamp_of(training)
        try:
            config = TrainingConfig.model_validate(record["config"])
        except ValidationError as error:
            raise ConfigError(problems(error), path=training / "model.json") from error
        device = Device(precision="off")
        tensors, _ = checkpoint.load(safe_join(training, record["weights"]))
        model = build(config).model
        model.load_state_dict(checkpoint.without_prefix("average", tensors))
        model.to(device.device)
        predictor = Predictor(model, progressive=config.progressive, score=config.score, size=config.preprocess.size)
        window = record.get("window")
        return cls(
            training,
            predictor,
            Preprocessor(config.preprocess),
            None if window is None else Window(*window),
            device,
            stamp,
            Regions.read(training) if config.score.inside_roi else None,
        )

    def rebuild(self, request: Request) -> float:
        """Store the passes of one image; returns seconds. Raises `ImageError`, `StorageError`."""
        began = time.monotonic()
        row = ManifestRow(
            request.image, request.path, "unused", "unlabelled", boxes=request.boxes, matrix=request.matrix
        )
        image = load_row(row, self.preprocessor, self.window, self.regions)
        if image.problem is not None:
            raise ImageError(image.problem, path=request.path)
        asked = request.progressive
        predictor = self.predictor if asked is None else self.predictor.under(asked)
        crops = self._crops(predictor, image, request.passes)
        reconstructions.write(self.training, request, crops, model=self.stamp, gate=predictor.progressive.gate)
        return time.monotonic() - began

    def _crops(self, predictor: Predictor, image: Loaded, passes: int) -> Iterator[CropWork]:
        only_first = predictor.progressive.score_from == "first"
        for start in range(0, len(image.crops), _AT_ONCE):
            given = np.stack(image.crops[start : start + _AT_ONCE])
            inside = image.regions[start : start + _AT_ONCE]
            region = to_region(np.stack(inside)).to(self.device.device) if inside else None
            found = predictor.unroll(to_input(given).to(self.device.device), passes, region)
            for k, geometry in enumerate(image.geometries[start : start + _AT_ONCE]):
                firsts = [float(one.first[k]) for one in found]
                yield CropWork(
                    geometry,
                    pictures=np.stack([given[k], *(rgb8(one.reconstructions[k]) for one in found)]),
                    maps=np.stack([to_16bit(one.maps[k].numpy()) for one in found]),
                    scores=[float(one.score[k]) for one in found],
                    peaks=[float(one.peak[k]) for one in found],
                    firsts=firsts,
                    judged=1 if only_first else predictor.judged_passes(firsts),
                )


def serve(rebuilder: Rebuilder, requests: Requests, answers: EventPipe, *, idle_s: float) -> None:
    """Answer until nothing was asked for `idle_s`, or nobody is left. One image that fails is one answer.

    Raises `BrokenPipeError` when the owner went without a word.
    """
    while (request := requests.next(idle_s)) is not None:
        try:
            seconds = rebuilder.rebuild(request)
        except FlawscopeError as error:
            answers.write(_failure(error, request))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            rebuilder.device.release_memory()
            full = TrainingError("memory ran out", mend="Close other programs and try again", reason="memory")
            answers.write(_failure(full, request))
        else:
            answers.write(Reconstructed(image=request.image, passes=request.passes, seconds=seconds))


def _failure(error: FlawscopeError, request: Request) -> Failure:
    code = error.reason if isinstance(error, TrainingError) else error.code
    return Failure(code=code, text=error.what, kept=error.kept, mend=error.mend, image=request.image)
