"""A defect cut out from two kinds of scribbles: on it, and beside it.

C. Rother, V. Kolmogorov, A. Blake, "GrabCut", SIGGRAPH 2004, as OpenCV has it, in a window around the scribbles. A
window of more than 16,384 pixels is halved until it is smaller; the border that is found there is then looked for again
at full size, pixel by pixel, by the colours on either side of it. So the time is bounded for any image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.annotation.assist import Rgb
from core.annotation.shapes import Patch, cropped, placed
from core.annotation.strokes import Bits
from core.words import Box

_LARGEST: Final = 1 << 14  # pixels that GrabCut sees at once
_ROUNDS: Final = 3
_LEAST_MARGIN: Final = 24  # pixels around the scribbles
_WINDOWS: Final = 3  # so many times the margin is doubled while what is found goes on beyond it
_LEAST_SPREAD: Final = 4.0  # grey levels
_ALIKE: Final = 12.0  # squared distance, in spreads: what is that near may belong to the defect
_SEED: Final = 20040801  # GrabCut draws its first clusters by lot


def cut_out(image: Rgb, defect: Sequence[Patch], beside: Sequence[Patch]) -> Patch | None:
    """What belongs to the scribbles `defect` and not to those `beside` it; None without a pixel of a defect.

    `image` is (H, W, 3) uint8 RGB. The result holds every pixel of the former and none of the latter (where both are,
    `beside` counts), and only parts that a scribble of the former lies in.
    """
    size = (image.shape[1], image.shape[0])
    boxes = np.array([box for _, box in (*defect, *beside)]).reshape(-1, 4)
    margin = _LEAST_MARGIN
    if boxes.size:
        margin = max(margin, int((boxes[:, 2:].max(axis=0) - boxes[:, :2].min(axis=0)).max()) // 2)
    found: Patch | None = None
    for _ in range(_WINDOWS):
        window = _window(boxes, margin, size)
        found = None if window is None else _cut(image, window, defect, beside)
        if window is None or found is None or not _leaves(found[1], window, size):
            break
        margin *= 2
    return found


def _window(boxes: NDArray[np.int64], margin: int, size: tuple[int, int]) -> Box | None:
    """The box around all of them, with its margin, on the image; None when they lie beside it."""
    if not boxes.size:
        return None
    low = np.maximum(boxes[:, :2].min(axis=0) - margin, 0)
    high = np.minimum(boxes[:, 2:].max(axis=0) + margin, size)
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1])) if (low < high).all() else None


def _leaves(box: Box, window: Box, size: tuple[int, int]) -> bool:
    """Whether what was found reaches an edge of the window where the image goes on."""
    return any(one == edge != last for one, edge, last in zip(box, window, (0, 0, *size), strict=True))


def _cut(image: Rgb, window: Box, defect: Sequence[Patch], beside: Sequence[Patch]) -> Patch | None:
    never = _union(beside, window)
    sure = _union(defect, window) & ~never
    if not sure.any():
        return None
    colours = np.ascontiguousarray(image[window[1] : window[3], window[0] : window[2]])
    factor = 1
    while sure.size > _LARGEST * factor * factor:
        factor *= 2
    if factor == 1:
        found = _grab(colours, sure, never)
    else:
        size = (-(-colours.shape[1] // factor), -(-colours.shape[0] // factor))
        small = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
        reduced = _reduced(sure, size)
        found = _refined(colours, _grab(small, reduced, _reduced(never, size) & ~reduced), factor)
    return cropped(_held((found | sure) & ~never, sure), window)


def _union(patches: Sequence[Patch], window: Box) -> Bits:
    found = np.zeros((window[3] - window[1], window[2] - window[0]), np.bool_)
    for patch in patches:
        found |= placed(patch, window)
    return found


def _grab(colours: Rgb, sure: Bits, never: Bits) -> Bits:
    state = np.full(sure.shape, cv2.GC_PR_BGD, np.uint8)
    if never.any():
        state[_resembles(colours, sure, never)] = cv2.GC_PR_FGD
    state[never] = cv2.GC_BGD
    state[sure] = cv2.GC_FGD
    if sure.all():
        return sure
    cv2.setRNGSeed(_SEED)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(colours, state, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray(state & 1 == 1)


def _resembles(colours: Rgb, sure: Bits, never: Bits) -> Bits:
    """Pixels whose colour is nearer to that on the defect than to that beside it, measured by how far either varies."""
    apart = []
    for side in (sure, never):
        mean, spread = colours[side].mean(axis=0), colours[side].std(axis=0) + _LEAST_SPREAD
        apart.append((((colours - mean) / spread) ** 2).sum(axis=2))
    return np.asarray((apart[0] < apart[1]) & (apart[0] < _ALIKE))


def _reduced(bits: Bits, size: tuple[int, int]) -> Bits:
    """What of it is seen in an image of that size: all."""
    return np.asarray(cv2.resize(bits.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0)


def _refined(colours: Rgb, coarse: Bits, factor: int) -> Bits:
    """The border of `coarse` at full size: a pixel near it goes to the side whose colours around it are nearer."""
    size = (colours.shape[1], colours.shape[0])
    share = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    inside, outside = share > 0.99, share < 0.01
    near = (4 * factor + 1, 4 * factor + 1)
    to_inside, has_inside = _apart(colours, inside, near)
    to_outside, has_outside = _apart(colours, outside, near)
    closer = np.where(has_inside & has_outside, to_inside < to_outside, share >= 0.5)
    return np.asarray(inside | (~outside & closer))


def _apart(colours: Rgb, side: Bits, near: tuple[int, int]) -> tuple[NDArray[np.float32], Bits]:
    """Each pixel's squared distance in colour from the mean of `side` around it, and whether there is any of it."""
    weight = side.astype(np.float32)
    counts = cv2.boxFilter(weight, -1, near, normalize=False, borderType=cv2.BORDER_CONSTANT)
    sums = cv2.boxFilter(
        colours.astype(np.float32) * weight[..., None], -1, near, normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    apart = colours - sums / np.maximum(counts, 1)[..., None]
    return np.asarray((apart * apart).sum(axis=2)), counts > 0.5


def _held(found: Bits, sure: Bits) -> Bits:
    """The connected parts of `found` that a pixel of `sure` lies in."""
    count, numbers = cv2.connectedComponents(found.view(np.uint8), connectivity=8)
    wanted = np.zeros(count, np.bool_)
    wanted[numbers[sure]] = True
    wanted[0] = False
    return np.asarray(wanted[numbers])
