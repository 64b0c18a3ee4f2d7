"""Scoring the images of a job: one line an image in `scores.jsonl`, maps as 16-bit PNG, areas at 64 levels."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core.files import atomic_writer, storage_error
from core.imaging import Window, save_png
from core.inference.loading import Loaded, load_rows, to_input, to_region
from core.inference.predictor import Predictor
from core.jobfiles import ManifestRow
from core.preprocess import Geometry, Preprocessor
from core.regions import Regions
from core.training.group import Group

LEVELS: Final = 64
_ACROSS: Final = 1024  # pixels: the longer side of blended tiles whose areas are looked for
_NO_NUMBER: Final = "the model gave no number for it"
_PARTIAL: Final = "scores.partial*.jsonl"
SCORES: Final = "scores.jsonl"


@dataclass(frozen=True)
class Summary:
    """What a scoring came to; `complete` is False when it was stopped: then `scores.jsonl` was not written."""

    scored: int
    unreadable: int
    complete: bool


class Scorer:
    """Scores manifest rows into `folder`; goes on where an interrupted scoring of the same folder stopped.

    With several processes in `group`, rank 0 runs, the others help: each scores its share into a file of its own,
    and rank 0 joins them in the order of the rows.
    """

    def __init__(
        self,
        predictor: Predictor,
        preprocessor: Preprocessor,
        folder: Path,
        *,
        window: Window | None,
        device: torch.device,
        batch: int,
        threads: int,
        heatmaps: bool,
        regions: Regions | None = None,
        group: Group | None = None,
    ) -> None:
        self._group = group or Group()
        number = f".{self._group.rank}" if self._group.rank else ""
        self._partial = folder / f"scores.partial{number}.jsonl"
        self._predictor = predictor
        self._preprocessor = preprocessor
        self._folder = folder
        self._window = window
        self._device = device
        self._batch = batch
        self._threads = threads
        self._heatmaps = heatmaps
        self._regions = regions

    def run(
        self,
        rows: Sequence[ManifestRow],
        *,
        progress: Callable[[int], None],
        keep_going: Callable[[], bool],
        unreadable: Callable[[Loaded], None],
        order: Mapping[str, Any] | None = None,
    ) -> Summary:
        """Score `rows`. Images that cannot be read get a line with `problem` and no score. Raises `StorageError`.

        `keep_going` is asked after every batch and may raise; what is done by then is kept and not done again.
        `order` is what the other processes are told besides the rows that are to be done.
        """
        known = self._known()
        todo = [row for row in rows if row.id not in known]
        done, bad = len(rows) - len(todo), sum(1 for problem in known.values() if problem)
        self._group.tell({"do": "score", "todo": [row.id for row in todo], **(order or {})})
        for fresh, fresh_bad in self._in_step(todo, keep_going, unreadable):
            done, bad = done + fresh, bad + fresh_bad
            progress(done)
        if done < len(rows):
            return Summary(done - bad, bad, complete=False)
        self._join(rows, unreadable)
        return Summary(done - bad, bad, complete=True)

    def help(self, todo: Sequence[ManifestRow]) -> None:
        """Score this process's share of `todo`, as long as rank 0 goes on."""
        for _ in self._in_step(todo, lambda: True, lambda _: None):
            pass

    def _in_step(
        self, todo: Sequence[ManifestRow], keep_going: Callable[[], bool], unreadable: Callable[[Loaded], None]
    ) -> Iterator[tuple[int, int]]:
        """Score our share batch by batch; images done and images unreadable in all processes, after each batch."""
        if self._heatmaps:
            (self._folder / "heatmaps").mkdir(parents=True, exist_ok=True)
        batches = self._groups(todo[self._group.rank :: self._group.size])
        while True:
            batch = next(batches, [])
            records = self._score(batch)
            bad = [
                replace(image, problem=record["problem"])
                for image, record in zip(batch, records, strict=True)
                if record["problem"] is not None
            ]
            for image in bad:
                unreadable(image)
            _append(self._partial, records)
            leave = (bool(batch) or not self._group.alone) and not keep_going()
            done, all_bad, busy, leaving = self._group.agree([len(batch), len(bad), bool(batch), leave], patient=True)
            if done:
                yield int(done), int(all_bad)
            if leaving or not busy:
                return

    def _join(self, rows: Sequence[ManifestRow], unreadable: Callable[[Loaded], None]) -> None:
        """One line a row, in the order of `rows`, from the partial files of all processes."""
        lines: dict[int, tuple[Path, int]] = {}
        by_id = {row.id: row for row in rows}
        for path in self._partials():
            for number, offset, problem in _lines(path):
                lines[number] = path, offset
                if problem and path != self._partial:  # ours were named when they were met
                    unreadable(Loaded(by_id[number], problem=problem))
        with contextlib.ExitStack() as stack:
            streams = {path: stack.enter_context(path.open("rb")) for path in self._partials()}
            whole = stack.enter_context(atomic_writer(self._folder / SCORES))
            for row in rows:
                path, offset = lines[row.id]
                streams[path].seek(offset)
                whole.write(streams[path].readline())
        for path in self._partials():
            path.unlink(missing_ok=True)

    def _known(self) -> dict[int, bool]:
        """Images that are done, and whether they could not be read; a half-written last line is cut off."""
        known: dict[int, bool] = {}
        for path in self._partials():
            _cut(path)
            known.update({number: bool(problem) for number, _, problem in _lines(path)})
        return known

    def _partials(self) -> list[Path]:
        return sorted(self._folder.glob(_PARTIAL))

    def _groups(self, rows: Iterable[ManifestRow]) -> Iterator[list[Loaded]]:
        """Images whose crops fill a batch together."""
        group: list[Loaded] = []
        for loaded in load_rows(rows, self._preprocessor, self._window, self._regions, threads=self._threads):
            group.append(loaded)
            if sum(len(image.crops) for image in group) >= self._batch:
                yield group
                group = []
        if group:
            yield group

    def _score(self, group: list[Loaded]) -> list[dict[str, Any]]:
        crops = [crop for image in group for crop in image.crops]
        regions = [region for image in group for region in image.regions]
        found: list[_Judged] = []
        for start in range(0, len(crops), self._batch):
            end = start + self._batch
            found += self._judge(crops[start:end], regions[start:end])
        records = []
        for image in group:
            mine, found = found[: len(image.crops)], found[len(image.crops) :]
            records.append(self._record(image, mine))
        return records

    def _judge(self, crops: list[NDArray[np.uint8]], regions: list[NDArray[np.uint8]]) -> list[_Judged]:
        began = time.perf_counter()
        inside = to_region(np.stack(regions)).to(self._device) if regions else None
        prediction = self._predictor.predict(to_input(np.stack(crops)).to(self._device), inside)
        share = 1000 * (time.perf_counter() - began) / len(crops)
        return [
            _Judged(
                map=prediction.maps[k].numpy(),
                score=float(prediction.score[k]),
                peak=float(prediction.peak[k]),
                first=float(prediction.first[k]),
                gated=bool(prediction.gated[k]),
                passes=int(prediction.passes[k]),
                ms=share,
            )
            for k in range(len(crops))
        ]

    def _record(self, image: Loaded, judged: list[_Judged]) -> dict[str, Any]:
        problem = image.problem
        if not all(math.isfinite(one.score) for one in judged):  # one crop that was not judged is no image that passes
            problem = _NO_NUMBER
        if problem is not None:
            return {"id": image.row.id, "score": None, "crops": [], "problem": problem}
        if self._heatmaps:
            for number, one in enumerate(judged):
                name = f"{image.row.id}" if len(judged) == 1 else f"{image.row.id}_{number}"
                save_png(self._folder / "heatmaps" / f"{name}.png", to_16bit(one.map))
        crops = [_crop_record(geometry, one) for geometry, one in zip(image.geometries, judged, strict=True)]
        return {
            "id": image.row.id,
            "score": max(one.score for one in judged),
            "peak": max(one.peak for one in judged),
            "first": max(one.first for one in judged),
            "gated": any(one.gated for one in judged),
            "passes": max(one.passes for one in judged),
            "ms": round(sum(one.ms for one in judged), 3),
            "areas": self._areas(image, judged, [crop["areas"] for crop in crops]),
            "crops": crops,
            "problem": None,
        }

    def _areas(self, image: Loaded, judged: list[_Judged], areas: list[list[int]]) -> list[int]:
        """The largest areas of an image; what lies across a border between two tiles is one component.

        Tiles blended are looked at with a side of `_ACROSS` pixels: what is too small to be seen then lies in one tile.
        """
        if self._preprocessor.config.crop == "tiles" and len(judged) > 1:
            share = min(1.0, _ACROSS / max(image.width, image.height))
            width, height = max(1, round(image.width * share)), max(1, round(image.height * share))
            across, down = width / image.width, height / image.height
            geometries = [geometry.on(across, down) for geometry in image.geometries]
            whole = self._preprocessor.restore([one.map for one in judged], geometries, width, height)
            areas = [*areas, areas_of(whole, 1 / (across * down))]
        return [max(level) for level in zip(*areas, strict=True)]


