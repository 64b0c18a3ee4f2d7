"""Painting on the image that is shown: the sheet of each image, the tool in the hand, classes, what is stored, undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.canvas.overlays import Overlays, class_colours, read_overlays
from app.canvas.sheet import Sheet
from app.canvas.tools import BY_COMMAND, TOOLS
from app.canvas.tools.reshape import Reshaper
from app.canvas.view import Canvas
from app.canvas.workbench import Workbench
from app.commands import Actions
from app.pages.annotate.marks import PaintedMark
from app.saving import StrokeSaver
from app.session import Session
from app.words import describe, tr
from core.annotation import masks
from core.annotation.masks import Delta
from core.project.records import DefectClass, UndoStep
from core.workflow.painting import FreshStroke
from core.workflow.waiting import TakenBack

_LOOK: Final = "tool.look"
_NUMBERS: Final = 9
_AGAIN_MS: Final = 150


class Painting(QObject):
    """Joins tools, sheet and store for one canvas."""

    tool_changed = Signal(str)  # the command of the tool
    painted = Signal()  # what is on the image is another now: by a stroke, or an undo
    opened = Signal(object)  # Overlays: the image can be painted on

    def __init__(self, session: Session, canvas: Canvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Final = session
        self.canvas: Final = canvas
        self.bench: Final = Workbench(canvas, session.memory, session.background, self)
        self.saver: Final[StrokeSaver] = session.strokes
        self.tool = self._tool_before = _LOOK
        self._reshaper = Reshaper(self.bench)
        self._mark = PaintedMark(self)
        self._image_id: int | None = None
        self._wanted: tuple[int, tuple[int, int]] | None = None  # the image that is being read, and its size
        self._sheets = 0  # so far: strokes of two sheets are never taken for one
        self._followed: int | None = None  # the image whose class was taken over
        self._touched = False
        self._count = 0  # of strokes and undos: what was read before one of them is not shown
        self.bench.undo_wanted.connect(self._on_given_up)
        self.bench.refused.connect(session.said)
        self.bench.put_away.connect(lambda: self.choose(self._tool_before))
        self.bench.changed.connect(self._on_value_changed)
        session.undoing.stepped.connect(self._on_stepped)
        session.undoing.taken_back.connect(self._on_taken_back)
        session.masks_changing.connect(self.leave)
        session.closed.connect(self._on_session_closed)
        session.opened.connect(self._on_session_opened)
        self._on_session_opened()
        self._bindings: tuple[tuple[str, Callable[[], object]], ...] = (
            (_LOOK, partial(self.choose, _LOOK)),
            *((kind.command, partial(self.choose, kind.command)) for kind in TOOLS),
            ("tool.smaller", partial(self._step, -1)),
            ("tool.larger", partial(self._step, 1)),
            ("tool.only_empty", self._switch_only_empty),
            ("tool.holes", self._reshaper.fill_holes),
            ("tool.grow", self._reshaper.grow),
            ("tool.shrink", self._reshaper.shrink),
            *((f"class.{n}", partial(self._choose_number, n)) for n in range(1, _NUMBERS + 1)),
        )

    # -- the page comes and goes

    def bind(self, actions: Actions) -> None:
        """The keys of tools and classes, and undo, are ours."""
        for command, slot in self._bindings:
            actions.bind(command, slot, enabled=None if command == _LOOK else self._may_paint)
        if self.tool == _LOOK and self.bench.tool in BY_COMMAND and self.session.can_write:
            self.choose(self.bench.tool)
        actions.bind("edit.undo", self.undo, enabled=self._may_paint)
        actions.bind("edit.redo", self.redo, enabled=self._may_paint)

    def unbind(self, actions: Actions) -> None:
        """They are others' again."""
        for command, slot in self._bindings:
            actions.unbind(command, slot)
        actions.unbind("edit.undo", self.undo)
        actions.unbind("edit.redo", self.redo)

    # -- the image

    @property
    def image_id(self) -> int | None:
        """The image whose mask is on the sheet."""
        return self._image_id

    def read(self, image_id: int, size: tuple[int, int]) -> None:
        """Read what lies over an image of `size` (width, height), to be painted on; `opened` follows."""
        project, saver, count = self.session.project, self.saver, self._count
        if project is None:
            return
        self._wanted = (image_id, size)
        is_behind = saver.waiting or self.session.undoing.pending  # strokes and undos that are on their way
        self.session.background.run(
            lambda: read_overlays(project, image_id, size, unsaved=saver.unsaved(image_id)),
            lambda overlays: self._on_read(overlays, count),
            self._on_reading_failed,
            owner=self,
            key="overlays",
            lane="write" if is_behind else "images",
        )

    def _on_read(self, overlays: Overlays, count: int) -> None:
        wanted, sheet = self._wanted, self.bench.sheet
        if wanted is None or wanted[0] != overlays.image_id:
            return  # the image has gone meanwhile
        if count != self._count or self.session.undoing.pending or (sheet is not None and sheet.is_open):
            QTimer.singleShot(_AGAIN_MS, self, self._read_again)  # it may be older than what was painted or undone
            return
        self.leave()
        self._image_id = overlays.image_id
        if self.session.can_write:
            self._sheets += 1
            made = Sheet(overlays.mask, overlays.settled, self)
            made.settled.connect(self._on_settled)
            made.changed.connect(self.painted)
            self.bench.set_sheet(made)
        else:
            self.bench.set_sheet(None, why_not=tr("This project is open for reading only: nothing was painted"))
        self.opened.emit(overlays)

    def _read_again(self) -> None:
        if self._wanted is not None:
            self.read(*self._wanted)

    def _on_reading_failed(self, error: Exception) -> None:
        self.leave(describe(error)[0])
        self.session.report(error)

    def leave(self, why_not: str = "") -> None:
        """The image goes: what was begun is taken back, what is stored is folded together."""
        image_id, self._image_id, self._wanted = self._image_id, None, None
        sheet = self.bench.sheet
        if self.canvas.tool is not None:
            self.canvas.tool.stop()
        self.bench.set_sheet(None, why_not=why_not or tr("The image is still being read: nothing was painted"))
        if sheet is not None:
            sheet.deleteLater()
        if image_id is not None and self._touched:
            self.saver.fold(image_id)
        self._touched = False

    def show_classes(self, classes: tuple[DefectClass, ...]) -> None:
        """What can be painted; the class that was chosen stays where it still is one."""
        if self.session.table is None:
            return  # they are still being read
        known = [one.id for one in classes]
        if self.bench.class_id not in known:
            self.bench.set_class(known[0] if known else 1)  # a project without any gets one with its first stroke
        self.bench.selection.codes = {one.id: one.code for one in classes}
        if self.bench.sheet is not None:
            self.bench.sheet.layer.set_colours(class_colours(classes))
            self.canvas.refresh("mask")

    def follow_class(self, overlays: Overlays, code: str) -> None:
        """An image comes on which nothing is painted, and whose class is known: that class is meant."""
        is_new, self._followed = overlays.image_id != self._followed, overlays.image_id
        for one in self.session.classes if is_new and not overlays.painted else ():
            if one.code == code:
                self.bench.set_class(one.id)

    def finish(self) -> None:
        """The image goes while something is begun: what can be painted of it is, and that is said."""
        if self.canvas.tool is not None and self.bench.sheet is not None and self.canvas.tool.keep():
            self.session.said.emit(tr("What was begun on the image before was painted; Ctrl+Z takes it back"))

    # -- what a person does

    def choose(self, command: str) -> None:
        """Take a tool; one that is in the hand stays there, unless it only shows something: that is put away."""
        if command == self.tool and command != _LOOK:
            if BY_COMMAND[command].is_kept:
                self.tool_changed.emit(command)  # its button, which was pressed, stays down
                return
            command = _LOOK
        if command != self.tool:
            self._tool_before, self.tool = self.tool, command
        self.canvas.set_tool(BY_COMMAND[command].make(self.bench) if command in BY_COMMAND else None)
        if command not in BY_COMMAND or BY_COMMAND[command].is_kept:
            self.bench.set_tool(command)
        self.tool_changed.emit(command)

    def take_again(self) -> None:
        """Regions were drawn meanwhile: the tool comes back into the hand."""
        command, self.tool = self.tool, _LOOK
        self.choose(command)

    def undo(self) -> None:
        """Take the last step back; a stroke that is being painted is given up."""
        sheet = self.bench.sheet
        if sheet is not None and sheet.is_open and self.canvas.tool is not None:
            self.canvas.tool.stop()
            return
        if self.canvas.tool is not None and self.canvas.tool.took_back():
            return
        self._turn(self.session.undo)

    def redo(self) -> None:
        """Do again what was taken back."""
        self._turn(self.session.redo)

    # -- inside

    def _may_paint(self) -> bool:
        return self.session.can_write

    def _turn(self, turn: Callable[[], None]) -> None:
        if self.canvas.tool is not None:
            self.canvas.tool.stop()
        turn()
        self.bench.is_waiting = self.session.undoing.pending > 0

    def _step(self, steps: int) -> None:
        if self.canvas.tool is None or not self.canvas.tool.stepped(steps):
            self.bench.step_size(steps)

    def _switch_only_empty(self) -> None:
        self.bench.set_only_empty(not self.bench.only_empty)

    def _choose_number(self, number: int) -> None:
        classes = self.session.classes
        if number <= len(classes):
            self.bench.choose_class(classes[number - 1].id)
        else:
            self.session.said.emit(tr("There is no class {n}", n=number))

    # -- slots

    def _on_value_changed(self, name: str) -> None:
        if self.canvas.tool is not None:
            self.canvas.tool.value_changed(name)

    def _on_settled(self, delta: Delta, tool: str, class_id: int, number: int) -> None:
        if self._image_id is not None:
            self._touched = True
            self._count += 1
            author = "" if self.session.project is None else self.session.project.author
            place = (self._sheets, number)
            self.saver.add(FreshStroke(self._image_id, delta, tool, class_id, place, author))

    def _on_given_up(self) -> None:
        """A part of a stroke is stored that is not wanted any more: it goes, and nobody is led to its image."""
        self._turn(partial(self.session.undo, show=False))

    def _on_stepped(self, step: UndoStep | None) -> None:
        self.bench.is_waiting = self.session.undoing.pending > 0
        self._count += 1
        if step is None or self.bench.sheet is None:
            return
        if step.images is None:
            self.leave()  # classes were merged or split: the masks are read again, with everything
        elif step.image_id == self._image_id:
            self._apply(masks.unpack_delta(packed) for packed in step.deltas)

    def _on_taken_back(self, gone: TakenBack) -> None:
        self._count += 1
        if gone.image_id == self._image_id:
            self._apply(reversed(gone.deltas))

    def _apply(self, deltas: Iterable[Delta]) -> None:
        for delta in deltas:
            if self.bench.is_open and self.canvas.tool is not None:
                self.canvas.tool.stop()  # a stroke that was begun meanwhile
            if self.bench.sheet is not None:
                self.bench.sheet.apply(delta)
                self._touched = True

    def _on_session_opened(self) -> None:
        if self.session.project is not None:
            self.bench.be_in(str(self.session.project.file))

    def _on_session_closed(self) -> None:
        self.leave()
        self.bench.is_waiting = False
