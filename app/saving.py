"""Strokes on their way into the project: each is written as it is done, and none is forgotten when writing fails.

What the project does not take waits in this window, is tried again every two seconds, and lies in a rescue file
elsewhere meanwhile (`core.workflow.rescue`). A stroke never goes to another project than the one it was painted in.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.words import count_words, tr
from core.annotation.masks import Delta
from core.errors import FlawscopeError
from core.workflow.painting import FreshStroke
from core.workflow.rescue import RescuePlan, apply_rescue, rescue_folder
from core.workflow.waiting import Pile, TakenBack

if TYPE_CHECKING:
    from app.session import Session
    from core.project import Project

_log = logging.getLogger(__name__)
_RETRY_MS: Final = 2_000


class StrokeSaver(QObject):
    """Writes strokes in order; what could not be written is kept, tried again every two seconds, and said."""

    failed = Signal(object)  # the error, once for each row of failures
    waiting_changed = Signal(int)  # strokes that cannot be saved at the moment

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._pile: Pile | None = None
        self._had_waited = 0
        self.error: Exception | None = None  # why the last attempt failed
        self._retry = QTimer(self)
        self._retry.setSingleShot(True)
        self._retry.setInterval(_RETRY_MS)
        self._retry.timeout.connect(self._write)
        session.closing.connect(self._on_session_closing)

    @property
    def waiting(self) -> int:
        """How many strokes the project does not hold yet; parts of one stroke are one."""
        return 0 if self._pile is None else len({one.key for one in self._pile.waiting})

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._pile is not None and self._pile.failing

    @property
    def rescued(self) -> Path | None:
        """The rescue file that holds what waits, where one could be written."""
        return None if self._pile is None else self._pile.rescued

    def holds(self, project: Project) -> bool:
        """Whether strokes of `project` wait. Any thread may ask."""
        pile = self._pile
        return pile is not None and pile.project is project and bool(pile.waiting)

    def unsaved(self, image_id: int) -> list[Delta]:
        """Strokes on an image that the project does not hold yet, oldest first. Any thread may ask."""
        pile = self._pile
        return [] if pile is None else [one.delta for one in pile.waiting if one.image_id == image_id]

    def begin(self, project: Project, plan: RescuePlan) -> None:
        """A project is being opened; `plan` is what earlier windows could not store in it."""
        self._pile = Pile(project)
        self._pile.take_in(plan)

    def greet(self, plan: RescuePlan) -> None:
        """The project is open: store what earlier windows could not, and say so."""
        if plan.strokes or plan.problems:
            self.tell(plan)
        if plan.files:
            self._write()

    def tell(self, plan: RescuePlan) -> None:
        """What became of the strokes of a rescue file."""
        if plan.problems:
            self._session.report(_misfit(plan))
        elif plan.strokes:
            strokes = count_words(len({one.key for one in plan.strokes}), "stroke", "strokes")
            self._session.said.emit(tr("{strokes} that could not be saved before are put in", strokes=strokes))
        else:
            self._session.said.emit(tr("The project has these strokes already"))

    def add(self, stroke: FreshStroke) -> None:
        """Write a stroke, behind those that wait."""
        pile = self._pile
        if pile is None:
            return
        pile.add(stroke)
        if pile.failing:
            self._session.background.run(pile.rescue, owner=self, key="rescue")
            self._say_waiting()
        else:
            self._write()

    def take_back(self) -> TakenBack | None:
        """Forget the last stroke while it cannot be written; None when none waits or it is just being written."""
        pile = self._pile
        if pile is None or not pile.failing:
            return None
        gone = pile.take_back()
        if gone is not None:
            self._session.background.run(pile.rescue, owner=self, key="rescue")
            if pile.waiting:
                self._say_waiting()
            else:
                self._recover()
        return gone

    def try_now(self) -> None:
        """Write what waits, without waiting any longer."""
        self._retry.stop()
        self._write()

    def save_copy(self, path: Path) -> int:
        """Write what waits into a file elsewhere; how many strokes. Raises `StorageError`."""
        return 0 if self._pile is None else self._pile.save_copy(path)

    def put_in(self, path: Path) -> None:
        """Store the strokes of a rescue copy in the open project."""

        def work(project: Project) -> RescuePlan:
            return apply_rescue(project, path)

        if self._session.project is None:
            self._session.said.emit(tr("Open the project of these strokes first"))
        else:
            why = tr("Strokes of a rescue copy are being put in")
            self._session.rewrite_masks(work, self.tell, why=why)

    def fold(self, image_id: int) -> None:
        """The image is left: its strokes become a snapshot, which is read faster; where that fails nothing is lost."""
        if self._session.can_write and not self.is_failing:
            table = self._session.table
            row = -1 if table is None else int(table.row_of([image_id])[0])
            said = table is not None and row >= 0 and bool(table.masked[row])  # what lists say of it
            self._session.write(
                lambda project: project.fold_strokes(image_id),
                touched_by=lambda pixels: () if pixels is None or (pixels > 0) == said else (image_id,),
                failed=lambda error: _log.warning("Strokes were not folded: %s", error),
            )

    # -- inside

    def _write(self) -> None:
        pile, project = self._pile, self._session.project
        if pile is not None and project is pile.project:
            self._session.write(
                lambda _: pile.store(),
                lambda _: self._on_written(),
                touched_by=lambda ids: None if pile.failing else ids,  # rows of before a failure were not read again
                failed=lambda error: self._on_failed(pile, error),
            )

    def _say_waiting(self) -> None:
        self._had_waited = max(self._had_waited, self.waiting)
        self.waiting_changed.emit(self.waiting if self.is_failing else 0)

    def _recover(self) -> None:
        pile = self._pile
        if pile is None or not pile.failing or pile.waiting:
            return
        pile.failing, self.error = False, None
        self._retry.stop()
        self._had_waited = 0
        self._session.saved.emit(time.strftime("%H:%M:%S"))
        self._say_waiting()

    def _on_written(self) -> None:
        if self.is_failing and self._had_waited:
            strokes = count_words(self._had_waited, "stroke", "strokes")
            self._session.said.emit(tr("Saved: {strokes} had waited", strokes=strokes))
        self._recover()

    def _on_failed(self, pile: Pile, error: Exception) -> None:
        if pile is not self._pile:
            return  # its project is closed: what it did not take lies in the rescue file
        first, pile.failing = not pile.failing, True
        self.error = error
        self._retry.start()
        self._say_waiting()
        if first:
            self.failed.emit(error)

    def _on_session_closing(self) -> None:
        """A last attempt, before the project is closed; what fails then stays in the rescue file."""
        pile, self._pile, self.error, self._had_waited = self._pile, None, None, 0
        self._retry.stop()
        if pile is None:
            return
        if pile.waiting:
            self._session.background.run(pile.store, failed=_log_left, lane="write")
        if pile.failing:
            self.waiting_changed.emit(0)


def _log_left(error: Exception) -> None:
    _log.warning("Strokes were left in the rescue file: %s", error)


def _misfit(plan: RescuePlan) -> FlawscopeError:
    return FlawscopeError(
        tr("strokes from before do not fit any more: {what}", what="; ".join(plan.problems)),
        path=rescue_folder(),
        kept=tr("They are kept there"),
    )
