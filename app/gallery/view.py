"""The grid of images of a project: filtered, sorted and scored in the background, chosen together with the session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from app.background import Task
from app.commands import Actions, keys_text
from app.gallery.area import TileArea
from app.gallery.empty import EmptyState
from app.gallery.filters import Arranger, Filter, Rows, Scores, Sort, beside
from app.gallery.menu import image_menu
from app.gallery.thumbnails import Thumbnails
from app.session import Session
from app.words import class_words, count_words, tr
from core.project.table import ImageTable

SIZES: Final = {"S": 96, "M": 160, "L": 256}  # px of the pictures
_SETTING: Final = "look.thumbnail"


class ImageGrid(TileArea):
    """Shows the session's table through a filter, in an order. What is chosen and where the keyboard is are the
    session's selection and current image.

    Images that a person changes while the grid shows them stay until it is arranged again: nothing vanishes under
    the hand, and undo finds it in its place. A chip says that the list is out of date, and F5 brings it up to date.
    """

    arranged = Signal(int, int)  # how many are shown, of how many
    stale_changed = Signal(bool)  # since images were changed, others would be shown or in another order
    menu_made = Signal(object, object)  # QMenu and ids: pages add what they can do
    all_wanted = Signal()  # the button of "no image matches"
    empty_pressed = Signal()  # the button of "no images yet"

    def __init__(
        self, session: Session, thumbnails: Thumbnails, actions: Actions | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(thumbnails, int(session.settings.get(_SETTING)), parent)
        self._session = session
        self._actions = actions
        self._arranger = Arranger()
        self._filter = Filter()
        self._sort: tuple[Sort, bool] = ("name", False)
        self._scored: tuple[NDArray[np.int64], Scores] | None = None
        self._shown_for: object = None  # the wish that what is shown was arranged for
        self._labels_then = self.model.table.label
        self._comparing: Task | None = None
        self._stale = False
        self._telling = False
        self._absent = (tr("No images yet"), tr("Add a folder of images to begin."), "")
        self._empty = EmptyState(self.viewport())
        self._empty.hide()
        self._empty.pressed.connect(self._on_empty_pressed)
        self._build_chip()
        self.setAccessibleName(tr("Images"))
        if actions is not None:
            actions.attach(self)
        self._listen(session)
        self.arrange()

    def _build_chip(self) -> None:
        self.chip = QPushButton(tr("List is out of date: {keys}", keys=keys_text("view.refresh")), self)
        self.chip.setProperty("role", "chip")
        self.chip.setToolTip(tr("Images were changed since the list was made: show what matches now"))
        self.chip.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys go on to walk the images
        self.chip.clicked.connect(self.arrange)
        self.chip.hide()

    def _listen(self, session: Session) -> None:
        session.table_loaded.connect(self._on_session_table_loaded)
        session.closed.connect(self._on_session_closed)
        session.images_changed.connect(self._on_session_images_changed)
        session.current_changed.connect(self._on_session_current_changed)
        session.selection_changed.connect(self._on_session_selection_changed)
        session.settings.changed.connect(self._on_settings_changed)
        self.choice_made.connect(self._on_choice_made)
        self.resize_wanted.connect(self.set_tile_size)

    # -- what is shown

    @property
    def filter(self) -> Filter:
        """What must hold for an image to be shown."""
        return self._filter

    @property
    def sort(self) -> tuple[Sort, bool]:
        """The order, and whether it is turned round."""
        return self._sort

    @property
    def is_stale(self) -> bool:
        """Whether other images would be shown, or in another order, since some were changed; `arrange` shows them."""
        return self._stale

    def set_filter(self, wish: Filter) -> None:
        """Show only these."""
        if wish != self._filter:
            self._filter = wish
            self.arrange()

    def set_sort(self, by: Sort, *, backwards: bool = False) -> None:
        """Show them in this order."""
        if (by, backwards) != self._sort:
            self._sort = (by, backwards)
            self.arrange()

    def set_scores(self, ids: NDArray[np.int64], scores: Scores, threshold: float | None = None) -> None:
        """Anomaly scores of some images; a tile at or above `threshold` shows it. Without ids: no scores."""
        self._scored = (ids, scores) if len(ids) else None
        self.threshold = threshold
        self.arrange()

    def set_threshold(self, threshold: float | None) -> None:
        """Mark what lies at or above it; cheap enough for every step of a drag."""
        self.threshold = threshold
        self.viewport().update()

    def set_empty(self, title: str, text: str = "", button: str = "") -> None:
        """What is said when the project has no images; `button` emits `empty_pressed`."""
        self._absent = (title, text, button)
        self._show_state()

    def set_tile_size(self, side: int) -> None:
        """Pictures of `side` px (`SIZES` names three); remembered, for all grids."""
        self._session.settings.set(_SETTING, max(64, min(320, side)))

    def arrange(self) -> None:
        """Filter and sort anew, in the background; `arranged` follows."""
        table = self._session.table
        if table is None:
            self._take(ImageTable.empty(), np.zeros(0, np.intp), None)
            return
        wish, (by, backwards), scored = self._filter, self._sort, self._scored
        arranger, names = self._arranger, class_words(self._session.classes)

        def work() -> tuple[Rows, Scores | None]:
            scores = None if scored is None else beside(table, *scored)
            rows = arranger.rows(table, wish, by, backwards=backwards, scores=scores, class_names=names)
            return rows, scores

        self._session.background.run(work, lambda found: self._on_arranged(table, *found), owner=self, key="arrange")

    def make_menu(self, ids: tuple[int, ...]) -> QMenu:
        """The context menu of these images, with what pages add to it."""
        menu = image_menu(self._session, ids, self, lambda: self.activated.emit(ids[0]))
        self.menu_made.emit(menu, ids)
        return menu

    def _on_arranged(self, table: ImageTable, rows: Rows, scores: Scores | None) -> None:
        newest = self._session.table
        shown = newest if newest is not None and len(newest) == len(table) else table
        self._take(shown, rows, scores)
        if shown is not table:
            self._compare(shown)  # a label or split was changed meanwhile

    def _take(self, table: ImageTable, rows: Rows, scores: Scores | None) -> None:
        wish = (self._session.project, self._filter, self._sort)
        kept = self._held_in_sight() if wish == self._shown_for else None
        self._shown_for = wish
        self.model.class_names = class_words(self._session.classes)
        self.model.show(table, rows, scores)
        self._labels_then = table.label
        chosen = self.model.places_of(np.array(self._session.selection, np.int64))
        self._chosen.reset(len(rows), chosen, self.model.place_of(self._session.current))
        self._hovered = -1
        self._set_stale(False)
        self._lay_out()
        place = -1 if kept is None else self.model.place_of(kept[0])
        if kept is not None and place >= 0:
            self.verticalScrollBar().setValue(self._plan.rect(place).top() - kept[1])
        else:
            self.verticalScrollBar().setValue(0)
            self._reveal(self._chosen.current, centred=True)
        self._show_state()
        if self.isVisible() and self._session.is_complete and len(chosen) < len(self._session.selection):
            self._on_choice_made()  # what is hidden is not changed by the next command
        self.arranged.emit(len(rows), len(table))

    def _held_in_sight(self) -> tuple[int, int] | None:
        """An image and its height on the screen, so that it stays there when others come or go around it."""
        if not len(self.model):
            return None
        current = self._chosen.current
        seen = current >= 0 and self._rect(current).intersects(self.viewport().rect())
        place = current if seen else self._first_in_sight()
        return self.model.id_at(place), self._rect(place).top()

    def _compare(self, table: ImageTable) -> None:
        """See in the background whether what is shown is what would be shown."""
        wish, shown, scores, then = self._filter, self.model.rows, self.model.scores, self._labels_then
        by_label, names = self._sort[0] == "label", class_words(self._session.classes)
        if not wish.narrows and not by_label:
            return

        def differs() -> bool:
            if by_label and not np.array_equal(table.label, then):
                return True
            mask = wish.mask(table, scores, class_names=names)
            return int(mask.sum()) != len(shown) or not mask[shown].all()

        self._comparing = self._session.background.run(differs, self._set_stale, owner=self, key="stale")

    def _set_stale(self, stale: bool) -> None:
        if self._comparing is not None:
            self._comparing.cancel()  # what is found out about an earlier list says nothing of this one
            self._comparing = None
        if stale != self._stale:
            self._stale = stale
            self.chip.setVisible(stale)
            self._place_chip()
            self.stale_changed.emit(stale)

    def _place_chip(self) -> None:
        side = self.chip.sizeHint()
        sight = self.viewport().geometry()
        self.chip.setGeometry(
            sight.center().x() - side.width() // 2, sight.bottom() - side.height() - 8, side.width(), side.height()
        )

    def _show_state(self) -> None:
        total = len(self.model.table)
        loading = self._session.project is not None and not self._session.is_complete
        if len(self.model) or loading:
            self._empty.hide()
            return
        if total and self._filter.problems:
            alone = self._filter == Filter(product=self._filter.product, problems=True)
            well = tr("Every file can be read, and no good image has a mask of a defect.")
            among = tr("None among the images that the other filters leave.")
            self._empty.say(
                tr("No problems found"), well if alone else among, button=tr("Show all images"), sign="check"
            )
        elif total:
            hidden = tr("The filter hides {images}.", images=count_words(total, "image", "images"))
            self._empty.say(tr("No image matches"), hidden, button=tr("Show all images"), sign="search")
        else:
            title, text, button = self._absent
            self._empty.say(title, text, button=button, primary=True)
        self._empty.setGeometry(self.viewport().rect())
        self._empty.show()

    # -- news

    def _on_session_table_loaded(self, _: bool) -> None:
        self.arrange()

    def _on_session_closed(self) -> None:
        self.arrange()

    def _on_session_images_changed(self, ids: object) -> None:
        table = self._session.table
        if table is None or ids is None or len(table) != len(self.model.table):
            self.arrange()
            return
        self.model.renew(table)
        self.viewport().update()
        self._compare(table)

    def _on_session_current_changed(self, image_id: int | None) -> None:
        if self._telling:
            return
        place = self.model.place_of(image_id)
        if place < 0 or self._chosen.chosen[place]:
            self._chosen.go(place)
        else:
            self._chosen.only(place)
            if self.isVisible():
                self._on_choice_made()
        self._reveal(place)
        self.viewport().update()

    def _on_session_selection_changed(self, ids: Iterable[int]) -> None:
        if not self._telling:
            self._chosen.choose_none()
            self._chosen.chosen[self.model.places_of(np.array(tuple(ids), np.int64))] = True
            self.viewport().update()

    def _on_choice_made(self) -> None:
        """What is chosen and current here becomes the session's."""
        self._telling = True
        try:
            self._session.set_selection(self.chosen_ids())
            if self._chosen.current >= 0:
                self._session.set_current(self.model.id_at(self._chosen.current))
        finally:
            self._telling = False
        shown = count_words(len(self.model), "image", "images")
        self.setAccessibleDescription(tr("{shown}, {chosen} chosen", shown=shown, chosen=self._chosen.count))

    def _on_settings_changed(self, key: str) -> None:
        if key == _SETTING:
            self._set_side(int(self._session.settings.get(_SETTING)))

    def _on_empty_pressed(self) -> None:
        (self.all_wanted if len(self.model.table) else self.empty_pressed).emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with the chosen images."""
        ids = self.chosen_ids()
        if not ids:
            return
        where: QPoint = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self._chosen.current >= 0:
            rect: QRect = self._rect(self._chosen.current)
            where = self.viewport().mapToGlobal(rect.center())
        menu = self.make_menu(ids)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What is said instead of images fills the room too."""
        super().resizeEvent(event)
        self._empty.setGeometry(self.viewport().rect())
        self._place_chip()

    def showEvent(self, event: QShowEvent) -> None:
        """Ctrl+A and F5 mean these images."""
        super().showEvent(event)
        if self._actions is not None:
            self._actions.bind("edit.select_all", self.select_all)
            self._actions.bind("view.refresh", self.arrange)
        self._show_state()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ctrl+A and F5 mean something else."""
        super().hideEvent(event)
        if self._actions is not None:
            self._actions.unbind("edit.select_all", self.select_all)
            self._actions.unbind("view.refresh", self.arrange)
