"""Strokes on their way into the project: each is written as it is done, and none is forgotten when writing fails."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from core.annotation.masks import Delta

if TYPE_CHECKING:
    from app.session import Session
    from core.project import Project

_RETRY_MS: Final = 2_000
_NEW_CLASS: Final = "defect"  # of a project that has none yet


@dataclass(frozen=True)
class Stroke:
    """What a person painted. `number` is the same for the parts of one long stroke."""

    image_id: int
    delta: Delta
    tool: str
    class_id: int
    number: int


class StrokeSaver(QObject):
    """Writes strokes in order; what could not be written is kept, tried again every two seconds, and said."""

    failed = Signal(object)  # the error, once for each row of failures
    recovered = Signal()
    stored = Signal(int)  # the image

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._lock = threading.Lock()
        self._waiting: list[Stroke] = []
        self._last: tuple[int, int, int] | None = None  # image, number, stroke id: what a further part goes on from
        self._failing = False
        self._retry = QTimer(self)
        self._retry.setSingleShot(True)
        self._retry.setInterval(_RETRY_MS)
        self._retry.timeout.connect(self._write)

    @property
    def waiting(self) -> int:
        """How many strokes the project does not hold yet."""
        with self._lock:
            return len(self._waiting)

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failing

    def unsaved(self, image_id: int) -> list[Delta]:
        """Strokes on an image that the project does not hold yet, oldest first. Any thread may ask."""
        with self._lock:
            return [one.delta for one in self._waiting if one.image_id == image_id]

    def add(self, stroke: Stroke) -> None:
        """Write a stroke, behind those that wait."""
        with self._lock:
            self._waiting.append(stroke)
        if not self._failing:
            self._write()

    def take_back(self, image_id: int) -> list[Delta]:
        """Forget the last stroke on an image while it cannot be written; its parts, [] when none waits."""
        with self._lock:
            if not self._failing or not self._waiting or self._waiting[-1].image_id != image_id:
                return []
            number = self._waiting[-1].number
            kept = len(self._waiting)
            while kept and (self._waiting[kept - 1].image_id, self._waiting[kept - 1].number) == (image_id, number):
                kept -= 1
            gone, self._waiting = self._waiting[kept:], self._waiting[:kept]
        return [one.delta for one in gone]

    def try_now(self) -> None:
        """Write what waits, without waiting any longer."""
        self._retry.stop()
        self._write()

    def fold(self, image_id: int) -> None:
        """The image is left: its strokes become one snapshot, which is read faster."""
        if self._session.can_write:
            self._session.write(lambda project: project.fold_strokes(image_id))

    # -- inside

    def _write(self) -> None:
        if self.waiting:
            self._session.write(
                self._write_waiting, self._on_written, touched_by=lambda ids: ids, failed=self._on_failed
            )

    def _write_waiting(self, project: Project) -> tuple[int, ...] | None:
        """In the writing thread: all that waits, one after the other.

        Returns the images whose row is another one now; None when the project has its first class.
        """
        news: dict[int, None] = {}
        has_new_class = False
        while True:
            with self._lock:
                if not self._waiting:
                    return None if has_new_class else tuple(news)
                stroke = self._waiting[0]
            if stroke.class_id and not project.classes(retired=True):
                project.add_class(_NEW_CLASS)
                has_new_class = True
            last = self._last
            continues = last[2] if last is not None and last[:2] == (stroke.image_id, stroke.number) else None
            done = project.add_stroke(
                stroke.image_id, stroke.delta, tool=stroke.tool, class_id=stroke.class_id, continues=continues
            )
            self._last = (stroke.image_id, stroke.number, done.stroke_id)
            if done.news:
                news[stroke.image_id] = None
            with self._lock:
                self._waiting.pop(0)

    def _on_written(self, _: object) -> None:
        if self._failing:
            self._failing = False
            self.recovered.emit()

    def _on_failed(self, error: Exception) -> None:
        first, self._failing = not self._failing, True
        self._retry.start()
        if first:
            self.failed.emit(error)
