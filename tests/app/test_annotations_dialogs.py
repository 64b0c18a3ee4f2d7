"""Annotations out of the window and into it: chosen, followed, cancelled; what differs is listed and saved."""

from __future__ import annotations

import csv
import threading
from pathlib import Path
from typing import TypeVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.dialogs.annotations import AnnotationsDialog, ExportAnnotations, ImportAnnotations
from app.window import MainWindow
from tests.app.conftest import WindowMaker

D = TypeVar("D", bound=AnnotationsDialog)
LEFT = Qt.MouseButton.LeftButton


def dialog(qtbot: QtBot, window: MainWindow, command: str, kind: type[D]) -> D:
    window.actions_table.run(command)
    found: list[D] = []

    def shown() -> bool:
        found[:] = [one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()]
        return bool(found)

    qtbot.waitUntil(shown)
    return found[0]


def opened(qtbot: QtBot, window_maker: WindowMaker, file: Path) -> MainWindow:
    window = window_maker()
    window.session.open(file)
    qtbot.waitUntil(lambda: window.session.is_complete)
    return window


def finished(qtbot: QtBot, one: AnnotationsDialog) -> None:
    qtbot.mouseClick(one.go, LEFT)
    qtbot.waitUntil(lambda: not one.is_working and one.outcome.isVisible())


def test_masks_go_out_and_those_of_another_person_come_in_beside_them(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, tmp_path: Path
) -> None:
    window = opened(qtbot, window_maker, project_file)
    project = window.session.project
    assert project is not None
    image = next(iter(project.images(label="defective"))).id
    mask = np.zeros((48, 64), np.uint8)
    mask[20:28, 30:44] = project.add_class("stain")
    project.import_mask(image, mask, origin="person")

    out = dialog(qtbot, window, "file.export_annotations", ExportAnnotations)
    assert not out.go.isEnabled() and not out.shapes.isVisible()
    out.formats.setCurrentIndex(out.formats.findData("labelme"))
    out.set_place(tmp_path / "out")
    assert out.shapes.isVisible() and out.shapes.currentData() == "polygons"
    finished(qtbot, out)
    assert out.headline.text().startswith("1 mask exported to") and not out.save.isVisible()
    qtbot.mouseClick(out.go, LEFT)

    (file,) = (path for path in (tmp_path / "out").rglob("*.json") if path.name[0] != ".")
    file.write_text(file.read_text().replace("20.0", "19.0"))
    (tmp_path / "out" / "broken.json").write_text('{"shapes": [], "imagePath"')
    back = dialog(qtbot, window, "file.import_annotations", ImportAnnotations)
    back.author.setText("CD")
    back.set_place(tmp_path / "out")
    finished(qtbot, back)
    assert back.headline.text() == "1 mask taken in, the work of CD; 0 were the same."
    assert [kind for kind, _, _ in back.findings] == ["Difference", "Left out"]
    assert "14 pixels differ in place, IoU 0.89" in back.findings[0][2] and "line 1, column" in back.findings[1][2]
    assert back.list.topLevelItemCount() == 2 and back.save.isVisible()
    back.save_findings(tmp_path / "list.csv")
    qtbot.waitUntil(lambda: (tmp_path / "list.csv").is_file())
    table = list(csv.reader((tmp_path / "list.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert len(table) == 3 and table[1][0] == "Difference"
    qtbot.waitUntil(lambda: "list.csv" in back.said.text())
    back.accept()
    assert np.array_equal(project.mask(image), mask)  # type: ignore[arg-type]
    imported = project.mask(image, origin="import", author="CD")
    assert imported is not None and np.count_nonzero(imported) == np.count_nonzero(mask) + 14


def test_an_import_says_what_is_wrong_and_can_be_tried_again(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, tmp_path: Path
) -> None:
    window = opened(qtbot, window_maker, project_file)
    back = dialog(qtbot, window, "file.import_annotations", ImportAnnotations)
    (tmp_path / "nothing").mkdir()
    back.set_place(tmp_path / "nothing")
    qtbot.mouseClick(back.go, LEFT)
    qtbot.waitUntil(lambda: back.trouble.isVisible())
    assert "no annotations in a format that is known" in back.trouble.text()
    (tmp_path / "nothing" / "labels.csv").write_text("image,label\npart 12.png,good\n")
    finished(qtbot, back)
    assert back.headline.text() == "Labels or splits of 1 image set, 0 were the same."
    back.accept()
    qtbot.waitUntil(lambda: window.session.can_write)
    assert window.session.project is not None
    assert [row.label for row in window.session.project.images() if row.relative == "part 12.png"] == ["good"]


def test_closing_while_it_writes_cancels_and_says_so(
    qtbot: QtBot, window_maker: WindowMaker, project_file: Path, tmp_path: Path
) -> None:
    window = opened(qtbot, window_maker, project_file)
    out = dialog(qtbot, window, "file.export_annotations", ExportAnnotations)
    out.formats.setCurrentIndex(out.formats.findData("csv"))
    out.set_place(tmp_path / "out")
    go_on = threading.Event()
    for _ in range(2):  # both threads are busy elsewhere
        window.session.background.run(go_on.wait)
    out.start()
    assert out.is_working
    out.reject()  # asks the work to end and waits for it
    go_on.set()
    qtbot.waitUntil(lambda: not out.is_working)
    assert out.isVisible() and "Cancelled" in out.trouble.text() and not (tmp_path / "out").exists()
    out.close()
