"""Settings of the PRFF-AD networks and losses (Sensors 2023, 23(21), 8750); defaults are the published ones."""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from core.config.settings import Settings

TAP_ALIASES: Final[dict[str, tuple[str, str, str]]] = {
    "T1": ("enc3", "enc5", "dec3"),
    "T2": ("enc4", "dec1", "dec4"),
    "T3": ("enc2.conv1", "enc3.conv1", "enc4.conv2"),
    "T4": ("enc2", "enc3", "pool4"),
    "T5": ("enc3", "enc5", "up2"),
}
"""Five readings of "the third, fifth and eighth layers"."""

_TAP: Final = re.compile(r"enc[1-5](\.conv[12])?|dec[1-4](\.conv[123])?|pool[1-4]|up[1-4]")

FusionMode = Literal["rgb15", "single9", "dual15", "off"]


class ReconConfig(Settings):
    """The reconstructing autoencoder."""

    width: int = Field(128, ge=4, le=512, title="Width", description="Channels of the first stage; the others follow")
    out_bias: float | None = Field(
        None, ge=0, le=1, title="First grey", description="Where reconstructions start; empty: black, as published"
    )


class FusionConfig(Settings):
    """How features of the autoencoder reach the discriminating network."""

    enabled: bool = Field(True, title="Feature fusion", description="Show tapped features to the discriminator")
    mode: FusionMode = Field(
        "rgb15",
        title="Composition",
        description="rgb15: three channels a tap; single9: one channel a tap; dual15: one channel a tap from two "
        "passes; off: image and reconstruction only",
    )
    kernel: Literal[1, 3] = Field(3, title="Kernel", description="Side of the convolution at each tap")
    norm: Literal["bn", "ln", "in", "none"] = Field("bn", title="Normalisation", description="After resizing")
    act: Literal["relu", "sigmoid", "gelu", "none"] = Field("relu", title="Activation", description="After the norm")
    detach_taps: bool = Field(
        False, title="Detach taps", description="Keep the segmentation loss from reaching the autoencoder via the taps"
    )

    @property
    def effective(self) -> FusionMode:
        """The composition in force: `off` also when fusion is switched off."""
        return self.mode if self.enabled else "off"

    @property
    def map_channels(self) -> int:
        """Channels of one fused map; 0 when off."""
        return {"rgb15": 3, "single9": 1, "dual15": 1, "off": 0}[self.effective]

    @property
    def input_channels(self) -> int:
        """Channels that the discriminating network sees with three taps: 15, 9, 15 or 6."""
        return {"rgb15": 15, "single9": 9, "dual15": 15, "off": 6}[self.effective]


class SwinConfig(Settings):
    """The Swin Transformer backbone."""

    patch: Literal[2, 4] = Field(4, title="Patch", description="Pixels a token side; 2 localises better at 64 px")
    embed: int = Field(128, ge=8, le=512, title="Channels", description="Channels of the first stage")
    depths: tuple[int, int, int, int] = Field((2, 2, 42, 4), title="Depths", description="Blocks of each stage")
    heads: tuple[int, int, int, int] = Field((4, 8, 16, 32), title="Heads", description="Attention heads of each stage")
    window: int = Field(8, ge=2, le=16, title="Window", description="Attention window in tokens")
    mlp_ratio: float = Field(4.0, gt=0, le=8, title="MLP ratio", description="Hidden width over channels")
    drop_path: float = Field(0.1, ge=0, lt=1, title="Drop path", description="Stochastic depth of the last block")
    checkpointing: bool = Field(
        False, title="Recompute activations", description="Half the memory for a third more time"
    )

    @model_validator(mode="after")
    def _check(self) -> SwinConfig:
        for stage, heads in enumerate(self.heads):
            if heads < 1 or (self.embed * 2**stage) % heads:
                raise ValueError(f"stage {stage + 1} has {self.embed * 2**stage} channels, not divisible by {heads}")
        if min(self.depths) < 1:
            raise ValueError("every stage needs at least one block")
        return self


