"""Progressive reconstruction: the oracles of spec/prff.md 17.6, on a model whose every answer is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from core.config import ProgressiveConfig, ScoreConfig, preset
from core.inference.predictor import Prediction, Predictor, smooth
from core.inference.scoring import largest_areas, to_16bit
from core.models import build
from core.models.base import Detector, Taps
from core.preprocess import Geometry

SIZE = 64


class Counting(Detector):
    """r = x / 2 + 0.6 (not clamped), taps = x; bright images are suspicious, less so in each pass; counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.size = SIZE
        self.rebuilt: list[int] = []
        self.judged: list[int] = []

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        self.rebuilt.append(len(x))
        return x / 2 + 0.6, (x.mean(1, keepdim=True),)

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        self.judged.append(len(x))
        return (0.4 * x.mean(1, keepdim=True) + 0.4 * taps[0] + 0.24 - 0.2 * r.mean(1, keepdim=True)).clamp(0, 1)


def a_predictor(model: Detector, **progressive: object) -> Predictor:
    return Predictor(model, progressive=ProgressiveConfig(**progressive), score=ScoreConfig(), size=SIZE)  # type: ignore[arg-type]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(2)
    return torch.rand(5, 3, SIZE, SIZE) * torch.linspace(0.2, 1, 5).view(-1, 1, 1, 1)


@pytest.fixture(scope="module")
def network() -> Detector:
    torch.manual_seed(0)
    return build(preset("prff", "micro")).model.eval()


def equal(a: Prediction, b: Prediction, *, atol: float = 0) -> bool:
    return all(
        torch.allclose(getattr(a, name).float(), getattr(b, name).float(), atol=atol, rtol=0)
        for name in ("maps", "reconstructions", "score", "peak", "first", "gated", "passes")
    )


def test_the_smoothing_counts_zeros_outside() -> None:
    ones = torch.ones(1, 1, 5, 5)
    found = smooth(ones, 3)
    assert (
        found[0, 0, 2, 2] == 1
        and found[0, 0, 0, 0] == pytest.approx(4 / 9)
        and found[0, 0, 0, 2] == pytest.approx(6 / 9)
    )
    assert bool((smooth(ones, 3, count_pad=False) == 1).all())


def test_the_kernel_shrinks_with_the_image() -> None:
    assert [ScoreConfig().kernel(size) for size in (256, 128, 64)] == [21, 11, 5]


def test_score_is_the_maximum_of_the_running_mean_and_peak_of_the_map() -> None:
    model = Counting()
    model.discriminate = lambda x, r, taps: x[:, :1]  # type: ignore[method-assign]
    x = torch.zeros(1, 3, SIZE, SIZE)
    x[0, 0, 30, 30] = 1
    found = a_predictor(model, n=1).predict(x)
    assert float(found.score) == pytest.approx(1 / 25) and float(found.peak) == 1


def test_a_closed_gate_is_one_pass(images: Tensor, network: Detector) -> None:
    closed = a_predictor(network, n=2, gate=1.1).predict(images)
    once = a_predictor(network, n=1).predict(images)
    assert equal(closed, once) and closed.passes.tolist() == [1] * 5 and not closed.gated.any()


@pytest.mark.parametrize("taps", ["first", "last"])
@pytest.mark.parametrize("n", [2, 3])
def test_an_open_gate_equals_composing_by_hand(images: Tensor, network: Detector, n: int, taps: str) -> None:
    found = a_predictor(network, n=n, gate=-1, taps=taps).predict(images)
    with torch.inference_mode():
        r, shown = network.reconstruct(images)
        first = shown
        for _ in range(n - 1):
            r, shown = network.reconstruct(r.clamp(0, 1))
        by_hand = network.discriminate(images, r, first if taps == "first" else shown)
    assert by_hand is not None
    assert torch.equal(found.maps, by_hand[:, 0]) and torch.equal(found.reconstructions, r)
    assert found.passes.tolist() == [n] * 5 and bool(found.gated.all())
    assert torch.equal(found.score, smooth(by_hand, 5).amax((1, 2, 3)))


@pytest.mark.parametrize("settings", [{}, {"taps": "last"}, {"n": 4, "regate": True}, {"n": 3, "score_from": "max"}])
def test_a_batch_gives_what_its_images_give_one_by_one(images: Tensor, settings: dict[str, object]) -> None:
    model = Counting()
    gate = float(a_predictor(model, n=1).predict(images).first.median())
    predictor = a_predictor(model, **{"n": 2, **settings}, gate=gate)
    together = predictor.predict(images)
    assert 0 < int(together.gated.sum()) < 5
    for index in range(5):
        alone = predictor.predict(images[index : index + 1])
        for name in ("maps", "reconstructions", "score", "peak", "first", "gated", "passes"):
            assert torch.equal(getattr(alone, name)[0], getattr(together, name)[index])


