"""The image on the canvas: the session's current one is fetched, and words stand there while it is not to be seen."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.canvas.picture import Picture
from app.canvas.view import Canvas
from app.pages.annotate.facts import Facts, facts_of
from app.session import Session
from app.words import tr

_NOTICE_MS: Final = 150  # a picture that comes sooner replaces the last one without a word in between


class Stage(QObject):
    """One image at a time on one canvas. What goes along with it follows the signals."""

    leaving = Signal()  # what is shown goes; it is still on the canvas
    came = Signal(int)  # the image is on the canvas
    missing = Signal()  # words stand where the current image should be: it is late, or cannot be read

    def __init__(self, session: Session, canvas: Canvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._canvas = session, canvas
        self.shown: int | None = None
        """The image that is on screen; `session.current` may still be on its way."""
        self._wanted: int | None = None  # the image that is being read
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_NOTICE_MS)
        self._late.timeout.connect(self._on_picture_late)

    def facts(self) -> Facts | None:
        """What is known of the current image; its size once it is shown."""
        picture = self._canvas.picture if self.shown == self._session.current else None
        size = None if picture is None else (picture.width, picture.height)
        return facts_of(self._session.table, self._session.current, size)

    def show_current(self) -> None:
        """Bring the session's current image; the one before stays until it is there, or is late."""
        image_id = self._wanted = self._session.current
        if image_id is None:
            self.show_nothing()
            return
        self._late.start()
        self._session.loader.load(
            image_id, partial(self._on_picture_read, image_id), partial(self._on_reading_failed, image_id), owner=self
        )

    def show_nothing(self) -> None:
        """No image is chosen: what to do."""
        self.leave()
        if self._session.table is not None and not len(self._session.table):
            self._canvas.show_notice(
                tr("There are no images yet"), tr("Add a folder on the Dataset page."), sign="dataset"
            )
        else:
            self._canvas.show_notice(tr("No image is chosen"), tr("Choose one in the filmstrip."), sign="annotate")

    def leave(self) -> None:
        """The image goes, or the page: it is read anew when it comes back."""
        self._late.stop()
        self.leaving.emit()
        self.shown = self._wanted = None

    # -- slots

    def _on_picture_read(self, image_id: int, picture: Picture) -> None:
        if image_id != self._wanted:
            return
        self._late.stop()
        self.leaving.emit()
        self.shown = image_id
        self._canvas.show_image(picture)
        self.came.emit(image_id)

    def _on_reading_failed(self, image_id: int, error: Exception) -> None:
        if image_id != self._wanted:
            return
        self._late.stop()
        self.leaving.emit()
        self.shown = image_id
        self._canvas.show_error(error)
        self.missing.emit()

    def _on_picture_late(self) -> None:
        facts = self.facts()
        self.leaving.emit()
        self.shown = None
        self._canvas.show_notice(tr("Reading the image …"), "" if facts is None else facts.name)
        self.missing.emit()
