"""A form made from the settings' own models: every field with its title, its limits and its explanation."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.draft import Draft, Wrong, as_text
from app.elided import Elided
from app.words import tr
from core.config import Settings, TrainingConfig, keys

_HIDDEN: Final = frozenset({"model", "preset", "network.kind", "loss.kind"})  # chosen elsewhere, or no choice at all
_LARGEST: Final = 2**31 - 1
_FIELD_WIDTH: Final = 200
_FLAT: Final = (
    "QToolButton { border: 1px solid transparent; border-radius: 4px; padding: 3px 6px 3px 2px; background: none; }"
    "QToolButton:focus, QToolButton:hover { border-color: palette(mid); }"
)


class Fold(QWidget):
    """A heading that opens and closes what is below it; the content is made when it is first opened."""

    opened = Signal(bool)

    def __init__(self, title: str, make: Callable[[], QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make = make
        self._content: QWidget | None = None
        self._button = QToolButton(self)
        self._button.setText(title)
        self._button.setCheckable(True)
        self._button.setAutoRaise(True)
        self._button.setStyleSheet(_FLAT)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setArrowType(Qt.ArrowType.RightArrow)
        self._button.toggled.connect(self._on_button_toggled)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(self._button)

    @property
    def content(self) -> QWidget | None:
        """What is below; None until it was opened once."""
        return self._content

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return self._button.isChecked()

    def set_open(self, is_open: bool) -> None:
        """Open or close it."""
        self._button.setChecked(is_open)

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self._button.setText(title)

    def forget(self) -> None:
        """Close it and drop the content: it is made anew when it is opened again."""
        self.set_open(False)
        if self._content is not None:
            self._layout.removeWidget(self._content)
            self._content.deleteLater()
            self._content = None

    def _on_button_toggled(self, is_open: bool) -> None:
        self._button.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        if is_open and self._content is None:
            self._content = self._make()
            self._layout.addWidget(self._content)
        if self._content is not None:
            self._content.setVisible(is_open)
        self.opened.emit(is_open)


class ConfigForm(QWidget):
    """All settings of a training, group by group; what is typed goes into the draft, which says what does not fit."""

    def __init__(self, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._editors: dict[str, Editor] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._folds: dict[str, Fold] = {}
        for name, info in TrainingConfig.model_fields.items():
            if isinstance(getattr(draft.config, name), Settings):
                self._folds[name] = Fold(tr(info.title or name), partial(self._group, name), self)
                layout.addWidget(self._folds[name])
        draft.changed.connect(self._show_values)

    @property
    def draft(self) -> Draft:
        """What is being edited."""
        return self._draft

    def open_group(self, name: str) -> None:
        """Unfold one group."""
        self._folds[name].set_open(True)

    def editor(self, name: str) -> Editor:
        """The field of a setting whose group is open. Raises KeyError."""
        return self._editors[name]

    def _group(self, name: str) -> QWidget:
        panel = QWidget(self)
        form = QFormLayout(panel)
        form.setContentsMargins(24, 0, 0, 8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._fill(form, getattr(self._draft.config, name), name, "")
        self._show_values()
        return panel

    def _fill(self, form: QFormLayout, group: Settings, path: str, heading: str) -> None:
        if heading:
            label = QLabel(heading)
            label.setProperty("role", "section")
            form.addRow(label)
        for name, info in type(group).model_fields.items():
            value, full = getattr(group, name), f"{path}.{name}"
            if full in _HIDDEN or isinstance(value, Settings):
                continue
            editor = make_editor(info, value)
            editor.widget.setToolTip(_hint(full, info))
            editor.widget.setObjectName(full)
            editor.edited(partial(self._draft.set, full))
            self._editors[full] = editor
            title = QLabel(tr(info.title or name))
            title.setToolTip(_hint(full, info))
            title.setBuddy(editor.widget)
            form.addRow(title, _row(editor))
        for name, info in type(group).model_fields.items():
            value = getattr(group, name)
            if isinstance(value, Settings):
                inner = f"{heading} · {tr(info.title or name)}" if heading else tr(info.title or name)
                self._fill(form, value, f"{path}.{name}", inner)

    def _show_values(self) -> None:
        now, before = keys(self._draft.config), keys(self._draft.base)
        for name, editor in self._editors.items():
            if name in now:  # else it is of the detector that was chosen before: this form goes
                editor.show(now[name], self._draft.wrong.get(name), is_changed=now[name] != before[name])


class Editor:
    """One field: a widget, how a value is shown in it, the text that it stands for, and a note beside it.

    The note is an explanation, or why the text does not fit: at the field, and nothing moves.
    """

    def __init__(self, widget: QWidget) -> None:
        self.widget = widget
        self.note = Elided()
        self._explanation = ""
        self._slot: Callable[[str], object] = lambda _: None
        self._silent = False

    def edited(self, slot: Callable[[str], object]) -> None:
        """Call `slot` with the new text when a person changed it."""
        self._slot = slot

    def explain(self, text: str) -> None:
        """What the note says while the text fits."""
        self._explanation = text
        if not self.widget.property("is_wrong"):
            self._say(text, "muted")

    def show(self, value: Any, wrong: Wrong | None, *, is_changed: bool) -> None:
        """Show a value, or a text that does not fit with its reason, without telling."""
        self._silent = True
        if wrong is None:
            self._show(value)
        else:
            self._show_text(wrong.text)
        self._silent = False
        self._mark(wrong is not None, is_changed and wrong is None)
        if wrong is None:
            self._say(self._explanation, "muted")
        else:
            self._say(wrong.why, "warning")

    def _show(self, value: Any) -> None:
        raise NotImplementedError

    def _show_text(self, text: str) -> None:
        """Where any text can be typed, one that does not fit stays as it was typed."""

    def _tell(self, text: str) -> None:
        if not self._silent:
            self._slot(text)

    def _mark(self, is_wrong: bool, is_changed: bool) -> None:
        font = self.widget.font()
        if font.bold() != is_changed:
            font.setBold(is_changed)
            self.widget.setFont(font)
        if bool(self.widget.property("is_wrong")) != is_wrong:
            self.widget.setProperty("is_wrong", is_wrong)
            self.widget.setStyleSheet(f"border-color: {theme.COLOUR['defective'].name()}" if is_wrong else "")

    def _say(self, text: str, role: str) -> None:
        self.note.setText(text)
        self.note.setToolTip(text)
        self.widget.setAccessibleDescription(text)
        if self.note.property("role") != role:
            self.note.setProperty("role", role)
            self.note.style().unpolish(self.note)
            self.note.style().polish(self.note)


class _Switch(Editor):
    def __init__(self, value: bool) -> None:
        self._box = QCheckBox()
        super().__init__(self._box)
        self._show(value)
        self._box.toggled.connect(lambda on: self._tell(as_text(on)))

    def _show(self, value: Any) -> None:
        self._box.setChecked(bool(value))


class _Choice(Editor):
    def __init__(self, values: tuple[Any, ...], value: Any) -> None:
        self._box = QComboBox()
        for one in values:
            self._box.addItem(str(one), one)
        super().__init__(self._box)
        self._show(value)
        self._box.activated.connect(lambda _: self._tell(str(self._box.currentData())))

    def _show(self, value: Any) -> None:
        at = self._box.findData(value)
        self._box.setCurrentIndex(at if at >= 0 else self._box.findData(as_text(value)))


class _Number(Editor):
    def __init__(self, low: int, high: int, value: int) -> None:
        self._box = QSpinBox()
        theme.indent(self._box)
        self._box.setRange(low, high)
        self._box.setKeyboardTracking(False)
        super().__init__(self._box)
        self._show(value)
        self._box.valueChanged.connect(lambda number: self._tell(str(number)))

    def _show(self, value: Any) -> None:
        self._box.setValue(int(value))

    def _show_text(self, text: str) -> None:
        if text.isdecimal():
            self._box.setValue(int(text))


class _Words(Editor):
    """Anything else: numbers with a point, lists, what may be empty. What is typed counts at once."""

    def __init__(self, value: Any, *, may_be_empty: bool) -> None:
        self._line = QLineEdit()
        self._is_typing = False
        super().__init__(self._line)
        if may_be_empty:
            self._line.setPlaceholderText(tr("empty"))
        self._show(value)
        self._line.textEdited.connect(self._on_line_text_edited)
        self._line.editingFinished.connect(self._on_line_editing_finished)

    def _show(self, value: Any) -> None:
        self._show_text("" if value is None else _plain(value))

    def _show_text(self, text: str) -> None:
        if not self._is_typing and self._line.text() != text:  # what is being typed is not written over
            self._line.setText(text)

    def _on_line_text_edited(self, text: str) -> None:
        self._is_typing = True
        self._tell(text)

    def _on_line_editing_finished(self) -> None:
        if self._is_typing:
            self._is_typing = False
            self._tell(self._line.text())


def make_editor(info: FieldInfo, value: Any) -> Editor:
    """The widget that fits a field's type."""
    editor = _editor(info, value)
    editor.explain(tr(info.description or ""))
    return editor


