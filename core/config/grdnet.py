"""Settings of the GRD-Net networks and losses (Int. J. Intelligent Systems 2023, 7773481); defaults are the published
ones, and where the paper is silent the reading that its figures and tables support."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from core.config.network import FocalConfig, SsimConfig
from core.config.settings import Settings

RoiMode = Literal["target", "prediction", "ablation1", "ablation3", "ablation4"]
Block = Literal["preact", "fig5", "plain"]


class GrdNetworkConfig(Settings):
    """Generator (encoder, decoder, encoder), its critic, and the network that judges."""

    kind: Literal["grdnet"] = Field("grdnet", title="Networks")
    channels: tuple[int, ...] = Field(
        (32, 64, 128, 256, 512, 512), title="Channels", description="Of the stem and after each halving of the side"
    )
    block: Block = Field(
        "preact",
        title="Blocks",
        description="preact: residual, norm and activation first; fig5: as the paper draws them, without norm; "
        "plain: without shortcut, the vanilla autoencoder",
    )
    latent: Literal["conv", "dense"] = Field(
        "conv", title="Bottleneck", description="conv: a map that keeps places; dense: one vector (DRAE)"
    )
    latent_channels: int = Field(32, ge=1, le=1024, title="Latent channels", description="Of the map")
    latent_length: int = Field(2048, ge=1, le=65536, title="Latent length", description="Of the vector")
    unet: int = Field(64, ge=4, le=256, title="U-Net width", description="Of the judging network's first stage")

    @field_validator("channels")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(value) < 2 or min(value) < 1:
            raise ValueError("channels are at least two positive numbers: the stem's and one for each halving")
        return value

    def rough_weights(self) -> float:
        """Parameters, roughly: what the size of a checkpoint is guessed from."""
        return 95e6 * (self.channels[-1] / 512) ** 2 + (270e6 if self.latent == "dense" else 0)

    def side_step(self) -> int:
        """What the image side must be a multiple of: the encoder halves it, DRAEM's U-Net needs 32."""
        return max(32, 1 << (len(self.channels) - 1))


class GrdLossConfig(Settings):
    """L = w_adv adversarial + w_con (w_l1 L1 + w_ssim (1 - SSIM)) + w_enc encoder, and a focal loss for the map."""

    kind: Literal["grdnet"] = Field("grdnet", title="Losses")
    w_adv: float = Field(1.0, ge=0, title="Weight of adversarial loss", description="w1, on features")
    w_con: float = Field(50.0, ge=0, title="Weight of contextual loss", description="w2: distance of the images")
    w_enc: float = Field(1.0, ge=0, title="Weight of encoder loss", description="w3: distance of the latents")
    w_l1: float = Field(1.0, ge=0, title="Weight of L1", description="wa, within the contextual loss")
    w_ssim: float = Field(1.0, ge=0, title="Weight of SSIM", description="wb, within the contextual loss")
    encoder: Literal["l2", "l1"] = Field("l2", title="Encoder distance")
    ssim: SsimConfig = Field(default_factory=lambda: SsimConfig(padding="reflect"), title="SSIM")
    focal: FocalConfig = Field(default_factory=lambda: FocalConfig(smooth=0.0), title="Focal loss")
    roi_mode: RoiMode = Field(
        "target",
        title="ROI enters",
        description="target: defects outside count as background, so that the network learns the region; prediction: "
        "the map is blanked outside (equation 5 to the letter); ablation1, 3, 4: with an overlap term",
    )
    overlap: float = Field(0.5, ge=0, le=1, title="Overlap weight", description="w of the ablations")
