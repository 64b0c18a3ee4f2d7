"""What a step trains on: images in an order of their own for each epoch, artificial defects seeded one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.inference.loading import Pixels
from core.models.base import Batch
from core.synthesis import DefectSynthesiser, Draw, sample_rng
from core.training.group import share

TUNING_SAMPLES: Final = 32
_TUNING_SEED: Final = 314_159
_NORM_EPOCH: Final = 2**31 - 1  # an epoch that no training reaches
_REDRAWS: Final = 20


@dataclass(frozen=True)
class Place:
    """Where a training stands in its images: epoch, and step within the epoch."""

    epoch: int = 0
    position: int = 0


class Samples:
    """Training samples as a pure function of (seed, epoch, draw): the same for any number of loader threads.

    Of every batch only the images of process `rank` of `size` are made; `batch` counts those of all.
    """

    def __init__(
        self,
        crops: Pixels,
        synthesiser: DefectSynthesiser,
        *,
        batch: int,
        seed: int,
        drop_last: bool,
        regions: Pixels | None = None,
        rank: int = 0,
        size: int = 1,
    ) -> None:
        self._crops = crops
        self._rank, self._size = rank, size
        self._regions = regions
        self._synthesiser = synthesiser
        self._seed = seed
        self.batch = batch
        self._short = _short(len(crops), batch=batch, drop_last=drop_last)
        self.steps_per_epoch = steps_an_epoch(len(crops), batch=batch, drop_last=drop_last)

    @property
    def crops(self) -> int:
        """How many there are to learn from."""
        return len(self._crops)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The crops of `epoch`, each once; a set smaller than one batch is gone through again until it is full."""
        rng = np.random.default_rng((self._seed, epoch))
        needed = max(len(self._crops), self.batch)
        rounds = -(-needed // len(self._crops))
        return np.concatenate([rng.permutation(len(self._crops)) for _ in range(rounds)])

    @property
    def least(self) -> int:
        """Images of a whole batch that every process has."""
        return self.batch // self._size

    def make(self, place: Place, order: NDArray[np.int64]) -> Batch:
        """This process's images of the batch at `place`, on the CPU; none where a short batch is not for all."""
        first = place.position * self.batch
        last = place.position == self.steps_per_epoch - 1
        whole = self._short if last and self._short else self.batch
        start, end = share(whole, self._rank, self._size)
        if start == end:
            return self._nothing()
        batch = _batch(self._draws({first + k: int(order[first + k]) for k in range(start, end)}, place.epoch))
        batch.share = (end - start) / whole
        return batch

    def norm_batches(self, count: int) -> Iterator[Batch]:
        """`count` fixed batches as in training, to measure normalisation statistics."""
        for number in range(count):
            places = range(number * self.batch, (number + 1) * self.batch)
            yield _batch(self._draws({place: place % len(self._crops) for place in places}, _NORM_EPOCH))

    def _draws(self, crops: Mapping[int, int], epoch: int) -> list[Draw]:
        """A sample of each crop, by its place in the epoch."""
        return self._synthesiser.together(
            [
                (self._crops[crop], self._region(crop), sample_rng(self._seed, epoch, place))
                for place, crop in crops.items()
            ]
        )

    def _region(self, crop: int) -> NDArray[np.uint8] | None:
        return None if self._regions is None else self._regions[crop]

    def _nothing(self) -> Batch:
        side = self._crops.shape[1]
        image, plane = torch.empty(0, 3, side, side), torch.empty(0, 1, side, side)
        return Batch(image=image, input=image, mask=plane, roi=None if self._regions is None else plane, share=0.0)

    def next_place(self, place: Place) -> Place:
        if place.position + 1 < self.steps_per_epoch:
            return Place(place.epoch, place.position + 1)
        return Place(place.epoch + 1, 0)


class Prefetcher:
    """Hands out batches in order from a place on, made ahead in `threads` threads (0: when asked for)."""

    def __init__(self, samples: Samples, place: Place, *, threads: int) -> None:
        self._samples = samples
        self._next = place
        self._order = (place.epoch, samples.order(place.epoch))
        self._threads = threads
        self._waiting: deque[Future[Batch]] = deque()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="defects") if threads else None

    def __enter__(self) -> Prefetcher:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def take(self) -> Batch:
        """The next batch, on the CPU."""
        if self._pool is None:
            return self._samples.make(*self._advance())
        while len(self._waiting) <= self._threads:
            self._waiting.append(self._pool.submit(self._samples.make, *self._advance()))
        return self._waiting.popleft().result()

    def restart(self, place: Place) -> None:
        """Go on from another place."""
        for future in self._waiting:
            future.cancel()
        self._waiting.clear()
        self._next = place
        self._order = (place.epoch, self._samples.order(place.epoch))

    def _advance(self) -> tuple[Place, NDArray[np.int64]]:
        place = self._next
        if self._order[0] != place.epoch:
            self._order = (place.epoch, self._samples.order(place.epoch))
        self._next = self._samples.next_place(place)
        return place, self._order[1]


