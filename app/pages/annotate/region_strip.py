"""Above the canvas while regions are drawn: whose region it is, what is chosen, cells, how it lies on the images."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
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
from app.elided import Elided
from app.icons import icon
from app.words import tr
from core.annotation.strokes import LARGEST

TOOLS: Final = ("tool.look", "tool.rectangle", "tool.polygon", "tool.brush", "tool.eraser", "zone.cells")
_ICON: Final = 22
_BUTTON: Final = 36
_SIGN: Final = QColor("#2b8cc4")  # the region's hue, deep enough for a light ground and light enough for a dark one
_MOST_CELLS: Final = 200
_CELLS: Final = 5


class RegionBar(QFrame):
    """One button a tool of regions; in the place of those that paint defects."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools")
        column = QVBoxLayout(self)
        column.setContentsMargins(4, theme.SPACE, 4, theme.SPACE)
        column.setSpacing(2)
        group = QButtonGroup(self)
        self.buttons: Final[dict[str, QToolButton]] = {}
        for command in TOOLS:
            button = QToolButton(self)
            button.setIcon(icon(BY_ID[command].icon, _SIGN))
            button.setIconSize(QSize(_ICON, _ICON))
            button.setFixedSize(_BUTTON, _BUTTON)
            button.setAutoRaise(True)
            button.setCheckable(True)
            words = tr("Choose, move and resize zones") if command == "tool.look" else tr(BY_ID[command].text)
            button.setToolTip(tooltip(command, words))
            button.setAccessibleName(words)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(partial(actions.run, command))
            group.addButton(button)
            column.addWidget(button)
            self.buttons[command] = button
        column.addStretch(1)

    def show_tool(self, command: str) -> None:
        """Which tool is in the hand."""
        self.buttons[command].setChecked(True)


def region_button(actions: Actions, parent: QWidget) -> QToolButton:
    """The way from defects to regions."""
    button = QToolButton(parent)
    button.setIcon(icon(BY_ID["tool.region"].icon, _SIGN))
    button.setIconSize(QSize(_ICON, _ICON))
    button.setFixedSize(_BUTTON, _BUTTON)
    button.setAutoRaise(True)
    button.setToolTip(tooltip("tool.region", tr("Draw the region of interest")))
    button.setAccessibleName(tr("Draw the region of interest"))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(partial(actions.run, "tool.region"))
    return button


class RegionStrip(QFrame):
    """Two lines: whose region this is and how it lies; the zone or cell that is chosen."""

    own_wanted = Signal(bool)
    copy_wanted = Signal()
    fits_wanted = Signal()
    closed = Signal()
    accept_wanted = Signal()
    count_wanted = Signal(int)

    def __init__(self, board: ZoneBoard, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("region")
        self._board = board
        self._bench = bench
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        column.addWidget(self._zone())
        board.chosen_changed.connect(self._show_chosen)
        self._show_chosen()

    # -- what is shown

    def show_place(self, words: str, *, is_own: bool, can_own: bool, fits: str, others: int) -> None:
        """`words` say whose region it is; `fits` how it lies on this image; `others` are chosen to get a copy."""
        self._title.setText(words)
        self._title.setToolTip(words)
        self.all_images.setChecked(not is_own)
        self.this_image.setChecked(is_own)
        self.this_image.setEnabled(can_own)
        self.fits.setText(fits or tr("How it lies …"))
        self.fits.setEnabled(bool(fits))
        self.copy.setVisible(others > 0)
        self.copy.setText(tr("Copy to {n} chosen", n=f"{others:,}"))

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

    def say(self, hint: str) -> None:
        """What the tool does, in a few words."""
        self._hint.setText(hint)
        self._hint.setToolTip(hint)

    # -- building

    def _head(self) -> QWidget:
        head = QFrame(self)
        head.setObjectName("region_head")
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 3, 8, 3)
        row.setSpacing(theme.SPACE)
        self._title = Elided(head)
        self._title.setObjectName("region_title")
        row.addWidget(self._title, 1)
        self.all_images, self.this_image = self._switch(head, tr("All images")), self._switch(head, tr("This image"))
        self.all_images.setToolTip(tr("Draw the template: it is laid over every image of the view"))
        self.this_image.setToolTip(tr("Draw a region for this image alone; the template stays as it is"))
        self.all_images.clicked.connect(lambda: self.own_wanted.emit(False))
        self.this_image.clicked.connect(lambda: self.own_wanted.emit(True))
        group = QButtonGroup(head)
        for button in (self.all_images, self.this_image):
            group.addButton(button)
            row.addWidget(button)
        self.copy = self._button(head, "", tr("Each of them gets the region as it lies here, as its own"))
        self.copy.clicked.connect(self.copy_wanted)
        row.addWidget(self.copy)
        self.fits = self._button(head, tr("How it lies …"), tr("Twelve images, the worst fits first; aligning"))
        self.fits.clicked.connect(self.fits_wanted)
        row.addWidget(self.fits)
        self.close_button = self._button(head, tr("Back to defects"), tooltip("tool.region"))
        self.close_button.clicked.connect(self.closed)
        row.addWidget(self.close_button)
        return head

    def _zone(self) -> QWidget:
        line = QFrame(self)
        line.setObjectName("options")
        line.setFixedHeight(36)
        row = QHBoxLayout(line)
        row.setContentsMargins(12, 2, 12, 2)
        row.setSpacing(theme.SPACE)
        self._signs: dict[Sign, QPushButton] = {}
        group = QButtonGroup(line)
        kinds: tuple[tuple[Sign, str, str], ...] = (
            ("inspect", tr("Inspect"), tr("What lies in the zone is judged")),
            ("ignore", tr("Ignore"), tr("What lies in the zone is never judged: a date code, a laser mark")),
        )
        for sign, text, hint in kinds:
            button = self._switch(line, text)
            button.setToolTip(hint)
            button.clicked.connect(partial(self._board.set_sign, sign))
            group.addButton(button)
            row.addWidget(button)
            self._signs[sign] = button
        self.name = QLineEdit(line)
        self.name.setMaxLength(40)
        self.name.setFixedWidth(130)
        self.name.setPlaceholderText(tr("Name"))
        self.name.setAccessibleName(tr("Name of the zone"))
        self.name.editingFinished.connect(self._on_named)
        row.addWidget(self.name)
        self.remove = QToolButton(line)
        self.remove.setIcon(icon("close"))
        self.remove.setAutoRaise(True)
        self.remove.setToolTip(tr("Remove it (Del)"))
        self.remove.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.remove.clicked.connect(self._board.remove)
        row.addWidget(self.remove)
        row.addWidget(self._cells(line))
        row.addWidget(self._brush(line))
        self._hint = Elided(line)
        self._hint.setProperty("role", "muted")
        row.addWidget(self._hint, 1)
        return line

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
        self.accept.setProperty("role", "primary")
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

    def _switch(self, parent: QWidget, text: str) -> QPushButton:
        button = self._button(parent, text, "")
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
        for widget in (self.name, self.remove):
            widget.setVisible(board.chosen is not None and not repeats)
        if self.name.text() != board.name:
            self.name.setText(board.name)

    def _on_named(self) -> None:
        self._board.rename(self.name.text().strip())
        self.name.setText(self._board.name)
