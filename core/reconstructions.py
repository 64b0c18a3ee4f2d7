"""Reconstructions on the disk, `runs/R/reconstructions/IMAGE/`: asking for them, what a worker leaves, reading it.

Those by other settings of progressive reconstruction than the training's own lie beside, in `IMAGE_KEY/`.

A record (`passes.json`, written last) and two pictures a crop: `K_pictures.png` holds what the model saw and, below
it, each of its reconstructions; `K_maps.png` their maps, 65535 = 1.0. It is a cache: any of it can go at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.config import ProgressiveConfig
from core.errors import ImageError, TrainingError
from core.files import atomic_write
from core.imaging import decode, save_png
from core.jobfiles import matrix_of
from core.preprocess import Geometry
from core.words import Box, Matrix

FOLDER: Final = "reconstructions"
MOST_PASSES: Final = 5
SCHEMA: Final = 2
_RECORD: Final = "passes.json"
_LEFT_OVER_S: Final = 3600.0  # a temporary file this old belongs to a worker that was killed


@dataclass(frozen=True)
class Request:
    """One image to be rebuilt `passes` times; `boxes` are its crops in image pixels, None: the whole image.

    `progressive` are the settings of the scoring that it is looked at with; None: the training's own.
    """

    image: int
    path: str
    boxes: tuple[Box, ...] | None = None
    passes: int = MOST_PASSES
    progressive: ProgressiveConfig | None = None
    matrix: Matrix | None = None  # how the template of the region of interest lies on the image

    def to_json(self) -> str:
        boxes = None if self.boxes is None else [list(box) for box in self.boxes]
        record = {"image": self.image, "path": self.path, "boxes": boxes, "passes": self.passes}
        record |= {"progressive": _dumped(self.progressive), "matrix": self.matrix}
        return json.dumps(record)

    @classmethod
    def from_json(cls, line: str) -> Request:
        """Raises `ValueError`, `KeyError` or `TypeError` for a line that asks for nothing."""
        record = json.loads(line)
        passes = int(record["passes"])
        if not 1 <= passes <= MOST_PASSES:
            raise ValueError(f"1 to {MOST_PASSES} passes, not {passes}")
        settings = record.get("progressive")
        progressive = None if settings is None else ProgressiveConfig.model_validate(settings)
        boxes, matrix = _boxes(record["boxes"]), record.get("matrix")
        placed = None if matrix is None else matrix_of(matrix)
        return cls(int(record["image"]), str(record["path"]), boxes, passes, progressive, placed)


@dataclass(frozen=True)
class Pass:
    """One reconstruction `picture` (S, S, 3) uint8, and what judging with so many passes says: `map` (S, S) uint16
    with 65535 = 1.0, `score` and `peak`.

    `first` is what the gate looks at, and `goes_on` whether it lies above the gate: a further pass would be made.
    """

    picture: NDArray[np.uint8]
    map: NDArray[np.uint16]
    score: float
    peak: float
    first: float
    goes_on: bool


@dataclass(frozen=True)
class CropPasses:
    """One crop (an image, a cell, a tile): `given` (S, S, 3) uint8 is what the model saw, n = 0; then n = 1, 2, ...

    `judged` is the pass that the score of this crop rests on: the last one that the settings make, or the first.
    """

    geometry: Geometry
    given: NDArray[np.uint8]
    passes: tuple[Pass, ...]
    judged: int

    def difference(self, number: int) -> NDArray[np.uint8]:
        """(S, S) mean difference in grey levels between what was given and reconstruction `number` (0: itself)."""
        if number == 0:
            return np.zeros(self.given.shape[:2], np.uint8)
        away = np.abs(self.given.astype(np.int16) - self.passes[number - 1].picture)
        return np.asarray(np.rint(away.mean(axis=2)), np.uint8)


@dataclass(frozen=True)
class Reconstruction:
    """Every pass of one image by one training; `gate` is what `Pass.first` was compared with."""

    image: int
    side: int
    gate: float
    crops: tuple[CropPasses, ...]

    @property
    def worst(self) -> CropPasses:
        """The crop whose judged pass scores highest: the one to show first."""
        return max(self.crops, key=lambda crop: crop.passes[min(crop.judged, len(crop.passes)) - 1].score)


@dataclass(frozen=True)
class CropWork:
    """What a worker has made of one crop: pictures (P + 1, S, S, 3) uint8, maps (P, S, S) uint16, figures a pass."""

    geometry: Geometry
    pictures: NDArray[np.uint8]
    maps: NDArray[np.uint16]
    scores: Sequence[float]
    peaks: Sequence[float]
    firsts: Sequence[float]
    judged: int


def read_model(training: Path) -> dict[str, Any]:
    """`model.json` of a training: its `config`, where its `weights` lie. Raises `TrainingError`."""
    try:
        record: dict[str, Any] = json.loads((training / "model.json").read_bytes())
        if not isinstance(record["config"], dict) or not isinstance(record["weights"], str):
            raise ValueError("a field is of another type")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            "this training has no model yet", path=training, mend="Finish or resume it first", reason="no_model"
        ) from error
    return record


def stamp_of(training: Path) -> str:
    """What tells one model of a training folder from a later one (it was resumed); '' without a model."""
    try:
        return hashlib.sha256((training / "model.json").read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def write(training: Path, request: Request, crops: Iterator[CropWork], *, model: str, gate: float) -> None:
    """Store the passes of one image, crop by crop, so that memory stays flat. Raises `StorageError`."""
    folder = _folder(training, request)
    (folder / _RECORD).unlink(missing_ok=True)
    record: dict[str, Any] = {
        **{"schema": SCHEMA, "image": request.image, "file": _file(request.path), "model": model},
        **{"boxes": None if request.boxes is None else [list(box) for box in request.boxes]},
        **{"passes": request.passes, "progressive": _dumped(request.progressive), "gate": gate, "crops": []},
        "matrix": request.matrix,
    }
    for number, crop in enumerate(crops):
        side = crop.geometry.side
        save_png(folder / f"{number}_pictures.png", crop.pictures.reshape(-1, side, 3))
        save_png(folder / f"{number}_maps.png", crop.maps.reshape(-1, side))
        geometry = crop.geometry
        record["side"] = side
        record["crops"].append(
            {
                **{"box": list(geometry.box), "mode": geometry.mode, "pad": geometry.pad, "judged": crop.judged},
                **{"scores": list(crop.scores), "peaks": list(crop.peaks), "firsts": list(crop.firsts)},
            }
        )
    atomic_write(folder / _RECORD, json.dumps(record))


def read(training: Path, request: Request) -> Reconstruction | None:
    """What was asked for, when it lies there and neither model nor image nor crops have changed since; else None."""
    folder = _folder(training, request)
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        fits = (
            record["schema"] == SCHEMA
            and record["passes"] >= request.passes
            and record["model"] == stamp_of(training)
            and record["file"] == _file(request.path)
            and _boxes(record["boxes"]) == request.boxes
            and record["progressive"] == _dumped(request.progressive)
            and record.get("matrix") == (None if request.matrix is None else list(request.matrix))
        )
        if not fits:
            return None
        found = Reconstruction(request.image, record["side"], record["gate"], tuple(_crops(folder, record)))
    except (OSError, ValueError, KeyError, TypeError, ImageError):
        return None
    with contextlib.suppress(OSError):  # a folder that may only be read
        os.utime(folder / _RECORD)  # used just now: trimmed last
    return found


def size(project: Path) -> int:
    """Bytes of all reconstructions of a project's folder."""
    return sum(_bytes(folder) for folder in _folders(project))


