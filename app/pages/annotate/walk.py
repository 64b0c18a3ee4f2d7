"""From image to image on the page: how far the list is annotated, and which of its images wants something next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.pages.annotate import progress
from app.pages.annotate.chooser import Queues
from app.pages.annotate.queues import is_conflict
from app.session import Session
from app.words import tr


class Walk:
    """Goes through `session.order`, which a queue or another page has filled."""

    def __init__(self, session: Session, queues: Queues) -> None:
        self._session, self._queues = session, queues
        self._rows_of: tuple[object, int] = (None, -1)
        self._rows: NDArray[np.intp] = np.empty(0, np.intp)

    def count(self) -> progress.Count:
        """How far the images are that another page chose, else all of this product and view."""
        table = self._session.table
        if table is None:
            return progress.Count()
        return progress.count(table, self.rows() if self._queues.queue == "given" else self._queues.rows())

    def rows(self) -> NDArray[np.intp]:
        """Rows of the order in the table; looked up again only when one of them changed."""
        table, order = self._session.table, self._session.order
        if table is None:
            return np.empty(0, np.intp)
        if self._rows_of[0] is not order or self._rows_of[1] != len(table):  # images only ever come
            rows = table.row_of(order)
            self._rows_of, self._rows = (order, len(table)), rows[rows >= 0]
        return self._rows

    def go_first(self) -> bool:
        """To the first image that wants something, else to the first; whether there is one."""
        table = self._session.table
        if table is None:
            return False
        if self._queues.queue == "conflicts":
            wanted = is_conflict(table, self.rows())
            return self._go_to(int(np.argmax(wanted)) if wanted.any() else 0)
        return self._go_to(progress.first_open(table, self.rows()))

    def go_open(self, *, forward: bool) -> None:
        """The next image that wants a label, or when all have one, that wants its defects painted.

        Where conflicts are walked through: the next one that is not decided, after the last one from the first on.
        """
        table = self._session.table
        if table is None:
            return
        at = self._session.position()
        if self._queues.queue == "conflicts":
            wanted = is_conflict(table, self.rows())
            wanted[at : at + 1] = False
            if not wanted.any():
                self._session.said.emit(tr("No other conflict of this view is left to decide"))
                return
            beyond = progress.next_of(wanted, at, forward=forward)
            self._go_to(beyond if beyond >= 0 else progress.next_of(wanted, -1, forward=True))
            return
        at = progress.next_open(table, self.rows(), at, forward=forward)
        if self._go_to(at):
            return
        if forward:
            self._session.said.emit(tr("Nothing is left to do after this image"))
        else:
            self._session.said.emit(tr("Nothing is left to do before this image"))

    def go_into_queue(self) -> None:
        """Its first image that wants something, unless it holds the one that is shown; by score from the worst."""
        if self._queues.queue == "score":
            self._go_to(0)
        elif self._session.position() < 0:
            self.go_first()

    def forget(self) -> None:
        """The project was closed."""
        self._rows_of, self._rows = (None, -1), np.empty(0, np.intp)

    def _go_to(self, at: int) -> bool:
        if not 0 <= at < self._session.order.size:
            return False
        self._session.set_current(int(self._session.order[at]))
        return True
