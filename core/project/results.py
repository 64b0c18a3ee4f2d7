"""Trainings, scores, decision settings and verdicts as frozen dataclasses: what leaves `core.project`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.words import Box, Judgement, Verdict

Json = Mapping[str, Any]
RunState = Literal[
    "queued",
    "starting",
    "running",
    "paused",
    "stopping",
    "finished",
    "stopped",
    "failed",
    "interrupted",
    "discarded",
]
DecisionState = Literal["draft", "approved", "online", "retired"]
Scope = Literal["image", "crop", "cell", "zone"]


@dataclass(frozen=True)
class RunRow:
    """One training. `folder` is absolute; `number` is what people say ("Training #12").

    `is_outdated`: the view's regions of interest are others now than those that it rests on.
    """

    id: int
    number: int
    product: str
    view: str | None
    view_id: int | None
    name: str
    model: str
    preset: str
    config: Json
    seed: int
    folder: Path
    state: RunState
    position: int
    stop_by: str | None
    revision_id: int | None
    roi_version_id: int | None
    parent_id: int | None
    created: str
    started: str | None
    finished: str | None
    error: str
    figures: Json
    environment: Json
    is_outdated: bool = False


@dataclass(frozen=True)
class Scoring:
    """One pass of a training's model over images."""

    id: int
    run_id: int
    purpose: str
    settings: Json
    revision_id: int | None
    roi_version_id: int | None
    folder: str
    created: str
    finished: str | None
    figures: Json
    images: int


@dataclass(frozen=True)
class NewScore:
    """The score of an image, or of one crop, cell or zone of it. `areas`: 64 int32, see DESIGN, Judgement."""

    image_id: int
    score: float | None
    peak: float | None = None
    first: float | None = None
    gated: bool = False
    passes: int = 1
    ms: float | None = None
    areas: Sequence[int] | NDArray[np.int32] | None = None
    scope: Scope = "image"
    name: str = ""
    box: Box | None = None
    heatmap: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """A stored score."""

    image_id: int
    scope: Scope
    name: str
    box: Box | None
    score: float | None
    peak: float | None
    first: float | None
    gated: bool
    passes: int
    ms: float | None
    areas: NDArray[np.int32] | None
    heatmap: str
    problem: str


@dataclass(frozen=True)
class ScoreTable:
    """All scored images of a scoring as columns: (N,) each, areas (N, 64). Images that failed are left out."""

    image_id: NDArray[np.int64]
    score: NDArray[np.float64]
    peak: NDArray[np.float64]
    areas: NDArray[np.int32]


@dataclass(frozen=True)
class Decision:
    """One version of a training's decision settings."""

    id: int
    run_id: int
    version: int
    state: DecisionState
    threshold: float
    recheck: tuple[float, float] | None
    min_area: int
    roi_version_id: int | None
    passes: int
    gate: float | None
    scoring_id: int | None
    how: Json
    settings: Json
    optimistic: bool
    parent_id: int | None
    author: str
    created: str
    approved_by: str
    approved_at: str | None
    reason: str


@dataclass(frozen=True)
class NewJudgement:
    """What the machine says about an image or one cell of it."""

    image_id: int
    judgement: Judgement
    name: str = ""
    why: str = ""


@dataclass(frozen=True)
class VerdictRow:
    """What a person said, and on what it rested."""

    id: int
    image_id: int
    cell: str
    verdict: Verdict
    class_id: int | None
    who: str
    at: str
    run_id: int | None
    scoring_id: int | None
    decision_id: int | None
    threshold: float | None
    score: float | None
    reason: str


@dataclass(frozen=True)
class CheckItem:
    """One part of a check set, with what must come out."""

    image_id: int
    expected: Literal["good", "defective"]
    cell: str = ""
    class_id: int | None = None
    borderline: bool = False
    note: str = ""


@dataclass(frozen=True)
class CheckSet:
    """A version of an approved set of challenge parts."""

    id: int
    product: str
    name: str
    version: int
    state: Literal["draft", "approved", "retired"]
    approved_by: str
    approved_at: str | None
    items: tuple[CheckItem, ...]
