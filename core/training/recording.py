"""What a job's files say of it: its settings, what a training is, what scores rest on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from core.config import ProgressiveConfig, TrainingConfig, with_overrides
from core.config.overrides import problems
from core.errors import ConfigError, TrainingError
from core.files import atomic_write
from core.inference.scoring import forget
from core.jobfiles import JobSpec, ManifestRow
from core.jobs import Job

_NO_MATTER: Final = {  # may change at a resume
    *("checkpoint_minutes", "pictures", "cache_mb", "devices", "compile", "keep_at"),
}


def read_config(job: Job, spec: JobSpec, *, devices: int | None = None) -> TrainingConfig:
    """The settings of a job: its own, or those in `model.json` of the training that it scores with.

    A training's `train.devices` becomes `devices`, or else what the job says over it. Raises `ConfigError`,
    `TrainingError` (the training has no model).
    """
    values: dict[str, Any] = spec.config
    if spec.command == "score" and not values:
        folder = job.folder.parent.parent if spec.score.training is None else job.folder / spec.score.training
        try:
            values = json.loads((folder / "model.json").read_bytes())["config"]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(
                "this training has no model yet", path=folder, mend="Finish or resume it first", reason="no_model"
            ) from error
    try:
        config = TrainingConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(problems(error), path=job.folder / "job.json") from error
    wanted = devices or spec.devices
    if spec.command == "score" or wanted in (None, config.train.devices):
        return config
    return with_overrides(config, [f"train.devices={wanted}"])


def identity_of(config: TrainingConfig, seed: int, rows: list[ManifestRow], crops: int) -> str:
    """Hash of everything that decides the result of a training."""
    digest = hashlib.sha256()
    digest.update(config.model_dump_json(exclude={"train": _NO_MATTER}).encode())
    digest.update(f"{seed} {crops}".encode())
    for row in rows:
        digest.update(f"{row.id} {row.path} {row.sha256} {row.boxes}\n".encode())
    return digest.hexdigest()


def write_settings(
    out: Path, scoring: str, progressive: ProgressiveConfig, weights: Path, trained: dict[str, Any]
) -> None:
    """Say what the scores in `out` rest on; those that rest on something else (the training went on) are dropped."""
    record = {
        "schema": 1,
        "scoring": scoring,
        "progressive": progressive.model_dump(),
        "weights": str(weights),
        "trained": {name: trained.get(name) for name in ("kind", "identity", "step", "tuning", "progress")},
    }
    text = json.dumps(record, indent=1)
    path = out / "settings.json"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        forget(out)
    atomic_write(path, text)
