"""The line above the grid: search, what to show, in which order, how large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
    QWidgetAction,
)

from app import theme
from app.gallery.filters import Filter, Sort
from app.icons import icon
from app.pages.dataset.flow import FlowLayout
from app.pages.dataset.summary import Place
from app.throttle import Slowly
from app.words import label_word, split_word, tr
from core.words import LABELS, SPLITS

_TYPING_MS: Final = 150
_SEARCH_PX: Final = 190
_NO_BOUND: Final = -1.0


class _StayingMenu(QMenu):
    """A menu of ticks that stays open while they are set."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.actionAt(event.position().toPoint())
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
            event.accept()
            return
        super().mouseReleaseEvent(event)


class Choices(QToolButton):
    """A button that opens a list of ticks; nothing ticked means everything."""

    changed = Signal()

    def __init__(self, word: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._word = word
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setProperty("role", "field")
        self._menu = _StayingMenu(self)
        self.setMenu(self._menu)
        self._show()

    def set_choices(self, choices: Iterable[tuple[str, str]]) -> None:
        """(value, word) pairs; ticks of values that stay are kept."""
        pairs = list(choices)
        if pairs == [(str(action.data()), action.text()) for action in self._menu.actions()]:
            return
        ticked = self.chosen()
        self._menu.clear()
        for value, word in pairs:
            action = self._menu.addAction(word)
            action.setData(value)
            action.setCheckable(True)
            action.setChecked(value in ticked)
            action.toggled.connect(self._on_choice_toggled)
        self._show()

    def chosen(self) -> frozenset[str]:
        """The values that are ticked."""
        return frozenset(str(action.data()) for action in self._ticked())

    def choose(self, values: Iterable[str]) -> None:
        """Tick exactly these, without a signal."""
        wanted = set(values)
        for action in self._menu.actions():
            action.blockSignals(True)
            action.setChecked(str(action.data()) in wanted)
            action.blockSignals(False)
        self._show()

    def _ticked(self) -> list[QAction]:
        return [action for action in self._menu.actions() if action.isChecked()]

    def _on_choice_toggled(self, _: bool) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        words = [action.text() for action in self._ticked()]
        shown = ", ".join(words) if len(words) < 3 else tr("{n} chosen", n=len(words))
        self.setText(shown or self._word)
        self.setToolTip(f"{self._word}: {', '.join(words)}" if words else tr("Show only some: {what}", what=self._word))
        _mark(self, bool(words))


class ScoreRange(QToolButton):
    """A button that opens two fields, from and to."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setProperty("role", "field")
        panel = QWidget(self)
        form = QFormLayout(panel)
        self.low, self.high = self._field(panel), self._field(panel)
        form.addRow(tr("From"), self.low)
        form.addRow(tr("To"), self.high)
        menu = QMenu(self)
        holder = QWidgetAction(menu)
        holder.setDefaultWidget(panel)
        menu.addAction(holder)
        self.setMenu(menu)
        self._show()

    def span(self) -> tuple[float | None, float | None]:
        """Lowest and highest score; None is no bound."""
        low, high = self.low.value(), self.high.value()
        return (None if low <= _NO_BOUND else low, None if high <= _NO_BOUND else high)

    def set_span(self, span: tuple[float | None, float | None]) -> None:
        """Set both, without a signal."""
        for field, value in zip((self.low, self.high), span, strict=True):
            field.blockSignals(True)
            field.setValue(_NO_BOUND if value is None else value)
            field.blockSignals(False)
        self._show()

    def _field(self, parent: QWidget) -> QDoubleSpinBox:
        field = QDoubleSpinBox(parent)
        theme.indent(field)
        field.setRange(_NO_BOUND, 1_000_000.0)
        field.setDecimals(3)
        field.setSingleStep(0.05)
        field.setValue(_NO_BOUND)
        field.setSpecialValueText(tr("any"))
        field.setMinimumWidth(110)
        field.valueChanged.connect(self._on_value_changed)
        return field

    def _on_value_changed(self, _: float) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        low, high = self.span()
        word = tr("Score")
        if low is not None and high is not None:
            word = tr("Score {low} to {high}", low=f"{low:g}", high=f"{high:g}")
        elif low is not None:
            word = tr("Score from {low}", low=f"{low:g}")
        elif high is not None:
            word = tr("Score to {high}", high=f"{high:g}")
        self.setText(word)
        _mark(self, low is not None or high is not None)


class FilterBar(QWidget):
    """`changed` a moment after a person typed or chose; `size_changed` carries S, M or L."""

    changed = Signal()
    size_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ids: tuple[int, ...] | None = None
        self._slowly = Slowly(self.changed.emit, _TYPING_MS, self)
        self._build()

    # -- what is asked for

    def wish(self, place: Place) -> Filter:
        """The filter that the fields and the place in the tree make together."""
        return Filter(
            product=place.product,
            view=place.view,
            lot=place.lot,
            split=cast(Any, self.splits.chosen()),
            label=cast(Any, self.labels.chosen()),
            defect_class=self.classes.chosen(),
            text=self.search.text().strip(),
            score=self.score.span() if not self.score.isHidden() else (None, None),
            problems=self.problems.isChecked(),
            ids=self._ids,
        )

    def order(self) -> tuple[Sort, bool]:
        """How to sort, and whether backwards."""
        return cast(Sort, self.sort.currentData()), self.backwards.isChecked()

    def show_filter(self, wish: Filter, *, title: str = "") -> None:
        """Set the fields to `wish` (its product, view and lot are the tree's), then say that it changed."""
        self.splits.choose(wish.split)
        self.labels.choose(wish.label)
        self.classes.choose(wish.defect_class)
        self.search.setText(wish.text)
        self.score.set_span(wish.score)
        self.problems.setChecked(wish.problems)
        self._slowly.stop()  # what was set is said below
        self._ids = wish.ids
        self.chosen.setVisible(wish.ids is not None)
        self.chosen.setText(f"{title or tr('Chosen images')}  ✕")
        self.changed.emit()

    def clear(self) -> None:
        """Show everything of the place."""
        self.show_filter(Filter())

    # -- what there is

    def set_classes(self, classes: Mapping[str, str]) -> None:
        """The defect classes that can be asked for, code -> name."""
        self.classes.set_choices(classes.items())
        self.classes.setVisible(bool(classes))

    def set_scored(self, scored: bool) -> None:
        """Whether there are scores to filter and sort by."""
        self.score.setVisible(scored)
        model = self.sort.model()
        item = cast(Any, model).item(self.sort.findData("score"))
        item.setEnabled(scored)

    def set_count(self, shown: int, of: int, *, narrows: bool) -> None:
        """How many images are shown of those in the place."""
        self.count.setText(tr("{shown} of {of}", shown=f"{shown:,}", of=f"{of:,}") if narrows else f"{of:,}")
        self.reset.setVisible(narrows)
        self._fit()

    def set_size(self, size: str) -> None:
        """S, M or L."""
        self._sizes[size].setChecked(True)

    # -- building

    def _build(self) -> None:
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(theme.SPACE, 6, theme.SPACE, 6)
        self._box.setSpacing(6)
        self._asking, self._showing = QWidget(self), QWidget(self)
        self._box.addWidget(self._asking, 1)
        self._box.addWidget(self._showing)
        self._build_asking(FlowLayout(self._asking))
        row = QHBoxLayout(self._showing)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addStretch(1)
        self.reset = QPushButton(tr("Clear"), self._showing)
        self.reset.setProperty("role", "link")
        self.reset.setToolTip(tr("Show everything again"))
        self.reset.clicked.connect(self.clear)
        self.reset.hide()
        row.addWidget(self.reset)
        self.count = QLabel(self._showing)
        self.count.setProperty("role", "muted")
        self.count.setFont(theme.mono_numbers(self.count.font()))
        row.addWidget(self.count)
        self._build_order(row)
        self.set_classes({})
        self.set_scored(False)

    def _build_asking(self, row: FlowLayout) -> None:
        self.search = QLineEdit(self._asking)
        self.search.setPlaceholderText(tr("Name, lot or class"))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setFixedWidth(_SEARCH_PX)
        self.search.textChanged.connect(self._slowly.start)
        self.search.installEventFilter(self)
        row.addWidget(self.search)
        self.labels = Choices(tr("Label"), self)
        self.labels.set_choices((label, label_word(label)) for label in LABELS)
        self.splits = Choices(tr("Split"), self)
        self.splits.set_choices((split, split_word(split)) for split in SPLITS)
        self.classes = Choices(tr("Class"), self)
        self.score = ScoreRange(self)
        self.problems = QToolButton(self)
        self.problems.setText(tr("Problems"))
        self.problems.setCheckable(True)
        self.problems.setProperty("role", "toggle")
        self.problems.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # else its frame stays after it was switched off
        self.problems.setToolTip(
            tr("Only files that are unreadable, changed or gone, and good images with a mask of a defect")
        )
        for choice in (self.labels, self.splits, self.classes, self.score):
            choice.changed.connect(self._slowly.start)
            row.addWidget(choice)
        self.problems.toggled.connect(self._slowly.start)
        row.addWidget(self.problems)
        self.chosen = QPushButton(self)
        self.chosen.setToolTip(tr("Show all images again"))
        self.chosen.hide()
        self.chosen.clicked.connect(self._on_chosen_clicked)
        row.addWidget(self.chosen)

    def _build_order(self, row: QHBoxLayout) -> None:
        self.sort = QComboBox(self)
        self.sort.setToolTip(tr("Order"))
        for key, word in (
            ("name", tr("By name")),
            ("label", tr("By label")),
            ("lot", tr("By lot")),
            ("score", tr("By score")),
            ("newest", tr("Newest first")),
        ):
            self.sort.addItem(word, key)
        self.sort.currentIndexChanged.connect(self._slowly.start)
        self.backwards = QToolButton(self)
        self.backwards.setCheckable(True)
        self.backwards.setProperty("role", "tile")
        self.backwards.setIcon(icon("backwards"))
        self.backwards.setFixedSize(28, 30)
        self.backwards.setToolTip(tr("The other way round"))
        self.backwards.toggled.connect(self._slowly.start)
        row.addWidget(self.sort)
        row.addWidget(self.backwards)
        self._sizes: dict[str, QToolButton] = {}
        for size, side, tip in (("S", 12, tr("Small")), ("M", 16, tr("Medium")), ("L", 20, tr("Large"))):
            button = QToolButton(self)
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setProperty("role", "tile")
            button.setIcon(icon("tiles"))
            button.setIconSize(QSize(side, side))
            button.setFixedSize(28, 30)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(lambda _=False, size=size: self.size_changed.emit(size))
            self._sizes[size] = button
            row.addWidget(button)

    def _on_chosen_clicked(self) -> None:
        self.show_filter(replace(self.wish(Place()), ids=None))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Order and size go below where the room is short."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        one_line = self._asking.sizeHint().width() + self._showing.sizeHint().width() + 4 * theme.SPACE
        fits = self.width() >= one_line
        direction = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        if self._box.direction() != direction:
            self._box.setDirection(direction)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if watched is self.search and is_escape and event.type() == QEvent.Type.KeyPress:
            self.search.clear()
            return True
        return super().eventFilter(watched, event)


def _mark(button: QToolButton, active: bool) -> None:
    """Show that something is chosen here."""
    if button.property("active") != active:
        button.setProperty("active", active)
        button.style().unpolish(button)
        button.style().polish(button)
        button.updateGeometry()
