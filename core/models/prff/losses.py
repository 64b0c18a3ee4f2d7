"""Reconstruction and segmentation losses of PRFF-AD and DRAEM, always in float32."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core.config import FocalConfig, SsimConfig


def ssim(x: Tensor, y: Tensor, config: SsimConfig) -> Tensor:
    """Mean structural similarity of (N, C, H, W) images, a scalar; 1 for equal images.

    Gaussian window for each channel, PRFF-AD eq. 2 and 3. The data range is fixed: DRAEM's code guesses it from the
    reconstruction and so changes its own loss while training.
    """
    n, c = x.shape[:2]
    stack = torch.cat((x, y, x * x, y * y, x * y)).reshape(1, 5 * n * c, *x.shape[-2:])
    mean_x, mean_y, xx, yy, xy = _blur(stack, config).reshape(5, n, c, *x.shape[-2:])
    c1, c2 = (0.01 * config.data_range) ** 2, (0.03 * config.data_range) ** 2
    luminance = 2 * mean_x * mean_y + c1
    structure = 2 * (xy - mean_x * mean_y) + c2
    energy = mean_x.square() + mean_y.square() + c1
    spread = (xx - mean_x.square()) + (yy - mean_y.square()) + c2
    mean: Tensor = (luminance * structure / (energy * spread)).mean()
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


def _blur(x: Tensor, config: SsimConfig) -> Tensor:
    """Separable Gaussian mean of each channel of (1, C, H, W), at the same size."""
    channels, half = x.shape[1], config.window // 2
    steps = [math.exp(-((i - half) ** 2) / (2 * config.sigma**2)) for i in range(config.window)]
    kernel = x.new_tensor(steps) / sum(steps)
    if config.padding == "reflect":
        x = F.pad(x, (half, half, half, half), mode="reflect")
        half = 0
    down = kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    along = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    x = F.conv2d(x, down, padding=(half, 0), groups=channels)
    return F.conv2d(x, along, padding=(0, half), groups=channels)
