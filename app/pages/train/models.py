"""Which detector is trained: the recommended ones first, those of research behind a line, and why."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.words import tr
from core.config import MODELS

_WIDTH: Final = 168


class ModelChoice(QWidget):
    """A box of models, and a sentence about the one that is chosen."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reasons: dict[str, str] = {}
        self._box = QComboBox(self)
        self._box.setMinimumWidth(_WIDTH)
        self._box.setObjectName("model")
        self._box.setAccessibleName(tr("Detector"))
        self._fill()
        self._why = QLabel(self)
        self._why.setProperty("role", "muted")
        self._why.setWordWrap(True)
        self._why.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        title = QLabel(tr("Detector"), self)
        title.setBuddy(self._box)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(title)
        row.addWidget(self._box)
        row.addWidget(self._why, 1)
        self._show_why()
        self._box.currentIndexChanged.connect(self._on_box_changed)

    @property
    def model(self) -> str:
        """The model that is chosen."""
        return str(self._box.currentData())

    @property
    def why(self) -> str:
        """The sentence about it."""
        return self._why.text()

    def choose(self, name: str) -> None:
        """Choose a model by name; a name that nobody knows changes nothing."""
        index = self._box.findData(name)
        if index >= 0:
            self._box.setCurrentIndex(index)

    def show_reasons(self, reasons: dict[str, str]) -> None:
        """What speaks for a model here and now, by name."""
        if reasons != self._reasons:
            self._reasons = dict(reasons)
            self._show_why()

    def _fill(self) -> None:
        for info in MODELS.values():
            if not info.research:
                self._box.addItem(info.title, info.name)
        self._box.insertSeparator(self._box.count())
        self._box.addItem(tr("Research models"))
        items = self._box.model()
        assert isinstance(items, QStandardItemModel)
        items.item(self._box.count() - 1).setEnabled(False)
        for info in MODELS.values():
            if info.research:
                self._box.addItem(info.title, info.name)
        for index in range(self._box.count()):
            name = self._box.itemData(index)
            if name in MODELS:
                tip = f"{tr(MODELS[name].line)}\n{MODELS[name].paper}"
                self._box.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)

    def _on_box_changed(self) -> None:
        self._show_why()
        self.chosen.emit(self.model)

    def _show_why(self) -> None:
        info = MODELS[self.model]
        self._why.setText(self._reasons.get(self.model) or tr(info.line))
        self._box.setToolTip(f"{tr(info.line)}\n{info.paper}")