def steps_an_epoch(crops: int, *, batch: int, drop_last: bool) -> int:
    """Steps that go through `crops` images once."""
    return max(1, crops // batch + bool(_short(crops, batch=batch, drop_last=drop_last)))


def _short(crops: int, *, batch: int, drop_last: bool) -> int:
    """Images of an epoch's last, incomplete batch; 0 where there is none: one image cannot be normalised."""
    rest = crops % batch
    return rest if rest > 1 and not drop_last and crops >= batch else 0


def tuning_samples(
    crops: Pixels, synthesiser: DefectSynthesiser, *, regions: Pixels | None = None, count: int = TUNING_SAMPLES
) -> Batch:
    """`count` fixed samples from tuning images, evenly spread; every second one surely with a defect.

    The same for every training on the same images, whatever its seed: losses can be compared.
    """
    chosen = np.linspace(0, len(crops) - 1, min(count, len(crops))).round().astype(np.int64)
    draws = []
    for number in range(count):
        index = int(chosen[number % len(chosen)])
        region = None if regions is None else regions[index]
        for attempt in range(_REDRAWS):
            draw = synthesiser.with_region(crops[index], region, sample_rng(_TUNING_SEED, attempt, number))
            if number % 2 or draw[2].any():
                break
        draws.append(draw)
    return _batch(draws)


def parts(batch: Batch, count: int) -> list[tuple[Batch, float]]:
    """`batch` in up to `count` parts of at least two images, each with its share of the step's; [] for an empty one."""
    whole = len(batch.image)
    if not whole:
        return []
    places = [share(whole, number, count) for number in range(min(count, max(1, whole // 2)))]
    if len(places) == 1:
        return [(batch, batch.share)]
    return [(piece_of(batch, start, end), (end - start) / whole * batch.share) for start, end in places]


def piece_of(batch: Batch, start: int, end: int) -> Batch:
    """Images `start` to `end` of a batch; nothing that a recipe shared between its phases goes along."""
    return Batch(
        image=batch.image[start:end],
        input=batch.input[start:end],
        mask=batch.mask[start:end],
        roi=None if batch.roi is None else batch.roi[start:end],
    )


def to_device(batch: Batch, device: torch.device, *, channels_last: bool) -> Batch:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return Batch(
        image=batch.image.to(device, memory_format=layout, non_blocking=True),
        input=batch.input.to(device, memory_format=layout, non_blocking=True),
        mask=batch.mask.to(device, non_blocking=True),
        roi=None if batch.roi is None else batch.roi.to(device, non_blocking=True),
        share=batch.share,
    )


def _batch(draws: list[Draw]) -> Batch:
    regions = [draw[3] for draw in draws if draw[3] is not None]
    return Batch(
        image=_stack([draw[0] for draw in draws]),
        input=_stack([draw[1] for draw in draws]),
        mask=_plane([draw[2] for draw in draws]),
        roi=_plane(regions) if len(regions) == len(draws) else None,
    )


def _plane(masks: list[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))


def _stack(images: list[NDArray[np.float32]]) -> Tensor:
    return torch.from_numpy(np.stack([np.ascontiguousarray(image.transpose(2, 0, 1)) for image in images]))
