"""A model that learnt nothing, where a training would have left it: enough for whatever only runs models."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from core.config import preset, with_overrides
from core.models import build
from core.training import checkpoint


def make_training(folder: Path, *changes: str) -> Path:
    """Weights and `model.json` of the preset `micro` (64 pixels) in a training's folder."""
    config = with_overrides(preset("prff", "micro"), changes)
    torch.manual_seed(1)
    weights = checkpoint.with_prefix("average", build(config).model.state_dict())
    checkpoint.save(folder / "checkpoints" / "best.safetensors", weights, {"kind": "best"})
    record = {"schema": 1, "config": config.model_dump(mode="json"), "window": None}
    (folder / "model.json").write_text(json.dumps(record | {"weights": "checkpoints/best.safetensors"}))
    return folder
