"""Where a person is: project, image and zoom, remembered as they change: a start after a crash goes on there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer

from app.session import Session
from app.words import tr

if TYPE_CHECKING:
    from app.canvas.view import Canvas

_PROJECT: Final = "last"
_TRIES: Final = "reopened in vain"
_MOST_TRIES: Final = 3  # a project that brings the window down is not opened for ever


class Whereabouts(QObject):
    """Follows a session; the memory writes what it is told within a second."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._memory = session.memory
        self._is_ending = False
        self._image: int | None = None  # to go to as soon as it is known
        self._look: list[float] = []  # to look at it again as before
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self._on_session_closing)
        session.table_loaded.connect(self._on_table_loaded)
        session.current_changed.connect(self._on_current_changed)

    def reopen(self) -> bool:
        """Open the project that was open when the window was closed, or fell; whether there is one."""
        path, tries = Path(self._memory.recall(_PROJECT, "")), self._memory.recall(_TRIES, 0)
        if not path.name or not path.exists() or tries >= _MOST_TRIES:
            self._memory.remember(_TRIES, None)
            return False
        self._memory.remember(_TRIES, tries + 1)
        self._memory.save()
        self._session.said.emit(tr("Opening {name} …", name=path.stem))  # until then the start page is seen
        self._session.open(path, quietly=True)
        return True

    def watch(self, canvas: Canvas) -> None:
        """Remember how this canvas looks at its image."""
        canvas.view_changed.connect(lambda _: self._on_view_changed(canvas))
        canvas.picture_changed.connect(lambda: self._on_picture_changed(canvas))

    def end(self) -> None:
        """The window closes: the project that is open stays the one to go on with."""
        self._is_ending = True

    # -- inside

    def _key(self) -> str:
        project = self._session.project
        return "" if project is None else f"where {project.file}"

    def _keep(self, **values: Any) -> None:
        if key := self._key():
            self._memory.remember(key, {**self._memory.recall(key, {}), **values})

    def _on_session_opened(self) -> None:
        where = self._memory.recall(self._key(), {})
        image, look = where.get("image"), where.get("look")
        self._image = image if isinstance(image, int) else None
        fits = isinstance(look, list) and len(look) == 3 and all(isinstance(one, int | float) for one in look)
        self._look = look if fits and self._image is not None else []
        project = self._session.project
        self._memory.remember(_PROJECT, None if project is None else str(project.file))

    def _on_session_closing(self) -> None:
        self._image, self._look = None, []
        if not self._is_ending:
            self._memory.remember(_PROJECT, None)

    def _on_table_loaded(self, is_complete: bool) -> None:
        if self._memory.recall(_TRIES, 0):
            self._memory.remember(_TRIES, None)
            self._memory.save_now()  # a crash from here on is not one of opening
        table = self._session.table
        if self._image is None or table is None:
            return
        if int(table.row_of([self._image])[0]) >= 0:
            image, self._image = self._image, None
            self._session.set_current(image)
        elif is_complete:
            self._image, self._look = None, []

    def _on_current_changed(self, image_id: int | None) -> None:
        if image_id is not None and self._image is None:
            self._keep(image=int(image_id))

    def _on_view_changed(self, canvas: Canvas) -> None:
        if canvas.picture is not None and not self._look:
            view = canvas.view
            self._keep(look=[] if canvas.is_fitted else [view.scale, view.cx, view.cy])

    def _on_picture_changed(self, canvas: Canvas) -> None:
        if canvas.picture is not None and self._look:
            QTimer.singleShot(0, canvas, partial(self._look_again, canvas))

    def _look_again(self, canvas: Canvas) -> None:
        if self._look and canvas.picture is not None:
            (scale, cx, cy), self._look = self._look, []
            canvas.restore_view(replace(canvas.view, scale=scale, cx=cx, cy=cy), fitted=False)
