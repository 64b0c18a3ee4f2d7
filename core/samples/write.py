"""Sample parts as a folder of files: one MVTec AD layout a kind, below one root as in GTanoIC."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from core.files import atomic_write
from core.imaging import save_png
from core.samples.light import LOT_SIZE, Bytes, stream
from core.samples.names import KIND_CLASSES, KINDS, Kind, check
from core.samples.part import SamplePart, cells, draw, roi

_GAP: Final = 4

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Order:
    kind: Kind
    index: int
    split: str
    defect: str | None


def orders(kind: Kind, *, train: int, test_good: int, per_class: int, seed: int) -> list[tuple[int, str, str | None]]:
    """(index, split, class or None) of every part of a kind. Test parts come after the training parts, good and
    defective mixed, so that neither lot nor light tells them apart."""
    tests: list[str | None] = [None] * test_good
    for code in KIND_CLASSES[kind]:
        tests += [code] * per_class
    mixed = stream(kind, seed, 6, 0).permutation(len(tests))
    made: list[tuple[int, str, str | None]] = [(index, "train", None) for index in range(train)]
    first = ceil(train / LOT_SIZE) * LOT_SIZE  # a fresh lot: lots never straddle training and test
    made += [(first + place, "test", tests[int(which)]) for place, which in enumerate(mixed)]
    return made


def write_samples(
    folder: Path,
    *,
    kinds: Sequence[str] = KINDS,
    train: int = 80,
    test_good: int = 20,
    per_class: int = 6,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Path]:
    """Draw and write every part of `kinds` below `folder`; returns the folder of each kind.

    `<kind>/train/good`, `<kind>/test/good`, `<kind>/test/<class>`, `<kind>/ground_truth/<class>/<name>_mask.png`
    (0 or 255), `<kind>/roi.png` (0 or 255), `<kind>/cells.json` (boxes x0, y0, x1, y1). `progress(done, total)` is
    called after each part. Existing files of the same name are replaced. Raises `InputError`, `StorageError`.
    """
    known = [check(kind, None) for kind in kinds]
    todo = [
        _Order(kind, index, split, defect)
        for kind in known
        for index, split, defect in orders(kind, train=train, test_good=test_good, per_class=per_class, seed=seed)
    ]
    for done, order in enumerate(todo, start=1):
        part = draw(order.kind, seed=seed, index=order.index, defect=order.defect)
        _write_part(folder / order.kind, order.split, part)
        if progress is not None:
            progress(done, len(todo))
    return [_write_view(folder / kind, kind) for kind in known]


def _write_part(folder: Path, split: str, part: SamplePart) -> None:
    save_png(folder / split / (part.defect or "good") / f"{part.name}.png", part.image)
    if part.defect is not None:
        mask = np.where(part.mask > 0, 255, 0).astype(np.uint8)
        save_png(folder / "ground_truth" / part.defect / f"{part.name}_mask.png", mask)


def _write_view(folder: Path, kind: Kind) -> Path:
    save_png(folder / "roi.png", roi(kind) * np.uint8(255))
    boxes = [{"name": str(number), "box": list(box)} for number, box in enumerate(cells(kind), start=1)]
    atomic_write(folder / "cells.json", json.dumps({"cells": boxes}, indent=2) + "\n")
    return folder


def contact_sheet(parts: Sequence[SamplePart], *, columns: int = 6, side: int = 200, outlines: bool = True) -> Bytes:
    """Parts in a grid, each fitted into `side` pixels, defects outlined; `(H, W, 3) uint8` RGB. Needs one part."""
    tiles = list(_tiles(parts, side, outlines))
    rows = ceil(len(tiles) / columns)
    high, wide = (max(tile.shape[axis] for tile in tiles) for axis in (0, 1))
    shown = min(columns, len(tiles))
    sheet = np.full((rows * (high + _GAP) + _GAP, shown * (wide + _GAP) + _GAP, 3), 24, np.uint8)
    for number, tile in enumerate(tiles):
        height, width = tile.shape[:2]
        top = _GAP + number // columns * (high + _GAP) + (high - height) // 2
        left = _GAP + number % columns * (wide + _GAP) + (wide - width) // 2
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _tiles(parts: Sequence[SamplePart], side: int, outlines: bool) -> Iterator[Bytes]:
    for part in parts:
        image = part.image.copy()
        if outlines and part.defect is not None:
            near = cv2.dilate(np.minimum(part.mask, 1), np.ones((9, 9), np.uint8))
            contours, _ = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(image, contours, -1, (213, 94, 0), 1, cv2.LINE_AA)
        scale = side / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        yield np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
