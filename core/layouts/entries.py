"""What a scan hands out: entries, problems, counts; and what a recognition says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from core.words import Label, Split

Kind = Literal["mvtec", "good_bad", "flat", "nested", "gtanoic"]

_PROBLEMS_KEPT: Final = 1000  # a wrong folder can have one problem a file; the rest is counted


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a layout. `relative` is posix and relative to the recognised root.

    `defect_class`, `lot` and `part` are "" when unknown; `mask` is None for good images and where there is none.
    """

    path: Path
    relative: str
    product: str
    view: str
    split: Split
    label: Label
    defect_class: str
    mask: Path | None
    lot: str
    part: str


@dataclass(frozen=True)
class Problem:
    """Something that was left out or will be missed, in one sentence; the rest is loaded."""

    path: Path
    text: str


@dataclass
class ScanReport:
    """Filled while a scan runs; complete when its iterator is exhausted."""

    images: int = 0
    masks: int = 0
    splits: dict[Split, int] = field(default_factory=dict)
    labels: dict[Label, int] = field(default_factory=dict)
    defective_test: int = 0
    good: dict[str, int] = field(default_factory=dict)  # by product
    classes: set[str] = field(default_factory=set)
    folders: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0

    def problem(self, path: Path, text: str) -> None:
        """Note a problem; beyond the first 1000 they are only counted."""
        self.problem_count += 1
        if len(self.problems) < _PROBLEMS_KEPT:
            self.problems.append(Problem(path, text))

    def count(self, *, product: str, split: Split, label: Label, defect_class: str, mask: bool) -> None:
        """Add one image."""
        self.images += 1
        self.masks += mask
        self.splits[split] = self.splits.get(split, 0) + 1
        self.labels[label] = self.labels.get(label, 0) + 1
        if label == "good":
            self.good[product] = self.good.get(product, 0) + 1
        elif label == "defective":
            self.defective_test += split == "test"
            if defect_class:
                self.classes.add(defect_class)


@dataclass(frozen=True)
class Counts:
    """What a recognition counted."""

    images: int
    train: int
    test: int
    good: int
    defective: int
    unlabelled: int
    defect_classes: int
    masks: int
    folders: int
    problems: int


@dataclass(frozen=True)
class Recognition:
    """How `root` is laid out. `folders[i]` holds `products[i]`; `sentence` and `notes` are for a person to read."""

    root: Path
    kind: Kind
    products: tuple[str, ...]
    folders: tuple[Path, ...]
    sentence: str
    notes: tuple[str, ...]
    counts: Counts
