"""From the heatmap: what lies above a level is outlined; a click paints one area, Enter all of them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter

from app.canvas.layers import into_image, stroke
from app.canvas.proposals import Proposal
from app.canvas.tools.base import Pointer, QuietTool
from app.canvas.viewport import Viewport, intersection
from app.canvas.workbench import Workbench
from app.words import tr

_OUTLINE: Final = QColor("#f0e442")  # the contour of Review
_MARGIN: Final = 4
_STEP: Final = 1.05  # by one key or notch


class FromHeatmap(QuietTool):
    """Shows the proposals of the workbench; nothing of them is painted unasked."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._proposals = bench.proposals
        self._under: Proposal | None = None  # the mouse

    @property
    def cursor(self) -> QCursor | None:
        """A hand over what a click would paint."""
        return QCursor(Qt.CursorShape.PointingHandCursor if self._under is not None else Qt.CursorShape.CrossCursor)

    def stop(self) -> None:
        """Nothing was begun."""
        self.left()

    def pressed(self, pointer: Pointer) -> bool:
        """Paint the area under the mouse."""
        if pointer.button != Qt.MouseButton.LeftButton:
            return False
        area = self._at(pointer)
        if area is not None:
            self._accept((area,))
        return True

    def moved(self, pointer: Pointer) -> bool:
        """Say what a click would paint."""
        area = self._at(pointer)
        if area is not self._under:
            self._under = area
            self.refresh()
            if self.canvas is not None:
                self.canvas.navigation.show_cursor()
        return False

    def wheeled(self, pointer: Pointer) -> bool:
        """With Alt the wheel moves the level; else it zooms as ever."""
        if not pointer.modifiers & Qt.KeyboardModifier.AltModifier:
            return False
        self._proposals.set_level(self._proposals.level * _STEP**pointer.steps)
        return True

    def stepped(self, steps: int) -> bool:
        """The keys for smaller and larger move the level."""
        self._proposals.set_level(self._proposals.level * _STEP**steps)
        return True

    def key_pressed(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter paints all, Esc leaves."""
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._accept(self._proposals.areas)
            return True
        if key == Qt.Key.Key_Escape:
            self._bench.put_away.emit()
            return True
        return False

    def left(self) -> None:
        """Nothing is pointed at."""
        if self._under is not None:
            self._under = None
            self.refresh()

    def bounds(self, view: Viewport) -> QRectF | None:
        """Around all outlines."""
        around = QRectF()
        for area in self._proposals.areas:
            x0, y0, x1, y1 = view.device_box(area.patch[1], margin=_MARGIN)
            around = around.united(QRectF(x0, y0, x1 - x0, y1 - y0))
        return None if around.isEmpty() else around

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Dashed outlines; a full one round what a click would paint."""
        painter.save()
        into_image(painter, view)
        for area in self._proposals.areas:
            if intersection(view.device_box(area.patch[1], margin=_MARGIN), view.bounds) is None:
                continue
            is_pointed_at = area is self._under
            style = Qt.PenStyle.SolidLine if is_pointed_at else Qt.PenStyle.DashLine
            stroke(painter, area.path, _OUTLINE, (2.5 if is_pointed_at else 1.5) * view.dpr, style)
        painter.restore()

    # -- inside

    def _at(self, pointer: Pointer) -> Proposal | None:
        """The smallest area that holds the pixel."""
        found = [area for area in self._proposals.areas if area.holds(*pointer.pixel)]
        return found[-1] if found else None

    def _accept(self, areas: tuple[Proposal, ...]) -> None:
        """Paint them, as one stroke of a person which names the training that proposed it."""
        heat, bench = self._proposals.heat, self._bench
        if heat is None or not areas:
            return
        sheet = bench.begin(f"from heatmap of training {heat.training}", bench.class_id)
        if sheet is None:
            return
        for area in areas:
            sheet.paint(*area.patch, bench.class_id, only_empty=bench.only_empty)
        bench.end()
        self._proposals.take(areas)

    def value_changed(self, name: str) -> None:
        """Other areas, or none."""
        if name != "proposals":
            return
        proposals = self._proposals
        self._under = None
        self.refresh()
        if proposals.heat is None:
            self._bench.hinted.emit(proposals.why_not)
            return
        count, level = len(proposals.areas), f"{proposals.level:.3f}"
        if not count:
            self._bench.hinted.emit(tr("Nothing lies above {level} on this image; [ lowers the level", level=level))
            return
        words = tr("Training #{n} sees {areas} above {level}. A click paints one, Enter all, Esc leaves.")
        areas = tr("one area") if count == 1 else tr("{n} areas", n=count)
        self._bench.hinted.emit(words.format(n=proposals.heat.training, areas=areas, level=level))
