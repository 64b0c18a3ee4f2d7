"""Bringing the processes of one training together, whoever started them: this program, torchrun, or nobody."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import Store

from core.errors import TrainingError
from core.training.group import PATIENCE, Group
from core.training.helpers import Helpers, Member, loopback

_START_PATIENCE: Final = timedelta(minutes=30)  # a cluster's file system may take its time with a framework


@contextlib.contextmanager
def joined(
    member: Member,
    devices: int,
    *,
    job: Path,
    command: Literal["train", "score"],
    look_up: Callable[[], None],
    patience: timedelta = PATIENCE,
) -> Iterator[Group]:
    """The group of this process: of those that were launched together, or of `devices` that are started here.

    `look_up` is called while the others are awaited and may raise. The helpers are gone when this ends, however it
    does. Raises `TrainingError`.
    """
    with contextlib.ExitStack() as stack:
        why: Callable[[], str] = lambda: ""  # noqa: E731
        store: Store | None = None
        if not member.launched and not member.helper and devices > 1:
            _check_units(devices)
            helpers = Helpers(job, command, devices)
            stack.callback(helpers.end)
            member, why = helpers.first, helpers.why
            store = dist.FileStore(member.meeting, devices)  # type: ignore[attr-defined]
            helpers.wait(lambda rank: bool(store.check([_here(rank)])), look_up)  # type: ignore[union-attr]
        elif member.helper:
            store = dist.FileStore(member.meeting, member.size)  # type: ignore[attr-defined]
            store.set(_here(member.rank), "1")
        if member.size == 1:
            yield Group()
            return
        _meet(member, store, patience)
        group = Group(member.rank, member.size, local_size=member.local_size, patience=patience, why=why)
        yield group
        if group.rank == 0:
            with contextlib.suppress(TrainingError):  # the work is done, whoever is no longer there
                group.release()
        dist.destroy_process_group()


def _meet(member: Member, store: Store | None, patience: timedelta) -> None:
    _check_units(member.local_size)
    # accelerate reads which device of this computer is ours
    os.environ.update({"LOCAL_RANK": str(member.local_rank), "LOCAL_WORLD_SIZE": str(member.local_size)})
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        if store is None:
            dist.init_process_group(backend, rank=member.rank, world_size=member.size, timeout=_START_PATIENCE)
        else:
            for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
                os.environ.setdefault(name, loopback())
            dist.init_process_group(backend, store=store, rank=member.rank, world_size=member.size, timeout=patience)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the {member.size} processes of this training did not find each other: {error}",
            kept="Nothing was changed",
            mend="On a cluster, see whether the machines reach each other",
            reason="devices",
        ) from error


def _check_units(wanted: int) -> None:
    """Raises `TrainingError` when this computer has GPUs, but fewer than processes."""
    if not torch.accelerator.is_available() or torch.accelerator.device_count() >= wanted:
        return
    found = torch.accelerator.device_count()
    raise TrainingError(
        f"{wanted} computing units were asked for, this computer has {found} GPU{'' if found == 1 else 's'}",
        kept="Nothing was changed",
        mend=f"Ask for {found}",
        reason="devices",
    )


def _here(rank: int) -> str:
    return f"here/{rank}"
