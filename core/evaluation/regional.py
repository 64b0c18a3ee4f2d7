"""What a region of interest changes: figures inside it, and how quiet it is outside (spec/grdnet.md 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.evaluation.curves import LEVELS, Ranking
from core.evaluation.figures import RegionFigures, rate_figure
from core.evaluation.maps import running_mean
from core.evaluation.statistics import rate

Mask = NDArray[np.uint8]


class RegionTally:
    """Collects images one by one; `threshold` is the score from which on is rejected, `kernel` the mean's odd side."""

    def __init__(self, threshold: float | None, kernel: int) -> None:
        self._threshold = threshold
        self._kernel = kernel
        self._scores: list[float] = []
        self._truth: list[bool] = []
        self._only_outside = 0
        self._outside = self._flagged = 0

    def add_good(self, score: float) -> None:
        """A good image."""
        self._scores.append(score)
        self._truth.append(False)

    def add_defective(
        self,
        score: float,
        masks: Sequence[Mask],
        regions: Sequence[Mask],
        maps: Sequence[NDArray[Any]] | None,
        *,
        inside: bool,
    ) -> None:
        """An image with painted defects: mask, region (of 0 and 1) and map (S, S), 65535 = 1.0, of each crop.

        `inside`: whether a defect reaches into the region on the image itself; a thin one is lost on the way to a crop.
        """
        self._scores.append(score)
        self._truth.append(inside)
        self._only_outside += not inside
        if maps is None or self._threshold is None:
            return
        for mask, region, found in zip(masks, regions, maps, strict=True):
            flagged = components_outside(mask, region, self._rejected(found, self._threshold))
            self._outside += len(flagged)
            self._flagged += sum(flagged)

    def figures(self) -> RegionFigures:
        """The figures of what was added."""
        auroc = Ranking.of(self._scores, self._truth).auroc() if self._scores else None
        return RegionFigures(
            images=len(self._scores),
            only_outside=self._only_outside,
            image_auroc=auroc if isinstance(auroc, float) else None,
            outside=rate_figure(rate(self._flagged, self._outside)),
        )

    def _rejected(self, found: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
        """Where the running mean, whose maximum is the score, reaches the threshold."""
        values = found.astype(np.float32) / np.float32(LEVELS - 1)
        return np.asarray(running_mean(values, self._kernel) >= threshold, np.bool_)


def components_outside(mask: Mask, region: Mask, rejected: NDArray[np.bool_]) -> list[bool]:
    """For each 8-connected component of `mask` (S, S) wholly outside `region`, whether it meets `rejected`."""
    count, labels = cv2.connectedComponents((mask != 0).astype(np.uint8), connectivity=8)
    touching = np.zeros(count, np.bool_)
    touching[np.unique(labels[region != 0])] = True
    met = np.zeros(count, np.bool_)
    met[np.unique(labels[rejected])] = True
    return [bool(met[number]) for number in range(1, count) if not touching[number]]
