"""Light and camera: what makes two pictures of one good part differ.

Scenes are drawn in linear light, `(3, H, W) float32` (planes are several times faster here than interleaved pixels),
1.0 = white under the nominal exposure. `expose` adds the
lamp's gradient, vignetting, exposure and colour; `develop` adds sensor noise and the tone curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.names import KINDS, Kind

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

LOT_SIZE: Final = 20
"""Parts in a lot: index 0..19 is lot 1. Light drifts a little from lot to lot."""

_ROOT_MAX: Final = 1.6
_STEPS: Final = 4096


def stream(kind: Kind, seed: int, purpose: int, number: int) -> np.random.Generator:
    """A generator of its own for each purpose, so that what one draws never shifts what another draws."""
    return np.random.default_rng([seed & 0x7FFFFFFF, KINDS.index(kind), purpose, number])


@dataclass(frozen=True)
class Light:
    """One exposure: lamp, lens and sensor."""

    exposure: float
    warmth: float  # > 0 warmer; red and blue gain move apart
    gradient: tuple[float, float]  # relative change from the middle to the right and the lower border
    vignette: float  # loss in the corners
    tilt: tuple[float, float]  # slope at which a mirror throws the lamp into the lens
    ring: float  # strength of the ring light against the coaxial light
    defocus: float  # Gaussian sigma in pixels
    noise: float  # standard deviation of the root of the signal (shot noise)


def light_of(kind: Kind, *, seed: int, index: int) -> Light:
    """The light of part `index`: the drift of its lot plus its own jitter."""
    lot = stream(kind, seed, 1, index // LOT_SIZE)
    own = stream(kind, seed, 2, index)

    def drifted(per_lot: float, per_part: float) -> float:
        return float(lot.uniform(-per_lot, per_lot) + own.uniform(-per_part, per_part))

    return Light(
        exposure=1.0 + drifted(0.03, 0.05),
        warmth=drifted(0.015, 0.012),
        gradient=(drifted(0.04, 0.06), drifted(0.04, 0.06)),
        vignette=0.15 + drifted(0.02, 0.02),
        tilt=(drifted(0.015, 0.02), drifted(0.015, 0.02)),
        ring=1.0 + drifted(0.05, 0.06),
        defocus=0.62 + drifted(0.04, 0.12),
        noise=0.0075 + drifted(0.0005, 0.0015),
    )


def field(light: Light, width: int, height: int) -> Floats:
    """Illumination over the image, `(H, W) float32` around 1."""
    x = np.linspace(-1, 1, 32, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
    small = (1 + light.gradient[0] * x + light.gradient[1] * y) * (1 - light.vignette * (x * x + y * y) / 2)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def expose(scene: Floats, light: Light) -> Floats:
    """The square root of what the sensor receives, without noise, `(3, H, W) float32`."""
    height, width = scene.shape[1:]
    gains = np.array([1 + light.warmth, 1.0, 1 - light.warmth], dtype=np.float32) * np.float32(light.exposure)
    lit = scene * field(light, width, height)
    for plane, gain in zip(lit, gains, strict=True):
        plane *= gain
        cv2.GaussianBlur(plane, (0, 0), light.defocus, dst=plane)
    return np.asarray(np.sqrt(np.maximum(lit, 0, out=lit), out=lit), np.float32)


def sensor_noise(rng: np.random.Generator, light: Light, width: int, height: int) -> Floats:
    """Noise of the signal's root, `(3, H, W)`: fine in brightness, coarser in colour as after demosaicing."""
    grey = rng.standard_normal((height, width), dtype=np.float32)
    grey *= np.float32(light.noise)
    colour = rng.standard_normal((3, (height + 1) // 2, (width + 1) // 2), dtype=np.float32)
    colour *= np.float32(0.7 * light.noise)
    noise = np.empty((3, height, width), np.float32)
    for plane, coarse in zip(noise, colour, strict=True):
        cv2.resize(coarse, (width, height), dst=plane, interpolation=cv2.INTER_LINEAR)
    noise += grey
    return noise


@lru_cache(maxsize=1)
def _tone_curve() -> Floats:
    root = np.linspace(0, _ROOT_MAX, _STEPS, dtype=np.float64)
    signal = root * root
    shoulder = signal * (1 + signal / 1.9) / (1 + 0.72 * signal)  # near linear, then a soft roll-off to white
    return np.asarray(np.clip(shoulder, 0, 1) ** (1 / 2.05) * 255, dtype=np.float32)


def tone(root: Floats) -> Floats:
    """Grey levels 0..255 as float32, from the root of the signal."""
    steps = np.clip(root * np.float32((_STEPS - 1) / _ROOT_MAX), 0, _STEPS - 1).astype(np.uint16)
    return np.asarray(_tone_curve()[steps], dtype=np.float32)


def develop(root: Floats, noise: Floats) -> Bytes:
    """The picture as saved by the camera, `(H, W, 3) uint8`."""
    grey = np.rint(tone(root + noise)).astype(np.uint8)
    return np.ascontiguousarray(grey.transpose(1, 2, 0))