def test_the_network_judges_a_batch_as_it_judges_one(images: Tensor, network: Detector) -> None:
    predictor = a_predictor(network, n=2, gate=-1)
    together = predictor.predict(images)
    for index in range(5):
        alone = predictor.predict(images[index : index + 1])
        assert torch.allclose(alone.maps[0], together.maps[index], atol=1e-5)
        assert float(alone.score) == pytest.approx(float(together.score[index]), abs=1e-5)


def test_one_pass_never_rebuilds_twice_and_judging_skips_passes_in_between(images: Tensor) -> None:
    model = Counting()
    a_predictor(model, n=1, gate=-1).predict(images)
    assert (model.rebuilt, model.judged) == ([5], [5])
    model.rebuilt, model.judged = [], []
    a_predictor(model, n=4, gate=-1).predict(images)
    assert (model.rebuilt, model.judged) == ([5, 5, 5, 5], [5, 5])


def test_only_images_above_the_gate_go_on(images: Tensor) -> None:
    model = Counting()
    first = a_predictor(model, n=1).predict(images).first
    gate = float(first.sort().values[2])
    model.rebuilt = []
    found = a_predictor(model, n=2, gate=gate).predict(images)
    assert model.rebuilt == [5, 2] and torch.equal(found.gated, first > gate)
    assert torch.equal(found.first, first)


def test_score_from_says_which_pass_counts(images: Tensor) -> None:
    model = Counting()
    once, last = (a_predictor(model, n=n, gate=-1).predict(images) for n in (1, 2))
    first = a_predictor(model, n=2, gate=-1, score_from="first").predict(images)
    both = a_predictor(model, n=2, gate=-1, score_from="max").predict(images)
    assert torch.equal(first.maps, once.maps) and torch.equal(first.score, once.score)
    assert torch.equal(both.maps, torch.maximum(once.maps, last.maps))
    assert not torch.equal(last.maps, once.maps)


def test_what_is_fed_back_is_clamped_unless_told_otherwise(images: Tensor) -> None:
    clamped = a_predictor(Counting(), n=2, gate=-1).predict(images)
    free = a_predictor(Counting(), n=2, gate=-1, clamp=False).predict(images)
    once = images / 2 + 0.6
    assert torch.equal(clamped.reconstructions, once.clamp(0, 1) / 2 + 0.6)
    assert torch.equal(free.reconstructions, once / 2 + 0.6)


def test_a_gate_at_every_pass_lets_images_leave(images: Tensor) -> None:
    model = Counting()
    first = a_predictor(model, n=1).predict(images).first
    model.rebuilt = []
    passes = a_predictor(model, n=4, gate=float(first.median()) - 0.01, regate=True).predict(images).passes
    assert passes[:2].tolist() == [1, 1] and passes[2] == 2 and passes[4] > 2 and model.rebuilt[0] == 5


def test_a_model_without_a_judging_network_is_judged_by_what_it_could_not_rebuild(images: Tensor) -> None:
    model = Counting()
    model.discriminate = lambda x, r, taps: None  # type: ignore[method-assign]
    model.score = lambda x, r, taps: x.amax((1, 2, 3))  # type: ignore[method-assign]
    found = a_predictor(model, n=1).predict(images)
    assert torch.allclose(found.maps, (images / 2 - 0.6).abs().mean(1).clamp(0, 1))
    assert torch.equal(found.score, images.amax((1, 2, 3)))


def test_areas_are_of_the_largest_part_in_image_pixels() -> None:
    found = np.zeros((8, 8), np.float32)
    found[0:2, 0:2] = 0.5
    found[2, 2] = 0.5  # touches at a corner: one part
    found[5:7, 5] = 0.9
    areas = largest_areas(found, Geometry((0, 0, 16, 32), 8))
    assert areas[0] == areas[31] == 5 * 8 and areas[32] == areas[56] == 2 * 8 and areas[58:] == [0] * 6
    assert len(areas) == 64


def test_a_map_is_kept_in_16_bits() -> None:
    assert to_16bit(np.array([[0, 0.5, 1, 2]], np.float32)).tolist() == [[0, 32768, 65535, 65535]]
