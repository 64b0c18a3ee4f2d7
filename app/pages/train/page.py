"""The Train page: before a training, while it runs, and after it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.commands import Actions
from app.icons import icon
from app.pages.page import Page
from app.pages.train import words
from app.pages.train.about import About, read_about
from app.pages.train.listing import Entry, TrainingList
from app.pages.train.setup import SetupPanel
from app.pages.train.watch import WatchPanel
from app.session import Session
from app.throttle import Slowly
from app.trace import Trace, read_trace
from app.words import tr
from core.events import AnyEvent
from core.project.results import RunRow
from core.workflow import readiness
from core.workflow.feeding import apply_feedback, feedback

_GATHER_MS: Final = 300
_INSTALL: Final = 'pip install "flawscope[train]"'


class TrainPage(Page):
    """Shows the setup, or one training; the list on the right chooses."""

    key: ClassVar[str] = "train"
    icon: ClassVar[str] = "train"

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(session, actions, parent)
        self._trainings = session.trainings
        self._shown: int | None = None
        self._traces: dict[int, Trace] = {}
        self._about: dict[int, About] = {}
        self._looked_up: set[tuple[int, str]] = set()
        self._is_here = False
        self._ordering = False
        self._follows = False
        self._came_now = False
        self._is_found_again = False
        self._list = TrainingList(self)
        self._list.hide()
        self._setup = SetupPanel(session, self)
        self._watch = WatchPanel(session, self)
        self._empty = _Empty(self)
        self._stack = QStackedWidget(self)
        for panel in (self._setup, self._watch, self._empty):
            self._stack.addWidget(panel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        self._gather_soon = Slowly(self._gather, _GATHER_MS, self)
        self._connect()
        actions.bind("train.stop", self._on_stop_wanted, enabled=self._may_stop)

    # -- what every page is

    def title(self) -> str:
        return tr("Train")

    def headline(self) -> str:
        if self._shown is not None:
            return tr("Training #{n}", n=self._shown)
        view = self.session.chosen_view()
        return "" if view is None else words.place(view.product, view.code)

    def inspector(self) -> QWidget | None:
        self._list.show()
        return self._list

    def enter(self) -> None:
        self._is_here = self._came_now = True
        QTimer.singleShot(0, self, self._on_arrived)
        if self._shown is None:
            self._shown = self._trainings.current or self._left_at()
        self._setup.show_place()
        self._gather()
        self._look_at_computer()
        self._show()

    def leave(self) -> None:
        self._is_here = False
        self._gather_soon.stop()

    def show_what(self, what: dict[str, Any]) -> None:
        """`training`: that one; `new`: the setup; `start`: begin, as the button does, when the setup is on screen."""
        if isinstance(what.get("training"), int):
            self.show_training(what["training"])
        elif what.get("new"):
            self.show_training(None)
        elif what.get("start"):  # from another page it only leads here: what is missing is seen before it begins
            if self._shown is not None and (self._trainings.current is None or not self._came_now):
                self.show_training(None)
            elif not self._came_now:
                self.start()

    # -- what a person does here

    @property
    def setup(self) -> SetupPanel:
        """Before a training."""
        return self._setup

    @property
    def watch(self) -> WatchPanel:
        """A training."""
        return self._watch

    @property
    def listing(self) -> TrainingList:
        """All trainings."""
        return self._list

    @property
    def shown(self) -> int | None:
        """The training that is looked at; None: the setup."""
        return self._shown

    def show_training(self, number: int | None) -> None:
        """Look at a training, or at the setup; found again when the project is opened the next time."""
        self._shown = number
        if self.session.project is not None:
            self.session.memory.remember(f"training {self.session.project.file}", number)
        self._show()
        if number is not None:
            self._watch.head.setFocus()
        self.headline_changed.emit()

    def start(self) -> None:
        """Start what is chosen; first what review offers is moved into train."""
        self._setup.commit()
        if self._ordering or not self._setup.can_start:
            return
        self._setup.leave_measure()
        self._ordering = True
        now = datetime.now()
        orders, stop_by = self._setup.orders(now), self._setup.deadline(now)
        offered = self._setup.offers.ticked()

        def order(_: object = None) -> None:
            self._trainings.order(orders, stop_by=stop_by)

        if offered:
            self.session.write(lambda project: apply_feedback(project, offered), order, touched=offered)
        else:
            order()

    # -- drawing

    def _show(self) -> None:
        number = self._shown
        run = None if number is None else self._trainings.run(number)
        if number is not None and run is not None:
            state = self._state(number)
            trace = self._trainings.trace(number) or self._traces.get(number)
            if trace is None or (not trace.heard and state in words.ENDED):
                trace = self._traces.setdefault(number, Trace())
                self._read_trace(run)
            self._stack.setCurrentWidget(self._watch)  # what is not seen is not drawn
            may_command = self._trainings.may_command
            self._watch.show_training(run, trace, state, self._about.get(number, About()), may_command=may_command)
            self._look_up(run)
        elif self.session.is_complete and self.session.table is not None and not len(self.session.table):
            self._stack.setCurrentWidget(self._empty)
        else:
            self._stack.setCurrentWidget(self._setup)
        self._show_list()

    def _show_list(self) -> None:
        entries = []
        for run in reversed(self._trainings.runs):
            entries.append(_entry(run, self._state(run.number), self._trainings.trace(run.number)))
        self._list.show_entries(entries, self._shown)

    def _state(self, number: int) -> str:
        return "waiting" if number in self._trainings.queue else self._trainings.state(number)

    def _read_trace(self, run: RunRow) -> None:
        def done(found: tuple[Trace, int]) -> None:
            self._traces[run.number] = found[0]
            if run.number == self._shown:
                self._show()

        if run.state != "queued":
            still = self.session.still(self.session.project)
            self.session.background.run(lambda: read_trace(run.folder), done, owner=self, key="trace", still=still)

    def _look_up(self, run: RunRow) -> None:
        """What the project knows of it besides; once, and again when it has ended."""
        project, key = self.session.project, (run.number, run.state)
        if project is None or key in self._looked_up:
            return
        self._looked_up.add(key)

        def done(found: About) -> None:
            if self._about.get(run.number) != found:
                self._about[run.number] = found
                if run.number == self._shown:
                    self._show()

        name, still = f"about {run.number}", self.session.still(project)
        self.session.background.run(lambda: read_about(project, run), done, owner=self, key=name, still=still)

    # -- what is known

    def _gather(self) -> None:
        project, view = self.session.project, self.session.chosen_view()
        if project is None or view is None or not self._is_here:
            return

        def work() -> tuple[readiness.Facts, list[Any]]:
            return readiness.gather(project, view.product, view.code), feedback(project, view.product, view.code)

        def done(found: tuple[readiness.Facts, list[Any]]) -> None:
            self._setup.show_facts(found[0])
            self._setup.show_offers(found[1])

        self.session.background.run(work, done, owner=self, key="facts")

    def _look_at_computer(self) -> None:
        here = socket.gethostname()
        known = self.session.memory.recall("computing_on", ["", ""])
        if len(known) == 2 and known[0] == here:
            self._setup.show_computing_on(str(known[1]))
            return

        def work() -> str:
            from core.doctor import computing_on

            return computing_on()

        self.session.background.run(work, self._on_computer_known, owner=self, key="computer")

    def _compare_computer(self, said: str) -> None:
        """A worker found a GPU that was not there before, or misses one; how many threads it was given is no news."""
        known = self.session.memory.recall("computing_on", ["", ""])
        if len(known) == 2 and (readiness.PROCESSOR in said) != (readiness.PROCESSOR in str(known[1])):
            self._on_computer_known(said)

    def _on_computer_known(self, found: str) -> None:
        self.session.memory.remember("computing_on", [socket.gethostname(), found])
        self._setup.show_computing_on(found)

    # -- signals

    def _connect(self) -> None:
        trainings, session = self._trainings, self.session
        self._list.chosen.connect(self.show_training)
        self._setup.train_wanted.connect(self.start)
        self._setup.fix_wanted.connect(self._on_fix_wanted)
        self._watch.wanted.connect(self._on_wanted)
        self._empty.add_wanted.connect(lambda: self.wanted.emit("dataset", {"add": True}))
        trainings.heard.connect(self._on_training_heard)
        trainings.state_changed.connect(self._on_training_state_changed)
        trainings.ordered.connect(self._on_trainings_ordered)
        trainings.runs_changed.connect(self._on_runs_changed)
        trainings.queue_changed.connect(self._show)
        trainings.ended.connect(self._on_training_ended)
        session.problem_reported.connect(lambda _: self._stop_ordering())
        session.table_loaded.connect(lambda _: self._on_images_changed())
        session.images_changed.connect(lambda _: self._on_images_changed())
        session.place_changed.connect(self._on_images_changed)
        session.closing.connect(self._on_session_closing)

    def _left_at(self) -> int | None:
        """The training that was looked at when the project was left: it may have gone on without the window."""
        project = self.session.project
        if project is None or self._is_found_again:
            return None
        self._is_found_again = True
        number = self.session.memory.recall(f"training {project.file}", None)
        return number if isinstance(number, int) else None

    def _on_arrived(self) -> None:
        self._came_now = False

    def _on_training_heard(self, number: int, event: AnyEvent) -> None:
        if number == self._shown:
            self._watch.refresh()
        trace = self._trainings.trace(number)
        if trace is not None:
            self._traces[number] = trace
            if trace.computing_on and event.ev == "hello":
                self._compare_computer(trace.computing_on)
        if event.ev in ("heartbeat", "phase"):
            self._show_list()

    def _on_training_state_changed(self, number: int, state: str) -> None:
        if state == "starting" and self._follows:  # the queue goes on, and so does the look at it
            self._follows = False
            self.show_training(number)
        elif number == self._shown:
            self._show()
        else:
            self._show_list()
        self._setup.show_checks()
        self.actions_table.refresh()

    def _on_trainings_ordered(self, numbers: tuple[int, ...]) -> None:
        self._stop_ordering()
        if numbers:
            self.show_training(numbers[0])

    def _on_training_ended(self, number: int, state: str, _: object) -> None:
        self._follows = number == self._shown and state in ("finished", "stopped")
        self._gather_soon.start()

    def _on_runs_changed(self) -> None:
        if (
            self._shown is not None
            and self._trainings.run(self._shown) is None
            and self._shown != self._trainings.current
        ):
            self._shown = None
        self._show()

    def _on_images_changed(self) -> None:
        self._setup.show_place()
        if self._is_here:
            self._gather_soon.start()
            self._show()

    def _on_session_closing(self) -> None:
        self._shown, self._is_here, self._ordering, self._is_found_again = None, False, False, False
        self._traces.clear()
        self._about.clear()
        self._looked_up.clear()
        self._setup.forget_place()
        self._gather_soon.stop()

    def _stop_ordering(self) -> None:
        self._ordering = False

    def _may_stop(self) -> bool:
        current = self._trainings.current
        return current is not None and self._trainings.state(current) in ("starting", "running", "paused")

    def _on_stop_wanted(self) -> None:
        self._trainings.stop()

    def _on_wanted(self, what: str) -> None:
        number, trainings = self._shown, self._trainings
        if number is None:
            return
        if what == "review":
            self.wanted.emit("review", {"training": number})
        elif what == "again":
            self.show_training(None)
        elif what == "discard":
            self._ask_discard(number)
        else:
            commands: Mapping[str, Callable[[int], object]] = {
                "start": lambda one: trainings.enqueue([one]),
                "hold": trainings.dequeue,
                "resume": trainings.resume,
                "more": trainings.resume,
                "stop": trainings.stop,
                "pause": trainings.pause,
                "go_on": trainings.go_on,
                "kill": trainings.kill,
            }
            commands[what](number)

    def _on_fix_wanted(self, check: readiness.Check) -> None:
        view = self.session.chosen_view()
        here = {} if view is None else {"product": view.product, "view": view.code}
        if check.fix == "label":
            self.wanted.emit("dataset", here | {"label": ("unlabelled",)})
        elif check.fix == "split":
            self._lead_to_good_images(here)
        elif check.fix in ("roi", "draw"):
            self.wanted.emit("annotate", here | {"region": True})
        elif check.fix == "space":
            from app.dialogs.clean_up import CleanUp

            CleanUp(self.session, self.window()).open()
        elif check.fix == "measure":
            self._setup.measure()
        elif check.fix == "leave":
            self._setup.leave_measure()
        elif check.fix == "install":
            self._say_how_to_install()
        elif check.preset is not None:
            self._setup.choose_preset(check.preset.name, keeps_length=True)

    def _lead_to_good_images(self, here: dict[str, str]) -> None:
        """To those that can be set aside: good, and learnt from or not used so far."""
        self.wanted.emit("dataset", here | {"label": ("good",), "split": ("train", "unused")})
        facts = self._setup.facts
        needs_tuning = facts is None or bool(facts.test)
        where = tr("Tuning") if needs_tuning else tr("Tuning or Test")
        self.session.said.emit(tr("Select good images here, then choose {where} on the right", where=where))

    def _ask_discard(self, number: int) -> None:
        box = QMessageBox(self)
        box.setObjectName("discard")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(tr("Discard training #{n}", n=number))
        box.setText(tr("Throw away what training #{n} has learnt?", n=number))
        box.setInformativeText(tr("Its checkpoints are removed and it cannot go on. Images, labels and masks stay."))
        throw = box.addButton(tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        throw.clicked.connect(lambda: self._trainings.discard(number))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _say_how_to_install(self) -> None:
        box = QMessageBox(self)
        box.setObjectName("install")
        box.setIcon(QMessageBox.Icon.Information)
        box.setWindowTitle(tr("The training part"))
        box.setText(tr("Annotating and reviewing work without it. Training needs some large libraries besides."))
        box.setInformativeText(tr("Install them with:  {command}\nThen start Flawscope again.", command=_INSTALL))
        box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


class _Empty(QWidget):
    """No image at all."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.setSpacing(12)
        sign = QLabel(self)
        sign.setPixmap(icon("train", theme.COLOUR["muted"]).pixmap(48, 48))
        text = QLabel(tr("There are no images to learn from yet"), self)
        text.setProperty("role", "heading")
        hint = QLabel(tr("Twenty pictures of good parts are a fine start."), self)
        hint.setProperty("role", "muted")
        button = QPushButton(icon("add", theme.COLOUR["unused"].lighter(220)), tr("Add images …"), self)
        button.setProperty("role", "primary")
        self.add_wanted = button.clicked
        for widget in (sign, text, hint, button):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)


def _entry(run: RunRow, state: str, trace: Trace | None) -> Entry:
    title = f"#{run.number} · {words.place(run.product, run.view)} · {run.preset}"
    share = None
    if state in words.RUNNING:
        text = words.doing_word(state, trace)
        if trace is not None and state in ("running", "paused", "stopping"):
            share = trace.fraction
            text = f"{text} {100 * share:.0f} %"
            if trace.finish is not None and state == "running":
                text = tr("{state}, done {clock}", state=text, clock=words.finish_clock(trace.finish))
    elif state in words.WAITING:
        text = tr("In the queue") if state == "waiting" else tr("Waits; it does not start by itself")
    else:
        text = words.short_end(run)
    return Entry(run.number, state, title, text, share, words.is_guess(run))
