"""Beside and above the canvas while regions are drawn, in the place of what paints defects: tools, and their strip."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.canvas.workbench import Workbench
from app.canvas.zone_board import Sign, ZoneBoard
from app.commands import BY_ID, Actions, tooltip
from app.elided import Fitting
from app.icons import icon
from app.pages.annotate.toolbar import STRIP_PX, ToolBar
from app.words import tr
from core.annotation.strokes import LARGEST

TOOLS: Final = ("tool.look", "tool.rectangle", "tool.polygon", "tool.brush", "tool.eraser", "zone.cells")
_ICON: Final = 22
_BUTTON: Final = 36
_SIGN: Final = QColor("#2b8cc4")  # the region's hue, deep enough for a light ground and light enough for a dark one
_MOST_CELLS: Final = 200
_CELLS: Final = 5
_TITLE_FROM: Final = 1000  # px


class RegionBar(QFrame):
    """One button a tool of regions; in the place of those that paint defects."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools")
        self._actions = actions
        self._like: ToolBar | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(4, theme.SPACE, 4, theme.SPACE)
        column.setSpacing(2)
        group = QButtonGroup(self)
        self.buttons: Final[dict[str, QToolButton]] = {}
        for command in TOOLS:
            words = tr("Choose, move and change zones") if command == "tool.look" else tr(BY_ID[command].text)
            button = self._button(command, words, self)
            button.setCheckable(True)
            button.clicked.connect(partial(actions.run, command))
            group.addButton(button)
            column.addWidget(button)
            self.buttons[command] = button
        column.addStretch(1)

    def stand_for(self, bar: ToolBar) -> None:
        """Be as wide as another bar would be here, so that the image beside it stays; that one gets a way to here."""
        self._like = bar
        bar.add("tool.region", self._way_in(bar))

    def showEvent(self, event: QShowEvent) -> None:
        if self._like is not None:
            self.setFixedWidth(self._like.minimumWidth())
        super().showEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._like is not None:
            self.setFixedWidth(self._like.fit(self.height()))

    def show_tool(self, command: str) -> None:
        """Which tool is in the hand."""
        self.buttons[command].setChecked(True)

    def _way_in(self, parent: QWidget) -> QToolButton:
        """From defects to regions."""
        button = self._button("tool.region", tr("Draw the region of interest"), parent)
        button.clicked.connect(partial(self._actions.run, "tool.region"))
        return button

    def _button(self, command: str, words: str, parent: QWidget) -> QToolButton:
        button = QToolButton(parent)
        button.setIcon(icon(BY_ID[command].icon, _SIGN))
        button.setIconSize(QSize(_ICON, _ICON))
        button.setFixedSize(_BUTTON, _BUTTON)
        button.setAutoRaise(True)
        button.setToolTip(tooltip(command, words))
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


