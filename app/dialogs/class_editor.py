"""The class editor: codes, names, colours, order, descriptions; what is merged or taken out. Saved as one step."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.dialogs.class_form import ClassForm
from app.dialogs.class_rows import Row, rows_of, rows_of_drafts, write, wrong
from app.dialogs.dialog import Dialog
from app.icons import icon
from app.pages.annotate.words import swatch
from app.session import Session
from app.words import describe, language, tr
from core.project.records import DefectClass
from core.project.things import PALETTE
from core.workflow.classes import PRESETS, preset_classes

_KEY: Final = Qt.ItemDataRole.UserRole
_LIST_PX: Final = 250
_KEYS: Final = 9  # classes that a number chooses


class ClassEditor(Dialog):
    """All classes of the project. Nothing is stored before *Save*."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Defect classes"), parent)
        self._session = session
        self._language = language()
        self._rows: dict[int, Row] = {}  # by key, which items carry through a drag
        self._before: list[object] | None = None
        self._warned = False
        self.resize(780, 560)
        self._build()
        project = session.project
        if project is not None:
            session.background.run(lambda: project.classes(retired=True), self._on_read, owner=self, key="classes")

    # -- building

    def _build(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(2 * theme.SPACE)
        left = QVBoxLayout()
        left.setSpacing(theme.SPACE)
        self.list = QListWidget(self)
        self.list.setFixedWidth(_LIST_PX)
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.list.setIconSize(QSize(14, 14))
        self.list.setAccessibleName(tr("Defect classes"))
        self.list.currentItemChanged.connect(self._on_item_chosen)
        self.list.model().rowsMoved.connect(self._renumber)
        left.addWidget(self.list, 1)
        self._gone = QCheckBox(self)
        self._gone.toggled.connect(self._hide_gone)
        left.addWidget(self._gone)
        left.addLayout(self._tools())
        middle.addLayout(left)
        self.form = ClassForm(self._language, self)
        self.form.changed.connect(self._on_row_changed)
        self.form.take_out_wanted.connect(self._take_out)
        self.form.bring_back_wanted.connect(self._bring_back)
        self.form.merge_wanted.connect(self._merge)
        self._right = QStackedWidget(self)
        self._empty = self._nothing()
        self._right.addWidget(self._empty)
        self._right.addWidget(self.form)
        middle.addWidget(self._right, 1)
        self.column.addLayout(middle, 1)
        self.problem = QLabel(self)
        self.problem.setWordWrap(True)
        self.problem.setProperty("role", "warning")
        self.problem.hide()
        self.column.addWidget(self.problem)
        self._buttons = QDialogButtonBox(self)
        self.save_button = QPushButton(tr("Save"), self)
        self.save_button.setProperty("role", "primary")
        self._buttons.addButton(self.save_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.save)
        self._buttons.rejected.connect(self.reject)
        self.column.addWidget(self._buttons)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE // 2)
        self.new_button = QPushButton(tr("New class"), self)
        self.new_button.setIcon(icon("add"))
        self.new_button.setAutoDefault(False)
        self.new_button.clicked.connect(self.add)
        row.addWidget(self.new_button)
        row.addStretch(1)
        for sign, way, keys, word in (
            ("fold_up", -1, "Alt+Up", tr("Further up  (Alt+Up)")),
            ("fold", 1, "Alt+Down", tr("Further down  (Alt+Down)")),
        ):
            button = QToolButton(self)
            button.setIcon(icon(sign))
            button.setIconSize(QSize(18, 18))
            button.setAutoRaise(True)
            button.setToolTip(word)
            button.setAccessibleName(word)
            button.clicked.connect(partial(self.move_row, way))
            QShortcut(QKeySequence(keys), self, partial(self.move_row, way))
            row.addWidget(button)
        return row

    def _nothing(self) -> QWidget:
        """What stands there while the project has no class."""
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.addStretch(1)
        words = QLabel(tr("No classes yet. Take a list that comes along, or make your own."), page)
        words.setWordWrap(True)
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(words)
        texts = {
            "chip": tr("Take the classes for chips (GTanoIC)"),
            "vial": tr("Take the classes for vials (GRD-Net)"),
        }
        self.presets = {}
        for name in PRESETS:
            button = QPushButton(texts[name], page)
            button.setAutoDefault(False)
            button.setToolTip(", ".join(Row(None, one.code, dict(one.names)).word(self._language)
                                        for one in preset_classes(name)))  # fmt: skip
            button.clicked.connect(partial(self._take_preset, name))
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            self.presets[name] = button
        column.addStretch(1)
        return page

    # -- what a person does

    def add(self) -> None:
        """Another class, its code to be typed."""
        used = {row.colour for row in self._rows.values()}
        colour = next((one for one in PALETTE if one not in used), PALETTE[len(self._rows) % len(PALETTE)])
        self.list.setCurrentItem(self._put(Row(None, "", colour=colour)))
        self._renumber()
        self.form.begin()

    def move_row(self, way: int) -> None:
        """The chosen class one place up or down."""
        at = self.list.currentRow()
        if at < 0 or not 0 <= at + way < self.list.count():
            return
        item = self.list.takeItem(at)
        self.list.insertItem(at + way, item)
        self.list.setCurrentItem(item)
        self._renumber()

    def save(self) -> None:
        """Store all of it, and close once it is stored."""
        rows = self._ordered()
        found = wrong(rows)
        if found is not None:
            self._show(found[0])
            self._say(found[1])
            return
        if self._state() == self._before:
            self.accept()
            return
        self.save_button.setEnabled(False)
        self._store(rows)

    def _store(self, rows: list[Row]) -> None:
        """Merging changes masks: meanwhile nothing is painted."""
        session, say = self._session, tr("The classes are saved")
        if any(row.merge_into is not None for row in rows):
            session.rewrite_masks(
                lambda project: write(project, rows),
                lambda _: self.accept(),
                why=tr("One moment: classes are being merged"),
                say=say,
                failed=self._on_failed,
            )
        else:
            session.write(
                lambda project: write(project, rows),
                lambda _: self.accept(),
                touched=None,
                say=say,
                failed=self._on_failed,
            )

    def reject(self) -> None:
        """Nothing is stored; what was changed is thrown away at the second time."""
        if self._before is not None and self._state() != self._before and not self._warned:
            self._warned = True
            self._say(tr("Your changes are not saved. Cancel once more throws them away."))
            return
        super().reject()

    # -- inside

    def _on_read(self, classes: list[DefectClass]) -> None:
        for row in rows_of(classes):
            self._put(row)
        self._renumber()
        self._before = self._state()
        if any(row.is_shown for row in self._rows.values()):
            self.list.setCurrentRow(0)
        self.list.setFocus()

    def _put(self, row: Row) -> QListWidgetItem:
        """A line of the list: behind the last one that is offered."""
        key = len(self._rows)
        self._rows[key] = row
        item = QListWidgetItem()
        item.setData(_KEY, key)
        last = max((at for at in range(self.list.count()) if self._row_at(at).is_shown), default=-1)
        self.list.insertItem(last + 1 if row.is_shown else self.list.count(), item)
        return item

    def _row_at(self, place: int) -> Row:
        return self._rows[int(self.list.item(place).data(_KEY))]

    def _ordered(self) -> list[Row]:
        return [self._row_at(place) for place in range(self.list.count())]

    def _state(self) -> list[object]:
        """Everything that would be stored, to see whether it changed."""
        return [(row.draft(), None if row.merge_into is None else row.merge_into.draft()) for row in self._ordered()]

    def _current(self) -> Row | None:
        at = self.list.currentRow()
        return None if at < 0 else self._row_at(at)

    def _show(self, row: Row) -> None:
        self.list.setCurrentRow(self._ordered().index(row))

    def _renumber(self, *_: object) -> None:
        """Every line as it reads now; the first nine have a key."""
        number = 0
        for place in range(self.list.count()):
            item, row = self.list.item(place), self._row_at(place)
            word = row.word(self._language)
            if row.is_shown:
                number += 1
                word = f"{number}   {word}" if number <= _KEYS else f"     {word}"
            elif row.merge_into is not None:
                word = tr("{name} → {other}", name=word, other=row.merge_into.word(self._language))
            item.setText(word)
            item.setIcon(_sign(row.colour))
            item.setForeground(self.palette().text() if row.is_shown else theme.muted())
        self._hide_gone()
        self._right.setCurrentWidget(self.form if self._current() is not None else self._empty)

    def _hide_gone(self, *_: object) -> None:
        """What was taken out before is listed when one wants to see it."""
        count = 0
        for place in range(self.list.count()):
            is_gone = self._is_long_gone(self._row_at(place))
            self.list.item(place).setHidden(is_gone and not self._gone.isChecked())
            count += is_gone
        self._gone.setText(tr("Show those that were taken out ({n})", n=count))
        self._gone.setVisible(count > 0)

    def _is_long_gone(self, row: Row) -> bool:
        return row.retired and row.id is not None and row.id not in {one.id for one in self._session.classes}

    def _say(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    # -- slots

    def _on_item_chosen(self, *_: object) -> None:
        row = self._current()
        if row is not None:
            self.form.show_row(row, [one for one in self._rows.values() if one.is_shown and one is not row])
        self._right.setCurrentWidget(self.form if row is not None else self._empty)

    def _on_row_changed(self) -> None:
        self._warned = False
        self._say("")
        self._renumber()

    def _take_out(self) -> None:
        """A class that is stored is offered no more; one that was only typed goes."""
        row = self._current()
        if row is None:
            return
        if row.id is None:
            key = next(key for key, one in self._rows.items() if one is row)
            self.list.takeItem(self.list.currentRow())
            self._rows[key] = Row(None, "", retired=True)  # keys are never used twice
            for other in self._rows.values():
                if other.merge_into is row:
                    other.merge_into = None
        else:
            row.retired = True
        self._on_row_changed()
        self._on_item_chosen()

    def _bring_back(self) -> None:
        row = self._current()
        if row is not None:
            row.retired, row.merge_into = False, None
            self._on_row_changed()
            self._on_item_chosen()

    def _merge(self, into: Row) -> None:
        row = self._current()
        if row is not None:
            for other in self._rows.values():
                if other.merge_into is row:  # those that were to come here go on to where this one goes
                    other.merge_into = into
            row.merge_into = into
            self._on_row_changed()
            self._on_item_chosen()

    def _take_preset(self, name: str) -> None:
        known = {row.code: row for row in self._rows.values()}
        for row in rows_of_drafts(preset_classes(name)):
            if row.code in known:
                known[row.code].retired = False
            else:
                self._put(row)
        self._renumber()
        self.list.setCurrentRow(0)

    def _on_failed(self, error: Exception) -> None:
        self.save_button.setEnabled(True)
        headline, rest = describe(error)
        self._say(f"{headline}. {rest}" if rest else headline)


def _sign(colour: str) -> QIcon:
    """A swatch that keeps its colour while its line is chosen."""
    sign = QIcon(swatch(QColor(colour)))
    sign.addPixmap(swatch(QColor(colour)), QIcon.Mode.Selected)
    return sign
