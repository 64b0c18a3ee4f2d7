"""The zones and cells that are being drawn on the image on screen: plain values, which one is chosen, what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.words import tr
from core.annotation.masks import bounding_box
from core.annotation.roi import box_around, covered, covers, rasterise
from core.project.records import Cell, Zone
from core.words import Box
from core.workflow.drawing import Frame, Lying, Mark, ZoneFacts
from core.workflow.zones import free_name, named_cells

HANDLE: Final = 4.5  # half the side of a handle, in units of the toolkit
Sign = Literal["inspect", "ignore"]
Chosen = tuple[Literal["zone", "cell"], int]  # which list, and where in it
Points = NDArray[np.float64]  # (N, 2) x, y


class ZoneBoard(QObject):
    """Every method that changes something ends with `finished`: then it is to be stored."""

    loaded = Signal()  # another image, or other regions on it
    finished = Signal(str)  # what was done, as undo names it
    chosen_changed = Signal()
    known = Signal()  # areas and corners of what is drawn were found out
    refused = Signal(str)  # why nothing was changed

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.found: Lying | None = None
        self.marks: list[Mark] = []
        self.frames: list[Frame] = []
        self.sign: Sign = "inspect"
        """Of the next zone."""
        self.is_drawing = False
        """Whether a tool is in the hand that draws a zone of its own."""
        self._chosen: Chosen | None = None
        self._facts: list[tuple[Zone, ZoneFacts]] = []

    # -- what is there

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image."""
        return (1, 1) if self.found is None else self.found.size

    def inside(self, x: float, y: float) -> tuple[float, float]:
        """The place on the image, edges included, that is nearest to an image point."""
        width, height = self.size
        return min(max(x, 0.0), width), min(max(y, 0.0), height)

    @property
    def chosen(self) -> Chosen | None:
        """The zone or cell that is acted on."""
        return self._chosen

    @property
    def zone(self) -> Zone | None:
        """The chosen zone."""
        return self.marks[self._chosen[1]].zone if self._chosen is not None and self._chosen[0] == "zone" else None

    @property
    def cell(self) -> Cell | None:
        """The chosen cell."""
        return self.frames[self._chosen[1]].cell if self._chosen is not None and self._chosen[0] == "cell" else None

    @property
    def name(self) -> str:
        """Of what is chosen; '' for nothing."""
        chosen = self.zone or self.cell
        return "" if chosen is None else chosen.name

    @property
    def corners(self) -> Points | None:
        """(N, 2) of the chosen zone, by which it can be changed; None where it has none (a box has its frame)."""
        zone = self.zone
        if zone is None:
            return None
        if zone.mask is None:
            points = zone.shape.get("polygon")
            return None if points is None else np.asarray(points, np.float64)
        facts = self.facts(zone)
        return None if facts is None else facts.corners

    def facts(self, zone: Zone) -> ZoneFacts | None:
        """What is known of a zone; None until it was looked at."""
        return next((facts for one, facts in self._facts if one is zone), None)

    def know(self, facts: Sequence[tuple[Zone, ZoneFacts]]) -> None:
        """What was found out of zones as they were drawn a moment ago."""
        self._facts = list(facts)
        self.known.emit()

    def load(self, found: Lying | None) -> None:
        """Show the regions of an image; None: of none. What was chosen stays where it is still there."""
        same = found is not None and self.found is not None and found.image_id == self.found.image_id
        self.found = found
        self.marks = [] if found is None else list(found.marks)
        self.frames = [] if found is None else list(found.frames)
        if self._chosen is not None and not (same and self._chosen[1] < len(self._list(self._chosen))):
            self._chosen = None
        self.loaded.emit()
        self.chosen_changed.emit()

    def choose(self, chosen: Chosen | None) -> None:
        """Act on another one, or on none."""
        if chosen != self._chosen:
            self._chosen = chosen
            self.chosen_changed.emit()

    def outline(self, chosen: Chosen) -> Box | None:
        """The box around a zone or cell, in image pixels."""
        if chosen[0] == "cell":
            return self.frames[chosen[1]].cell.box
        return box_around(self.marks[chosen[1]].zone)

    def pixels(self, zone: Zone | None) -> NDArray[np.uint8]:
        """(H, W) of 0 and 1: what a zone covers; nothing for none."""
        width, height = self.size
        found = None if zone is None else rasterise([replace(zone, sign="inspect")], width, height)
        return np.zeros((height, width), np.uint8) if found is None else found

    def at(self, x: float, y: float) -> Chosen | None:
        """What lies under an image point: the smallest that does."""
        found: list[tuple[float, Chosen]] = []
        for number, frame in enumerate(self.frames):
            x0, y0, x1, y1 = frame.cell.box
            if x0 <= x < x1 and y0 <= y < y1:
                found.append(((x1 - x0) * (y1 - y0), ("cell", number)))
        for number, mark in enumerate(self.marks):
            box = box_around(mark.zone)
            if box is not None and box[0] <= x < box[2] and box[1] <= y < box[3] and covers(mark.zone, x, y):
                found.append(((box[2] - box[0]) * (box[3] - box[1]), ("zone", number)))
        return min(found)[1] if found else None

    # -- what is done

    def add_zone(self, zone: Zone) -> None:
        """A new zone, chosen from now on; without a name it gets one, and the sign of the board."""
        zones = [mark.zone for mark in self.marks]
        named = zone if zone.name else replace(zone, name=free_name(zones, self.sign), sign=self.sign)
        self.marks.append(Mark(named))
        self.choose(("zone", len(self.marks) - 1))
        self.finished.emit(tr("draw the zone {name}", name=named.name))

    def add_cells(self, boxes: Sequence[Box]) -> None:
        """Cells with the next free names; the last one is chosen from now on."""
        cells = named_cells(boxes, [frame.cell.name for frame in self.frames])
        self.frames += [Frame(cell) for cell in cells]
        self.choose(("cell", len(self.frames) - 1))
        self.finished.emit(tr("draw {n} cells", n=len(cells)))

    def replace_zone(self, zone: Zone, done: str) -> None:
        """The chosen zone is another now."""
        if self._chosen is not None and self._chosen[0] == "zone":
            self.marks[self._chosen[1]] = Mark(zone)
            self.chosen_changed.emit()
            self.finished.emit(done)

    def set_corners(self, points: Points) -> None:
        """The chosen zone is the polygon of these (N, 2) from now on, drawn in to the image."""
        zone, (width, height) = self.zone, self.size
        if zone is None:
            return
        inside = np.round(np.clip(points, 0, (width, height)), 2)
        changed = replace(zone, shape={"polygon": inside.tolist()}, mask=None)
        if covered(changed, width, height):
            self.replace_zone(changed, tr("change the outline of {name}", name=zone.name))
        else:
            self.refused.emit(tr("Nothing would be left of {name}: it stays as it was", name=zone.name))

    def place(self, box: Box) -> None:
        """Move or resize what is chosen, so that this is the box around it."""
        before = None if self._chosen is None else self.outline(self._chosen)
        if before is None or before == box or self._chosen is None:
            return
        number = self._chosen[1]
        if self._chosen[0] == "cell":
            frame = self.frames[number]
            self.frames[number] = Frame(replace(frame.cell, box=box))
        else:
            self.marks[number] = Mark(_placed(self.marks[number].zone, before, box, self.size))
        self.finished.emit(tr("move {name}", name=self.name))

    def why_not(self, name: str, of: Chosen) -> str:
        """Why a zone or cell cannot be called so; '' when it can."""
        if not name:
            return tr("It needs a name")
        names = [frame.cell.name for frame in self.frames] if of[0] == "cell" else [one.zone.name for one in self.marks]
        if name in names[: of[1]] + names[of[1] + 1 :]:
            return tr("There is a “{name}” already: choose another name", name=name)
        return ""

    def rename(self, name: str) -> None:
        """Another name for what is chosen; no other zone, or cell, may have it."""
        if self._chosen is None or name == self.name:
            return
        if why := self.why_not(name, self._chosen):
            self.refused.emit(why)
        elif self._chosen[0] == "zone":
            mark = self.marks[self._chosen[1]]
            self.replace_zone(replace(mark.zone, name=name), tr("rename a zone"))
        else:
            frame = self.frames[self._chosen[1]]
            self.frames[self._chosen[1]] = Frame(replace(frame.cell, name=name), frame.origin)
            self.chosen_changed.emit()
            self.finished.emit(tr("rename a cell"))

    def set_sign(self, sign: Sign) -> None:
        """Zones to come are inspected, or ignored; so is the chosen one, unless a tool is in the hand that draws."""
        self.sign = sign
        self.chosen_changed.emit()
        if not self.is_drawing:
            self.turn(sign)

    def turn(self, sign: Sign) -> None:
        """The chosen zone is inspected, or ignored."""
        zone = self.zone
        if zone is not None and zone.sign != sign:
            words = tr("ignore {name}", name=zone.name) if sign == "ignore" else tr("inspect {name}", name=zone.name)
            self.replace_zone(replace(zone, sign=sign), words)

    def remove(self) -> None:
        """What is chosen goes."""
        if self._chosen is None:
            return
        name = self.name
        del self._list(self._chosen)[self._chosen[1]]
        self.choose(None)
        self.finished.emit(tr("remove {name}", name=name))

    def clear_cells(self) -> None:
        """All cells go."""
        if self.frames:
            self.frames.clear()
            self.choose(None)
            self.finished.emit(tr("remove all cells"))

    def _list(self, chosen: Chosen) -> list[Mark] | list[Frame]:
        return self.marks if chosen[0] == "zone" else self.frames


def _placed(zone: Zone, before: Box, after: Box, size: tuple[int, int]) -> Zone:
    """A zone so that `after` is around it: a box may grow, what has corners and what is painted is only moved."""
    dx, dy = after[0] - before[0], after[1] - before[1]
    if zone.mask is not None:
        return replace(zone, mask=_shifted(zone.mask, dx, dy, size))
    if "box" in zone.shape:
        return replace(zone, shape={"box": list(after)})
    points = np.asarray(zone.shape["polygon"], np.float64)
    return replace(zone, shape={"polygon": np.round(points + np.array([dx, dy]), 3).tolist()})


def _shifted(mask: NDArray[np.uint8], dx: int, dy: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    width, height = size
    found = np.zeros((height, width), np.uint8)
    box = bounding_box(mask)
    if box is None:
        return found
    x0, y0, x1, y1 = box
    u0, v0, u1, v1 = max(0, x0 + dx), max(0, y0 + dy), min(width, x1 + dx), min(height, y1 + dy)
    if u0 < u1 and v0 < v1:
        found[v0:v1, u0:u1] = mask[v0 - dy : v1 - dy, u0 - dx : u1 - dx] != 0
    return found
