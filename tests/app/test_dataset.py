"""The dataset page: tree, filters, labels and splits in bulk, problems with mends, scoring, cleaning."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.dialogs.add_images import AddImages
from app.dialogs.clean_up import CleanUp
from app.pages.dataset import DatasetPage
from app.pages.dataset.summary import Place
from app.window import MainWindow
from core.imaging import save_png
from core.project import NewImage, Project
from core.workflow.sample import open_sample
from tests.app.conftest import WindowMaker

Opened = Callable[[Path], tuple[MainWindow, DatasetPage]]


@pytest.fixture
def opened(qtbot: QtBot, window_maker: WindowMaker) -> Opened:
    """The real window on the dataset page of a project, everything read."""

    def make(path: Path) -> tuple[MainWindow, DatasetPage]:
        window = window_maker()
        window.session.open(path)
        qtbot.waitUntil(lambda: window.session.is_complete, timeout=10_000)
        window.go("dataset")
        page = cast(DatasetPage, window.page)
        quiet(qtbot, window)
        qtbot.waitUntil(lambda: bool(page.next.text()), timeout=10_000)
        return window, page

    return make


def quiet(qtbot: QtBot, window: MainWindow) -> None:
    """Everything that was asked for in the background is there."""
    qtbot.wait(350)  # what a page does a moment after a change
    qtbot.waitUntil(lambda: window.session.background.is_idle, timeout=20_000)


def test_the_page_says_what_there_is_and_what_is_next(opened: Opened, project_file: Path) -> None:
    _, page = opened(project_file)
    assert page.headline().startswith("chip  ·  14 images: 8 good, 4 defective, 2 unlabelled.")
    assert page.next.text() == "Go to Train"
    assert len(page.grid.model) == 14
    assert page.filters.count.text() == "14"


def test_the_tree_filters_the_grid_and_names_the_order(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    window, page = opened(project_file)
    page.tree.choose(Place("chip", None, "lot 1"))
    qtbot.waitUntil(lambda: len(page.grid.model) == 5, timeout=5000)
    assert page.headline().startswith("chip > Lot lot 1  ·  5 images")
    assert window.session.order.size == 5
    page.tree.choose(Place("chip"))
    qtbot.waitUntil(lambda: len(page.grid.model) == 14, timeout=5000)


def test_filters_narrow_and_are_cleared_with_one_click(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    _, page = opened(project_file)
    page.filters.labels.choose(["defective"])
    page.filters.labels.changed.emit()
    qtbot.waitUntil(lambda: len(page.grid.model) == 4, timeout=5000)
    assert page.filters.count.text() == "4 of 14"
    assert "Defective" in page.filters.labels.text()
    qtbot.keyClicks(page.filters.search, "part 09")
    qtbot.waitUntil(lambda: len(page.grid.model) == 1, timeout=5000)
    qtbot.mouseClick(page.filters.reset, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(page.grid.model) == 14, timeout=5000)
    assert page.filters.search.text() == "" and not page.filters.reset.isVisible()


def test_no_match_offers_the_way_back(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    _, page = opened(project_file)
    qtbot.keyClicks(page.filters.search, "nothing like it")
    qtbot.waitUntil(lambda: len(page.grid.model) == 0, timeout=5000)
    page.grid.all_wanted.emit()
    qtbot.waitUntil(lambda: len(page.grid.model) == 14, timeout=5000)


def test_images_are_labelled_by_button_and_by_key_and_it_can_be_undone(
    qtbot: QtBot, opened: Opened, project_file: Path
) -> None:
    window, page = opened(project_file)
    session = window.session
    session.set_selection([13, 14])
    qtbot.waitUntil(lambda: page._panel.title.text() == "2 images chosen", timeout=5000)
    with qtbot.waitSignal(session.images_changed, timeout=5000):
        qtbot.mouseClick(page._panel.labels["good"], Qt.MouseButton.LeftButton)
    assert session.project is not None
    assert {session.project.image(one).label for one in (13, 14)} == {"good"}
    with qtbot.waitSignal(session.images_changed, timeout=5000):
        window.actions_table.run("label.defective")
    assert {session.project.image(one).label for one in (13, 14)} == {"defective"}
    with qtbot.waitSignal(session.images_changed, timeout=5000):
        session.undo()
    assert {session.project.image(one).label for one in (13, 14)} == {"good"}
    qtbot.waitUntil(lambda: page.headline().startswith("chip  ·  14 images: 10 good, 4 defective."), timeout=5000)


def test_single_letters_label_in_the_grid_and_are_only_letters_in_a_field(
    qtbot: QtBot, opened: Opened, project_file: Path
) -> None:
    window, page = opened(project_file)
    window.activateWindow()
    session = window.session
    session.set_selection([13])
    page.filters.search.setFocus()
    qtbot.keyClick(page.filters.search, Qt.Key.Key_J)
    quiet(qtbot, window)
    assert page.filters.search.text() == "j"
    assert session.project is not None and session.project.image(13).label == "unlabelled"
    qtbot.keyClick(page.filters.search, Qt.Key.Key_Escape)
    quiet(qtbot, window)
    session.set_selection([13])
    page.grid.setFocus()
    with qtbot.waitSignal(session.images_changed, timeout=5000):
        qtbot.keyClick(page.grid, Qt.Key.Key_J)
    assert session.project.image(13).label == "good"
    with qtbot.waitSignal(session.images_changed, timeout=5000):
        qtbot.keyClick(page.grid, Qt.Key.Key_L)
    assert session.project.image(13).label == "unlabelled"


def test_find_puts_the_cursor_into_the_search_field(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    window, page = opened(project_file)
    window.actions_table.run("edit.find")
    qtbot.waitUntil(lambda: page.filters.search.hasFocus(), timeout=5000)


def test_a_defect_class_is_given_with_the_label(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    window, page = opened(project_file)
    window.session.set_selection([9])
    qtbot.waitUntil(lambda: page._panel.title.text() == "part 08.png", timeout=5000)
    page._panel.defect_class.setEditText("scratch")
    with qtbot.waitSignal(window.session.images_changed, timeout=5000):
        page._panel.labels["defective"].click()
    assert window.session.project is not None
    assert window.session.project.image(9).defect_class == "scratch"
    qtbot.waitUntil(lambda: not page.filters.classes.isHidden(), timeout=5000)


def test_people_read_names_of_classes_and_files_hold_their_codes(
    qtbot: QtBot, opened: Opened, project_file: Path
) -> None:
    with Project.open(project_file) as project:
        project.add_class("c07", names={"en": "Solder bridge"})
        project.set_label([9, 10], "defective", defect_class="c07")
    window, page = opened(project_file)
    panel, session = page._panel, window.session
    qtbot.waitUntil(lambda: panel.by_class.accessibleDescription() == "Solder bridge 2")
    assert [action.text() for action in page.filters.classes.menu().actions()] == ["Solder bridge"]
    place = page.grid.model.place_of(9)
    assert "Defective: Solder bridge" in page.grid.model.describe(place)
    page.filters.search.setText("bridge")
    qtbot.waitUntil(lambda: page.grid.shown_ids().tolist() == [9, 10])
    page.filters.clear()
    session.set_selection([11])
    qtbot.waitUntil(lambda: panel.title.text() == "part 10.png")
    panel.defect_class.setEditText("solder Bridge")
    with qtbot.waitSignal(session.images_changed):
        panel.labels["defective"].click()
    assert session.project is not None and session.project.image(11).defect_class == "c07"
    session.set_selection([9])
    qtbot.waitUntil(lambda: "Solder bridge" in {label.text() for label in panel.findChildren(QLabel)})
    for widget in (panel, page.filters):
        said = {label.text() for label in widget.findChildren(QLabel)}
        assert not any("c07" in text for text in said)


def test_a_label_that_is_given_again_keeps_the_defect_class(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    with Project.open(project_file) as project:
        project.set_label([9], "defective", defect_class="scratch")
    window, page = opened(project_file)
    window.session.set_selection([8, 9])
    qtbot.waitUntil(lambda: page._panel.title.text().startswith("2 "), timeout=5000)
    with qtbot.waitSignal(window.session.images_changed, timeout=5000):
        qtbot.mouseClick(page._panel.labels["defective"], Qt.MouseButton.LeftButton)
    assert window.session.project is not None
    rows = [window.session.project.image(one) for one in (8, 9)]
    assert [(row.label, row.defect_class) for row in rows] == [("defective", ""), ("defective", "scratch")]


def test_a_split_is_set_for_the_whole_selection(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    window, page = opened(project_file)
    window.session.set_selection([1, 2])
    with qtbot.waitSignal(window.session.images_changed, timeout=5000):
        page._panel.splits["test"].click()
    assert window.session.project is not None
    assert {window.session.project.image(one).split for one in (1, 2)} == {"test"}


def test_one_image_shows_its_facts(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    window, page = opened(project_file)
    window.session.set_selection([9])
    qtbot.waitUntil(lambda: page._panel.title.text() == "part 08.png", timeout=5000)
    said = {label.text() for label in page._panel.findChildren(QLabel)}
    assert {"Defective", "Test", "64 x 48 px, 8 bit colour", "lot 2"} <= said
    assert page._panel.labels["defective"].isChecked() and page._panel.splits["test"].isChecked()


def test_double_click_opens_the_image_in_annotate(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    window, page = opened(project_file)
    heard: list[tuple[str, dict[str, object]]] = []
    page.wanted.disconnect(window.go)
    page.wanted.connect(lambda key, what: heard.append((key, what)))
    page.grid.activated.emit(9)
    assert heard == [("annotate", {"id": 9})] and window.session.current == 9


def test_a_project_for_reading_offers_no_change(qtbot: QtBot, window_maker: WindowMaker, project_file: Path) -> None:
    window = window_maker()
    window.session.open(project_file, read_only=True)
    qtbot.waitUntil(lambda: window.session.is_complete, timeout=10_000)
    window.go("dataset")
    page = cast(DatasetPage, window.page)
    quiet(qtbot, window)
    assert not page.add_button.isEnabled() and not page.clean_button.isEnabled()
    assert not page._panel.labels["good"].isEnabled()


# -- problems


def finding(page: DatasetPage, kind: str) -> QWidget:
    found = page._panel.findings.findChild(QWidget, f"finding {kind}")
    assert isinstance(found, QWidget)
    return found


def test_a_missing_folder_is_the_next_step_and_is_mended(
    qtbot: QtBot, opened: Opened, project_file: Path, tmp_path: Path
) -> None:
    shutil.move(tmp_path / "pictures", tmp_path / "moved")
    window, page = opened(project_file)
    qtbot.waitUntil(lambda: page.next.text() == "Find the images …", timeout=5000)
    assert finding(page, "folder_missing")
    page.mends.relocate(tmp_path / "moved")
    qtbot.waitUntil(lambda: page.next.text() == "Go to Train", timeout=10_000)
    assert window.session.table is not None
    assert window.session.table.path(0).is_file()
    assert page._panel.findings.findings == () or all(
        one.kind != "folder_missing" for one in page._panel.findings.findings
    )


def test_the_wrong_folder_is_refused_in_words(qtbot: QtBot, opened: Opened, project_file: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "pictures", tmp_path / "moved")
    (tmp_path / "other").mkdir()
    window, page = opened(project_file)
    with qtbot.waitSignal(window.session.problem_reported, timeout=5000) as heard:
        page.mends.relocate(tmp_path / "other")
    assert "not the images" in str(heard.args[0])


def test_problems_show_their_images_and_leave_the_list_when_seen(
    qtbot: QtBot, opened: Opened, project_file: Path
) -> None:
    with Project.open(project_file) as project:
        path = project.image(3).path
        project.add_problem(path, "one of the labels is wrong")
    _, page = opened(project_file)
    line = finding(page, "file")
    assert "one of the labels is wrong" in "".join(label.text() for label in line.findChildren(QLabel))
    seen = next(button for button in line.findChildren(QPushButton) if button.text() == "Take off the list")
    qtbot.mouseClick(seen, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: all(one.kind != "file" for one in page._panel.findings.findings), timeout=10_000)


def test_images_of_another_size_are_shown_on_demand(
    qtbot: QtBot, opened: Opened, project_file: Path, tmp_path: Path
) -> None:
    with Project.open(project_file) as project:
        path = tmp_path / "more" / "odd.png"
        save_png(path, np.zeros((90, 90, 3), np.uint8))
        project.add_images([NewImage(path, "chip", width=90, height=90)], root=path.parent)
    _, page = opened(project_file)
    line = finding(page, "sizes_differ")
    show = next(button for button in line.findChildren(QPushButton) if button.text() == "Show")
    qtbot.mouseClick(show, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(page.grid.model) == 1, timeout=5000)
    assert page.filters.chosen.isVisible()
    qtbot.mouseClick(page.filters.chosen, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(page.grid.model) == 15, timeout=5000)


# -- scoring


def test_tomorrows_lot_is_added_scored_and_looked_at(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    window, page = opened(open_sample(tmp_path / "sample"))
    session = window.session
    assert session.project is not None and session.table is not None
    fresh = tmp_path / "monday"
    fresh.mkdir()
    for image_id in session.table.ids[:2].tolist():
        path = session.project.image(image_id).path
        (fresh / path.name).write_bytes(path.read_bytes())
    dialog = AddImages(session, window, folder=fresh)
    dialog.lot_added.connect(page._on_lot_added)
    dialog.open()
    dialog.start()
    qtbot.waitUntil(lambda: page.next.text() == "Score Lot monday", timeout=20_000)
    dialog.accept()
    qtbot.mouseClick(page.next, Qt.MouseButton.LeftButton)
    assert page.strip.isVisible() and "monday" in page.strip.text.text()
    qtbot.waitUntil(lambda: page.strip.look.isVisible(), timeout=90_000)
    assert page.strip.text.text().startswith("2 images scored by training #1")
    qtbot.waitUntil(lambda: page.next.text() == "Look at results", timeout=20_000)
    heard: list[tuple[str, dict[str, object]]] = []
    page.wanted.disconnect(window.go)
    page.wanted.connect(lambda key, what: heard.append((key, what)))
    page.strip.look.click()
    assert heard[0][0] == "review" and heard[0][1]["queue"] == "rejects" and not page.strip.isVisible()


def test_a_scoring_that_cannot_start_says_what_to_do(qtbot: QtBot, opened: Opened, project_file: Path) -> None:
    window, page = opened(project_file)
    page.score("lot 0")
    assert page.strip.bar.isVisible()
    qtbot.waitUntil(page.strip.sign.isVisible)
    assert "No training has a model to score with. Finish a training first." in page.strip.text.text()
    assert not page.strip.bar.isVisible() and not window._banner.isVisible()
    with qtbot.waitSignal(window.session.trainings.scoring_failed):
        qtbot.mouseClick(page.strip.again, Qt.MouseButton.LeftButton)
    window.go("train")
    with qtbot.waitSignal(window.session.trainings.scoring_failed):
        page.score("lot 0")
    assert window._banner.isVisible()  # whoever is elsewhere is told there
    window.go("dataset")
    qtbot.mouseClick(page.strip.close_button, Qt.MouseButton.LeftButton)
    assert not page.strip.isVisible()


# -- cleaning


def test_cleaning_removes_what_is_ticked_and_says_what_it_costs(
    qtbot: QtBot, opened: Opened, project_file: Path
) -> None:
    with Project.open(project_file) as project:
        for run in [project.add_run(product="chip", model="prff", preset="micro") for _ in range(2)]:
            project.update_run(run.id, state="finished")
            for name, size in (
                ("checkpoints/best.safetensors", 300_000),
                ("checkpoints/last.safetensors", 900_000),
                ("model.json", 100),
                ("pictures/0_0_map.png", 50_000),
            ):
                path = run.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x" * size)
        last = [run.folder / "checkpoints" / "last.safetensors" for run in project.runs()]
    window, page = opened(project_file)
    qtbot.waitUntil(lambda: page.grid.model is not None and window.session.background.is_idle, timeout=10_000)
    dialog = CleanUp(window.session, window)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.survey is not None, timeout=10_000)
    assert {heap.key for heap in dialog.chosen()} >= {"1/resume", "2/resume"}
    assert "without any loss" in dialog.headline.text() and not dialog.loss.isVisible()
    model = next(item for item in dialog._leaves() if item.data(0, Qt.ItemDataRole.UserRole) == "1/model")
    model.setCheckState(0, Qt.CheckState.Checked)
    assert "can no longer score" in dialog.loss.text()
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not last[0].exists() and not last[1].exists(), timeout=10_000)
    qtbot.waitUntil(lambda: "freed" in dialog.said.text(), timeout=10_000)
    qtbot.waitUntil(lambda: not any(heap.goes_freely for heap in (dialog.survey.heaps if dialog.survey else ())))
    assert not (last[0].parent / "best.safetensors").exists()
    assert (last[1].parent / "best.safetensors").exists()
    dialog.close()
