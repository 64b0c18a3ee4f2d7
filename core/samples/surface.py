"""Parts as layers of material: colour, coverage, slope, metal and gloss for every pixel, and the light on them.

A layer is drawn once at `SCALE` times the size of the picture, moved to each part's pose, and lit in the picture:
edges are smooth, and a highlight moves with the lamp instead of being painted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.light import Bytes, Floats, Light

SCALE: Final = 2
_FINE: Final = 4  # drawing masks in the picture: this many steps a pixel
_TILE: Final = 1024

Colour = tuple[float, float, float]
Matrix = NDArray[np.float64]


@dataclass
class Layer:
    """Planes: `body` (4, H, W): linear RGB, coverage; `finish` (4, H, W): slopes x and y, metal, gloss.

    Each is already multiplied by the coverage.
    """

    body: Floats
    finish: Floats

    def copy(self) -> Layer:
        return Layer(self.body.copy(), self.finish.copy())

    @property
    def coverage(self) -> Floats:
        return np.asarray(self.body[3])


@lru_cache(maxsize=8)
def grain(sigma: float, number: int = 0) -> Floats:
    """A fixed tile of noise with grains of about `sigma` pixels, mean 0 and deviation 1, `(1024, 1024) float32`."""
    rng = np.random.default_rng([number, int(sigma * 100)])
    noise = rng.standard_normal((_TILE, _TILE), dtype=np.float32)
    if sigma > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32)
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def cut(tile: Floats, rng: np.random.Generator, width: int, height: int) -> Floats:
    """A random window of a tile."""
    y, x = rng.integers(0, _TILE - height), rng.integers(0, _TILE - width)
    return tile[y : y + height, x : x + width]


def pose(centre: tuple[float, float], *, shift: tuple[float, float], degrees: float, scale: float = 1.0) -> Matrix:
    """Rotation and scale about `centre`, then `shift`: a 2x3 matrix on picture pixels."""
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, degrees, scale), dtype=np.float64)
    matrix[:, 2] += shift
    return matrix


def place(point: tuple[float, float] | NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    """Where drawn points (..., 2) lie in the picture."""
    points = np.asarray(point, dtype=np.float64)
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def moved(layer: Layer, matrix: Matrix, width: int, height: int) -> Layer:
    """A drawn layer (at `SCALE`) in the picture, `(height, width)`."""
    down = matrix.copy()
    down[:, :2] /= SCALE
    down[:, 2] += matrix[:, :2] @ np.full(2, 0.5 / SCALE - 0.5)
    result = Layer(np.empty((4, height, width), np.float32), np.empty((4, height, width), np.float32))
    for source, target in ((layer.body, result.body), (layer.finish, result.finish)):
        for drawn, plane in zip(source, target, strict=True):
            cv2.warpAffine(drawn, down, (width, height), dst=plane, flags=cv2.INTER_LINEAR)
    return result


def over(below: Layer, above: Layer) -> None:
    """Lay `above` on `below`, in place."""
    clear = 1 - above.body[3]
    below.body *= clear
    below.body += above.body
    below.finish *= clear
    below.finish += above.finish


def coat(
    layer: Layer, mask: Floats, colour: Colour | Floats, *, metal: float, gloss: float, flatten: float = 1.0
) -> None:
    """Cover an opaque layer with a material where `mask` is 1, in place; `flatten` = 0 keeps the slopes below."""
    x, y, wide, high = cv2.boundingRect((mask > 0).astype(np.uint8))
    view = (slice(y, y + high), slice(x, x + wide))
    share = mask[view]
    for number, plane in enumerate(layer.body[:3]):
        value = np.float32(colour[number]) if isinstance(colour, tuple) else colour[number][view]
        plane[view] += (value - plane[view]) * share
    layer.finish[:2, view[0], view[1]] *= 1 - np.float32(flatten) * share
    for plane, amount in zip(layer.finish[2:], (metal, gloss), strict=True):
        plane[view] += (np.float32(amount) - plane[view]) * share


def tinted(colour: Colour, factor: Floats) -> Floats:
    """A colour times a factor for every pixel, `(3, H, W) float32`."""
    return np.asarray(np.array(colour, np.float32)[:, None, None] * factor, np.float32)


def slope(layer: Layer, height: Floats) -> None:
    """Add the slopes of a relief, `(H, W) float32` in pixels, in place."""
    layer.finish[0] += cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    layer.finish[1] += cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)


def shade(layer: Layer, light: Light) -> Floats:
    """Linear RGB `(3, H, W)`: matt body plus the mirror image of a coaxial lamp, a ring light and the room."""
    height, width = layer.coverage.shape
    # A mirror away from the axis sees another place of the lamp: bright dies get a soft gradient.
    across = np.linspace(-0.09, 0.09, width, dtype=np.float32)[None, :]
    along = np.linspace(-0.09, 0.09, height, dtype=np.float32)[:, None]
    x = layer.finish[0] + (across + np.float32(light.tilt[0]))
    y = layer.finish[1] + (along + np.float32(light.tilt[1]))
    steep = x * x + y * y
    ring = np.sqrt(steep) - np.float32(0.62)
    lamps = np.exp(steep * np.float32(-22.0))
    lamps += np.exp(ring * ring * np.float32(-42.0)) * np.float32(0.95 * light.ring)
    lamps += np.float32(0.10)
    matt = 1.05 - 0.4 * np.minimum(steep, 1.5) - 0.12 * (x + y)
    metal = layer.finish[2]
    weight = matt * (1 - metal) + lamps * metal
    lit = layer.body[:3] * weight
    lit += lamps * layer.finish[3]
    lit *= np.float32(1.22)
    return np.asarray(np.maximum(lit, 0, out=lit), np.float32)


class Board:
    """A layer being drawn, in picture pixels, at `SCALE`; starts clear."""

    def __init__(self, width: int, height: int) -> None:
        self.shape = (height * SCALE, width * SCALE)
        self.colour: Floats = np.zeros((*self.shape, 3), np.float32)
        self.cover: Floats = np.zeros(self.shape, np.float32)
        self.metal: Floats = np.zeros(self.shape, np.float32)
        self.gloss: Floats = np.zeros(self.shape, np.float32)
        self.relief: Floats = np.zeros(self.shape, np.float32)

    def blank(self) -> Bytes:
        return np.zeros(self.shape, np.uint8)

    def box(self, x0: float, y0: float, x1: float, y1: float, *, radius: float = 0.0) -> Bytes:
        """A mask of a rectangle with rounded corners."""
        mask = self.blank()
        steps = np.linspace(0, np.pi / 2, 7)
        corners = [(x1 - radius, y1 - radius, 0.0), (x0 + radius, y1 - radius, 0.5), (x0 + radius, y0 + radius, 1.0)]
        corners.append((x1 - radius, y0 + radius, 1.5))
        points = [
            (cx + radius * np.cos(a + turn * np.pi), cy + radius * np.sin(a + turn * np.pi))
            for cx, cy, turn in corners
            for a in steps
        ]
        cv2.fillPoly(mask, [self.pixels(points)], 255, cv2.LINE_AA, 4)
        return mask

    def discs(self, centres: list[tuple[float, float]], radius: float) -> Bytes:
        mask = self.blank()
        for x, y in centres:
            px, py = self.pixels([(x, y)])[0]
            cv2.circle(mask, (int(px), int(py)), round(radius * SCALE * 16), 255, -1, cv2.LINE_AA, 4)
        return mask

    def lines(self, paths: list[list[tuple[float, float]]], thick: float) -> Bytes:
        mask = self.blank()
        cv2.polylines(
            mask, [self.pixels(path) for path in paths], False, 255, max(1, round(thick * SCALE)), cv2.LINE_AA, 4
        )
        return mask

    def text(self, words: str, x: float, y: float, tall: float, *, thick: float = 1.0) -> Bytes:
        """A mask of one line of text in the strokes that a laser marker writes; (x, y) is its lower left corner."""
        mask = self.blank()
        size = tall * SCALE / 21.0
        at = (round(x * SCALE), round(y * SCALE))
        cv2.putText(mask, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, max(1, round(thick * SCALE)), cv2.LINE_AA)
        return mask

    def put(
        self,
        mask: Bytes,
        colour: Colour,
        *,
        metal: float = 0.0,
        gloss: float = 0.02,
        rise: float = 0.0,
        soft: float = 1.0,
        opaque: float = 1.0,
    ) -> None:
        """Lay a material; `rise` pixels high with an edge of about `soft` pixels."""
        share = mask.astype(np.float32) * np.float32(opaque / 255)
        self.colour += (np.array(colour, np.float32) - self.colour) * share[..., None]
        self.metal += (metal - self.metal) * share
        self.gloss += (gloss - self.gloss) * share
        self.cover = np.maximum(self.cover, share)
        if rise:
            self.relief += cv2.GaussianBlur(share, (0, 0), soft * SCALE) * np.float32(rise * SCALE)

    def pixels(self, points: list[tuple[float, float]]) -> NDArray[np.int32]:
        """Picture coordinates as OpenCV's fixed point with four fractional bits, on the drawn scale."""
        places = (np.asarray(points, np.float64) + 0.5) * SCALE - 0.5
        return np.rint(places * 16).astype(np.int32)

    def layer(self) -> Layer:
        """The finished layer; slightly softened, because moving it halves its resolution."""
        smooth = cv2.GaussianBlur(self.relief, (0, 0), 0.8)
        dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
        dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
        body = np.dstack([self.colour * self.cover[..., None], self.cover])
        finish = np.dstack([dx, dy, self.metal, self.gloss]) * self.cover[..., None]
        return Layer(
            np.ascontiguousarray(cv2.GaussianBlur(body, (0, 0), 0.7).transpose(2, 0, 1), np.float32),
            np.ascontiguousarray(cv2.GaussianBlur(finish, (0, 0), 0.7).transpose(2, 0, 1), np.float32),
        )


