"""The rows of a project as frozen dataclasses: what leaves `core.project` (those of trainings from results.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.project.results import (
    CheckItem as CheckItem,
)
from core.project.results import (
    CheckSet as CheckSet,
)
from core.project.results import (
    Decision as Decision,
)
from core.project.results import (
    DecisionState as DecisionState,
)
from core.project.results import (
    Json as Json,
)
from core.project.results import (
    NewJudgement as NewJudgement,
)
from core.project.results import (
    NewScore as NewScore,
)
from core.project.results import (
    RunRow as RunRow,
)
from core.project.results import (
    RunState as RunState,
)
from core.project.results import (
    Scope as Scope,
)
from core.project.results import (
    ScoreRow as ScoreRow,
)
from core.project.results import (
    ScoreTable as ScoreTable,
)
from core.project.results import (
    Scoring as Scoring,
)
from core.project.results import (
    VerdictRow as VerdictRow,
)
from core.words import Box, ImageState, Label, Origin, Split

Conflict = Literal["", "open", "mine", "theirs", "both"]  # of an imported mask with what counted when it came
ExampleKind = Literal["example", "limit_good", "limit_defective"]


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
class ClassDraft:
    """A defect class as a person wants it; `id` None: a new one, `colour` '': the next of the palette."""

    id: int | None
    code: str
    names: Mapping[str, str] = field(default_factory=dict)
    colour: str = ""
    description: str = ""
    retired: bool = False


@dataclass(frozen=True)
class ClassExample:
    """A place in the defect book. A limit sample is one that is just still good, or just already defective."""

    id: int
    class_id: int
    image_id: int
    kind: ExampleKind
    box: Box | None  # None: the whole image
    note: str = ""


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
    """One version of a view's regions; the zones are those of the template.

    `own` are the images that have zones of their own in their place (`Project.own_zones`). `is_withdrawn`: undone.
    """

    id: int
    view_id: int
    number: int
    at: str
    who: str
    template_image_id: int | None
    settings: Json
    zones: tuple[Zone, ...]
    cells: tuple[Cell, ...]
    own: frozenset[int] = frozenset()
    is_withdrawn: bool = False


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
    conflict: Conflict = ""


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
class Note:
    """A remark on an image, part, training or anything else."""

    id: int
    subject: str
    subject_id: int
    text: str
    who: str
    at: str


@dataclass(frozen=True)
class Painted:
    """A stroke that was stored, and its layer; `news`: the table says something else of the image now: another label,
    its first mask, another class painted last."""

    stroke_id: int
    layer_id: int
    news: bool


@dataclass(frozen=True)
class ClassUse:
    """How many images are labelled with a defect class, and how many have a mask that shows it."""

    images: int
    masks: int


@dataclass(frozen=True)
class MergeReport:
    """How many images and how many images' masks have another class now."""

    images: int
    masks: int


@dataclass(frozen=True)
class UndoStep:
    """What undo or redo would do, or did.

    `images` is known of a step that was done: the images whose label, split, verdict or mask changed. None: more than
    that, a defect class. `deltas` are the strokes that came or went on the one image of the step, packed. `views` are
    those whose regions of interest changed.
    """

    id: int
    label: str
    image_id: int | None
    who: str
    at: str
    images: tuple[int, ...] | None = None
    deltas: tuple[bytes, ...] = ()
    views: tuple[int, ...] = ()


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
