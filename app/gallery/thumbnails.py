"""Thumbnails as pixmaps: what is on screen first, kept in memory up to a limit, made in the lane "thumbs"."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap

from app.gallery.pictures import Job, PictureMaker
from app.session import Session
from core.errors import FlawscopeError
from core.project.table import ImageTable

CACHE_FILE: Final = "cache/thumbnails/thumbnails.sqlite"
_MEMORY: Final = 88 * 1024**2  # bytes of pixmaps; the budget is 96 MB with what is on its way
_AT_WORK: Final = 2  # tasks at a time: as many as the lane has threads
_SLICE_S: Final = 0.012  # a task hands over what it has after that long
_WAITING: Final = 1_500  # pictures that may wait; the oldest wishes are dropped
_Key = tuple[int, int]  # image id, side


@dataclass(frozen=True)
class Made:
    """What a thread made of a job: an image, or why there is none."""

    key: _Key
    image: QImage | None
    reason: str = ""


class _Wishes:
    """Jobs in the order in which they shall be made; filled by the GUI thread, emptied by others."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._jobs: OrderedDict[_Key, Job] = OrderedDict()
        self._taken: set[_Key] = set()

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, jobs: Iterable[Job], *, first: bool) -> None:
        """Add jobs in their order, before or behind all that wait."""
        with self._gate:
            keyed = (((job.image_id, job.side), job) for job in jobs)
            fresh = OrderedDict((key, job) for key, job in keyed if key not in self._taken)
            if first:
                for key in fresh:
                    self._jobs.pop(key, None)
                fresh.update(self._jobs)
                self._jobs = fresh
            else:
                for key, job in fresh.items():
                    self._jobs.setdefault(key, job)
            while len(self._jobs) > _WAITING:
                self._jobs.popitem()

    def take(self) -> Job | None:
        """The next one, or None."""
        with self._gate:
            if not self._jobs:
                return None
            key, job = self._jobs.popitem(last=False)
            self._taken.add(key)
            return job

    def settle(self, keys: Iterable[_Key]) -> None:
        """These were made: they may be wished for again."""
        with self._gate:
            self._taken.difference_update(keys)

    def clear(self) -> None:
        """Forget all of them."""
        with self._gate:
            self._jobs.clear()
            self._taken.clear()


