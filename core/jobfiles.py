"""What stands in a job folder, typed: settings (`job.json`), images (`manifest.jsonl`), state (`state.json`)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from core.files import atomic_write
from core.words import Box, Label, Matrix, Split

SCHEMA: Final = 1
Status = Literal["queued", "starting", "running", "paused", "stopping", "finished", "stopped", "failed", "interrupted"]
_WEIGHTS: Final = r"^(best|last|kept-\d{3,4})$"
ACTIVE: Final[frozenset[Status]] = frozenset(["starting", "running", "paused", "stopping"])


class ScoreSpec(BaseModel):
    """How images are scored; what is None is taken from the training's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    scoring: str = "final"  # folder name below scores/
    weights: str = Field("best", pattern=_WEIGHTS)  # best, last, or a model that was kept on the way
    training: str | None = None  # folder of the training; None for the training itself
    splits: tuple[Split, ...] | None = None  # None: tuning and test after a training, all in a scoring
    passes: int | None = Field(None, ge=1)
    gate: float | None = None
    taps: Literal["first", "last"] | None = None
    score_from: Literal["last", "first", "max"] | None = None
    heatmaps: bool = True
    batch: int | None = Field(None, ge=1)


def weights_file(name: str) -> str:
    """Where the weights `best`, `last` or `kept-050` lie, from the training's folder."""
    return f"checkpoints/{name}.safetensors"


def kept_name(share: float) -> str:
    """The name of the model that is kept at a share of the length: per mille of it."""
    return f"kept-{round(1000 * share):03d}"


class MeasureSpec(BaseModel):
    """That only a step is measured: which share of all images to learn from is here, how many are scored at the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    share: float = Field(gt=0, le=1)
    to_score: int = Field(ge=0)


class JobSpec(BaseModel):
    """What `job.json` holds. `config` is a dumped `core.config.TrainingConfig`, checked by the worker."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    schema_: int = Field(SCHEMA, alias="schema")
    command: Literal["train", "score"] = "train"
    run: str
    config: dict[str, Any] = {}
    seed: int | None = None  # over config.train.seed
    devices: int | None = Field(None, ge=1)  # over config.train.devices
    window: tuple[float, float] | None = None
    project: str = ""
    product: str = ""
    view: str = ""
    resume: bool = False
    score: ScoreSpec = ScoreSpec()
    measure: MeasureSpec | None = None  # None: the whole training


@dataclass(frozen=True)
class ManifestRow:
    """One image of a job. `boxes` are the crops in image pixels (ROI boxes, cells); None means the whole image.

    `matrix` is how the template of the region of interest lies on it (`core.annotation.roi.placed`); None: as it is.
    """

    id: int
    path: str
    split: Split
    label: Label
    boxes: tuple[Box, ...] | None = None
    sha256: str | None = None
    width: int = 0
    height: int = 0
    matrix: Matrix | None = None

    def to_json(self) -> str:
        record = dict(vars(self), boxes=None if self.boxes is None else [list(box) for box in self.boxes])
        return json.dumps(record, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> ManifestRow:
        """Raises `ValueError`, `KeyError` or `TypeError` for a line that is no row."""
        record = json.loads(line)
        boxes = record.get("boxes")
        known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        if known["split"] not in get_args(Split) or known["label"] not in get_args(Label):
            raise ValueError(f"unknown split or label in {line[:200]!r}")
        matrix = record.get("matrix")
        known["matrix"] = None if matrix is None else matrix_of(matrix)
        return cls(**{**known, "boxes": None if boxes is None else tuple(_box(box) for box in boxes)})


@dataclass(frozen=True)
class JobState:
    """What a job's folder says of it, compared with the processes that run on this machine."""

    status: Status
    pid: int | None = None
    create_time: float | None = None
    host: str = ""
    step: int = 0
    epoch: int = 0
    error_code: str = ""
    error: str = ""
    updated: float = 0.0

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


def write_state(folder: Path, state: JobState) -> None:
    """Replace state.json. Raises `StorageError`."""
    record = {"schema": SCHEMA, **vars(state), "updated": time.time()}
    atomic_write(folder / "state.json", json.dumps(record, indent=1))


def read_state(folder: Path) -> JobState:
    """What state.json says, unchecked; *queued* when there is none."""
    try:
        record = json.loads((folder / "state.json").read_bytes())
        known = {name: record[name] for name in JobState.__dataclass_fields__ if name in record}
        if known.get("status") not in get_args(Status):
            raise ValueError("unknown status")
        return JobState(**known)
    except (OSError, ValueError, TypeError, AttributeError):
        return JobState("queued")  # nothing ran here yet, as far as anyone can tell


def matrix_of(values: Iterable[Any]) -> Matrix:
    """Six numbers as they came from JSON. Raises `ValueError`, `TypeError`."""
    a, b, c, d, e, f = (float(value) for value in values)
    return a, b, c, d, e, f


def _box(values: Iterable[Any]) -> Box:
    x0, y0, x1, y1 = (int(value) for value in values)
    return x0, y0, x1, y1
