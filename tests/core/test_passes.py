"""Number of passes and gate proposed from tuning images: on answers that are known, on a model, after a training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics
from torch import Tensor

from core.config import ProgressiveConfig, ScoreConfig
from core.evaluation.passes import PassesProposal, Unrolled, propose
from core.inference.predictor import Predictor
from core.models.base import Batch, Detector, Taps
from core.training.devices import Device
from core.training.proposing import affordable, propose_passes, seconds
from tests.tiny import Run, a_config, kept_settings, make_rows

GOOD, BAD = 8, 8
SIDE = 16


@pytest.fixture(autouse=True, scope="module")
def _settings() -> Iterator[None]:
    with kept_settings():
        yield


def unrolled(*passes: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Unrolled:
    """Scores of good and defective images, pass by pass; each map is its image's score where a defect would lie."""
    scores = np.array([np.concatenate(one) for one in passes])
    masks = np.zeros((GOOD + BAD, SIDE, SIDE), np.uint8)
    masks[GOOD:, 4:8, 4:8] = 1
    maps = np.zeros((len(passes), GOOD + BAD, SIDE, SIDE))
    maps[:, :, 4:8, 4:8] = scores[:, :, None, None]
    return Unrolled(scores, scores, np.rint(maps * 65535).astype(np.uint16), masks, [8.0 * (k + 1) for k in range(3)])


def ramp(low: float, high: float) -> NDArray[np.float64]:
    return np.linspace(low, high, GOOD)


def test_one_pass_is_proposed_where_a_second_gains_nothing() -> None:
    same = (ramp(0.1, 0.5), ramp(0.45, 0.9))
    found = propose(unrolled(same, same, same), images=27, gate=0.5, passes=2)
    assert found is not None and (found.passes, found.gate) == (1, 0.5)
    assert found.sentence == "One pass: a second one gained nothing on 27 tuning images and costs 8 ms."
    assert (found.good, found.defective) == (8, 8)
    own = next(one for one in found.options if (one.passes, one.gate) == (2, 0.5))
    assert own.good_on == 0 and own.defective_on == 7  # of 8 scores from 0.45 to 0.9 one is not above 0.5


def test_textures_that_blur_are_left_with_one_pass() -> None:
    found = propose(
        unrolled((ramp(0.1, 0.4), ramp(0.5, 0.9)), *[(ramp(0.1, 0.4), ramp(0.2, 0.4))] * 2), images=16, gate=0.0
    )
    assert found is not None and found.passes == 1
    assert found.sentence.startswith("One pass: a second one lost ")


def test_further_passes_are_proposed_where_they_tell_good_from_defective() -> None:
    first = (np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.6, 0.8]), ramp(0.5, 0.9))
    second = (np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2]), ramp(0.5, 0.9))
    found = propose(unrolled(first, second, second), images=16, gate=0.9, passes=2)
    assert found is not None
    assert found.passes == 2 and found.gate == pytest.approx(0.1)
    chosen = next(one for one in found.options if (one.passes, one.gate) == (found.passes, found.gate))
    assert chosen.image_auroc == 1.0 and (chosen.good_on, chosen.defective_on) == (2, 8)
    once = found.options[0]
    assert once.passes == 1 and once.image_auroc == pytest.approx(
        metrics.roc_auc_score([0] * 8 + [1] * 8, np.concatenate(first))
    )
    assert found.sentence.startswith("Two passes above 0.1: on 16 tuning images image AUROC goes from ")
    assert "2 of 8 good ones go on, which costs 8 ms each." in found.sentence
    assert PassesProposal.model_validate(json.loads(found.model_dump_json())) == found


def test_nothing_is_proposed_where_there_is_nothing_to_tell_apart() -> None:
    seen = unrolled((ramp(0, 1), ramp(0, 1)))
    assert propose(Unrolled(seen.scores, seen.firsts, seen.maps, seen.masks * 0, seen.ms), images=3, gate=0.5) is None


