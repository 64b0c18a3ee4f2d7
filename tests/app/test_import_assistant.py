"""From a folder to an open project, with a mouse and a keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.dialogs.add_images import AddImages
from app.dialogs.import_assistant import ImportAssistant
from app.session import Session
from core.imaging import save_png
from core.project import Project
from core.workflow.importing import Choice, import_folder

Assistant = Callable[[Path], ImportAssistant]


def fill(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        rng = np.random.default_rng(number)
        save_png(root / name, rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    return root


@pytest.fixture
def nut(tmp_path: Path) -> Path:
    """Good and bad parts of two lots, photographed by two cameras."""
    good = [f"good/lot{lot}_p{part}_cam{cam}.png" for lot in (1, 2) for part in range(6) for cam in (1, 2)]
    return fill(tmp_path / "nut", *good, "bad/lot2_p9_cam1.png", "bad/lot2_p9_cam2.png")


@pytest.fixture
def assistant(qtbot: QtBot, session: Session, tmp_path: Path) -> Assistant:
    """Opens the assistant on a folder; projects go below tmp_path/projects."""
    session.memory.remember("projects folder", str(tmp_path / "projects"))

    def make(folder: Path) -> ImportAssistant:
        dialog = ImportAssistant(session, folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.open()
        return dialog

    return make


def looked(qtbot: QtBot, dialog: ImportAssistant) -> ImportAssistant:
    qtbot.waitUntil(lambda: dialog.go.isVisible() and dialog.go.isEnabled(), timeout=10_000)
    return dialog


def test_a_folder_is_said_in_one_sentence_and_imported_with_one_click(
    qtbot: QtBot, session: Session, assistant: Assistant, nut: Path, tmp_path: Path
) -> None:
    dialog = looked(qtbot, assistant(nut))
    assert dialog.title.text().startswith("Folders of good and bad: 1 product, 24 good, 2 defective images")
    assert dialog.go.text() == "Import 26 images"
    assert dialog.form.place() == tmp_path / "projects" / "nut"
    qtbot.waitUntil(lambda: bool(dialog.pictures.pictures) and all(one.is_shown for one in dialog.pictures.pictures))
    with qtbot.waitSignal(session.opened, timeout=30_000):
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert session.project is not None and session.project.name == "nut"
    assert not dialog.isVisible()
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
    assert session.table is not None and len(session.table) == 26


def test_enter_imports(qtbot: QtBot, session: Session, assistant: Assistant, nut: Path) -> None:
    dialog = looked(qtbot, assistant(nut))
    with qtbot.waitSignal(session.opened, timeout=30_000):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)


def test_a_wrong_guess_is_mended_in_the_form(
    qtbot: QtBot, session: Session, assistant: Assistant, nut: Path, tmp_path: Path
) -> None:
    dialog = looked(qtbot, assistant(nut))
    dialog.form.kind.setCurrentIndex(dialog.form.kind.findData("nested"))
    qtbot.waitUntil(lambda: "unlabelled" in dialog.title.text(), timeout=10_000)
    assert dialog.form.good.isVisible()
    dialog.form.good.click()
    qtbot.waitUntil(lambda: dialog.pictures.pictures[0].path.exists() and "label them" in dialog.notes.text())
    dialog.form.product.clear()
    qtbot.keyClicks(dialog.form.product, "washer")
    with qtbot.waitSignal(session.opened, timeout=30_000):
        qtbot.waitUntil(lambda: dialog.preview is not None and dialog.preview.recognition.products == ("washer",))
        dialog.go.click()
    assert session.project is not None
    assert {row.label for row in session.project.images()} == {"good"}
    assert [one.code for one in session.project.products()] == ["washer"]


def test_a_kind_that_does_not_fit_is_said_beside_its_field_and_nothing_is_lost(
    qtbot: QtBot, assistant: Assistant, nut: Path
) -> None:
    dialog = looked(qtbot, assistant(nut))
    dialog.form.kind.setCurrentIndex(dialog.form.kind.findData("flat"))
    qtbot.waitUntil(lambda: bool(dialog.form.problem()), timeout=10_000)
    assert not dialog.go.isEnabled()
    assert dialog.pictures.isVisible()
    dialog.form.kind.setCurrentIndex(0)
    looked(qtbot, dialog)
    assert dialog.form.problem() == ""


def test_patterns_show_what_they_find_while_they_are_typed(
    qtbot: QtBot, session: Session, assistant: Assistant, nut: Path
) -> None:
    dialog = looked(qtbot, assistant(nut))
    form = dialog.form
    form.more.click()
    form.patterns["lot"].ways.setCurrentIndex(3)
    assert "lot1</b>" in form.patterns["lot"].example.text()
    part = form.patterns["part"]
    part.ways.setCurrentIndex(part.ways.count() - 1)
    part.own.clear()
    qtbot.keyClicks(part.own, "_(p")
    assert "regular expression" in part.example.text() and part.pattern() is None
    qtbot.waitUntil(lambda: not dialog.go.isEnabled(), timeout=5000)
    qtbot.keyClicks(part.own, r"\d)")
    assert "p9</b>" in part.example.text()
    view = form.patterns["view"]
    view.ways.setCurrentIndex(1)
    qtbot.waitUntil(lambda: dialog.preview is not None and dialog.preview.views == ("cam1", "cam2"), timeout=10_000)
    looked(qtbot, dialog)
    with qtbot.waitSignal(session.opened, timeout=30_000):
        dialog.go.click()
    assert session.project is not None
    assert len(list(session.project.views())) == 2
    assert {row.lot for row in session.project.images()} == {"lot1", "lot2"}


@pytest.mark.parametrize(("name", "said"), [("empty", "There are no images"), ("absent", "not there")])
def test_a_folder_without_images_says_so_and_offers_another(
    qtbot: QtBot, assistant: Assistant, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    dialog = assistant(tmp_path / name)
    qtbot.waitUntil(lambda: dialog.trouble.isVisible(), timeout=10_000)
    assert dialog.title.text() == "Nothing to import here"
    assert said in dialog.trouble._title.text()
    assert not dialog.go.isVisible() and dialog.trouble.button.isVisible()


def test_an_unreadable_picture_does_not_stop_the_others(
    qtbot: QtBot, session: Session, assistant: Assistant, nut: Path
) -> None:
    (nut / "good" / "lot1_p0_cam1.png").write_bytes(b"not a picture")
    dialog = looked(qtbot, assistant(nut))
    qtbot.waitUntil(lambda: bool(dialog.pictures.pictures) and all(one.is_shown for one in dialog.pictures.pictures))
    with qtbot.waitSignal(session.opened, timeout=30_000):
        dialog.go.click()
    assert session.project is not None
    assert len(session.project.images_with_problem(10)) == 1


def test_a_place_that_cannot_be_is_said_before_anything_is_tried(
    qtbot: QtBot, assistant: Assistant, nut: Path, tmp_path: Path
) -> None:
    dialog = looked(qtbot, assistant(nut))
    dialog.form.where.setText(str(nut / "project"))
    assert not dialog.go.isEnabled() and "folder of images" in dialog.form.place_problem()
    dialog.form.where.setText(str(tmp_path / "elsewhere"))
    assert dialog.go.isEnabled()


def test_a_cancelled_import_leaves_nothing(
    qtbot: QtBot, session: Session, assistant: Assistant, tmp_path: Path
) -> None:
    root = fill(tmp_path / "many", *(f"good/{n}.png" for n in range(400)))
    dialog = looked(qtbot, assistant(root))
    place = dialog.form.place()
    dialog.go.click()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: dialog.go.isVisible(), timeout=20_000)
    assert "Cancelled" in dialog.hint.text()
    assert not place.exists() and session.project is None
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_another_folder_begins_anew(qtbot: QtBot, assistant: Assistant, nut: Path, tmp_path: Path) -> None:
    dialog = looked(qtbot, assistant(nut))
    dialog.form.kind.setCurrentIndex(dialog.form.kind.findData("good_bad"))
    dialog._on_folder_chosen(fill(tmp_path / "plain", "1.png", "2.png"))
    qtbot.waitUntil(lambda: dialog.title.text() == "One folder of 2 unlabelled images", timeout=10_000)
    assert dialog.form.place().name == "plain"


# -- adding to a project that is open


@pytest.fixture
def opened(qtbot: QtBot, session: Session, nut: Path, tmp_path: Path) -> Session:
    import_folder(nut, tmp_path / "project", Choice(lot_pattern=r"(lot\d+)"))
    session.open(tmp_path / "project")
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
    return session


def test_new_images_in_the_projects_own_folder_come_in(qtbot: QtBot, opened: Session, nut: Path) -> None:
    fill(nut, "good/lot3_p0_cam1.png")
    (nut / "good" / "lot1_p0_cam1.png").unlink()
    dialog = AddImages(opened)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.open()
    qtbot.waitUntil(lambda: str(nut) in dialog.roots.text(), timeout=5000)
    with qtbot.waitSignal(dialog.added, timeout=20_000):
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert dialog.headline.text() == "1 new, 1 gone"
    qtbot.waitUntil(lambda: opened.table is not None and len(opened.table) == 27, timeout=10_000)
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


def test_another_folder_becomes_a_lot_of_its_own(qtbot: QtBot, opened: Session, tmp_path: Path) -> None:
    fresh = fill(tmp_path / "monday", "a.png", "b.png")
    dialog = AddImages(opened, folder=fresh)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.open()
    assert dialog.lot.text() == "monday" and dialog.product.currentText() == "nut"
    with qtbot.waitSignal(dialog.lot_added, timeout=20_000) as heard:
        dialog.go.click()
    assert heard.args == ["monday"]
    qtbot.waitUntil(lambda: opened.table is not None and "monday" in opened.table.lots, timeout=10_000)
    dialog.close()


def test_a_folder_that_cannot_be_added_says_why(qtbot: QtBot, opened: Session, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    dialog = AddImages(opened, folder=tmp_path / "empty")
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.open()
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.trouble.isVisible(), timeout=10_000)
    assert "no images" in dialog.trouble.text()
    dialog.close()


def test_closing_the_project_ends_what_is_being_added(qtbot: QtBot, opened: Session, tmp_path: Path) -> None:
    fresh = fill(tmp_path / "many", *(f"{n}.png" for n in range(300)))
    dialog = AddImages(opened, folder=fresh)
    dialog.open()
    dialog.start()
    file = opened.project.file if opened.project else Path()
    opened.close()
    qtbot.waitUntil(lambda: opened.background.is_idle, timeout=20_000)
    dialog.close()
    with Project.open(file) as project:
        assert project.verify().is_whole


def test_adding_is_cancelled_by_the_cross_and_the_dialog_waits_for_its_end(
    qtbot: QtBot, opened: Session, tmp_path: Path
) -> None:
    fresh = fill(tmp_path / "many", *(f"{n}.png" for n in range(400)))
    dialog = AddImages(opened, folder=fresh)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.open()
    dialog.start()
    assert not dialog.close() and dialog.isVisible()
    qtbot.waitUntil(lambda: dialog.trouble.isVisible(), timeout=20_000)
    assert "Cancelled" in dialog.trouble.text() and not dialog.is_working
    assert dialog.close() and not dialog.isVisible()


def test_the_cross_cancels_an_import_too(qtbot: QtBot, session: Session, assistant: Assistant, tmp_path: Path) -> None:
    root = fill(tmp_path / "many", *(f"good/{n}.png" for n in range(400)))
    dialog = looked(qtbot, assistant(root))
    dialog.go.click()
    assert not dialog.close() and dialog.isVisible()
    qtbot.waitUntil(lambda: dialog.go.isVisible(), timeout=20_000)
    assert "Cancelled" in dialog.hint.text() and session.project is None
    assert dialog.close() and not dialog.isVisible()


def test_a_project_of_the_same_folder_is_named_and_can_be_opened(
    qtbot: QtBot, session: Session, assistant: Assistant, nut: Path, tmp_path: Path
) -> None:
    import_folder(nut, tmp_path / "projects" / "nut", Choice())
    dialog = looked(qtbot, assistant(nut))
    qtbot.waitUntil(lambda: dialog.there.isVisible())
    assert "a project of this folder already: nut" in dialog.there_words.text()
    assert dialog.form.where.toolTip() == str(tmp_path / "projects" / "nut 2")
    with qtbot.waitSignal(dialog.open_wanted) as wanted:
        qtbot.mouseClick(dialog.there_open, Qt.MouseButton.LeftButton)
    assert wanted.args == [tmp_path / "projects" / "nut" / "nut.flawscope"]
    assert not dialog.isVisible()


def test_a_folder_without_a_project_says_nothing_of_one(
    qtbot: QtBot, session: Session, assistant: Assistant, nut: Path, tmp_path: Path
) -> None:
    import_folder(fill(tmp_path / "bolt", "good/0.png"), tmp_path / "projects" / "bolt", Choice())
    dialog = looked(qtbot, assistant(nut))
    qtbot.waitUntil(lambda: session.background.is_idle)
    assert not dialog.there.isVisible()