class RegionStrip(QFrame):
    """One line, as high as the one that it stands for: nothing below it moves when regions are drawn.

    Which images the region is of, what the next zone is, what the tool can be told and what it does.
    """

    own_wanted = Signal(bool)
    fits_wanted = Signal()
    closed = Signal()
    accept_wanted = Signal()
    count_wanted = Signal(int)

    def __init__(self, board: ZoneBoard, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("region_head")
        self.setFixedHeight(STRIP_PX)
        self._board = board
        self._bench = bench
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 8, 2)
        row.setSpacing(theme.SPACE)
        self._build_whose(row)
        self._build_signs(row)
        row.addWidget(self._cells(self))
        row.addWidget(self._brush(self))
        self.hint = Fitting(self)
        self.hint.setObjectName("region_hint")
        row.addWidget(self.hint, 1)
        self.doubt = self._button(self, "", tr("The worst fits first; aligning"))
        self.doubt.clicked.connect(self.fits_wanted)
        self.doubt.hide()
        row.addWidget(self.doubt)
        self.close_button = self._button(self, tr("Back to defects"), tooltip("tool.region"))
        self.close_button.clicked.connect(self.closed)
        row.addWidget(self.close_button)
        board.chosen_changed.connect(self._show_chosen)
        self._show_chosen()

    # -- what is shown

    def show_place(self, count: int, *, is_own: bool, can_own: bool, doubt: str) -> None:
        """The region is of `count` images, or of this one alone; `doubt` says that it may lie wrong here."""
        self.all_images.setText(tr("All {n} images", n=f"{count:,}"))
        self.all_images.setChecked(not is_own)
        self.this_image.setChecked(is_own)
        self.this_image.setEnabled(can_own)
        self.doubt.setText(doubt)
        self.doubt.setVisible(bool(doubt))

    def show_cells(self, count: int | None) -> None:
        """The cells that are being repeated; None: none are."""
        self._repeat.setVisible(count is not None)
        if count is not None and self.count.value() != count:
            self.count.blockSignals(True)
            self.count.setValue(count)
            self.count.blockSignals(False)
        self._show_chosen()

    def show_size(self, paints: bool) -> None:
        """The size of the brush, while there is one in the hand."""
        self._size.setVisible(paints)

    def say(self, hint: str, short: str) -> None:
        """What the tool does, in a sentence, and in a few words where there is no room for it."""
        self.hint.set_wordings(hint, short)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the hint has it: the buttons say whose region it is without a title."""
        super().resizeEvent(event)
        self._title.setVisible(self.width() >= _TITLE_FROM)

    # -- building

    def _build_whose(self, row: QHBoxLayout) -> None:
        self._title = QLabel(tr("Region of"), self)
        row.addWidget(self._title)
        self.all_images, self.this_image = self._switch(tr("All images")), self._switch(tr("This image"))
        self.all_images.setToolTip(tr("Draw the template: it is laid over every image of the view"))
        self.this_image.setToolTip(tr("Draw a region for this image alone; the template stays as it is"))
        self.all_images.clicked.connect(lambda: self.own_wanted.emit(False))
        self.this_image.clicked.connect(lambda: self.own_wanted.emit(True))
        group = QButtonGroup(self)
        for button in (self.all_images, self.this_image):
            group.addButton(button)
            row.addWidget(button)
        row.addSpacing(theme.SPACE)

    def _build_signs(self, row: QHBoxLayout) -> None:
        self._signs: dict[Sign, QPushButton] = {}
        group = QButtonGroup(self)
        kinds: tuple[tuple[Sign, str, str], ...] = (
            ("inspect", tr("Inspect"), tr("What lies in the zone is judged")),
            ("ignore", tr("Ignore"), tr("What lies in the zone is never judged: a date code, a laser mark")),
        )
        for sign, text, hint in kinds:
            button = self._switch(text)
            button.setToolTip(hint)
            button.clicked.connect(partial(self._board.set_sign, sign))
            group.addButton(button)
            row.addWidget(button)
            self._signs[sign] = button

    def _cells(self, parent: QWidget) -> QWidget:
        self._repeat = QWidget(parent)
        row = QHBoxLayout(self._repeat)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(QLabel(tr("How many"), self._repeat))
        self.count = QSpinBox(self._repeat)
        self.count.setRange(1, _MOST_CELLS)
        self.count.setValue(_CELLS)
        self.count.setAccessibleName(tr("How many cells"))
        self.count.valueChanged.connect(self.count_wanted)
        row.addWidget(self.count)
        self.accept = QPushButton(tr("Make them cells"), self._repeat)
        self.accept.setObjectName("region_accept")
        self.accept.setToolTip(tr("Enter; Esc begins anew"))
        self.accept.clicked.connect(self.accept_wanted)
        row.addWidget(self.accept)
        self._repeat.hide()
        return self._repeat

    def _brush(self, parent: QWidget) -> QWidget:
        self._size = QWidget(parent)
        row = QHBoxLayout(self._size)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(QLabel(tr("Size"), self._size))
        self.size_field = QSpinBox(self._size)
        self.size_field.setRange(1, LARGEST)
        self.size_field.setSuffix(" px")
        self.size_field.setToolTip(tr("Smaller, larger: {a}  {b}", a="[", b="]"))
        self.size_field.setAccessibleName(tr("Size of the brush"))
        self.size_field.setValue(self._bench.size)
        self.size_field.valueChanged.connect(self._bench.set_size)
        self._bench.changed.connect(lambda _: self.size_field.setValue(self._bench.size))
        row.addWidget(self.size_field)
        self._size.hide()
        return self._size

    def _switch(self, text: str) -> QPushButton:
        button = self._button(self, text, "")
        button.setCheckable(True)
        return button

    def _button(self, parent: QWidget, text: str, hint: str) -> QPushButton:
        button = QPushButton(text, parent)
        button.setToolTip(hint)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    # -- slots

    def _show_chosen(self) -> None:
        board = self._board
        repeats = not self._repeat.isHidden()
        zone = board.zone
        for sign, button in self._signs.items():
            button.setChecked(sign == (board.sign if zone is None or board.is_drawing else zone.sign))
            button.setVisible(board.cell is None and not repeats)
