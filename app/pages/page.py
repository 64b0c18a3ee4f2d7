"""What every page of the window is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.commands import Actions
from app.session import Session

if TYPE_CHECKING:
    from app.canvas.view import Canvas


class Page(QWidget):
    """One page. Built when first shown; `enter` and `leave` bracket the time it is on screen."""

    key: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    shows_filmstrip: ClassVar[bool] = False
    wanted = Signal(str, dict)  # another page, and what it shall show
    project_wanted = Signal(object)  # the path of a project
    headline_changed = Signal()
    placed = Signal(str)  # where the cursor is, for the status line

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.actions_table = actions

    def title(self) -> str:
        """The word on the rail."""
        return ""

    def headline(self) -> str:
        """What stands in the line above the page."""
        return ""

    def inspector(self) -> QWidget | None:
        """The panel on the right; made once, owned by the window afterwards."""
        return None

    def main_canvas(self) -> Canvas | None:
        """The canvas whose zoom is remembered from start to start."""
        return None

    def enter(self) -> None:
        """The page came on screen: bind commands."""

    def leave(self) -> None:
        """The page went: unbind them."""

    def show_what(self, what: dict[str, Any]) -> None:
        """Show what another page or the start page asked for."""
