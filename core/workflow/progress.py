"""How long work says where it is: a phase, what is done, what there is to do."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often; the receiver decides how often to draw."""

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        """`total` is None while it is not known yet."""


def silent(phase: str, done: int, total: int | None) -> None:
    """A receiver for whoever does not watch."""
