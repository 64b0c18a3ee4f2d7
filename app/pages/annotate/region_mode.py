"""Drawing the regions of a view instead of defects: tools, what is stored, how it lies on the image on screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor

from app import theme
from app.canvas.layers import MaskLayer
from app.canvas.overlays import Overlays
from app.canvas.region_frame import ChosenLayer, RegionFrame, outside
from app.canvas.regions import Region, RoiLayer, drawn
from app.canvas.sheet import Sheet
from app.canvas.tools import BY_COMMAND
from app.canvas.tools.base import Tool
from app.canvas.tools.cells import CellTool
from app.canvas.tools.zone_polygon import ZonePolygon
from app.canvas.tools.zone_shapes import BoxTool, ZoneSelect
from app.canvas.view import Canvas
from app.canvas.workbench import Workbench
from app.canvas.zone_board import ZoneBoard
from app.commands import COMMANDS, Actions
from app.pages.annotate import region_hints as hints
from app.pages.annotate.panel import ImagePanel
from app.pages.annotate.region_place import RegionPlace
from app.pages.annotate.region_strip import TOOLS, RegionBar, RegionStrip
from app.session import Session
from app.words import tr
from core.project.records import UndoStep, Zone
from core.workflow import drawing
from core.workflow.drawing import Lying, ZoneFacts

MODE: Final = "tool.region"
_LOOK: Final = "tool.look"
_PAINTS: Final = ("tool.brush", "tool.eraser")  # they change the zone that is chosen; the others draw a new one
_OF_DEFECTS: Final = ("edit.cut", "edit.copy", "edit.paste", "edit.select_all")
_VALUE: Final = 1  # of a pixel in a zone
_KEY: Final = "annotate.region tools"


class RegionMode(QObject):
    """While it `is_on`, the canvas belongs to regions: nobody paints a defect into them, nor a region into defects."""

    switched = Signal(bool)
    outdated = Signal()  # undo changed regions while defects are painted
    fits_wanted = Signal(object)  # the view

    def __init__(self, session: Session, canvas: Canvas, actions: Actions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Final = session
        self.canvas: Final = canvas
        self.board: Final = ZoneBoard(self)
        self.bench: Final = Workbench(canvas, session.memory, session.background, self, key=_KEY)
        self.bench.set_class(_VALUE)
        self.strip: Final = RegionStrip(self.board, self.bench)
        self.bar: Final = RegionBar(actions)
        self.place: Final = RegionPlace(session, self.board, self.strip, self._write, self)
        self.panel: ImagePanel | None = None
        self.is_on = False
        self.tool = _LOOK
        self._actions = actions
        self._overlays: Overlays | None = None
        self._writing = 0  # changes on their way into the project: what is read meanwhile is older than the board
        self._is_changed = False
        self._cells: CellTool | None = None
        self._connect()
        self._bindings: tuple[tuple[str, Callable[[], object]], ...] = (
            *((command, partial(self.choose, command)) for command in TOOLS),
            ("tool.smaller", partial(self.bench.step_size, -1)),
            ("tool.larger", partial(self.bench.step_size, 1)),
            ("edit.delete", self.board.remove),
            ("zone.rename", self._rename),
        )
        ours = {command for command, _ in self._bindings} | {MODE}
        theirs = [one.id for one in COMMANDS if one.id.startswith(("tool.", "class.")) or one.id in _OF_DEFECTS]
        self._resting: Final = [one for one in theirs if one not in ours]  # what paints defects

    def _connect(self) -> None:
        board, strip, session = self.board, self.strip, self.session
        board.finished.connect(self._on_finished)
        board.loaded.connect(self._show_layer)
        board.chosen_changed.connect(self._on_chosen_changed)
        board.known.connect(self._say_hint)
        board.refused.connect(session.said)
        self.place.fits_wanted.connect(self.fits_wanted)
        strip.closed.connect(self.switch)
        strip.accept_wanted.connect(self._on_cells_accepted)
        strip.count_wanted.connect(self._on_count_wanted)
        session.undoing.stepped.connect(self._on_stepped)
        self.bench.refused.connect(session.said)
        session.opened.connect(self._on_session_opened)
        self._on_session_opened()
        self.bench.undo_wanted.connect(self._lay_sheet)

    def use_panel(self, panel: ImagePanel) -> None:
        """The inspector lists the zones while they are drawn."""
        self.panel = panel
        zones = self.place.use_panel(panel)
        zones.table.clicked.connect(self._on_listed_clicked)
        self._actions.attach(zones.table)
        panel.show_regions(self.is_on)

    # -- on and off

    def start(self, product: str | None, view: str | None) -> None:
        """Draw regions, of an image of that view where one is meant."""
        self.place.go_to(product, view)
        if not self.is_on:
            self.switch()

    def switch(self) -> None:
        """Draw regions, or defects again."""
        if self.is_on:
            self.leave()
        elif self.session.can_write:
            self.is_on = True
            for command, slot in self._bindings:
                self._actions.bind(command, slot)
            for command in self._resting:
                self._actions.bind(command, self._rest, enabled=lambda: False)
            self._lay_frame()
            self._show_panel()
            self.switched.emit(True)
            self._read()
            self.choose(_LOOK)
        else:
            self.session.said.emit(tr("This project is open for reading only: no region can be drawn"))

    def leave(self) -> None:
        """Defects are painted again."""
        if not self.is_on:
            return
        self.canvas.set_tool(None)
        self.is_on = False
        for command, slot in self._bindings:
            self._actions.unbind(command, slot)
        for command in self._resting:
            self._actions.unbind(command, self._rest)
        self.bench.set_sheet(None)
        self._cells = None
        for name in ("region frame", "chosen region", "roi"):
            self.canvas.set_layer(name, None)
        self.canvas.update()
        self.board.load(None)
        self._forget_pictures()
        self._show_panel()
        self.switched.emit(False)

    def show(self, overlays: Overlays | None) -> None:
        """Another image is on screen, with what lies over it; None: none is."""
        self._overlays = overlays
        if not self.is_on:
            return
        self._lay_frame()  # a new image takes the layers of the last one along
        self.canvas.set_layer("mask", None)
        if overlays is None:
            self.board.load(None)
        else:
            self._read()

    # -- what a person does

    def choose(self, command: str, *, focus: bool = True) -> None:
        """Take a tool; with `focus` the keys are the image's from then on."""
        self.tool = command
        self.board.is_drawing = command in ("tool.rectangle", "tool.polygon")
        self._cells = None
        self.strip.show_cells(None)
        self.strip.show_size(command in _PAINTS)
        self._lay_sheet()
        self.canvas.set_tool(self._made(command))
        self.bar.show_tool(command)
        self._say_hint()
        if focus:
            self.canvas.setFocus()

    # -- inside

    def _rename(self) -> None:
        """Write over the name in the list; letters are no keys of the image while it is done."""
        if self.board.chosen is None:
            self.session.said.emit(tr("Choose a zone first: press Q, and click it"))
        elif self.place.panel is not None:
            if not self.place.panel.isVisible():
                self._actions.run("view.inspector")
            self.place.panel.table.edit_name()

    def _rest(self) -> None:
        """Nothing of defects while regions are drawn."""

    def _made(self, command: str) -> Tool:
        if command == "tool.rectangle":
            return BoxTool(self.board, lambda box: self.board.add_zone(Zone("", "inspect", {"box": list(box)})))
        if command == "zone.cells":
            self._cells = CellTool(self.board, self._on_cells_changed, count=self.strip.count.value())
            return self._cells
        if command == "tool.polygon":
            return ZonePolygon(self.bench, self.board)
        if command in _PAINTS:
            return BY_COMMAND[command].make(self.bench)
        return ZoneSelect(self.board)

    def _say_hint(self) -> None:
        if self.tool == _LOOK:
            self._say(hints.of_choice(self.board))
        else:
            self._say(hints.of_tool(self.tool))

    def _say(self, hint: hints.Hint) -> None:
        """In the strip, and where there is more room."""
        self.strip.say(*hint)
        if self.place.panel is not None:
            self.place.panel.hint.setText(hint[0])

    def _lay_frame(self) -> None:
        self.canvas.set_layer("region frame", RegionFrame())
        self.canvas.set_layer("chosen region", ChosenLayer(self.board))
        self.canvas.update()

    def _show_panel(self) -> None:
        if self.panel is not None:
            self.panel.show_regions(self.is_on)

    def _read(self) -> None:
        """Read the regions of the image on screen."""
        project, overlays = self.session.project, self._overlays
        if project is None or overlays is None:
            return
        lane = "write" if self._writing else "images"  # behind the changes that are on their way
        self.session.background.run(
            lambda: drawing.lying(project, overlays.image_id, overlays.size),
            self._on_read,
            owner=self,
            key="lying",
            lane=lane,
        )

    def _on_read(self, found: Lying) -> None:
        if not self.is_on or self._overlays is None or found.image_id != self._overlays.image_id or self._writing:
            return
        is_first = self.board.found is None or self.board.found.image_id != found.image_id
        self.board.load(found)
        self._lay_sheet()
        self.place.show()
        if is_first:
            self.place.begin(found)
        if is_first and not found.marks and not found.frames and self.tool == _LOOK:
            self.choose("tool.rectangle")  # there is nothing to be chosen yet

    def _write(self, change: Callable[..., object], *, say: str = "") -> None:
        if not self.session.check_writable():
            return
        self._writing += 1
        self.session.write(change, lambda _: self._on_written(), say=say, failed=self._on_failed)

    def _lay_sheet(self) -> None:
        """What the brush paints on: the chosen zone, or nothing yet."""
        old = self.bench.sheet
        if self.tool not in _PAINTS or self.board.found is None or not self.is_on:
            self.bench.set_sheet(None)
            self.canvas.set_layer("mask", None)
        else:
            labels = self.board.pixels(self.board.zone)
            layer = MaskLayer(labels, {_VALUE: QColor(theme.COLOUR["roi"])})
            sheet = Sheet(layer, labels.copy(), self)
            sheet.changed.connect(self._on_painted)
            self.bench.set_sheet(sheet)
            self.canvas.set_layer("mask", layer)
        if old is not None:
            old.deleteLater()

    def _show_layer(self) -> None:
        """Outlines and tint anew; made in a thread, because outlines of painted zones take a while."""
        found, marks, frames = self.board.found, list(self.board.marks), list(self.board.frames)
        if found is None or not self.is_on:
            self.canvas.set_layer("roi", None)
            return

        def made() -> tuple[RoiLayer, list[tuple[Zone, ZoneFacts]]]:
            regions: tuple[Region, ...] = drawn([mark.zone for mark in marks], [frame.cell for frame in frames])
            facts = [(mark.zone, drawing.facts_of(mark.zone, found.size)) for mark in marks]
            return RoiLayer(regions, found.size, theme.COLOUR["roi"], outside=outside()), facts

        self.session.background.run(made, self._on_layer_made, owner=self, key="layer", lane="images")

    def _on_layer_made(self, made: tuple[RoiLayer, list[tuple[Zone, ZoneFacts]]]) -> None:
        if self.is_on and self.board.found is not None:
            self.canvas.set_layer("roi", made[0])
            self.board.know(made[1])
            if self.panel is not None:
                self.panel.show_roi(bool(self.board.marks or self.board.frames))
            self.canvas.update()

    def _tell(self) -> None:
        """Figures may be out of date now; small pictures show another part of the image once the drawing is over."""
        self._is_changed = True
        self.session.trainings_changed.emit()
        self.session.scores_changed.emit()
        if not self.is_on:
            self._forget_pictures()

    def _forget_pictures(self) -> None:
        if self._is_changed and "thumbnails" in vars(self.session):
            self.session.thumbnails.forget()
        self._is_changed = False

    # -- slots

    def _on_session_opened(self) -> None:
        if self.session.project is not None:
            self.bench.be_in(str(self.session.project.file))

    def _on_finished(self, label: str) -> None:
        found, marks, frames = self.board.found, list(self.board.marks), list(self.board.frames)
        if found is None:
            return
        self._show_layer()
        self._write(lambda project: drawing.keep(project, found, marks, frames, label=label))

    def _on_written(self) -> None:
        self._writing -= 1
        if not self._writing:
            self._read()  # what is template and what is the image's own is known again
        self._tell()

    def _on_failed(self, error: Exception) -> None:
        self._writing -= 1
        self._read()
        self.session.report(error)

    def _on_stepped(self, step: UndoStep | None) -> None:
        if step is not None and step.views:
            self._tell()
            if self.is_on:
                self._read()
            else:
                self.outdated.emit()

    def _on_chosen_changed(self) -> None:
        sheet = self.bench.sheet
        if self.tool in _PAINTS and (sheet is None or not sheet.is_open):
            self._lay_sheet()
        self._say_hint()
        self.canvas.update()

    def _on_listed_clicked(self) -> None:
        """What is chosen in the list is to be changed: its handles come with it, unless it is being painted."""
        if self.is_on and self.tool not in (_LOOK, *_PAINTS) and self.board.chosen is not None:
            chosen = self.board.chosen
            self.choose(_LOOK, focus=False)
            self.board.choose(chosen)

    def _on_painted(self) -> None:
        """A stroke is done: the zone is another one, or there is a new one, or it is gone."""
        sheet, zone = self.bench.sheet, self.board.zone
        if sheet is None:
            return
        mask = sheet.labels.copy()
        if zone is not None:
            if mask.any():
                painted = Zone(zone.name, zone.sign, mask=mask, image_id=zone.image_id)
                self.board.replace_zone(painted, tr("paint the zone {name}", name=zone.name))
            else:
                self.board.remove()
        elif mask.any():
            self.board.add_zone(Zone("", "inspect", mask=mask))

    def _on_cells_changed(self) -> None:
        cells = self._cells
        if cells is None:
            return
        repeats = cells.first is not None
        self.strip.show_cells(cells.count if repeats else None)
        self._say(hints.of_repeated_cells() if repeats else hints.of_tool("zone.cells"))

    def _on_count_wanted(self, count: int) -> None:
        if self._cells is not None:
            self._cells.set_count(count)

    def _on_cells_accepted(self) -> None:
        if self._cells is not None:
            self._cells.accept()
            self.canvas.setFocus()
