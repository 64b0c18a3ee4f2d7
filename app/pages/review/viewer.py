"""One unit: the image with its contour, heat on demand, what stands beside it, every pass below."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app import theme
from app.canvas.layers import ContourLayer
from app.canvas.link import link
from app.canvas.picture import Picture
from app.canvas.view import Canvas
from app.commands import Actions
from app.pages.review import kinds
from app.pages.review.bar import ViewBar
from app.pages.review.beside import Beside, Pane
from app.pages.review.explaining import CONTOUR, Explained, explain
from app.pages.review.state import Review
from app.pages.review.strip import PassStrip
from app.reconstructions import Asked
from app.words import tr
from core.reconstructions import Reconstruction

Compare = Literal["single", "side", "blink"]
MODES: Final[tuple[Compare, ...]] = ("single", "side", "blink")
_BLINK_MS: Final = 700
_FACE: Final = "review face"
_HELD: Final = (Qt.Key.Key_X, Qt.Key.Key_H)


class Viewer(QWidget):
    """Follows the row of a review."""

    placed = Signal(str)  # what lies under the cursor, for the status line

    def __init__(self, review: Review, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self._session = review.session
        self._explained: Explained | None = None
        self._is_old = False  # the table was read again: what explains the row is made anew
        self._mask: tuple[int, ContourLayer | None] | None = None  # image id
        self._picture: Picture | None = None
        self._shown: tuple[int, int, str] | None = None  # scoring, image, cell
        self._is_blinked = False
        self._is_active = False
        self._build(actions)
        self._blink = QTimer(self)
        self._blink.setInterval(_BLINK_MS)
        self._blink.timeout.connect(self._on_blink_timeout)
        self._connect()
        self._set_mode(self._session.memory.recall("review compare", "side"))

    # -- for the page

    def activate(self) -> None:
        """The page came on screen."""
        self._is_active = True
        if self._mode == "blink":
            self._blink.start()
        self.beside.activate()

    def rest(self) -> None:
        """The page went: nothing blinks, nothing is asked for."""
        self._is_active = False
        self._blink.stop()
        self.beside.rest()

    def next_mode(self) -> None:
        """Single, side by side, blink."""
        self._set_mode(MODES[(MODES.index(self._mode) + 1) % len(MODES)])

    def fit(self) -> None:
        """All of the image."""
        self.left.fit()

    def actual(self) -> None:
        """Pixel for pixel."""
        self.left.zoom_to(1.0)

    @property
    def mode(self) -> Compare:
        """How the image and what stands beside it are compared."""
        return self._mode

    def compare_with(self, image_id: int | None) -> None:
        """Put another image beside the one on screen; None: its reconstruction again."""
        if image_id is not None and self._mode == "single":
            self._set_mode("side")
        self.beside.compare(image_id, "" if image_id is None else self._name(image_id))

    def listen_to(self, widget: QWidget) -> None:
        """X and H held over a list act here, as they do over the image."""
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hand held keys on."""
        kinds_ = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        if event.type() in kinds_ and isinstance(event, QKeyEvent) and event.key() in _HELD and not event.modifiers():
            return QCoreApplication.sendEvent(self.left, event)
        return super().eventFilter(watched, event)

    # -- building

    def _build(self, actions: Actions) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.bar = ViewBar(self._session, self)
        column.addWidget(self.bar)
        difference = self._session.memory.recall(_FACE, "picture") == "difference"
        self.strip = PassStrip(self, face="difference" if difference else "picture")
        self.strip.chosen.connect(lambda *_: self._session.memory.remember(_FACE, self.strip.face))
        self._split = QSplitter(Qt.Orientation.Horizontal, self)
        self._split.setChildrenCollapsible(False)
        self._pane = Pane(self._session, actions, tr("Image"), self._split)
        self.beside = Beside(self._review, actions, self.strip, self._split)
        self.left: Canvas = self._pane.canvas
        self.right: Canvas = self.beside.canvas
        self._split.setSizes([1000, 1000])
        link(self.left, self.right)
        column.addWidget(self._split, 1)
        column.addWidget(self.strip)

    def _connect(self) -> None:
        review, bar = self._review, self.bar
        review.row_changed.connect(self._on_row_changed)
        review.loaded.connect(self._on_review_loaded)
        review.queue_changed.connect(self._on_queue_changed)
        review.threshold_moved.connect(lambda _: self._explain(settled=False))
        review.threshold_settled.connect(lambda _: self._explain())
        self.left.cursor_moved.connect(self._on_cursor_moved)
        self.beside.shown.connect(self._on_beside_shown)
        self._session.reconstructions.ready.connect(self._on_reconstruction_ready)
        bar.mode_chosen.connect(self._set_mode)
        bar.layer_toggled.connect(self._on_layer_toggled)
        bar.heat_toggled.connect(self.left.pin_heat)
        bar.opacity_chosen.connect(self._on_opacity_chosen)
        bar.colour_map_chosen.connect(self._on_colour_map_chosen)
        opacity = float(self._session.settings.get("look.heat_opacity")) / 100
        for canvas in (self.left, self.right):
            canvas.heat_pinned.connect(self._on_heat_pinned)
            canvas.opacity_changed.connect(self._on_opacity_changed)
            canvas.set_layer_opacity("heatmap", opacity)

    # -- the row on screen

    def _on_review_loaded(self) -> None:
        self._is_old, self._mask = True, None
        if self._review.table is None:
            self._clear()

    def _on_queue_changed(self) -> None:
        if self._review.row is None:
            self._say_empty()

    def _on_row_changed(self) -> None:
        unit = self._review.unit
        shown = None if unit is None else (unit.table.scoring.id, unit.image_id, unit.cell)
        if shown is not None and shown == self._shown and self._picture is not None:
            self._explain()  # the table was read again: the same picture, perhaps another mask or threshold
            return
        self._shown = shown
        self._explained = self._picture = None
        self._show_legend()
        if unit is None:
            self._say_empty()
            return
        self.bar.set_name(self._name(unit.image_id))
        self.beside.begin()
        self._session.loader.load(
            unit.image_id,
            lambda picture: self._take_picture(unit.row, picture),
            lambda error: self._take_error(unit.row, error),
            owner=self,
        )
        self._explain()

    def _name(self, image_id: int) -> str:
        images = self._session.table
        at = -1 if images is None else int(images.row_of([image_id])[0])
        return "" if images is None or at < 0 else images.names[at]

    def _clear(self) -> None:
        self.bar.set_name("")
        self.left.show_image(None)
        self._pane.word.setText(tr("Image"))
        self.beside.begin()

    def _say_empty(self) -> None:
        self._clear()
        if self._review.table is not None:
            self.left.show_notice(*kinds.empty_words(self._review.kind), sign="check")

    def _take_picture(self, row: int, picture: Picture) -> None:
        unit = self._review.unit
        if unit is None or unit.row != row:
            return
        self._picture = picture
        self._is_blinked = False
        self._show_left()
        if unit.cell:
            self.left.show_area(unit.box)
        self.beside.set_image(picture)

    def _take_error(self, row: int, error: Exception) -> None:
        if row == self._review.row:
            self.left.show_error(error)

    def _show_left(self) -> None:
        blinked = self._is_blinked and self.beside.picture is not None
        picture = self.beside.picture if blinked else self._picture
        if picture is None:
            return
        self._pane.word.setText(self.beside.words if blinked else tr("Image"))
        keep = bool(self._session.settings.get("work.keep_zoom")) or self._mode == "blink"
        self.left.show_image(picture, keep_view=keep)
        self._lay(self.left, with_mask=not blinked)

    def _on_beside_shown(self) -> None:
        self.right.restore_view(self.left.view, fitted=self.left.is_fitted)
        self._lay(self.right, with_mask=False)
        if self._is_blinked:
            self._show_left()

    # -- why: contour and heat

    def _explain(self, *, settled: bool = True) -> None:
        """Contour of the row at the threshold, off the GUI thread; the newest wish counts. Heat once `settled`."""
        project, unit = self._session.project, self._review.unit
        if project is None or unit is None:
            return
        table, row, threshold = unit.table, unit.row, self._review.threshold
        known = self._explained
        if known is not None and (self._is_old or known.row != row):
            known = None
        colour_map = str(self._session.settings.get("look.colour_map"))
        mask = self._mask if self._mask is not None and self._mask[0] == unit.image_id else None
        rebuilt = self.beside.rebuilt
        self._session.background.run(
            lambda: explain(project, table, row, threshold, colour_map, known, mask, settled=settled, rebuilt=rebuilt),
            self._take_explained,
            owner=self,
            key="explain",
        )

    def _take_explained(self, found: Explained) -> None:
        if found.row != self._review.row:
            return
        self._explained, self._is_old = found, False
        self._mask = (found.maps.image_id, found.mask)
        self._lay(self.left, with_mask=not self._is_blinked)
        self._lay(self.right, with_mask=False)
        self._show_legend()

    def _show_legend(self) -> None:
        """What the lines over the image are, those that are there and switched on."""
        explained = self._explained
        lines = []
        if explained is not None and not self._is_blinked:
            if explained.contours.extent is not None and self.left.is_layer_visible("contours"):
                lines.append((CONTOUR, tr("above the threshold")))
            if explained.mask is not None and self.left.is_layer_visible("mask"):
                lines.append((theme.COLOUR["defective"], tr("painted defect")))
        self._pane.show_legend(lines)

    def _on_reconstruction_ready(self, _asked: Asked, _found: Reconstruction) -> None:
        """What `beside` has now fills in for a map that was not kept."""
        explained = self._explained
        if self.beside.rebuilt is not None and (explained is None or explained.values is None):
            self._explain()

    def _lay(self, canvas: Canvas, *, with_mask: bool) -> None:
        """Put what explains the row over a picture."""
        explained, unit = self._explained, self._review.unit
        if canvas.picture is None or explained is None:
            return
        canvas.set_layer("contours", explained.contours)
        canvas.set_layer("heatmap", explained.heat)
        canvas.set_layer("mask", explained.mask if with_mask else None)
        if unit is not None and unit.cell:
            x0, y0, x1, y1 = unit.box
            frame = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
            canvas.set_layer("unit", ContourLayer([frame], theme.COLOUR["roi"], width=1.5))

    # -- how it is looked at

    def _set_mode(self, mode: str) -> None:
        self._mode: Compare = next((one for one in MODES if one == mode), "side")
        self._session.memory.remember("review compare", self._mode)
        self.bar.set_mode(self._mode)
        self.beside.setVisible(self._mode == "side")
        self._is_blinked = False
        if self._mode == "blink" and self._is_active:
            self._blink.start()
        else:
            self._blink.stop()
        self._show_left()

    def _on_blink_timeout(self) -> None:
        if self.beside.picture is None or self._picture is None:
            return
        self._is_blinked = not self._is_blinked
        self._show_left()

    def _on_cursor_moved(self, x: int, y: int, rgb: tuple[int, int, int] | None) -> None:
        """Where, which colour, and what the map says there."""
        explained = self._explained
        if rgb is None:
            self.placed.emit("")
            return
        words = [f"{x}, {y}", f"{rgb[0]} {rgb[1]} {rgb[2]}"]
        if explained is not None and explained.values is not None:
            height, width = explained.values.shape
            column = min(x * width // max(explained.maps.width, 1), width - 1)
            line = min(y * height // max(explained.maps.height, 1), height - 1)
            words.append(tr("map {value}", value=f"{explained.values[line, column]:.4f}"))
        words.append(f"{100 * self.left.zoom:.0f} %")
        self.placed.emit(" · ".join(words))

    def _on_layer_toggled(self, name: str, visible: bool) -> None:
        for canvas in (self.left, self.right):
            canvas.set_layer_visible(name, visible)
        self._show_legend()

    def _on_heat_pinned(self, pinned: bool) -> None:
        for canvas in (self.left, self.right):
            canvas.pin_heat(pinned)
        self.bar.set_heat(pinned)

    def _on_opacity_chosen(self, opacity: float) -> None:
        for canvas in (self.left, self.right):
            canvas.set_layer_opacity("heatmap", opacity)

    def _on_opacity_changed(self, name: str, opacity: float) -> None:
        if name == "heatmap":
            self._on_opacity_chosen(opacity)
            self.bar.set_opacity(opacity)

    def _on_colour_map_chosen(self, name: str) -> None:
        self._explain()
        self.beside.recolour(name)
