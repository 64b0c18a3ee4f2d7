"""The defect classes beside the canvas: which one is painted, its key, and how much of it is on the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QLabel, QToolButton, QWidget

from app import theme
from app.canvas.workbench import Workbench
from app.pages.annotate.words import class_word, swatch
from app.words import tr
from core.project.records import DefectClass


class ClassList(QWidget):
    """A row a class; the pressed one is painted."""

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self._group = QButtonGroup(self)
        self._buttons: dict[int, QToolButton] = {}
        self._amounts: dict[int, QLabel] = {}
        bench.changed.connect(self._on_value_changed)

    def show_classes(self, classes: Sequence[DefectClass]) -> None:
        """The classes that can be painted, in their order; the first nine have a key."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._buttons, self._amounts = {}, {}
        for row, one in enumerate(classes):
            self._add(row, one, str(row + 1) if row < 9 else "")
        self._on_value_changed("class_id")

    def show_amounts(self, pixels: Mapping[int, int], per_pixel: float | None = None) -> None:
        """How much of each class is on the image: class id -> pixels; also in mm² with `per_pixel`, mm² a pixel."""
        for class_id, label in self._amounts.items():
            count = pixels.get(class_id, 0)
            words = tr("{n} px", n=f"{count:,}") if count else ""
            if count and per_pixel is not None:
                words += f" · {count * per_pixel:.3g} mm²"
            label.setText(words)

    def _add(self, row: int, one: DefectClass, key: str) -> None:
        button = QToolButton(self)
        button.setText(f"{key}  {class_word(one)}" if key else class_word(one))
        button.setIcon(QIcon(swatch(QColor(one.colour))))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setAutoRaise(True)
        button.setToolTip(tr("Paint {name}  ({key})", name=class_word(one), key=key) if key else class_word(one))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(partial(self._bench.set_class, one.id))
        amount = QLabel(self)
        amount.setProperty("role", "muted")
        amount.setFont(theme.mono_numbers(amount.font()))
        self._grid.addWidget(button, row, 0, Qt.AlignmentFlag.AlignLeft)
        self._grid.addWidget(amount, row, 1, Qt.AlignmentFlag.AlignRight)
        self._group.addButton(button)
        self._buttons[one.id], self._amounts[one.id] = button, amount

    def _on_value_changed(self, name: str) -> None:
        if name == "class_id" and self._bench.class_id in self._buttons:
            self._buttons[self._bench.class_id].setChecked(True)
