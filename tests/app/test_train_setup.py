"""Before a training: what is missing, how long it takes, what is typed, what is remembered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from app.draft import Draft
from app.forms import ConfigForm
from app.pages.dataset import DatasetPage
from app.pages.train import TrainPage
from core.config import MODELS, preset
from core.imaging import save_png
from core.project import NewImage, Project
from core.workflow.readiness import Check
from tests.app.conftest import WindowMaker
from tests.app.training import retype, states, train_page


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
    assert setup.cards.card("micro").isHidden()


def test_another_detector_is_chosen_by_key_with_its_own_presets_and_settings(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    setup = page.setup
    setup.open_details()
    assert setup.models.model == "prff" and "Recommended" in setup.models.why
    assert setup.form is not None and setup.form.draft.config.network.kind == "prff"
    box = setup.models.findChild(QComboBox, "model")
    assert box is not None
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert setup.models.model == "grdnet" and "region of interest" in setup.models.why
    assert setup.config().model == "grdnet" and setup.form is None
    setup.open_details()
    setup.form.open_group("loss")
    assert setup.draft.set("loss.roi_mode", "prediction")
    ((_, _, order),) = setup.orders(datetime(2026, 3, 5, 22, 30))
    assert (order.model, order.changes) == ("grdnet", ("loss.roi_mode=prediction",))
    qtbot.keyClick(box, Qt.Key.Key_End)
    assert setup.config().model == "ganomaly"
    with pytest.raises(KeyError):
        setup.cards.card("small")


@pytest.mark.parametrize("model", MODELS)
def test_the_form_of_every_model_can_be_opened(qtbot: QtBot, model: str) -> None:
    draft = Draft(preset(model, "quick"))
    form = ConfigForm(draft)
    qtbot.addWidget(form)
    for name in ("network", "loss", "simulate", "train"):
        form.open_group(name)
    assert draft.set("loss.kind", "nonsense") is False
    draft.reset()
    assert draft.config == preset(model, "quick")


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


def test_the_form_shows_every_setting_and_takes_what_is_typed(qtbot: QtBot) -> None:
    draft = Draft(preset("prff", "quick"))
    form = ConfigForm(draft)
    qtbot.addWidget(form)
    form.show()
    for name in ("preprocess", "network", "loss", "simulate", "augment", "train", "progressive", "score", "eval"):
        form.open_group(name)
    rate = form.editor("train.lr").widget
    assert isinstance(rate, QLineEdit) and rate.text() == "0.0005"
    retype(qtbot, rate, "0.001")
    assert draft.changes == ("train.lr=0.001",)
    optimiser = form.editor("train.optimizer").widget
    assert isinstance(optimiser, QComboBox) and optimiser.count() == 2
    assert draft.set("train.steps", "500")
    assert draft.config.train.minutes is None
    assert set(draft.changes) == {"train.lr=0.001", "train.steps=500"}
    assert not draft.set("preprocess.size", "100")  # no multiple of what the network needs
    assert draft.config.preprocess.size == 128
    assert draft.set("train.ema", "null") and draft.config.train.ema is None
    assert "train.ema=none" in draft.changes
    draft.reset()
    assert draft.changes == ()
    assert draft.config == preset("prff", "quick")


def test_each_field_says_at_itself_what_does_not_fit_and_nothing_moves(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    page = train_page(qtbot, window, project_file)
    setup = page.setup
    setup.open_details()
    assert setup.form is not None
    setup.form.open_group("train")
    qtbot.wait(1)  # scrolled to
    minutes, steps = setup.form.editor("train.minutes"), setup.form.editor("train.steps")
    narrowest = window.minimumSizeHint().width()
    places = [field.widget.mapTo(setup, field.widget.rect().topLeft()) for field in (minutes, steps)]
    retype(qtbot, minutes.widget, "abc")
    retype(qtbot, steps.widget, "0")
    assert (minutes.note.text(), steps.note.text()) == ("Write a number, such as 7.5.", "At least 1.")
    assert window.minimumSizeHint().width() == narrowest  # nor does what is said below hold the window apart
    assert places == [field.widget.mapTo(setup, field.widget.rect().topLeft()) for field in (minutes, steps)]
    assert setup.length.field.text() == "abc" and setup.length.note == minutes.note.text()
    assert not setup.button.isEnabled()
    assert setup.reason == "Training › Minutes: Write a number, such as 7.5. (and 1 more)"
    assert states(page)["finish"] == "missing"
    qtbot.mouseClick(setup.button, Qt.MouseButton.LeftButton)
    page.start()
    assert not window.session.trainings.runs
    retype(qtbot, steps.widget, "")
    retype(qtbot, minutes.widget, "7")
    assert minutes.note.text() == "Length by the clock; the schedule is scaled"
    assert setup.button.isEnabled() and setup.draft.changes == ("train.minutes=7.0",)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("train.minutes", "-3", "It must be more than 0."),
        ("train.minutes", "1e400", "Write a number, such as 7.5."),
        ("train.minutes", "1e9", "At most 100,000."),
        ("train.epochs", "2.5", "Write a whole number."),
        ("train.lr", "", "It cannot be empty."),
        ("train.ema", "1", "It must be less than 1."),
        ("train.betas", "0.9", "Some values are missing; write commas between them."),
        ("preprocess.size", "100", "An image side of 100 is not a multiple of 32, as the model needs."),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(name: str, text: str, why: str) -> None:
    draft = Draft(preset("prff", "quick"))
    assert not draft.set(name, text)
    assert draft.wrong[name].why == why
    assert draft.config == preset("prff", "quick")


def test_a_length_is_entered_beside_the_presets_and_one_finish_time_follows_it(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    setup, field = page.setup, page.setup.length.field
    assert field.isVisible() and field.text() == "10"
    retype(qtbot, field, "7,5")
    assert setup.config().train.minutes == 7.5 and setup.length.note == "instead of 10"
    assert setup.reason == "8 min from now"
    assert "8 min from now" in next(one.sentence for one in setup.checklist.found if one.key == "finish")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.text() == "7.5"
    qtbot.mouseClick(setup.cards.card("medium"), Qt.MouseButton.LeftButton)
    assert field.text() == "" and setup.length.note == "empty: 150 passes over the good images"
    retype(qtbot, field, "30")
    assert (setup.config().train.minutes, setup.config().train.epochs) == (30, None)
    retype(qtbot, field, "")
    assert setup.config() == preset("prff", "medium")


def test_the_fix_takes_the_preset_that_it_names_and_keeps_the_length(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    with Project.open(project_file) as project:
        painted = next(iter(project.images(label="defective"))).id
        mask = np.zeros((48, 64), np.uint8)
        mask[20, 30:34] = project.add_class("scratch")
        project.import_mask(painted, mask)
    page = train_page(qtbot, window_maker(), project_file)
    setup = page.setup
    assert states(page)["defect"] == "fine"  # 4.5 pixels in an image that small
    setup.draft.set("preprocess.size", "64")
    retype(qtbot, setup.length.field, "5")
    button = setup.checklist.button("defect")
    assert button.text() == "Use ‘About 10 minutes’"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert states(page)["defect"] == "fine" and not button.isVisible()
    assert setup.cards.preset == "quick" and setup.draft.changes == ("train.minutes=5.0",)


def test_what_is_chosen_stays_with_its_project(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, tmp_path: Path
) -> None:
    save_png(tmp_path / "other.png", np.zeros((32, 32, 3), np.uint8))
    with Project.create(tmp_path / "second", "second", author="test") as project:
        project.add_images([NewImage(tmp_path / "other.png", "chip", label="good", split="train")], root=tmp_path)
        other = project.file
    window = window_maker()
    setup = train_page(qtbot, window, project_file).setup
    qtbot.mouseClick(setup.cards.card("small"), Qt.MouseButton.LeftButton)
    retype(qtbot, setup.length.field, "8")
    setup.stop_by.set_time(6, 0)
    window.session.close()
    setup = train_page(qtbot, window, other).setup
    assert setup.cards.preset == "quick" and setup.length.field.text() == "10" and not setup.draft.changes
    assert setup.deadline(datetime.now()) is None
    window.session.close()
    setup = train_page(qtbot, window, project_file).setup
    assert setup.cards.preset == "small" and setup.length.field.text() == "8"


def test_setting_aside_leads_to_the_images_that_can_be(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    window = window_maker()
    page = train_page(qtbot, window, project_file)
    with qtbot.waitSignal(window.session.said) as heard:
        qtbot.mouseClick(page.setup.checklist.button("tuning"), Qt.MouseButton.LeftButton)
    assert "choose Tuning on the right" in heard.args[0]
    dataset = window.page
    assert isinstance(dataset, DatasetPage)
    qtbot.waitUntil(lambda: len(dataset.grid.model) == 6)  # six of eight good ones are learnt from
    window.go("train")
    page.session.label(range(1, 9), "unlabelled")
    qtbot.waitUntil(lambda: states(page)["good"] == "missing")
    qtbot.mouseClick(page.setup.checklist.button("good"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(dataset.grid.model) == 10)


def finish(page: TrainPage) -> Check:
    return page.setup.checklist.found[-1]


def test_a_measurement_is_offered_where_no_clock_decides_and_can_be_left(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    assert page.setup.checklist.button("finish").isHidden()
    page.setup.choose_preset("micro")
    button = page.setup.checklist.button("finish")
    assert button.text() == "Measure" and not button.isHidden()
    button.click()
    assert (finish(page).state, button.text()) == ("open", "Cancel")
    assert page.setup.button.isEnabled()  # it holds nothing up
    button.click()
    assert (finish(page).state, button.text()) == ("fine", "Measure")
    qtbot.waitUntil(lambda: page.session.background.is_idle)
    assert not (project_file.parent / "cache" / "measuring").exists()
    assert finish(page).state == "fine"  # and nothing comes after all


@pytest.mark.slow
def test_a_step_is_measured_and_gives_the_finish_time(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path
) -> None:
    page = train_page(qtbot, window_maker(), project_file)
    page.setup.choose_preset("micro")
    page.setup.checklist.button("finish").click()
    qtbot.waitUntil(lambda: finish(page).sentence.startswith("One step takes"), timeout=90_000)
    assert "done" in finish(page).sentence and "on the disk" in finish(page).sentence
    assert page.setup.reason.endswith("from now") and page.session.trainings.runs == ()
    page.setup.choose_preset("medium")
    assert finish(page).fix == "measure"
    page.setup.choose_preset("micro")
    assert finish(page).sentence.startswith("One step takes")  # of these settings it is still known