@dataclass(frozen=True)
class _Judged:
    map: NDArray[np.float32]
    score: float
    peak: float
    first: float
    gated: bool
    passes: int
    ms: float  # this crop's share of its batch, both networks and smoothing


def _crop_record(geometry: Geometry, one: _Judged) -> dict[str, Any]:
    return {
        "box": list(geometry.box),
        "score": one.score,
        "peak": one.peak,
        "first": one.first,
        "gated": one.gated,
        "areas": largest_areas(one.map, geometry),
    }


def forget(folder: Path) -> None:
    """Drop the scores in `folder`, whole or half made: they are those of other weights or settings."""
    for path in (folder / SCORES, *folder.glob(_PARTIAL)):
        path.unlink(missing_ok=True)


def largest_areas(found: NDArray[np.float32], geometry: Geometry) -> list[int]:
    """Area in image pixels of the largest 8-connected component of `found` (S, S) > (k + 0.5) / 64, for k = 0..63."""
    across, down = geometry.scale
    return areas_of(found, 1.0 / (across * down))


def areas_of(found: NDArray[np.float32], pixel: float) -> list[int]:
    """The same of a map (H, W) whose pixels each cover `pixel` image pixels."""
    areas = [0] * LEVELS
    before, largest = -1, 0
    for level in range(LEVELS):
        above = (found > (level + 0.5) / LEVELS).astype(np.uint8)
        count = int(above.sum())
        if not count:
            break
        if count != before:  # nested sets: the same size is the same set
            _, _, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
            largest = int(stats[1:, cv2.CC_STAT_AREA].max())
            before = count
        areas[level] = round(largest * pixel)
    return areas


def to_16bit(found: NDArray[np.float32]) -> NDArray[np.uint16]:
    """A map (S, S) in [0, 1] as it is kept: 65535 is 1.0."""
    return np.rint(np.clip(found, 0, 1) * 65535).astype(np.uint16)


def _append(path: Path, records: list[dict[str, Any]]) -> None:
    if not records:
        return
    data = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise storage_error(error, path) from error


def _lines(path: Path) -> Iterator[tuple[int, int, str | None]]:
    """Image, place in the file and problem of each whole line."""
    offset = 0
    with path.open("rb") as stream:
        for line in stream:
            try:
                record = json.loads(line)
                yield int(record["id"]), offset, record["problem"]
            except (ValueError, KeyError, TypeError):
                pass
            offset += len(line)


def _cut(path: Path) -> None:
    """Take off a last line that was not written to its end."""
    size = path.stat().st_size
    with path.open("rb+") as stream:
        stream.seek(max(0, size - 1))
        if size and stream.read(1) != b"\n":
            stream.seek(0)
            stream.truncate(sum(len(line) for line in stream if line.endswith(b"\n")))
