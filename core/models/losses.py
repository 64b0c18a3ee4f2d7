"""Reconstruction and segmentation losses that several models share, always in float32."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from core.config import FocalConfig, SsimConfig
from core.models.base import Batch


def ssim(x: Tensor, y: Tensor, config: SsimConfig) -> Tensor:
    """Mean structural similarity of (N, C, H, W) images, a scalar; 1 for equal images.

    Gaussian window for each channel, PRFF-AD eq. 2 and 3. The data range is fixed: DRAEM's code guesses it from the
    reconstruction and so changes its own loss while training.
    """
    mean_x, xx, xy = _blur(torch.stack((x, x * x, x * y)), config)
    with torch.set_grad_enabled(y.requires_grad):  # a target's own statistics cost no backward pass
        mean_y, yy = _blur(torch.stack((y, y * y)), config)
    c1, c2 = (0.01 * config.data_range) ** 2, (0.03 * config.data_range) ** 2
    product, square_x, square_y = mean_x * mean_y, mean_x.square(), mean_y.square()
    above = (2 * product + c1) * (2 * (xy - product) + c2)
    below = (square_x + square_y + c1) * (xx + yy - square_x - square_y + c2)
    mean: Tensor = (above / below).mean()
    return mean


def focal(logits: Tensor, mask: Tensor, config: FocalConfig) -> Tensor:
    """Focal loss of logits (N, 2 or 1, H, W) against a mask (N, 1, H, W) of 0 and 1: mean of -(1-p)^gamma ln p.

    p is the smoothed probability of the true class: sum over classes of the one-hot, limited to
    [smooth, 1 - smooth], times the probability, plus smooth (DRAEM). No alpha unless configured.
    """
    logits, mask = logits.float(), mask.float()
    margin = logits[:, 1:] - logits[:, :1] if logits.shape[1] == 2 else logits
    log_true = F.logsigmoid(torch.where(mask > 0.5, margin, -margin))
    p = log_true.exp()
    if config.smooth:
        # Written with p alone: (1-s) p + s (1-p) + s, the two-class sum of the smoothed one-hot.
        p = (p * (1 - 2 * config.smooth) + 2 * config.smooth).clamp(max=1.0)
        log_true = p.log()
    loss = -(1 - p).pow(config.gamma) * log_true
    if config.alpha is not None:
        loss = loss * torch.where(mask > 0.5, config.alpha, 1 - config.alpha)
    return loss.mean()


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """0.5 (BCE(real, 1) + BCE(fake, 0)) of logits, a scalar (GANomaly): what a critic minimises."""
    wanted = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    unwanted = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return 0.5 * (wanted + unwanted)


def exact(batch: Batch) -> torch.autocast:
    """Within it everything is computed in float32, whatever precision the networks run in."""
    return torch.autocast(batch.image.device.type, enabled=False)


def _blur(x: Tensor, config: SsimConfig) -> Tensor:
    """Gaussian mean of (..., H, W) at the same size.

    As two products with banded matrices: half the time of depthwise convolutions on a CPU, and exact float32 on
    GPUs, where convolutions round to TF32 by default and the variances, differences of near numbers, would not bear it.
    """
    down, along = (_band(length, config).to(x) for length in x.shape[-2:])
    return down @ x @ along.T


@lru_cache(maxsize=8)
def _band(length: int, config: SsimConfig) -> Tensor:
    """(length, length): row i holds the Gaussian window around i; outside is zero, or mirrored without the edge."""
    half = config.window // 2
    steps = [math.exp(-((i - half) ** 2) / (2 * config.sigma**2)) for i in range(config.window)]
    band = torch.zeros(length, length)
    for row in range(length):
        for offset, weight in enumerate(steps, start=-half):
            column = row + offset
            if config.padding == "reflect":
                column = length - 1 - abs(length - 1 - abs(column))
            if 0 <= column < length:
                band[row, column] += weight / sum(steps)
    return band
