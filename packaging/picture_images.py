"""How a person gets to the states of start, import, dataset and annotate."""

from __future__ import annotations

from typing import cast

from picture_studio import StateError, Studio
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.dialogs.import_assistant import ImportAssistant
from app.dialogs.region_fits import RegionFits
from app.gallery.filters import Filter
from app.pages.annotate import AnnotatePage
from app.pages.dataset import DatasetPage
from core.errors import StorageError
from core.words import LABELS

# -- start


def start_first(studio: Studio) -> QWidget:
    studio.close()
    studio.session.memory.remember("recent", None)
    studio.window.go("dataset")
    studio.window.go("start")
    return studio.window


def start_recent(studio: Studio) -> QWidget:
    for file in (studio.material.vials, studio.material.shop, studio.material.sample):
        studio.open(file)
    studio.close()
    return studio.window


def start_error(studio: Studio) -> QWidget:
    studio.close()
    error = StorageError(
        "the disk is full",
        path=studio.material.sample,
        kept="Everything up to 14:02 is saved",
        mend="Make room, then do the last step again",
    )
    studio.session.report(error)
    return studio.window


# -- import


def _assistant(studio: Studio) -> ImportAssistant:
    return cast(ImportAssistant, studio.dialog("ImportAssistant"))


def import_recognised(studio: Studio) -> QWidget:
    studio.close()
    studio.window.open_path(studio.material.drawn)
    dialog = _assistant(studio)
    studio.until(lambda: dialog.preview is not None, "the folder to be recognised")
    return dialog


def import_corrected(studio: Studio) -> QWidget:
    dialog = cast(ImportAssistant, import_recognised(studio))
    dialog.form.kind.setCurrentIndex(dialog.form.kind.findData("nested"))
    dialog.form.more.click()
    studio.settle()
    dialog.form.patterns["lot"].ways.setCurrentIndex(3)
    studio.settle()
    return dialog


def import_misfit(studio: Studio) -> QWidget:
    studio.close()
    studio.window.open_path(studio.material.many)
    dialog = _assistant(studio)
    studio.until(lambda: dialog.preview is not None, "the folder to be recognised")
    dialog.form.kind.setCurrentIndex(dialog.form.kind.findData("flat"))
    studio.until(dialog.form.problem, "what does not fit to be said")
    return dialog


def import_nothing(studio: Studio) -> QWidget:
    studio.close()
    studio.window.open_path(studio.material.nothing)
    return _assistant(studio)


def import_unreadable(studio: Studio) -> QWidget:
    studio.close()
    dialog = ImportAssistant(studio.session, studio.material.unreadable, studio.window)
    dialog.open()
    return _assistant(studio)


def import_working(studio: Studio) -> QWidget:
    studio.close()
    studio.window.open_path(studio.material.many)
    dialog = _assistant(studio)
    studio.until(lambda: dialog.preview is not None and dialog.go.isEnabled(), "the folder to be recognised")
    dialog.start()
    QTest.qWait(2200)
    return dialog


def cancel(studio: Studio) -> None:
    dialog = _dialog_of(studio, "ImportAssistant")
    cast(ImportAssistant, dialog).cancel_work()
    studio.until(lambda: not cast(ImportAssistant, dialog).is_working, "the import to end")


def _dialog_of(studio: Studio, name: str) -> QWidget:
    return next(one for one in studio.app.topLevelWidgets() if type(one).__name__ == name and one.isVisible())


# -- dataset


def dataset(studio: Studio) -> DatasetPage:
    page = cast(DatasetPage, studio.page("dataset"))
    page.morning.dismiss()
    page.filters.clear()
    studio.settle()
    return page


def dataset_loading(studio: Studio) -> QWidget:
    studio.close()
    shots: list[bool] = []

    def opened() -> None:
        studio.window.go("dataset")
        studio.shoot()
        shots.append(True)

    studio.session.opened.connect(opened)
    studio.window.open_path(studio.material.sample)
    studio.until(lambda: shots and studio.session.is_complete, "the project to open")
    studio.session.opened.disconnect(opened)
    return studio.window


