"""What the model proposes on the image that is shown: areas above a level of its map, to be accepted one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPainterPath

from app.canvas.selection import outline
from core.annotation import assist
from core.annotation.assist import Map
from core.annotation.shapes import Patch

if TYPE_CHECKING:
    from app.background import Background

LOWEST: Final = 1e-4  # level; on a map from 0 to 1


@dataclass(frozen=True)
class Heat:
    """The map of an image of `size` (width, height): `values` (h, w) float32, by which training, and its threshold."""

    training: int
    values: Map
    size: tuple[int, int]
    threshold: float


@dataclass(frozen=True, eq=False)
class Proposal:
    """One area; made off the GUI thread."""

    patch: Patch
    path: QPainterPath

    def holds(self, x: int, y: int) -> bool:
        """Whether pixel (x, y) belongs to it."""
        bits, (x0, y0, x1, y1) = self.patch
        return x0 <= x < x1 and y0 <= y < y1 and bool(bits[y - y0, x - x0])


class Proposals(QObject):
    """Areas above `level` while somebody wants them; they follow the map and the level, the newest wish counts."""

    heat_changed = Signal()
    level_changed = Signal()
    changed = Signal()
    wanted = Signal()  # somebody wants areas, and there is no map yet

    def __init__(self, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._background = background
        self._is_on = False
        self._is_fresh = True  # the level is not a person's yet
        self.heat: Heat | None = None
        self.why_not = ""  # why there is no map
        self.level = 0.5
        self.areas: tuple[Proposal, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether somebody wants areas."""
        return self._is_on

    def show(self, heat: Heat | None, why_not: str = "") -> None:
        """The map of another image; None: there is none."""
        self.heat, self.why_not = heat, why_not
        self._take(())
        self.heat_changed.emit()
        self._ask()

    def start(self) -> None:
        """Somebody wants areas: the level begins at the threshold."""
        self._is_on = self._is_fresh = True
        if self.heat is None:
            self.wanted.emit()
        self._ask()
        self.changed.emit()

    def stop(self) -> None:
        """Nobody wants them any more."""
        self._is_on = False
        self._take(())

    def set_level(self, level: float) -> None:
        """From 0 to 1."""
        level = min(max(level, LOWEST), 1.0)
        if level != self.level:
            self.level = level
            self.level_changed.emit()
            self._ask()

    def take(self, areas: Sequence[Proposal]) -> None:
        """They were accepted: they are proposed no longer."""
        self._take(tuple(one for one in self.areas if one not in areas))

    def _ask(self) -> None:
        heat = self.heat
        if heat is None or not self._is_on:
            return
        if self._is_fresh:
            self._is_fresh, self.level = False, min(max(heat.threshold, LOWEST), 1.0)
            self.level_changed.emit()
        level = self.level
        self._background.run(
            lambda: _found(heat, level), lambda found: self._on_found(heat, found), owner=self, key="areas"
        )

    def _on_found(self, heat: Heat, areas: tuple[Proposal, ...]) -> None:
        if heat is self.heat and self._is_on:
            self._take(areas)

    def _take(self, areas: tuple[Proposal, ...]) -> None:
        self.areas = areas
        self.changed.emit()


def _found(heat: Heat, level: float) -> tuple[Proposal, ...]:
    patches = assist.heatmap_to_mask(heat.values, level, *heat.size)
    return tuple(Proposal(patch, outline(*patch)) for patch in patches)
