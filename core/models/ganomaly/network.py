"""GANomaly's networks: DCGAN's encoder and decoder, a second encoder, and a critic (training only)."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

from core.config import GanomalyNetworkConfig
from core.models.base import Detector, Taps
from core.models.layers import initialise

_LAST_SIDE = 4
_SLOPE = 0.2


class Ganomaly(Detector):
    """Rebuilds the image through a vector; its score is how far the vector of the reconstruction lies from it.

    Inside, images lie in [-1, 1] as DCGAN's tanh wants them; outside in [0, 1] like everywhere else.
    """

    def __init__(self, config: GanomalyNetworkConfig, size: int) -> None:
        super().__init__()
        self.size = size
        widths = stage_widths(config.width, size)
        self.encoder = nn.Sequential(features(widths), last(widths[-1], config.latent))
        self.decoder = _decoder(widths, config.latent)
        self.encoder_again = nn.Sequential(features(widths), last(widths[-1], config.latent))
        self.critic_features = features(widths)
        self.critic_out = last(widths[-1], 1)
        initialise(self)

    def generate(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image in [-1, 1] -> reconstruction in (-1, 1), z and z^, the latents (N, nz, 1, 1) of both."""
        z = self.encoder(x)
        r = self.decoder(z)
        return r, z, self.encoder_again(r)

    def criticise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logit (N, 1) for a good image in [-1, 1], and the features before the last layer."""
        found = self.critic_features(x)
        return self.critic_out(found).flatten(1), found

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        """(N, 3, S, S) in [0, 1] -> reconstruction in (0, 1), and both latents."""
        r, z, z_again = self.generate(signed(x))
        return (r + 1) / 2, (z, z_again)

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> None:
        """GANomaly shows no places."""
        del x, r, taps

    def score(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        """(N,) mean squared distance of the two latents."""
        del x, r
        z, z_again = taps
        return (z - z_again).float().square().flatten(1).mean(1)


def signed(x: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1]."""
    return 2 * x - 1


def stage_widths(width: int, size: int) -> tuple[int, ...]:
    """Channels of each halving down to a side of 4: width, 2 width, 4 width ...; `size` is a power of two >= 8."""
    halvings = int(math.log2(size // _LAST_SIDE))
    return tuple(width * 2**k for k in range(halvings))


def features(widths: tuple[int, ...]) -> nn.Sequential:
    """(N, 3, S, S) -> (N, widths[-1], 4, 4)."""
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(_SLOPE)]
    for narrow, wide in pairwise(widths):
        layers += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers)


def last(width: int, outputs: int) -> nn.Conv2d:
    """The convolution that leaves one place."""
    return nn.Conv2d(width, outputs, _LAST_SIDE, bias=False)


def _decoder(widths: tuple[int, ...], latent: int) -> nn.Sequential:
    first = widths[-1]
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(latent, first, _LAST_SIDE, bias=False),
        nn.BatchNorm2d(first),
        nn.ReLU(),
    ]
    for wide, narrow in pairwise(widths[::-1]):
        layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()]
    layers += [nn.ConvTranspose2d(widths[0], 3, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)
