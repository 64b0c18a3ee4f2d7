"""The card above a training: what it is, how it does, when it will be done, and what can be done with it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.pages.train import words
from app.pages.train.about import About
from app.pages.train.listing import state_sign
from app.trace import Trace
from app.words import tr
from core.config import MODELS
from core.project.results import RunRow

_SIGN_PX: Final = 22
_FINISH_STYLE: Final = "font-size: 34px; font-weight: 600;"

_BUTTONS: Final = {  # name: states in which it is offered
    "review": frozenset({"finished", "stopped"}),
    "again": frozenset({"finished", "stopped", "discarded"}),
    "start": frozenset({"queued"}),
    "hold": frozenset({"waiting"}),
    "resume": frozenset({"interrupted", "failed"}),
    "more": frozenset({"stopped"}),
    "go_on": frozenset({"paused"}),
    "pause": frozenset({"running"}),
    "stop": frozenset({"starting", "running", "paused"}),
    "kill": frozenset({"not_responding"}),
    "discard": frozenset(
        {"queued", "waiting", "starting", "running", "paused", "interrupted", "failed", "not_responding"}
    ),
}
_PRIMARY: Final = frozenset({"review", "start", "resume"})


class Head(QFrame):
    """The card; its buttons say by name what is wanted."""

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._sign = QLabel(self)
        self._sign.setFixedSize(_SIGN_PX, _SIGN_PX)
        self._title = _label(self, "muted")
        self._headline = _label(self, "heading")
        self._sentence = _label(self, "", wrap=True)
        self._figures = _label(self, "section", wrap=True)
        self._rates = _label(self, "section", wrap=True)
        self._caption = _label(self, "muted")
        self._finish = QLabel(self)
        self._finish.setStyleSheet(_FINISH_STYLE)
        self._finish.setFont(theme.mono_numbers(self._finish.font()))
        self._left = _label(self, "muted")
        self._left.setFont(theme.mono_numbers(self._left.font()))
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._buttons = {name: self._button(name) for name in _BUTTONS}
        self._build()
        for button in self._buttons.values():
            button.hide()  # together they are wider than any state needs: the window would be held apart

    def button(self, name: str) -> QPushButton:
        """A button by name: stop, pause, go_on, kill, discard, start, resume, review, again."""
        return self._buttons[name]

    @property
    def headline(self) -> str:
        """What is said largest of its state."""
        return self._headline.text()

    @property
    def finish(self) -> str:
        """The clock time at which it will be done; '' when it is not known."""
        return self._finish.text()

    @property
    def sentence(self) -> str:
        """What happens at this moment, or what its end means."""
        return self._sentence.text()

    @property
    def figures(self) -> str:
        """The figures of a training that has ended, a line each."""
        return "\n".join(label.text() for label in (self._figures, self._rates) if not label.isHidden())

    def show_training(self, run: RunRow, state: str, *, may_command: bool) -> None:
        """Another training, or another state: title, sign and buttons."""
        name, colour = state_sign(state, is_guess=words.is_guess(run))
        self._sign.setPixmap(icon(name, colour).pixmap(QSize(_SIGN_PX, _SIGN_PX)))
        model = MODELS[run.model].title if run.model in MODELS else run.model
        where = words.place(run.product, run.view)
        self._title.setText(f"{words.title(run)} · {where} · {model} {run.preset}")
        wanted = {name for name, states in _BUTTONS.items() if state in states}
        if any(button.hasFocus() for name, button in self._buttons.items() if name not in wanted):
            self.setFocus()  # else the focus jumps to whatever comes next, which may be Discard
        for button, states in _BUTTONS.items():
            allowed = bool(run.figures) if button == "review" else may_command
            self._buttons[button].setVisible(state in states and allowed)
        is_live = state in words.RUNNING
        for widget in (self._caption, self._finish, self._left, self._bar):
            widget.setVisible(is_live)

    def show_progress(self, run: RunRow, trace: Trace, state: str, about: About) -> None:
        """What changes all the time."""
        if state in words.RUNNING:
            share = f" · {100 * trace.fraction:.0f} %" if state == "running" and trace.fraction else ""
            self._headline.setText(words.doing_word(state, trace) + share)
            self._sentence.setText(words.now_sentence(state, trace, by_clock=words.is_by_clock(run)))
            self._figures.hide()
            self._rates.hide()
            if words.has_learnt(trace):
                self._buttons["pause"].hide()
            finish = words.finish_clock(trace.finish) if state != "paused" else ""
            self._caption.setText(tr("done about") if finish else tr("finish time"))
            self._finish.setText(finish or "…")
            self._left.setText(words.left(trace.finish) if finish else words.no_finish(state))
            self._show_bar(trace, state)
            return
        headline, meaning = (
            words.ending(run, about.escapes) if state in words.ENDED else (words.now_word(state), words.waiting(state))
        )
        self._headline.setText(headline)
        self._sentence.setText(meaning)
        self._sentence.setVisible(bool(meaning))
        for label, text in ((self._figures, words.figures(run)), (self._rates, words.at_threshold(about))):
            label.setText(text)
            label.setVisible(bool(text))

    def _show_bar(self, trace: Trace, state: str) -> None:
        moves = state in ("running", "paused", "stopping", "not_responding") and (
            trace.fraction > 0 or trace.phase == "scoring"
        )
        self._bar.setRange(0, 1000 if moves else 0)
        if moves:
            self._bar.setValue(round(1000 * trace.fraction))

    def _build(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 12, 16, 14)
        whole.setSpacing(10)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        text = QVBoxLayout()
        text.setSpacing(3)
        for label in (self._title, self._headline, self._figures, self._rates, self._sentence):
            text.addWidget(label)
        row.addLayout(text, 1)
        clock = QVBoxLayout()
        clock.setSpacing(0)
        for label in (self._caption, self._finish, self._left):
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
            clock.addWidget(label)
        row.addLayout(clock)
        whole.addLayout(row)
        whole.addWidget(self._bar)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE)
        for name in _BUTTONS:
            if name == "discard":
                buttons.addStretch(1)
            buttons.addWidget(self._buttons[name])
        whole.addLayout(buttons)

    def _button(self, name: str) -> QPushButton:
        text, picture, hint = _button_words(name)
        button = QPushButton(text, self)
        if picture:
            button.setIcon(icon(picture, theme.COLOUR["unused"].lighter(220) if name in _PRIMARY else None))
        if name in _PRIMARY:
            button.setProperty("role", "primary")
        elif name == "discard":
            button.setProperty("role", "flat")
        button.setToolTip(hint)
        button.setObjectName(name)
        button.clicked.connect(lambda: self.wanted.emit(name))
        return button


def _button_words(name: str) -> tuple[str, str, str]:
    words_of = {
        "review": (tr("Look at the results"), "review", tr("Histogram, threshold, worst false reject")),
        "again": (tr("Train again"), "train", tr("Choose settings for another training")),
        "start": (tr("Start now"), "play", tr("It starts when nothing else is training")),
        "hold": (tr("Take out of the queue"), "pause", tr("It stays in the list and starts when you say so")),
        "resume": (tr("Go on"), "play", tr("From the last checkpoint")),
        "more": (tr("Go on learning"), "play", tr("From where it was stopped; its figures are measured anew")),
        "go_on": (tr("Go on"), "play", tr("It was paused")),
        "pause": (tr("Pause"), "pause", tr("A checkpoint is written, then nothing is computed until you go on")),
        "stop": (tr("Stop and keep"), "stop", tr("What was learnt so far becomes a usable model, and is measured")),
        "kill": (tr("Kill"), "close", tr("End it by force; its last checkpoint stays")),
        "discard": (tr("Discard …"), "", tr("Throw this training away")),
    }
    return words_of[name]


def _label(parent: QWidget, role: str, *, wrap: bool = False) -> QLabel:
    label = QLabel(parent)
    if role:
        label.setProperty("role", role)
    label.setWordWrap(wrap)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
