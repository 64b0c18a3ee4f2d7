"""Losses of PRFF-AD against hand-computed values and plain references (spec 6)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate
from torch import Tensor

from core.config import FocalConfig, SsimConfig, preset, with_overrides
from core.models import Batch, build
from core.models.losses import focal, ssim


def _random(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def _reference_ssim(x: NDArray[np.float64], y: NDArray[np.float64], mode: str) -> float:
    axis = np.arange(11) - 5
    line = np.exp(-(axis**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2

    def mean(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(correlate(plane, window, mode=mode, cval=0.0))

    values = []
    for a, b in zip(x.reshape(-1, *x.shape[2:]), y.reshape(-1, *y.shape[2:]), strict=True):
        mu_a, mu_b = mean(a), mean(b)
        var_a, var_b, cov = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2, mean(a * b) - mu_a * mu_b
        above = (2 * mu_a * mu_b + 0.01**2) * (2 * cov + 0.03**2)
        values.append(above / ((mu_a**2 + mu_b**2 + 0.01**2) * (var_a + var_b + 0.03**2)))
    return float(np.mean(values))


@pytest.mark.parametrize(("padding", "mode"), [("zero", "constant"), ("reflect", "mirror")])
def test_ssim_equals_a_plain_reference(padding: str, mode: str) -> None:
    x, y = _random(0, 2, 3, 40, 28), _random(1, 2, 3, 40, 28)
    y = 0.7 * x + 0.3 * y

    ours = ssim(x, y, SsimConfig.model_validate({"padding": padding})).item()

    assert ours == pytest.approx(_reference_ssim(x.double().numpy(), y.double().numpy(), mode), abs=1e-5)


def test_ssim_of_an_image_with_itself_is_one() -> None:
    x = _random(2, 2, 3, 32, 32)

    assert ssim(x, x, SsimConfig()).item() == pytest.approx(1.0, abs=1e-6)


def test_ssim_of_two_plain_images_is_their_luminance_term() -> None:
    dark, light = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), 0.8)
    expected = (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)

    assert ssim(dark, light, SsimConfig(padding="reflect")).item() == pytest.approx(expected, abs=1e-4)


def test_ssim_does_not_guess_its_range_from_the_reconstruction() -> None:
    x, y = _random(3, 1, 3, 24, 24) - 0.8, _random(4, 1, 3, 24, 24)

    expected = _reference_ssim(x.double().numpy(), y.double().numpy(), "constant")

    assert ssim(x, y, SsimConfig()).item() == pytest.approx(expected, abs=1e-5)


def _draem_focal(logits: Tensor, mask: Tensor, gamma: float, smooth: float) -> float:
    p = logits.double().softmax(1)
    hot = torch.cat([1 - mask, mask], dim=1).double().clamp(smooth, 1 - smooth)
    true = (hot * p).sum(1) + smooth
    return float((-((1 - true) ** gamma) * true.log()).mean())


def test_focal_loss_equals_draems_smoothed_formula() -> None:
    logits, mask = 6 * (_random(5, 3, 2, 16, 16) - 0.5), (_random(6, 3, 1, 16, 16) > 0.8).float()

    ours = focal(logits, mask, FocalConfig()).item()

    assert ours == pytest.approx(_draem_focal(logits, mask, 2.0, 1e-5), abs=1e-6)


def test_focal_loss_of_an_undecided_pixel_is_a_quarter_of_ln_2() -> None:
    mask = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)

    loss = focal(torch.zeros(1, 2, 1, 2), mask, FocalConfig(smooth=0.0)).item()

    assert loss == pytest.approx(0.25 * math.log(2), abs=1e-7)


def test_focal_loss_counts_normal_and_defective_pixels_alike() -> None:
    wrong_normal = torch.tensor([[-2.0], [2.0]]).view(1, 2, 1, 1)

    for_normal = focal(wrong_normal, torch.zeros(1, 1, 1, 1), FocalConfig())
    for_defect = focal(-wrong_normal, torch.ones(1, 1, 1, 1), FocalConfig())

    assert for_normal.item() == pytest.approx(for_defect.item())
    assert for_normal.item() > 1


def test_focal_loss_of_a_sure_answer_is_nothing_when_right_and_finite_when_wrong() -> None:
    sure = torch.tensor([-60.0, 60.0]).view(1, 2, 1, 1)

    assert focal(sure, torch.ones(1, 1, 1, 1), FocalConfig()).item() == pytest.approx(0, abs=1e-7)
    assert focal(sure, torch.zeros(1, 1, 1, 1), FocalConfig()).item() == pytest.approx(-math.log(2e-5), rel=1e-3)


def test_focal_loss_of_one_output_equals_that_of_two_with_the_same_margin() -> None:
    margin, mask = 4 * (_random(7, 2, 1, 8, 8) - 0.5), (_random(8, 2, 1, 8, 8) > 0.5).float()

    two = focal(torch.cat([torch.zeros_like(margin), margin], dim=1), mask, FocalConfig())

    torch.testing.assert_close(focal(margin, mask, FocalConfig()), two)


def test_alpha_weights_defective_against_normal_pixels() -> None:
    undecided, quarter = torch.zeros(1, 2, 1, 1), 0.25 * math.log(2)
    settings = FocalConfig(alpha=0.25, smooth=0.0)

    assert focal(undecided, torch.ones(1, 1, 1, 1), settings).item() == pytest.approx(0.25 * quarter)
    assert focal(undecided, torch.zeros(1, 1, 1, 1), settings).item() == pytest.approx(0.75 * quarter)


def test_the_total_is_the_weighted_sum_of_its_parts_on_the_good_image() -> None:
    config = with_overrides(preset("prff", "micro"), ["w_mse=2", "w_ssim=3", "w_seg=5", "train.seed=1"])
    torch.manual_seed(0)
    recipe = build(config)
    image = _random(9, 2, 3, 64, 64)
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, 10:20, 10:30] = 1
    batch = Batch(image=image, input=torch.where(mask > 0, 1 - image, image), mask=mask)
    recipe.model.eval()

    losses = recipe.evaluate(batch)

    r, _ = recipe.model.reconstruct(batch.input)
    error = (r - image).square()
    assert losses["mse"].item() == pytest.approx(error.mean().item(), rel=1e-5)
    assert losses["mse_defect"].item() == pytest.approx(error[0, :, 10:20, 10:30].mean().item(), rel=1e-5)
    assert losses["ssim"].item() == pytest.approx(1 - ssim(r, image, SsimConfig()).item(), rel=1e-5)
    parts = 2 * losses["mse"] + 3 * losses["ssim"] + 5 * losses["focal"]
    assert losses["total"].item() == pytest.approx(parts.item(), rel=1e-5)
