"""Review: what the machine rejects, the worst first; why; and a threshold that is moved with open eyes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.commands import Actions
from app.gallery.empty import keep_height
from app.icons import icon
from app.morning import MorningBanner
from app.pages.page import Page
from app.pages.review import kinds
from app.pages.review.feeding import FeedingDialog
from app.pages.review.inspector import Inspector
from app.pages.review.nearest import NearestGood
from app.pages.review.passes import PassesMenu
from app.pages.review.queue import Queue
from app.pages.review.state import Review, Wanted
from app.pages.review.threshold import ThresholdPanel
from app.pages.review.viewer import Viewer
from app.scoring_strip import ScoringStrip
from app.session import Session
from app.words import tr
from core.workflow.review import KINDS, Scored

_PANEL_PX: Final = 216
_EMPTY_PX: Final = 440
_QUEUE_PX: Final = 248


class ReviewPage(Page):
    """Histogram, counts and curve above; queue, image and reconstruction below."""

    key: ClassVar[str] = "review"
    icon: ClassVar[str] = "review"
    shows_filmstrip: ClassVar[bool] = False

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(session, actions, parent)
        self.review = Review(session, self)
        self.nearest = NearestGood(self.review, self)
        self._inspector: Inspector | None = None
        self._at_work = self._listens = False
        self._build(actions)
        self._slots: tuple[tuple[str, Callable[[], object]], ...] = (
            ("image.previous", self._on_previous_wanted),
            ("image.next", self._on_next_wanted),
            ("image.previous_open", self._on_previous_open_wanted),
            ("image.next_open", self._on_next_open_wanted),
            ("label.good", self._on_good_wanted),
            ("label.defective", self._on_defective_wanted),
            ("label.unsure", self._on_unsure_wanted),
            ("view.fit", self.viewer.fit),
            ("view.actual", self.viewer.actual),
            ("view.compare", self.viewer.next_mode),
            ("view.pass_previous", lambda: self.viewer.strip.step(-1)),
            ("view.pass_next", lambda: self.viewer.strip.step(1)),
        )
        self._connect()
        self._on_loaded()

    # -- the window asks

    def title(self) -> str:
        """The word on the rail."""
        return tr("Review")

    def headline(self) -> str:
        """Which training is looked at."""
        table = self.review.table
        if table is None:
            return ""
        run = table.run
        place = run.product if run.view in (None, "main") else f"{run.product} › {run.view}"
        return tr("{place} · Training #{n}", place=place, n=run.number)

    def inspector(self) -> QWidget | None:
        """Score, judgement, verdict."""
        self._inspector = Inspector(self.review, self.nearest)
        self._inspector.annotate_wanted.connect(lambda image_id: self.wanted.emit("annotate", {"id": image_id}))
        self._inspector.offers_wanted.connect(self.show_offers)
        self._inspector.nearest.wanted.connect(self.viewer.compare_with)
        self.viewer.beside.left_other.connect(self._inspector.nearest.let_go)
        return self._inspector

    def enter(self) -> None:
        """Bind commands, read what changed."""
        for command, slot in self._slots:
            self.actions_table.bind(command, slot, enabled=self._has_row)
        self.review.activate()
        self.viewer.activate()
        self.nearest.activate()
        self.morning.look()
        if self.session.project is not None:
            self._listen()
        self._take_focus()

    def leave(self) -> None:
        """Unbind; nothing blinks or is asked for any more."""
        for command, slot in self._slots:
            self.actions_table.unbind(command, slot)
        self.review.rest()
        self.viewer.rest()
        self.nearest.rest()

    def show_what(self, what: dict[str, Any]) -> None:
        """`training`, `scoring` (numbers), `queue` (a kind), `image` and `cell`: whichever are given."""
        kind = what.get("queue")
        self.review.show(
            Wanted(
                number=what.get("training"),
                scoring=what.get("scoring"),
                kind=kind if kind in KINDS else None,
                image=what.get("image"),
                cell=what.get("cell"),
            )
        )

    def show_offers(self) -> None:
        """Good images that wait to be fed back."""
        table = self.review.table
        if table is not None:
            dialog = FeedingDialog(self.session, table.run.product, table.run.view, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    # -- building

    def _build(self, actions: Actions) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        holder = QVBoxLayout()
        holder.setContentsMargins(8, 0, 8, 0)
        self.morning = MorningBanner(self.session, self)
        holder.addWidget(self.morning)
        self.scoring = ScoringStrip(self.session, self)
        holder.addWidget(self.scoring)
        column.addLayout(holder)
        self._stack = QStackedWidget(self)
        self._empty = self._empty_page()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._work_page(actions))
        column.addWidget(self._stack, 1)

    def _empty_page(self) -> QWidget:
        page = QWidget(self._stack)
        column = QVBoxLayout(page)
        column.addStretch(2)
        sign = QLabel(page)
        sign.setPixmap(icon("review", theme.muted()).pixmap(48, 48))
        self._empty_title = QLabel(page)
        self._empty_title.setProperty("role", "title")
        self._empty_words = QLabel(page)
        self._empty_words.setProperty("role", "muted")
        self._empty_words.setWordWrap(True)
        self._empty_words.setFixedWidth(_EMPTY_PX)
        self._empty_words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._train = QPushButton(tr("Go to Train"), page)
        self._train.setProperty("role", "primary")
        self._train.clicked.connect(lambda: self.wanted.emit("train", {}))
        for widget in (sign, self._empty_title, self._empty_words, self._train):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        return page

    def _work_page(self, actions: Actions) -> QWidget:
        page = QWidget(self._stack)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._vertical = QSplitter(Qt.Orientation.Vertical, page)
        self._vertical.setChildrenCollapsible(False)
        self.panel = ThresholdPanel(self.review, self._vertical)
        self.panel.put_first(*self._choosers(self.panel))
        self._vertical.addWidget(self.panel)
        self._horizontal = QSplitter(Qt.Orientation.Horizontal, self._vertical)
        self._horizontal.setChildrenCollapsible(False)
        self.queue = Queue(self.review, actions, self._horizontal)
        self.viewer = Viewer(self.review, actions, self._horizontal)
        for widget in (self.queue.list, self.panel.histogram, self.viewer.strip):
            self.viewer.listen_to(widget)
        self.viewer.placed.connect(self.placed)
        self._horizontal.addWidget(self.queue)
        self._horizontal.addWidget(self.viewer)
        self._horizontal.setStretchFactor(1, 1)
        self._horizontal.setSizes(self._sizes("review across", [_QUEUE_PX, 900]))
        self._vertical.addWidget(self._horizontal)
        self._vertical.setStretchFactor(1, 1)
        self._vertical.setSizes(self._sizes("review down", [_PANEL_PX, 600]))
        column.addWidget(self._vertical, 1)
        self._keep_keys(actions)
        return page

    def _keep_keys(self, actions: Actions) -> None:
        """J, K, L act after any click on the page: what is only clicked takes no focus, what needs it has the keys."""
        for chart in (self.panel.histogram, self.viewer.strip):
            actions.attach(chart)
        panel = self.panel
        for widget in (self.training, self.scope, self.measure, panel.keep, panel.back, self.queue.kind):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        panel.value.lineEdit().returnPressed.connect(self.viewer.left.setFocus)

    def _sizes(self, key: str, default: list[int]) -> list[int]:
        found = self.session.memory.recall(key, default)
        fits = len(found) == 2 and all(isinstance(one, int) and one > 0 for one in found)
        return found if fits else default

    def _choosers(self, parent: QWidget) -> tuple[QWidget, ...]:
        self.training = QComboBox(parent)
        self.training.setMinimumWidth(150)
        self.training.setMaximumWidth(420)
        self.training.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.training.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.training.setAccessibleName(tr("Training"))
        self.passes = PassesMenu(self.review, self.scoring.begin, parent)
        self.scope = QComboBox(parent)
        self.scope.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.scope.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.scope.setAccessibleName(tr("Which images are counted"))
        self.scope.setToolTip(tr("Which images are counted; headline figures come from test images only"))
        self.stale = QLabel(tr("out of date"), parent)
        self.stale.setProperty("role", "chip")
        self.stale.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self.measure = QPushButton(tr("Measure again"), parent)
        self.measure.setProperty("role", "flat")
        for widget in (self.stale, self.measure):
            widget.hide()  # until scores are there and say otherwise
        return self.training, self.passes, self.scope, self.stale, self.measure

    def _connect(self) -> None:
        review = self.review
        review.loading.connect(self._on_loading)
        review.loaded.connect(self._on_loaded)
        review.scope_changed.connect(self._show_scopes)
        review.row_changed.connect(self.actions_table.refresh)
        self.training.activated.connect(self._on_training_activated)
        self.scope.activated.connect(lambda _: review.set_scope(self.scope.currentData()))
        self.measure.clicked.connect(self._on_measure_clicked)
        self.morning.chosen.connect(self.show_what)
        self.scoring.review_wanted.connect(self.show_what)
        self.morning.train_wanted.connect(lambda: self.wanted.emit("train", {}))
        self._horizontal.splitterMoved.connect(
            lambda *_: self.session.memory.remember("review across", self._horizontal.sizes())
        )
        self._vertical.splitterMoved.connect(
            lambda *_: self.session.memory.remember("review down", self._vertical.sizes())
        )

    # -- showing

    def _has_row(self) -> bool:
        return self.review.row is not None

    def _on_loading(self) -> None:
        self._empty_title.setText(tr("Reading scores …"))
        self._empty_words.setText("")
        self._train.hide()
        self._stack.setCurrentIndex(0)

    def _on_loaded(self) -> None:
        table = self.review.table
        self.morning.be_at(None if table is None else table.scoring.id)
        if self.isVisible():
            self.morning.look()
        if table is None:
            self._say_nothing()
            self._stack.setCurrentIndex(0)
        else:
            self._show_choices()
            self._show_scopes()
            self.stale.setVisible(bool(table.stale))
            self.stale.setToolTip("\n".join(table.stale))
            self.measure.setVisible(bool(table.stale) and bool(table.scoring.figures) and self.session.can_write)
            self._stack.setCurrentIndex(1)
            self._take_focus()
        self.headline_changed.emit()
        self.actions_table.refresh()

    def _say_nothing(self) -> None:
        """Why there is nothing to review, and what leads there."""
        self._empty_title.setText(tr("Nothing to review yet"))
        words = tr("When a training has finished, its false rejects stand here, the worst first, with the reason why.")
        self._train.setText(tr("Go to Train"))
        if self._at_work:
            self._empty_title.setText(tr("A training is at work"))
            words = tr("Its false rejects stand here when it has finished, the worst first, with the reason why.")
            self._train.setText(tr("Watch the training"))
        self._empty_words.setText(words)
        keep_height(self._empty_words, _EMPTY_PX)
        self._train.show()

    def _on_status_changed(self, *_: object) -> None:
        at_work = self.session.trainings.current is not None
        if at_work != self._at_work:
            self._at_work = at_work
            if self.review.table is None and not self.review.is_loading:
                self._say_nothing()

    def _listen(self) -> None:
        """Hear of trainings, from when a project is open."""
        self.scoring.listen()
        if not self._listens:
            self._listens = True
            self.session.trainings.status_changed.connect(self._on_status_changed)
        self._at_work = self.session.trainings.current is not None

    def _take_focus(self) -> None:
        """Letters act at once: the image has the focus, unless a person works in a field or list of this page."""
        keep = (self.queue.list, self.panel.value, self.panel.histogram, self.viewer.right, self.viewer.strip)
        if self.isVisible() and self.review.table is not None and QApplication.focusWidget() not in keep:
            self.viewer.left.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_choices(self) -> None:
        table = self.review.table
        with QSignalBlocker(self.training):
            self.training.clear()
            for one in self.review.choices:
                self.training.addItem(choice_words(one), (one.number, one.scoring))
                if table is not None and one.scoring == table.scoring.id:
                    self.training.setCurrentIndex(self.training.count() - 1)
                    self.training.setToolTip(choice_words(one))

    def _show_scopes(self) -> None:
        table = self.review.table
        if table is None:
            return
        with QSignalBlocker(self.scope):
            self.scope.clear()
            scopes = table.scopes()
            for scope, count in scopes.items():
                if scope == "all" and len(scopes) == 2:
                    continue  # there is nothing beside the one split
                self.scope.addItem(kinds.scope_word(scope, count), scope)
            self.scope.setCurrentIndex(max(0, self.scope.findData(self.review.scope)))
        self.panel.fit()

    # -- what happens

    def _on_training_activated(self, _: int) -> None:
        number, scoring = self.training.currentData()
        self.review.show(Wanted(number=number, scoring=scoring))

    def _on_measure_clicked(self) -> None:
        project, table = self.session.project, self.review.table
        if project is None or table is None:
            return
        number, scoring = table.run.number, table.scoring.id
        self.measure.setEnabled(False)
        self.session.said.emit(tr("Measuring again …"))

        def work() -> None:
            from core.workflow.evaluating import evaluate

            evaluate(project, number, scoring)

        def done(_: None) -> None:
            self.measure.setEnabled(True)
            self.session.said.emit(tr("Measured again"))
            self.session.scores_changed.emit()

        def failed(error: Exception) -> None:
            self.measure.setEnabled(True)
            self.session.report(error)

        self.session.background.run(work, done, failed, owner=self, key="measure")

    def _on_previous_wanted(self) -> None:
        self.review.step(-1)

    def _on_next_wanted(self) -> None:
        self.review.step(1)

    def _on_previous_open_wanted(self) -> None:
        self.review.step_open(-1)

    def _on_next_open_wanted(self) -> None:
        self.review.step_open(1)

    def _on_good_wanted(self) -> None:
        self.review.give_verdict("good")

    def _on_defective_wanted(self) -> None:
        self.review.give_verdict("defective")

    def _on_unsure_wanted(self) -> None:
        self.review.give_verdict("unsure")


def choice_words(one: Scored) -> str:
    """A scoring in the list of trainings."""
    when = datetime.fromisoformat(one.when).astimezone().strftime("%d %b %H:%M")
    what = [tr("new images")] if one.is_lot else []
    parts = [f"#{one.number} {one.title}", *settings_words(one), *what, tr("{n} scored", n=f"{one.images:,}"), when]
    return " · ".join(parts)


def settings_words(one: Scored) -> list[str]:
    """How a scoring differs from what its training does by itself."""
    words = {
        "n": tr("{value} passes") if one.differs.get("n") != 1 else tr("one pass"),
        "gate": tr("gate {value}"),
        "taps": tr("taps of the {value} pass"),
        "score_from": tr("score of the {value} pass"),
        "weights": tr("weights {value}"),
    }
    return [words[name].format(value=value) for name, value in one.differs.items() if name in words]
