"""Detectors and how they are trained; `build` makes the one that a configuration names."""

from __future__ import annotations

from core.models.base import Batch, Detector, Losses, OptimiserSettings, ParameterGroup, Phase, Recipe, Taps
from core.models.registry import build

__all__ = [
    "Batch",
    "Detector",
    "Losses",
    "OptimiserSettings",
    "ParameterGroup",
    "Phase",
    "Recipe",
    "Taps",
    "build",
]
