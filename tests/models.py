"""A model that learnt nothing, where a training would have left it: enough for whatever only runs models."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from core.config import preset, with_overrides
from core.models import build
from core.models.base import Detector
from core.training import checkpoint


def make_training(folder: Path, *changes: str, stir: float = 0.0) -> Path:
    """Weights and `model.json` of the preset `micro` (64 pixels) in a training's folder."""
    config = with_overrides(preset("prff", "micro"), changes)
    torch.manual_seed(1)
    model = stirred(build(config).model, stir)
    weights = checkpoint.with_prefix("average", model.state_dict())
    checkpoint.save(folder / "checkpoints" / "best.safetensors", weights, {"kind": "best"})
    record = {"schema": 1, "config": config.model_dump(mode="json"), "window": None}
    (folder / "model.json").write_text(json.dumps(record | {"weights": "checkpoints/best.safetensors"}))
    return folder


def stirred(model: Detector, by: float) -> Detector:
    """The model with noise on every weight: as it begins it makes the same of every image; by 0.1 passes differ."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(by * torch.randn_like(weight))
    return model
