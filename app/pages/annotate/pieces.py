"""Joins what is selected on the image with the list of its defects, and with the commands for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QObject

from app.canvas.selection import Piece
from app.canvas.view import Canvas
from app.commands import Actions
from app.pages.annotate.components import ComponentList
from app.pages.annotate.painting import Painting
from app.session import Session
from core.annotation.components import Component, components, mask_of

_SELECT: Final = "tool.select"
_LOOK: Final = "tool.look"
_SMALL: Final = 24.0  # device pixels: a smaller defect is looked at closely when it is chosen


class Pieces(QObject):
    """Lists the defects after each stroke, off the GUI thread."""

    def __init__(self, session: Session, canvas: Canvas, painting: Painting, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._canvas, self._painting = session, canvas, painting
        self.selection: Final = painting.bench.selection
        self._list: ComponentList | None = None
        self._found: tuple[Component, ...] = ()
        self._is_following = False
        self.selection.said.connect(session.said)
        self.selection.changed.connect(self._on_selection_changed)
        self.selection.hovered_changed.connect(self._on_hovered_changed)
        painting.bench.class_chosen.connect(self._on_class_chosen)
        painting.bench.changed.connect(self._on_value_changed)
        painting.painted.connect(self.read)
        painting.opened.connect(lambda _: self.read())
        painting.tool_changed.connect(self._on_tool_changed)
        canvas.cursor_moved.connect(self._on_cursor_moved)
        self._bindings: tuple[tuple[str, Callable[[], object], bool], ...] = (
            ("edit.copy", self.selection.copy, False),
            ("edit.cut", self.selection.cut, True),
            ("edit.paste", self.paste, True),
            ("edit.delete", self.selection.erase, True),
            ("edit.select_all", self.select_all, False),
        )

    def bind(self, actions: Actions) -> None:
        """Copy, cut, paste and delete are ours."""
        for command, slot, changes in self._bindings:
            actions.bind(command, slot, enabled=self._may_write if changes else None)

    def unbind(self, actions: Actions) -> None:
        """They are others' again."""
        for command, slot, _ in self._bindings:
            actions.unbind(command, slot)

    def attach(self, shown: ComponentList) -> None:
        """Fill this list."""
        self._list = shown
        shown.pointed.connect(self._on_pointed)
        shown.chosen.connect(self._on_chosen)
        self._show()

    # -- what a person does

    def paste(self) -> None:
        """Paste, and have it in the hand to be moved."""
        if self.selection.paste() and self._painting.tool != _SELECT:
            pieces = self.selection.pieces
            self._painting.choose(_SELECT)
            self.selection.set(pieces)

    def select_all(self) -> None:
        """Every defect of the image."""
        pieces = [piece for one in self._found if (piece := self._piece(one)) is not None]
        if self._painting.tool != _SELECT:
            self._painting.choose(_SELECT)
        self.selection.set(pieces)

    # -- the list

    def read(self) -> None:
        """List the defects anew."""
        labels = self.selection.labels
        if labels is None:
            self._take(())
        else:
            self._session.background.run(lambda: components(labels), self._take, owner=self, key="components")

    def _take(self, found: tuple[Component, ...]) -> None:
        self._found = found
        self._show()

    def _show(self) -> None:
        if self._list is None:
            return
        self._list.model.show_classes(self._session.classes)
        self._list.show_components(self._found, self._painting.bench.scale_um)
        self._on_selection_changed()

    def _piece(self, component: Component) -> Piece | None:
        """None when it is not there any more: a newer list is on its way."""
        labels = self.selection.labels
        if labels is None:
            return None
        try:
            return Piece.found(labels, mask_of(labels, component))
        except (KeyError, IndexError):
            return None

    def _of(self, pieces: Sequence[Piece]) -> list[Component]:
        """The listed components that pieces show."""
        boxes = {(one.class_id, one.box): one for one in self._found}
        exact = {boxes.get((piece.class_id, piece.box)) for piece in pieces} - {None}
        parts = [piece for piece in pieces if (piece.class_id, piece.box) not in boxes]  # cut off, or grown together
        return [
            one
            for one in self._found
            if one in exact or any(one.class_id == piece.class_id and piece.holds(*one.pixel) for piece in parts)
        ]

    def _may_write(self) -> bool:
        return self._session.can_write

    # -- slots

    def _on_value_changed(self, name: str) -> None:
        if name == "sheet" and self._painting.bench.sheet is None:
            self._take(())
        elif name == "scale_um":
            self._show()

    def _on_selection_changed(self) -> None:
        if self._list is not None and not self._is_following:
            self._list.select(self._of(self.selection.pieces))

    def _on_hovered_changed(self) -> None:
        if self._list is not None and not self._is_following:
            hovered = self.selection.hovered
            found = [] if hovered is None else self._of([hovered])
            self._list.point_at(found[0] if found else None)

    def _on_cursor_moved(self, x: int, y: int, _: object) -> None:
        """Tools that select nothing: the list shows what they stand on all the same."""
        if self._painting.tool == _SELECT or self._list is None or not self._found:
            return
        labels = self.selection.labels
        value = 0 if labels is None or x < 0 else int(labels[y, x])
        near = [one for one in self._found if one.class_id == value and _contains(one, x, y)] if value else []
        self._list.point_at(min(near, key=lambda one: one.area, default=None))

    def _on_pointed(self, component: Component | None) -> None:
        self._is_following = True
        self.selection.hover(None if component is None else self._piece(component))
        self._is_following = False

    def _on_chosen(self, chosen: list[Component], clicked: bool) -> None:
        self._is_following = True
        pieces = [piece for one in chosen if (piece := self._piece(one)) is not None]
        if pieces or self.selection.pieces:
            self.selection.set(pieces)
        self._is_following = False
        if clicked and len(chosen) == 1:
            self._look_at(chosen[0])

    def _look_at(self, component: Component) -> None:
        """Bring it into the middle; what is too small to be seen comes closer."""
        view, (x0, y0, x1, y1) = self._canvas.view, component.box
        if max(x1 - x0, y1 - y0) * view.scale < _SMALL * view.dpr:
            self._canvas.show_area((float(x0), float(y0), float(x1), float(y1)))
            return
        x, y = view.to_device((x0 + x1) / 2, (y0 + y1) / 2)
        self._canvas.pan((view.width / 2 - x) / view.dpr, (view.height / 2 - y) / view.dpr)

    def _on_class_chosen(self, class_id: int) -> None:
        selects = self._painting.tool in (_SELECT, _LOOK) or not self._canvas.hasFocus()
        if self.selection.pieces and selects:
            self.selection.recolour(class_id)

    def _on_tool_changed(self, command: str) -> None:
        if command != _SELECT:
            self.selection.clear()


def _contains(one: Component, x: int, y: int) -> bool:
    x0, y0, x1, y1 = one.box
    return x0 <= x < x1 and y0 <= y < y1
