"""Settings of the two models that the core models grew from: DRAEM (ICCV 2021) and GANomaly (ACCV 2018)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.config.network import FocalConfig, SsimConfig
from core.config.settings import Settings


class DraemNetworkConfig(Settings):
    """A plain autoencoder and a U-Net that sees image and reconstruction."""

    kind: Literal["draem"] = Field("draem", title="Networks")
    width: int = Field(128, ge=4, le=512, title="Width", description="Channels of the autoencoder's first stage")
    unet: int = Field(64, ge=4, le=256, title="U-Net width", description="Channels of the U-Net's first stage")
    out_bias: float | None = Field(
        None, ge=0, le=1, title="First grey", description="Where reconstructions start; empty: black, as published"
    )

    def rough_weights(self) -> float:
        """Parameters, roughly: what the size of a checkpoint is guessed from."""
        return 97e6 * (self.width / 128) ** 2

    def side_step(self) -> int:
        """What the image side must be a multiple of."""
        return 32


class DraemLossConfig(Settings):
    """L = w_mse MSE + w_ssim (1 - SSIM) + w_seg focal; the focal loss reaches the autoencoder, too."""

    kind: Literal["draem"] = Field("draem", title="Losses")
    w_mse: float = Field(1.0, ge=0, title="Weight of MSE")
    w_ssim: float = Field(1.0, ge=0, title="Weight of SSIM")
    w_seg: float = Field(1.0, ge=0, title="Weight of segmentation")
    ssim: SsimConfig = Field(default_factory=lambda: SsimConfig(), title="SSIM")
    focal: FocalConfig = Field(default_factory=lambda: FocalConfig(), title="Focal loss")


class GanomalyNetworkConfig(Settings):
    """DCGAN's encoder, decoder and a second encoder; the critic is an encoder that ends in one number."""

    kind: Literal["ganomaly"] = Field("ganomaly", title="Networks")
    width: int = Field(64, ge=4, le=256, title="Width", description="Channels of the first stage")
    latent: int = Field(100, ge=1, le=4096, title="Latent length", description="nz")

    def rough_weights(self) -> float:
        """Parameters, roughly, at 256 px: what the size of a checkpoint is guessed from."""
        return 189e6 * (self.width / 64) ** 2

    def side_step(self) -> int:
        """What the image side must be: a power of two, which multiples of 32 up to the sides in use are checked for."""
        return 32


class GanomalyLossConfig(Settings):
    """L = w_adv adversarial + w_con L1 + w_enc encoder, on images in [-1, 1]."""

    kind: Literal["ganomaly"] = Field("ganomaly", title="Losses")
    w_adv: float = Field(1.0, ge=0, title="Weight of adversarial loss")
    w_con: float = Field(50.0, ge=0, title="Weight of contextual loss")
    w_enc: float = Field(1.0, ge=0, title="Weight of encoder loss")
