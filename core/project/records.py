"""The rows of a project as frozen dataclasses: what leaves `core.project`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.words import Box, Judgement, Label, Origin, Split, Verdict

ImageState = Literal["present", "changed", "gone"]
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
Json = Mapping[str, Any]


@dataclass(frozen=True)
class NewImage:
    """One file to be added. `path` is absolute; `size` and `mtime_ns` are read from the file when None.

    `part` '' makes the image a part of its own; `lot` '' means not known.
    """

    path: Path
    product: str
    view: str = "main"
    split: Split = "unused"
    label: Label = "unlabelled"
    defect_class: str = ""
    part: str = ""
    lot: str = ""
    size: int | None = None
    mtime_ns: int | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    bits: int | None = None
    camera: str = ""
    station: str = ""
    shift: str = ""
    taken: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class AddReport:
    """What an import or a rescan found; `examples` holds the first few paths that changed or went."""

    new: int = 0
    changed: int = 0
    known: int = 0
    gone: int = 0
    back: int = 0
    problems: int = 0
    moved_to_part: int = 0  # new images that follow the split of the part they belong to
    changed_examples: tuple[str, ...] = ()
    gone_examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageRow:
    """One image as the project knows it. `path` is absolute and current (roots can be moved)."""

    id: int
    path: Path
    relative: str
    root_id: int
    product: str
    view: str
    view_id: int
    part: str
    part_id: int
    lot: str
    split: Split
    label: Label
    defect_class: str
    size: int | None
    mtime_ns: int | None
    sha256: str | None
    width: int | None
    height: int | None
    channels: int | None
    bits: int | None
    camera: str
    station: str
    shift: str
    taken: str | None
    state: ImageState
    problem: str


@dataclass(frozen=True)
class Root:
    """A declared folder of images; `path` is absolute."""

    id: int
    path: Path
    images: int
    is_there: bool


@dataclass(frozen=True)
class Product:
    """A product with its counts of images."""

    id: int
    code: str
    name: str
    images: int
    parts: int


@dataclass(frozen=True)
class View:
    """A camera on a face of a part: its own ROI, model, threshold and window/level (raw values shown as 0 and 255)."""

    id: int
    product: str
    code: str
    name: str
    window: tuple[float, float] | None
    scale_um: float | None
    size: tuple[int, int] | None
    settings: Json


@dataclass(frozen=True)
class DefectClass:
    """A class of defects; `id` is its value in label masks (1 to 254)."""

    id: int
    code: str
    names: Mapping[str, str]
    colour: str
    position: int
    description: str = ""
    retired: bool = False


@dataclass(frozen=True)
class Count:
    """How many images and parts one combination holds."""

    product: str
    view: str
    lot: str
    split: Split
    label: Label
    defect_class: str
    images: int
    parts: int


@dataclass(frozen=True)
class ChangeReport:
    """How many images a bulk change touched: those asked for, and those that came along with their part."""

    changed: int
    with_part: int = 0


@dataclass(frozen=True)
class Duplicate:
    """Equal bytes (or equal decoded pixels) on both sides of the fence between training and test."""

    kind: Literal["bytes", "pixels"]
    sha256: str
    images: tuple[ImageRow, ...]


@dataclass(frozen=True)
class Problem:
    """Something about one file that a person should know."""

    id: int
    at: str
    path: str
    text: str
    image_id: int | None
    solved: bool


@dataclass(frozen=True)
class Revision:
    """A frozen state of a product's images, splits and labels, that trainings and figures rest on."""

    id: int
    product: str
    number: int
    at: str
    images: int
    digest: str
    reason: str


@dataclass(frozen=True)
class Member:
    """One image in a revision."""

    image_id: int
    split: Split
    label: Label
    class_id: int | None


@dataclass(frozen=True)
class Zone:
    """A region of a view's template (or of one image): inside is inspected, or ignored."""

    name: str
    sign: Literal["inspect", "ignore"]
    shape: Json = field(default_factory=dict)  # {"box": [x0, y0, x1, y1]} or {"polygon": [[x, y], ...]}
    mask: NDArray[np.uint8] | None = None
    image_id: int | None = None


@dataclass(frozen=True)
class Cell:
    """A named box of a view's template that holds one part."""

    name: str
    box: Box


@dataclass(frozen=True)
class Roi:
    """One version of a view's regions."""

    id: int
    view_id: int
    number: int
    at: str
    who: str
    template_image_id: int | None
    settings: Json
    zones: tuple[Zone, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Alignment:
    """How a view's template lies on one image: template pixels -> image pixels."""

    image_id: int
    matrix: tuple[float, float, float, float, float, float]
    confidence: float | None
    method: str
    origin: Origin


@dataclass(frozen=True)
class Layer:
    """The masks of one image by one author and of one origin."""

    id: int
    image_id: int
    kind: Literal["defect", "roi"]
    origin: Origin
    author: str
    run_id: int | None
    changed: str
    strokes: int
    pixels: int | None


@dataclass(frozen=True)
class Stroke:
    """One stroke: box and packed delta (see core.annotation.masks)."""

    id: int
    layer_id: int
    seq: int
    tool: str
    class_id: int | None
    box: Box
    delta: bytes
    state: Literal["done", "undone", "dropped"]


@dataclass(frozen=True)
class RunRow:
    """One training. `folder` is absolute; `number` is what people say ("Training #12")."""

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


@dataclass(frozen=True)
class Note:
    """A remark on an image, part, training or anything else."""

    id: int
    subject: str
    subject_id: int
    text: str
    who: str
    at: str


@dataclass(frozen=True)
class UndoStep:
    """What undo or redo would do, or did."""

    id: int
    label: str
    image_id: int | None
    who: str
    at: str


@dataclass(frozen=True)
class AuditRow:
    """One row of the audit trail; `before` and `after` are JSON text."""

    seq: int
    at: str
    utc_offset: int
    elapsed: float
    who: str
    account: str
    workstation: str
    version: str
    action: str
    subject: str
    subject_id: int | None
    before: str | None
    after: str | None
    reason: str
    hash: str


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` looked at and what it found; `is_whole` when nothing is wrong."""

    audit_rows: int
    head: str
    blobs: int
    images_checked: int
    faults: tuple[str, ...]  # the project itself is not as it was written
    image_faults: tuple[str, ...]  # files of the person that changed or went

    @property
    def is_whole(self) -> bool:
        return not self.faults


@dataclass(frozen=True)
class Backup:
    """A verified copy of the project file."""

    path: Path
    at: str
    size: int
    kind: Literal["rolling", "migration"]


@dataclass(frozen=True)
class PackReport:
    """What went into, or came out of, a transfer file."""

    path: Path
    files: int
    bytes: int
    missing: tuple[str, ...]
