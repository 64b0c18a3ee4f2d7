"""One drag with the left button, from the press to the release: what every tool shares that draws a box with it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt

from app.canvas.tools.base import Pointer
from core.annotation.strokes import Point


class Drag:
    """Tells where it goes; Esc calls it off."""

    def __init__(
        self, followed: Callable[[Point, Pointer], None], finished: Callable[[], None], dropped: Callable[[], None]
    ) -> None:
        self._followed, self._finished, self._dropped = followed, finished, dropped
        self._from: Point | None = None

    @property
    def is_on(self) -> bool:
        """Whether the button is held."""
        return self._from is not None

    def begin(self, pointer: Pointer) -> None:
        """The button went down."""
        self._from = (pointer.x, pointer.y)
        self._followed(self._from, pointer)

    def end(self) -> None:
        """It is over, without anybody hearing of it."""
        self._from = None

    def moved(self, pointer: Pointer) -> bool:
        """The other end follows."""
        if self._from is None:
            return False
        self._followed(self._from, pointer)
        return True

    def released(self, pointer: Pointer) -> bool:
        """It is done."""
        if self._from is not None and pointer.button == Qt.MouseButton.LeftButton:
            self._followed(self._from, pointer)
            self._from = None
            self._finished()
        return True

    def key_pressed(self, key: int) -> bool:
        """Esc, while the button is held."""
        if key == Qt.Key.Key_Escape and self._from is not None:
            self._from = None
            self._dropped()
            return True
        return False
