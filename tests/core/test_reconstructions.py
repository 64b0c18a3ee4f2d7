"""Reconstructions on the disk, and what the predictor shows pass by pass."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import ProgressiveConfig, ScoreConfig, preset
from core.imaging import save_png
from core.inference.predictor import Predictor
from core.models import build
from core.models.base import Detector
from core.preprocess import Geometry
from core.reconstructions import CropWork, Request, read, size, stamp_of, trim, write
from tests.models import stirred

SIDE = 64


def work(seed: int, *, passes: int = 3, box: tuple[int, int, int, int] = (0, 0, 80, 40)) -> CropWork:
    rng = np.random.default_rng(seed)
    return CropWork(
        Geometry(box, SIDE),
        pictures=rng.integers(0, 256, (passes + 1, SIDE, SIDE, 3), dtype=np.uint8),
        maps=rng.integers(0, 65536, (passes, SIDE, SIDE), dtype=np.uint16),
        scores=[0.9, 0.4, 0.3][:passes],
        peaks=[1.0, 0.8, 0.7][:passes],
        firsts=[0.6, 0.45, 0.2][:passes],
        judged=2,
    )


@pytest.fixture
def training(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "runs" / "1"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    return folder


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    save_png(tmp_path / "teil ä.png", np.zeros((40, 80, 3), np.uint8))
    return Request(7, str(tmp_path / "teil ä.png"), passes=3)


def keep(training: Path, request: Request, *crops: CropWork) -> None:
    write(training, request, iter(crops or (work(request.image),)), model=stamp_of(training), gate=0.5)


def test_a_request_survives_its_line() -> None:
    one = Request(3, "/a b/ü.png", ((0, 1, 20, 30), (5, 5, 9, 9)), 2)
    assert Request.from_json(one.to_json()) == one
    other = Request(3, "x.png", progressive=ProgressiveConfig(n=4, gate=0.3, taps="last", score_from="max"))
    assert Request.from_json(other.to_json()) == other
    with pytest.raises(ValueError, match="n"):
        Request.from_json(other.to_json().replace('"n": 4', '"n": 9'))
    whole = Request(3, "x.png")
    assert Request.from_json(whole.to_json()) == whole
    with pytest.raises(ValueError, match="passes"):
        Request.from_json(Request(3, "x.png", passes=9).to_json())


def test_what_was_written_is_read_bit_for_bit(training: Path, request_: Request) -> None:
    first, second = work(1), work(2, box=(10, 0, 40, 40))
    keep(training, request_, first, second)
    found = read(training, request_)
    assert found is not None and (found.image, found.side, found.gate, len(found.crops)) == (7, SIDE, 0.5, 2)
    for mine, theirs in zip((first, second), found.crops, strict=True):
        assert theirs.geometry == mine.geometry and np.array_equal(theirs.given, mine.pictures[0])
        assert len(theirs.passes) == 3 and theirs.judged == 2
        for number, one in enumerate(theirs.passes, 1):
            assert np.array_equal(one.picture, mine.pictures[number])
            assert np.array_equal(one.map, mine.maps[number - 1])
        assert [one.goes_on for one in theirs.passes] == [True, False, False]
        assert [one.peak for one in theirs.passes] == [1.0, 0.8, 0.7]


def test_differences_are_mean_grey_levels(training: Path, request_: Request) -> None:
    one = work(1)
    one.pictures[0], one.pictures[1] = 100, 100
    one.pictures[1, 5, 6] = (130, 100, 40)
    keep(training, request_, one)
    found = read(training, request_)
    assert found is not None
    away = found.crops[0].difference(1)
    assert away.dtype == np.uint8 and away[5, 6] == 30 and int(away.sum()) == 30
    assert not found.crops[0].difference(0).any()


def test_fewer_passes_are_there_when_more_are(training: Path, request_: Request) -> None:
    keep(training, request_)
    assert read(training, Request(7, request_.path, passes=2)) is not None
    assert read(training, Request(7, request_.path, passes=4)) is None


def test_other_crops_another_model_or_another_image_ask_for_new_ones(training: Path, request_: Request) -> None:
    keep(training, request_)
    assert read(training, Request(7, request_.path, ((0, 0, 9, 9),), 3)) is None
    assert read(training, Request(8, request_.path, passes=3)) is None
    (training / "model.json").write_text('{"step": 2}')
    assert read(training, request_) is None
    keep(training, request_)
    assert read(training, request_) is not None
    save_png(Path(request_.path), np.ones((41, 80, 3), np.uint8))
    assert read(training, request_) is None


def test_settings_of_another_scoring_have_reconstructions_of_their_own(training: Path, request_: Request) -> None:
    other = replace(request_, progressive=ProgressiveConfig(taps="last", score_from="max"))
    keep(training, request_)
    assert read(training, other) is None
    write(training, other, iter([work(8)]), model=stamp_of(training), gate=0.2)
    mine, theirs = read(training, request_), read(training, other)
    assert mine is not None and theirs is not None
    assert (mine.gate, theirs.gate) == (0.5, 0.2)
    assert not np.array_equal(mine.crops[0].given, theirs.crops[0].given)
    assert read(training, replace(request_, progressive=ProgressiveConfig(taps="last"))) is None
    assert trim(training.parent.parent, keep=0) > 0 and read(training, other) is None


def test_a_damaged_cache_is_no_cache(training: Path, request_: Request) -> None:
    keep(training, request_)
    folder = training / "reconstructions" / "7"
    (folder / "0_maps.png").write_bytes(b"torn")
    assert read(training, request_) is None
    keep(training, request_)
    (folder / "passes.json").write_text("{")
    assert read(training, request_) is None


def test_the_worst_crop_comes_first(training: Path, request_: Request) -> None:
    low, high = work(1), work(2)
    low = CropWork(**{**vars(low), "scores": [1.0, 0.1, 0.9]})  # of three passes the second is judged
    keep(training, request_, low, high)
    found = read(training, request_)
    assert found is not None and found.worst is found.crops[1]


def test_the_cache_is_trimmed_from_what_was_not_looked_at_for_longest(training: Path, request_: Request) -> None:
    requests = [Request(image, request_.path, passes=3) for image in (1, 2, 3)]
    for request in requests:
        keep(training, request)
        os.utime(training / "reconstructions" / str(request.image) / "passes.json", (1000, 1000 + request.image))
    project = training.parent.parent
    each = size(project) // 3
    assert read(training, requests[0]) is not None  # looked at just now
    assert trim(project, keep=2 * each + each // 2) > 0
    assert [read(training, request) is not None for request in requests] == [True, False, True]
    assert trim(project, keep=2**30) == 0 and trim(project, keep=0) > 0 and size(project) == 0


@pytest.fixture(scope="module")
def network() -> Iterator[Detector]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield stirred(build(preset("prff", "micro")).model, 0.1).eval()
    torch.set_num_threads(before)


def predictor(network: Detector, **settings: object) -> Predictor:
    return Predictor(network, progressive=ProgressiveConfig(**settings), score=ScoreConfig(), size=SIDE)  # type: ignore[arg-type]


@pytest.mark.parametrize("taps", ["first", "last"])
@pytest.mark.parametrize("score_from", ["last", "first", "max"])
@pytest.mark.parametrize("regate", [False, True])
def test_each_pass_is_what_judging_with_so_many_gives(
    network: Detector, taps: str, score_from: str, regate: bool
) -> None:
    torch.manual_seed(3)
    images = torch.rand(3, 3, SIDE, SIDE)
    settings = {"taps": taps, "score_from": score_from, "regate": regate}
    passes = predictor(network).under(ProgressiveConfig(**settings)).unroll(images, 4)  # type: ignore[arg-type]
    if score_from == "last":
        assert not torch.equal(passes[0].maps, passes[1].maps)
    for number, one in enumerate(passes, 1):
        judged = predictor(network, **settings, n=number, gate=-1).predict(images)
        assert torch.allclose(one.maps, judged.maps, atol=1e-6)
        assert torch.allclose(one.reconstructions, judged.reconstructions, atol=1e-5)
        assert torch.allclose(one.score, judged.score, atol=1e-6)
        assert torch.allclose(one.peak, judged.peak, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"n": 1}, {"n": 4, "regate": True}, {"n": 5}])
def test_the_number_of_judged_passes_is_that_of_judging(network: Detector, settings: dict[str, object]) -> None:
    torch.manual_seed(4)
    images = torch.rand(6, 3, SIDE, SIDE) * torch.linspace(0, 1, 6).view(-1, 1, 1, 1)
    firsts = torch.stack([one.first for one in predictor(network).unroll(images, 5)], dim=1)
    gate = float(firsts[:, 0].median())
    one = predictor(network, gate=gate, **settings)
    assert [one.judged_passes(found.tolist()) for found in firsts] == one.predict(images).passes.tolist()
