"""Settings of artificial defects and of the augmentation of good images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from core.config.settings import Settings

TextureSourceName = Annotated[str, StringConstraints(pattern=r"^(procedural|self|rgb|coloured|folder:.+)$")]


class PerlinConfig(Settings):
    """The noise that a defect's outline is cut from."""

    min_exp: int = Field(0, ge=0, le=8, title="Coarsest", description="Cells a side are 2 to this power at least")
    max_exp: int = Field(5, ge=0, le=8, title="Finest", description="Cells a side are 2 to this power at most")
    cap: bool = Field(True, title="No specks", description="Keep cells at 8 px or more on small images")
    threshold: float = Field(0.5, gt=0, lt=1, title="Threshold", description="Noise above it becomes defect")
    rotate: float = Field(
        90.0, ge=0, le=180, title="Rotation", description="Noise is turned by up to this many degrees"
    )

    @model_validator(mode="after")
    def _order(self) -> PerlinConfig:
        if self.min_exp > self.max_exp:
            raise ValueError("the coarsest exponent is above the finest")
        return self


class SimulateConfig(Settings):
    """How an image with an artificial defect is made (DRAEM, with four augmenters as in PRFF-AD)."""

    p_clean: float = Field(0.5, ge=0, le=1, title="Left clean", description="Share of images that get no defect")
    textures: tuple[TextureSourceName, ...] = Field(
        ("procedural", "self"),
        title="Textures",
        description="Where a defect's surface comes from: procedural, self (training images), rgb (random colours), "
        "coloured (noise in two colours), folder:PATH",
    )
    texture_augs: int = Field(
        4, ge=0, le=10, title="Augmenters", description="How many of the ten a texture goes through"
    )
    perlin: PerlinConfig = Field(default_factory=lambda: PerlinConfig(), title="Noise")
    image_weight: tuple[float, float] = Field(
        (0.0, 0.8), title="Transparency", description="Range of the image's own weight inside a defect"
    )
    redraw_empty: int = Field(
        10, ge=0, le=50, title="Redraws", description="How often an empty outline is drawn again; 0 as published"
    )
    least_area: int = Field(
        0, ge=0, title="Least area", description="Outlines below it, in pixels at 256 px, are drawn again; 0: any"
    )
    mild: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Mild defects",
        description="Share of defects that are the image itself, shifted or slightly recoloured; 0 as published",
    )
    least_change: float = Field(
        0.0,
        ge=0,
        le=0.5,
        title="Least change",
        description="Pixels that change by less stay as they were and are no defect; 0 as published",
    )
    strokes: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Scratches and spots",
        description="Share of outlines drawn as scratches and spots instead of noise; 0 as published",
    )

    @field_validator("textures")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one source of textures is needed")
        return value

    @field_validator("image_weight")
    @classmethod
    def _range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] <= value[1] < 1:
            raise ValueError("the range lies within 0 and 1, smaller number first")
        return value


class AugmentConfig(Settings):
    """What happens to a good image before it is shown: the result is also what must be reconstructed."""

    rotate_p: float = Field(0.3, ge=0, le=1, title="Rotated", description="Share of images that are turned")
    rotate_deg: float = Field(90.0, ge=0, le=180, title="Rotation", description="By up to this many degrees")
    rotate_fill: Literal["black", "edge", "reflect"] = Field(
        "black", title="Corners", description="What fills the corners of a turned image; black as published"
    )
    flip_h: float = Field(0.0, ge=0, le=1, title="Mirrored", description="Share mirrored left to right")
    flip_v: float = Field(0.0, ge=0, le=1, title="Upside down", description="Share mirrored top to bottom")
    shift: float = Field(
        0.0, ge=0, le=0.25, title="Shift", description="Moved by up to this share of the side, edges repeated"
    )
    brightness: float = Field(
        0.0, ge=0, le=0.5, title="Light", description="Brightness and contrast change by up to this share"
    )
