"""Settings of the one path from an image to what a model sees."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from core.config.settings import Settings


class PreprocessConfig(Settings):
    """Which part of an image becomes model input, and how."""

    size: int = Field(128, ge=32, le=2048, title="Image side", description="Side of the square that the model sees")
    crop: Literal["fit", "roi", "tiles"] = Field(
        "fit", title="Crop", description="Whole image, region of interest or cells, or overlapping tiles"
    )
    mode: Literal["stretch", "letterbox"] = Field("stretch", title="Shape", description="Stretch, or keep proportions")
    pad: Literal["edge", "black"] = Field("edge", title="Padding", description="What fills what lies outside")
    resample: Literal["area", "bilinear"] = Field(
        "area", title="Shrinking", description="Average what a model pixel covers, or pick four (as DRAEM's code does)"
    )
    tile: int | None = Field(None, ge=16, title="Tile side", description="In image pixels; empty: the image side")
    overlap: float = Field(
        0.25, ge=0, le=0.75, title="Overlap", description="Share that neighbouring tiles have in common"
    )
    crop_and_pad: Literal["none", "fixed", "auto"] = Field(
        "none", title="Crop and pad", description="Equalise how much of the frame a part fills"
    )
    percent: tuple[float, float, float, float] = Field(
        (0.0, 0.0, 0.0, 0.0), title="Amounts", description="Top, right, bottom, left in percent; negative crops"
    )
    target_fill: float = Field(0.9, gt=0, le=1, title="Fill", description="Share of the frame that a part should fill")

    @model_validator(mode="after")
    def _check(self) -> PreprocessConfig:
        if min(self.percent) <= -50:
            raise ValueError("no more than half of a side can be cropped")
        if self.crop == "tiles" and self.crop_and_pad != "none":
            raise ValueError("tiles keep native pixels: crop and pad cannot act on them")
        return self
