"""Reconstructions pass by pass, for whichever page shows them: from the disk where they lie, else from a worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import FlawscopeError
from core.reconstructions import MOST_PASSES, Reconstruction, Request, read
from core.workflow.reconstructing import IDLE_S, Answer, Order, Reconstructor, order

if TYPE_CHECKING:
    from app.session import Session

_BUSY_MS: Final = 50
_IDLE_MS: Final = 1000
_MOST_CHILDREN: Final = 2  # two trainings compared; each holds a framework in memory
_TRIM_EVERY: Final = 25  # answers
_REST_MS: Final = 60_000  # while nobody looks at reconstructions, models leave the memory after this


@dataclass(frozen=True)
class Asked:
    """What was asked for: an image by a training, with the settings of one of its scorings (None: its own)."""

    number: int
    image: int
    scoring: int | None = None


def keep_quota(session: Session) -> None:
    """Hold the maps of the open project within the space that the settings grant them, in the background."""
    project = session.project
    if project is None:
        return
    keep = int(session.settings.get("train.map_quota_gb")) * 2**30

    def work() -> None:
        from core.workflow.quota import keep_quota as hold  # brings the figures' libraries along

        hold(project, keep=keep)

    # nothing is reported of a project that was closed meanwhile: held when it is opened again and scored
    session.background.run(work, key="map quota", still=session.still(project))


class Reconstructions(QObject):
    """Ask, and hear of it by `ready` or `failed`; the newest request comes first, old ones among many are dropped.

    `began` tells that a worker computes, and whether it has to load the model before (some seconds).
    """

    began = Signal(object, bool)  # Asked, whether the model is loaded first
    ready = Signal(object, object)  # Asked, core.reconstructions.Reconstruction
    failed = Signal(object, object)  # Asked, FlawscopeError

    def __init__(self, session: Session, *, idle_s: float = IDLE_S) -> None:
        super().__init__(session)
        self._session = session
        self._idle_s = idle_s
        self._children: dict[int, Reconstructor] = {}  # by number of the training, last used last
        self._asked: dict[tuple[int, Request], Asked] = {}  # what each request was made for
        self._answered = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._leaving = QTimer(self)
        self._leaving.setSingleShot(True)
        self._leaving.setInterval(_REST_MS)
        self._leaving.timeout.connect(self._end_children)
        session.closing.connect(self.close)

    def ask(self, asked: Asked, passes: int = MOST_PASSES) -> None:
        """Passes 1 to `passes` of one image."""
        project = self._session.project
        if project is None:
            return

        def look() -> tuple[Order, Reconstruction | None]:
            wanted = order(project, asked.number, asked.image, scoring=asked.scoring, passes=passes)
            return wanted, read(wanted.training, wanted.request)

        self._session.background.run(
            look,
            lambda found: self._take(asked, *found),
            partial(self.failed.emit, asked),
            owner=self,
            key=f"look {asked}",
            still=self._session.still(project),
        )

    def warm(self, number: int) -> None:
        """Load the model of a training, so that the first answer comes sooner."""
        project = self._session.project
        if project is None:
            return

        def found(folder: Path) -> None:
            self._child(number, folder).warm()
            self._timer.start(_BUSY_MS)

        def failed(_error: Exception) -> None:
            """Whoever asks for an image is told."""

        self._session.background.run(
            lambda: project.run_by_number(number).folder,
            found,
            failed,
            owner=self,
            key=f"warm {number}",
            still=self._session.still(project),
        )

    def forget_waiting(self) -> None:
        """Drop what was asked for and not begun."""
        for child in self._children.values():
            child.forget_waiting()

    def stay(self) -> None:
        """Somebody looks at reconstructions: models stay loaded until they were idle for long."""
        self._leaving.stop()

    def rest(self) -> None:
        """Nobody looks any more: models go after a minute, unless `stay` is called."""
        if self._children:
            self._leaving.start()

    def close(self) -> None:
        """End the workers; what was asked is not answered any more."""
        self._leaving.stop()
        self._end_children()

    def _end_children(self) -> None:
        self._timer.stop()
        for child in self._children.values():
            child.close()
        self._children.clear()
        self._asked.clear()

    def _take(self, asked: Asked, wanted: Order, found: Reconstruction | None) -> None:
        if found is not None:
            self.ready.emit(asked, found)
            return
        child = self._child(asked.number, wanted.training)
        loading = not child.ready
        self._asked[asked.number, wanted.request] = asked
        child.ask(wanted.request)
        self.began.emit(asked, loading)
        self._timer.start(_BUSY_MS)

    def _child(self, number: int, training: Path) -> Reconstructor:
        child = self._children.pop(number, None) or Reconstructor(training, idle_s=self._idle_s)
        self._children[number] = child
        for other in list(self._children)[:-_MOST_CHILDREN]:
            self._children.pop(other).close()
        return child

    def _on_timer_timeout(self) -> None:
        for number, child in list(self._children.items()):
            for answer in child.poll():
                self._hear(number, child.training, answer)
        if not any(child.alive or child.busy for child in self._children.values()):
            self._timer.stop()
        elif not any(child.busy for child in self._children.values()):
            self._timer.start(_IDLE_MS)

    def _hear(self, number: int, training: Path, answer: Answer) -> None:
        request = answer.request
        asked = self._asked[number, request]
        if answer.error is not None:
            self.failed.emit(asked, answer.error)
            return
        self._session.background.run(
            lambda: read(training, request),
            lambda found: self._show(asked, request, found),
            partial(self.failed.emit, asked),
            owner=self,
            key=f"look {asked}",
        )
        self._answered += 1
        if self._answered % _TRIM_EVERY == 0:
            keep_quota(self._session)

    def _show(self, asked: Asked, request: Request, found: Reconstruction | None) -> None:
        if found is None:  # the image or the model was replaced meanwhile
            gone = FlawscopeError(
                "the image or the model changed while it was being rebuilt", path=request.path, mend="Ask once more"
            )
            self.failed.emit(asked, gone)
            return
        self.ready.emit(asked, found)
