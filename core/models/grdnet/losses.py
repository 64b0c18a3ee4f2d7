"""GRD-Net's losses of its own: how the region of interest enters the judging."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from core.config import FocalConfig, GrdLossConfig
from core.models.losses import focal

_TINY: Final = 1e-6


def judging_loss(logits: Tensor, mask: Tensor, roi: Tensor | None, config: GrdLossConfig) -> Tensor:
    """What the judging network minimises, a scalar, from logits (N, 1, H, W), defect mask and ROI of the same shape.

    `target`: focal(A, M ROI), so that a defect outside is background and the region is learnt. `prediction`: focal(A
    ROI, M ROI), equation 5: outside the gradient is exactly zero. `ablation1`: focal(A, M) + overlap; `ablation3`: as
    `prediction` + overlap; `ablation4`: as `prediction` + overlap with what lies outside (equations 8 and 9).
    """
    logits, mask = logits.float(), mask.float()
    roi = torch.ones_like(mask) if roi is None else roi.float()
    match config.roi_mode:
        case "target":
            return focal(logits, mask * roi, config.focal)
        case "prediction":
            return _blanked(logits, mask, roi, config.focal)
        case "ablation1":
            return focal(logits, mask, config.focal) + overlap(logits.sigmoid(), roi, config.overlap)
        case "ablation3":
            return _blanked(logits, mask, roi, config.focal) + overlap(logits.sigmoid(), roi, config.overlap)
        case "ablation4":
            return _blanked(logits, mask, roi, config.focal) + outside(logits.sigmoid(), roi, config.overlap)


def overlap(probability: Tensor, roi: Tensor, weight: float) -> Tensor:
    """w (1 - |A n ROI| / min(|A|, |ROI|)) with sums as sizes, averaged over the images (equation 8)."""
    return (weight * (1 - _covered(probability, roi))).mean()


def outside(probability: Tensor, roi: Tensor, weight: float) -> Tensor:
    """w |A n (1 - ROI)| / min(|A|, |1 - ROI|), averaged over the images; zero where the ROI is everywhere."""
    rest = 1 - roi
    share = _covered(probability, rest) * (rest.sum((1, 2, 3)) > 0)
    return (weight * share).mean()


def _covered(probability: Tensor, region: Tensor) -> Tensor:
    both = (probability * region).sum((1, 2, 3))
    least = torch.minimum(probability.sum((1, 2, 3)), region.sum((1, 2, 3)))
    return (both + _TINY) / (least + _TINY)


def _blanked(logits: Tensor, mask: Tensor, roi: Tensor, config: FocalConfig) -> Tensor:
    """Focal loss of A ROI against M ROI: -(1-p)^gamma ln p with p limited to [1e-6, 1 - 1e-6], no smoothing."""
    probability = logits.sigmoid() * roi
    target = mask * roi
    true = torch.where(target > 0.5, probability, 1 - probability).clamp(_TINY, 1 - _TINY)
    loss = -(1 - true).pow(config.gamma) * true.log()
    if config.alpha is not None:
        loss = loss * torch.where(target > 0.5, config.alpha, 1 - config.alpha)
    return loss.mean()
