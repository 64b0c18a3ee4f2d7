"""Undo and redo of the open project: steps that it holds, and before them strokes that wait to be saved."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.words import tr

if TYPE_CHECKING:
    from app.session import Session
    from core.project import Project
    from core.project.records import UndoStep


class _Held(Enum):
    """Nothing is taken back behind strokes that the project does not hold yet."""

    HELD = 0


class Undoing(QObject):
    """One step after the other, in the order in which they were asked for."""

    stepped = Signal(object)  # UndoStep that was undone or redone; None: nothing was
    taken_back = Signal(object)  # core.workflow.waiting.TakenBack: an undo of what the project never held

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.pending = 0
        """Undos and redos that are on their way."""
        session.closed.connect(self._on_session_closed)

    def undo(self, *, show: bool = True) -> None:
        """Take the last step back (a stroke that waits to be saved before all that are) and `show` its image."""
        session = self._session
        gone = session.strokes.take_back() if session.can_write else None
        if gone is None:
            self._step(lambda project: project.undo(), tr("Undone: {what}"), tr("There is nothing to undo"), show)
            return
        self.taken_back.emit(gone)
        if show:
            session.show_image(gone.image_id)
        session.said.emit(tr("Undone: a stroke that was not saved yet"))

    def redo(self) -> None:
        """Do again what was taken back."""
        self._step(lambda project: project.redo(), tr("Redone: {what}"), tr("There is nothing to redo"), True)

    def _step(self, turn: Callable[[Project], UndoStep | None], done: str, nothing: str, show: bool) -> None:
        session, project = self._session, self._session.project

        def work(project: Project) -> UndoStep | _Held | None:
            return _Held.HELD if session.strokes.holds(project) else turn(project)

        def turned(step: UndoStep | _Held | None) -> None:
            self.pending -= 1
            if isinstance(step, _Held):
                self.stepped.emit(None)
                session.said.emit(tr("Nothing was undone or redone: the last strokes are not saved yet"))
                return
            self.stepped.emit(step)
            if show and step is not None and step.image_id is not None:
                session.show_image(step.image_id)  # what came back shall be seen
            session.said.emit(nothing if step is None else done.format(what=step.label[:1].upper() + step.label[1:]))
            session.scores_changed.emit()

        def failed(error: Exception) -> None:
            if project is session.project:
                self.pending -= 1
                self.stepped.emit(None)
            session.report(error)

        if session.check_writable():
            self.pending += 1
            session.write(work, turned, touched_by=_images_of, failed=failed)

    def _on_session_closed(self) -> None:
        self.pending = 0


def _images_of(step: UndoStep | _Held | None) -> tuple[int, ...] | None:
    return () if step is None or isinstance(step, _Held) else step.images