def dataset_full(studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    dataset(studio)
    return studio.window


def dataset_nothing(studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    dataset(studio).filters.show_filter(Filter(text="scratch", split=frozenset({"train"})))
    return studio.window


def dataset_several(studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    page = dataset(studio)
    studio.session.set_selection(page.grid.shown_ids()[3:9].tolist())
    return studio.window


def dataset_one(studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    page = dataset(studio)
    studio.session.set_selection(page.grid.shown_ids()[3:4].tolist())
    return studio.window


def dataset_stale(studio: Studio) -> QWidget:
    studio.open(studio.material.unlabelled)
    page = dataset(studio)
    page.filters.show_filter(Filter(label=frozenset({"unlabelled"})))
    studio.settle()
    studio.session.label(page.grid.shown_ids()[:2].tolist(), "good")
    studio.until(lambda: page.grid.is_stale, "the list to be out of date")
    return studio.window


def undo(studio: Studio) -> None:
    studio.session.undo()
    studio.settle()


def dataset_problems(studio: Studio) -> QWidget:
    studio.open(studio.material.vials)
    page = dataset(studio)
    page.mends.look_again()
    dialog = studio.dialog("AddImages")
    dialog.close()
    studio.settle()
    return studio.window


def dataset_unlabelled(studio: Studio) -> QWidget:
    studio.open(studio.material.unlabelled)
    dataset(studio)
    return studio.window


def dataset_empty(studio: Studio) -> QWidget:
    studio.open(studio.material.empty)
    dataset(studio)
    return studio.window


# -- annotate


def _annotate(studio: Studio, choose: str = "") -> AnnotatePage:
    """With the first image whose label or file says so; '': as it comes."""
    page = cast(AnnotatePage, studio.page("annotate"))
    table = studio.session.table
    if choose and table is not None:
        fitting = [row for row in range(len(table)) if choose in (LABELS[table.label[row]], table.path(row).name)]
        studio.session.set_current(int(table.ids[fitting[0]]))
        studio.until(lambda: page.shown == studio.session.current, "the image")
    return page


def annotate_masks(studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    page = _annotate(studio, "defective")
    studio.until(lambda: page.overlays is not None, "its masks")
    return studio.window


def annotate_unlabelled(studio: Studio) -> QWidget:
    studio.open(studio.material.unlabelled)
    _annotate(studio, "unlabelled")
    return studio.window


def _regions(studio: Studio) -> AnnotatePage:
    """Drawing regions on the first good image of the sample project."""
    studio.open(studio.material.sample)
    page = _annotate(studio, "good")
    studio.until(lambda: page.overlays is not None, "what lies over it")
    page.region.switch()
    studio.until(lambda: page.region.board.found is not None, "its regions")
    studio.settle()
    return page


def _points(page: AnnotatePage, *shares: tuple[float, float]) -> list[QPoint]:
    """Places on the canvas, named by shares of the image."""
    view, (width, height) = page.canvas.view, page.region.board.size
    places = [view.to_device(x * width, y * height) for x, y in shares]
    return [QPointF(x / view.dpr, y / view.dpr).toPoint() for x, y in places]


def _drag(page: AnnotatePage, *shares: tuple[float, float]) -> None:
    first, *others = _points(page, *shares)
    QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=first)
    for place in others:
        QTest.mouseMove(page.canvas, place)
    QTest.mouseRelease(page.canvas, Qt.MouseButton.LeftButton, pos=others[-1])


def annotate_roi(studio: Studio) -> QWidget:
    page = _regions(studio)
    page.region.choose("tool.rectangle")
    page.region.board.set_sign("ignore")
    _drag(page, (0.58, 0.3), (0.72, 0.42))
    studio.settle()
    page.region.choose("tool.look")
    page.region.board.choose(("zone", len(page.region.board.marks) - 1))
    studio.settle()
    return studio.window


def annotate_corners(studio: Studio) -> QWidget:
    """A polygon, chosen in the list."""
    page = _regions(studio)
    page.region.choose("tool.polygon")
    for place in _points(page, (0.32, 0.24), (0.66, 0.24), (0.7, 0.5), (0.62, 0.72), (0.3, 0.7)):
        QTest.mouseClick(page.canvas, Qt.MouseButton.LeftButton, pos=place)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    studio.settle()
    page.region.choose("tool.look")
    studio.settle()
    return studio.window


def annotate_cells(studio: Studio) -> QWidget:
    page = _regions(studio)
    page.region.choose("zone.cells")
    _drag(page, (0.08, 0.2), (0.2, 0.8))
    studio.settle()
    return studio.window


def annotate_alignment(studio: Studio) -> QWidget:
    page = _regions(studio)
    panel = page.region.place.panel
    assert panel is not None
    panel.fits.click()
    dialog = cast(RegionFits, studio.dialog("RegionFits"))
    studio.until(lambda: bool(dialog.cards), "the images")
    return dialog


def regions_left(studio: Studio) -> None:
    """Defects again."""
    cast(AnnotatePage, studio.page("annotate")).region.leave()


def regions_undone(studio: Studio) -> None:
    """Defects again, and the project as it was."""
    page = cast(AnnotatePage, studio.page("annotate"))
    page.region.leave()
    undo(studio)


def annotate_unreadable(studio: Studio) -> QWidget:
    studio.open(studio.material.vials)
    table = studio.session.table
    if table is None or not table.problem.any():
        raise StateError("no image of the project is unreadable")
    _annotate(studio, table.path(int(table.problem.argmax())).name)
    return studio.window


def annotate_nothing(studio: Studio) -> QWidget:
    studio.open(studio.material.empty)
    _annotate(studio)
    return studio.window
