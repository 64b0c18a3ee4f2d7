"""Choosing between masks of two people: both are seen on the image, a key keeps one, takes the other or joins them."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from PySide6.QtCore import QObject

from app.canvas.overlays import Overlays, class_colours
from app.canvas.theirs import LAYER
from app.canvas.view import Canvas
from app.commands import Actions
from app.pages.annotate.chooser import Queues
from app.pages.annotate.conflict_strip import ConflictStrip
from app.pages.annotate.painting import Painting
from app.pages.annotate.queues import is_conflict
from app.pages.annotate.sides import Sides, compare, read_sides
from app.pages.annotate.walk import Walk
from app.session import Session
from app.words import tr
from core.words import MaskChoice
from core.workflow.disagreement import Difference

CHOICES: Final[tuple[MaskChoice, ...]] = ("mine", "theirs", "both")
_SMALL: Final = 24.0  # device pixels: a smaller difference is looked at closely when its image comes


class Conflicts(QObject):
    """Shows the other mask over the image that is on screen, and stores what is chosen, each a step of undo."""

    def __init__(
        self, session: Session, canvas: Canvas, painting: Painting, queues: Queues, walk: Walk, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._canvas, self._painting = session, canvas, painting
        self._queues, self._walk = queues, walk
        self.strip: Final = ConflictStrip()
        self._sides: Sides | None = None
        self._at = 0  # which of the others
        self._found: Difference | None = None
        self._image: tuple[int, tuple[int, int]] | None = None  # id, width and height
        self._is_aside = False
        self._is_new = False  # the image came just now
        self.strip.chosen.connect(self.decide)
        self.strip.other_chosen.connect(self._on_other_chosen)
        self.strip.look_wanted.connect(self.look_closely)
        painting.opened.connect(self._on_opened)
        painting.painted.connect(self._compare)
        queues.changed.connect(self._show)
        session.images_changed.connect(self._on_images_changed)
        session.closed.connect(self.leave)
        self._bindings = tuple((f"conflict.{choice}", partial(self.decide, choice)) for choice in CHOICES)
        self._actions: Actions | None = None

    # -- the page comes and goes

    def bind(self, actions: Actions) -> None:
        """The keys that choose are ours."""
        self._actions = actions
        for command, slot in self._bindings:
            actions.bind(command, slot, enabled=self._may_decide)

    def unbind(self, actions: Actions) -> None:
        """They are nobody's again."""
        for command, slot in self._bindings:
            actions.unbind(command, slot)

    def leave(self) -> None:
        """The image goes."""
        self._image, self._sides, self._found = None, None, None
        self._show()

    def set_aside(self, aside: bool) -> None:
        """Regions are drawn meanwhile."""
        self._is_aside = aside
        self._show()

    # -- what a person does

    def decide(self, choice: MaskChoice) -> None:
        """Choose, and go on to the next image that waits for it."""
        session, sides, image = self._session, self._sides, self._image
        if sides is None or image is None or not self._may_decide() or self._painting.bench.is_open:
            return
        if session.strokes.is_failing:
            session.said.emit(tr("Nothing was decided: the last strokes are not saved yet"))
            return
        image_id, other_id = sides.image_id, sides.others[self._at].layer.id
        self._painting.leave(tr("One moment: the choice is being stored"))
        session.write(
            lambda project: project.decide(image_id, other_id, choice),
            lambda _: self._on_decided(image_id),
            touched=[image_id],
            failed=self._on_failed,
        )

    def look_closely(self) -> None:
        """At what differs."""
        if self._found is not None:
            self._canvas.show_area(self._found.box)
            self._canvas.setFocus()

    # -- inside

    def _may_decide(self) -> bool:
        return self._session.can_write and self._sides is not None and bool(self._sides.others) and not self._is_aside

    def _is_conflict(self, image_id: int, *, decided: bool = False) -> bool:
        """Whether somebody has to decide about an image; with `decided` also where that is done."""
        table = self._session.table
        row = -1 if table is None else int(table.row_of([image_id])[0])
        return table is not None and row >= 0 and bool(is_conflict(table, np.array([row]), decided=decided)[0])

    def _read(self) -> None:
        project, image = self._session.project, self._image
        if project is None or image is None:
            return
        if not self._is_conflict(image[0], decided=True):
            self._take(Sides(image[0]))
            return
        colours = class_colours(self._session.classes)
        self._session.background.run(
            lambda: read_sides(project, image[0], colours), self._take, owner=self, key="sides", lane="images"
        )

    def _take(self, sides: Sides) -> None:
        if self._image is None or sides.image_id != self._image[0]:
            return
        self._sides, self._at = (sides if sides.others else None), 0
        self._show()
        self._compare()

    def _compare(self) -> None:
        """How the two masks differ now."""
        sides, sheet = self._sides, self._painting.bench.sheet
        if sides is None:
            return
        other, shown = sides.others[self._at], (sides.labels if sheet is None else sheet.labels)
        self._session.background.run(
            lambda: compare(shown, other), partial(self._on_compared, sides), owner=self, key="difference"
        )

    def _on_compared(self, sides: Sides, found: Difference | None) -> None:
        if sides is not self._sides:
            return
        self._found = found
        self.strip.show_difference(found)
        if self._is_new and found is not None and self._queues.queue == "conflicts":
            x0, y0, x1, y1 = self._canvas.view.device_box(found.box)
            if max(x1 - x0, y1 - y0) < _SMALL * self._canvas.view.dpr:
                self.look_closely()
        self._is_new = False

    def _show(self) -> None:
        sides = None if self._is_aside else self._sides
        if sides is not None and not sides.open and self._queues.queue != "conflicts":
            sides = None
        drawn = None if sides is None else sides.others[self._at].drawn
        if drawn is not None or self._canvas.layer(LAYER) is not None:
            self._canvas.set_layer(LAYER, drawn)
        project = self._session.project
        me = "" if project is None else project.author
        amount = "" if self._queues.queue == "conflicts" else self._queues.amount("conflicts")  # it stands there, too
        self.strip.show_sides(sides, self._at, me, amount, writable=self._session.can_write)
        if self._actions is not None:
            self._actions.refresh()

    # -- slots

    def _on_opened(self, overlays: Overlays) -> None:
        self._is_new = self._image is None or self._image[0] != overlays.image_id
        if self._is_new:
            self._sides = self._found = None
        self._image = (overlays.image_id, overlays.size)
        self._read()

    def _on_images_changed(self, ids: object) -> None:
        if self._image is not None and isinstance(ids, tuple) and self._image[0] in ids:
            self._read()

    def _on_other_chosen(self, at: int) -> None:
        if self._sides is not None and 0 <= at < len(self._sides.others):
            self._at = at
            self._show()
            self._compare()
        self._canvas.setFocus()

    def _on_decided(self, image_id: int) -> None:
        self._canvas.setFocus()
        if self._image is not None and self._image[0] == image_id:
            self._painting.read(*self._image)  # what is shown is another mask now, and a person's
        moves_on = self._session.settings.get("work.move_on") and self._queues.queue == "conflicts"
        if moves_on and self._session.current == image_id and not self._is_conflict(image_id):
            self._walk.go_open(forward=True)

    def _on_failed(self, error: Exception) -> None:
        self._session.report(error)
        if self._image is not None:
            self._painting.read(*self._image)
