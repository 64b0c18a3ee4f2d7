"""What a step trains on depends on seed, epoch and draw, and on nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import PreprocessConfig, preset
from core.imaging import save_png
from core.inference.loading import load_rows, to_input
from core.jobfiles import ManifestRow
from core.preprocess import Preprocessor
from core.synthesis import DefectSynthesiser, TextureSource
from core.training.data import Place, Prefetcher, Samples, parts, steps_an_epoch, tuning_samples
from core.training.devices import Device, loaders_for
from core.training.images import ImageCache, load_images

SIZE = 32


def some_crops(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 255, (count, SIZE, SIZE, 3), dtype=np.uint8)


def a_synthesiser(crops: NDArray[np.uint8]) -> DefectSynthesiser:
    config = preset("prff", "micro")
    return DefectSynthesiser(config.simulate, config.augment, SIZE, TextureSource(["self"], SIZE, own=list(crops)))


def samples(count: int, batch: int, *, seed: int = 0, drop_last: bool = True) -> Samples:
    crops = some_crops(count)
    return Samples(crops, a_synthesiser(crops), batch=batch, seed=seed, drop_last=drop_last)


def test_loaders_suit_the_machine_and_leave_it_a_core() -> None:
    assert loaders_for("cpu", 16) == loaders_for("cpu", 1) == 1
    assert [loaders_for("cuda", cores) for cores in (1, 2, 6, 16)] == [1, 1, 5, 8]
    assert loaders_for("cuda", 16, sharing=4) == 3
    assert Device(threads=1).loaders(0) == 0 and Device(threads=1).loaders(5) == 5


@pytest.mark.parametrize(("drop_last", "steps"), [(True, 3), (False, 4)])
def test_steps_of_an_epoch_are_known_without_its_images(drop_last: bool, steps: int) -> None:
    assert steps_an_epoch(11, batch=3, drop_last=drop_last) == steps
    assert samples(11, 3, drop_last=drop_last).steps_per_epoch == steps
    assert steps_an_epoch(10, batch=3, drop_last=drop_last) == 3  # one image alone cannot be normalised
    assert steps_an_epoch(2, batch=3, drop_last=drop_last) == 1


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own() -> None:
    source = samples(10, 3)
    assert sorted(source.order(0)) == list(range(10))
    assert list(source.order(0)) == list(source.order(0)) != list(source.order(1))
    assert list(source.order(0)) != list(samples(10, 3, seed=1).order(0))
    assert source.steps_per_epoch == 3


def test_a_set_smaller_than_a_step_is_gone_through_again() -> None:
    source = samples(3, 8)
    assert source.steps_per_epoch == 1
    assert np.bincount(source.order(0)[:8]).tolist() in ([3, 3, 2], [3, 2, 3], [2, 3, 3])
    assert len(source.make(Place(), source.order(0)).image) == 8


@pytest.mark.parametrize(
    ("count", "drop_last", "sizes"), [(7, True, [3, 3]), (8, False, [3, 3, 2]), (7, False, [3, 3])]
)
def test_the_incomplete_step_is_dropped_or_at_least_two_images(count: int, drop_last: bool, sizes: list[int]) -> None:
    source = samples(count, 3, drop_last=drop_last)
    found = [len(source.make(Place(0, k), source.order(0)).image) for k in range(source.steps_per_epoch)]
    assert found == sizes


def test_batches_are_the_same_for_any_number_of_threads_and_from_any_start() -> None:
    def taken(threads: int, start: Place, count: int) -> list[torch.Tensor]:
        with Prefetcher(samples(5, 2), start, threads=threads) as batches:
            return [batches.take().input for _ in range(count)]

    alone = taken(0, Place(), 6)
    for threads in (1, 3):
        assert all(map(torch.equal, taken(threads, Place(), 6), alone))
    assert all(map(torch.equal, taken(1, Place(1, 1), 3), alone[3:]))
    assert not torch.equal(alone[0], alone[2])


def test_a_restart_goes_on_from_another_place() -> None:
    with Prefetcher(samples(5, 2), Place(), threads=1) as batches:
        first = batches.take()
        batches.take()
        batches.restart(Place())
        assert torch.equal(batches.take().input, first.input)


def test_a_batch_is_a_good_image_and_the_same_with_a_defect() -> None:
    source = samples(8, 8)
    batch = source.make(Place(), source.order(0))
    assert batch.image.shape == batch.input.shape == (8, 3, SIZE, SIZE) and batch.mask.shape == (8, 1, SIZE, SIZE)
    assert batch.image.dtype == torch.float32 and 0 <= float(batch.input.min()) <= float(batch.input.max()) <= 1
    untouched = (batch.mask == 0).expand_as(batch.image)
    assert torch.equal(batch.image[untouched], batch.input[untouched])
    assert set(batch.mask.unique().tolist()) == {0.0, 1.0}


def test_tuning_samples_are_fixed_and_every_second_one_has_a_defect() -> None:
    crops = some_crops(3)
    first, again = (tuning_samples(crops, a_synthesiser(crops)) for _ in range(2))
    assert torch.equal(first.input, again.input) and len(first.image) == 32
    assert bool(first.mask[::2].amax((1, 2, 3)).all())


@pytest.mark.parametrize(("count", "sizes"), [(1, [8]), (2, [4, 4]), (3, [3, 3, 2]), (9, [2, 2, 2, 2])])
def test_parts_add_up_to_the_whole_with_two_images_at_least(count: int, sizes: list[int]) -> None:
    source = samples(8, 8)
    found = parts(source.make(Place(), source.order(0)), count)
    assert [len(piece.image) for piece, _ in found] == sizes
    assert sum(share for _, share in found) == pytest.approx(1)


def test_images_are_read_in_order_and_bad_ones_are_named(tmp_path: Path) -> None:
    rows = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        save_png(path, np.full((20, 30, 3), 40 * number, np.uint8))
        rows.append(ManifestRow(number, str(path), "train", "good"))
    Path(rows[2].path).write_bytes(b"not a picture")
    counted: list[int] = []
    found = load_images(
        load_rows(rows, Preprocessor(PreprocessConfig(size=SIZE)), None, threads=3),
        cache=ImageCache(tmp_path / "cache" / "x", limit=2**20),
        progress=counted.append,
    )
    assert found.ids == (0, 1, 3, 4) and found.crops[:, 0, 0, 0].tolist() == [0, 40, 120, 160]
    assert [image.row.id for image in found.unreadable] == [2] and counted == [1, 2, 3, 4, 5]


def test_what_does_not_fit_into_memory_is_mapped_from_a_file(tmp_path: Path) -> None:
    crops = some_crops(6)
    cache = ImageCache(tmp_path / "cache" / "x", limit=2 * crops[0].nbytes)
    for crop in crops:
        cache.add(crop)
    assert np.array_equal(cache.finish(), crops) and (tmp_path / "cache" / "x").stat().st_size == crops.nbytes
    cache.drop()
    assert not (tmp_path / "cache" / "x").exists()


def test_model_input_is_the_pixel_over_255() -> None:
    crops = some_crops(2)
    given = to_input(crops)
    assert given.shape == (2, 3, SIZE, SIZE)
    assert float(given[1, 2, 3, 4]) == np.float32(crops[1, 3, 4, 2]) / np.float32(255)
