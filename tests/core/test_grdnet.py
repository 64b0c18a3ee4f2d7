"""GRD-Net against the numbers and readings of its specification: parameters, shapes, losses, what trains what."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from core.config import GrdLossConfig, GrdNetworkConfig, TrainingConfig, preset, with_overrides
from core.config.grdnet import RoiMode
from core.errors import ConfigError
from core.models import Batch, build
from core.models.grdnet.losses import judging_loss, outside, overlap
from core.models.grdnet.network import GrdNet
from core.models.grdnet.recipe import GrdRecipe


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _on_meta(channels: tuple[int, ...], unet: int, size: int, **changes: object) -> GrdNet:
    config = GrdNetworkConfig.model_validate({"channels": channels, "unet": unet, **changes})
    with torch.device("meta"):
        return GrdNet(config, size)


def _recipe(*changes: str) -> GrdRecipe:
    torch.manual_seed(0)
    recipe = build(with_overrides(preset("grdnet", "micro"), changes))
    assert isinstance(recipe, GrdRecipe)
    return recipe


def _batch(*, roi: Tensor | None = None) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 64, 64, generator=generator)
    mask = torch.zeros(2, 1, 64, 64)
    mask[:, :, 10:20, 40:60] = 1
    return Batch(image=image, input=torch.where(mask > 0, 1 - image, image), mask=mask, roi=roi)


@pytest.mark.parametrize(
    ("channels", "unet", "size", "generator", "critic", "judge"),
    [
        ((32, 64, 128, 256, 512, 512), 64, 256, 50_853_987, 16_183_841, 28_373_569),
        ((16, 32, 64, 128, 256, 256), 32, 256, 12_734_291, 4_056_849, 7_099_681),
        ((16, 32, 64, 128, 256), 16, 128, 5_453_651, 1_629_969, 1_778_065),
        ((8, 16, 32, 64), 8, 64, 343_755, 104_457, 446_089),
    ],
)
def test_the_networks_have_the_parameters_that_were_counted(
    channels: tuple[int, ...], unet: int, size: int, generator: int, critic: int, judge: int
) -> None:
    model = _on_meta(channels, unet, size)

    assert (_count(model.generator), _count(model.critic), _count(model.judge)) == (generator, critic, judge)


@pytest.mark.parametrize(
    ("name", "generator"), [("paper", 50_853_987), ("medium", 12_734_291), ("small", 5_453_651), ("micro", 343_755)]
)
def test_the_presets_are_the_sizes_of_the_specification(name: str, generator: int) -> None:
    config = preset("grdnet", name)
    assert isinstance(config.network, GrdNetworkConfig)
    with torch.device("meta"):
        model = GrdNet(config.network, config.preprocess.size)

    assert _count(model.generator) == generator


def test_the_published_network_has_the_published_latent_and_map() -> None:
    model = _on_meta((32, 64, 128, 256, 512, 512), 64, 256)
    x = torch.empty(2, 3, 256, 256, device="meta")

    r, z = model.generator(x)

    assert (z.shape, r.shape) == ((2, 32, 8, 8), x.shape)
    assert model.generator.encode_again(r).shape == z.shape
    assert model.discriminate(x, r, ()).shape == (2, 1, 256, 256)


def test_the_dense_bottleneck_has_the_same_capacity_and_a_layer_more_of_parameters_each_way() -> None:
    channels = (16, 32, 64, 128, 256)
    dense = _on_meta(channels, 16, 128, latent="dense")
    conv = _on_meta(channels, 16, 128)
    flat = 256 * 8 * 8

    _, z = dense.generator(torch.empty(2, 3, 128, 128, device="meta"))

    ways = 3 * flat * 2048 + 2 * 2048 + flat  # two heads and the way back, with biases
    narrow = 2 * (256 * 32 + 32) + 32 * 256 + 256
    assert z.shape == (2, 32 * 8 * 8)
    assert _count(dense.generator) - _count(conv.generator) == ways - narrow


@pytest.mark.parametrize("block", ["preact", "fig5", "plain"])
def test_every_kind_of_block_rebuilds_images_of_its_size_within_zero_and_one(block: str) -> None:
    recipe = _recipe(f"network.block={block}")

    r, taps = recipe.model.reconstruct(_batch().input)

    assert r.shape == (2, 3, 64, 64) and taps == ()
    assert r.min() > 0 and r.max() < 1


def test_blocks_as_in_figure_5_know_no_norm_and_plain_ones_no_shortcut() -> None:
    fig5, plain = (_recipe(f"network.block={block}").model.generator for block in ("fig5", "plain"))

    assert not any(isinstance(part, nn.BatchNorm2d) for part in fig5.modules())
    assert not any(isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1) for part in plain.encoder.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in plain.modules())


def test_a_batch_is_judged_as_its_images_one_by_one() -> None:
    model = _recipe().model.eval()
    x = _batch().input

    with torch.inference_mode():
        both = model.discriminate(x, *model.reconstruct(x))
        single = torch.cat([model.discriminate(x[i : i + 1], *model.reconstruct(x[i : i + 1])) for i in range(2)])

    assert torch.allclose(both, single, atol=1e-5)


def test_the_side_must_be_a_multiple_of_what_the_networks_halve() -> None:
    with pytest.raises(ConfigError, match="multiple of 32"):
        with_overrides(preset("grdnet", "small"), ["preprocess.size=144"])


# ------------------------------------------------------------------------------------------------ what trains what


def test_each_phase_moves_its_own_network_and_nothing_is_left_out() -> None:
    recipe = _recipe()
    phases = recipe.phases()

    moved = [id(parameter) for phase in phases for parameter in phase.parameters]

    assert [phase.name for phase in phases] == ["critic", "generator", "judge"]
    assert len(moved) == len(set(moved)) == len(list(recipe.model.parameters()))


def _gradients(recipe: GrdRecipe, phase: int, batch: Batch) -> dict[str, float]:
    recipe.model.zero_grad()
    recipe.phases()[phase].loss(batch)["total"].backward()
    return {
        name: sum(float(p.grad.abs().sum()) for p in network.parameters() if p.grad is not None)
        for name, network in recipe.model.named_children()
    }


def test_critic_and_judge_leave_the_generator_alone_and_the_generator_leaves_none_in_them() -> None:
    recipe, batch = _recipe(), _batch()

    critic, generator, judge = (_gradients(recipe, phase, batch) for phase in range(3))

    assert critic["critic"] > 0 and critic["generator"] == critic["judge"] == 0
    assert generator["generator"] > 0 and generator["critic"] == generator["judge"] == 0
    assert judge["judge"] > 0 and judge["generator"] == judge["critic"] == 0
    assert all(parameter.requires_grad for parameter in recipe.model.parameters())


def test_the_adversarial_loss_reaches_the_generator_through_the_critic() -> None:
    recipe = _recipe("loss.w_con=0", "loss.w_enc=0")

    assert _gradients(recipe, 1, _batch())["generator"] > 0


def test_the_generator_runs_once_a_step() -> None:
    recipe, batch, runs = _recipe(), _batch(), []
    recipe.model.generator.decoder.register_forward_hook(lambda *_: runs.append(1))

    for phase in recipe.phases():
        phase.loss(batch)["total"].backward()

    assert len(runs) == 1


def test_the_generator_loss_is_the_weighted_sum_of_the_paper() -> None:
    parts = _recipe().generator_losses(_batch())

    assert parts["contextual"].item() == pytest.approx((parts["l1"] + parts["ssim"]).item(), abs=1e-6)
    expected = parts["adversarial"] + 50 * parts["contextual"] + parts["encoder"]
    assert parts["total"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_tuning_images_are_judged_by_the_four_losses_of_the_paper_alike() -> None:
    recipe, batch = _recipe(), _batch()
    recipe.model.eval()

    parts, judged = recipe.generator_losses(batch), recipe.evaluate(_batch())

    assert judged["adversarial"] > 0
    for name in ("adversarial", "contextual", "encoder", "ssim"):
        assert judged[name].item() == pytest.approx(parts[name].item(), rel=1e-5), name
    assert judged["total"].item() == pytest.approx((judged["contextual"] + judged["focal"]).item(), rel=1e-5)


def test_it_learns_a_defect_that_it_is_shown_again_and_again() -> None:
    recipe, batch = _recipe("train.lr=2e-3"), _batch()
    optimisers = [phase.make_optimiser() for phase in recipe.phases()]
    before = recipe.evaluate(batch)

    recipe.model.train()
    for _ in range(40):
        batch.shared = None
        for phase, optimiser in zip(recipe.phases(), optimisers, strict=True):
            recipe.model.zero_grad()
            phase.loss(batch)["total"].backward()
            optimiser.step()

    after = recipe.evaluate(batch)
    assert after["l1"] < 0.8 * before["l1"]
    assert after["focal"] < 0.5 * before["focal"]


# ------------------------------------------------------------------------------------------ the region of interest


def _loss(mode: RoiMode, logits: Tensor, mask: Tensor, roi: Tensor | None) -> Tensor:
    return judging_loss(logits, mask, roi, GrdLossConfig(roi_mode=mode))


def _half() -> Tensor:
    roi = torch.zeros(1, 1, 8, 8)
    roi[..., :4] = 1
    return roi


def test_a_map_of_one_half_costs_a_quarter_of_ln_2() -> None:
    logits, mask = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    mask[..., 2:4] = 1

    for mode in ("target", "prediction"):
        assert _loss(mode, logits, mask, None).item() == pytest.approx(0.25 * math.log(2), rel=1e-5)


@pytest.mark.parametrize(("target", "expected"), [(1.0, 0.00105361), (0.0, 1.865094)])
@pytest.mark.parametrize("mode", ["target", "prediction"])
def test_a_map_of_nine_tenths_costs_what_was_worked_out(mode: RoiMode, target: float, expected: float) -> None:
    logits = torch.full((1, 1, 8, 8), math.log(9.0))

    assert _loss(mode, logits, torch.full_like(logits, target), None).item() == pytest.approx(expected, rel=1e-4)


def test_with_target_the_map_outside_is_pushed_down_even_on_a_defect() -> None:
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)

    _loss("target", logits, torch.ones(1, 1, 8, 8), _half()).backward()

    assert logits.grad is not None
    assert (logits.grad[..., 4:] > 0).all() and (logits.grad[..., :4] < 0).all()


@pytest.mark.parametrize("mode", ["prediction", "ablation3"])
def test_with_prediction_the_focal_loss_says_nothing_about_the_outside(mode: RoiMode) -> None:
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    config = GrdLossConfig(roi_mode=mode, overlap=0.0)

    judging_loss(logits, torch.ones(1, 1, 8, 8), _half(), config).backward()

    assert logits.grad is not None
    assert (logits.grad[..., 4:] == 0).all() and (logits.grad[..., :4] < 0).all()


def test_a_region_that_is_everywhere_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 1, 8, 8, generator=generator)
    mask = (torch.rand(2, 1, 8, 8, generator=generator) > 0.7).float()
    everywhere = torch.ones_like(mask)
    plain = _loss("target", logits, mask, None).item()

    assert _loss("target", logits, mask, everywhere).item() == pytest.approx(plain)
    assert _loss("prediction", logits, mask, everywhere).item() == pytest.approx(plain, rel=1e-4)
    assert _loss("ablation4", logits, mask, everywhere).item() == pytest.approx(plain, rel=1e-4)


def test_the_overlap_is_free_inside_and_costs_its_weight_when_apart() -> None:
    roi = _half()
    small = torch.zeros_like(roi)
    small[..., :2, :2] = 1

    assert overlap(roi, roi, 0.5).item() == pytest.approx(0, abs=1e-6)
    assert overlap(small, roi, 0.5).item() == pytest.approx(0, abs=1e-6)
    assert overlap(1 - roi, roi, 0.5).item() == pytest.approx(0.5, abs=1e-6)


def test_the_negated_overlap_costs_what_lies_outside_and_nothing_without_an_outside() -> None:
    roi = _half()

    assert outside(roi, roi, 0.5).item() == pytest.approx(0, abs=1e-6)
    assert outside(1 - roi, roi, 0.5).item() == pytest.approx(0.5, abs=1e-6)
    assert outside(torch.ones_like(roi), torch.ones_like(roi), 0.5).item() == 0


def test_the_published_settings_are_the_papers() -> None:
    config: TrainingConfig = preset("grdnet", "paper")

    assert isinstance(config.loss, GrdLossConfig)
    assert (config.loss.w_adv, config.loss.w_con, config.loss.w_enc) == (1, 50, 1)
    assert (config.loss.focal.gamma, config.loss.focal.alpha, config.loss.roi_mode) == (2, None, "target")
    assert (config.train.lr, config.train.epochs, config.train.batch) == (1e-4, 200, 8)
    assert (config.simulate.p_clean, config.simulate.image_weight) == (0.25, (0.0, 0.5))
    assert (config.augment.rotate_p, config.augment.rotate_deg, config.augment.rotate_fill) == (1.0, 90, "reflect")
