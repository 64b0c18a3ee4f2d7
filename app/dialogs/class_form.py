"""One defect class in the class editor: code, names, colour, description."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QLocale, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import (
    QButtonGroup,
    QColorDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.dialogs.class_rows import Row
from app.pages.annotate.words import swatch
from app.words import tr
from core.project.things import PALETTE

_ALWAYS: Final = ("en", "de")
_ACROSS: Final = 6


class ClassForm(QWidget):
    """Writes into the row that it shows."""

    changed = Signal()
    take_out_wanted = Signal()
    bring_back_wanted = Signal()
    merge_wanted = Signal(object)  # Row

    def __init__(self, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._language = language
        self._row: Row | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(2 * theme.SPACE)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.code = QLineEdit(self)
        self.code.setMaxLength(60)
        self.code.setPlaceholderText(tr("black_spot: stands in files and tables"))
        self.code.textEdited.connect(self._on_code_edited)
        self._form.addRow(tr("Code"), self.code)
        self.names: dict[str, QLineEdit] = {}
        for one in dict.fromkeys((*_ALWAYS, language)):
            self._add_language(one)
        self._form.addRow(tr("Colour"), self._colours())
        self.description = QPlainTextEdit(self)
        self.description.setPlaceholderText(tr("What it looks like, where it begins, what is none."))
        self.description.setTabChangesFocus(True)
        self.description.setMinimumHeight(80)
        self.description.textChanged.connect(self._on_description_edited)
        self._form.addRow(tr("Description"), self.description)
        column.addLayout(self._form, 1)
        self._note = QLabel(self)
        self._note.setProperty("role", "muted")
        self._note.setWordWrap(True)
        column.addWidget(self._note)
        column.addLayout(self._foot())

    def show_row(self, row: Row, others: Sequence[Row]) -> None:
        """A row, and those that it can be merged into."""
        self._row = None  # what is shown now was not typed
        for language in row.names:
            if language not in self.names:
                self._add_language(language)
        self.code.setText(row.code)
        for language, field in self.names.items():
            field.setText(row.names.get(language, ""))
        self.description.setPlainText(row.description)
        self._show_colour(row.colour)
        for widget in (self.code, self.description, self.other, *self.names.values(), *self.swatches.values()):
            widget.setEnabled(row.is_shown)
        self._take_out.setVisible(row.is_shown)
        self.merge.setVisible(row.is_shown and row.id is not None and bool(others))
        self._back.setVisible(not row.is_shown)
        self._note.setText(self._words(row))
        menu = QMenu(self.merge)
        for other in others:
            menu.addAction(
                QIcon(swatch(QColor(other.colour))),
                other.word(self._language),
                partial(self.merge_wanted.emit, other),
            )
        self.merge.setMenu(menu)
        self._row = row

    def begin(self) -> None:
        """Type the code."""
        self.code.setFocus()

    # -- building

    def _add_language(self, language: str) -> None:
        field = QLineEdit(self)
        field.setMaxLength(80)
        field.textEdited.connect(partial(self._on_name_edited, language))
        own = "English" if language == "en" else QLocale(language).nativeLanguageName() or language
        self._form.insertRow(1 + len(self.names), tr("Name, {language}", language=own[:1].upper() + own[1:]), field)
        self.names[language] = field

    def _colours(self) -> QWidget:
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        self.swatches: dict[str, QToolButton] = {}
        for colour in PALETTE:
            button = QToolButton(holder)
            button.setProperty("role", "tile")
            button.setIcon(QIcon(swatch(QColor(colour), 18)))
            button.setIconSize(QSize(18, 18))
            button.setFixedSize(26, 26)
            button.setCheckable(True)
            button.setToolTip(colour)
            button.setAccessibleName(colour)
            button.clicked.connect(partial(self._on_colour_chosen, colour))
            self._group.addButton(button)
            row.addWidget(button)
            self.swatches[colour] = button
        self.other = QToolButton(holder)
        self.other.setText("…")
        self.other.setToolTip(tr("Another colour"))
        self.other.setAccessibleName(tr("Another colour"))
        self.other.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.other.setProperty("role", "tile")
        self.other.setCheckable(True)
        self.other.clicked.connect(self._on_other_clicked)
        self._group.addButton(self.other)
        row.addWidget(self.other)
        row.addStretch(1)
        return holder

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.merge = QToolButton(self)
        self.merge.setText(tr("Merge into"))
        self.merge.setProperty("role", "field")
        self.merge.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.merge.setToolTip(tr("What is painted and labelled with it becomes the other class"))
        self._take_out = QPushButton(tr("Take out of the list"), self)
        self._take_out.setAutoDefault(False)
        self._take_out.setToolTip(tr("It is offered no more; what is painted keeps it"))
        self._take_out.clicked.connect(self.take_out_wanted)
        self._back = QPushButton(tr("Bring back"), self)
        self._back.setAutoDefault(False)
        self._back.clicked.connect(self.bring_back_wanted)
        row.addStretch(1)
        for widget in (self.merge, self._take_out, self._back):
            row.addWidget(widget)
        return row

    def _words(self, row: Row) -> str:
        if row.merge_into is not None:
            other = row.merge_into.word(self._language)
            return tr("With Save all that is painted or labelled with it becomes {other}.", other=other)
        if row.retired:
            return tr("It is offered no more; what is painted keeps it.")
        return ""

    def _show_colour(self, colour: str) -> None:
        known = self.swatches.get(colour.lower())
        (known or self.other).setChecked(True)
        self.other.setIcon(QIcon() if known is not None else QIcon(swatch(QColor(colour), 18)))

    # -- slots

    def _on_code_edited(self, text: str) -> None:
        if self._row is not None:
            self._row.code = text
            self.changed.emit()

    def _on_name_edited(self, language: str, text: str) -> None:
        if self._row is not None:
            self._row.names[language] = text
            self.changed.emit()

    def _on_description_edited(self) -> None:
        if self._row is not None:
            self._row.description = self.description.toPlainText()
            self.changed.emit()

    def _on_colour_chosen(self, colour: str) -> None:
        if self._row is not None:
            self._row.colour = colour
            self._show_colour(colour)
            self.changed.emit()

    def _on_other_clicked(self) -> None:
        row = self._row
        if row is None:
            return
        dialog = QColorDialog(QColor(row.colour), self)
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._on_colour_chosen(colour.name()))
        dialog.rejected.connect(lambda: self._show_colour(row.colour))
        dialog.open()
