"""Defects that are selected: moved, given another class, erased, copied and pasted, each as one stroke on the sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath

from app.canvas.layers import MaskLayer, into_image, path_of, rectangle, stroke
from app.canvas.sheet import Sheet
from app.canvas.viewport import Extent, Viewport, intersection
from app.words import tr
from core.annotation.components import component_at
from core.annotation.masks import Mask
from core.annotation.shapes import Patch
from core.annotation.strokes import Bits
from core.words import Box

if TYPE_CHECKING:
    from app.canvas.workbench import Workbench

LAYER: Final = "selection"
_TRAIL: Final = 100  # earlier states that an undo can go back to
_LEAST: Final = 12.0  # device pixels: a smaller defect gets a frame round it
_SELECTED: Final = QColor("#ffffff")
_HOVERED: Final = QColor(255, 255, 255, 170)
_FINEST: Final = 1 << 20  # pixels of a box above which an outline goes through the middle of pixels


@dataclass(frozen=True, eq=False)
class Piece:
    """Pixels of one class, (h, w) bool in `box`, which may reach beyond the image; `under` is what they cover.

    `under`, (h, w) class ids, comes back when the piece goes elsewhere.
    """

    class_id: int
    bits: Bits
    box: Box
    under: Mask

    @classmethod
    def found(cls, labels: Mask, patch: Patch) -> Piece:
        """A component of a mask as it lies there, in the smallest box: under it is nothing."""
        bits, box = patch
        column = int(np.argmax(bits[0]))
        return cls(int(labels[box[1], box[0] + column]), bits, box, np.zeros(bits.shape, np.uint8))

    def moved(self, dx: int, dy: int) -> Piece:
        """The same elsewhere."""
        x0, y0, x1, y1 = self.box
        return replace(self, box=(x0 + dx, y0 + dy, x1 + dx, y1 + dy))

    def holds(self, x: int, y: int) -> bool:
        """Whether one of its pixels is (x, y)."""
        x0, y0, x1, y1 = self.box
        return x0 <= x < x1 and y0 <= y < y1 and bool(self.bits[y - y0, x - x0])

    def lies_on(self, labels: Mask) -> bool:
        """Whether the mask shows it, as far as it is on the image."""
        inner, part = self.within(labels)
        return inner is not None and bool((labels[_rows(inner)][self.bits[part]] == self.class_id).all())

    def within(self, labels: Mask) -> tuple[Box | None, tuple[slice, slice]]:
        """The part of its box on the image, and where that is in `bits`."""
        inner = intersection(self.box, (0, 0, labels.shape[1], labels.shape[0]))
        if inner is None:
            return None, (slice(0), slice(0))
        x0, y0 = self.box[:2]
        return inner, (slice(inner[1] - y0, inner[3] - y0), slice(inner[0] - x0, inner[2] - x0))

    @cached_property
    def path(self) -> QPainterPath:
        """Its outline in image coordinates."""
        return outline(self.bits, self.box)


@dataclass(frozen=True)
class Copied:
    """What was copied of one component: the code of its class, its pixels and their place."""

    code: str
    bits: Bits
    box: Box


def outline(bits: Bits, box: Box) -> QPainterPath:
    """The border of (h, w) pixels in `box` along their edges; through their middles where there are very many."""
    fine = 1 if bits.size > _FINEST else 2
    grid = np.pad(np.repeat(np.repeat(bits, fine, axis=0), fine, axis=1).astype(np.uint8), 1)
    found, _ = cv2.findContours(grid, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    path = QPainterPath()
    for one in found:
        points = one[:, 0, :] - 1
        # of a pixel's two columns the left one marks its left edge, the right one its right edge; rows likewise
        at = (points + 1) // 2 if fine == 2 else points + 0.5
        turns = np.any(np.roll(at, -1, axis=0) - at != at - np.roll(at, 1, axis=0), axis=1)
        path.addPath(path_of((at[turns] + box[:2]).astype(np.float64)))
    return path


def composed(
    labels: Mask, before: Sequence[Piece], after: Sequence[Piece], *, only_empty: bool
) -> tuple[Mask, Box, tuple[Piece, ...]] | None:
    """What a mask shows when pieces that lie on it are taken up and others are put down.

    Returns the values of a box of the mask, that box, and `after` with what each of them covers now; None when all of
    it happens beside the image. With `only_empty` what is painted already stays as it is.
    """
    area = _union(inner for piece in (*before, *after) if (inner := piece.within(labels)[0]) is not None)
    if area is None:
        return None
    values = labels[_rows(area)].copy()
    for piece in reversed(before):
        inner, part = piece.within(labels)
        if inner is not None:
            here = values[_rows(inner, area)]
            here[piece.bits[part]] = piece.under[part][piece.bits[part]]
    placed = []
    for piece in after:
        inner, part = piece.within(labels)
        under = np.zeros(piece.bits.shape, np.uint8)
        if inner is not None:
            here = values[_rows(inner, area)]
            under[part] = here
            covered = piece.bits[part] & (here == 0) if only_empty else piece.bits[part]
            here[covered] = piece.class_id
        placed.append(replace(piece, under=under))
    return values, area, tuple(placed)


class Selection(QObject):
    """What is selected on the sheet of a workbench, and what lies under the mouse."""

    changed = Signal()
    hovered_changed = Signal()
    said = Signal(str)

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._bench = bench
        self._sheet: Sheet | None = None
        self._trail: list[tuple[Piece, ...]] = []
        self._lifted: tuple[Piece, ...] | None = None  # as they lay before they were dragged
        self._is_ours = False
        self.pieces: tuple[Piece, ...] = ()
        self.hovered: Piece | None = None
        self.codes: dict[int, str] = {}  # class id -> code, of the classes that can be painted
        self.copied: tuple[Copied, ...] = ()
        bench.changed.connect(self._on_bench_changed)

    @property
    def labels(self) -> Mask | None:
        """The mask that is on screen, to be read only; None while there is none."""
        layer = self._bench.canvas.layer("mask")
        return layer.labels if isinstance(layer, MaskLayer) else None

    @property
    def is_dragged(self) -> bool:
        """Whether it hangs on the mouse."""
        return self._lifted is not None

    # -- what is selected

    def piece_at(self, x: int, y: int) -> Piece | None:
        """What lies under an image pixel: something selected, else the component there."""
        for piece in reversed(self.pieces):
            if piece.holds(x, y):
                return piece
        if self.hovered is not None and self.hovered.holds(x, y):
            return self.hovered
        labels = self.labels
        patch = None if labels is None else component_at(labels, x, y)
        return None if labels is None or patch is None else Piece.found(labels, patch)

    def set(self, pieces: Iterable[Piece]) -> None:
        """Select these and nothing else."""
        self.put_back()
        self._trail.clear()
        self._show(tuple(pieces))

    def add(self, piece: Piece) -> None:
        """Select one more."""
        self.set((*self.pieces, piece))

    def clear(self) -> None:
        """Nothing is selected."""
        if self.pieces:
            self.set(())

    def hover(self, piece: Piece | None) -> None:
        """Highlight what the mouse points at."""
        if piece is not self.hovered:
            self.hovered = piece
            self._draw()
            self.hovered_changed.emit()

    def pieces_in(self, box: Box) -> list[Piece]:
        """Every component with a pixel in a box of the image."""
        labels = self.labels
        inside = None if labels is None else intersection(box, (0, 0, labels.shape[1], labels.shape[0]))
        if labels is None or inside is None:
            return []
        rest, found = labels[_rows(inside)].copy(), []
        for row in range(rest.shape[0]):
            while rest[row].any():
                column = int(np.argmax(rest[row] != 0))
                patch = component_at(labels, inside[0] + column, inside[1] + row)
                assert patch is not None, "the pixel is painted"
                piece = Piece.found(labels, patch)
                found.append(piece)
                both = intersection(piece.box, inside)
                assert both is not None, "the pixel lies in both"
                x0, y0 = piece.box[:2]
                part = piece.bits[both[1] - y0 : both[3] - y0, both[0] - x0 : both[2] - x0]
                rest[_rows(both, inside)][part] = 0
        return found

    # -- what is done with it

    def drag(self, dx: int, dy: int) -> None:
        """Show it so far away from where it lay; stored by `drop`, taken back by `put_back`."""
        if self._lifted is None:
            if not self.pieces or self._bench.ready() is None:
                return
            self._lifted = self.pieces
        sheet = self._bench.sheet
        if sheet is not None:
            sheet.restore()
            self._put(sheet, self._lifted, tuple(one.moved(dx, dy) for one in self._lifted))

    def drop(self) -> None:
        """It stays where it was dragged to."""
        lifted, self._lifted = self._lifted, None
        if lifted is None:
            return
        self._trail.append(lifted)
        self._store("move", self.pieces[0].class_id)

    def put_back(self) -> None:
        """It was not dragged at all."""
        lifted, self._lifted = self._lifted, None
        if lifted is not None:
            if self._bench.sheet is not None:
                self._bench.sheet.restore()
            self._show(lifted)

    def nudge(self, dx: int, dy: int) -> None:
        """Move it by so many pixels."""
        self._turn("move", tuple(one.moved(dx, dy) for one in self.pieces))

    def recolour(self, class_id: int) -> None:
        """Give it another class."""
        if any(one.class_id != class_id for one in self.pieces):
            self._turn("change class", tuple(replace(one, class_id=class_id) for one in self.pieces), over=True)

    def erase(self, tool: str = "delete") -> None:
        """Take it away."""
        self._turn(tool, ())

    def copy(self) -> None:
        """Keep a copy of it, to be pasted on this image, another one, or in another project."""
        labels = self.labels
        if not self._anything() or labels is None:
            return
        made = []
        for one in self.pieces:
            inner, part = one.within(labels)
            if inner is not None:
                made.append(Copied(self.codes.get(one.class_id, ""), one.bits[part], inner))
        if made:
            self.copied = tuple(made)
            self.said.emit(tr("Copied: {n}", n=_count(len(made))))

    def cut(self) -> None:
        """Copy it and take it away."""
        self.copy()
        if self.pieces:
            self.erase("cut")

    def paste(self) -> bool:
        """Paint what was copied in its place, and select it; False when nothing was.

        A class that this project does not have becomes the one that is painted.
        """
        if not self.copied:
            self.said.emit(tr("Nothing was copied yet: select a defect, then Ctrl+C"))
            return False
        labels = self.labels
        if labels is None or self._bench.ready() is None:
            return False
        ids = {code: class_id for class_id, code in self.codes.items()}
        strange = sorted({one.code for one in self.copied if one.code not in ids} - {""})
        made = []
        dx, dy = _way_inside([one.box for one in self.copied], labels)
        for one in self.copied:
            under = np.zeros(one.bits.shape, np.uint8)
            made.append(Piece(ids.get(one.code, self._bench.class_id), one.bits, one.box, under).moved(dx, dy))
        self.clear()
        self._turn("paste", tuple(made), pasting=True)
        if strange:
            words = tr("There is no class {name} here: pasted as the one that is painted", name=", ".join(strange))
            self.said.emit(words)
        elif dx or dy:
            self.said.emit(tr("This image is smaller: pasted as near as it fits"))
        return True

    # -- inside

    def _anything(self) -> bool:
        if not self.pieces:
            self.said.emit(tr("Nothing is selected"))
        return bool(self.pieces)

    def _turn(self, tool: str, after: tuple[Piece, ...], *, over: bool = False, pasting: bool = False) -> None:
        """Put `after` in the place of what is selected, as one stroke."""
        if self.is_dragged or not (pasting or self._anything()):
            return
        sheet, before = self._bench.ready(), self.pieces
        if sheet is None or sheet.is_open:
            return
        self._put(sheet, before, after, over=over)
        self._trail.append(before)
        self._store(tool, after[0].class_id if after else 0)

    def _put(self, sheet: Sheet, before: tuple[Piece, ...], after: tuple[Piece, ...], *, over: bool = False) -> None:
        found = composed(sheet.before, before, after, only_empty=self._bench.only_empty and not over)
        if found is not None:
            values, box, after = found
            sheet.put(values, box)
        self._show(after)

    def _store(self, tool: str, class_id: int) -> None:
        del self._trail[:-_TRAIL]
        self._is_ours = True
        if self._bench.begin(tool, class_id) is None:
            self._bench.give_up()
            self.clear()
        else:
            self._bench.end()
        self._is_ours = False

    def _show(self, pieces: tuple[Piece, ...]) -> None:
        self.pieces, self.hovered = pieces, None
        self._draw()
        self.changed.emit()
        self.hovered_changed.emit()

    def _draw(self) -> None:
        hovered = None if self.hovered in self.pieces else self.hovered
        layer = PieceLayer(self.pieces, hovered) if self.pieces or hovered is not None else None
        self._bench.canvas.set_layer(LAYER, layer)

    def _on_bench_changed(self, name: str) -> None:
        if name != "sheet":
            return
        if self._sheet is not None:
            self._sheet.changed.disconnect(self._on_sheet_changed)
        self._sheet = self._bench.sheet
        if self._sheet is not None:
            self._sheet.changed.connect(self._on_sheet_changed)
        self._lifted = None
        self._trail.clear()
        self._show(())

    def _on_sheet_changed(self) -> None:
        """Somebody else painted, or a step was undone: what is still there as it was stays selected."""
        labels = self.labels
        if self._is_ours or labels is None:
            return
        self.hover(None)
        states = [self.pieces, *reversed(self._trail)]
        at = next((at for at, state in enumerate(states) if state and all(one.lies_on(labels) for one in state)), None)
        if at:
            del self._trail[-at:]
        if at != 0 and (self.pieces or at is not None):
            self._show(() if at is None else states[at])


class PieceLayer:
    """What is selected has a line round it, what is pointed at a thinner one; what is small gets a frame as well."""

    def __init__(self, pieces: Sequence[Piece], hovered: Piece | None) -> None:
        self._shown: Final = [(one, True) for one in pieces] + ([] if hovered is None else [(hovered, False)])

    @property
    def extent(self) -> Extent | None:
        box = _union(one.box for one, _ in self._shown)
        # a frame is larger than what it frames, at any scale: all of it is painted again where it comes or goes
        return None if box is None else (box[0] - 1.0, box[1] - 1.0, box[2] + 1.0, box[3] + 1.0)

    def paint(self, painter: QPainter, view: Viewport, box: Box, opacity: float) -> None:
        for piece, is_selected in self._shown:
            frame = rectangle(view, tuple(float(edge) for edge in piece.box))  # type: ignore[arg-type]
            if intersection(view.device_box(piece.box, margin=round(_LEAST * view.dpr)), box) is None:
                continue
            colour, width = (_SELECTED, 2.0) if is_selected else (_HOVERED, 1.2)
            painter.save()
            painter.setOpacity(opacity)
            if max(frame.width(), frame.height()) < _LEAST * view.dpr:
                around = QRectF(0, 0, _LEAST * view.dpr, _LEAST * view.dpr)
                around.moveCenter(frame.center())
                path = QPainterPath()
                path.addRect(around)
                stroke(painter, path, colour, width * view.dpr, Qt.PenStyle.SolidLine)
            else:
                into_image(painter, view)
                stroke(painter, piece.path, colour, width * view.dpr)
            painter.restore()


def _rows(box: Box, area: Box = (0, 0, 0, 0)) -> tuple[slice, slice]:
    """A box as an index into an array whose corner is that of `area`."""
    x0, y0 = area[:2]
    return slice(box[1] - y0, box[3] - y0), slice(box[0] - x0, box[2] - x0)


def _union(boxes: Iterable[Box]) -> Box | None:
    found = list(boxes)
    if not found:
        return None
    lows, highs = np.array(found)[:, :2].min(axis=0), np.array(found)[:, 2:].max(axis=0)
    return int(lows[0]), int(lows[1]), int(highs[0]), int(highs[1])


def _way_inside(boxes: Sequence[Box], labels: Mask) -> tuple[int, int]:
    """How far all boxes together must move so that they end on a mask; no further than to its corner."""
    union = _union(boxes)
    assert union is not None, "something was copied"
    height, width = labels.shape
    return max(min(0, width - union[2]), -union[0]), max(min(0, height - union[3]), -union[1])


def _count(number: int) -> str:
    return tr("one defect") if number == 1 else tr("{n} defects", n=number)
