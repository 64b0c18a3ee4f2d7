"""The page: canvas, what is known of the image beside it, keys that label it and go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app import theme
from app.canvas.bar import CanvasBar, zoom_text
from app.canvas.overlays import Overlays
from app.canvas.picture import Picture
from app.canvas.tools import BY_COMMAND
from app.canvas.view import Canvas
from app.commands import Actions
from app.pages.annotate import progress, region_mode
from app.pages.annotate.facts import Facts, facts_of
from app.pages.annotate.flow import Flow
from app.pages.annotate.ghost import Ghost
from app.pages.annotate.hint import Hint
from app.pages.annotate.painting import Painting
from app.pages.annotate.panel import ImagePanel
from app.pages.annotate.pieces import Pieces
from app.pages.annotate.place import Place
from app.pages.annotate.region_mode import RegionMode
from app.pages.annotate.region_strip import region_button
from app.pages.annotate.toolbar import OptionStrip, ToolBar
from app.pages.annotate.unsaved import UnsavedBanner
from app.pages.page import Page
from app.session import Session
from app.words import tr
from core.annotation.masks import painted_pixels
from core.project.records import View
from core.words import Label, Split

_NOTICE_MS: Final = 150  # a picture that comes sooner replaces the last one without a word in between


class AnnotatePage(Page):
    """One image at a time. `show_what` takes {"id": image}, {"ids": order, "title": words} and {"open": True}."""

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
        self.shown: int | None = None  # the image that is on screen; `session.current` may still be on its way
        self.overlays: Overlays | None = None
        self._panel: ImagePanel | None = None
        self._on_screen = False
        self._saved_at = ""
        self._cursor = ""
        self._rows_of: tuple[Any, Any] = (None, None)
        self._rows: NDArray[np.intp] = np.empty(0, np.intp)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_NOTICE_MS)
        self._late.timeout.connect(self._on_picture_late)
        self._build()
        self._connect()
        self.pieces: Final = Pieces(session, self.canvas, self.painting, self)
        self.ghost: Final = Ghost(session, self.canvas, self.painting, self)
        self._bindings: tuple[tuple[str, Callable[[], object], Callable[[], bool] | None], ...] = (
            ("image.previous", partial(session.step, -1), None),
            ("image.next", partial(session.step, 1), None),
            ("image.previous_open", partial(self.go_open, forward=False), None),
            ("image.next_open", partial(self.go_open, forward=True), None),
            ("label.good", partial(self.label, "good"), self._may_label),
            ("label.defective", partial(self.label, "defective"), self._may_label),
            ("label.unsure", partial(self.label, "unlabelled"), self._may_label),
            (region_mode.MODE, self.region.switch, self._may_label),
            ("view.fit", self.canvas.fit, None),
            ("view.actual", partial(self.canvas.zoom_to, 1.0), None),
        )

    # -- page

    def title(self) -> str:
        return tr("Annotate")

    def headline(self) -> str:
        table = self.session.table
        if table is None:
            return ""
        is_given = self.flow.queues.queue == "given"
        done = progress.count(table, self._order_rows() if is_given else self.flow.queues.rows())
        parts = []
        if self.session.order_title and is_given:
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
            panel.class_wanted.connect(self._on_class_wanted)
            panel.split_wanted.connect(self._on_split_wanted)
            panel.area_wanted.connect(self._on_area_wanted)
            panel.show_classes(self.session.classes)
            self.pieces.attach(panel.components)
            self.actions_table.attach(panel.components.view)
            self._panel = panel
            self.flow.use_panel(panel)
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
        self._show_classes()
        self._begin()
        self.canvas.setFocus()

    def leave(self) -> None:
        self.region.leave()
        self._on_screen = False
        self._late.stop()
        for command, slot, _ in self._bindings:
            self.actions_table.unbind(command, slot)
        self.painting.unbind(self.actions_table)
        self.flow.unbind(self.actions_table)
        self.pieces.unbind(self.actions_table)
        self._put_down()
        self.shown = None  # read anew when the page comes back
        self.placed.emit("")

    def show_what(self, what: dict[str, Any]) -> None:
        if "ids" in what:
            self.session.set_order(what["ids"], what.get("title", ""))
        if "id" in what:
            self.session.set_current(int(what["id"]))
        elif what.get("open"):
            self._go_to(self._first_open())
        self._begin()
        if what.get("region") and not self.region.is_on:
            self.region.switch()

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

    def go_open(self, *, forward: bool) -> None:
        """The next image that wants a label, or when all have one, that wants its defects painted."""
        table = self.session.table
        if table is None:
            return
        at = progress.next_open(table, self._order_rows(), self.session.position(), forward=forward)
        if at >= 0:
            self._go_to(at)
        elif forward:
            self.session.said.emit(tr("Nothing is left to do after this image"))
        else:
            self.session.said.emit(tr("Nothing is left to do before this image"))

    def _may_label(self) -> bool:
        return self.session.can_write

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.toolbar = ToolBar(self.actions_table, self)
        self.options = OptionStrip(self.painting.bench, self)
        column.addWidget(Hint(self.session.memory, self))
        holder = QVBoxLayout()
        holder.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        holder.addWidget(UnsavedBanner(self.session, self))
        column.addLayout(holder)
        column.addWidget(self.options)
        column.addWidget(self.region.strip)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.toolbar)
        middle.addWidget(self.region.bar)
        self.toolbar.add("tool.region", region_button(self.actions_table, self.toolbar))
        self._on_region_switched(False)
        middle.addWidget(self.canvas, 1)
        column.addLayout(middle, 1)
        self.bar = CanvasBar(self.canvas, self)
        self._place = Place(self.bar, self.flow.queues, self.session)
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
        self.canvas.cursor_moved.connect(self._on_cursor_moved)
        self.canvas.zoom_changed.connect(self._say_place)
        self.painting.tool_changed.connect(self._on_tool_changed)
        self.painting.painted.connect(self._count_pixels)
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
        if self.session.current is None and self._first_open() >= 0:
            self._go_to(self._first_open())
        elif self.session.current != self.shown or self.session.current is None:
            self._show_current()

    def _show_current(self) -> None:
        image_id = self.session.current
        self._show_facts()
        if image_id is None:
            self._show_nothing()
            return
        self._late.start()
        self.session.loader.load(
            image_id, partial(self._on_picture_read, image_id), partial(self._on_reading_failed, image_id), owner=self
        )

    def _show_nothing(self) -> None:
        self._put_down()
        self.shown = None
        self._late.stop()
        if self.session.table is not None and not len(self.session.table):
            self.canvas.show_notice(
                tr("There are no images yet"), tr("Add a folder on the Dataset page."), sign="dataset"
            )
        else:
            self.canvas.show_notice(tr("No image is chosen"), tr("Choose one in the filmstrip."), sign="annotate")

    def _read_overlays(self) -> None:
        image_id, project, picture = self.shown, self.session.project, self.canvas.picture
        if image_id is None or project is None or picture is None:
            return
        self.painting.read(image_id, (picture.width, picture.height))

    def _put_down(self) -> None:
        """The image leaves the screen: nothing is painted on it any more."""
        self.flow.put_down()
        self.overlays = None
        self.ghost.leave()
        self.painting.finish()
        self.painting.leave()
        self.region.show(None)

    def _count_pixels(self) -> None:
        """How much of each class is painted, after a stroke."""
        sheet, image_id = self.painting.bench.sheet, self.shown
        if sheet is None or self._panel is None:
            return
        labels, extent = sheet.labels, sheet.layer.extent
        x0, y0, x1, y1 = (0, 0, 0, 0) if extent is None else (int(one) for one in extent)
        self.session.background.run(
            lambda: painted_pixels(labels[y0:y1, x0:x1]),
            lambda pixels: self._show_amounts(image_id, pixels),
            owner=self,
            key="amounts",
        )

    def _show_amounts(self, image_id: int | None, pixels: dict[int, int]) -> None:
        if self._panel is not None and image_id == self.shown:
            self._panel.show_amounts(pixels)
            self._panel.show_author("" if self.session.project is None else self.session.project.author)

    def _show_facts(self) -> None:
        facts = self._facts()
        at, count = self.session.position(), int(self.session.order.size)
        self._place.show(at, count, "" if facts is None else facts.name)
        if self._panel is not None:
            self._panel.show_image(facts)
        self._say_place()

    def _facts(self) -> Facts | None:
        picture = self.canvas.picture if self.shown == self.session.current else None
        size = None if picture is None else (picture.width, picture.height)
        return facts_of(self.session.table, self.session.current, size)

    def _go_to(self, at: int) -> None:
        if 0 <= at < self.session.order.size:
            self.session.set_current(int(self.session.order[at]))

    def _first_open(self) -> int:
        table = self.session.table
        return -1 if table is None else progress.first_open(table, self._order_rows())

    def _order_rows(self) -> NDArray[np.intp]:
        """Rows of the order in the table; looked up again only when one of them changed."""
        table, order = self.session.table, self.session.order
        if table is None:
            return np.empty(0, np.intp)
        if self._rows_of[0] is not order or self._rows_of[1] != len(table):  # images only ever come
            rows = table.row_of(order)
            self._rows_of, self._rows = (order, len(table)), rows[rows >= 0]
        return self._rows

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

    def _on_picture_read(self, image_id: int, picture: Picture) -> None:
        if image_id != self.session.current or not self._on_screen:
            return
        self._late.stop()
        self._put_down()
        self.shown = image_id
        self.canvas.show_image(picture)
        self.flow.take_up(image_id)
        self._show_facts()
        self._read_overlays()

    def _on_reading_failed(self, image_id: int, error: Exception) -> None:
        if image_id != self.session.current or not self._on_screen:
            return
        self._late.stop()
        self._put_down()
        self.shown = image_id
        self.canvas.show_error(error)
        if self._panel is not None:
            self._panel.show_overlays(None)
        self._show_facts()

    def _on_picture_late(self) -> None:
        facts = self._facts()
        self._put_down()
        self.shown = None
        self.canvas.show_notice(tr("Reading the image …"), "" if facts is None else facts.name)
        if self._panel is not None:
            self._panel.show_overlays(None)

    def _on_overlays_read(self, overlays: Overlays) -> None:
        if overlays.image_id != self.shown:
            return
        self.overlays = overlays
        self.canvas.set_layer("mask", overlays.mask)
        self.canvas.set_layer("roi", overlays.roi)
        self.region.show(overlays)
        if (facts := self._facts()) is not None:
            self.painting.follow_class(overlays, facts.defect_class)
        if self._panel is not None:
            self._panel.show_overlays(overlays)

    def _on_region_switched(self, on: bool) -> None:
        for widget in (self.region.strip, self.region.bar):
            widget.setVisible(on)
        self.toolbar.setVisible(not on)
        self.options.setVisible(not on and self.painting.tool in BY_COMMAND)
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
        """From its first image that wants something, unless it holds the one that is shown; by score from the worst."""
        if self.flow.queues.queue == "score":
            self._go_to(0)
        elif self.session.position() < 0:
            self._go_to(self._first_open())
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
            else:
                self.shown = None  # read anew when the page comes back
        self._show_facts()
        self.headline_changed.emit()

    def _on_session_closed(self) -> None:
        self.overlays, self._saved_at, self._cursor = None, "", ""
        self._rows_of, self._rows = (None, None), np.empty(0, np.intp)
        self._show_nothing()

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

    def _on_class_wanted(self, code: str) -> None:
        if self.session.current is not None:
            self.session.label([self.session.current], "defective", code)
        self.canvas.setFocus()

    def _on_split_wanted(self, split: Split) -> None:
        if self.session.current is not None:
            self.session.split([self.session.current], split)
        self.canvas.setFocus()

    def _on_area_wanted(self, extent: tuple[float, float, float, float]) -> None:
        self.canvas.show_area(extent)
        self.canvas.setFocus()


def _value_text(rgb: tuple[int, int, int]) -> str:
    """One number for grey, three for a colour."""
    red, green, blue = rgb
    return f"{red}" if red == green == blue else f"{red} {green} {blue}"