class Fading(Detector):
    """Rebuilds everything halfway to grey, further in each pass; what differs from that is suspicious."""

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        return x / 2 + 0.25, (x,)

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        return (x - r).abs().mean(1, keepdim=True)


def a_batch(count: int) -> Batch:
    torch.manual_seed(4)
    image = 0.4 + 0.2 * torch.rand(count, 3, 32, 32) + 0.2 * torch.rand(count, 1, 1, 1)
    mask = torch.zeros(count, 1, 32, 32)
    mask[:, :, 8:16, 8:16] = 1
    return Batch(image=image, input=image + 0.2 * mask, mask=mask)


def test_a_model_is_measured_as_the_predictor_scores_it() -> None:
    batch, device = a_batch(16), Device(threads=1)
    score = ScoreConfig()
    predictor = Predictor(Fading(), progressive=ProgressiveConfig(n=2, gate=0.1), score=score, size=32)
    found = propose_passes(
        predictor, batch, device=device, minutes=None, images=5, inside_roi=True, look_up=lambda: None
    )
    assert found is not None and (found.good, found.defective, found.images) == (8, 8, 5)
    given = torch.where(torch.arange(16).view(-1, 1, 1, 1) % 2 == 0, batch.input, batch.image)
    truth = [1 - number % 2 for number in range(16)]
    for one in found.options:
        plain = predictor.under(ProgressiveConfig(n=one.passes, gate=one.gate)).predict(given)
        assert one.image_auroc == pytest.approx(metrics.roc_auc_score(truth, plain.score.double()))
        masks = (batch.mask[:, 0] * torch.tensor(truth).view(-1, 1, 1)).flatten()
        assert one.pixel_auroc == pytest.approx(metrics.roc_auc_score(masks, plain.maps.flatten()), abs=1e-4)
        assert one.good_on + one.defective_on == int((plain.passes > 1).sum())
        assert one.ms > 0
    assert {one.passes for one in found.options} == {1, 2, 3}
    assert len({one.pixel_auroc for one in found.options}) > 1  # a further pass of some images is seen
    assert any((one.passes, one.gate) == (2, 0.1) for one in found.options)


def test_what_lies_outside_the_region_neither_counts_nor_makes_an_image_defective() -> None:
    batch = a_batch(8)
    batch.roi = torch.zeros(8, 1, 32, 32)
    predictor = Predictor(Fading(), progressive=ProgressiveConfig(), score=ScoreConfig(), size=32)
    wishes = {"device": Device(threads=1), "minutes": None, "images": 8, "look_up": lambda: None}
    assert propose_passes(predictor, batch, inside_roi=True, **wishes) is None  # type: ignore[arg-type]
    assert propose_passes(predictor, batch, inside_roi=False, **wishes) is not None  # type: ignore[arg-type]


def test_measuring_takes_its_share_of_the_minutes_or_is_left_out() -> None:
    assert affordable(0.03, None) == affordable(0.03, 25) == 32
    assert affordable(0.05, 1) == 0 and seconds(0.05, 1) == 0
    for crop, minutes in ((0.03, 1.0), (0.1, 5.0), (1.0, 25.0), (0.001, 0.1)):
        assert seconds(crop, minutes) <= 0.03 * 60 * minutes
    assert seconds(0.03, None) == pytest.approx(0.03 * (3 * 32 + 4 * 7))


def test_the_proposal_stands_in_the_record_of_the_model_and_changes_no_score(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", make_rows(tmp_path), a_config("train.steps=2", "train.ema=null"))
    run.go()
    record = json.loads((run.job.folder / "model.json").read_text())
    found = PassesProposal.model_validate(record["proposal"])
    assert found.images == 2 and found.good == found.defective == 16
    assert record["config"]["progressive"]["n"] == 2
    settings = json.loads((run.job.folder / "scores/final/settings.json").read_text())
    assert settings["progressive"] == record["config"]["progressive"]
