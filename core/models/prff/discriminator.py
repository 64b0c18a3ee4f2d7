"""D: fusion of tapped features, Swin backbone, UperNet head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config import FusionConfig, SwinConfig, UperNetConfig
from core.errors import TrainingError
from core.models.layers import activation, conv_block, initialise, norm2d, resize


class Fusion(nn.Module):
    """Tapped features -> one map each, at image size: convolution, resize, normalisation, activation.

    Convolving at the tap's own resolution is the same but for the border, at a fraction of the work.
    """

    def __init__(self, channels: Sequence[int], config: FusionConfig) -> None:
        super().__init__()
        k, maps = config.kernel, config.map_channels
        self.convs = nn.ModuleList(nn.Conv2d(c, maps, k, padding=k // 2) for c in channels)
        self.norms = nn.ModuleList(norm2d(config.norm, maps) for _ in channels)
        self.act = activation(config.act)
        initialise(self)

    def forward(self, taps: Sequence[Tensor], size: Sequence[int]) -> list[Tensor]:
        """The maps in the order of the taps, (N, 3 or 1, *size) each."""
        return [
            self.act(norm(resize(conv(tap), size)))
            for tap, conv, norm in zip(taps, self.convs, self.norms, strict=True)
        ]


class SwinBackbone(nn.Module):
    """timm's Swin Transformer from scratch; a layer norm on each of its four NCHW outputs."""

    def __init__(self, size: int, inputs: int, config: SwinConfig) -> None:
        super().__init__()
        self.body = _swin_class()(
            img_size=size,
            patch_size=config.patch,
            in_chans=inputs,
            num_classes=0,
            embed_dim=config.embed,
            depths=config.depths,
            num_heads=config.heads,
            window_size=config.window,
            mlp_ratio=config.mlp_ratio,
            drop_path_rate=config.drop_path,
        )
        self.body.norm = nn.Identity()  # replaced by one norm for each output below
        if config.checkpointing:
            self.body.set_grad_checkpointing(True)
        self.channels = tuple(config.embed * 2**stage for stage in range(4))
        self.norms = nn.ModuleList(nn.LayerNorm(c) for c in self.channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Four maps, fine to coarse."""
        x = self.body.patch_embed(x)
        maps = []
        for stage, norm in zip(self.body.layers, self.norms, strict=True):
            x = stage(x)
            maps.append(norm(x).permute(0, 3, 1, 2))
        return maps


class UperNet(nn.Module):
    """UperNet as in mmsegmentation: pyramid pooling on the coarsest map, feature pyramid, one fused map, logits.

    Takes four maps (N, C_i, s_i, s_i), gives logits (N, classes, s_1, s_1).
    """

    def __init__(self, channels: Sequence[int], config: UperNetConfig) -> None:
        super().__init__()
        ch, last = config.channels, channels[-1]
        self.scales = config.pool_scales
        self.needs_two = config.ppm_norm == "bn" and 1 in config.pool_scales
        self.pools = nn.ModuleList(
            nn.Sequential(nn.Conv2d(last, ch, 1), norm2d(config.ppm_norm, ch), nn.ReLU(inplace=True))
            for _ in config.pool_scales
        )
        self.bottleneck = conv_block(last + len(config.pool_scales) * ch, ch)
        self.laterals = nn.ModuleList(conv_block(c, ch, kernel=1) for c in channels[:-1])
        self.smooth = nn.ModuleList(conv_block(ch, ch) for _ in channels[:-1])
        self.fuse = conv_block(len(channels) * ch, ch)
        self.dropout = nn.Dropout2d(config.dropout)
        self.classify = nn.Conv2d(ch, config.classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits at the finest map's size. Raises `TrainingError` when training with one image and batch norm."""
        x = maps[-1]
        if self.training and self.needs_two and x.shape[0] < 2:
            raise TrainingError(
                "this model cannot learn from one image a step: its batch norm needs at least two",
                mend="Use train.batch of 2 or more with train.drop_last, or disc.upernet.ppm_norm=gn",
                reason="batch_of_one",
            )
        pooled = [
            resize(pool(F.adaptive_avg_pool2d(x, scale)), x.shape[-2:])
            for pool, scale in zip(self.pools, self.scales, strict=True)
        ]
        levels = [lateral(level) for lateral, level in zip(self.laterals, maps, strict=False)]
        levels.append(self.bottleneck(torch.cat((x, *pooled), dim=1)))
        for fine in range(len(levels) - 2, -1, -1):
            levels[fine] = levels[fine] + resize(levels[fine + 1], levels[fine].shape[-2:])
        size = levels[0].shape[-2:]
        smooth = [conv(level) for conv, level in zip(self.smooth, levels, strict=False)]
        fused = self.fuse(torch.cat([resize(level, size) for level in (*smooth, levels[-1])], dim=1))
        logits: Tensor = self.classify(self.dropout(fused))
        return logits


class SwinUperNet(nn.Module):
    """(N, in, S, S) -> logits (N, classes, S, S)."""

    def __init__(self, size: int, inputs: int, swin: SwinConfig, head: UperNetConfig) -> None:
        super().__init__()
        self.backbone = SwinBackbone(size, inputs, swin)
        self.head = UperNet(self.backbone.channels, head)

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the size of `x`."""
        return resize(self.head(self.backbone(x)), x.shape[-2:])


def _swin_class() -> Any:
    try:
        from timm.models.swin_transformer import SwinTransformer
    except ImportError as error:
        raise TrainingError(
            f"the library timm is missing ({error})",
            mend='Install it with: pip install "flawscope[train]"',
            reason="timm",
        ) from error
    except RuntimeError as error:
        if "torchvision" not in str(error):
            raise
        raise TrainingError(
            f"torch and torchvision do not belong together ({error})",
            mend="Install torch, torchvision and timm again in one command, from the same source",
            reason="torchvision",
        ) from error
    return SwinTransformer
