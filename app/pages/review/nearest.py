"""The good training image that looks most like the one under review: found in the background, shown as a button."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QToolButton, QWidget

from app.gallery.pictures import Job, PictureMaker
from app.pages.review.state import Review
from app.throttle import Slowly
from app.words import tr
from core.errors import ImageError
from core.project.table import ImageTable
from core.workflow.nearest import Nearest, Print, Prints, Sample, print_of, sample

_DWELL_MS: Final = 150  # leafing through a queue asks for nothing
_SLICE_S: Final = 0.06  # good images are read for so long, then thumbnails on screen have their turn
_READ_PX: Final = 64
_SHOWN_PX: Final = 84


@dataclass(frozen=True)
class Found:
    """What is known of an image: the most similar good one so far, and how much of `sample` was compared."""

    image_id: int
    nearest: Nearest | None
    sample: Sample
    is_complete: bool


@dataclass(frozen=True)
class _Known:
    """Prints of a view's good images, and those that are still to be read."""

    sample: Sample
    prints: Prints
    waiting: NDArray[np.int64]


class NearestGood(QObject):
    """Follows the row of a review while it is active. Prints are made once for each view of the open project."""

    found = Signal(object)  # Found

    def __init__(self, review: Review, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self._session = review.session
        self._known: dict[tuple[str, str], _Known] = {}
        self._stale: set[tuple[str, str]] = set()
        self._looked_at: tuple[int, Print] | None = None
        self._told: Found | None = None
        self._is_active = False
        self._is_reading = False
        self._soon = Slowly(self._go_on, _DWELL_MS, self)
        review.row_changed.connect(self._on_row_changed)
        self._session.images_changed.connect(self._on_images_changed)
        self._session.closed.connect(self._on_session_closed)

    def activate(self) -> None:
        """The page came on screen."""
        self._is_active = True
        self._soon.start()

    def rest(self) -> None:
        """The page went: nothing is read any more."""
        self._is_active = False
        self._soon.stop()

    def _go_on(self) -> None:
        """Read some more good images, and compare the image on screen with those that are known."""
        table, unit, maker = self._session.table, self._review.unit, self._session.thumbnails.maker
        if table is None or unit is None or maker is None or not self._is_active or self._is_reading:
            return
        at = int(table.row_of([unit.image_id])[0])
        if at < 0:
            return
        place = table.place(at)
        known = self._known.get(place)
        seen = self._looked_at if self._looked_at is not None and self._looked_at[0] == unit.image_id else None
        if known is not None and not known.waiting.size and place not in self._stale and self._is_told(unit.image_id):
            return
        is_stale = place in self._stale
        self._stale.discard(place)
        self._is_reading = True
        project, image_id = self._session.project, unit.image_id

        def work() -> tuple[_Known, Print, Found]:
            chosen = _choose(table, *place, known) if known is None or is_stale else known
            looked_at = _print(maker, table, image_id) if seen is None else seen[1]
            grown = _read(maker, table, chosen)
            nearest = grown.prints.nearest(looked_at, but=image_id)
            return grown, looked_at, Found(image_id, nearest, grown.sample, not grown.waiting.size)

        def done(outcome: tuple[_Known, Print, Found]) -> None:
            self._is_reading = False
            if project is not self._session.project:
                return
            grown, looked_at, found = outcome
            self._known[place] = grown
            self._looked_at = (image_id, looked_at)
            self._tell(found)
            self._go_on()

        def failed(_: Exception) -> None:
            self._is_reading = False  # the image itself cannot be read: the viewer says so
            unit = self._review.unit
            if self._is_active and unit is not None and unit.image_id != image_id:
                self._soon.start()

        self._session.background.run(work, done, failed, owner=self, lane="thumbs")

    def _is_told(self, image_id: int) -> bool:
        return self._told is not None and self._told.image_id == image_id

    def _tell(self, found: Found) -> None:
        unit = self._review.unit
        if unit is not None and unit.image_id == found.image_id:
            self._told = found
            self.found.emit(found)

    def _on_row_changed(self) -> None:
        unit = self._review.unit
        if unit is None or not self._is_told(unit.image_id):
            self._told = None
            if self._is_active:
                self._soon.start()

    def _on_images_changed(self, ids: object) -> None:
        """Labels or splits changed: others may be good now. With windows and regions all pictures did."""
        if ids is None:
            self._known.clear()
            self._looked_at = self._told = None
        self._stale |= set(self._known)
        if self._is_active:
            self._soon.start()

    def _on_session_closed(self) -> None:
        self._soon.stop()
        self._known.clear()
        self._stale.clear()
        self._looked_at = self._told = None


class NearestButton(QToolButton):
    """Its picture; pressed it shows it beside the image, once more the reconstruction again."""

    wanted = Signal(object)  # image id, or None: no longer

    def __init__(self, review: Review, finder: NearestGood, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self._thumbnails = review.session.thumbnails
        self._found: Found | None = None
        self.setCheckable(True)
        self.setAutoRaise(True)
        self.setIconSize(QSize(_SHOWN_PX, _SHOWN_PX))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setText(tr("Nearest good"))
        self.setAccessibleName(tr("Nearest good image"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._on_clicked)
        finder.found.connect(self._on_found)
        self._thumbnails.ready.connect(self._on_thumbnail_ready)
        review.row_changed.connect(self._on_row_changed)
        self.hide()

    @property
    def image_id(self) -> int | None:
        """The good image that is shown."""
        return None if self._found is None or self._found.nearest is None else self._found.nearest.image_id

    def let_go(self) -> None:
        """The reconstruction is looked at again."""
        self.setChecked(False)

    def _on_found(self, found: Found) -> None:
        before, self._found = self.image_id, found
        self.setVisible(found.nearest is not None)
        self.setToolTip(self._words(found))
        if self.image_id != before:
            self._show_picture()
            if self.isChecked():
                self.wanted.emit(self.image_id)

    def _on_row_changed(self) -> None:
        unit = self._review.unit
        if self._found is not None and (unit is None or unit.image_id != self._found.image_id):
            self._found = None
            self.setChecked(False)
            self.hide()

    def _on_thumbnail_ready(self, image_id: int) -> None:
        if image_id == self.image_id:
            self._show_picture()

    def _on_clicked(self, checked: bool) -> None:
        self.wanted.emit(self.image_id if checked else None)

    def _show_picture(self) -> None:
        if self.image_id is not None:
            side = round(_SHOWN_PX * self.devicePixelRatioF())
            pixmap = self._thumbnails.pixmap(self.image_id, side)
            self.setIcon(QIcon() if pixmap is None else QIcon(pixmap))

    def _words(self, found: Found) -> str:
        if found.nearest is None:
            return ""
        read, of = f"{found.nearest.among:,}", f"{found.sample.of:,}"
        if not found.is_complete:
            lines = [tr("The most similar of {k} good training images so far", k=read)]
        else:
            lines = [tr("The most similar of {k} good training images of this view", k=read)]
        if not found.sample.is_whole:
            most = f"{len(found.sample.ids):,}"
            lines.append(tr("Of {n} good training images {k} are compared, spread evenly", n=of, k=most))
        likeness = f"{found.nearest.likeness:.2f}"
        lines.append(tr("Correlation of the small grey pictures {value}; 1 is the same picture", value=likeness))
        lines.append(tr("Click to see it beside the image"))
        return "\n".join(lines)


def _choose(table: ImageTable, product: str, view: str, before: _Known | None) -> _Known:
    """Which good images are compared; what was read of them stays."""
    chosen = sample(table, product, view)
    prints = Prints() if before is None else before.prints.kept(chosen.ids)
    return _Known(chosen, prints, chosen.ids[~np.isin(chosen.ids, prints.ids)])


def _read(maker: PictureMaker, table: ImageTable, known: _Known) -> _Known:
    """Some more of them, at least one; what cannot be read is passed over."""
    end = time.perf_counter() + _SLICE_S
    made: list[tuple[int, Print]] = []
    read = 0
    for image_id in known.waiting.tolist():
        with contextlib.suppress(ImageError):
            made.append((image_id, _print(maker, table, image_id)))
        read += 1
        if time.perf_counter() > end:
            break
    return _Known(known.sample, known.prints.extended(made), known.waiting[read:])


def _print(maker: PictureMaker, table: ImageTable, image_id: int) -> Print:
    row = int(table.row_of([image_id])[0])
    if row < 0:
        raise ImageError("the image is no longer in the project")
    return print_of(maker.make(Job(image_id, _READ_PX, table.path(row), *table.place(row))))
