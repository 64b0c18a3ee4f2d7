"""Every setting of a training, typed and checked; presets; what models there are. Nothing here knows torch."""

from __future__ import annotations

from core.config.baselines import DraemLossConfig, DraemNetworkConfig, GanomalyLossConfig, GanomalyNetworkConfig
from core.config.grdnet import GrdLossConfig, GrdNetworkConfig
from core.config.network import (
    DiscConfig,
    FocalConfig,
    FusionConfig,
    PrffLossConfig,
    PrffNetworkConfig,
    ReconConfig,
    SsimConfig,
    SwinConfig,
    UNetConfig,
    UperNetConfig,
)
from core.config.overrides import keys, with_overrides
from core.config.preprocess import PreprocessConfig
from core.config.presets import PresetInfo, preset, presets
from core.config.registry import MODELS, ModelInfo
from core.config.settings import Settings
from core.config.simulation import AugmentConfig, PerlinConfig, SimulateConfig
from core.config.training import EvalConfig, ProgressiveConfig, ScoreConfig, TrainConfig, TrainingConfig

__all__ = [
    "MODELS",
    "AugmentConfig",
    "DiscConfig",
    "DraemLossConfig",
    "DraemNetworkConfig",
    "EvalConfig",
    "FocalConfig",
    "FusionConfig",
    "GanomalyLossConfig",
    "GanomalyNetworkConfig",
    "GrdLossConfig",
    "GrdNetworkConfig",
    "ModelInfo",
    "PerlinConfig",
    "PreprocessConfig",
    "PresetInfo",
    "PrffLossConfig",
    "PrffNetworkConfig",
    "ProgressiveConfig",
    "ReconConfig",
    "ScoreConfig",
    "Settings",
    "SimulateConfig",
    "SsimConfig",
    "SwinConfig",
    "TrainConfig",
    "TrainingConfig",
    "UNetConfig",
    "UperNetConfig",
    "keys",
    "preset",
    "presets",
    "with_overrides",
]
