"""The settings dialog, made from the table; every change acts at once."""

from __future__ import annotations

from itertools import groupby

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from app import theme
from app.dialogs.dialog import Dialog
from app.settings import SETTINGS, Setting, Settings, choice_words
from app.words import tr


class SettingsDialog(Dialog):
    """One section after the other; no OK, no Cancel: what is seen is what holds."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(tr("Settings"), parent)
        self._settings = settings
        self.setMinimumWidth(600)
        form = QFormLayout()
        form.setHorizontalSpacing(3 * theme.SPACE)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for section, members in groupby(SETTINGS, key=lambda one: one.section):
            heading = QLabel(tr(section), self)
            heading.setProperty("role", "heading")
            heading.setContentsMargins(0, theme.SPACE if form.rowCount() else 0, 0, 0)
            form.addRow(heading)
            for setting in members:
                self._add(form, setting)
        self.column.addLayout(form)
        self.column.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.accept)
        self.column.addWidget(buttons)

    def _add(self, form: QFormLayout, setting: Setting) -> None:
        field = self._field(setting)
        field.setObjectName(setting.key)
        field.setAccessibleName(tr(setting.text))
        if isinstance(field, QCheckBox):
            form.addRow("", field)
        else:
            form.addRow(tr(setting.text), field)
        if setting.hint:
            hint = QLabel(tr(setting.hint), self)
            hint.setProperty("role", "muted")
            hint.setWordWrap(True)
            form.addRow("", hint)

    def _field(self, setting: Setting) -> QWidget:
        value = self._settings.get(setting.key)
        if setting.choices is not None:
            combo = QComboBox(self)
            for choice, word in choice_words(setting):
                combo.addItem(word, choice)
            combo.setCurrentIndex(combo.findData(value))
            combo.currentIndexChanged.connect(lambda _: self._settings.set(setting.key, combo.currentData()))
            return combo
        if isinstance(value, bool):
            box = QCheckBox(tr(setting.text), self)
            box.setChecked(value)
            box.toggled.connect(lambda on: self._settings.set(setting.key, on))
            return box
        if isinstance(value, int):
            number = QSpinBox(self)
            theme.indent(number)
            number.setRange(setting.low, setting.high)
            number.setValue(value)
            number.valueChanged.connect(lambda new: self._settings.set(setting.key, new))
            return number
        line = QLineEdit(str(value), self)
        line.setMaxLength(12)
        line.textEdited.connect(lambda text: self._settings.set(setting.key, text.strip()))
        return line