def stroke(paths: list[NDArray[np.float64]], thick: float, width: int, height: int) -> Floats:
    """A smooth mask of lines `thick` pixels wide in the picture, `(H, W) float32` in 0..1."""
    mask = np.zeros((height * _FINE, width * _FINE), np.uint8)
    cv2.polylines(mask, [_fine(path) for path in paths], False, 255, max(1, round(thick * _FINE)), cv2.LINE_8, 4)
    return _coarse(mask, width, height)


def region(paths: list[NDArray[np.float64]], width: int, height: int) -> Floats:
    """A smooth mask of filled polygons in the picture, `(H, W) float32` in 0..1."""
    mask = np.zeros((height * _FINE, width * _FINE), np.uint8)
    cv2.fillPoly(mask, [_fine(path) for path in paths], 255, cv2.LINE_8, 4)
    return _coarse(mask, width, height)


def _fine(path: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(((np.asarray(path) + 0.5) * _FINE - 0.5) * 16).astype(np.int32)


def _coarse(mask: Bytes, width: int, height: int) -> Floats:
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def box_distance(
    matrix: Matrix, box: tuple[float, float, float, float], width: int, height: int
) -> tuple[Floats, Floats, Floats]:
    """Signed distance to a drawn rectangle and its gradient, in the picture: negative inside; each `(H, W) float32`."""
    x0, y0, x1, y1 = box
    cx, cy = place(((x0 + x1) / 2, (y0 + y1) / 2), matrix)
    size = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    cos, sin = matrix[0, 0] / size, matrix[1, 0] / size
    px = np.arange(width, dtype=np.float32)[None, :] - np.float32(cx)
    py = np.arange(height, dtype=np.float32)[:, None] - np.float32(cy)
    qx = np.float32(cos) * px + np.float32(sin) * py
    qy = np.float32(cos) * py - np.float32(sin) * px
    ax = np.abs(qx) - np.float32((x1 - x0) / 2 * size)
    ay = np.abs(qy) - np.float32((y1 - y0) / 2 * size)
    ox, oy = np.maximum(ax, 0), np.maximum(ay, 0)
    outside = np.sqrt(ox * ox + oy * oy)
    distance = outside + np.minimum(np.maximum(ax, ay), 0)
    reach = np.maximum(outside, np.float32(0.5))
    gx, gy = np.sign(qx) * ox / reach, np.sign(qy) * oy / reach
    return distance, gx, gy