def trim(project: Path, *, keep: int) -> int:
    """Drop the reconstructions that were not looked at for longest until at most `keep` bytes are left; bytes freed."""
    now = time.time()
    for left in (project / "runs").glob(f"*/{FOLDER}/*/.fs-*"):
        with contextlib.suppress(OSError):
            if now - left.stat().st_mtime > _LEFT_OVER_S:
                left.unlink()
    found = sorted(((_used(folder), _bytes(folder), folder) for folder in _folders(project)), key=lambda one: one[0])
    total = sum(one[1] for one in found)
    freed = 0
    for _, count, folder in found:
        if total - freed <= keep:
            break
        shutil.rmtree(folder, ignore_errors=True)
        freed += count
    return freed


def _crops(folder: Path, record: dict[str, Any]) -> Iterator[CropPasses]:
    side, gate = int(record["side"]), float(record["gate"])
    for number, crop in enumerate(record["crops"]):
        count = len(crop["scores"])
        pictures = np.asarray(decode(folder / f"{number}_pictures.png"), np.uint8)
        maps = np.asarray(decode(folder / f"{number}_maps.png")[..., 0], np.uint16)
        pictures = pictures[: (count + 1) * side].reshape(count + 1, side, side, 3)
        maps = maps[: count * side].reshape(count, side, side)
        geometry = Geometry(_box(crop["box"]), side, crop["mode"], crop["pad"])
        passes = tuple(
            Pass(pictures[k + 1], maps[k], crop["scores"][k], crop["peaks"][k], first, first > gate)
            for k, first in enumerate(crop["firsts"])
        )
        yield CropPasses(geometry, pictures[0], passes, int(crop["judged"]))


def _folder(training: Path, request: Request) -> Path:
    name = str(request.image)
    if request.progressive is not None:
        name += f"_{hashlib.sha256(request.progressive.model_dump_json().encode()).hexdigest()[:8]}"
    return training / FOLDER / name


def _folders(project: Path) -> list[Path]:
    return [folder for folder in (project / "runs").glob(f"*/{FOLDER}/*") if folder.is_dir()]


def _bytes(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def _used(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return (folder / _RECORD).stat().st_mtime
    return 0.0


def _dumped(progressive: ProgressiveConfig | None) -> dict[str, Any] | None:
    return None if progressive is None else progressive.model_dump()


def _file(path: str) -> list[int]:
    """Size and time of an image file; of one that is gone, nothing."""
    with contextlib.suppress(OSError):
        found = Path(path).stat()
        return [found.st_size, found.st_mtime_ns]
    return []


def _boxes(found: Any) -> tuple[Box, ...] | None:
    return None if found is None else tuple(_box(box) for box in found)


def _box(found: Any) -> Box:
    x0, y0, x1, y1 = (int(value) for value in found)
    return x0, y0, x1, y1
