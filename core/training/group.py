"""What the processes of one training tell each other. The first one decides; when one ends, none of them waits on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor

from core.errors import TrainingError

_MESSAGE: Final = 2048  # bytes that an order takes; a longer one is sent in two pieces
PATIENCE: Final = timedelta(minutes=10)  # for what all processes do at the same time
_FOREVER: Final = timedelta(days=30)  # for what the first one may pause or judge before
_END: Final = {"do": "end"}


class Released(Exception):
    """The first process needs this one no more."""


class Group:
    """This process's place among those that make a training together; alone it is rank 0 of 1 and sends nothing.

    The default process group of torch must exist where `size` is more than one. Every method raises `TrainingError`
    (reason *devices*) when another process has gone or does not answer; `why` may say which one, and how.
    """

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        *,
        local_size: int = 1,
        patience: timedelta = PATIENCE,
        why: Callable[[], str] = lambda: "",
    ) -> None:
        self.rank = rank
        self.size = size
        self.local_size = local_size  # processes on this computer
        self._why = why
        if size > 1:
            self._patient = _meeting(_FOREVER)
            self._strict = _meeting(patience)

    @property
    def alone(self) -> bool:
        return self.size == 1

    def tell(self, order: Mapping[str, Any]) -> None:
        """Give every other process an order (anything JSON), heard by `hear`; only rank 0 does."""
        if self.alone:
            return
        text = json.dumps(order).encode()
        whole = text if len(text) <= _MESSAGE else json.dumps({"longer": len(text)}).encode()
        with self._reached():
            dist.broadcast(_bytes(whole, _MESSAGE), 0, group=self._patient)
            if whole is not text:
                dist.broadcast(_bytes(text, len(text)), 0, group=self._patient)

    def hear(self) -> dict[str, Any]:
        """The next order, waited for as long as rank 0 lives. Raises `Released` when it was the last one."""
        with self._reached():
            order = _heard(_MESSAGE, self._patient)
            if "longer" in order:
                order = _heard(order["longer"], self._patient)
        if order == _END:
            raise Released
        return order

    def release(self) -> None:
        """Rank 0 has no more orders."""
        self.tell(_END)

    def agree(self, values: Sequence[float], *, patient: bool = False) -> list[float]:
        """The sums of `values` over all processes, the same everywhere; also a place where all wait for each other.

        `patient`: rank 0 may take its time before (a pause).
        """
        if self.alone:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64)
        with self._reached():
            dist.all_reduce(sums, group=self._patient if patient else self._strict)
        found: list[float] = sums.tolist()
        return found

    def add_up(self, tensor: Tensor) -> None:
        """Replace `tensor`, on the computing device, by its sum over all processes."""
        if not self.alone:
            with self._reached():
                dist.all_reduce(tensor)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # of gloo and nccl: closed by the peer, timed out
            raise TrainingError(
                self._why() or "another process of this training has ended or does not answer",
                kept="The last checkpoint was kept",
                mend="Resume the training; the log says more",
                reason="devices",
            ) from error


def share(count: int, rank: int, size: int) -> tuple[int, int]:
    """First and last + 1 of `count` images that are rank's; at least two images each, so some ranks may have none."""
    takers = max(1, min(size, count // 2))
    if rank >= takers:
        return count, count
    whole, rest = divmod(count, takers)
    start = rank * whole + min(rank, rest)
    return start, start + whole + (rank < rest)


def _meeting(patience: timedelta) -> dist.ProcessGroup:
    made = dist.new_group(backend="gloo", timeout=patience)
    assert isinstance(made, dist.ProcessGroup)  # every process is a member
    return made


def _bytes(text: bytes, length: int) -> Tensor:
    return torch.frombuffer(bytearray(text.ljust(length)), dtype=torch.uint8)


def _heard(length: int, group: Any) -> dict[str, Any]:
    message = torch.empty(length, dtype=torch.uint8)
    dist.broadcast(message, 0, group=group)
    order: dict[str, Any] = json.loads(message.numpy().tobytes())
    return order
