"""A form made from the settings' own models: every field with its title, its limits and its explanation."""

from __future__ import annotations

import json
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
from app.words import tr
from core.config import Settings, TrainingConfig, keys, with_overrides
from core.errors import ConfigError

_HIDDEN: Final = frozenset({"model", "preset", "network.kind", "loss.kind"})  # chosen elsewhere, or no choice at all
_LENGTHS: Final = frozenset({"train.minutes", "train.steps", "train.epochs"})
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
    """All settings of a training, group by group. What a person changes becomes `changes`, as `--set` takes them."""

    changed = Signal()

    def __init__(self, base: TrainingConfig, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = base
        self._config = base
        self._editors: dict[str, Editor] = {}
        self._problem = QLabel(self)
        self._problem.setProperty("role", "warning")
        self._problem.setWordWrap(True)
        self._problem.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._problem)
        self._folds: dict[str, Fold] = {}
        for name, info in TrainingConfig.model_fields.items():
            if isinstance(getattr(base, name), Settings):
                self._folds[name] = Fold(tr(info.title or name), partial(self._group, name), self)
                layout.addWidget(self._folds[name])

    @property
    def config(self) -> TrainingConfig:
        """The settings as they stand, checked as a whole."""
        return self._config

    @property
    def changes(self) -> tuple[str, ...]:
        """What differs from the preset, as `key=value`."""
        before, now = keys(self._base), keys(self._config)
        changed = [name for name in now if now[name] != before[name]]
        kept = [name for name in changed if name not in _LENGTHS or now[name] is not None]  # setting one clears two
        return tuple(f"{name}={_text(now[name])}" for name in kept)

    def set_base(self, base: TrainingConfig) -> None:
        """Another preset: what was changed is forgotten."""
        self._base = self._config = base
        self._say("")
        self._show_values()
        self.changed.emit()

    def set_value(self, name: str, text: str) -> bool:
        """Change one setting by its dotted name; False when it does not fit (the form says why)."""
        try:
            self._config = with_overrides(self._config, [f"{name}={text}"])
        except ConfigError as error:
            self._say(str(error))
            if name in self._editors:
                self._editors[name].mark_wrong(True)
            return False
        self._say("")
        self._show_values()
        self.changed.emit()
        return True

    def reset(self) -> None:
        """Back to the preset."""
        self.set_base(self._base)

    def open_group(self, name: str) -> None:
        """Unfold one group."""
        self._folds[name].set_open(True)

    def editor(self, name: str) -> QWidget:
        """The widget of a setting whose group is open. Raises KeyError."""
        return self._editors[name].widget

    def _group(self, name: str) -> QWidget:
        panel = QWidget(self)
        form = QFormLayout(panel)
        form.setContentsMargins(24, 0, 0, 8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._fill(form, getattr(self._config, name), name, "")
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
            editor.edited(partial(self.set_value, full))
            self._editors[full] = editor
            title = QLabel(tr(info.title or name))
            title.setToolTip(_hint(full, info))
            title.setBuddy(editor.widget)
            form.addRow(title, _with_hint(editor.widget, info))
        for name, info in type(group).model_fields.items():
            value = getattr(group, name)
            if isinstance(value, Settings):
                inner = f"{heading} · {tr(info.title or name)}" if heading else tr(info.title or name)
                self._fill(form, value, f"{path}.{name}", inner)

    def _show_values(self) -> None:
        now, before = keys(self._config), keys(self._base)
        for name, editor in self._editors.items():
            editor.show_value(now[name])
            editor.mark_wrong(False)
            editor.mark_changed(now[name] != before[name])

    def _say(self, problem: str) -> None:
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))


class Editor:
    """One field: a widget, how a value is shown in it, and the text that it stands for."""

    def __init__(self, widget: QWidget) -> None:
        self.widget = widget
        self._slot: Callable[[str], object] = lambda _: None
        self._silent = False

    def edited(self, slot: Callable[[str], object]) -> None:
        """Call `slot` with the new text when a person changed it."""
        self._slot = slot

    def show_value(self, value: Any) -> None:
        """Show it, without telling."""
        self._silent = True
        self._show(value)
        self._silent = False

    def mark_wrong(self, is_wrong: bool) -> None:
        """Show that the text does not fit."""
        self._style("is_wrong", is_wrong)

    def mark_changed(self, is_changed: bool) -> None:
        """Show that it differs from the preset."""
        self._style("is_changed", is_changed)

    def _show(self, value: Any) -> None:
        raise NotImplementedError

    def _tell(self, text: str) -> None:
        if not self._silent:
            self._slot(text)

    def _style(self, name: str, on: bool) -> None:
        font = self.widget.font()
        if name == "is_changed" and font.bold() != on:
            font.setBold(on)
            self.widget.setFont(font)
        if self.widget.property(name) != on:
            self.widget.setProperty(name, on)
            self.widget.setStyleSheet("border-color: #d55e00" if name == "is_wrong" and on else "")


class _Switch(Editor):
    def __init__(self, value: bool) -> None:
        self._box = QCheckBox()
        super().__init__(self._box)
        self._show(value)
        self._box.toggled.connect(lambda on: self._tell(_text(on)))

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
        self._box.setCurrentIndex(self._box.findData(value))


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


class _Words(Editor):
    """Anything else: numbers with a point, lists, what may be empty."""

    def __init__(self, value: Any, *, may_be_empty: bool) -> None:
        self._line = QLineEdit()
        self._may_be_empty = may_be_empty
        super().__init__(self._line)
        if may_be_empty:
            self._line.setPlaceholderText(tr("empty"))
        self._show(value)
        self._shown = self._line.text()
        self._line.editingFinished.connect(self._on_line_editing_finished)

    def _show(self, value: Any) -> None:
        self._shown = "" if value is None else _plain(value)
        self._line.setText(self._shown)

    def _on_line_editing_finished(self) -> None:
        text = self._line.text().strip()
        if text == self._shown:
            return
        self._tell(text if text else "null")


def make_editor(info: FieldInfo, value: Any) -> Editor:
    """The widget that fits a field's type."""
    kind, may_be_empty = _unwrapped(info.annotation)
    if kind is bool and not may_be_empty:
        return _Switch(value)
    if get_origin(kind) is Literal:
        return _Choice(get_args(kind), value)
    if kind is bool:
        return _Choice(("none", "true", "false"), _text(value))
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


def _with_hint(widget: QWidget, info: FieldInfo) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    widget.setFixedWidth(_FIELD_WIDTH)
    layout.addWidget(widget)
    hint = QLabel(tr(info.description or ""))
    hint.setProperty("role", "muted")
    layout.addWidget(hint, 1)
    return row


def _text(value: Any) -> str:
    """A value as `with_overrides` reads it."""
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return json.dumps(list(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _plain(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
