"""The session: opening, walking, labelling with undo, what it refuses."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.session import Session
from core.project import Project
from core.words import LABELS, SPLITS


def opened(qtbot: QtBot, session: Session, path: Path) -> Session:
    session.open(path)
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
    return session


def label_of(session: Session, image_id: int) -> str:
    assert session.table is not None
    return LABELS[session.table.label[session.table.row_of([image_id])[0]]]


def test_a_project_is_read_and_its_place_chosen(qtbot: QtBot, session: Session, project_file: Path) -> None:
    opened(qtbot, session, project_file)
    assert session.table is not None and len(session.table) == 14
    assert (session.product, session.view) == ("chip", "main")
    assert session.can_write


def test_previous_and_next_walk_the_order_and_stop_at_its_ends(
    qtbot: QtBot, session: Session, project_file: Path
) -> None:
    opened(qtbot, session, project_file)
    session.set_order([5, 3, 9], "three")
    assert session.step(1) and session.current == 5
    assert session.step(1) and session.current == 3
    assert session.step(1) and not session.step(1)
    assert session.current == 9 and session.position() == 2
    assert session.step(-1) and session.current == 3


def test_a_label_is_stored_shown_and_undone(qtbot: QtBot, session: Session, project_file: Path) -> None:
    opened(qtbot, session, project_file)
    with qtbot.waitSignal(session.images_changed, timeout=5000) as heard:
        session.label([1, 2], "defective")
    assert heard.args[0] == (1, 2)
    assert label_of(session, 1) == label_of(session, 2) == "defective"
    with qtbot.waitSignal(session.images_changed, timeout=5000) as heard:
        session.undo()
    assert heard.args == [(1, 2)]
    assert label_of(session, 1) == label_of(session, 2) == "good"
    with qtbot.waitSignal(session.images_changed, timeout=5000) as heard:
        session.redo()
    assert heard.args == [(1, 2)]
    assert label_of(session, 1) == "defective"
    session.close()
    qtbot.waitUntil(lambda: session.background.is_idle, timeout=5000)
    with Project.open(project_file) as project:
        assert project.image(1).label == "defective"
        assert project.verify().is_whole


def test_undo_reads_only_the_rows_that_it_touched(qtbot: QtBot, session: Session, project_file: Path) -> None:
    opened(qtbot, session, project_file)
    with qtbot.waitSignal(session.images_changed):
        session.label([3], "defective")
    assert session.table is not None
    names = session.table.names
    with qtbot.waitSignal(session.images_changed) as heard:
        session.undo()
    assert heard.args == [(3,)]
    assert label_of(session, 3) == "good"
    assert session.table.names is names, "the names of all images were read again"


def test_undo_of_a_verdict_tells_of_its_image(qtbot: QtBot, session: Session, project_file: Path) -> None:
    opened(qtbot, session, project_file)
    assert session.project is not None
    session.project.add_verdict(9, "good", score=0.4, threshold=0.3)
    with qtbot.waitSignal(session.images_changed) as heard:
        session.undo()
    assert heard.args == [(9,)]


def test_undo_of_a_class_reads_all_of_it(qtbot: QtBot, session: Session, project_file: Path) -> None:
    opened(qtbot, session, project_file)
    assert session.project is not None
    session.project.add_class("crack")
    with qtbot.waitSignal(session.images_changed) as heard:
        session.undo()
    assert heard.args == [None]


def test_nothing_to_undo_changes_nothing(qtbot: QtBot, session: Session, project_file: Path) -> None:
    opened(qtbot, session, project_file)
    with qtbot.assertNotEmitted(session.images_changed), qtbot.waitSignal(session.said) as heard:
        session.undo()
    assert heard.args == ["There is nothing to undo"]


def test_a_split_moves_the_whole_part(qtbot: QtBot, session: Session, project_file: Path) -> None:
    opened(qtbot, session, project_file)
    with qtbot.waitSignal(session.images_changed, timeout=5000):
        session.split([7], "test")
    assert session.table is not None
    assert SPLITS[session.table.split[session.table.row_of([7])[0]]] == "test"


def test_a_project_that_was_opened_read_only_refuses_in_words(
    qtbot: QtBot, session: Session, project_file: Path
) -> None:
    session.open(project_file, read_only=True)
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
    with qtbot.waitSignal(session.said) as heard:
        session.label([1], "defective")
    assert "reading only" in heard.args[0]


def test_a_project_is_opened_again_at_once(qtbot: QtBot, session: Session, project_file: Path) -> None:
    said: list[object] = []
    session.problem_reported.connect(said.append)
    session.busy_elsewhere.connect(lambda *why: said.append(why))
    for _ in range(5):
        opened(qtbot, session, project_file)
        session.close()
    opened(qtbot, session, project_file)
    assert said == []


def test_opening_another_project_closes_the_first(
    qtbot: QtBot, session: Session, project_file: Path, tmp_path: Path
) -> None:
    opened(qtbot, session, project_file)
    with Project.create(tmp_path / "other", "other") as other:
        file = other.file
    with qtbot.waitSignal(session.opened, timeout=5000):
        session.open(file)
    qtbot.waitUntil(lambda: session.is_complete, timeout=5000)
    assert session.table is not None and len(session.table) == 0
    qtbot.waitUntil(lambda: session.background.is_idle, timeout=5000)
    Project.open(project_file).close()  # the lock was let go
