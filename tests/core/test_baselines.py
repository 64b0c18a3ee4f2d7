"""DRAEM and GANomaly against the numbers of their authors' code, and every model of the registry alike."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.config import MODELS, DraemNetworkConfig, GanomalyNetworkConfig, preset
from core.models import Batch, build
from core.models.draem.network import Draem
from core.models.ganomaly.network import Ganomaly
from core.training.averaging import reestimate_norms


def _count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def _batch(size: int) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(4, 3, size, size, generator=generator)
    mask = (torch.rand(4, 1, size, size, generator=generator) > 0.9).float()
    return Batch(image=image, input=torch.where(mask > 0, 1 - image, image), mask=mask)


def test_draem_has_its_authors_parameters() -> None:
    with torch.device("meta"):
        model = Draem(DraemNetworkConfig(), 256)

    assert (_count(model.recon), _count(model.judge)) == (69_048_579, 28_374_146)


@pytest.mark.parametrize(("size", "generator", "critic"), [(32, 3_206_528, 663_296), (256, 143_950_208, 44_739_328)])
def test_ganomaly_has_its_authors_parameters(size: int, generator: int, critic: int) -> None:
    with torch.device("meta"):
        model = Ganomaly(GanomalyNetworkConfig(), size)

    assert _count(model.encoder, model.decoder, model.encoder_again) == generator
    assert _count(model.critic_features, model.critic_out) == critic


def test_ganomaly_scores_by_its_latents_and_shows_no_places() -> None:
    model = Ganomaly(GanomalyNetworkConfig(width=8, latent=16), 64).eval()
    x = _batch(64).image

    r, taps = model.reconstruct(x)
    z, z_again = taps

    assert model.discriminate(x, r, taps) is None
    assert r.min() >= 0 and r.max() <= 1
    assert torch.allclose(model.score(x, r, taps), (z - z_again).square().mean((1, 2, 3)))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_a_whole_step_and_gets_better_at_what_it_is_shown(name: str) -> None:
    torch.manual_seed(0)
    config = preset(name, "micro")
    recipe, batch = build(config), _batch(config.preprocess.size)
    optimisers = [phase.make_optimiser() for phase in recipe.phases()]
    recipe.model.train()
    before = recipe.evaluate(batch)["total"]

    for _ in range(12):
        batch.shared = None
        for phase, optimiser in zip(recipe.phases(), optimisers, strict=True):
            recipe.model.zero_grad()
            phase.loss(batch)["total"].backward()
            optimiser.step()

    assert recipe.evaluate(batch)["total"] < 0.95 * before


@pytest.mark.parametrize("name", MODELS)
def test_every_model_judges_a_batch_as_its_images_one_by_one(name: str) -> None:
    torch.manual_seed(0)
    config = preset(name, "micro")
    model = build(config).model.eval()
    x = _batch(config.preprocess.size).input

    with torch.inference_mode():
        whole = model.reconstruct(x)
        single = [model.reconstruct(x[i : i + 1])[0] for i in range(len(x))]

    assert torch.allclose(whole[0], torch.cat(single), atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_statistics_are_measured_of_what_a_model_is_trained_on(name: str) -> None:
    config = preset(name, "micro")
    batch, means = _batch(config.preprocess.size), []
    for measured in (False, True):
        torch.manual_seed(0)
        recipe = build(config)
        norm = next(part for part in recipe.model.modules() if isinstance(part, nn.BatchNorm2d))
        if measured:
            reestimate_norms(recipe.model, [recipe.given(batch)])
        else:
            recipe.model.train()
            recipe.phases()[0].loss(batch)
        assert norm.running_mean is not None
        means.append(norm.running_mean / (1.0 if measured else 0.1))  # a plain mean; a tenth of the way from zero

    torch.testing.assert_close(means[0], means[1])


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    config = preset(name, "micro")

    def weights() -> dict[str, torch.Tensor]:
        torch.manual_seed(5)
        return build(config).model.state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", MODELS)
def test_phases_share_no_parameters(name: str) -> None:
    moved = [id(p) for phase in build(preset(name, "micro")).phases() for p in phase.parameters]

    assert len(moved) == len(set(moved))
