"""The Train page: from the checklist to a running training, and every way it can end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMessageBox
from pytestqt.qtbot import QtBot

from app import theme
from app.pages.train import words
from app.pages.train.about import About
from app.pages.train.head import Head
from app.pages.train.listing import state_sign
from app.throttle import Throttle
from app.trace import Series, Trace
from core.config import preset
from core.events import (
    Checkpoint,
    Done,
    Event,
    Failure,
    Heartbeat,
    Hello,
    PhaseChanged,
    Step,
    Warn,
)
from core.project import Project
from tests.app.conftest import WindowMaker
from tests.app.training import a_run, some_steps, train_page

PATIENCE = 90_000


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
    assert words.now_sentence("running", trace, by_clock=True) == "Step 9 · pass 1 over the good images"
    trace.feed_all(some_steps(10)[-6:])  # type: ignore[arg-type]
    assert "tuning images" in words.now_sentence("running", trace)
    assert words.doing_word("running", trace) == "Measuring" and trace.fraction < 1
    trace.feed(PhaseChanged(name="scoring", total=194))
    assert words.doing_word("running", trace) == "Scoring"
    assert words.doing_word("paused", trace) == "Paused"


def test_progress_runs_over_the_whole_work_by_its_time_and_never_back() -> None:
    """100 s of learning, 20 s of measuring, 80 s of scoring; paused for an hour in the middle."""
    trace, shares = Trace(), []

    def say(*events: Event) -> None:
        trace.feed_all(events)  # type: ignore[arg-type]
        shares.append(trace.fraction)

    def step(number: int, late: float = 0.0) -> Step:
        t, share = 1000.0 + number + late, number / 100
        return Step(
            t=t, step=number, steps=100, epoch=0, progress=share, lr=1, losses={}, seconds=1, finish=1200 + late
        )

    trace.feed(PhaseChanged(t=1000, name="training", total=100))
    for number in range(1, 51):
        say(step(number))
    assert trace.fraction == pytest.approx(0.25, abs=0.02)
    for second in range(0, 3600, 2):
        say(Heartbeat(t=1050.0 + second, name="paused", finish=1200))
    assert trace.fraction == pytest.approx(0.25, abs=0.02)
    say(PhaseChanged(t=4650, name="training", total=100, finish=1200))
    for number in range(51, 101):
        say(step(number, 3600))
    assert trace.fraction == pytest.approx(0.5, abs=0.02)
    for second in range(0, 20, 2):
        say(Heartbeat(t=4700.0 + second, name="training", done=100, total=100, finish=4800))
    assert trace.fraction == pytest.approx(0.6, abs=0.02)
    say(PhaseChanged(t=4720, name="scoring", total=80, finish=4800))
    say(Heartbeat(t=4760, name="scoring", done=40, total=80, finish=4800))
    assert trace.fraction == pytest.approx(0.8, abs=0.02)
    assert shares == sorted(shares) and shares[-1] < 1
    say(Done(t=4800, outcome="finished", step=100))
    assert trace.fraction == 1


def test_a_stopped_training_that_learns_on_goes_on_from_where_it_stopped() -> None:
    trace = Trace()
    trace.feed(Step(step=4, steps=10, epoch=0, progress=0.4, lr=1, losses={}, seconds=1))
    learnt = trace.fraction
    trace.feed_all([PhaseChanged(name="scoring", total=8), Heartbeat(name="scoring", done=8, total=8)])
    trace.feed(Done(outcome="stopped", step=4))
    assert trace.fraction == 1
    trace.feed(Hello(run="1", command="train", pid=1, host="h", resumed=True))
    assert trace.fraction == learnt < 0.5


def test_nothing_is_paused_once_all_is_learnt(qtbot: QtBot, project_file: Path) -> None:
    with Project.open(project_file) as project:
        config = preset("prff", "quick").model_dump(mode="json")
        run = project.add_run(product="chip", model="prff", preset="quick", config=config)
    head, trace = Head(), Trace()
    qtbot.addWidget(head)
    trace.feed_all(some_steps(10)[:-8])  # type: ignore[arg-type]
    for learnt in (False, True):
        head.show_training(run, "running", may_command=True)
        head.show_progress(run, trace, "running", About())
        assert head.button("pause").isHidden() is learnt
        assert " of 10" not in head.sentence  # minutes were asked for: how many steps that makes is a guess
        trace.feed(PhaseChanged(name="finishing"))


@pytest.mark.parametrize(("auroc", "warned"), [(0.366, True), (0.5, True), (0.95, False)])
def test_figures_of_a_guess_are_called_so(project_file: Path, auroc: float, warned: bool) -> None:
    with Project.open(project_file) as project:
        run = project.add_run(product="chip", model="prff", preset="quick")
        figures = {"image_auroc": auroc, "images": 20, "defective": 10}
        ended = [replace(run, state=state, figures=figures) for state in ("finished", "stopped")]
    for one in ended:
        assert ("guessing" in words.ending(one)[1]) is warned
        assert (state_sign(one.state, is_guess=words.is_guess(one))[0] == "warning") is warned
    assert state_sign("finished")[1] != theme.COLOUR["good"]  # that it has ended is no praise


def test_the_card_of_a_training_names_its_figures_and_what_passes(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    ended = [*some_steps(), Checkpoint(kind="best", step=39, epoch=1, file="best")]
    a_run(project_file, "finished", *ended, Done(outcome="finished", step=40))
    rates = {
        "escape_rate": {"value": 0.88, "k": 124, "n": 141, "low": 0.815, "high": 0.923},
        "false_reject_rate": {"value": 0.0, "k": 0, "n": 26, "low": 0.0, "high": 0.129},
    }
    with Project.open(project_file) as project:
        run = project.run_by_number(1)
        headline = {"image_auroc": 0.698, "pixel_auroc": 0.849, "images": 167, "defective": 141}
        project.update_run(run.id, figures=headline)
        scoring = project.add_scoring(run.id, purpose="training")
        project.finish_scoring(scoring, {"confusion": rates})
    page = train_page(qtbot, window_maker(), project_file)
    page.show_training(1)
    qtbot.waitUntil(lambda: "threshold" in page.watch.head.figures)
    assert page.watch.head.figures == (
        "Image AUROC 69.8 % · pixel AUROC 84.9 %  (141 defective, 26 good test images)\n"
        "At the threshold: escapes 124 of 141 (88 %, 82–92 %) · false rejects 0 of 26 (0 %, 0–13 %)"
    )
    assert "Most defective parts pass" in page.watch.head.sentence
    facts = page.watch.findChild(QLabel, "facts")
    assert facts is not None
    qtbot.waitUntil(lambda: "best at step 39" in facts.text())
    assert "so far" not in facts.text()


def test_pictures_have_the_proportions_of_the_parts(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    a_run(project_file, "finished", *some_steps(), Done(outcome="finished", step=40))  # images are 64 x 48
    page = train_page(qtbot, window_maker(), project_file)
    page.show_training(1)
    rows = page.watch.pictures
    qtbot.waitUntil(lambda: rows.shown == 16 and rows.tile.width() > rows.tile.height())
    assert rows.tile.width() / rows.tile.height() == pytest.approx(64 / 48, rel=0.03)
    drawn = rows.grab().toImage()
    assert drawn.pixelColor(rows.tile.width() // 2, 24).red() == 90  # just below the heading
    assert drawn.pixelColor(rows.tile.width() // 2, 22 + rows.tile.height() + 2).red() != 90


def test_the_curve_has_its_numbers_and_says_what_lies_above(qtbot: QtBot) -> None:
    from app.charts.losses import LossChart

    chart = LossChart()
    qtbot.addWidget(chart)
    chart.resize(440, 260)
    chart.show()
    qtbot.waitExposed(chart)

    def draw(values: list[float]) -> None:
        series = Series()
        for step, value in enumerate(values):
            series.add(step + 1, value)
        with qtbot.waitSignal(chart.drawn):
            chart.show_series({"total": series}, {})

    draw([1.0])  # no curve yet
    chart.hide()
    chart.show()  # colours are taken anew while the axes are away
    falling = [1.2 - 0.01 * step for step in range(100)]
    draw(falling)
    low, high = chart.shown_range
    assert chart.axis_room("bottom") >= 30  # numbers and the word
    assert low <= min(falling) and high >= 1.2 and chart.above == ""
    draw([50.0, 20.0, *falling])
    assert chart.shown_range[1] < 3
    assert chart.above == "▲ the first steps reach 50"


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
