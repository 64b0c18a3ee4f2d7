"""PRFF-AD's networks against the numbers that its specification works out (spec 2 to 5, 13.2, 17)."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from core.config import (
    MODELS,
    PrffNetworkConfig,
    SsimConfig,
    SwinConfig,
    TrainingConfig,
    preset,
    presets,
    with_overrides,
)
from core.config.network import TAP_ALIASES
from core.errors import ConfigError, TrainingError
from core.models import Batch, build
from core.models.autoencoder import Autoencoder
from core.models.losses import ssim
from core.models.prff.discriminator import SwinBackbone
from core.models.prff.network import PrffAD


def _config(name: str, *changes: str) -> TrainingConfig:
    return with_overrides(preset("prff", name), changes)


def _on_meta(config: TrainingConfig) -> PrffAD:
    return _build_on_meta(config.network, config.preprocess.size)


@cache
def _build_on_meta(network: PrffNetworkConfig, size: int) -> PrffAD:
    with torch.device("meta"):
        return PrffAD(network, size)


def _model(*changes: str) -> PrffAD:
    torch.manual_seed(0)
    config = _config("micro", *changes)
    return PrffAD(config.network, config.preprocess.size)


def _count(module: nn.Module | None) -> int:
    return 0 if module is None else sum(parameter.numel() for parameter in module.parameters())


def _batch(count: int = 2, size: int = 64) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(count, 3, size, size, generator=generator)
    mask = (torch.rand(count, 1, size, size, generator=generator) > 0.9).float()
    return Batch(image=image, input=torch.where(mask > 0, 1 - image, image), mask=mask)


@pytest.mark.parametrize(
    ("name", "recon", "fusion", "swin", "head", "total"),
    [
        ("paper", 69_048_579, 44_955, 187_741_112, 33_246_210, 290_080_856),
        ("large", 17_271_939, 22_491, 27_546_858, 9_225_730, 54_067_018),
        ("medium", 9_719_139, 16_875, 12_269_724, 2_536_194, 24_541_932),
        ("small", 4_322_883, 11_259, 5_141_994, 1_427_522, 10_903_658),
        ("quick", 1_083_171, 5_643, 1_440_102, 334_082, 2_862_998),
        ("micro", 272_019, 2_835, 703_614, 156_930, 1_135_398),
    ],
)
def test_every_preset_has_the_published_number_of_parameters_at_256(
    name: str, recon: int, fusion: int, swin: int, head: int, total: int
) -> None:
    model = _on_meta(_config(name, "preprocess.size=256"))

    assert (_count(model.recon), _count(model.fusion)) == (recon, fusion)
    assert (_count(model.disc.backbone), _count(model.disc.head)) == (swin, head)
    assert _count(model) == total


@pytest.mark.parametrize(
    ("name", "size", "total"),
    [
        ("quick", 128, 2_860_182),
        ("quick", 64, 2_856_726),
        ("micro", 64, 1_130_534),
        ("small", 128, 10_895_210),
        ("medium", 128, 24_536_300),
        ("large", 128, 54_058_570),
    ],
)
def test_smaller_images_shrink_only_the_tables_of_relative_positions(name: str, size: int, total: int) -> None:
    assert _count(_on_meta(_config(name, f"preprocess.size={size}"))) == total


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("paper", 290_038_598),
        ("large", 54_042_808),
        ("medium", 24_524_538),
        ("small", 10_891_544),
        ("quick", 2_856_164),
        ("micro", 1_131_204),
    ],
)
def test_one_channel_a_tap_has_the_published_number_of_parameters(name: str, total: int) -> None:
    assert _count(_on_meta(_config(name, "preprocess.size=256", "fusion.mode=single9"))) == total


def test_draem_is_the_network_with_a_u_net_and_without_fusion() -> None:
    model = _on_meta(_config("paper", "disc.arch=unet", "fusion.enabled=false"))

    assert _count(model.disc) == 28_374_146
    assert _count(model) == 97_422_725


def test_a_window_of_seven_gives_the_published_backbone() -> None:
    with torch.device("meta"):
        backbone = SwinBackbone(256, 15, SwinConfig(window=7))

    assert _count(backbone) == 187_694_968


@pytest.mark.parametrize(
    ("name", "size", "recon", "swin", "head"),
    [
        ("paper", 256, 159.90, 41.73, 52.74),
        ("large", 256, 40.09, 6.00, 13.29),
        ("medium", 256, 22.59, 2.74, 3.35),
        ("small", 128, 2.52, 0.275, 0.472),
        ("quick", 128, 0.637, 0.086, 0.118),
        ("micro", 64, 0.041, 0.011, 0.013),
    ],
)
def test_a_forward_pass_costs_what_was_worked_out(name: str, size: int, recon: float, swin: float, head: float) -> None:
    model = _on_meta(_config(name, f"preprocess.size={size}")).eval()
    x = torch.empty(1, 3, size, size, device="meta")

    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(x)

    found = {part: sum(counts.values()) / 2e9 for part, counts in counter.get_flop_counts().items()}
    assert found["PrffAD.recon"] == pytest.approx(recon, rel=0.02)
    assert found["PrffAD.disc.backbone"] == pytest.approx(swin, rel=0.04)
    assert found["PrffAD.disc.head"] == pytest.approx(head, rel=0.04)


@pytest.mark.parametrize(
    ("changes", "channels"),
    [
        (("fusion.mode=off",), 6),
        (("fusion.enabled=false",), 6),
        (("fusion.mode=single9",), 9),
        ((), 15),
        (("fusion.mode=dual15",), 15),
    ],
)
def test_the_discriminator_sees_as_many_channels_as_the_composition_says(
    changes: tuple[str, ...], channels: int
) -> None:
    model, x = _model(*changes).eval(), _batch().input
    r, taps = model.reconstruct(x)

    assert model.discriminator_input(x, r, taps).shape == (2, channels, 64, 64)
    assert model.disc.backbone.body.patch_embed.proj.in_channels == channels


def test_the_published_network_has_the_published_shapes_at_256() -> None:
    model = _on_meta(_config("paper"))
    x = torch.empty(2, 3, 256, 256, device="meta")

    r, taps = model.reconstruct(x)
    maps = model.disc.backbone(model.discriminator_input(x, r, taps))

    assert r.shape == x.shape
    assert [tuple(tap.shape[1:]) for tap in taps] == [(512, 64, 64), (1024, 16, 16), (128, 128, 128)]
    assert [tuple(m.shape[1:]) for m in maps] == [(128, 64, 64), (256, 32, 32), (512, 16, 16), (1024, 8, 8)]
    assert model.logits(x, r, taps).shape == (2, 2, 256, 256)


@pytest.mark.parametrize(
    ("alias", "shapes"),
    [
        ("T1", [(512, 64), (1024, 16), (128, 128)]),
        ("T2", [(1024, 32), (512, 32), (128, 256)]),
        ("T3", [(256, 128), (512, 64), (1024, 32)]),
        ("T4", [(256, 128), (512, 64), (1024, 16)]),
        ("T5", [(512, 64), (1024, 16), (512, 64)]),
    ],
)
def test_each_reading_of_the_tapped_layers_has_its_shapes(alias: str, shapes: list[tuple[int, int]]) -> None:
    with torch.device("meta"):
        recon = Autoencoder(128, TAP_ALIASES[alias])

    _, taps = recon(torch.empty(1, 3, 256, 256, device="meta"))

    assert [(tap.shape[1], tap.shape[2]) for tap in taps] == shapes


@pytest.mark.parametrize("name", MODELS)
def test_every_model_rebuilds_judges_and_learns(name: str) -> None:
    config = with_overrides(preset(name, presets(name)[0].name), [])
    recipe, batch = build(config), _batch(size=config.preprocess.size)
    for phase in recipe.phases():
        losses = phase.loss(batch)
        losses["total"].backward()
        assert all(loss.ndim == 0 and bool(torch.isfinite(loss)) for loss in losses.values())
        assert all(parameter.grad is not None for parameter in phase.parameters)
        phase.make_optimiser().step()

    recipe.model.eval()
    with torch.no_grad():
        r, taps = recipe.model.reconstruct(batch.input)
        found = recipe.model.discriminate(batch.input, r, taps)

    assert r.shape == batch.input.shape
    assert found is None or (found.shape == batch.mask.shape and found.min() >= 0 and found.max() <= 1)
    assert not recipe.evaluate(batch)["total"].requires_grad


@pytest.mark.parametrize(
    "change",
    [
        "swin.patch=2",
        "swin.window=4",
        "upernet.classes=1",
        "upernet.ppm_norm=gn",
        "upernet.ppm_norm=none",
        "upernet.dropout=0.1",
        "swin.checkpointing=true",
        "fusion.kernel=1",
        "fusion.norm=ln",
        "fusion.norm=in",
        "fusion.norm=none",
        "fusion.act=sigmoid",
        "fusion.act=gelu",
        "fusion.act=none",
        "fusion.mode=dual15",
    ],
)
def test_every_switch_trains_and_judges(change: str) -> None:
    recipe, batch = build(_config("micro", change)), _batch()
    (phase,) = recipe.phases()

    phase.loss(batch)["total"].backward()
    found = recipe.model.eval()(batch.input)[1]

    assert all(parameter.grad is not None for parameter in phase.parameters)
    assert found is not None and found.shape == (2, 1, 64, 64)


def test_a_u_net_keeps_the_image_side() -> None:
    model = _model("disc.arch=unet", "unet.base=4").eval()

    _, found = model(_batch().input)

    assert found is not None and found.shape == (2, 1, 64, 64)


def test_weights_start_as_in_draem() -> None:
    model = _model()
    kernels = torch.cat([part.weight.flatten() for part in model.recon.modules() if isinstance(part, nn.Conv2d)])
    norms = [part for part in model.recon.modules() if isinstance(part, nn.BatchNorm2d)]

    assert kernels.std().item() == pytest.approx(0.02, rel=0.02)
    assert torch.cat([norm.weight for norm in norms]).std().item() == pytest.approx(0.02, rel=0.2)
    assert all(bool((norm.bias == 0).all()) for norm in norms)


def test_segmentation_loss_teaches_the_encoder_too() -> None:
    assert _encoder_gradient() > 0


@pytest.mark.parametrize("switch", ["loss.detach_recon=true", "fusion.detach_taps=true"])
def test_one_detach_switch_alone_leaves_the_other_way_open(switch: str) -> None:
    assert _encoder_gradient(switch) > 0


@pytest.mark.parametrize("mode", ["rgb15", "single9", "dual15"])
def test_both_detach_switches_keep_segmentation_loss_from_the_autoencoder(mode: str) -> None:
    assert _encoder_gradient("loss.detach_recon=true", "fusion.detach_taps=true", f"fusion.mode={mode}") == 0


def _encoder_gradient(*changes: str) -> float:
    torch.manual_seed(0)
    recipe = build(_config("micro", "w_mse=0", "w_ssim=0", *changes))
    recipe.phases()[0].loss(_batch())["total"].backward()
    encoder = recipe.model.get_submodule("recon.stages.enc1").parameters()
    return sum(float(p.grad.abs().sum()) for p in encoder if p.grad is not None)


def test_a_second_look_at_two_reconstructions_rebuilds_once_more_in_training_and_judging() -> None:
    model, x = _model("fusion.mode=dual15").eval(), _batch().input
    r, taps = model.reconstruct(x)
    again, taps_again = model.recon(r.clamp(0, 1))
    assert model.fusion is not None and model.fusion_again is not None
    expected = torch.cat([x, r, *model.fusion(taps, (64, 64)), again, *model.fusion_again(taps_again, (64, 64))], dim=1)

    torch.testing.assert_close(model.discriminator_input(x, r, taps), expected)


def test_a_batch_is_judged_as_its_images_one_by_one() -> None:
    model, x = _model().eval(), _batch(3).input
    with torch.no_grad():
        r, whole = model(x)
        single = [model(x[i : i + 1]) for i in range(3)]

    torch.testing.assert_close(r, torch.cat([one[0] for one in single]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole, torch.cat([one[1] for one in single]), atol=1e-5, rtol=1e-5)


def test_channels_last_changes_nothing_but_memory_order() -> None:
    model, x = _model().eval(), _batch().input
    with torch.no_grad():
        plain = model(x)[1]
        last = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))[1]

    torch.testing.assert_close(plain, last, atol=1e-5, rtol=1e-5)


def test_training_on_one_image_is_refused_in_plain_words() -> None:
    recipe = build(_config("micro"))

    with pytest.raises(TrainingError, match="one image a step"):
        recipe.phases()[0].loss(_batch(1))


def test_a_setting_of_one_image_a_step_is_refused_before_anything_is_built() -> None:
    with pytest.raises(ConfigError, match=r"ppm_norm=gn"):
        _config("micro", "train.batch=1")


def test_group_norm_learns_from_one_image() -> None:
    recipe = build(_config("micro", "train.batch=1", "upernet.ppm_norm=gn"))

    assert torch.isfinite(recipe.phases()[0].loss(_batch(1))["total"])


def test_a_torch_without_its_torchvision_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setitem(sys.modules, "timm.models.swin_transformer", Broken("timm.models.swin_transformer"))

    with pytest.raises(TrainingError, match="torch and torchvision do not belong together") as raised:
        build(_config("micro"))
    assert "same source" in str(raised.value)


def test_a_missing_timm_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.models.swin_transformer", None)

    with pytest.raises(TrainingError, match="timm is missing"):
        build(_config("micro"))


def test_weight_decay_reaches_the_matrices_of_swin_only() -> None:
    recipe = build(_config("micro"))
    (phase,) = recipe.phases()
    decayed = {id(p) for group in phase.groups if group.weight_decay for p in group.parameters}
    names = {name for name, p in recipe.model.named_parameters() if id(p) in decayed}

    assert "disc.backbone.body.layers.0.blocks.0.mlp.fc1.weight" in names
    assert all(name.startswith("disc.backbone.body.") and name.endswith("weight") for name in names)
    assert len(phase.parameters) == len(list(recipe.model.parameters()))


@pytest.mark.slow
def test_the_published_network_makes_one_step_at_64_px() -> None:
    recipe = build(_config("paper", "preprocess.size=64", "swin.checkpointing=true"))
    (phase,) = recipe.phases()
    optimiser = phase.make_optimiser()

    losses = phase.loss(_batch())
    losses["total"].backward()
    optimiser.step()

    assert torch.isfinite(losses["total"])


def test_a_reconstruction_starts_grey_so_that_no_channel_learns_its_mirror_image() -> None:
    """SSIM(x, -x) is as good as SSIM(x, x): the published start near zero can lose a colour for good."""
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert float(ssim(-image, image, SsimConfig())) > 0.9
    assert float(((-image - image) ** 2).mean()) > 1.0
    torch.manual_seed(0)
    started, _ = build(preset("prff", "micro")).model.eval().reconstruct(image)
    assert 0.3 < float(started.detach().mean()) < 0.7
    assert preset("prff", "paper").network.recon.out_bias is None
