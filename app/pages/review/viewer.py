"""One unit: the image with its contour beside the reconstruction, heat on demand, every pass below."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QSplitter, QVBoxLayout, QWidget

from app import theme
from app.canvas.layers import ContourLayer
from app.canvas.picture import Picture
from app.canvas.view import Canvas
from app.commands import Actions
from app.pages.review import kinds
from app.pages.review.bar import ViewBar
from app.pages.review.explaining import Explained, explain, rebuilt_picture
from app.pages.review.state import Review
from app.pages.review.strip import PassStrip, pass_word
from app.reconstructions import Asked
from app.session import Slowly
from app.words import tr
from core.reconstructions import CropPasses, Reconstruction
from core.workflow.review import ReviewTable

Compare = Literal["single", "side", "blink"]
MODES: Final[tuple[Compare, ...]] = ("single", "side", "blink")
_DWELL_MS: Final = 250  # leafing through a queue asks for nothing
_BLINK_MS: Final = 700
_HELD: Final = (Qt.Key.Key_X, Qt.Key.Key_H)


class Viewer(QWidget):
    """Follows the row of a review."""

    explained = Signal(object)  # Maps of the row on screen
    placed = Signal(str)  # what lies under the cursor, for the status line
    reconstructed = Signal(object)  # Reconstruction of the row on screen, or None while there is none

    def __init__(self, review: Review, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self._session = review.session
        self._explained: Explained | None = None
        self._mask: tuple[int, ContourLayer | None] | None = None  # image id
        self._picture: Picture | None = None
        self._rebuilt: Picture | None = None
        self._crop: CropPasses | None = None
        self._found: Reconstruction | None = None
        self._shown: tuple[int, int, str] | None = None  # scoring, image, cell
        self._judged = 1
        self._is_blinked = False
        self._is_active = False
        self._build(actions)
        self._dwell = Slowly(self._on_dwelt, _DWELL_MS, self)
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
        if self._found is None:
            self._dwell.start()

    def rest(self) -> None:
        """The page went: nothing blinks, nothing is asked for."""
        self._is_active = False
        self._blink.stop()
        self._dwell.stop()

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
        """How image and reconstruction are compared."""
        return self._mode

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
        self._split = QSplitter(Qt.Orientation.Horizontal, self)
        self._split.setChildrenCollapsible(False)
        _, self.left, self._left_word = self._pane(actions, tr("Image"))
        self._beside, self.right, self._right_word = self._pane(actions, tr("Reconstruction"))
        self._split.setSizes([1000, 1000])
        self.left.link(self.right)
        column.addWidget(self._split, 1)
        self.strip = PassStrip(self)
        column.addWidget(self.strip)

    def _pane(self, actions: Actions, word: str) -> tuple[QWidget, Canvas, QLabel]:
        pane = QWidget(self._split)
        column = QVBoxLayout(pane)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        label = QLabel(word, pane)
        label.setProperty("role", "muted")
        label.setContentsMargins(8, 2, 8, 3)
        column.addWidget(label)
        canvas = Canvas(pane)
        canvas.navigation.wheel_zooms = bool(self._session.settings.get("work.wheel_zooms"))
        actions.attach(canvas)
        column.addWidget(canvas, 1)
        self._split.addWidget(pane)
        return pane, canvas, label

    def _connect(self) -> None:
        review, bar = self._review, self.bar
        review.row_changed.connect(self._on_row_changed)
        review.loaded.connect(self._on_review_loaded)
        review.queue_changed.connect(self._on_queue_changed)
        review.threshold_moved.connect(lambda _: self._explain(settled=False))
        review.threshold_settled.connect(lambda _: self._explain())
        self.left.cursor_moved.connect(self._on_cursor_moved)
        bar.mode_chosen.connect(self._set_mode)
        bar.layer_toggled.connect(self._on_layer_toggled)
        bar.heat_toggled.connect(self.left.pin_heat)
        bar.opacity_chosen.connect(self._on_opacity_chosen)
        bar.colour_map_chosen.connect(self._on_colour_map_chosen)
        for canvas in (self.left, self.right):
            canvas.heat_pinned.connect(self._on_heat_pinned)
            canvas.opacity_changed.connect(self._on_opacity_changed)
        self.strip.chosen.connect(lambda _number, _face: self._show_rebuilt())
        reconstructions = self._session.reconstructions
        reconstructions.began.connect(self._on_reconstruction_began)
        reconstructions.ready.connect(self._on_reconstruction_ready)
        reconstructions.failed.connect(self._on_reconstruction_failed)
        opacity = float(self._session.settings.get("look.heat_opacity")) / 100
        for canvas in (self.left, self.right):
            canvas.set_layer_opacity("heatmap", opacity)

    # -- the row on screen

    def _place(self) -> tuple[ReviewTable, int, int, str] | None:
        table, row = self._review.table, self._review.row
        if table is None or row is None:
            return None
        return (table, row, *table.place(row))

    def _on_review_loaded(self) -> None:
        self._explained, self._mask = None, None
        if self._review.table is None:
            self._clear()

    def _on_queue_changed(self) -> None:
        if self._review.row is None:
            self._say_empty()

    def _on_row_changed(self) -> None:
        place_ = self._place()
        shown = None if place_ is None else (place_[0].scoring.id, *place_[2:])
        if shown is not None and shown == self._shown and self._picture is not None:
            self._explain()  # the table was read again: the same picture, perhaps another mask or threshold
            return
        self._shown = shown
        self._explained = self._rebuilt = self._crop = self._found = self._picture = None
        self.reconstructed.emit(None)
        if place_ is None:
            self._say_empty()
            return
        _, row, image_id, _ = place_
        self.bar.set_name(self._name(image_id))
        self.strip.show_words("")
        self.right.show_image(None)
        self._session.loader.load(
            image_id,
            lambda picture: self._take_picture(row, picture),
            lambda error: self._take_error(row, error),
            owner=self,
        )
        self._explain()
        if self._is_active:
            self._dwell.start()

    def _name(self, image_id: int) -> str:
        images = self._session.table
        at = -1 if images is None else int(images.row_of([image_id])[0])
        return "" if images is None or at < 0 else images.names[at]

    def _clear(self) -> None:
        self.bar.set_name("")
        for canvas in (self.left, self.right):
            canvas.show_image(None)
        self.strip.show_words("")
        self._left_word.setText(tr("Image"))
        self._right_word.setText(tr("Reconstruction"))

    def _say_empty(self) -> None:
        self._clear()
        if self._review.table is not None:
            self.left.show_notice(*kinds.empty_words(self._review.kind), sign="check")

    def _take_picture(self, row: int, picture: Picture) -> None:
        if row != self._review.row:
            return
        self._picture = picture
        self._is_blinked = False
        self._show_left()
        found = self._place()
        if found is not None and found[3]:
            box = found[0].units.box[row].tolist()
            self.left.show_area((box[0], box[1], box[2], box[3]))
        self._show_rebuilt()

    def _take_error(self, row: int, error: Exception) -> None:
        if row == self._review.row:
            self.left.show_error(error)

    def _show_left(self) -> None:
        blinked = self._is_blinked and self._rebuilt is not None
        picture = self._rebuilt if blinked else self._picture
        if picture is None:
            return
        self._left_word.setText(self._rebuilt_word() if blinked else tr("Image"))
        keep = bool(self._session.settings.get("work.keep_zoom")) or self._mode == "blink"
        self.left.show_image(picture, keep_view=keep)
        self._lay(self.left, with_mask=not blinked)

    # -- why: contour and heat

    def _explain(self, *, settled: bool = True) -> None:
        """Contour of the row at the threshold, off the GUI thread; the newest wish counts. Heat once `settled`."""
        project, found = self._session.project, self._place()
        if project is None or found is None:
            return
        table, row, image_id, _ = found
        threshold = self._review.threshold
        known = self._explained if self._explained is not None and self._explained.row == row else None
        colour_map = str(self._session.settings.get("look.colour_map"))
        mask = self._mask if self._mask is not None and self._mask[0] == image_id else None
        self._session.background.run(
            lambda: explain(project, table, row, threshold, colour_map, known, mask, settled=settled),
            self._take_explained,
            owner=self,
            key="explain",
        )

    def _take_explained(self, found: Explained) -> None:
        if found.row != self._review.row:
            return
        first = self._explained is None
        self._explained = found
        self._mask = (found.maps.image_id, found.mask)
        self._lay(self.left, with_mask=not self._is_blinked)
        self._lay(self.right, with_mask=False)
        if first:
            self.explained.emit(found.maps)

    def _lay(self, canvas: Canvas, *, with_mask: bool) -> None:
        """Put what explains the row over a picture."""
        explained = self._explained
        if canvas.picture is None or explained is None:
            return
        canvas.set_layer("contours", explained.contours)
        canvas.set_layer("heatmap", explained.heat)
        canvas.set_layer("mask", explained.mask if with_mask else None)
        found = self._place()
        if found is not None and found[3]:
            x0, y0, x1, y1 = found[0].units.box[found[1]].tolist()
            frame = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
            canvas.set_layer("unit", ContourLayer([frame], theme.COLOUR["roi"], width=1.5))

    # -- reconstructions

    def _on_dwelt(self) -> None:
        found = self._place()
        if found is None or not self._is_active or self._found is not None:
            return
        table, _, image_id, _ = found
        if table.has_model:
            self._session.reconstructions.ask(Asked(table.run.number, image_id, table.scoring.id))
        else:
            words = tr("This training left no model to rebuild images with")
            self.strip.show_words("" if self._mode == "side" else words)
            self.right.show_notice(words)

    def _is_mine(self, asked: Asked) -> bool:
        found = self._place()
        return found is not None and asked == Asked(found[0].run.number, found[2], found[0].scoring.id)

    def _on_reconstruction_began(self, asked: Asked, loads: bool) -> None:
        if not self._is_mine(asked):
            return
        words = tr("Loading the model, once …") if loads else tr("Rebuilding the image …")
        self.strip.show_words(words)
        self.right.show_notice(words, tr("The contour is there already: it comes from the stored map."))

    def _on_reconstruction_failed(self, asked: Asked, error: Exception) -> None:
        if self._is_mine(asked):
            self.strip.show_words(tr("No reconstruction of this image"))
            self.right.show_error(error)

    def _on_reconstruction_ready(self, asked: Asked, found: Reconstruction) -> None:
        place_ = self._place()
        if place_ is None or not self._is_mine(asked):
            return
        self._found = found
        box = tuple(place_[0].units.box[place_[1]].tolist())
        own = [crop for crop in found.crops if crop.geometry.box == box] if place_[3] else []
        self._crop = own[0] if own else found.worst
        self._show_crop(str(self._session.settings.get("look.colour_map")))
        self._show_rebuilt()
        self.reconstructed.emit(found)

    def _show_crop(self, colour_map: str) -> None:
        """The passes below, made with the settings of the scoring on screen."""
        if self._crop is not None:
            self._judged = self._crop.judged
            self.strip.show_crop(self._crop, colour_map)

    def _show_rebuilt(self) -> None:
        """The chosen pass of every crop where it lies, at the place that the image is looked at."""
        found, picture = self._found, self._picture
        if found is None or picture is None:
            return
        number, face = self.strip.selected
        colour_map = str(self._session.settings.get("look.colour_map"))
        size = (picture.width, picture.height)
        owner = found

        def work() -> Picture:
            return rebuilt_picture(owner, number, face, colour_map, size, picture)

        self._session.background.run(work, self._take_rebuilt, owner=self, key="rebuilt")

    def _take_rebuilt(self, rebuilt: Picture) -> None:
        if self._found is None:
            return
        self._rebuilt = rebuilt
        self._right_word.setText(self._rebuilt_word())
        self.right.show_image(rebuilt, keep_view=True)
        self.right.restore_view(self.left.view, fitted=self.left.is_fitted)
        self._lay(self.right, with_mask=False)
        if self._is_blinked:
            self._show_left()

    def _rebuilt_word(self) -> str:
        number, face = self.strip.selected
        if number == 0:
            return tr("As the model was given it")
        word = pass_word(number, self._judged)
        what = tr("Difference") if face == "difference" else tr("Reconstruction")
        return f"{what} · {word}"

    # -- how it is looked at

    def _set_mode(self, mode: str) -> None:
        self._mode: Compare = next((one for one in MODES if one == mode), "side")
        self._session.memory.remember("review compare", self._mode)
        self.bar.set_mode(self._mode)
        self._beside.setVisible(self._mode == "side")
        self._is_blinked = False
        if self._mode == "blink" and self._is_active:
            self._blink.start()
        else:
            self._blink.stop()
        self._show_left()

    def _on_blink_timeout(self) -> None:
        if self._rebuilt is None or self._picture is None:
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
        if self._crop is not None:
            chosen = self.strip.selected
            self._show_crop(name)
            self.strip.select(*chosen)
            self._show_rebuilt()
