"""The images that are shown, in order: a vector of row numbers of the session's table, and roles over it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.words import label_word, split_word, tr
from core.project.table import ImageTable
from core.words import LABELS, SPLITS, STATES

_ROOT: Final = QModelIndex()
_GONE: Final = STATES.index("gone")
_GOOD: Final = LABELS.index("good")
_CHANGED: Final = STATES.index("changed")


class Role(IntEnum):
    """What `data` tells beside Qt's own roles."""

    ID = Qt.ItemDataRole.UserRole + 1
    LABEL = Qt.ItemDataRole.UserRole + 2
    SPLIT = Qt.ItemDataRole.UserRole + 3
    DEFECT_CLASS = Qt.ItemDataRole.UserRole + 4
    SCORE = Qt.ItemDataRole.UserRole + 5
    PROBLEM = Qt.ItemDataRole.UserRole + 6


class ImageModel(QAbstractListModel):
    """`rows[place]` is the row in `table` of what stands at `place`; 230,000 places take a few megabytes."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = ImageTable.empty()
        self.rows: NDArray[np.intp] = np.zeros(0, np.intp)
        self.scores: NDArray[np.float64] | None = None
        self.class_names: dict[str, str] = {}  # code -> name, where there is one
        self._places: NDArray[np.int32] = np.zeros(0, np.int32)

    def show(self, table: ImageTable, rows: NDArray[np.intp], scores: NDArray[np.float64] | None = None) -> None:
        """Show these rows in this order; `scores` (N,) stand beside the table's rows."""
        self.beginResetModel()
        self.table, self.rows, self.scores = table, rows, scores
        self._places = np.full(len(table), -1, np.int32)
        self._places[rows] = np.arange(len(rows), dtype=np.int32)
        self.endResetModel()

    def renew(self, table: ImageTable) -> None:
        """The same images with other facts (labels, splits, problems)."""
        self.table = table
        if len(self.rows):
            self.dataChanged.emit(self.index(0), self.index(len(self.rows) - 1))

    def class_at(self, place: int) -> str:
        """What the defect class is called; '' without one."""
        code: str = self.table.classes[self.table.defect_class[self.rows[place]]]
        return self.class_names.get(code, code)

    def __len__(self) -> int:
        return len(self.rows)

    def ids(self) -> NDArray[np.int64]:
        """The ids as they stand."""
        return self.table.ids[self.rows]

    def id_at(self, place: int) -> int:
        """The image at `place`."""
        return int(self.table.ids[self.rows[place]])

    def places_of(self, ids: NDArray[np.int64]) -> NDArray[np.intp]:
        """Where these images stand; those that are not shown are left out."""
        rows = self.table.row_of(ids)
        places = self._places[rows[rows >= 0]]
        return places[places >= 0].astype(np.intp)

    def place_of(self, image_id: int | None) -> int:
        """Where the image stands, -1 when it is not shown."""
        if image_id is None:
            return -1
        found = self.places_of(np.array([image_id], np.int64))
        return int(found[0]) if len(found) else -1

    def score_at(self, place: int) -> float | None:
        """The anomaly score, when there is one."""
        if self.scores is None:
            return None
        score = float(self.scores[self.rows[place]])
        return None if np.isnan(score) else score

    def problem_at(self, place: int) -> str:
        """What is wrong with the image, in words; '' when nothing is."""
        row = self.rows[place]
        state = self.table.state[row]
        if state == _GONE:
            return tr("The file is not there any more")
        if self.table.problem[row]:
            return tr("This image has a problem")
        if state == _CHANGED:
            return tr("The file has changed since it was added")
        if self.table.masked[row] and self.table.label[row] == _GOOD:
            return tr("Labelled good, but there is a mask of a defect")
        return ""

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        """How many are shown."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, tooltip and the roles of `Role`."""
        place = index.row()
        if not index.isValid() or not 0 <= place < len(self.rows):
            return None
        row, table = int(self.rows[place]), self.table
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return table.names[row].rpartition("/")[2]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.describe(place)
        if role == Role.ID:
            return int(table.ids[row])
        if role == Role.LABEL:
            return LABELS[table.label[row]]
        if role == Role.SPLIT:
            return SPLITS[table.split[row]]
        if role == Role.DEFECT_CLASS:
            return table.classes[table.defect_class[row]]
        if role == Role.SCORE:
            return self.score_at(place)
        if role == Role.PROBLEM:
            return self.problem_at(place)
        return None

    def describe(self, place: int) -> str:
        """All that is known of the image in a few lines."""
        row, table = int(self.rows[place]), self.table
        label = label_word(LABELS[table.label[row]])
        kind = self.class_at(place)
        lines = [table.names[row], " › ".join(table.place(row))]
        if lot := table.lots[table.lot[row]]:
            lines[-1] += " › " + tr("lot {lot}", lot=lot)
        lines.append(f"{label}{f': {kind}' if kind else ''} · {split_word(SPLITS[table.split[row]])}")
        if table.masked[row]:
            lines[-1] += " · " + tr("has a mask")
        if table.noted[row]:
            lines[-1] += " · " + tr("has a note")
        if (score := self.score_at(place)) is not None:
            lines.append(tr("Anomaly score {score}", score=score_text(score)))
        if problem := self.problem_at(place):
            lines.append(problem)
        return "\n".join(lines)


def score_text(score: float) -> str:
    """A score in as few figures as tell it from its neighbours: 0.834, 12.4, 1,530."""
    size = abs(score)
    return f"{score:,.0f}" if size >= 1000 else f"{score:.1f}" if size >= 10 else f"{score:.3f}"
