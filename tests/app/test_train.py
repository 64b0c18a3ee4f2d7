"""The Train page: from the checklist to a running training, and every way it can end."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from app.forms import ConfigForm
from app.pages.train import TrainPage, words
from app.throttle import Throttle
from app.trace import Series, Trace
from app.window import MainWindow
from core.config import MODELS, preset
from core.events import Checkpoint, Done, Epoch, Event, EventWriter, Failure, Hello, PhaseChanged, Picture, Step, Warn
from core.imaging import save_png
from core.jobfiles import JobState, write_state
from core.project import Project
from tests.app.conftest import WindowMaker

PATIENCE = 90_000


def train_page(qtbot: QtBot, window: MainWindow, path: Path, *, read_only: bool = False) -> TrainPage:
    window.session.memory.remember("computing_on", [socket.gethostname(), "processor, 2 threads"])
    window.session.settings.set("train.keep_awake", False)
    window.session.open(path, read_only=read_only)
    qtbot.waitUntil(lambda: window.session.is_complete, timeout=10_000)
    window.go("train")
    page = window.page
    assert isinstance(page, TrainPage)
    qtbot.waitUntil(lambda: page.setup.facts is not None, timeout=10_000)
    return page


def states(page: TrainPage) -> dict[str, str]:
    return {check.key: check.state for check in page.setup.checklist.found}


def test_the_checklist_says_what_is_there_and_offers_to_mend(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    assert states(page) == {
        **{"good": "warning", "roi": "fine", "defect": "fine", "tuning": "warning"},
        **{"disk": "fine", "computing": "fine", "finish": "fine"},
    }
    assert page.setup.button.isEnabled()
    with qtbot.waitSignal(page.wanted) as heard:
        page.setup.checklist.button("tuning").click()
    assert heard.args[0] == "dataset" and heard.args[1]["product"] == "chip"


def test_without_good_images_there_is_nothing_to_press(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    page.session.label(range(1, 9), "unlabelled")
    qtbot.waitUntil(lambda: states(page)["good"] == "missing", timeout=10_000)
    assert not page.setup.button.isEnabled()
    assert not page.setup.can_start
    page.session.undo()
    qtbot.waitUntil(lambda: page.setup.button.isEnabled(), timeout=10_000)


def test_a_project_open_elsewhere_can_only_be_looked_at(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    with Project.open(project_file):
        page = train_page(qtbot, window_maker(), project_file, read_only=True)
        assert not page.setup.button.isEnabled()


def test_presets_are_chosen_by_mouse_and_key_and_remembered(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    setup = page.setup
    assert setup.cards.preset == "quick"
    qtbot.mouseClick(setup.cards.card("small"), Qt.MouseButton.LeftButton)
    assert setup.config().preset == "small"
    qtbot.keyClick(setup.cards, Qt.Key.Key_Down)
    assert setup.config().preset == "medium"
    assert page.session.memory.recall("train.preset", "") == "medium"
    assert setup.cards.card("micro").isHidden()


def test_another_detector_is_chosen_by_key_with_its_own_presets_and_settings(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    setup = page.setup
    setup.open_details()
    assert setup.models.model == "prff" and "Recommended" in setup.models.why
    assert setup.form is not None and setup.form.config.network.kind == "prff"
    box = setup.models.findChild(QComboBox, "model")
    assert box is not None
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert setup.models.model == "grdnet" and "region of interest" in setup.models.why
    assert setup.config().model == "grdnet" and setup.form is None
    setup.open_details()
    setup.form.open_group("loss")
    assert setup.form.set_value("loss.roi_mode", "prediction")
    ((_, _, order),) = setup.orders(datetime(2026, 3, 5, 22, 30))
    assert (order.model, order.changes) == ("grdnet", ("loss.roi_mode=prediction",))
    qtbot.keyClick(box, Qt.Key.Key_End)
    assert setup.config().model == "ganomaly"
    with pytest.raises(KeyError):
        setup.cards.card("small")
    assert page.session.memory.recall("train.model", "") == "ganomaly"


@pytest.mark.parametrize("model", MODELS)
def test_the_form_of_every_model_can_be_opened(qtbot: QtBot, model: str) -> None:
    form = ConfigForm(preset(model, "quick"))
    qtbot.addWidget(form)
    for name in ("network", "loss", "simulate", "train"):
        form.open_group(name)
    assert form.set_value("loss.kind", "nonsense") is False
    form.reset()
    assert form.config == preset(model, "quick")


def test_a_time_to_stop_by_becomes_minutes(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    now = datetime(2026, 3, 5, 22, 30)
    page.setup.choose_preset("medium")
    assert page.setup.orders(now)[0][2].minutes is None
    page.setup.stop_by.set_time(6, 30)
    assert page.setup.deadline(now) == datetime(2026, 3, 6, 6, 30)
    ((product, view, order),) = page.setup.orders(now)
    assert (product, view, order.minutes) == ("chip", "main", 480)
    assert order.config().train.minutes == 480 and order.config().train.epochs is None


def test_the_form_shows_every_setting_and_says_what_does_not_fit(qtbot: QtBot) -> None:
    form = ConfigForm(preset("prff", "quick"))
    qtbot.addWidget(form)
    form.show()
    for name in ("preprocess", "network", "loss", "simulate", "augment", "train", "progressive", "score", "eval"):
        form.open_group(name)
    rate = form.editor("train.lr")
    assert isinstance(rate, QLineEdit) and rate.text() == "0.0005"
    rate.setText("0.001")
    rate.editingFinished.emit()
    assert form.changes == ("train.lr=0.001",)
    optimiser = form.editor("train.optimizer")
    assert isinstance(optimiser, QComboBox) and optimiser.count() == 2
    assert form.set_value("train.steps", "500")
    assert form.config.train.minutes is None
    assert set(form.changes) == {"train.lr=0.001", "train.steps=500"}
    assert not form.set_value("preprocess.size", "100")  # no multiple of what the network needs
    assert form.config.preprocess.size == 128
    assert form.set_value("train.ema", "null") and form.config.train.ema is None
    assert "train.ema=none" in form.changes
    form.reset()
    assert form.changes == ()
    assert form.config == preset("prff", "quick")


def test_pressing_train_shows_it_learning_and_ends_with_figures(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    page = train_page(qtbot, window, project_file)
    page.setup.choose_preset("micro")
    qtbot.mouseClick(page.setup.button, Qt.MouseButton.LeftButton)
    trainings = window.session.trainings
    qtbot.waitUntil(lambda: page.shown == 1 and page.watch.isVisible(), timeout=20_000)
    qtbot.waitUntil(lambda: page.watch.head.headline.startswith(("Starting", "Training")), timeout=20_000)
    assert [entry.number for entry in page.listing.entries] == [1]
    assert page.watch.head.button("stop").isVisible()
    assert not page.watch.head.button("review").isVisible()
    with qtbot.waitSignal(trainings.ended, timeout=PATIENCE):
        pass
    qtbot.waitUntil(lambda: page.watch.head.headline.startswith("Finished"), timeout=10_000)
    qtbot.waitUntil(lambda: page.watch.pictures.shown >= 8, timeout=10_000)
    assert page.watch.chart is not None and page.watch.chart.redraws > 0
    with qtbot.waitSignal(page.wanted) as heard:
        page.watch.head.button("review").click()
    assert heard.args == ["review", {"training": 1}]
    window.go("train")
    page.watch.head.button("again").click()
    assert page.shown is None and page.setup.isVisible()
    qtbot.waitUntil(lambda: "AUROC" in page.listing.entries[0].words, timeout=10_000)


def test_the_key_leads_to_the_page_first_and_starts_there(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    page = train_page(qtbot, window, project_file)
    trainings = window.session.trainings
    window.go("dataset")
    window.actions_table.run("train.start")
    assert window.page is page and trainings.current is None
    qtbot.wait(1)  # arrived
    with qtbot.waitSignal(trainings.ordered, timeout=20_000):
        window.actions_table.run("train.start")
    qtbot.waitUntil(lambda: trainings.trace(1) is not None, timeout=20_000)
    page.show_training(None)
    assert page.setup.button.text() == "Add to the queue"
    with qtbot.waitSignal(trainings.ended, timeout=20_000):
        trainings.discard(1)
    qtbot.waitUntil(lambda: page.setup.button.text() == "Train")


def a_run(path: Path, state: str, *events: Event, error: str = "") -> None:
    """A training that a worker is made to have said all this of."""
    with Project.open(path) as project:
        config = preset("prff", "quick").model_dump(mode="json")
        run = project.add_run(product="chip", model="prff", preset="quick", config=config)
        project.update_run(run.id, state="running")
        project.update_run(run.id, state=state, error=error)  # type: ignore[arg-type]
    run.folder.mkdir(parents=True, exist_ok=True)
    for role in ("image", "reconstruction", "map", "mask"):
        save_png(run.folder / f"pictures/{role}.png", np.full((32, 32, 3), 90, np.uint8))
    writer = EventWriter(run.folder / "events.jsonl")
    for event in events:
        writer.write(event)  # type: ignore[arg-type]
    writer.close()
    write_state(run.folder, JobState(state))  # type: ignore[arg-type]


def some_steps(last: int = 40) -> list[Event]:
    files = {role: f"pictures/{role}.png" for role in ("image", "reconstruction", "map", "mask")}
    said: list[Event] = [Hello(run="1", command="train", pid=1, host="h", computing_on="processor, 2 threads")]
    said.append(PhaseChanged(name="training", total=last))
    for step in range(1, last + 1):
        share = step / last
        losses = {"total": 2 - share, "mse": 0.1}
        said.append(Step(step=step, steps=last, epoch=0, progress=share, lr=1e-3, losses=losses, seconds=0.1))
    said.append(Epoch(epoch=1, step=last, lr=1e-3, losses={"total": 1.0}, tuning={"total": 1.2}))
    said += [Picture(step=last, epoch=1, index=index, files=files) for index in range(4)]
    return said


def test_a_failed_training_says_why_and_what_can_be_done(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    why = "the disk is full. The last checkpoint was kept."
    a_run(project_file, "failed", *some_steps(), Failure(code="storage", text="the disk is full"), error=why)
    page = train_page(qtbot, window_maker(), project_file)
    page.show_what({"training": 1})
    qtbot.waitUntil(lambda: page.watch.pictures.shown == 16, timeout=10_000)
    assert page.watch.head.headline.startswith("Failed")
    assert page.watch.head.sentence == why
    assert page.watch.head.button("resume").isVisible()
    page.watch.log.set_open(True)
    assert page.watch.log.content is not None
    page.watch.head.button("discard").click()
    box = page.findChild(QMessageBox, "discard")
    assert box is not None
    with qtbot.waitSignal(page.session.trainings.ended, timeout=10_000):
        next(button for button in box.buttons() if button.text() == "Discard").click()
    qtbot.waitUntil(lambda: page.watch.head.headline == "Discarded", timeout=10_000)


def test_an_interrupted_training_can_go_on_and_a_finished_one_cannot_be_thrown_away(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    a_run(project_file, "interrupted", *some_steps())
    a_run(project_file, "finished", *some_steps(), Done(outcome="finished", step=40))
    page = train_page(qtbot, window_maker(), project_file)
    assert [entry.state for entry in page.listing.entries] == ["finished", "interrupted"]
    page.show_training(1)
    assert page.watch.head.button("resume").isVisible()
    page.show_training(2)
    assert not page.watch.head.button("discard").isVisible()
    with qtbot.waitSignal(page.session.problem_reported, timeout=10_000) as heard:
        page.session.trainings.discard(2)
    assert "has results" in str(heard.args[0])


def test_the_training_that_was_looked_at_is_found_again(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    a_run(project_file, "finished", *some_steps(), Done(outcome="finished", step=40))
    window = window_maker()
    page = train_page(qtbot, window, project_file)
    assert page.shown is None

    def again() -> None:
        window.session.close()
        assert window.page is not page
        window.session.open(project_file)
        qtbot.waitUntil(lambda: window.session.is_complete, timeout=10_000)
        window.go("train")

    page.show_training(1)
    again()
    qtbot.waitUntil(lambda: page.watch.head.headline.startswith("Finished"), timeout=10_000)
    assert page.shown == 1 and page.watch.isVisible()
    page.show_training(None)
    again()
    assert page.shown is None


def test_a_training_that_nobody_started_waits_in_the_list(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    with Project.open(project_file) as project:
        project.add_run(product="chip", model="prff", preset="quick")
    page = train_page(qtbot, window_maker(), project_file)
    qtbot.waitUntil(lambda: bool(page.listing.entries))
    assert "does not start by itself" in page.listing.entries[0].words
    page.show_training(1)
    assert page.watch.head.button("start").isVisible()


def test_it_is_said_whether_a_training_learns_measures_or_scores() -> None:
    trace = Trace()
    trace.feed_all(some_steps(10)[:-6])  # type: ignore[arg-type]
    assert words.doing_word("running", trace) == "Training"
    assert words.now_sentence("running", trace).startswith("Step 9 of 10")
    trace.feed_all(some_steps(10)[-6:])  # type: ignore[arg-type]
    assert "tuning images" in words.now_sentence("running", trace)
    trace.feed(PhaseChanged(name="scoring", total=194))
    assert words.doing_word("running", trace) == "Scoring" and trace.fraction == 0.0
    assert words.doing_word("paused", trace) == "Paused"


@pytest.mark.parametrize(("auroc", "warned"), [(0.366, True), (0.5, True), (0.95, False)])
def test_figures_of_a_guess_are_called_so(project_file: Path, auroc: float, warned: bool) -> None:
    with Project.open(project_file) as project:
        run = project.add_run(product="chip", model="prff", preset="quick")
        figures = {"image_auroc": auroc, "images": 20, "defective": 10}
        ended = [replace(run, state=state, figures=figures) for state in ("finished", "stopped")]
    for one in ended:
        assert ("guessing" in words.ending(one)[1]) is warned


def test_a_trace_keeps_curves_apart_and_cuts_what_was_trained_twice() -> None:
    trace = Trace()
    trace.feed_all(some_steps(10))  # type: ignore[arg-type]
    trace.feed(Step(step=6, steps=10, epoch=0, progress=0.6, lr=1e-3, losses={"total": 9.0}, seconds=0.1))
    assert trace.train["total"].x.tolist() == [1, 2, 3, 4, 5, 6]
    assert trace.train["total"].y[-1] == 9.0
    assert trace.tuning["total"].y.tolist() == [1.2]
    trace.feed(Warn(code="memory", text="Memory ran out"))
    trace.feed(Checkpoint(kind="best", step=6, epoch=0, file="best"))
    assert [line.kind for line in trace.log][-2:] == ["warning", "info"]
    trace.feed(Done(outcome="finished", step=10))
    assert trace.fraction == 1.0


def test_a_series_leaves_out_what_is_no_number() -> None:
    series = Series()
    for step in range(1000):
        series.add(step, float("nan") if step % 2 else step)
    assert len(series) == 500
    assert np.all(np.isfinite(series.y))


def test_decimation_keeps_every_spike() -> None:
    from app.charts.losses import decimated

    y = np.ones(100_000)
    y[54_321], y[7] = 50.0, -3.0
    x, kept = decimated(np.arange(100_000.0), y, 300)
    assert len(x) <= 600
    assert kept.max() == 50.0 and kept.min() == -3.0
    assert np.all(np.diff(x) >= 0)


def test_a_throttle_is_prompt_and_loses_nothing(qtbot: QtBot) -> None:
    from PySide6.QtCore import QObject

    owner = QObject()
    calls: list[int] = []
    throttle = Throttle(lambda: calls.append(1), 150, owner)
    throttle.ask()
    assert calls == [1]  # at once
    for _ in range(50):
        throttle.ask()
    assert calls == [1]
    qtbot.waitUntil(lambda: len(calls) == 2, timeout=2000)


@pytest.mark.parametrize("size", [(1280, 720), (1600, 1000)])
def test_nothing_is_cut_off_at_common_sizes(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, size: tuple[int, int]
) -> None:
    window = window_maker()
    window.resize(*size)
    page = train_page(qtbot, window, project_file)
    for name in ("quick", "paper"):
        card = page.setup.cards.card(name)
        assert card.width() >= card.minimumSizeHint().width()
    assert page.setup.button.visibleRegion().boundingRect().size() == page.setup.button.size()