def _editor(info: FieldInfo, value: Any) -> Editor:
    kind, may_be_empty = _unwrapped(info.annotation)
    if kind is bool and not may_be_empty:
        return _Switch(value)
    if get_origin(kind) is Literal:
        return _Choice(get_args(kind), value)
    if kind is bool:
        return _Choice(("none", "true", "false"), as_text(value))
    if kind is int and not may_be_empty:
        low, high = _limits(info)
        return _Number(low, high, value)
    return _Words(value, may_be_empty=may_be_empty)


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """The type without `None`, and whether there may be none."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [one for one in get_args(annotation) if one is not type(None)]
        if len(inner) == 1:
            return inner[0], True
    return annotation, False


def _limits(info: FieldInfo) -> tuple[int, int]:
    low, high = 0, _LARGEST
    for rule in info.metadata:
        if isinstance(rule, Ge):
            low = int(rule.ge)  # type: ignore[call-overload]
        elif isinstance(rule, Gt):
            low = int(rule.gt) + 1  # type: ignore[call-overload]
        elif isinstance(rule, Le):
            high = int(rule.le)  # type: ignore[call-overload]
        elif isinstance(rule, Lt):
            high = int(rule.lt) - 1  # type: ignore[call-overload]
    return low, min(high, _LARGEST)


def _hint(name: str, info: FieldInfo) -> str:
    rules = ", ".join(_rules(info))
    return "\n".join(part for part in (tr(info.description or ""), rules, name) if part)


def _rules(info: FieldInfo) -> Iterator[str]:
    for rule in info.metadata:
        if isinstance(rule, Ge):
            yield tr("from {value}", value=rule.ge)
        elif isinstance(rule, Gt):
            yield tr("above {value}", value=rule.gt)
        elif isinstance(rule, Le):
            yield tr("up to {value}", value=rule.le)
        elif isinstance(rule, Lt):
            yield tr("below {value}", value=rule.lt)


def _row(editor: Editor) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    editor.widget.setFixedWidth(_FIELD_WIDTH)
    layout.addWidget(editor.widget)
    layout.addWidget(editor.note, 1)
    return row


def _plain(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
