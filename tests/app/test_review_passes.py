"""The Review page's passes: what was proposed, scoring again with one click, and maps drawn from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app.commands import Actions
from app.pages.review import ReviewPage
from app.pages.review.state import Wanted
from app.session import Session
from core.evaluation.passes import PassesMeasured, PassesProposal
from core.preprocess import Geometry
from core.project import Project
from core.reconstructions import CropWork, Request, stamp_of, write
from tests.models import make_training
from tests.scored import SIDE, add_scoring, scored_project, spot_map, strip_of_shots

ONCE = PassesMeasured(passes=1, gate=0.5, image_auroc=0.9, pixel_auroc=0.8, good_on=0, defective_on=0, ms=8.0)
TWICE = ONCE.model_copy(update={"passes": 2, "gate": 0.2, "image_auroc": 0.95, "good_on": 2, "ms": 16.0})
SAID = PassesProposal(
    passes=2, gate=0.2, sentence="Two passes above 0.2: why.", images=9, good=16, defective=16, options=(ONCE, TWICE)
)


def proposing(folder: Path) -> Project:
    """The scored project, its training with a proposal and a scoring of one pass beside its own."""
    project = scored_project(folder)
    (run,) = project.runs()
    project.update_run(run.id, figures=dict(run.figures) | {"proposal": SAID.model_dump(mode="json")})
    add_scoring(project, run, strip_of_shots(), purpose="again", passes=1)
    return project


@pytest.fixture
def page(qtbot: QtBot, session: Session, tmp_path: Path) -> Iterator[ReviewPage]:
    """The page on that project, loaded."""
    window = QMainWindow()
    shown = ReviewPage(session, Actions(window), window)
    window.setCentralWidget(shown)
    session.adopt(proposing(tmp_path))
    window.resize(1200, 800)
    window.show()
    shown.enter()
    qtbot.waitUntil(lambda: shown.review.table is not None)
    yield shown
    shown.leave()
    window.close()
    window.deleteLater()


def texts(page: ReviewPage) -> list[str]:
    return [action.text() for action in page.passes.choices.actions()]


def test_the_proposal_comes_first_with_what_it_was_measured_against(page: ReviewPage) -> None:
    assert texts(page) == [
        "Proposed: 2 passes above 0.2 · tuning AUROC 95.0 % of images, 80.0 % of pixels · 16 ms",
        "One pass · tuning AUROC 90.0 % of images, 80.0 % of pixels · 8 ms",
    ]
    assert "Two passes above 0.2: why." in page.passes.toolTip()
    proposed, once = page.passes.choices.actions()
    assert not proposed.isEnabled()  # its training has no model that could score
    assert once.isEnabled() and not once.isChecked()


def test_a_choice_that_was_scored_is_shown(page: ReviewPage, qtbot: QtBot) -> None:
    project = page.session.project
    assert project is not None
    before = len(project.scorings())
    page.passes.choices.actions()[1].trigger()
    qtbot.waitUntil(lambda: page.review.table is not None and page.review.table.passes == 1)
    assert page.passes.choices.actions()[1].isChecked()
    assert len(project.scorings()) == before and len(project.decisions()) == 1


def test_without_a_proposal_a_person_may_still_choose(page: ReviewPage, qtbot: QtBot) -> None:
    project = page.session.project
    assert project is not None
    (run,) = project.runs()
    project.update_run(run.id, figures={})
    page.session.scores_changed.emit()
    qtbot.waitUntil(lambda: texts(page) == ["One pass", "2 passes above 0.5", "3 passes above 0.5"])
    assert [action.isChecked() for action in page.passes.choices.actions()] == [False, True, False]


def test_a_heatmap_that_was_not_kept_is_drawn_from_the_passes(page: ReviewPage, qtbot: QtBot) -> None:
    table, project = page.review.table, page.session.project
    assert table is not None and project is not None
    image = next(row for row in project.images() if row.path.stem == "good 1")
    (project.folder / table.scoring.folder / "heatmaps" / f"{image.id}.png").unlink()
    (table.run.folder / "model.json").write_text("{}")
    pictures = np.full((6, SIDE, SIDE, 3), 100, np.uint8)
    maps = np.stack([spot_map(score) for score in (0.1, 0.45, 0.1, 0.1, 0.1)])
    work = CropWork(Geometry((0, 0, SIDE, SIDE), SIDE), pictures, maps, [0.45] * 5, [0.45] * 5, [0.45] * 5, 2)
    request, stamp = Request(image.id, str(image.path)), stamp_of(table.run.folder)
    write(table.run.folder, request, iter([work]), model=stamp, gate=0.5)
    page.review.reload()
    qtbot.waitUntil(lambda: page.review.table is not None and page.review.table.has_model)
    page.review.show(Wanted(image=image.id))
    qtbot.waitUntil(lambda: page.viewer.left.layer("heatmap") is not None and page.viewer.right.picture is not None)
    contours = page.viewer.left.layer("contours")
    assert contours is not None and contours.extent is not None
    assert contours.extent[0] == pytest.approx(16, abs=1)  # where the spot is


@pytest.mark.slow
def test_one_click_scores_again_as_proposed(page: ReviewPage, qtbot: QtBot) -> None:
    project = page.session.project
    assert project is not None
    (run,) = project.runs()
    make_training(run.folder, f"preprocess.size={SIDE}")
    page.session.scores_changed.emit()
    qtbot.waitUntil(lambda: page.passes.choices.actions()[0].isEnabled())
    with qtbot.waitSignal(page.session.trainings.scored, timeout=120_000):
        page.passes.choices.actions()[0].trigger()
        assert "2 passes above 0.2" in page.scoring.text.text()
    made = project.scorings(run.id)[-1].settings["progressive"]
    assert (made["n"], made["gate"]) == (2, 0.2)
    assert len(project.decisions(run.id)) == 1  # nothing is decided by it
    assert project.run(run.id).figures["proposal"]
