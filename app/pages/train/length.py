"""How long the training takes, as a field beside the presets: minutes, or empty where passes or steps decide."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from app import theme
from app.draft import MINUTES, Draft
from app.forms import make_editor
from app.words import count_words, tr
from core.config import TrainConfig

_WIDTH = 72


class LengthRow(QWidget):
    """`Length [10] minutes`; why a text does not fit stands beside it."""

    def __init__(self, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._editor = make_editor(TrainConfig.model_fields["minutes"], draft.config.train.minutes)
        field = self._editor.widget
        assert isinstance(field, QLineEdit)
        self._field = field
        self._field.setObjectName("length")
        self._field.setFixedWidth(_WIDTH)
        self._field.setPlaceholderText("–")
        self._field.setFont(theme.mono_numbers(self._field.font()))
        self._field.setToolTip(tr("Minutes by the clock, scoring included; the schedule is scaled to fit."))
        title = QLabel(tr("Length"), self)
        title.setBuddy(self._field)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(title)
        row.addWidget(self._field)
        row.addWidget(QLabel(tr("minutes"), self))
        row.addWidget(self._editor.note, 1)
        self._editor.edited(lambda text: draft.set(MINUTES, text))
        draft.changed.connect(self._show)
        self._show()

    @property
    def field(self) -> QLineEdit:
        """Where the minutes are typed."""
        return self._field

    @property
    def note(self) -> str:
        """What is said beside it."""
        return self._editor.note.text()

    def _show(self) -> None:
        now, before = self._draft.config.train, self._draft.base.train
        self._editor.explain(_explanation(self._draft))
        self._editor.show(now.minutes, self._draft.wrong.get(MINUTES), is_changed=now.minutes != before.minutes)


def _explanation(draft: Draft) -> str:
    now, before = draft.config.train, draft.base.train
    if now.epochs is not None:
        passes = count_words(now.epochs, "pass over the good images", "passes over the good images")
        return tr("empty: {passes}", passes=passes)
    if now.steps is not None:
        return tr("empty: {steps}", steps=count_words(now.steps, "step", "steps"))
    if before.minutes is None or now.minutes == before.minutes:
        return ""
    return tr("instead of {minutes:g}", minutes=before.minutes)
