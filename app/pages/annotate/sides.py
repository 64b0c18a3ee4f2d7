"""Both sides of a conflict on one image: whose mask counts, whose lies beside it, and how the two differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtGui import QColor

from app.canvas.theirs import TheirsLayer, theirs_layer
from app.words import tr
from core.annotation.masks import Mask
from core.project import Project
from core.project.records import Layer
from core.words import MaskChoice
from core.workflow.disagreement import Difference, difference


@dataclass(frozen=True, eq=False)
class Other:
    """A mask beside the one that counts."""

    layer: Layer
    labels: Mask
    drawn: TheirsLayer


@dataclass(frozen=True, eq=False)
class Sides:
    """The mask of an image that counts and the `others`, those to be decided about first; neither where all agree."""

    image_id: int
    shown: Layer | None = None
    labels: Mask = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    others: tuple[Other, ...] = ()

    @property
    def open(self) -> bool:
        """Whether somebody still has to choose."""
        return any(one is not None and one.conflict == "open" for one in self._layers())

    @property
    def choice(self) -> MaskChoice | None:
        """What was chosen last."""
        made = [one.conflict for one in self._layers() if one is not None and one.conflict not in ("", "open")]
        return made[0] if made else None  # type: ignore[return-value]  # what is neither is a choice

    def _layers(self) -> tuple[Layer | None, ...]:
        return (*(one.layer for one in self.others), self.shown)


def read_sides(project: Project, image_id: int, colours: Mapping[int, QColor]) -> Sides:
    """Read off the GUI thread: the imported masks about which somebody has to decide, or has."""
    shown, rest = project.others(image_id)
    if shown is None:
        return Sides(image_id)
    mine = project.layer_mask(shown.id)
    others = []
    for layer in rest:
        labels = project.layer_mask(layer.id)
        is_meant = bool(layer.conflict) or (bool(shown.conflict) and layer.origin == "import")
        if is_meant and labels.shape == mine.shape:
            others.append(Other(layer, labels, theirs_layer(labels, colours)))
    return Sides(image_id, shown, mine, tuple(others))


def compare(shown: Mask, other: Other) -> Difference | None:
    """How they differ; None: no longer."""
    return difference(shown, other.labels) if shown.shape == other.labels.shape else None


def whose(layer: Layer) -> str:
    """`CD, imported`."""
    return (
        tr("{who}, painted", who=layer.author) if layer.origin == "person" else tr("{who}, imported", who=layer.author)
    )


def difference_words(found: Difference | None) -> str:
    """What differs, in a few words."""
    if found is None:
        return tr("No pixel differs any more")
    if found.differs == "class":
        return tr("Same place, another class on {n} px", n=f"{found.other_class:,}")
    if found.differs == "place":
        return tr("{n} px differ in place", n=f"{found.place:,}")
    return tr("{n} px differ in place, {m} in class", n=f"{found.place:,}", m=f"{found.other_class:,}")


def choice_words(choice: MaskChoice) -> str:
    """What was chosen."""
    words: dict[MaskChoice, str] = {"mine": tr("Kept"), "theirs": tr("Taken"), "both": tr("Joined")}
    return words[choice]
