"""`metrics.jsonl`: one line a step, so that curves survive the window and a resume leaves no step twice."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Final

from core.files import atomic_writer, storage_error

_FLUSH_S: Final = 1.0


class Metrics:
    """Appends a line for each step (held back up to a second) and averages losses over an epoch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []
        self._flushed = 0.0
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, step: int, epoch: int, lr: float, losses: dict[str, float], seconds: float) -> None:
        """Raises `StorageError`."""
        record = {"step": step, "epoch": epoch, "lr": lr, "losses": losses, "seconds": round(seconds, 4)}
        self._lines.append(json.dumps(record))
        self._count += 1
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        if time.monotonic() - self._flushed > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        self._flushed = time.monotonic()
        if not self._lines:
            return
        text = "".join(f"{line}\n" for line in self._lines)
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise storage_error(error, self._path) from error
        self._lines.clear()

    def means(self) -> dict[str, float]:
        """Mean losses since the last call."""
        means = {name: total / max(1, self._count) for name, total in self._sums.items()}
        self._sums, self._count = {}, 0
        return means

    def cut(self, step: int) -> None:
        """Drop what lies after `step`: training goes back there. Half-written lines go, too."""
        self._lines.clear()
        self._sums, self._count = {}, 0
        if not self._path.exists():
            return
        # In this order: on Windows the old file must be closed before the new one takes its place.
        with atomic_writer(self._path) as new, self._path.open("rb") as old:
            for line in old:
                if _step_of(line) <= step:
                    new.write(line)


def _step_of(line: bytes) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
