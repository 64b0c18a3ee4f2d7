"""What stands beside the image under review: its reconstruction, pass by pass, or the nearest good image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.canvas.picture import Picture
from app.canvas.view import Canvas
from app.commands import Actions
from app.elided import Elided
from app.pages.review.explaining import rebuilt_picture
from app.pages.review.state import Review
from app.pages.review.strip import PassStrip, pass_word
from app.reconstructions import Asked
from app.session import Session
from app.throttle import Slowly
from app.words import tr
from core.reconstructions import CropPasses, Reconstruction

_DWELL_MS: Final = 250  # leafing through a queue asks for nothing


class Pane(QWidget):
    """A canvas below the words that say what it shows."""

    def __init__(self, session: Session, actions: Actions, words: str, parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.word = Elided(self)  # both panes stay equally wide, whatever stands above them
        self.word.setText(words)
        self.word.setProperty("role", "muted")
        self._head = QHBoxLayout()
        self._head.setContentsMargins(8, 2, 8, 3)
        self._head.addWidget(self.word, 1)
        column.addLayout(self._head)
        self.legend = QLabel(self)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.hide()
        self._head.addWidget(self.legend)
        self.canvas = Canvas(self)
        self.canvas.navigation.wheel_zooms = bool(session.settings.get("work.wheel_zooms"))
        actions.attach(self.canvas)
        column.addWidget(self.canvas, 1)

    def show_legend(self, lines: Sequence[tuple[QColor, str]]) -> None:
        """Say what the lines over the image are; nothing where that leaves no room for the words on the left."""
        marks = [
            f"<span style='background:#26292d;color:{colour.name()}'>&nbsp;━&nbsp;</span>&nbsp;{words}"
            for colour, words in lines
        ]
        self.legend.setText("&nbsp;&nbsp; ".join(marks))
        self._fit_legend()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_legend()

    def _fit_legend(self) -> None:
        room = self.width() - self.fontMetrics().horizontalAdvance(self.word.text()) - 40
        self.legend.setVisible(bool(self.legend.text()) and self.legend.sizeHint().width() <= room)


class Beside(Pane):
    """Follows the row of a review. The passes to choose from stand in `strip`, which lies elsewhere."""

    shown = Signal()  # another picture: what explains the row is to be laid over it
    left_other = Signal()  # the reconstruction stands here again

    def __init__(self, review: Review, actions: Actions, strip: PassStrip, parent: QWidget) -> None:
        super().__init__(review.session, actions, tr("Reconstruction"), parent)
        self._review = review
        self._session = review.session
        self._strip = strip
        self._image: Picture | None = None
        self._rebuilt: Picture | None = None
        self._found: Reconstruction | None = None
        self._crop: CropPasses | None = None
        self._other: tuple[int, str] | None = None  # image and name, when another image is compared
        self._other_picture: Picture | None = None
        self._is_active = False
        self._dwell = Slowly(self._on_dwelt, _DWELL_MS, self)
        strip.chosen.connect(self._on_pass_chosen)
        reconstructions = self._session.reconstructions
        reconstructions.began.connect(self._on_reconstruction_began)
        reconstructions.ready.connect(self._on_reconstruction_ready)
        reconstructions.failed.connect(self._on_reconstruction_failed)

    # -- for the viewer

    @property
    def picture(self) -> Picture | None:
        """What the image is compared with; None while it is not there."""
        return self._rebuilt if self._other is None else self._other_picture

    @property
    def rebuilt(self) -> Reconstruction | None:
        """Every pass of the row; None while they are not there."""
        return self._found

    @property
    def words(self) -> str:
        """What that is."""
        if self._other is not None:
            return tr("Nearest good image · {name}", name=self._other[1])
        number, face = self._strip.selected
        if number == 0:
            return tr("As the model was given it")
        what = tr("Difference") if face == "difference" else tr("Reconstruction")
        return f"{what} · {pass_word(number, 0 if self._crop is None else self._crop.judged)}"

    def activate(self) -> None:
        """The page came on screen."""
        self._is_active = True
        self._session.reconstructions.stay()
        if self._found is None:
            self._dwell.start()

    def rest(self) -> None:
        """The page went: nothing is asked for."""
        self._is_active = False
        self._dwell.stop()
        self._session.reconstructions.rest()

    def begin(self) -> None:
        """Another row, or none: what stood here goes."""
        self._image = self._rebuilt = self._found = self._crop = None
        self._leave_other()
        self._strip.show_words("")
        self.canvas.show_image(None)
        self.word.setText(tr("Reconstruction"))
        if self._is_active and self._review.unit is not None:
            self._dwell.start()

    def set_image(self, picture: Picture) -> None:
        """The image of the row was read."""
        self._image = picture
        self._show_rebuilt()

    def compare(self, image_id: int | None, name: str = "") -> None:
        """Put another image here; None: the reconstruction again."""
        self._other_picture = None
        if image_id is None:
            self._show_own()
            return
        self._other = (image_id, name)
        self._session.loader.load(
            image_id,
            lambda picture: self._take_other(image_id, picture),
            lambda error: self._take_other_error(image_id, error),
            owner=self,
            ahead=False,
        )

    def recolour(self, colour_map: str) -> None:
        """Differences in other colours."""
        if self._crop is not None:
            chosen = self._strip.selected
            self._strip.show_crop(self._crop, colour_map)
            self._strip.select(*chosen)
            self._show_rebuilt()

    # -- reconstructions

    def _on_dwelt(self) -> None:
        unit = self._review.unit
        if unit is None or not self._is_active or self._found is not None:
            return
        if unit.table.has_model:
            self._session.reconstructions.ask(unit.asked)
        else:
            words = tr("This training left no model to rebuild images with")
            self._strip.show_words(words if self.isHidden() or self._other is not None else "")
            self._say(words)

    def _is_mine(self, asked: Asked) -> bool:
        unit = self._review.unit
        return unit is not None and unit.asked == asked

    def _on_reconstruction_began(self, asked: Asked, loads: bool) -> None:
        if not self._is_mine(asked):
            return
        words = tr("Loading the model …") if loads else tr("Rebuilding the image …")
        self._strip.show_words(words)
        known = tr("The contour is there already: it comes from the stored map.")
        self._say(words, tr("This takes some seconds; it stays loaded while you review.") if loads else known)

    def _on_reconstruction_failed(self, asked: Asked, error: Exception) -> None:
        if self._is_mine(asked):
            self._strip.show_words(tr("No reconstruction of this image"))
            if self._other is None:
                self.canvas.show_error(error)

    def _on_reconstruction_ready(self, asked: Asked, found: Reconstruction) -> None:
        unit = self._review.unit
        if unit is None or unit.asked != asked:
            return
        self._found = found
        own = [crop for crop in found.crops if crop.geometry.box == unit.box] if unit.cell else []
        self._crop = own[0] if own else found.worst
        self._strip.show_crop(self._crop, str(self._session.settings.get("look.colour_map")))
        self._show_rebuilt()

    def _show_rebuilt(self) -> None:
        """The chosen pass of every crop where it lies, at the place that the image is looked at."""
        found, image = self._found, self._image
        if found is None or image is None:
            return
        number, face = self._strip.selected
        colour_map = str(self._session.settings.get("look.colour_map"))
        size = (image.width, image.height)
        ground, owner = image, found
        self._session.background.run(
            lambda: rebuilt_picture(owner, number, face, colour_map, size, ground),
            self._take_rebuilt,
            owner=self,
            key="rebuilt",
        )

    def _take_rebuilt(self, rebuilt: Picture) -> None:
        if self._found is None:
            return
        self._rebuilt = rebuilt
        if self._other is None:
            self._show(rebuilt)

    def _on_pass_chosen(self, _number: int, _face: str) -> None:
        self._leave_other()
        self._show_rebuilt()

    # -- another image

    def _leave_other(self) -> None:
        if self._other is not None:
            self._other = self._other_picture = None
            self.left_other.emit()

    def _take_other(self, image_id: int, picture: Picture) -> None:
        if self._other is not None and self._other[0] == image_id:
            self._other_picture = picture
            self._show(picture)

    def _take_other_error(self, image_id: int, error: Exception) -> None:
        if self._other is not None and self._other[0] == image_id:
            self.word.setText(self.words)
            self.canvas.show_error(error)

    def _show_own(self) -> None:
        self._other = None
        self.word.setText(tr("Reconstruction"))
        if self._rebuilt is not None:
            self._show(self._rebuilt)
            return
        self.canvas.show_image(None)
        self._dwell.start()  # says once more why there is none, or that it is being made

    # -- showing

    def _show(self, picture: Picture) -> None:
        self.word.setText(self.words)
        self.canvas.show_image(picture, keep_view=True)
        self.shown.emit()

    def _say(self, headline: str, text: str = "") -> None:
        if self._other is None:
            self.canvas.show_notice(headline, text)
