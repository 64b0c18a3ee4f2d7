"""The level of the heatmap above which areas are proposed: a slider, and the number."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from app import theme
from app.canvas.proposals import LOWEST, Proposals
from app.icons import icon
from app.words import tr

_STEPS: Final = 1000


class LevelPart(QWidget):
    """Follows the proposals of a workbench. The slider is finer where levels are low."""

    def __init__(self, proposals: Proposals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._proposals = proposals
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(QLabel(tr("Level"), self))
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setFixedWidth(160)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.slider.setAccessibleName(tr("Level of the heatmap"))
        self.slider.setToolTip(tr("Lower, higher: {a}  {b}, or Alt+wheel", a="[", b="]"))
        self.slider.valueChanged.connect(lambda at: proposals.set_level(LOWEST ** (1 - at / _STEPS)))
        self._number = QLabel(self)
        self._number.setFont(theme.mono_numbers(self._number.font()))
        self._number.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.00000"))
        self.back = QToolButton(self)
        self.back.setAutoRaise(True)
        self.back.setIcon(icon("undo"))
        self.back.setToolTip(tr("Back to the threshold"))
        self.back.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.back.clicked.connect(self._on_back_clicked)
        for part in (self.slider, self._number, self.back):
            row.addWidget(part)
        proposals.level_changed.connect(self._show)
        proposals.heat_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        level, heat = self._proposals.level, self._proposals.heat
        self.slider.blockSignals(True)
        self.slider.setValue(round(_STEPS * (1 - math.log(level) / math.log(LOWEST))))
        self.slider.blockSignals(False)
        self._number.setText(f"{level:.4f}")
        self.setEnabled(heat is not None)
        self.back.setEnabled(heat is not None and level != heat.threshold)

    def _on_back_clicked(self) -> None:
        if self._proposals.heat is not None:
            self._proposals.set_level(self._proposals.heat.threshold)
