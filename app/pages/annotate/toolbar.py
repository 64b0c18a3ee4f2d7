"""The tools on the left of the canvas, and above it what the chosen one can be told."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)

from app import theme
from app.canvas.tools import BY_COMMAND, TOOLS
from app.canvas.workbench import Workbench
from app.commands import BY_ID, Actions, tooltip
from app.elided import Elided
from app.icons import icon
from app.pages.annotate.calibration import Calibration
from app.pages.annotate.level import LevelPart
from app.words import tr
from core.annotation.strokes import LARGEST, Shape

_ICON: Final = 22
_BUTTON: Final = 36
_GAP: Final = 2
_EDGE: Final = 4
_LEAST: Final = 5  # below each other
STRIP_PX: Final = 36  # there with every tool and with none: the image below it never moves
_LOOKING: Final = "Drag moves the image, the wheel zooms. The tools on the left paint; the last one draws the region."
_AT_ONCE: Final = ("tool.holes", "tool.grow", "tool.shrink")  # no tools for the hand: they act when they are clicked


class ToolBar(QFrame):
    """One button a tool; the chosen one is pressed. Where they do not fit below each other there are more columns."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(_EDGE, theme.SPACE, _EDGE, theme.SPACE)
        self._grid.setSpacing(_GAP)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._group = QButtonGroup(self)
        self._rows = 0
        self.buttons: Final[dict[str, QToolButton]] = {}
        for command in ("tool.look", *(kind.command for kind in TOOLS)):
            button = self._button(command, actions)
            button.setCheckable(True)
            self._group.addButton(button)
        for command in _AT_ONCE:
            self._button(command, actions)
        self._arrange(len(self.buttons))
        self.show_tool("tool.look")

    def minimumSizeHint(self) -> QSize:
        """Room for some of them in each column."""
        return QSize(super().minimumSizeHint().width(), _LEAST * (_BUTTON + _GAP) + 2 * theme.SPACE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit(self.height())

    def fit(self, height: int) -> int:
        """Arrange the buttons for so high a bar, and how wide it is then."""
        self._arrange(max(_LEAST, (height - 2 * theme.SPACE + _GAP) // (_BUTTON + _GAP)))
        return self.minimumWidth()

    def _arrange(self, rows: int) -> None:
        """At most so many below each other, as many in each column."""
        columns = -(-len(self.buttons) // rows)
        rows = -(-len(self.buttons) // columns)
        if rows == self._rows:
            return
        self._rows = rows
        for number, button in enumerate(self.buttons.values()):
            self._grid.addWidget(button, number % rows, number // rows)
        self.setFixedWidth(columns * (_BUTTON + _GAP) - _GAP + 2 * _EDGE)

    def show_tool(self, command: str) -> None:
        """Which tool is in the hand."""
        self.buttons[command].setChecked(True)

    def add(self, command: str, button: QToolButton) -> None:
        """A button that is no tool, below them."""
        self.buttons[command] = button
        self._rows = 0
        self._arrange(len(self.buttons))

    def set_writable(self, writable: bool) -> None:
        """Without a project that may be changed one can only look."""
        for command, button in self.buttons.items():
            button.setEnabled(writable or command == "tool.look")

    def _button(self, command: str, actions: Actions) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(BY_ID[command].icon))
        button.setIconSize(QSize(_ICON, _ICON))
        button.setFixedSize(_BUTTON, _BUTTON)
        button.setAutoRaise(True)
        button.setToolTip(tooltip(command))
        button.setAccessibleName(tr(BY_ID[command].text))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(partial(actions.run, command))
        self.buttons[command] = button
        return button


class OptionStrip(QFrame):
    """Controls of the tool in the hand, and what it does in a few words."""

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("options")
        self._bench = bench
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 12, 2)
        row.setSpacing(12)
        self._parts: dict[str, QWidget] = {
            "size": self._size_part(),
            "shape": self._shape_part(),
            "tolerance": self._tolerance_part(),
            "level": LevelPart(bench.proposals, self),
            "only_empty": self._only_empty_part(),
            "calibration": Calibration(bench, self),
        }
        for part in self._parts.values():
            row.addWidget(part)
        self._hint = Elided(self)
        self._hint.setProperty("role", "muted")
        row.addWidget(self._hint, 1)
        self.setFixedHeight(STRIP_PX)
        self._standing_hint = ""
        bench.changed.connect(self._on_value_changed)
        bench.hinted.connect(self._on_hinted)
        self.show_tool("")

    def show_tool(self, command: str) -> None:
        """Show what can be told to that tool; what the mouse does without one."""
        kind = BY_COMMAND.get(command)
        for name, part in self._parts.items():
            part.setVisible(kind is not None and name in kind.options)
        self._standing_hint = tr(kind.hint) if kind is not None else tr(_LOOKING)
        self._on_hinted("")
        self._on_value_changed("")

    # -- building

    def _size_part(self) -> QWidget:
        part, row = self._part()
        row.addWidget(QLabel(tr("Size"), part))
        self.size_field = QSpinBox(part)
        self.size_field.setRange(1, LARGEST)
        self.size_field.setSuffix(" px")
        self.size_field.setToolTip(tr("Smaller, larger: {a}  {b}", a="[", b="]"))
        self.size_field.setAccessibleName(tr("Size of the brush"))
        self.size_field.valueChanged.connect(self._bench.set_size)
        slider = QSlider(Qt.Orientation.Horizontal, part)
        slider.setRange(0, 100)
        slider.setFixedWidth(120)
        slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        slider.setAccessibleName(tr("Size of the brush"))
        slider.valueChanged.connect(lambda value: self._bench.set_size(round(LARGEST ** (value / 100))))
        self._slider = slider
        row.addWidget(slider)
        row.addWidget(self.size_field)
        return part

    def _shape_part(self) -> QWidget:
        part, row = self._part()
        row.setSpacing(2)
        self._shapes: dict[Shape, QToolButton] = {}
        shapes: tuple[tuple[Shape, str], ...] = (("round", tr("Round brush")), ("square", tr("Square brush")))
        for shape, word in shapes:
            button = QToolButton(part)
            button.setIcon(icon(shape))
            button.setCheckable(True)
            button.setAutoRaise(True)
            button.setToolTip(word)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(partial(self._bench.set_shape, shape))
            row.addWidget(button)
            self._shapes[shape] = button
        return part

    def _tolerance_part(self) -> QWidget:
        part, row = self._part()
        row.addWidget(QLabel(tr("Tolerance"), part))
        self.tolerance_field = QSpinBox(part)
        self.tolerance_field.setRange(0, 255)
        self.tolerance_field.setAccessibleName(tr("Tolerance in grey levels"))
        self.tolerance_field.valueChanged.connect(self._bench.set_tolerance)
        row.addWidget(self.tolerance_field)
        return part

    def _only_empty_part(self) -> QWidget:
        self._only_empty = QCheckBox(tr("Only empty pixels"), self)
        self._only_empty.setToolTip(tr("What is painted already stays as it is"))
        self._only_empty.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._only_empty.toggled.connect(self._bench.set_only_empty)
        return self._only_empty

    def _part(self) -> tuple[QWidget, QHBoxLayout]:
        part = QWidget(self)
        row = QHBoxLayout(part)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        return part, row

    # -- slots

    def _on_value_changed(self, _: str) -> None:
        bench = self._bench
        position = 100 * math.log(bench.size) / math.log(LARGEST)
        values = (
            (self.size_field, bench.size),
            (self._slider, round(position)),
            (self.tolerance_field, bench.tolerance),
        )
        for field, value in values:
            field.blockSignals(True)
            field.setValue(value)
            field.blockSignals(False)
        for shape, button in self._shapes.items():
            button.setChecked(shape == bench.shape)
        self._only_empty.setChecked(bench.only_empty)

    def _on_hinted(self, text: str) -> None:
        self._hint.setText(text or self._standing_hint)