class Thumbnails(QObject):
    """Asked while painting: `pixmap` answers at once, and `ready` says when to paint again."""

    ready = Signal(int)  # image id
    forgotten = Signal()  # everything on screen must be asked for again

    def __init__(self, session: Session, cache_file: Path | None = None, *, memory: int = _MEMORY) -> None:
        super().__init__(session)
        self._session = session
        self._cache_file = cache_file
        self._limit = memory
        self._held: OrderedDict[_Key, QPixmap] = OrderedDict()
        self._bytes = 0
        self._reasons: dict[int, str] = {}
        self._fresh: dict[_Key, None] = {}
        self._wishes = _Wishes()
        self._maker: PictureMaker | None = None
        self._seen: ImageTable | None = session.table
        self._views = session.views
        self._working = 0
        self._age = 0  # results of an older age belong to another project or to files as they were
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn_ended)
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self._on_session_closing)
        session.table_loaded.connect(self._on_table_loaded)
        session.images_changed.connect(self._on_images_changed)

    @property
    def bytes_held(self) -> int:
        """Memory of the pixmaps."""
        return self._bytes

    @property
    def is_idle(self) -> bool:
        """Whether nothing is wanted that was not made."""
        return not (self._working or len(self._wishes) or self._fresh)

    @property
    def maker(self) -> PictureMaker | None:
        """Who makes them, for whoever works through many in a thread; None without a project."""
        return self._opened_maker()

    def pixmap(self, image_id: int, side: int) -> QPixmap | None:
        """The picture within `side` x `side` device pixels; None while it is made, or when `reason` says why not.

        What is asked for in one turn of the event loop is made in that order, before what was asked for earlier.
        """
        key = (image_id, side)
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
            return found
        if image_id not in self._reasons and key not in self._fresh:
            self._fresh[key] = None
            if not self._timer.isActive():
                self._timer.start()
        return None

    def reason(self, image_id: int) -> str:
        """Why there is no picture of this image, '' when there is one or nobody looked yet."""
        return self._reasons.get(image_id, "")

    def prefetch(self, image_ids: Iterable[int] | NDArray[np.int64], side: int) -> None:
        """Make these too, when everything that is on screen is made."""
        wanted = [(int(image_id), side) for image_id in image_ids]
        self._wishes.put(self._jobs(key for key in wanted if self._is_missing(key)), first=False)
        self._pump()

    def forget(self, image_ids: Iterable[int] | None = None) -> None:
        """Make the pictures of these images (or all) anew when they are asked for: files or the view changed."""
        self._age += 1
        self._wishes.clear()
        if self._maker is not None:
            self._maker.forget_views()
        if image_ids is None:
            self._held.clear()
            self._reasons.clear()
            self._bytes = 0
            self.forgotten.emit()
            return
        gone = set(image_ids)
        for key in [key for key in self._held if key[0] in gone]:
            self._bytes -= _size(self._held.pop(key))
        for image_id in gone:
            self._reasons.pop(image_id, None)
        self.forgotten.emit()

    def empty_cache(self, done: Callable[[], object] = lambda: None) -> None:
        """Forget what is kept on the disk; in the background, then `done`."""
        maker = self._opened_maker()
        if maker is not None:

            def emptied(_: None) -> None:
                done()

            self._session.background.run(maker.empty_cache, emptied, owner=self, lane="thumbs")

    def _on_session_opened(self) -> None:
        self._release()

    def _on_session_closing(self) -> None:
        self._release()

    def _release(self) -> None:
        self.forget()
        self._fresh.clear()
        maker, self._maker = self._maker, None
        if maker is not None:
            maker.close()

    def _on_table_loaded(self, _: bool) -> None:
        self._seen, self._views = self._session.table, self._session.views

    def _on_images_changed(self, ids: object) -> None:
        """After a rescan or another window/level: only pictures of which something changed are made anew."""
        if ids is not None:
            return
        before, now = self._seen, self._session.table
        views, self._seen, self._views = self._views, now, self._session.views
        if views != self._views or not before or not now:
            self.forget()
            return
        rows = before.row_of(now.ids)
        changed = now.ids[(rows >= 0) & (before.state[rows] != now.state)].tolist()
        if changed or self._reasons:  # a file that could not be read may be back
            self.forget({*changed, *self._reasons})

    def _on_turn_ended(self) -> None:
        wanted, self._fresh = self._fresh, {}
        self._wishes.put(self._jobs(key for key in wanted if self._is_missing(key)), first=True)
        self._pump()

    def _is_missing(self, key: _Key) -> bool:
        return key not in self._held and key[0] not in self._reasons

    def _jobs(self, keys: Iterable[_Key]) -> list[Job]:
        table = self._session.table
        wanted = list(keys)
        if table is None or not wanted:
            return []
        rows = table.row_of([image_id for image_id, _ in wanted]).tolist()
        return [
            Job(image_id, side, table.path(row), *table.place(row))
            for (image_id, side), row in zip(wanted, rows, strict=True)
            if row >= 0
        ]

    def _pump(self) -> None:
        maker, age, wishes = self._opened_maker(), self._age, self._wishes
        if maker is None:
            return
        while self._working < min(_AT_WORK, len(wishes)):
            self._working += 1
            self._session.background.run(
                lambda: (age, _make_some(maker, wishes)), self._on_made, self._on_failed, owner=self, lane="thumbs"
            )

    def _opened_maker(self) -> PictureMaker | None:
        project = self._session.project
        if self._maker is None and project is not None:
            self._maker = PictureMaker(project, self._cache_file or project.absolute(CACHE_FILE))
        return self._maker

    def _on_made(self, outcome: tuple[int, list[Made]]) -> None:
        self._working -= 1
        age, made = outcome
        if age == self._age:
            for one in made:
                self._keep(one)
            self._wishes.settle(one.key for one in made)
        self._pump()
        if age == self._age:
            for one in made:
                self.ready.emit(one.key[0])

    def _on_failed(self, error: Exception) -> None:
        self._working -= 1
        self._session.report(error)

    def _keep(self, made: Made) -> None:
        if made.image is None:
            self._reasons[made.key[0]] = made.reason
            return
        pixmap = QPixmap.fromImage(made.image)
        if (older := self._held.pop(made.key, None)) is not None:
            self._bytes -= _size(older)
        self._held[made.key] = pixmap
        self._bytes += _size(pixmap)
        while self._bytes > self._limit and len(self._held) > 1:
            self._bytes -= _size(self._held.popitem(last=False)[1])


def to_image(pixels: NDArray[np.uint8]) -> QImage:
    """(h, w, 3) uint8 RGB as a QImage of its own memory, in the format that is painted fastest."""
    height, width = pixels.shape[:2]
    borrowed = QImage(np.ascontiguousarray(pixels).data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return borrowed.convertToFormat(QImage.Format.Format_RGB32)


def _make_some(maker: PictureMaker, wishes: _Wishes) -> list[Made]:
    """Work on wishes for one slice of time, at least on one."""
    made: deque[Made] = deque()
    end = time.perf_counter() + _SLICE_S
    while (job := wishes.take()) is not None:
        key = (job.image_id, job.side)
        try:
            made.append(Made(key, to_image(maker.make(job))))
        except FlawscopeError as error:
            made.append(Made(key, None, error.what))
        if time.perf_counter() > end:
            break
    return list(made)


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
