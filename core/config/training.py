"""Every setting of a training in one frozen record: what a job file holds and a form edits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from core.config.baselines import DraemLossConfig, DraemNetworkConfig, GanomalyLossConfig, GanomalyNetworkConfig
from core.config.grdnet import GrdLossConfig, GrdNetworkConfig
from core.config.network import PrffLossConfig, PrffNetworkConfig
from core.config.preprocess import PreprocessConfig
from core.config.registry import MODELS
from core.config.settings import Settings
from core.config.simulation import AugmentConfig, SimulateConfig

NetworkConfig = Annotated[
    PrffNetworkConfig | GrdNetworkConfig | DraemNetworkConfig | GanomalyNetworkConfig, Field(discriminator="kind")
]
LossConfig = Annotated[
    PrffLossConfig | GrdLossConfig | DraemLossConfig | GanomalyLossConfig, Field(discriminator="kind")
]


class TrainConfig(Settings):
    """Length, optimiser and care of a training. Exactly one of `minutes`, `steps` and `epochs` is set."""

    minutes: float | None = Field(
        None, gt=0, title="Minutes", description="Length by the clock; the schedule is scaled"
    )
    steps: int | None = Field(None, ge=1, title="Steps", description="Length in optimiser steps")
    epochs: int | None = Field(700, ge=1, title="Epochs", description="Length in passes over the good images")
    batch: int = Field(4, ge=1, le=512, title="Images a step")
    accumulate: int = Field(
        1, ge=1, le=64, title="Pieces a step", description="Spread a step over this many smaller ones"
    )
    optimizer: Literal["adam", "adamw"] = Field("adam", title="Optimiser")
    lr: float = Field(1e-4, gt=0, le=1, title="Learning rate")
    betas: tuple[float, float] = Field((0.9, 0.999), title="Betas", description="Adam's decay rates")
    weight_decay: float = Field(0.0, ge=0, le=1, title="Weight decay", description="On the Swin blocks' matrices only")
    milestones: tuple[float, ...] = Field(
        (0.8, 0.9), title="Drops", description="Shares of the length where the rate drops"
    )
    keep_at: tuple[float, ...] = Field(
        (), title="Keep the model at", description="Shares of the length at which the model is kept for later scoring"
    )
    gamma: float = Field(
        0.2, gt=0, le=1, title="Drop factor", description="The rate is multiplied by this at each drop"
    )
    schedule: Literal["drops", "plateau"] = Field(
        "drops", title="Schedule", description="drops: at fixed places; plateau: when tuning losses no longer fall"
    )
    plateau_patience: int = Field(3, ge=1, title="Plateau patience", description="Epochs without gain until a drop")
    plateau_decay: float = Field(0.1, gt=0, le=1, title="Plateau decay", description="A drop is e to minus it")
    plateau_floor: float = Field(1e-6, ge=0, title="Plateau floor", description="The rate never falls below")
    warmup: float = Field(0.0, ge=0, le=0.5, title="Warm-up", description="Share of the length with a rising rate")
    clip: float | None = Field(None, gt=0, title="Clipping", description="Largest norm of the gradient; empty: none")
    ema: float | None = Field(
        None, gt=0, lt=1, title="Averaging", description="Decay of the averaged weights that are judged; empty: none"
    )
    bn_reestimate: int = Field(
        0, ge=0, le=1000, title="Norm statistics", description="Batches to measure them anew before judging; 0: never"
    )
    drop_last: bool = Field(True, title="Drop incomplete steps", description="Of an epoch's last images")
    amp: Literal["off", "auto", "bf16", "fp16"] = Field(
        "off", title="Mixed precision", description="auto: on GPUs only"
    )
    channels_last: bool | None = Field(
        None, title="Channels last", description="Memory order of images; empty: what is faster for model and device"
    )
    compile: bool = Field(
        False, title="Compile", description="Let torch write faster code for the networks; the first step takes minutes"
    )
    devices: int = Field(
        1, ge=1, le=1024, title="Computing units", description="GPUs, or parts of the processor, that share each step"
    )
    seed: int = Field(0, ge=0, lt=2**31, title="Seed")
    threads: int | None = Field(None, ge=1, title="Threads", description="Processor threads; empty: all")
    workers: int | None = Field(
        None, ge=0, le=64, title="Loaders", description="Threads that prepare images; empty: chosen by the machine"
    )
    cache_mb: int = Field(
        1024, ge=0, title="Image cache", description="Memory for prepared images in MB, so that a file is decoded once"
    )
    evaluations: int = Field(
        8, ge=0, le=1000, title="Checks", description="How often tuning images are judged meanwhile"
    )
    pictures: int = Field(4, ge=0, le=16, title="Pictures", description="Images shown while training")
    patience: int | None = Field(
        None, ge=1, title="Patience", description="Checks without gain after the last drop until stopping; empty: never"
    )
    checkpoint_minutes: float = Field(1.0, gt=0, title="Checkpoint every", description="Minutes between checkpoints")

    @field_validator("milestones")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(value) or any(not 0 < share < 1 for share in value):
            raise ValueError("drops are rising shares between 0 and 1")
        return value

    @field_validator("keep_at")
    @classmethod
    def _told_apart(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        mille = [round(1000 * share) for share in value]
        if mille != sorted(set(mille)) or any(not 0 < share <= 1 for share in value) or 0 in mille:
            raise ValueError("models are kept at rising shares above 0 and up to 1, at least a thousandth apart")
        return value

    @model_validator(mode="after")
    def _one_length(self) -> TrainConfig:
        if sum(length is not None for length in (self.minutes, self.steps, self.epochs)) != 1:
            raise ValueError("set exactly one of minutes, steps and epochs")
        return self

    @model_validator(mode="after")
    def _two_images_each(self) -> TrainConfig:
        if self.devices > 1 and self.batch < 2 * self.devices:
            raise ValueError(f"{self.devices} computing units need at least {2 * self.devices} images a step, two each")
        return self


class ProgressiveConfig(Settings):
    """Reconstructing a suspicious image again."""

    n: int = Field(
        2, ge=1, le=5, title="Passes", description="Reconstructions of an image that passes the gate; 1: one"
    )
    gate: float = Field(
        0.5, ge=-1, le=1.1, title="Gate", description="Smoothed maximum of pass 1 above which it goes on"
    )
    taps: Literal["first", "last"] = Field(
        "first", title="Taps of pass", description="Whose features are shown at the end"
    )
    score_from: Literal["last", "first", "max"] = Field("last", title="Score of pass", description="Whose map counts")
    regate: bool = Field(False, title="Gate every pass", description="Ask the gate again before each further pass")
    clamp: bool = Field(True, title="Clamp", description="Limit a reconstruction to [0, 1] before it is fed back")


class ScoreConfig(Settings):
    """From a map to a score: the maximum of its running mean."""

    pool_kernel: int = Field(21, ge=1, le=101, title="Kernel", description="Side of the mean at 256 px, odd")
    scale_kernel: bool = Field(True, title="Scale kernel", description="With the image side: 21, 11, 5 at 256, 128, 64")
    inside_roi: bool = Field(
        True, title="Judge the ROI only", description="What lies outside the region of interest has no score"
    )
    count_pad: bool = Field(True, title="Count border", description="Zeros outside the image are part of the mean")

    @field_validator("pool_kernel")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("the kernel's side is odd")
        return value

    def kernel(self, size: int) -> int:
        """The odd kernel at a side of `size` pixels: the odd number nearest to 21 S / 256."""
        return 2 * int(self.pool_kernel * size / 256 / 2) + 1 if self.scale_kernel else self.pool_kernel


class EvalConfig(Settings):
    """How figures are counted."""

    mask_binarize: Literal["half", "floor", "nearest"] = Field(
        "half",
        title="Mask pixels",
        description="Defective from half coverage, full coverage (as published), or nearest",
    )
    batch: int = Field(8, ge=1, le=512, title="Images at once")


class TrainingConfig(Settings):
    """A training, whole. Build one with `core.config.preset` and `core.config.with_overrides`."""

    model: str = Field("prff", title="Model")
    preset: str = Field("paper", title="Preset", description="The preset that these settings started from")
    preprocess: PreprocessConfig = Field(default_factory=lambda: PreprocessConfig(), title="Image")
    network: NetworkConfig = Field(default_factory=lambda: PrffNetworkConfig(), title="Networks")
    loss: LossConfig = Field(default_factory=lambda: PrffLossConfig(), title="Losses")
    simulate: SimulateConfig = Field(default_factory=lambda: SimulateConfig(), title="Artificial defects")
    augment: AugmentConfig = Field(default_factory=lambda: AugmentConfig(), title="Variation")
    train: TrainConfig = Field(default_factory=lambda: TrainConfig(), title="Training")
    progressive: ProgressiveConfig = Field(default_factory=lambda: ProgressiveConfig(), title="Further passes")
    score: ScoreConfig = Field(default_factory=lambda: ScoreConfig(), title="Score")
    eval: EvalConfig = Field(default_factory=lambda: EvalConfig(), title="Figures")

    @model_validator(mode="before")
    @classmethod
    def _of_the_model(cls, values: Any) -> Any:
        """Networks and losses are those of the model when they do not say whose they are."""
        if not isinstance(values, dict):
            return values
        kind = values.get("model", "prff")
        parts = {name: values.get(name, {}) for name in ("network", "loss")}
        return values | {
            name: {"kind": kind, **part} if isinstance(part, dict) else part for name, part in parts.items()
        }

    @field_validator("model")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in MODELS:
            raise ValueError(f"{value!r} is not one of {', '.join(MODELS)}")
        return value

    @model_validator(mode="after")
    def _one_model(self) -> TrainingConfig:
        for name, part in (("network", self.network), ("loss", self.loss)):
            if part.kind != self.model:
                raise ValueError(f"{name} is of {part.kind}, the model is {self.model}")
        return self

    @model_validator(mode="after")
    def _side(self) -> TrainingConfig:
        step = self.network.side_step()
        if self.preprocess.size % step:
            raise ValueError(f"an image side of {self.preprocess.size} is not a multiple of {step}, as the model needs")
        return self

    @model_validator(mode="after")
    def _batch_of_one(self) -> TrainingConfig:
        if self.train.batch > 1 or not isinstance(self.network, PrffNetworkConfig):
            return self
        if self.network.disc.arch != "unet" and self.network.disc.upernet.ppm_norm == "bn":
            raise ValueError(
                "training with one image a step needs disc.upernet.ppm_norm=gn (or none), or train.batch=2"
            )
        return self
