"""What a project does not hold yet of what was painted in it: stored in order, kept and rescued while that fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.annotation.masks import Delta
from core.errors import FlawscopeError, StorageError
from core.project import Project
from core.workflow import rescue
from core.workflow.painting import FreshStroke, needs_class, store_stroke
from core.workflow.rescue import Base, RescuePlan

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TakenBack:
    """A stroke that the project never got: its image and parts."""

    image_id: int
    deltas: tuple[Delta, ...]


class Pile:
    """What one project does not hold yet, oldest first. Any thread may call; one at a time stores."""

    def __init__(self, project: Project) -> None:
        self.project: Final = project
        self.failing = False
        self.rescued: Path | None = None  # the file that holds what waits
        self._place: Path | None = None  # where it lies, or may lie: writing it may fail behind the renaming
        self._gate = threading.Lock()
        self._writing = threading.Lock()
        self._strokes: list[FreshStroke] = []
        self._in_hand = False  # the first of them is just being stored
        self._begun = 0  # how often one was taken in hand
        self._bases: dict[int, Base] = {}  # of images with strokes that wait, before the first of them
        self._last: tuple[tuple[int, tuple[int, int]], int] | None = None  # what a further part goes on from
        self._came_in = RescuePlan()
        self._written: Sequence[FreshStroke] = ()  # what the rescue file holds

    @property
    def waiting(self) -> tuple[FreshStroke, ...]:
        """What waits, oldest first."""
        with self._gate:
            return tuple(self._strokes)

    def add(self, stroke: FreshStroke) -> None:
        """Behind those that wait."""
        with self._gate:
            self._strokes.append(stroke)

    def take_in(self, plan: RescuePlan) -> None:
        """What an earlier window could not store, before anything else."""
        with self._gate:
            self._came_in = plan
            self._strokes[:0] = plan.strokes

    def take_back(self) -> TakenBack | None:
        """Forget the last stroke; None when there is none, or it is just being stored."""
        with self._gate:
            kept = len(self._strokes)
            while kept and self._strokes[kept - 1].key == self._strokes[-1].key:
                kept -= 1
            if kept == len(self._strokes) or (self._in_hand and kept == 0):
                return None
            gone, self._strokes = self._strokes[kept:], self._strokes[:kept]
        return TakenBack(gone[0].image_id, tuple(one.delta for one in gone))

    def store(self) -> tuple[int, ...] | None:
        """Store all that waits; what fails stays, and goes into the rescue file. Raises errors of `core.errors`.

        Returns the images whose row is another one now; None when the project has its first class.
        """
        news: dict[int, None] = {}
        has_new_class = False
        try:
            while (stroke := self._take_in_hand()) is not None:
                done = False
                try:
                    has_new_class = has_new_class or needs_class(self.project, stroke)
                    continues = self._last[1] if self._last is not None and self._last[0] == stroke.key else None
                    painted = store_stroke(self.project, stroke, continues=continues)
                    self._last, done = (stroke.key, painted.stroke_id), True
                finally:
                    self._put_down(done=done)
                if painted.news:
                    news[stroke.image_id] = None
            self._close_rescue()
        except Exception:
            self.rescue()
            raise
        return None if has_new_class else tuple(news)

    def rescue(self) -> None:
        """Bring the rescue file up to date: it holds what waits, and is gone when nothing does."""
        with self._writing:
            strokes, bases = self._known()
            if bases is None:
                return  # the first is just being stored: whoever does it comes here next if that fails
            try:
                if strokes and (self.rescued is None or strokes != self._written):
                    self._place = self._place or rescue.new_rescue_path(self.project)
                    rescue.write_rescue(self._place, self.project, strokes, bases)
                    self.rescued, self._written = self._place, strokes
                elif not strokes and self._place is not None:
                    self.rescued = None  # what it says is stored
                    self._place.unlink(missing_ok=True)
                    self._place = None
            except (FlawscopeError, OSError) as error:
                _log.warning("No rescue file was written: %s", error)  # a copy elsewhere is offered on screen

    def save_copy(self, path: Path) -> int:
        """Write what waits into a rescue file that a person chose; how many strokes. Raises `StorageError`."""
        with self._writing:
            strokes, bases = self._known()
            if bases is None:
                raise StorageError(
                    "no rescue copy can be made at the moment: the strokes are just being saved, or the project cannot"
                    " be read",
                    path=path,
                    kept="They are kept in this window",
                    mend="Try once more",
                )
            if strokes:
                rescue.write_rescue(path, self.project, strokes, bases)
            return len({one.key for one in strokes})

    # -- inside

    def _take_in_hand(self) -> FreshStroke | None:
        with self._gate:
            if not self._strokes:
                return None
            self._in_hand = True
            self._begun += 1
            return self._strokes[0]

    def _put_down(self, *, done: bool) -> None:
        with self._gate:
            self._in_hand = False
            if done:
                self._bases.pop(self._strokes.pop(0).image_id, None)

    def _known(self) -> tuple[Sequence[FreshStroke], dict[int, Base] | None]:
        """What waits, and the images as they were before; None for these while nobody can know them."""
        while True:
            with self._gate:
                strokes, begun, bases = tuple(self._strokes), self._begun, dict(self._bases)
                images = {one.image_id: one.delta.shape for one in strokes}
                if self._in_hand and strokes[0].image_id not in bases:
                    return strokes, None
            try:
                for image_id in images.keys() - bases.keys():
                    bases[image_id] = rescue.base_of(self.project, image_id, images[image_id])
            except FlawscopeError as error:
                _log.warning("No rescue file was written: %s", error)
                return strokes, None
            with self._gate:
                if begun == self._begun:  # nothing was stored meanwhile
                    self._bases = {image_id: bases[image_id] for image_id in images}
                    return strokes, self._bases

    def _close_rescue(self) -> None:
        if self._came_in.files:
            if self._came_in.strokes:
                rescue.record_rescue(self.project, self._came_in)
            came_in, self._came_in = self._came_in, RescuePlan()
            rescue.finish_rescue(came_in)
        if self._place is not None:
            self.rescue()
