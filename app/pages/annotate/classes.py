"""The defect classes beside the canvas: which one is painted, its key, and how much of it is on the image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.canvas.workbench import Workbench
from app.elided import Elided
from app.icons import icon
from app.pages.annotate.words import swatch
from app.words import class_word, tr
from core.project.records import DefectClass

_ROW: Final = 28
_SHOWN: Final = 10  # more than these scroll
_BAR: Final = 4
_WASH: Final = 40  # of 255


class ClassRow(QAbstractButton):
    """One class over the full width: key, colour, name, and on the right how much of it is painted."""

    def __init__(self, one: DefectClass, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QColor(one.colour)
        word = class_word(one)
        self.setText(word)
        self.setCheckable(True)
        self.setFixedHeight(_ROW)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        hint = tr("Paint {name}  ({key})", name=word, key=key) if key else tr("Paint {name}", name=word)
        self.setToolTip(f"{hint}\n{one.description}" if one.description else hint)
        self.setAccessibleName(word)
        row = QHBoxLayout(self)
        row.setContentsMargins(_BAR + 6, 0, 6, 0)
        row.setSpacing(theme.SPACE)
        number = QLabel(key, self)
        number.setProperty("role", "muted")
        number.setFixedWidth(10)
        number.setFont(theme.mono_numbers(number.font()))
        sign = QLabel(self)
        sign.setPixmap(swatch(self._colour))
        self._name = Elided(self)
        self._name.setText(word)
        self._amount = QLabel(self)
        self._amount.setProperty("role", "muted")
        self._amount.setFont(theme.mono_numbers(self._amount.font()))
        for part, stretch in ((number, 0), (sign, 0), (self._name, 1), (self._amount, 0)):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            row.addWidget(part, stretch)
        self.toggled.connect(self._on_toggled)

    def set_amount(self, words: str) -> None:
        """How much of it is painted; '' for none."""
        self._amount.setText(words)

    def sizeHint(self) -> QSize:
        return QSize(160, _ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        wash = QColor(self._colour)
        wash.setAlpha(_WASH if self.isChecked() else 0)
        if self.underMouse() and not self.isChecked():
            wash = QColor(theme.muted())
            wash.setAlpha(_WASH // 2)
        painter.setBrush(wash)
        painter.drawRoundedRect(self.rect(), 4, 4)
        if self.isChecked():
            painter.setBrush(self._colour)
            painter.drawRoundedRect(0, 3, _BAR, self.height() - 6, 2, 2)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.COLOUR["accent"])
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 4, 4)

    def _on_toggled(self, checked: bool) -> None:
        font = self._name.font()
        font.setBold(checked)
        self._name.setFont(font)
        self.update()


class ClassList(QWidget):
    """A row a class; the chosen one is painted. A line below makes another, the editor changes them."""

    new_wanted = Signal(str)  # the name of a class that is not there yet
    edit_wanted = Signal()
    left = Signal()  # typing is over: the keys are the image's again

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._group = QButtonGroup(self)
        self._rows: dict[int, ClassRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._none = QLabel(
            tr("No classes yet: the first stroke makes one. “Edit classes …” has lists for chips and vials."), self
        )
        self._none.setProperty("role", "muted")
        self._none.setWordWrap(True)
        column.addWidget(self._none)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(self._scroll)
        self._others = QLabel(self)
        self._others.setProperty("role", "muted")
        column.addWidget(self._others)
        column.addLayout(self._foot())
        bench.changed.connect(self._on_value_changed)
        self.show_classes(())

    def show_classes(self, classes: Sequence[DefectClass]) -> None:
        """The classes that can be painted, in their order; the first nine have a key."""
        for button in self._group.buttons():
            self._group.removeButton(button)
        inside = QWidget(self._scroll)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        self._rows = {}
        for number, one in enumerate(classes, 1):
            row = ClassRow(one, str(number) if number <= 9 else "", inside)
            row.clicked.connect(partial(self._on_row_clicked, one.id))
            column.addWidget(row)
            self._group.addButton(row)
            self._rows[one.id] = row
        self._scroll.setWidget(inside)  # the last one's widgets go with it
        self._scroll.setFixedHeight(min(len(classes), _SHOWN) * (_ROW + 1))
        self._scroll.setVisible(bool(classes))
        self._none.setVisible(not classes)
        self.updateGeometry()
        self._on_value_changed("class_id")

    def show_amounts(self, pixels: Mapping[int, int], per_pixel: float | None = None) -> None:
        """How much of each class is on the image: class id -> pixels; also in mm² with `per_pixel`, mm² a pixel."""
        for class_id, row in self._rows.items():
            count = pixels.get(class_id, 0)
            words = tr("{n} px", n=f"{count:,}") if count else ""
            if count and per_pixel is not None:
                words += f" · {count * per_pixel:.3g} mm²"
            row.set_amount(words)
        others = sum(count for class_id, count in pixels.items() if class_id not in self._rows)
        self._others.setText(tr("Of classes that are not offered any more: {n} px", n=f"{others:,}"))
        self._others.setVisible(bool(others and self._rows))

    def set_writable(self, writable: bool) -> None:
        """Classes can be made and changed."""
        self._new.setVisible(writable)
        self._edit.setEnabled(writable)

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE // 2)
        self._new = QToolButton(self)
        self._new.setIcon(icon("add"))
        self._new.setIconSize(QSize(16, 16))
        self._new.setAutoRaise(True)
        self._new.setToolTip(tr("Another class"))
        self._new.setAccessibleName(tr("Another class"))
        self._new.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._new.clicked.connect(self.begin_new)
        self._field = _NameField(self)
        self._field.setPlaceholderText(tr("Name, then Enter"))
        self._field.setAccessibleName(tr("Name of the new class"))
        self._field.returnPressed.connect(self._on_name_entered)
        self._field.given_up.connect(self._end_new)
        self._field.passed_by.connect(self._fold_field)
        self._field.hide()
        self._edit = QPushButton(tr("Edit classes …"), self)
        self._edit.setProperty("role", "link")
        self._edit.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._edit.clicked.connect(self.edit_wanted)
        row.addWidget(self._new)
        row.addWidget(self._field, 1)
        row.addWidget(self._edit)
        row.addStretch(0)
        return row

    def begin_new(self) -> None:
        """Ask for a name in place."""
        self._field.clear()
        self._field.show()
        self._edit.hide()
        self._field.setFocus()

    def _fold_field(self) -> None:
        self._field.hide()
        self._edit.show()

    def _end_new(self) -> None:
        self._fold_field()
        self.left.emit()

    # -- slots

    def _on_name_entered(self) -> None:
        name = self._field.text().strip()
        if name:
            self._end_new()
            self.new_wanted.emit(name)

    def _on_row_clicked(self, class_id: int) -> None:
        self._bench.choose_class(class_id)
        self.left.emit()

    def _on_value_changed(self, name: str) -> None:
        if name == "class_id" and self._bench.class_id in self._rows:
            row = self._rows[self._bench.class_id]
            row.setChecked(True)
            self._scroll.ensureWidgetVisible(row, 0, 0)


class _NameField(QLineEdit):
    """Esc gives it up, and so does going elsewhere with nothing typed."""

    given_up = Signal()
    passed_by = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and not self.text().strip() and self.isVisible():
            self.passed_by.emit()
        return super().event(event)


def code_of(name: str) -> str:
    """A code for a class of that name: `black_spot` for “Black spot”."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")
