"""The list of images that A and D walk through: which one it is, how far it is done, and a menu of the others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from app.letters import LetterMenu
from app.pages.annotate import queues
from app.pages.annotate.queues import QUEUES, Queue
from app.session import Session
from app.words import tr

if TYPE_CHECKING:
    from core.workflow.worst import Worst

_NOTHING: Final = np.empty(0, np.int64)
_MOST: Final = 28  # letters of a title that came with the images


class Queues(QObject):
    """The queue of one page: keeps it in `session.order`, and notices when another page puts its own images there."""

    changed = Signal()  # another queue, or other counts
    chosen = Signal()  # by a person

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.queue: Queue = "view"
        self.worst: Worst | None = None
        self._given: tuple[NDArray[np.int64], str] = (_NOTHING, "")
        self._rows_of: object = None
        self._rows: NDArray[np.intp] = np.empty(0, np.intp)
        self._wanted: tuple[Queue, int] | None = None
        self._is_ours = False
        self._wants_scores = True
        self._is_shown = False
        session.order_changed.connect(self._on_order_changed)
        session.closed.connect(self._on_session_closed)
        session.scores_changed.connect(self._on_scores_changed)
        session.trainings_changed.connect(self._on_scores_changed)
        session.place_changed.connect(self._on_scores_changed)
        session.table_loaded.connect(self._on_table_loaded)
        session.images_changed.connect(self._on_images_changed)

    # -- what is walked through

    def begin(self) -> None:
        """Nobody has put images there: the queue that was walked through last, else all of this view."""
        project = self._session.project
        stored = "" if project is None else self._session.memory.recall(f"annotate.queue {project.file}", "")
        usable = [one for one in QUEUES if one == stored and self.ids(one).size]
        self._take(usable[0] if usable else "view")

    def choose(self, queue: Queue) -> None:
        """Walk through other images; nothing changes where there are none."""
        if not self.ids(queue).size:
            self._session.said.emit(self._empty_words(queue))
            return
        self._take(queue)
        if self._session.project is not None:
            self._session.memory.remember(f"annotate.queue {self._session.project.file}", queue)
        self.chosen.emit()

    def open(self, queue: Queue, image_id: int) -> None:
        """Walk through a queue from an image on, wherever that is; once the queue knows it."""
        self._session.show_image(image_id)
        self._wanted = (queue, image_id)
        if image_id in self.ids(queue):
            self._wanted = None
            self._take(queue)
            if self._session.project is not None:
                self._session.memory.remember(f"annotate.queue {self._session.project.file}", queue)

    def ids(self, queue: Queue) -> NDArray[np.int64]:
        """The images of a queue as they stand now."""
        table = self._session.table
        if table is None:
            return _NOTHING
        return self._given[0] if queue == "given" else queues.ids_of(queue, table, self.rows(), self.worst)

    def rows(self) -> NDArray[np.intp]:
        """All images of this product and view, as rows of the table."""
        table, session = self._session.table, self._session
        if table is None:
            return np.empty(0, np.intp)
        key = (len(table), table.products, table.views, session.product, session.view)  # images only ever come
        if key != self._rows_of:
            self._rows_of, self._rows = key, queues.rows_of_place(table, session.product, session.view)
        return self._rows

    def word(self, queue: Queue) -> str:
        """How it is called."""
        title = self._given[1]
        return queues.queue_word(queue, self.worst, title if len(title) <= _MOST else f"{title[:_MOST]} …")

    def amount(self, queue: Queue) -> str:
        """How much of it is done, or left."""
        table = self._session.table
        return "" if table is None else queues.amount_word(queue, table, self.rows(), self._given[0], self.worst)

    @property
    def has_given(self) -> bool:
        """Whether another page put images there."""
        return bool(self._given[0].size)

    @property
    def is_narrowed(self) -> bool:
        """Whether what another page put there leaves images of this view out."""
        return self.queue == "given" and self._given[0].size < self.rows().size

    def set_shown(self, shown: bool) -> None:
        """The page came on screen, or went: scores are read while it is there."""
        self._is_shown = shown
        self._read_scores()

    def _read_scores(self) -> None:
        project, product, view = self._session.project, self._session.product, self._session.view
        if project is None or not self._wants_scores or not self._is_shown or not self._session.is_complete:
            return
        self._wants_scores = False

        def work() -> Worst | None:
            from core.workflow.worst import worst_first  # brings the statistics, which the start does not wait for

            return worst_first(project, product=product, view=view)

        self._session.background.run(work, self._on_scores_read, owner=self, key="worst")

    # -- inside

    def _take(self, queue: Queue) -> None:
        ids = self.ids(queue)
        self._is_ours = True
        self.queue = queue
        self._session.set_order(ids, self._given[1] if queue == "given" else self.word(queue))
        self._is_ours = False
        self.changed.emit()

    def _empty_words(self, queue: Queue) -> str:
        words: dict[Queue, str] = {
            "unpainted": tr("Every defective image of this view is painted"),
            "unlabelled": tr("Every image of this view has a label"),
            "conflicts": tr("No imported mask differs from what is painted in this view"),
            "score": tr("No training has scored this view yet"),
        }
        return words.get(queue, tr("There are no images"))

    # -- slots

    def _on_order_changed(self) -> None:
        if not self._is_ours and self._session.order.size:
            self.queue, self._given = "given", (self._session.order, self._session.order_title)
            self.changed.emit()

    def _on_table_loaded(self, is_complete: bool) -> None:
        if is_complete and self._is_shown and self.queue != "given" and self._session.order.size:
            self._take(self.queue)  # it began with the first rows
        self._read_scores()

    def _on_images_changed(self, _: object) -> None:
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            if self._session.current == wanted[1]:
                self.open(*wanted)

    def _on_scores_changed(self, *_: object) -> None:
        self._wants_scores = True
        self._read_scores()

    def _on_scores_read(self, worst: Worst | None) -> None:
        self.worst = worst
        self.changed.emit()

    def _on_session_closed(self) -> None:
        self.queue, self.worst, self._given, self._wants_scores = "view", None, (_NOTHING, ""), True
        self._rows_of = self._wanted = None


class QueueChooser(QToolButton):
    """Says the queue and how far it is; a press lists the others with their counts."""

    def __init__(self, model: Queues, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setProperty("role", "field")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(tr("Which images previous and next walk through"))
        self.setAccessibleName(tr("Images to walk through"))
        self._menu = LetterMenu(self)
        self._menu.aboutToShow.connect(self._on_menu_opened)
        self.setMenu(self._menu)
        model.changed.connect(self.show_state)
        self.show_state()

    def show_state(self) -> None:
        """The words of now."""
        word, amount = self._model.word(self._model.queue), self._model.amount(self._model.queue)
        self.setText(f"{word}  ·  {amount}" if amount else word)

    def _on_menu_opened(self) -> None:
        self._menu.clear()
        for queue in QUEUES:
            if (queue == "given" and not self._model.has_given) or (
                queue == "conflicts" and not self._model.ids(queue).size
            ):
                continue
            action = self._menu.addAction(f"{self._model.word(queue)}\t{self._model.amount(queue)}")
            action.setObjectName(queue)
            action.setCheckable(True)
            action.setChecked(queue == self._model.queue)
            action.setEnabled(bool(self._model.ids(queue).size) or queue == self._model.queue)
            action.triggered.connect(partial(self._model.choose, queue))
