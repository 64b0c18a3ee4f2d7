"""Whole images for the canvas: read in the background, those next in the order ahead of time, kept up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil
import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Task
from app.canvas.picture import Picture
from core.errors import ImageError
from core.imaging import load_rgb8
from core.imaging.window import Window

if TYPE_CHECKING:
    from app.session import Session

_LEAST_KEPT: Final = 256 * 2**20
_MOST_KEPT: Final = 2**30
_SHARE: Final = 16  # of the machine's memory: with 8 GiB, one image of 64 megapixels stays when another comes
_AROUND: Final = (1, -1, 2, -2)  # neighbours that are read ahead, the likeliest first
_PAINTED_AFTER_MS: Final = 20
_MOST_AHEAD: Final = _LEAST_KEPT // 6  # an image larger than that is not read ahead

Done = Callable[[Picture], None]
Failed = Callable[[Exception], None]
_Source = tuple[Path, Window | None]
_Call = tuple[Done | None, Failed | None, QObject | None]


@dataclass
class _Waiting:
    """One image that is being read, and who waits for it."""

    source: _Source
    task: Task | None = None
    calls: list[_Call] = field(default_factory=list)
    ahead: bool = False  # nobody asked for it yet
    begun: bool = False

    def work(self) -> Picture:
        """Decode and build the pyramid; in a thread."""
        self.begun = True
        return Picture(load_rgb8(*self.source))


def usual_limit(memory: int) -> int:
    """Bytes of pictures that are kept on a machine with so much memory."""
    return min(max(memory // _SHARE, _LEAST_KEPT), _MOST_KEPT)


class ImageLoader(QObject):
    """Pictures by image id. `loaded` and `failed` tell of every image that arrived, asked for or read ahead."""

    loaded = Signal(int, object)  # id, Picture
    failed = Signal(int, object)  # id, Exception

    def __init__(self, session: Session, *, limit: int | None = None) -> None:
        super().__init__(session)
        self._session = session
        self._limit = usual_limit(psutil.virtual_memory().total) if limit is None else limit
        self._kept: OrderedDict[int, tuple[_Source, Picture]] = OrderedDict()
        self._waiting: dict[int, _Waiting] = {}
        self._unreadable: set[int] = set()  # not tried again ahead of time
        self._tried: set[int] = set()  # read ahead for the image that is asked for: once each, however little room
        self._asked: int | None = None
        self._soon = QTimer(self)  # the image is painted first, then its neighbours are read
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAINTED_AFTER_MS)
        self._soon.timeout.connect(self._on_image_painted)
        session.closed.connect(self._on_session_closed)

    @property
    def bytes_kept(self) -> int:
        """Memory of all pictures that are kept."""
        return sum(picture.nbytes for _, picture in self._kept.values())

    def picture(self, image_id: int) -> Picture | None:
        """A picture that is in memory and current, at once."""
        kept = self._kept.get(image_id)
        if kept is None or kept[0] != self._source(image_id):
            return None
        self._kept.move_to_end(image_id)
        return kept[1]

    def load(
        self,
        image_id: int,
        done: Done | None = None,
        failed: Failed | None = None,
        *,
        owner: QObject | None = None,
        ahead: bool = True,
    ) -> Picture | None:
        """Hand a picture to `done`: at once when it is in memory (it is returned then too), else when it was read.

        One owner waits for one image: a newer wish replaces the older. With `ahead` the neighbours in the order
        follow, and what was read ahead for another place is dropped.
        """
        picture = self.picture(image_id)
        if owner is not None:
            self._withdraw(owner)
        if ahead:
            if image_id != self._asked:
                self._tried.clear()
            self._asked = image_id
            self._drop_far(image_id)
        if picture is not None:
            if done is not None:
                done(picture)
            if ahead:
                self._look_around()
            return picture
        waiting = self._waiting.get(image_id)
        call = (done, failed, owner)
        if waiting is None:
            self._read(image_id, [call], ahead=False)
        elif waiting.ahead and not waiting.begun and waiting.task is not None:
            waiting.task.cancel()  # as the newest it is read before all that was only guessed
            self._read(image_id, [call], ahead=False)
        else:
            waiting.calls.append(call)
            waiting.ahead = False
        return None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being read, nor about to be."""
        return not self._waiting and not self._soon.isActive()

    def prefetch(self, image_id: int) -> None:
        """Read the neighbours of an image in the order, one after the other: a thread stays free for what is asked."""
        shown = self.picture(image_id)
        if shown is not None and shown.nbytes > _MOST_AHEAD:
            return
        if any(waiting.ahead for waiting in self._waiting.values()):
            return
        for neighbour in self._neighbours(image_id):
            passed = neighbour in self._tried or neighbour in self._unreadable or neighbour in self._waiting
            if not passed and self.picture(neighbour) is None:
                self._tried.add(neighbour)
                self._read(neighbour, [], ahead=True)
                return

    def forget(self, image_id: int | None = None) -> None:
        """Read it (None: everything) anew next time."""
        if image_id is None:
            self._kept.clear()
            self._unreadable.clear()
            self._tried.clear()
        else:
            self._kept.pop(image_id, None)
            self._unreadable.discard(image_id)

    def _look_around(self) -> None:
        if not self._soon.isActive():  # never put off: holding a key must not starve it
            self._soon.start()

    def _go_on(self, image_id: int) -> None:
        """An image came, or will not come: then the next neighbour."""
        if image_id == self._asked:
            self._look_around()
        elif self._asked is not None and not self._soon.isActive():
            self.prefetch(self._asked)

    def _on_image_painted(self) -> None:
        if self._asked is not None:
            self.prefetch(self._asked)

    def _neighbours(self, image_id: int) -> list[int]:
        order = self._session.order
        found = np.flatnonzero(order == image_id)
        if not found.size:
            return []
        at = int(found[0])
        return [int(order[at + step]) for step in _AROUND if 0 <= at + step < order.size]

    def _source(self, image_id: int) -> _Source | None:
        table = self._session.table
        if table is None:
            return None
        row = int(table.row_of([image_id])[0])
        return None if row < 0 else (table.path(row), self._session.window_of(image_id))

    def _read(self, image_id: int, calls: list[_Call], *, ahead: bool) -> None:
        source = self._source(image_id)
        if source is None:
            error = ImageError(f"there is no image {image_id} in this project")
            self._tell_failed(image_id, calls, error)
            return
        waiting = _Waiting(source, calls=calls, ahead=ahead)
        self._waiting[image_id] = waiting
        waiting.task = self._session.background.run(
            waiting.work,
            lambda picture: self._on_picture_read(image_id, waiting, picture),
            lambda error: self._on_reading_failed(image_id, waiting, error),
            owner=self,
            lane="images",
        )

    def _on_picture_read(self, image_id: int, waiting: _Waiting, picture: Picture) -> None:
        if self._waiting.get(image_id) is waiting:
            del self._waiting[image_id]
        self._kept[image_id] = (waiting.source, picture)
        self._kept.move_to_end(image_id)
        self._make_room()
        for done, _, owner in waiting.calls:
            if done is not None and (owner is None or shiboken6.isValid(owner)):
                done(picture)
        self._unreadable.discard(image_id)
        self.loaded.emit(image_id, picture)
        self._go_on(image_id)

    def _on_reading_failed(self, image_id: int, waiting: _Waiting, error: Exception) -> None:
        if self._waiting.get(image_id) is waiting:
            del self._waiting[image_id]
        self._unreadable.add(image_id)
        self._tell_failed(image_id, waiting.calls, error)
        self._go_on(image_id)

    def _tell_failed(self, image_id: int, calls: list[_Call], error: Exception) -> None:
        for _, failed, owner in calls:
            if failed is not None and (owner is None or shiboken6.isValid(owner)):
                failed(error)
        self.failed.emit(image_id, error)

    def _make_room(self) -> None:
        """Let the pictures go that were not looked at for longest; the one that is asked for stays."""
        total = self.bytes_kept
        for image_id in list(self._kept):
            if total <= self._limit:
                return
            if image_id != self._asked:
                total -= self._kept.pop(image_id)[1].nbytes

    def _withdraw(self, owner: QObject) -> None:
        """What this owner waited for is wanted by nobody, unless somebody else waits for it too."""
        for waiting in self._waiting.values():
            if any(call[2] is owner for call in waiting.calls):
                waiting.calls = [call for call in waiting.calls if call[2] is not owner]
                waiting.ahead = waiting.ahead or not waiting.calls

    def _drop_far(self, image_id: int) -> None:
        near = {image_id, *self._neighbours(image_id)}
        for other, waiting in list(self._waiting.items()):
            if waiting.ahead and other not in near and waiting.task is not None:
                waiting.task.cancel()
                del self._waiting[other]

    def _on_session_closed(self) -> None:
        for waiting in self._waiting.values():
            if waiting.task is not None:
                waiting.task.cancel()
        self._waiting.clear()
        self._kept.clear()
        self._unreadable.clear()
        self._tried.clear()
        self._asked = None
        self._soon.stop()
