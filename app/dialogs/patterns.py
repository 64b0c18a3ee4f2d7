"""What a part, a lot or a camera is called in file names: common ways, or one's own pattern, on live examples."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from app import theme
from app.words import tr
from core.errors import InputError
from core.workflow.previewing import PATTERNS, Field, try_pattern

_OWN: Final = "own"
_EXAMPLES: Final = 3


class PatternField(QWidget):
    """`changed` when the pattern is another one; a pattern that is none is said and not handed out."""

    changed = Signal()

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field: Field = field
        self._names: tuple[str, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.ways = QComboBox(self)
        self.ways.addItem(_nothing(field), "")
        for pattern, words in PATTERNS[field]:
            self.ways.addItem(tr(words), pattern)
        self.ways.addItem(tr("Own pattern …"), _OWN)
        self.ways.setAccessibleName(field_words(field))
        self.own = QLineEdit(self)
        self.own.setFont(theme.mono())
        self.own.setPlaceholderText(tr("Regular expression; ( ) around what counts"))
        self.own.hide()
        self.example = QLabel(self)
        self.example.setTextFormat(Qt.TextFormat.RichText)
        self.example.setWordWrap(True)
        self.example.setProperty("role", "muted")
        for widget in (self.ways, self.own, self.example):
            column.addWidget(widget)
        self.ways.currentIndexChanged.connect(self._on_way_changed)
        self.own.textChanged.connect(self._on_own_changed)
        self._show()

    def pattern(self) -> str | None:
        """The regular expression, None for 'not in the names' and for one that is none."""
        return None if self.problem() else self._text() or None

    def problem(self) -> str:
        """Why the pattern is none, '' when it is one."""
        try:
            try_pattern(self._text(), self._field, ())
        except InputError as error:
            return error.what
        return ""

    def set_names(self, names: Sequence[str]) -> None:
        """Relative paths to try the pattern on."""
        self._names = tuple(names)
        self._show()

    def _text(self) -> str:
        chosen = str(self.ways.currentData())
        return self.own.text().strip() if chosen == _OWN else chosen

    def _on_way_changed(self, _: int) -> None:
        own = self.ways.currentData() == _OWN
        if own and not self.own.text():
            self.own.blockSignals(True)
            self.own.setText(PATTERNS[self._field][0][0])
            self.own.blockSignals(False)
        self.own.setVisible(own)
        if own:
            self.own.setFocus()
        self._show()
        self.changed.emit()

    def _on_own_changed(self, _: str) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        text = self._text()
        self.example.setVisible(bool(text))
        if not text:
            return
        names = _spread(self._names)
        try:
            spans = try_pattern(text, self._field, names)
        except InputError as error:
            self.example.setText(_coloured(error.what, "defective"))
            return
        lines = [_line(name, span) for name, span in zip(names, spans, strict=True)]
        self.example.setText("<br>".join(lines))


def field_words(field: Field) -> str:
    """Part, Lot, Camera."""
    return {"part": tr("Part"), "lot": tr("Lot"), "view": tr("Camera")}[field]


def _nothing(field: Field) -> str:
    return {
        "part": tr("Every image is a part of its own"),
        "lot": tr("The names do not say the lot"),
        "view": tr("All from one camera"),
    }[field]


def _spread(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) <= _EXAMPLES:
        return tuple(names)
    return tuple(names[round(index * (len(names) - 1) / (_EXAMPLES - 1))] for index in range(_EXAMPLES))


def _line(name: str, span: tuple[int, int] | None) -> str:
    if span is None:
        return f"{html.escape(name)}  {_coloured('– ' + tr('nothing'), 'warning')}"
    before, found, after = (html.escape(part) for part in (name[: span[0]], name[span[0] : span[1]], name[span[1] :]))
    accent = theme.COLOUR["accent"].name()
    return f'{before}<b style="color:#ffffff; background:{accent}">{found}</b>{after}'


def _coloured(text: str, meaning: str) -> str:
    return f'<span style="color:{theme.ink(meaning).name()}">{html.escape(text)}</span>'
