"""The Review page with a real project: queue, threshold, counts, verdicts by key, reconstructions, what is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from app.commands import Actions
from app.pages.review import ReviewPage
from app.pages.review.feeding import FeedingDialog
from app.pages.review.nearest import Found
from app.session import Session
from core import reconstructions
from core.imaging import decode, save_png
from core.preprocess import Geometry
from core.project import Project
from core.reconstructions import CropWork, Request
from core.workflow import review as reviewing
from core.workflow.nearest import Nearest, Sample
from core.workflow.scoring import Wish
from tests.app.conftest import WindowMaker
from tests.scored import SIDE, Shot, add_scoring, make_project, scored_project, strip_of_shots

Opener = Callable[..., ReviewPage]


@pytest.fixture
def opener(qtbot: QtBot, session: Session, tmp_path: Path) -> Iterator[Opener]:
    """Opens the page on a project, in a window of its own."""
    pages: list[tuple[ReviewPage, QMainWindow]] = []

    def show(project: Project) -> ReviewPage:
        window = QMainWindow()
        actions = Actions(window)
        page = ReviewPage(session, actions, window)
        window.setCentralWidget(page)
        window.resize(1200, 800)
        session.adopt(project)
        inspector = page.inspector()
        assert inspector is not None
        inspector.setParent(window)
        window.show()
        qtbot.waitExposed(window)
        page.enter()
        pages.append((page, window))
        return page

    yield show
    for page, window in pages:
        page.leave()
        window.close()
        window.deleteLater()


@pytest.fixture
def page(opener: Opener, tmp_path: Path, qtbot: QtBot) -> ReviewPage:
    """The page on the project of `strip_of_shots`, loaded."""
    shown = opener(scored_project(tmp_path))
    qtbot.waitUntil(lambda: shown.review.row is not None and shown.viewer.left.picture is not None)
    return shown


def name(page: ReviewPage) -> str:
    """The image on screen."""
    assert page.review.row is not None
    return page.queue.model.name(page.review.row)


def number(page: ReviewPage, tile: int) -> str:
    """What a tile says: 0 false rejects, 1 escapes, 2 defective rejected, 3 good passed."""
    count = page.panel.counts.tiles[tile].count
    assert count is not None
    return count.number


def test_the_worst_false_reject_is_shown_first_with_its_reason(page: ReviewPage, qtbot: QtBot) -> None:
    assert name(page) == "good 2.png"
    assert [number(page, tile) for tile in range(4)] == ["2", "1", "2", "2"]
    qtbot.waitUntil(lambda: page.viewer.left.layer("contours") is not None)
    contours, heat = page.viewer.left.layer("contours"), page.viewer.left.layer("heatmap")
    assert contours is not None and contours.extent is not None
    assert contours.extent[0] == pytest.approx(16, abs=1)
    assert heat is not None
    assert page._inspector is not None
    assert page._inspector.score.text() == "0.6000"
    assert page._inspector.judgement.text() == "Reject"
    assert "above the threshold" in page._inspector.margin.text()
    assert "0.6000 > 0.5" in page._inspector.more.text()
    assert page.session.order.size == 2


def test_what_else_was_measured_stands_beside_the_curve(page: ReviewPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "Accuracy" in page.panel.image_words.toolTip())
    lines = page.panel.image_words.toolTip().splitlines()
    assert "Accuracy at the threshold of tuning images: 57.1 % (4/7)" in lines
    assert any(line.startswith("Best accuracy, optimistic: ") for line in lines)
    assert any(line.startswith("AUPRO 30 %: ") for line in page.panel.pixel_words.toolTip().splitlines())


def test_letters_give_verdicts_and_move_on(page: ReviewPage, qtbot: QtBot) -> None:
    project = page.session.project
    assert project is not None
    page.queue.list.setFocus()
    with qtbot.waitSignal(page.session.saved):
        qtbot.keyClick(page.queue.list, Qt.Key.Key_J)
    assert name(page) == "good 1.png"
    with qtbot.waitSignal(page.session.saved):
        qtbot.keyClick(page.queue.list, Qt.Key.Key_L)
    assert [one.verdict for one in project.verdicts()] == ["good", "unsure"]
    assert project.verdicts()[0].threshold == pytest.approx(0.30)
    assert page.review.reviewed() == (2, 2)
    assert "2 reviewed" in page.queue.progress.text()


@pytest.mark.parametrize("where", ["line", "tile", "queue", "back", "strip", "value", "button"])
def test_letters_act_after_a_click_anywhere(page: ReviewPage, qtbot: QtBot, where: str) -> None:
    project, panel, left = page.session.project, page.panel, Qt.MouseButton.LeftButton
    assert project is not None and page._inspector is not None
    qtbot.mouseClick(panel.histogram, left, pos=QPoint(panel.histogram.width() // 3, 60))
    if where == "tile":
        qtbot.mouseClick(panel.counts.tiles[0], left)
    elif where == "queue":
        qtbot.mouseClick(page.queue.kind, left)
        qtbot.waitUntil(lambda: page.queue.kind.view().isVisible())
        qtbot.keyClick(page.queue.kind.view(), Qt.Key.Key_Return)
    elif where == "back":
        qtbot.mouseClick(panel.back, left)
    elif where == "strip":
        qtbot.mouseClick(page.viewer.strip, left)
    elif where == "value":
        panel.value.setFocus()
        panel.value.selectAll()
        qtbot.keyClicks(panel.value, "0.2")
        qtbot.keyClick(panel.value, Qt.Key.Key_Return)
    elif where == "button":
        with qtbot.waitSignal(page.session.saved):
            qtbot.mouseClick(page._inspector.buttons["good"], left)
    given = len(project.verdicts())
    with qtbot.waitSignal(page.session.saved):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_K)
    assert len(project.verdicts()) == given + 1


def test_arrows_move_the_threshold_while_the_histogram_has_the_focus(page: ReviewPage, qtbot: QtBot) -> None:
    shown, before = name(page), page.review.threshold
    page.panel.histogram.setFocus()
    qtbot.keyClick(page.panel.histogram, Qt.Key.Key_Right)
    assert page.review.threshold > before and name(page) == shown


def test_keys_act_as_soon_as_the_page_is_there(window_maker: WindowMaker, tmp_path: Path, qtbot: QtBot) -> None:
    with scored_project(tmp_path) as project:
        file = project.file
    window = window_maker()
    window.activateWindow()
    window.open_path(file)
    qtbot.waitUntil(lambda: window.session.project is not None)
    window.go("review")
    page = window.page
    assert isinstance(page, ReviewPage)
    qtbot.waitUntil(lambda: page.review.row is not None and not page.morning.isHidden())
    qtbot.waitUntil(lambda: page.viewer.left.hasFocus())
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_J)
    assert page.review.reviewed() == (1, 2)
    window.go("start")
    window.go("review")
    assert page.viewer.left.hasFocus()


def test_an_undone_verdict_is_shown_again(page: ReviewPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.session.saved):
        page.review.give_verdict("defective")
    assert name(page) == "good 1.png"
    page.session.undo()
    qtbot.waitUntil(lambda: name(page) == "good 2.png")
    assert page.review.reviewed() == (0, 2)


def test_dragging_the_line_moves_counts_at_once_and_the_queue_after(page: ReviewPage, qtbot: QtBot) -> None:
    histogram = page.panel.histogram
    y = histogram.height() // 2

    def at(score: float) -> QPoint:
        return QPoint(round(histogram.x_of(score)), y)

    qtbot.mousePress(histogram, Qt.MouseButton.LeftButton, pos=at(0.30))
    qtbot.mouseMove(histogram, at(0.5))
    assert number(page, 0) == "1"
    qtbot.mouseMove(histogram, at(0.65))
    qtbot.mouseRelease(histogram, Qt.MouseButton.LeftButton, pos=at(0.65))
    assert [number(page, tile) for tile in range(4)] == ["0", "1", "2", "4"]
    assert page.review.rows.size == 0
    assert name(page) == "good 2.png"  # what is on screen stays there
    assert not page.panel.badge.isHidden()
    assert page.panel.keep.isEnabled()
    qtbot.mouseClick(page.panel.keep, Qt.MouseButton.LeftButton)
    project = page.session.project
    assert project is not None
    qtbot.waitUntil(lambda: len(project.decisions()) == 2)
    kept = project.decisions()[-1]
    assert kept.optimistic
    assert kept.threshold == pytest.approx(0.65, abs=0.01)
    qtbot.waitUntil(lambda: not page.panel.keep.isEnabled())
    assert "version 2" in page.panel.source.text()


def test_arrow_keys_go_from_score_to_score(page: ReviewPage, qtbot: QtBot) -> None:
    page.panel.histogram.setFocus()
    qtbot.keyClick(page.panel.histogram, Qt.Key.Key_Right)
    assert number(page, 0) == "1"
    qtbot.keyClick(page.panel.histogram, Qt.Key.Key_Left)
    assert number(page, 0) == "2"


def test_a_count_opens_its_queue(page: ReviewPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.panel.counts.tiles[1], Qt.MouseButton.LeftButton)
    assert page.review.kind == "escapes"
    assert name(page) == "scratch 1.png"
    assert page.queue.kind.currentData() == "escapes"
    page.review.set_threshold(0.05)
    page.review.set_kind("escapes")
    assert page.review.row is None
    assert page.viewer.left.shows_notice == "No escapes"


def test_typing_a_threshold_gives_no_verdict(page: ReviewPage, qtbot: QtBot) -> None:
    page.panel.value.setFocus()
    qtbot.keyClick(page.panel.value, Qt.Key.Key_J)
    qtbot.keyClick(page.panel.value, Qt.Key.Key_D)
    assert page.review.reviewed()[0] == 0
    assert name(page) == "good 2.png"


def test_the_roc_point_follows_and_a_click_moves_the_threshold(page: ReviewPage, qtbot: QtBot) -> None:
    table = page.review.table
    assert table is not None
    assert "AUROC" in page.panel.image_words.text()
    chart = page.panel.roc
    found = table.roc("test")
    assert isinstance(found, reviewing.RocView)
    plot = chart._plot()
    place = 3
    x = plot.left() + found.curve.fpr[place] * plot.width()
    y = plot.bottom() - found.curve.tpr[place] * plot.height()
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
    assert page.review.threshold == pytest.approx(found.curve.thresholds[place])


def test_good_outside_test_is_offered_and_moves_when_asked(opener: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    shots = [*strip_of_shots(), Shot("new", "unlabelled", "unused", 0.8)]
    project = scored_project(tmp_path, shots)
    add_scoring(project, project.runs()[0], shots[-1:], purpose="lot")
    page = opener(project)
    qtbot.waitUntil(lambda: page.training.count() == 2)
    page.training.setCurrentIndex(0)
    page.training.activated.emit(0)
    qtbot.waitUntil(lambda: page.review.row is not None and name(page) == "new.png")
    assert page.panel.counts.tiles[0].count is not None
    assert page.panel.counts.tiles[0].count.kind == "rejects"
    page.review.give_verdict("good")
    panel = page._inspector
    assert panel is not None
    qtbot.waitUntil(lambda: not panel.decide.isHidden())
    dialog = FeedingDialog(page.session, "nut", "main", page)
    qtbot.waitUntil(lambda: dialog.list.count() == 1)
    qtbot.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: [row.split for row in project.images() if row.path.stem == "new"] == ["train"])
    qtbot.waitUntil(panel.decide.isHidden)


def test_passes_of_a_reconstruction_are_shown_one_by_one(page: ReviewPage, qtbot: QtBot) -> None:
    table, project = page.review.table, page.session.project
    assert table is not None and project is not None and page.review.row is not None
    image_id, _ = table.place(page.review.row)
    _write_passes(table.run.folder, project.image(image_id).path, image_id)
    page.review.reload()
    qtbot.waitUntil(lambda: page.review.table is not None and page.review.table.has_model)
    page.viewer.beside._on_dwelt()
    qtbot.waitUntil(lambda: page.viewer.right.picture is not None)
    assert page.viewer.strip.selected == (2, "picture")
    assert "Pass 2, judged" in page.viewer.beside.word.text()
    page.viewer.strip.setFocus()
    qtbot.keyClick(page.viewer.strip, Qt.Key.Key_Comma)
    qtbot.waitUntil(lambda: "Pass 1" in page.viewer.beside.word.text())
    assert page.viewer.left.extent == page.viewer.right.extent


def _write_passes(folder: Path, path: Path, image_id: int) -> None:
    (folder / "model.json").write_text("{}")
    pictures = np.full((6, SIDE, SIDE, 3), 100, np.uint8)
    maps = np.zeros((5, SIDE, SIDE), np.uint16)
    scores = [0.5 + 0.02 * one for one in range(5)]
    work = CropWork(Geometry((0, 0, SIDE, SIDE), SIDE), pictures, maps, scores, scores, scores, 2)
    request = Request(image_id, str(path))
    reconstructions.write(folder, request, iter([work]), model=reconstructions.stamp_of(folder), gate=0.5)


def with_twin(folder: Path) -> Project:
    """Good training images, one of which looks like the worst false reject."""
    shots = [*strip_of_shots(), *(Shot(one, "good", "train", 0.1) for one in ("other", "twin", "third"))]
    project = scored_project(folder, shots)
    worst = decode(folder / "pictures" / "good 2.png").astype(np.int16)
    save_png(folder / "pictures" / "twin.png", np.asarray(np.clip(worst // 2 + 40, 0, 255), np.uint8))
    return project


def test_the_nearest_good_image_is_one_click_away(opener: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    page = opener(with_twin(tmp_path))
    qtbot.waitUntil(lambda: page.review.row is not None)
    assert page._inspector is not None and page.session.table is not None
    button, table, beside = page._inspector.nearest, page.session.table, page.viewer.beside
    qtbot.waitUntil(lambda: not button.isHidden() and not button.icon().isNull())
    assert table.names[int(table.row_of([button.image_id or 0])[0])] == "twin.png"
    assert "The most similar of 3 good training images of this view" in button.toolTip()
    page.viewer._set_mode("single")
    button.click()
    qtbot.waitUntil(lambda: beside.canvas.picture is not None)
    assert page.viewer.mode == "side" and beside.word.text() == "Nearest good image · twin.png"
    qtbot.waitUntil(lambda: beside.canvas.layer("contours") is not None)
    button.click()
    assert beside.word.text() == "Reconstruction" and beside.canvas.picture is None
    button.click()
    qtbot.waitUntil(lambda: beside.canvas.picture is not None)
    page.review.step(1)
    assert beside.canvas.picture is None and not button.isChecked() and button.isHidden()
    qtbot.waitUntil(lambda: not button.isHidden())
    page.session.label(page.session.table.ids[-3:].tolist(), "unlabelled")
    qtbot.waitUntil(button.isHidden)


def test_a_pass_that_is_chosen_takes_the_place_of_the_good_image(opener: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    project = with_twin(tmp_path)
    worst = next(row for row in project.images() if row.path.stem == "good 2")
    _write_passes(project.runs()[0].folder, worst.path, worst.id)
    page = opener(project)
    assert page._inspector is not None
    button, beside = page._inspector.nearest, page.viewer.beside
    qtbot.waitUntil(lambda: not button.isHidden() and "judged" in beside.word.text())
    button.click()
    qtbot.waitUntil(lambda: "twin.png" in beside.word.text())
    page.viewer.strip.step(-1)
    qtbot.waitUntil(lambda: "Pass 1" in beside.word.text())
    assert not button.isChecked()


def test_a_sample_of_very_many_good_images_says_so(opener: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    page = opener(with_twin(tmp_path))
    assert page._inspector is not None
    button = page._inspector.nearest
    qtbot.waitUntil(lambda: not button.isHidden() and page.review.unit is not None)
    assert page.review.unit is not None and button.image_id is not None
    many = Sample(np.arange(2000), 180_000)
    page.nearest.found.emit(Found(page.review.unit.image_id, Nearest(button.image_id, 0.91, 640), many, False))
    assert "640 good training images so far" in button.toolTip()
    assert "Of 180,000 good training images 2,000 are compared" in button.toolTip()


def test_v_compares_in_three_ways(page: ReviewPage, qtbot: QtBot) -> None:
    seen = {page.viewer.mode}
    page.viewer.left.setFocus()
    for _ in range(2):
        qtbot.keyClick(page.viewer.left, Qt.Key.Key_V)
        seen.add(page.viewer.mode)
    assert seen == {"single", "side", "blink"}


def test_holding_h_over_the_list_shows_the_heat(page: ReviewPage, qtbot: QtBot) -> None:
    canvas = page.viewer.left
    page.queue.list.setFocus()
    qtbot.keyPress(page.queue.list, Qt.Key.Key_H)
    assert canvas._held.shows_heat and page.viewer.right._held.shows_heat
    qtbot.keyRelease(page.queue.list, Qt.Key.Key_H)
    assert not canvas._held.shows_heat and not page.viewer.right._held.shows_heat
    page.viewer.bar.heat.click()
    assert canvas.is_heat_pinned
    assert page.viewer.right.is_heat_pinned


def test_the_status_line_says_what_lies_under_the_cursor(page: ReviewPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page.viewer.left.layer("heatmap") is not None)
    with qtbot.waitSignal(page.placed) as said:
        page.viewer.left.cursor_moved.emit(20, 25, (1, 2, 3))
    assert "20, 25 · 1 2 3 · map 0.6" in said.args[0]


def test_nothing_to_review_leads_to_training(opener: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    page = opener(make_project(tmp_path, strip_of_shots()))
    qtbot.waitUntil(lambda: not page.review.is_loading)
    assert page._stack.currentIndex() == 0
    with qtbot.waitSignal(page.wanted) as asked:
        qtbot.mouseClick(page._train, Qt.MouseButton.LeftButton)
    assert asked.args == ["train", {}]


def test_a_scoring_that_fails_says_so_above_the_queue(page: ReviewPage, qtbot: QtBot) -> None:
    assert page.scoring.isHidden()
    with qtbot.waitSignal(page.session.trainings.scoring_failed) as heard:
        page.session.trainings.score(1, Wish(splits=("test",)))
    assert heard.args[0] == 1
    assert page.scoring.sign.isVisible() and not page.scoring.again.isVisible()
    words = page.scoring.text.text()
    assert "Training #1 has no model to score with. Finish a training first." in words
    qtbot.mouseClick(page.scoring.close_button, Qt.MouseButton.LeftButton)
    assert page.scoring.isHidden()


def test_the_morning_leads_to_the_worst_false_reject(page: ReviewPage, qtbot: QtBot) -> None:
    page.review.set_kind("caught")
    qtbot.waitUntil(lambda: not page.morning.isHidden())
    page.morning.chosen.emit({"training": 1, "queue": "false_rejects"})
    qtbot.waitUntil(lambda: page.review.kind == "false_rejects" and name(page) == "good 2.png")
    page.morning.dismiss()
    assert page.morning.isHidden()
    page.morning._asked_for = ""
    with qtbot.waitSignal(page.morning.found) as found:
        page.morning.look()
    assert found.args == [0]


def test_changed_labels_make_the_figures_out_of_date_until_measured_again(page: ReviewPage, qtbot: QtBot) -> None:
    table = page.review.table
    assert table is not None
    assert page.stale.isHidden()
    image_id, _ = table.place(int(page.review.rows[0]))
    page.session.label([image_id], "defective")
    qtbot.waitUntil(lambda: not page.stale.isHidden())
    assert number(page, 0) == "1"
    qtbot.mouseClick(page.measure, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.stale.isHidden, timeout=15_000)


def test_a_project_that_is_only_read_takes_no_verdict(opener: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    with scored_project(tmp_path) as project:
        file = project.file
    page = opener(Project.open(file, read_only=True))
    qtbot.waitUntil(lambda: page.review.row is not None)
    assert page._inspector is not None
    assert not page._inspector.buttons["good"].isEnabled()
    with qtbot.waitSignal(page.session.said):
        page.review.give_verdict("good")
    assert page.review.reviewed()[0] == 0


def test_another_scope_counts_other_images(page: ReviewPage, qtbot: QtBot) -> None:
    page.review.set_scope("tuning")
    qtbot.waitUntil(lambda: page.review.scope == "tuning")
    assert number(page, 3) == "3"
    assert not page.review.is_optimistic


def test_leaving_the_page_unbinds_its_keys(page: ReviewPage, qtbot: QtBot) -> None:
    page.leave()
    assert not page.actions_table.action("label.good").isEnabled()
    page.enter()
    assert page.actions_table.action("label.good").isEnabled()