class UperNetConfig(Settings):
    """The UperNet head."""

    channels: int = Field(512, ge=8, le=1024, title="Channels", description="Width of the pyramid")
    pool_scales: tuple[int, ...] = Field((1, 2, 3, 6), title="Pool scales", description="Grids of the pyramid pooling")
    classes: Literal[1, 2] = Field(2, title="Outputs", description="2 with softmax, or 1 with sigmoid")
    dropout: float = Field(0.0, ge=0, lt=1, title="Dropout", description="Before the last convolution")
    ppm_norm: Literal["bn", "gn", "none"] = Field(
        "bn", title="Pooling norm", description="Norm in the pyramid pooling; gn also trains with one image a step"
    )

    @field_validator("pool_scales")
    @classmethod
    def _scales(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1:
            raise ValueError("pool scales are whole numbers from 1")
        return value


class UNetConfig(Settings):
    """DRAEM's U-Net, the baseline of the discriminating network."""

    base: int = Field(64, ge=4, le=256, title="Width", description="Channels of the first stage")
    classes: Literal[1, 2] = Field(2, title="Outputs", description="2 with softmax, or 1 with sigmoid")


class DiscConfig(Settings):
    """The discriminating network: where does image differ from reconstruction in a way that matters."""

    arch: Literal["swin_upernet", "unet"] = Field(
        "swin_upernet", title="Architecture", description="Swin + UperNet (PRFF-AD) or U-Net (DRAEM)"
    )
    swin: SwinConfig = Field(default_factory=lambda: SwinConfig(), title="Swin")
    upernet: UperNetConfig = Field(default_factory=lambda: UperNetConfig(), title="UperNet")
    unet: UNetConfig = Field(default_factory=lambda: UNetConfig(), title="U-Net")

    @property
    def classes(self) -> int:
        """Outputs of the architecture in force."""
        return self.unet.classes if self.arch == "unet" else self.upernet.classes


class PrffNetworkConfig(Settings):
    """Both networks of PRFF-AD."""

    kind: Literal["prff"] = Field("prff", title="Networks")
    recon: ReconConfig = Field(default_factory=lambda: ReconConfig(), title="Reconstruction")
    taps: tuple[str, str, str] = Field(
        TAP_ALIASES["T1"],
        title="Taps",
        description="Three stages by name (enc1..5, dec1..4, pool1..4, up1..4, enc2.conv1), or one of T1..T5",
    )
    fusion: FusionConfig = Field(default_factory=lambda: FusionConfig(), title="Fusion")
    disc: DiscConfig = Field(default_factory=lambda: DiscConfig(), title="Discrimination")

    @field_validator("taps", mode="before")
    @classmethod
    def _alias(cls, value: object) -> object:
        single = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        if isinstance(single, str):
            if single not in TAP_ALIASES:
                raise ValueError(f"{single!r} is not one of {', '.join(TAP_ALIASES)}")
            return TAP_ALIASES[single]
        return value

    @field_validator("taps")
    @classmethod
    def _names(cls, value: tuple[str, str, str]) -> tuple[str, str, str]:
        for name in value:
            if not _TAP.fullmatch(name):
                raise ValueError(f"{name!r} is not a stage of the autoencoder")
        return value

    def rough_weights(self) -> float:
        """Parameters, roughly: what the size of a checkpoint is guessed from."""
        return 290e6 * (self.recon.width / 128) ** 2

    def side_step(self) -> int:
        """What the image side must be a multiple of: 16 for the autoencoder, 32 for U-Net, 8 patches for Swin."""
        return 32 if self.disc.arch == "unet" else max(16, 8 * self.disc.swin.patch)


class SsimConfig(Settings):
    """The structural similarity."""

    window: int = Field(11, ge=3, le=31, title="Window", description="Side of the Gaussian window, odd")
    sigma: float = Field(1.5, gt=0, title="Sigma", description="Width of the Gaussian in pixels")
    data_range: float = Field(1.0, gt=0, title="Range", description="Span of pixel values; fixed, never guessed")
    padding: Literal["zero", "reflect"] = Field("zero", title="Border", description="What lies outside the image")

    @field_validator("window")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("the window's side is odd")
        return value


class FocalConfig(Settings):
    """The focal loss."""

    gamma: float = Field(2.0, ge=0, le=5, title="Gamma", description="How strongly easy pixels are played down")
    alpha: float | None = Field(
        None, gt=0, lt=1, title="Alpha", description="Weight of defective pixels against 1 - alpha; empty: both 1"
    )
    smooth: float = Field(1e-5, ge=0, lt=0.1, title="Smoothing", description="DRAEM's label smoothing")


class PrffLossConfig(Settings):
    """L = w_mse MSE + w_ssim (1 - SSIM) + w_seg focal."""

    kind: Literal["prff"] = Field("prff", title="Losses")
    w_mse: float = Field(1.0, ge=0, title="Weight of MSE")
    w_ssim: float = Field(1.0, ge=0, title="Weight of SSIM")
    w_seg: float = Field(1.0, ge=0, title="Weight of segmentation")
    ssim: SsimConfig = Field(default_factory=lambda: SsimConfig(), title="SSIM")
    focal: FocalConfig = Field(default_factory=lambda: FocalConfig(), title="Focal loss")
    detach_recon: bool = Field(
        False, title="Detach reconstruction", description="Keep the segmentation loss from reaching the autoencoder"
    )
