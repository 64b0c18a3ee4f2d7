"""The page: canvas, what is known of the image beside it, keys that label it and go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app import theme
from app.canvas.bar import CanvasBar, zoom_text
from app.canvas.overlays import Overlays
from app.canvas.view import Canvas
from app.commands import Actions
from app.pages.annotate import region_mode
from app.pages.annotate.conflicts import Conflicts
from app.pages.annotate.flow import Flow
from app.pages.annotate.ghost import Ghost
from app.pages.annotate.hint import Hint
from app.pages.annotate.painting import Painting
from app.pages.annotate.panel import ImagePanel
from app.pages.annotate.pieces import Pieces
from app.pages.annotate.place import Place
from app.pages.annotate.region_mode import RegionMode
from app.pages.annotate.stage import Stage
from app.pages.annotate.toolbar import OptionStrip, ToolBar
from app.pages.annotate.unsaved import UnsavedBanner
from app.pages.annotate.walk import Walk
from app.pages.page import Page
from app.session import Session
from app.words import tr
from core.project.records import View
from core.words import Label


class AnnotatePage(Page):
    """One image at a time.

    `show_what` takes {"id": image}, {"ids": order, "title": words}, {"queue": name, "id": image} and {"open": True}.
    """

    key: ClassVar[str] = "annotate"
    icon: ClassVar[str] = "annotate"
    shows_filmstrip: ClassVar[bool] = True

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(session, actions, parent)
        self.canvas = Canvas(self)
        self.canvas.set_layer_opacity("mask", 0.9)
        self.painting: Final = Painting(session, self.canvas, self)
        self.region: Final = RegionMode(session, self.canvas, actions, self)
        self.flow: Final = Flow(session, self.canvas, self.painting.bench, self)
        self.walk: Final = Walk(session, self.flow.queues)
        self.stage: Final = Stage(session, self.canvas, self)
        self.conflicts: Final = Conflicts(session, self.canvas, self.painting, self.flow.queues, self.walk, self)
        self.overlays: Overlays | None = None
        self._panel: ImagePanel | None = None
        self._on_screen = False
        self._saved_at = ""
        self._cursor = ""
        self._build()
        self._connect()
        self.pieces: Final = Pieces(session, self.canvas, self.painting, self)
        self.ghost: Final = Ghost(session, self.canvas, self.painting, self)
        self._bindings: tuple[tuple[str, Callable[[], object], Callable[[], bool] | None], ...] = (
            ("image.previous", partial(session.step, -1), None),
            ("image.next", partial(session.step, 1), None),
            ("image.previous_open", partial(self.walk.go_open, forward=False), None),
            ("image.next_open", partial(self.walk.go_open, forward=True), None),
            ("label.good", partial(self.label, "good"), self._may_label),
            ("label.defective", partial(self.label, "defective"), self._may_label),
            ("label.unsure", partial(self.label, "unlabelled"), self._may_label),
            (region_mode.MODE, self.region.switch, self._may_label),
            ("view.fit", self.canvas.fit, None),
            ("view.actual", partial(self.canvas.zoom_to, 1.0), None),
        )

    @property
    def shown(self) -> int | None:
        """The image that is on screen; `session.current` may still be on its way."""
        return self.stage.shown

    # -- page

    def title(self) -> str:
        return tr("Annotate")

    def headline(self) -> str:
        if self.session.table is None:
            return ""
        done, parts = self.walk.count(), []
        if self.session.order_title and self.flow.queues.queue == "given":
            parts.append(self.session.order_title)
        if done.defective:
            parts.append(tr("{n} of {all} defective images painted", n=f"{done.painted:,}", all=f"{done.defective:,}"))
        if done.unlabelled:
            parts.append(tr("{n} not labelled yet", n=f"{done.unlabelled:,}"))
        if self.session.strokes.is_failing:
            parts.append(tr("Not saved at the moment"))
        elif self._saved_at:
            parts.append(tr("Saved {clock}", clock=self._saved_at))
        return " · ".join(parts)

    def inspector(self) -> QWidget | None:
        if self._panel is None:
            panel = ImagePanel(self.session, self.canvas, self.painting.bench)
            panel.label_wanted.connect(self._on_label_wanted)
            panel.show_classes(self.session.classes)
            self.pieces.attach(panel.components)
            self.actions_table.attach(panel.components.view)
            self._panel = panel
            self.flow.use_panel(panel)
            self.region.use_panel(panel)
            self._show_facts()
        return self._panel

    def main_canvas(self) -> Canvas:
        return self.canvas

    def enter(self) -> None:
        self._on_screen = True
        for command, slot, enabled in self._bindings:
            words = tr("Unlabelled") if command == "label.unsure" else ""
            self.actions_table.bind(command, slot, enabled=enabled, text=words)
        self.painting.bind(self.actions_table)
        self.flow.bind(self.actions_table)
        self.pieces.bind(self.actions_table)
        self.conflicts.bind(self.actions_table)
        self._show_classes()
        self._begin()
        self.canvas.setFocus()

    def leave(self) -> None:
        self.region.leave()
        self._on_screen = False
        for command, slot, _ in self._bindings:
            self.actions_table.unbind(command, slot)
        self.painting.unbind(self.actions_table)
        self.flow.unbind(self.actions_table)
        self.pieces.unbind(self.actions_table)
        self.conflicts.unbind(self.actions_table)
        self.stage.leave()
        self.placed.emit("")

    def show_what(self, what: dict[str, Any]) -> None:
        if "ids" in what:
            self.session.set_order(what["ids"], what.get("title", ""))
        if "queue" in what:
            self.flow.queues.open(what["queue"], int(what["id"]))
        elif "id" in what:
            self.session.set_current(int(what["id"]))
        elif what.get("open"):
            self.walk.go_first()
        self._begin()
        if what.get("region"):
            self.region.start(what.get("product"), what.get("view"))

    # -- what a person does

    def label(self, label: Label) -> None:
        """Label the image that is on screen and show the next one."""
        image_id, table = self.session.current, self.session.table
        if image_id is None or table is None or image_id != self.shown:
            return  # never label what was not seen yet
        if self.painting.bench.is_open:
            return  # nor in the middle of a stroke
        if self.canvas.picture is None:
            self.session.said.emit(tr("This image cannot be read: it was not labelled"))
            return
        self.session.label([image_id], label)
        if self.session.settings.get("work.move_on") and not self.session.step(1):
            self.session.said.emit(tr("That was the last image of this list"))

    def _may_label(self) -> bool:
        return self.session.can_write

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.toolbar = ToolBar(self.actions_table, self)
        self.options = OptionStrip(self.painting.bench, self)
        column.addWidget(Hint(self.session, self.painting, self))
        holder = QVBoxLayout()
        holder.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        holder.addWidget(UnsavedBanner(self.session, self))
        column.addLayout(holder)
        column.addWidget(self.options)
        column.addWidget(self.conflicts.strip)
        column.addWidget(self.region.strip)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.toolbar)
        middle.addWidget(self.region.bar)
        self.region.bar.stand_for(self.toolbar)
        self._on_region_switched(False)
        middle.addWidget(self.canvas, 1)
        column.addLayout(middle, 1)
        self.bar = CanvasBar(self.canvas, self)
        self.place = Place(self.bar, self.flow.queues, self.session)
        column.addWidget(self.bar)
        self.actions_table.attach(self.canvas)

    def _connect(self) -> None:
        session = self.session
        session.current_changed.connect(self._on_current_changed)
        session.order_changed.connect(self._on_order_changed)
        session.table_loaded.connect(self._on_table_loaded)
        session.images_changed.connect(self._on_images_changed)
        session.closed.connect(self._on_session_closed)
        session.saved.connect(self._on_session_saved)
        session.unsaved_changed.connect(lambda _: self.headline_changed.emit())
        session.settings.changed.connect(self._on_setting_changed)
        self.stage.leaving.connect(self._on_image_leaving)
        self.stage.came.connect(self._on_image_came)
        self.stage.missing.connect(self._on_image_missing)
        self.canvas.cursor_moved.connect(self._on_cursor_moved)
        self.canvas.zoom_changed.connect(self._say_place)
        self.painting.tool_changed.connect(self._on_tool_changed)
        self.painting.painted.connect(self.flow.count_pixels)
        self.painting.opened.connect(self._on_overlays_read)
        self.region.switched.connect(self._on_region_switched)
        self.region.fits_wanted.connect(self._on_fits_wanted)
        self.region.outdated.connect(self._read_overlays)
        self.flow.queues.chosen.connect(self._on_queue_chosen)
        self._on_setting_changed("work.wheel_zooms")

    # -- the image

    def _begin(self) -> None:
        """Show the current image; where none is chosen, the first one that wants something."""
        if not self._on_screen or self.session.table is None:
            return
        if not self.session.order.size:
            self.flow.queues.begin()
        if self.session.current is None and self.walk.go_first():
            return
        if self.session.current != self.shown or self.session.current is None:
            self._show_current()

    def _show_current(self) -> None:
        self._show_facts()
        self.stage.show_current()

    def _read_overlays(self) -> None:
        image_id, project, picture = self.shown, self.session.project, self.canvas.picture
        if image_id is None or project is None or picture is None:
            return
        self.painting.read(image_id, (picture.width, picture.height))

    def _show_facts(self) -> None:
        facts = self.stage.facts()
        at, count = self.session.position(), int(self.session.order.size)
        self.place.show(at, count, "" if facts is None else facts.name)
        if self._panel is not None:
            self._panel.show_image(facts)
        self._say_place()

    def _say_place(self, *_: object) -> None:
        if not self._on_screen:
            return
        at, count = self.session.position(), int(self.session.order.size)
        parts = [self._cursor, zoom_text(self.canvas.zoom) if self.canvas.picture is not None else ""]
        parts.append(tr("{n} of {all}", n=f"{at + 1:,}", all=f"{count:,}") if at >= 0 else "")
        self.placed.emit(" · ".join(part for part in parts if part))

    # -- slots

    def _on_current_changed(self, _: object) -> None:
        if self._on_screen:
            self._show_current()

    def _on_image_leaving(self) -> None:
        """Nothing is painted on it any more."""
        self.flow.put_down()
        self.overlays = None
        self.conflicts.leave()
        self.ghost.leave()
        self.painting.finish()
        self.painting.leave()
        self.region.show(None)

    def _on_image_came(self, image_id: int) -> None:
        self.flow.take_up(image_id)
        self._show_facts()
        self._read_overlays()

    def _on_image_missing(self) -> None:
        if self._panel is not None:
            self._panel.show_overlays(None)
        self._show_facts()

    def _on_overlays_read(self, overlays: Overlays) -> None:
        if overlays.image_id != self.shown:
            return
        self.overlays = overlays
        self.canvas.set_layer("mask", overlays.mask)
        self.canvas.set_layer("roi", overlays.roi)
        self.region.show(overlays)
        if (facts := self.stage.facts()) is not None:
            self.painting.follow_class(overlays, facts.defect_class)
        if self._panel is not None:
            self._panel.show_overlays(overlays)

    def _on_region_switched(self, on: bool) -> None:
        for widget in (self.region.strip, self.region.bar):
            widget.setVisible(on)
        self.toolbar.setVisible(not on)
        self.conflicts.set_aside(on)
        self.options.setVisible(not on)
        if not on and self._on_screen:
            self.painting.take_again()
            self._read_overlays()
        self.canvas.setFocus()

    def _on_fits_wanted(self, view: View) -> None:
        from app.dialogs.region_fits import RegionFits

        dialog = RegionFits(self.session, view, self.window())
        dialog.opened.connect(self.session.set_current)
        dialog.finished.connect(self._read_overlays)
        dialog.open()

    def _on_queue_chosen(self) -> None:
        self.walk.go_into_queue()
        self.canvas.setFocus()
        self.headline_changed.emit()

    def _on_tool_changed(self, command: str) -> None:
        self.toolbar.show_tool(command)
        self.options.show_tool(command)
        self.canvas.setFocus()

    def _on_order_changed(self) -> None:
        self._show_facts()
        self.headline_changed.emit()

    def _show_classes(self) -> None:
        self.painting.show_classes(self.session.classes)
        self.toolbar.set_writable(self.session.can_write)
        if self._panel is not None:
            self._panel.show_classes(self.session.classes)

    def _on_table_loaded(self, _: bool) -> None:
        self._show_classes()
        self._begin()
        self._show_facts()
        self.headline_changed.emit()

    def _on_images_changed(self, ids: object) -> None:
        if ids is None:
            self._show_classes()
            if self._on_screen:
                self._read_overlays()
        self._show_facts()
        self.headline_changed.emit()

    def _on_session_closed(self) -> None:
        self.overlays, self._saved_at, self._cursor = None, "", ""
        self.walk.forget()
        self.stage.show_nothing()

    def _on_session_saved(self, clock: str) -> None:
        self._saved_at = clock
        self.headline_changed.emit()

    def _on_setting_changed(self, key: str) -> None:
        if key == "work.wheel_zooms":
            self.canvas.navigation.wheel_zooms = bool(self.session.settings.get(key))

    def _on_cursor_moved(self, x: int, y: int, rgb: object) -> None:
        self._cursor = f"{x}, {y} · {_value_text(rgb)}" if isinstance(rgb, tuple) else ""
        self._say_place()

    def _on_label_wanted(self, label: Label) -> None:
        self.label(label)
        self.canvas.setFocus()


def _value_text(rgb: tuple[int, int, int]) -> str:
    """One number for grey, three for a colour."""
    red, green, blue = rgb
    return f"{red}" if red == green == blue else f"{red} {green} {blue}"
