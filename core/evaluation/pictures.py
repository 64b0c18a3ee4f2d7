"""What a heatmap looks like: contour on the untouched image, heat, ground truth and reconstruction, side by side.

Colours are Okabe-Ito: the machine's contour is yellow, the painted defect vermilion. Heat is inferno on one scale for a
whole training, clear below half the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.evaluation.curves import LEVELS, to_levels
from core.evaluation.maps import running_mean

Rgb = NDArray[np.uint8]

CONTOUR: Final = (240, 228, 66)
TRUTH: Final = (213, 94, 0)
_HALO: Final = (20, 20, 20)
_PAPER: Final = (24, 24, 27)
_INK: Final = (228, 228, 231)
_GAP: Final = 8
_CAPTION: Final = 30
_KERNEL: Final = 21 / 256
"""Side of the mean that makes a score out of a map, as a share of the image (spec/prff.md 9.1)."""


@dataclass(frozen=True)
class Panels:
    """Pictures of one image, all (h, w, 3) uint8 RGB of one size; None where there is nothing to show."""

    image: Rgb
    heat: Rgb
    truth: Rgb | None
    reconstruction: Rgb | None

    def named(self) -> list[tuple[str, Rgb]]:
        """The panels that exist, with their captions, in reading order."""
        every = [
            ("Image", self.image),
            ("Heatmap", self.heat),
            ("Ground truth", self.truth),
            ("Reconstruction", self.reconstruction),
        ]
        return [(name, picture) for name, picture in every if picture is not None]


def panels(
    image: Rgb,
    anomaly: NDArray[Any],
    *,
    threshold: float,
    rejected: bool | None = None,
    mask: NDArray[np.uint8] | None = None,
    reconstruction: Rgb | None = None,
    side: int = 384,
    top: float = 1.0,
) -> Panels:
    """The panels of an image (H, W, 3), its map (any size, uint16 or float in [0, 1]) and its mask (any size).

    `rejected` is the judgement where the caller knows it: a pass shows no contour. Without it the map is averaged as
    for a score and judged here. The longest side becomes `side`; `top` is the value at the hot end of the scale.
    """
    plain = _fit(image, side)
    height, width = plain.shape[:2]
    values = cv2.resize(
        to_levels(anomaly).astype(np.float32) / (LEVELS - 1), (width, height), interpolation=cv2.INTER_LINEAR
    )
    region = contour_region(values, threshold, rejected=rejected)
    truth = None
    if mask is not None and mask.any():
        truth = _outlined(plain, _shrunk(mask, width, height), TRUTH, tint=0.22)
    return Panels(
        image=_outlined(plain, region, CONTOUR),
        heat=heat_overlay(plain, values, threshold=threshold, top=top),
        truth=truth,
        reconstruction=None if reconstruction is None else _resize(reconstruction, width, height),
    )


def heatmap_picture(
    image: Rgb,
    anomaly: NDArray[Any],
    *,
    threshold: float,
    rejected: bool | None = None,
    mask: NDArray[np.uint8] | None = None,
    reconstruction: Rgb | None = None,
    side: int = 384,
    top: float = 1.0,
    caption: str = "",
) -> Rgb:
    """The panels with captions in one (h, w, 3) uint8 picture: side by side, or below each other when they are wide.

    `caption` (Latin letters) stands after "Image".
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = panels(
        image,
        anomaly,
        threshold=threshold,
        rejected=rejected,
        mask=mask,
        reconstruction=reconstruction,
        side=side,
        top=top,
    ).named()
    height, width = shown[0][1].shape[:2]
    cell_height, cell_width = _CAPTION + height, width + _GAP
    down, across = (len(shown), 1) if is_wide(shown[0][1]) else (1, len(shown))
    canvas = np.full((cell_height * down + _GAP, cell_width * across + _GAP, 3), _PAPER, np.uint8)
    corners = [(_CAPTION + k // across * cell_height, _GAP + k % across * cell_width) for k in range(len(shown))]
    for (y, x), (_, picture) in zip(corners, shown, strict=True):
        canvas[y : y + height, x : x + width] = picture
    drawn = Image.fromarray(canvas)
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(size=15)
    for place, ((y, x), (name, _)) in enumerate(zip(corners, shown, strict=True)):
        text = f"{name}  {caption}" if caption and not place else name
        pen.text((x + 1, y - _CAPTION + 7), _shortened(text, font.getlength, width), fill=_INK, font=font)
    return np.asarray(drawn, dtype=np.uint8)


def is_wide(picture: Rgb) -> bool:
    """Whether panels of this shape stand better below each other: a strip of vials, a board."""
    return bool(picture.shape[1] > 1.8 * picture.shape[0])


def heat_overlay(image: Rgb, values: NDArray[np.float32], *, threshold: float, top: float = 1.0) -> Rgb:
    """Inferno over an image (H, W, 3) from a map (H, W) in [0, 1]: clear below threshold / 2, dense from it on."""
    start = threshold / 2
    end = max(top, 1.5 * threshold, 1e-6)
    warmth = np.clip((values - start) / (end - start), 0.0, 1.0)
    # the darkest fifth of inferno would read as a shadow of the part
    index = np.rint(255 * (0.2 + 0.8 * warmth)).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(index, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    density = np.clip((values - start) / max(threshold - start, 1e-6), 0.0, 1.0)[..., None] * 0.72
    return np.asarray(np.rint(image * (1 - density) + colours * density), dtype=np.uint8)


def contour_region(values: NDArray[np.float32], threshold: float, *, rejected: bool | None = None) -> NDArray[np.bool_]:
    """What the contour encloses: the parts of map >= threshold that the averaged map, and so the score, confirms.

    `values` (H, W) in [0, 1]. Specks that no score rests on are left out; a known reject always shows something.
    """
    raw = values >= threshold
    if rejected is False or not raw.any():
        return np.zeros_like(raw)
    kernel = 2 * int(_KERNEL * max(values.shape) / 2) + 1
    confirmed = cv2.dilate(
        (running_mean(values, kernel) >= threshold).astype(np.uint8), np.ones((kernel, kernel), np.uint8)
    )
    count, labels = cv2.connectedComponents(raw.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, dtype=bool)
    keep[np.unique(labels[(confirmed > 0) & raw])] = True
    if rejected and not keep.any():
        return raw
    return np.asarray(keep[labels] & raw, dtype=np.bool_)


def _outlined(image: Rgb, region: NDArray[np.bool_], colour: tuple[int, int, int], tint: float = 0.0) -> Rgb:
    """The image with the region's outline over a dark halo, so that it shows on bright and dark ground."""
    picture = image.copy()
    if tint:
        picture[region] = np.rint(picture[region] * (1 - tint) + np.array(colour) * tint)
    outlines, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    shadow = cv2.drawContours(picture.copy(), outlines, -1, _HALO, 4, cv2.LINE_AA)
    picture = np.asarray(cv2.addWeighted(picture, 0.45, shadow, 0.55, 0), dtype=np.uint8)
    cv2.drawContours(picture, outlines, -1, colour, 2, cv2.LINE_AA)
    return picture


def _shrunk(mask: NDArray[np.uint8], width: int, height: int) -> NDArray[np.bool_]:
    """The mask at the size of the picture; a defect thinner than one of its pixels is still there."""
    share = cv2.resize((mask > 0).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    region = share >= 0.5
    return np.asarray(region if region.any() else share > 0, dtype=np.bool_)


def _fit(image: Rgb, side: int) -> Rgb:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    return _resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


def _resize(image: Rgb, width: int, height: int) -> Rgb:
    shrinks = width * height < image.shape[0] * image.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=way), dtype=np.uint8)


def _shortened(text: str, length: Callable[[str], float], width: int) -> str:
    while len(text) > 4 and length(text) > width:
        text = text[:-2].rstrip() + "…"
    return text
