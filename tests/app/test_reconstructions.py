"""Reconstructions for a page: asked for, computed by a real worker, read again from the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from app.reconstructions import Asked, Reconstructions
from app.session import Session
from core.config import preset
from core.errors import FlawscopeError, ImageError, InputError
from core.project import Project
from core.reconstructions import Reconstruction
from core.workflow import scoring
from core.workflow.scores import read_back
from tests.models import make_training

PATIENCE_MS = 90_000  # a framework is loaded


@pytest.fixture
def opened(session: Session, project_file: Path, qtbot: QtBot) -> Session:
    """The project of a training that has a model, open."""
    with Project.open(project_file) as project:
        run = project.add_run(
            product="chip", view="main", model="prff", config=preset("prff", "micro").model_dump(mode="json")
        )
        make_training(run.folder)
    with qtbot.waitSignal(session.table_loaded, timeout=20_000):
        session.open(project_file)
    return session


@pytest.fixture
def reconstructions(opened: Session) -> Iterator[Reconstructions]:
    made = Reconstructions(opened)
    yield made
    made.close()


def ids(session: Session) -> list[int]:
    assert session.table is not None
    return [int(one) for one in session.table.ids]


def heard(reconstructions: Reconstructions) -> list[tuple[Asked, bool]]:
    """What `began` will say."""
    said: list[tuple[Asked, bool]] = []
    reconstructions.began.connect(lambda *words: said.append(words))
    return said


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "reconstruct" in child.cmdline()]


def test_an_image_comes_with_all_its_passes_and_is_kept(
    reconstructions: Reconstructions, opened: Session, qtbot: QtBot
) -> None:
    image = ids(opened)[0]
    began = heard(reconstructions)
    with qtbot.waitSignal(reconstructions.ready, timeout=PATIENCE_MS) as waited:
        reconstructions.ask(Asked(1, image))
    assert began == [(Asked(1, image), True)]
    assert waited.args is not None
    asked, found = waited.args
    assert asked == Asked(1, image) and isinstance(found, Reconstruction)
    assert len(found.crops) == 1 and len(found.crops[0].passes) == 5 and found.gate == 0.5
    assert len(workers()) == 1
    reconstructions._leaving.setInterval(0)
    reconstructions.rest()
    reconstructions.stay()  # somebody looks again
    qtbot.wait(1)
    assert len(workers()) == 1
    reconstructions.rest()
    qtbot.waitUntil(lambda: workers() == [])
    with qtbot.assertNotEmitted(reconstructions.began), qtbot.waitSignal(reconstructions.ready, timeout=5000) as again:
        reconstructions.ask(Asked(1, image), 2)
    assert again.args is not None and again.args[0] == Asked(1, image)
    assert workers() == []


@pytest.mark.slow
def test_a_second_image_does_not_wait_for_the_model(
    reconstructions: Reconstructions, opened: Session, qtbot: QtBot
) -> None:
    first, second, *_ = ids(opened)
    reconstructions.warm(1)
    with qtbot.waitSignal(reconstructions.ready, timeout=PATIENCE_MS):
        reconstructions.ask(Asked(1, first), 1)
    began = heard(reconstructions)
    with qtbot.waitSignal(reconstructions.ready, timeout=PATIENCE_MS):
        reconstructions.ask(Asked(1, second), 1)
    assert began == [(Asked(1, second), False)]


def test_what_cannot_be_rebuilt_is_an_error_with_its_reason(
    reconstructions: Reconstructions, opened: Session, qtbot: QtBot
) -> None:
    image = ids(opened)[3]
    assert opened.table is not None
    opened.table.path(3).write_bytes(b"torn")
    with qtbot.waitSignal(reconstructions.failed, timeout=PATIENCE_MS) as waited:
        reconstructions.ask(Asked(1, image))
    assert waited.args is not None
    asked, error = waited.args
    assert asked == Asked(1, image) and isinstance(error, ImageError)
    with qtbot.waitSignal(reconstructions.failed, timeout=5000) as waited:
        reconstructions.ask(Asked(99, image))
    assert waited.args is not None and isinstance(waited.args[1], InputError)


def test_a_training_without_a_model_says_so(reconstructions: Reconstructions, opened: Session, qtbot: QtBot) -> None:
    assert opened.project is not None
    (opened.project.run_by_number(1).folder / "model.json").unlink()
    with qtbot.waitSignal(reconstructions.failed, timeout=PATIENCE_MS) as waited:
        reconstructions.ask(Asked(1, ids(opened)[0]))
    assert waited.args is not None and isinstance(waited.args[1], FlawscopeError)
    assert "no model yet" in str(waited.args[1])


def rebuilt(reconstructions: Reconstructions, qtbot: QtBot, asked: Asked) -> Reconstruction:
    with qtbot.waitSignal(reconstructions.ready, timeout=PATIENCE_MS) as waited:
        reconstructions.ask(asked)
    assert waited.args is not None and waited.args[0] == asked
    found = waited.args[1]
    assert isinstance(found, Reconstruction)
    return found


@pytest.mark.slow
def test_passes_agree_with_the_scoring_that_is_looked_at(
    reconstructions: Reconstructions, opened: Session, qtbot: QtBot
) -> None:
    project = opened.project
    assert project is not None
    make_training(project.run_by_number(1).folder, stir=0.1)
    first, second = ids(opened)[7:9]  # both in test
    firsts = {one: rebuilt(reconstructions, qtbot, Asked(1, one)).crops[0].passes[0].first for one in (first, second)}
    low, high = sorted(firsts, key=lambda one: firsts[one])
    gate = (firsts[low] + firsts[high]) / 2
    job = scoring.start(project, 1, scoring.Wish(passes=3, gate=gate, taps="last", score_from="max"))
    assert job.following.wait(PATIENCE_MS / 1000) == "finished"
    made = read_back(project, job.run, job.name, purpose=job.purpose)
    for image, passes in ((low, 1), (high, 3)):
        (stored,) = project.scores(made, scope="crop", image_ids=[image])
        found = rebuilt(reconstructions, qtbot, Asked(1, image, made))
        crop = found.crops[0]
        assert found.gate == pytest.approx(gate) and crop.judged == stored.passes == passes
        assert stored.gated == crop.passes[0].goes_on == (passes > 1)
        assert crop.passes[crop.judged - 1].score == pytest.approx(stored.score, abs=1e-5)
        assert crop.passes[crop.judged - 1].peak == pytest.approx(stored.peak, abs=1e-5)
    own, other = (rebuilt(reconstructions, qtbot, Asked(1, high, which)).crops[0] for which in (None, made))
    assert own.judged == (2 if firsts[high] > 0.5 else 1)
    assert [one.score for one in own.passes] != [one.score for one in other.passes]
    with qtbot.waitSignal(reconstructions.failed) as waited:
        reconstructions.ask(Asked(1, high, 99))
    assert waited.args is not None and isinstance(waited.args[1], InputError)


@pytest.mark.slow
def test_closing_the_project_ends_the_workers(reconstructions: Reconstructions, opened: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(reconstructions.began, timeout=PATIENCE_MS):
        reconstructions.ask(Asked(1, ids(opened)[0]))
    assert workers()
    opened.close()
    assert workers() == []
