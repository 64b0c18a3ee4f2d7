"""The scale of a view, found out with the ruler: this line is so many millimetres."""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from app import theme
from app.canvas.workbench import Workbench
from app.words import tr
from core.workflow.calibrating import scale_of

_LEAST_MM, _MOST_MM = 1e-4, 1e5


class Calibration(QWidget):
    """Part of the options strip of the ruler."""

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        self._known = QLabel(self)
        self._known.setFont(theme.mono_numbers(self._known.font()))
        row.addWidget(self._known)
        row.addWidget(QLabel(tr("This line is"), self))
        self.field = QLineEdit(self)
        self.field.setFixedWidth(72)
        self.field.setAccessibleName(tr("Length of the line in millimetres"))
        validator = QDoubleValidator(_LEAST_MM, _MOST_MM, 6, self.field)
        validator.setNotation(QDoubleValidator.Notation.StandardNotation)
        self.field.setValidator(validator)
        self.field.returnPressed.connect(self._on_set)
        row.addWidget(self.field)
        row.addWidget(QLabel(tr("mm"), self))
        self.button = QPushButton(tr("Set the scale"), self)
        self.button.setToolTip(tr("For every image of this view; areas are told in mm², too. It can be undone."))
        self.button.setStyleSheet("QPushButton { padding: 2px 10px; }")
        self.button.clicked.connect(self._on_set)
        row.addWidget(self.button)
        self.field.textChanged.connect(self._show)
        bench.measured.connect(self._show)
        bench.changed.connect(self._show)
        self._show()

    def _millimetres(self) -> float:
        """What was typed; 0 where it is no length."""
        if not self.field.hasAcceptableInput():
            return 0.0
        number, fine = QLocale().toDouble(self.field.text())
        return number if fine and _LEAST_MM <= number <= _MOST_MM else 0.0

    def _show(self, *_: object) -> None:
        scale = self._bench.scale_um
        self._known.setText(tr("No scale yet") if scale is None else tr("1 px = {n} µm", n=f"{scale:.4g}"))
        self.field.setEnabled(self._bench.line > 0)
        self.field.setPlaceholderText("" if scale is None else f"{self._bench.line * scale / 1000:.4g}")
        self.button.setEnabled(self._bench.line > 0 and self._millimetres() > 0)

    def _on_set(self) -> None:
        length = self._millimetres()
        if length > 0 and self._bench.line > 0:
            self.field.clear()
            self._bench.calibrated.emit(scale_of(self._bench.line, length))
