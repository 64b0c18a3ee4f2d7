"""Before a training: what is needed, how long it may take, which products, and the button."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app import theme
from app.commands import tooltip
from app.draft import Draft
from app.elided import Elided
from app.forms import ConfigForm, Fold
from app.icons import icon
from app.pages.train.checklist import Checklist
from app.pages.train.choice import Choice, recall_choice, remember_choice
from app.pages.train.length import LengthRow
from app.pages.train.measuring import StepMeasure
from app.pages.train.models import ModelChoice
from app.pages.train.offers import Offers
from app.pages.train.presets import TRIAL, PresetCards
from app.pages.train.products import Candidate, Products, StopBy
from app.session import Session
from app.words import tr
from core.config import TrainingConfig, preset, presets
from core.words import LABELS, SPLITS
from core.workflow import readiness
from core.workflow.readiness import Facts, Measured

if TYPE_CHECKING:
    from core.workflow.feeding import Offer
    from core.workflow.training import Order

_NARROW: Final = 820  # below: checklist above the presets, not beside
_FIRST_PRESET: Final = "quick"
_TICK_MS: Final = 20_000  # the clock goes on


class SetupPanel(QWidget):
    """Everything that is decided before a training, and the button that starts it."""

    train_wanted = Signal()
    fix_wanted = Signal(object)  # the Check

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._facts: Facts | None = None
        self._measured: Measured | None = None
        self._computing_on: str | None = None
        self._place: tuple[str, str, str] | None = None
        self._measure = StepMeasure(session, self)
        self._models = ModelChoice(self)
        self._draft = Draft(preset(self._model, _FIRST_PRESET), self)
        self._length = LengthRow(self._draft, self)
        self._form: ConfigForm | None = None
        self._checks = Checklist(self)
        self._cards = PresetCards(self)
        self._products = Products(self)
        self._offers = Offers(self)
        self._stop_by = StopBy(self)
        self._details = Fold(tr("Details for experts"), self._make_details, self)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self.show_checks)
        self._build()
        self._checks.fix_wanted.connect(self.fix_wanted)
        self._measure.changed.connect(self._on_measure_changed)
        self._models.chosen.connect(self._on_model_chosen)
        self._cards.chosen.connect(self.choose_preset)
        self._products.changed.connect(self.show_checks)
        self._stop_by.changed.connect(self.show_checks)
        self._draft.changed.connect(self._on_draft_changed)
        self._cards.show_presets(presets(self._model), _FIRST_PRESET)
        self.show_checks()

    # -- what is decided

    @property
    def checklist(self) -> Checklist:
        """The seven lines."""
        return self._checks

    @property
    def models(self) -> ModelChoice:
        """Which detector."""
        return self._models

    @property
    def cards(self) -> PresetCards:
        """The presets."""
        return self._cards

    @property
    def length(self) -> LengthRow:
        """The minutes."""
        return self._length

    @property
    def draft(self) -> Draft:
        """The settings as they are being chosen."""
        return self._draft

    @property
    def products(self) -> Products:
        """The ticks of products and views."""
        return self._products

    @property
    def stop_by(self) -> StopBy:
        """By when everything must be done."""
        return self._stop_by

    @property
    def offers(self) -> Offers:
        """What is offered from review."""
        return self._offers

    @property
    def button(self) -> QPushButton:
        """The one that starts."""
        return self._button

    @property
    def reason(self) -> str:
        """What is said beside the button: why it cannot be pressed, or how long it takes."""
        return self._why.text()

    @property
    def form(self) -> ConfigForm | None:
        """All settings; None until the details were opened once."""
        return self._form

    @property
    def facts(self) -> Facts | None:
        """What was found out about the view; None while it is being looked at."""
        return self._facts

    def config(self) -> TrainingConfig:
        """The settings as chosen."""
        return self._draft.config

    def choose_preset(self, name: str, *, keeps_length: bool = False) -> None:
        """Choose a preset, with its own length or with the one that was entered."""
        self._cards.choose(name)
        self._draft.begin(preset(self._model, name), self._draft.length if keeps_length else ())

    def measure(self) -> None:
        """Measure one step of what is chosen, in the background."""
        from core.workflow.training import Order

        self.commit()
        facts, config = self._facts, self.config()
        if facts is not None and not self._draft.wrong:
            order = Order(model=self._model, preset=config.preset, changes=self._draft.changes)
            self._measure.begin(order, config, facts.product, facts.view)

    def leave_measure(self) -> None:
        """Give up what is being measured."""
        self._measure.cancel()

    def open_details(self) -> None:
        """Unfold all settings."""
        self._details.set_open(True)

    def chosen(self) -> list[tuple[str, str]]:
        """The (product, view) pairs that will be trained."""
        if not self._products.isHidden():
            return self._products.ticked()
        return [] if self._facts is None or not self._facts.good else [(self._facts.product, self._facts.view)]

    def orders(self, now: datetime) -> list[tuple[str, str, Order]]:
        """What to order; with a time to stop by, each gets its share of what is left."""
        from core.workflow.training import Order

        chosen, config = self.chosen(), self.config()
        minutes = self._minutes_each(now, len(chosen))
        order = Order(model=self._model, preset=config.preset, minutes=minutes, changes=self._draft.changes)
        return [(product, view, order) for product, view in chosen]

    def deadline(self, now: datetime) -> datetime | None:
        """By when everything must be done."""
        return self._stop_by.moment(now)

    @property
    def can_start(self) -> bool:
        """Whether the button may be pressed."""
        fits = not self._draft.wrong and readiness.can_start(self._checks.found)
        return self._session.can_write and bool(self.chosen()) and fits

    # -- what is known

    def show_facts(self, facts: Facts) -> None:
        """What was found out about the view."""
        self._facts = replace(facts, measured=self._measured)
        self.show_checks()

    def show_computing_on(self, words: str) -> None:
        """What this computer computes on."""
        self._computing_on = words
        self.show_checks()

    def show_offers(self, offers: list[Offer]) -> None:
        """Parts that review offers to this training."""
        self._offers.show_offers(offers)

    def show_place(self) -> None:
        """Other images, or another place: count what can be trained, and go on with what was chosen there."""
        self._recall()
        table = self._session.table
        here = self._session.chosen_view()
        candidates = [] if table is None else _candidates(self._session)
        self._products.show_candidates(candidates, None if here is None else (here.product, here.code))
        self.show_checks()

    def forget_place(self) -> None:
        """The project is closed: what was chosen for it waits in the memory."""
        self._place, self._facts, self._measured = None, None, None
        self._stop_by.forget()

    def commit(self) -> None:
        """Take in what is still being typed."""
        focus = self.focusWidget()
        if focus is not None and focus.hasFocus():
            focus.clearFocus()

    def show_checks(self) -> None:
        """The lines, the finish times and the button, as of now."""
        now = datetime.now()
        config, stop_by = self.config(), self.deadline(now)
        self._models.show_reasons({} if self._facts is None else readiness.reasons(self._facts))
        facts = self._facts or Facts("", "", good=1, good_parts=1, tuning_good=99, test=99, free=1 << 50)
        if self._facts is not None:
            found = readiness.checks(
                facts,
                config,
                computing_on=self._computing_on,
                now=now,
                stop_by=stop_by,
                after=self._session.trainings.current,
                unclear=self._draft.first_wrong(),
            )
            self._checks.show_checks(found)
        self._show_button(now, facts, config, stop_by)

    def showEvent(self, event: Any) -> None:
        self._clock.start()
        self.show_checks()

    def hideEvent(self, event: Any) -> None:
        self._clock.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW
        wanted = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        self._pair.setDirection(wanted)

    # -- inside

    def _build(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        body = QWidget(scroll)
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 4, 16, 16)
        column.setSpacing(12)
        intro = QLabel(tr("The detector learns what good parts look like. Painting defects is optional."), body)
        intro.setProperty("role", "muted")
        column.addWidget(intro)
        self._pair = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._pair.setSpacing(12)
        self._pair.addWidget(self._checks, 11)
        self._pair.addWidget(self._cards, 10)
        self._cards.put_below(self._length)
        column.addLayout(self._pair)
        column.addWidget(self._models)
        column.addWidget(self._products)
        column.addWidget(self._offers)
        column.addWidget(self._details)
        column.addStretch(1)
        scroll.setWidget(body)
        self._details.opened.connect(lambda is_open: QTimer.singleShot(0, self, lambda: self._reveal(scroll, is_open)))
        whole.addWidget(scroll, 1)
        whole.addWidget(self._bar())
        self._products.hide()

    def _reveal(self, scroll: QScrollArea, is_open: bool) -> None:
        if is_open:
            bar = scroll.verticalScrollBar()
            bar.setValue(min(bar.maximum(), self._details.y() - theme.SPACE))

    def _bar(self) -> QWidget:
        bar = QWidget(self)
        column = QVBoxLayout(bar)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        line = QFrame(bar)
        line.setProperty("role", "line")
        column.addWidget(line)
        row = QHBoxLayout()
        row.setContentsMargins(16, 10, 16, 10)
        row.setSpacing(16)
        self._button = QPushButton(icon("play", theme.COLOUR["unused"].lighter(220)), tr("Train"), bar)
        self._button.setProperty("role", "primary")
        self._button.setMinimumSize(168, 44)
        self._button.setToolTip(tooltip("train.start"))
        self._button.setObjectName("train")
        self._button.clicked.connect(self.train_wanted)
        row.addWidget(self._button)
        words = QVBoxLayout()
        words.setSpacing(0)
        self._finish = QLabel(bar)
        self._finish.setProperty("role", "title")
        self._finish.setFont(theme.mono_numbers(self._finish.font()))
        self._why = Elided(bar)
        self._why.setProperty("role", "muted")
        words.addWidget(self._finish)
        words.addWidget(self._why)
        row.addLayout(words, 1)
        row.addWidget(self._stop_by)
        column.addLayout(row)
        return bar

    def _make_details(self) -> QWidget:
        holder = QWidget(self)
        column = QVBoxLayout(holder)
        column.setContentsMargins(8, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        trial = QPushButton(tr("Trial: some seconds, finds nothing"), holder)
        trial.setProperty("role", "link")
        trial.clicked.connect(lambda: self.choose_preset(TRIAL))
        reset = QPushButton(tr("Back to the preset"), holder)
        reset.setProperty("role", "link")
        row.addWidget(trial)
        row.addWidget(reset)
        row.addStretch(1)
        column.addLayout(row)
        self._form = ConfigForm(self._draft, holder)
        reset.clicked.connect(self._draft.reset)
        column.addWidget(self._form)
        return holder

    def _show_button(self, now: datetime, facts: Facts, config: TrainingConfig, stop_by: datetime | None) -> None:
        count = len(self.chosen())
        self._button.setEnabled(self.can_start)
        if self._session.trainings.current is not None:
            self._button.setText(tr("Add to the queue"))
        else:
            self._button.setText(tr("Train") if count <= 1 else tr("Train {n} products", n=count))
        headline, rest = self._finish_words(now, facts, config, stop_by, count)
        self._finish.setText(headline)
        self._why.setText(rest)
        self._why.setToolTip(rest)

    def _finish_words(
        self, now: datetime, facts: Facts, config: TrainingConfig, stop_by: datetime | None, count: int
    ) -> tuple[str, str]:
        if not self._session.can_write:
            return tr("Reading only"), tr("Another window works on this project.")
        if self._facts is None:
            return tr("One moment …"), tr("Looking at the images")
        if self._draft.wrong:
            return tr("Not yet"), self._draft.first_wrong()
        if not self.can_start:
            return tr("Not yet"), tr("The lines with a cross say what is missing.")
        current = self._session.trainings.current
        if current is not None:
            return tr("After training #{n}", n=current), tr("It starts by itself when that one has ended.")
        which = "" if count <= 1 else tr("{n} trainings, one after another", n=count)
        minutes = self._minutes_each(now, count)
        if stop_by is not None and minutes is not None:
            each = readiness.span(60 * minutes)
            return tr("Done by {clock}", clock=readiness.clock(stop_by, now)), tr("{each} for each training", each=each)
        seconds = readiness.seconds_needed(facts, config)
        if seconds is None:
            cost = next(one.cost for one in presets(self._model) if one.name == config.preset)
            return tr("Takes {cost}", cost=tr(cost)), which or tr("The finish time is known after the first minute.")
        done = readiness.clock(now + timedelta(seconds=seconds * max(1, count)), now)
        span = readiness.span(seconds * max(1, count))
        return tr("Done about {clock}", clock=done), which or tr("{span} from now", span=span)

    def _minutes_each(self, now: datetime, count: int) -> float | None:
        """Minutes for each where the time until the deadline is shorter than what they would take."""
        stop_by = self.deadline(now)
        if stop_by is None or not count:
            return None
        facts, config = self._facts or Facts("", ""), self.config()
        seconds = (stop_by - now).total_seconds()
        needed = readiness.seconds_needed(facts, config)
        if needed is not None and needed * count <= seconds:
            return None
        return readiness.minutes_each(facts, config, seconds=seconds, trainings=count)

    @property
    def _model(self) -> str:
        return self._models.model

    def _recall(self) -> None:
        """What was chosen the last time for the view that we are at now; the defaults where nothing was."""
        project, view = self._session.project, self._session.chosen_view()
        place = None if project is None or view is None else (str(project.file), view.product, view.code)
        if place is None or place == self._place:
            return
        self._measure.cancel()
        self._place = self._facts = self._measured = None  # what is set up now is no choice of a person
        found = recall_choice(self._session.memory, place)
        self._models.blockSignals(True)
        self._models.choose(found.model)
        self._models.blockSignals(False)
        self._forget_form()
        self._cards.show_presets(presets(self._model), found.preset)
        self._draft.begin(preset(self._model, self._cards.preset), found.changes)
        self._place = place

    def _forget_form(self) -> None:
        if self._form is not None and self._form.draft.base.model != self._model:
            self._form = None  # its groups are those of the other model
            self._details.forget()

    def _on_model_chosen(self, name: str) -> None:
        self._forget_form()
        offered = presets(name)
        same = self._cards.preset if any(one.name == self._cards.preset for one in offered) else _FIRST_PRESET
        self._cards.show_presets(offered, same)
        self.choose_preset(same, keeps_length=True)

    def _on_measure_changed(self, measured: Measured | None) -> None:
        self._measured = measured
        if self._facts is not None:
            self._facts = replace(self._facts, measured=measured)
        self.show_checks()

    def _on_draft_changed(self) -> None:
        if self._place is not None:
            choice = Choice(self._model, self._draft.config.preset, self._draft.changes)
            remember_choice(self._session.memory, self._place, choice)
        self.show_checks()


def _candidates(session: Session) -> list[Candidate]:
    table = session.table
    if table is None:
        return []
    usable = (table.split == SPLITS.index("train")) & (table.label == LABELS.index("good")) & ~table.problem
    names = [(view.product, view.code) for view in session.views]
    found = []
    for product, view in names:
        here = np.zeros(0, np.bool_)
        if product in table.products and view in table.views:
            at, code = table.products.index(product), table.views.index(view)
            here = usable & (table.product == at) & (table.view == code)
        found.append(Candidate(product, view, int(np.count_nonzero(here))))
    return found
