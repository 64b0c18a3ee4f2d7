"""How a view's template lies on an image: shifted, or shifted, turned and scaled, with a confidence that says how well.

A first guess comes from phase correlation (Kuglin & Hines 1975), turn and scale from phase correlation of the spectra
in log-polar coordinates (Reddy & Chatterji 1996), or, where both see little, from ORB features and RANSAC. Each guess
is refined by inverse compositional Lucas-Kanade (Baker & Matthews 2004) in the four parameters of a similarity, and
what agrees best with the template wins. All of it happens on grey copies of at most 512 pixels a side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.words import Matrix

Way = Literal["off", "translation", "similarity"]
WAYS: Final[tuple[Way, ...]] = ("off", "translation", "similarity")
SIDE: Final = 512  # pixels of the longer side of what is compared
LOW: Final = 0.5  # a confidence below it is flagged: fixtured parts of one product reach 0.8 and more

Grey = NDArray[np.float32]
Affine = NDArray[np.float64]  # (3, 3), template -> image, in pixels of the copies, centres at whole numbers

_FINE: Final = 2.0  # px of SIDE: smaller structure is noise
_COARSE: Final = 32.0  # larger structure is light
_STEPS: Final = 25
_STILL: Final = 0.004  # px: a smaller step ends the refining
_MARGIN: Final = 0.03  # of SIDE: so much around the zones counts as well, their outline among it
_LIKES_STILL: Final = 0.0002  # what moves nothing is preferred by this
_BETTER: Final = 0.02  # a large motion has to be better by this
_SURE: Final = 0.9  # beyond it no turn is looked for
_ENOUGH: Final = 0.85  # of the zones seen: a part that lies larger reaches beyond the image, and is no worse for it
_DOUBTFUL: Final = 0.6  # below it features are looked at as well
_SCALES: Final = (0.75, 1.33)
_FLAT: Final = 0.5  # grey levels: a picture with less contrast shows nothing
_FEATURES: Final = 800
_INLIERS: Final = 12


@dataclass(frozen=True)
class Fit:
    """Where the template lies on one image, and how well.

    `confidence` is the normalised correlation (negative: 0) of template and image within the zones and a little
    around them, once the image lies as `matrix` says, of structure between 2 and 32 of 512 pixels, times the share of
    the zones that the image covers. 1.0 is the same picture; pictures of something else stay below 0.2, unless they
    show a thing of the same outline.
    """

    matrix: Matrix  # template pixels -> image pixels, centres of pixels at whole numbers
    confidence: float
    method: str  # "as it lies", "phase correlation", "log-polar" or "features"


class Template:
    """A template picture made ready to be found on many images; may be used from several threads."""

    def __init__(
        self, picture: NDArray[np.uint8], size: tuple[int, int], region: NDArray[np.uint8] | None = None
    ) -> None:
        """`picture` (h, w, 3) or (h, w) uint8: the template image at any size; `size` its true (width, height).

        `region` (height, width) of 0 and 1: where the zones lie; None: everywhere.
        """
        self._size = size
        factor = min(1.0, SIDE / max(size))
        self._shape = (max(8, round(size[1] * factor)), max(8, round(size[0] * factor)))
        self._grey = _grey(picture, self._shape)
        self._unit = max(self._shape) / SIDE
        self._bands = _band(self._grey, self._unit)
        self._weight = self._weights(region)
        self._levels = [_Level(_half(self._bands), _half(self._weight)), _Level(self._bands, self._weight)]

    def align(self, picture: NDArray[np.uint8], size: tuple[int, int], way: Way) -> Fit:
        """How the template lies on an image given at any size; `size` its true (width, height).

        An image of another size is first stretched to the template's, as a region without a matrix is.
        """
        grey = _grey(picture, self._shape)
        bands = _band(grey, self._unit)
        image = _Seen(grey, bands, _half(bands))
        best = self._measured(np.eye(3), image, "as it lies")
        if way != "off" and float(grey.std()) >= _FLAT and float(self._grey.std()) >= _FLAT:
            best = self._shifted(image, best, turns=way == "similarity")
            if way == "similarity":
                best = self._turned(image, best)
        return Fit(self._whole(best.affine, size), round(best.agreement, 4), best.method)

    def _shifted(self, image: _Seen, best: _Guess, *, turns: bool) -> _Guess:
        guesses = (np.eye(3), self._shift(image.bands, whole=True), self._shift(image.bands, whole=False))
        found = self._refined(guesses, image, "phase correlation", turns=False)
        best = found if found.liking > best.liking + _LIKES_STILL else best
        if turns:
            found = self._refined((best.affine,), image, "phase correlation", turns=True)
            best = found if found.liking > best.liking + _LIKES_STILL else best
        return best

    def _turned(self, image: _Seen, best: _Guess) -> _Guess:
        if best.agreement < _SURE:
            found = self._refined(self._log_polar(image), image, "log-polar", turns=True)
            best = found if found.liking > best.liking + _BETTER else best
        if best.agreement < _DOUBTFUL:
            found = self._refined(self._features(image), image, "features", turns=True)
            best = found if found.liking > best.liking + _BETTER else best
        return best

    def _shift(self, bands: Grey, *, whole: bool) -> Affine:
        """The shift that phase correlation sees, of the whole picture or of the zones alone."""
        mine = self._bands if whole else self._bands * self._weight
        (x, y), _ = cv2.phaseCorrelate(mine * self._hann, bands * self._hann)
        shift = np.eye(3)
        shift[:2, 2] = x, y
        return shift

    def _log_polar(self, image: _Seen) -> list[Affine]:
        """Both turns that the spectra allow, each with its shift."""
        radius = min(self._shape) / 2
        bins = (SIDE, 720)
        (x, y), _ = cv2.phaseCorrelate(self._spectrum, self._spectrum_of(image.bands))
        scale = math.exp(-x * math.log(radius) / bins[0])
        turn = y * 360 / bins[1]
        found = []
        if not _SCALES[0] <= scale <= _SCALES[1]:
            return []
        for angle in (turn, turn + 180):
            about = _about(self._shape, angle, scale)
            turned = cv2.warpAffine(self._bands, about[:2], self._shape[::-1], flags=cv2.INTER_LINEAR)
            (x, y), _ = cv2.phaseCorrelate(turned * self._hann, image.bands * self._hann)
            shift = np.eye(3)
            shift[:2, 2] = x, y
            found.append(shift @ about)
        return found

    def _features(self, image: _Seen) -> list[Affine]:
        points, marks = self._marks
        others, other_marks = _marks_of(image.grey)
        if marks is None or other_marks is None:
            return []
        pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(marks, other_marks)
        if len(pairs) < _INLIERS:
            return []
        here = np.array([points[pair.queryIdx].pt for pair in pairs])
        there = np.array([others[pair.trainIdx].pt for pair in pairs])
        cv2.setRNGSeed(0)
        found, inliers = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=3.0)
        if found is None or int(inliers.sum()) < _INLIERS:
            return []
        return [np.vstack([found, [0, 0, 1]])]

    def _refined(self, guesses: Sequence[Affine], image: _Seen, method: str, *, turns: bool) -> _Guess:
        """The best of some guesses, improved: all of them on copies of half the size, the best one on whole ones."""
        small, whole = self._levels
        half = [small.improved(_scaled(guess, 0.5), image.half, turns=turns) for guess in guesses]
        if not half:
            return _Guess(np.eye(3), 0.0, 0.0, method)
        start = _scaled(max(half, key=lambda one: _liking(*small.agreement(one, image.half))), 2.0)
        better = whole.improved(start, image.bands, turns=turns)
        return max((self._measured(one, image, method) for one in (start, better)), key=lambda one: one.liking)

    def _measured(self, affine: Affine, image: _Seen, method: str) -> _Guess:
        scale = math.hypot(affine[0, 0], affine[1, 0])
        if not _SCALES[0] <= scale <= _SCALES[1]:
            return _Guess(affine, 0.0, 0.0, method)
        alike, share = self._levels[1].agreement(affine, image.bands)
        return _Guess(affine, alike * share, _liking(alike, share), method)

    def _weights(self, region: NDArray[np.uint8] | None) -> Grey:
        """1 in the zones and a little around them, 0 elsewhere; everywhere 1 where nothing is marked."""
        if region is None or not region.any():
            return np.ones(self._shape, np.float32)
        small = cv2.resize(region.astype(np.float32), self._shape[::-1], interpolation=cv2.INTER_AREA)
        side = 2 * max(1, round(_MARGIN * max(self._shape))) + 1
        around = cv2.dilate((small > 0).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
        return np.asarray(around, np.float32)

    def _whole(self, affine: Affine, size: tuple[int, int]) -> Matrix:
        """From pixels of the copies to pixels of the images: the centre of pixel i lies at (i + 0.5) / factor - 0.5."""
        height, width = self._shape
        into = _resized(width / self._size[0], height / self._size[1])
        out = np.linalg.inv(_resized(width / size[0], height / size[1]))
        a, b, c, d, e, f = (float(value) for value in (out @ affine @ into)[:2].ravel())
        return a, b, c, d, e, f

    @cached_property
    def _hann(self) -> Grey:
        return np.asarray(cv2.createHanningWindow(self._shape[::-1], cv2.CV_32F), np.float32)

    @cached_property
    def _spectrum(self) -> Grey:
        return self._spectrum_of(self._bands)

    def _spectrum_of(self, bands: Grey) -> Grey:
        """The spectrum's magnitude in log-polar coordinates: a turn and a scale of the picture are shifts of it."""
        side = min(self._shape)
        height, width = self._shape
        y, x = (height - side) // 2, (width - side) // 2
        square = (bands * self._hann)[y : y + side, x : x + side]
        magnitude = np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(square)))).astype(np.float32)
        rows = np.linspace(-0.5, 0.5, side, endpoint=False, dtype=np.float32)
        round_off = np.outer(np.cos(np.pi * rows), np.cos(np.pi * rows))
        magnitude *= (1 - round_off) * (2 - round_off)  # the high-pass of Reddy & Chatterji
        polar = cv2.warpPolar(
            magnitude, (SIDE, 720), (side // 2, side // 2), side / 2, cv2.INTER_LINEAR | cv2.WARP_POLAR_LOG
        )
        polar -= polar.mean()
        return np.asarray(polar, np.float32)

    @cached_property
    def _marks(self) -> tuple[tuple[cv2.KeyPoint, ...], NDArray[np.uint8] | None]:
        return _marks_of(self._grey, (self._weight > 0).astype(np.uint8))


@dataclass(frozen=True)
class _Seen:
    """An image as it is compared."""

    grey: Grey
    bands: Grey
    half: Grey


@dataclass(frozen=True)
class _Guess:
    affine: Affine
    agreement: float  # what is told
    liking: float  # what is chosen by
    method: str


class _Level:
    """The template at one size, with what every step of Lucas-Kanade needs of it."""

    def __init__(self, bands: Grey, weight: Grey) -> None:
        self._bands, self._weight = bands, weight
        self._total = float(weight.sum())
        height, width = bands.shape
        self._middle = ((width - 1) / 2, (height - 1) / 2)
        across = cv2.Sobel(bands, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
        down = cv2.Sobel(bands, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
        x = np.arange(width, dtype=np.float32)[None, :] - np.float32(self._middle[0])
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(self._middle[1])
        planes = (across, down, across * x + down * y, down * x - across * y)
        self._descent = np.stack([plane * weight for plane in planes]).reshape(4, -1)
        self._hessian = self._descent.astype(np.float64) @ self._descent.astype(np.float64).T

    def agreement(self, affine: Affine, image: Grey) -> tuple[float, float]:
        """Normalised correlation of template and image within the zones, and the share of them that is seen."""
        pulled, seen = self._pulled(affine, image)
        weight = self._weight * seen
        total = float(weight.sum())
        if total < 64:
            return 0.0, 0.0
        mine = self._bands - float((self._bands * weight).sum()) / total
        other = pulled - float((pulled * weight).sum()) / total
        length = math.sqrt(float((mine * mine * weight).sum()) * float((other * other * weight).sum()))
        if length < 1e-6 * total:
            return 0.0, 0.0
        return max(0.0, float((mine * other * weight).sum()) / length), total / self._total

    def improved(self, affine: Affine, image: Grey, *, turns: bool) -> Affine:
        """Steps downhill until they are small."""
        free = 4 if turns else 2
        if self._total < 64 or np.linalg.cond(self._hessian[:free, :free]) > 1e12:
            return affine
        inverse = np.linalg.inv(self._hessian[:free, :free])
        reach = max(self._bands.shape) / 2
        for _ in range(_STEPS):
            step = inverse @ (self._descent[:free] @ self._error(affine, image).ravel()).astype(np.float64)
            x, y, grows, turned = (*step, 0.0, 0.0)[:4] if not turns else tuple(step)
            change = np.array([[1 + grows, -turned, x], [turned, 1 + grows, y], [0, 0, 1]])
            middle = np.array([[1, 0, self._middle[0]], [0, 1, self._middle[1]], [0, 0, 1.0]])
            affine = affine @ middle @ np.linalg.inv(change) @ np.linalg.inv(middle)
            if math.hypot(x, y) + reach * math.hypot(grows, turned) < _STILL:
                break
        return affine

    def _error(self, affine: Affine, image: Grey) -> Grey:
        """What is seen less the template, once it has the template's contrast."""
        pulled, seen = self._pulled(affine, image)
        weight = self._weight * seen
        power = float((pulled * pulled * weight).sum())
        if power < 1e-6:
            return np.zeros_like(pulled)
        gain = math.sqrt(float((self._bands * self._bands * weight).sum()) / power)
        return np.asarray((pulled * np.float32(gain) - self._bands) * seen, np.float32)

    def _pulled(self, affine: Affine, image: Grey) -> tuple[Grey, Grey]:
        """The image as it looks from the template, and where it was there to be seen."""
        size = image.shape[::-1]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        pulled = cv2.warpAffine(image, affine[:2], size, flags=flags)
        seen = cv2.warpAffine(np.ones_like(image), affine[:2], size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        return np.asarray(pulled, np.float32), np.asarray(seen, np.float32)


def _liking(alike: float, share: float) -> float:
    """What one motion is preferred to another by."""
    return alike * min(1.0, share / _ENOUGH)


def _grey(picture: NDArray[np.uint8], shape: tuple[int, int]) -> Grey:
    """(h, w) float32 grey levels of a picture, stretched to `shape`."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    if grey.shape != shape:
        grey = cv2.resize(np.ascontiguousarray(grey), shape[::-1], interpolation=cv2.INTER_AREA)
    return grey.astype(np.float32)


def _band(grey: Grey, unit: float) -> Grey:
    """Structure that is neither noise nor light."""
    fine = cv2.GaussianBlur(grey, (0, 0), max(0.6, _FINE * unit), borderType=cv2.BORDER_REFLECT)
    coarse = cv2.GaussianBlur(grey, (0, 0), _COARSE * unit, borderType=cv2.BORDER_REFLECT)
    return np.asarray(fine - coarse, np.float32)


def _half(values: Grey) -> Grey:
    height, width = values.shape
    size = (max(4, (width + 1) // 2), max(4, (height + 1) // 2))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _scaled(affine: Affine, factor: float) -> Affine:
    """The same motion on copies `factor` times as large."""
    grow = _resized(factor, factor)
    return grow @ affine @ np.linalg.inv(grow)


def _resized(across: float, down: float) -> Affine:
    """Where pixel centres go when a picture is made so many times as large."""
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]], np.float64)


def _about(shape: tuple[int, int], degrees: float, scale: float) -> Affine:
    """A turn (clockwise on screen) and a scale about the middle."""
    middle = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    return np.vstack([cv2.getRotationMatrix2D(middle, -degrees, scale), [0, 0, 1]])


def _marks_of(
    grey: Grey, where: NDArray[np.uint8] | None = None
) -> tuple[tuple[cv2.KeyPoint, ...], NDArray[np.uint8] | None]:
    picture = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    points, marks = cv2.ORB.create(nfeatures=_FEATURES).detectAndCompute(picture, where)
    return tuple(points), None if marks is None else np.asarray(marks, np.uint8)
