"""The states of the window that pictures are taken of: each says how a person gets there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import picture_images as images
import picture_painting as painting
import picture_pieces as pieces
import picture_saving as saving
import picture_shapes as shapes
import picture_tools as tools
from picture_studio import StateError, Studio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget

from app.crash import CrashDialog
from app.dialogs.annotations import ExportAnnotations, ImportAnnotations
from app.dialogs.closing import ClosingDialog
from app.morning import MorningBanner
from app.pages.annotate import AnnotatePage
from app.pages.review import ReviewPage
from app.pages.train import TrainPage
from core.workflow.review import Kind

Enter = Callable[[Studio], QWidget]
REBUILDING_S: Final = 180.0  # the worker loads its libraries first
LATEST: Final = """Fatal Python error: Segmentation fault

Current thread 0x00007f2a3b7fe640 (most recent call first):
  File "app/canvas/view.py", line 212 in paintEvent
  File "app/gui.py", line 45 in run
"""


@dataclass(frozen=True)
class State:
    """`enter` returns the window or a dialog before it; what does not last, `enter` takes the picture of."""

    enter: Enter
    leave: Callable[[Studio], object] | None = None
    lasts: bool = True


# -- train


def _train(studio: Studio, number: int | None) -> TrainPage:
    page = cast(TrainPage, studio.page("train"))
    page.show_training(number)
    if number is None:
        studio.until(lambda: page.setup.facts is not None, "the images to be looked at")
    studio.settle()
    return page


def train_nothing_good(studio: Studio) -> QWidget:
    studio.open(studio.material.unlabelled)
    _train(studio, None)
    return studio.window


def train_empty(studio: Studio) -> QWidget:
    studio.open(studio.material.empty)
    studio.page("train")
    return studio.window


def train_ready(studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    _train(studio, None)
    return studio.window


def train_details(studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    page = _train(studio, None)
    page.setup.open_details()
    form = page.setup.form
    if form is not None:
        form.open_group("train")
        page.setup.draft.set("train.lr", "0.001")
    return studio.window


def train_wrong(studio: Studio) -> QWidget:
    """What was typed does not fit."""
    train_details(studio)
    page = cast(TrainPage, studio.window.page)
    page.setup.draft.set("train.minutes", "abc")
    page.setup.draft.set("train.steps", "0")
    return studio.window


def _close_details(studio: Studio) -> None:
    page = cast(TrainPage, studio.window.page)
    page.setup.draft.reset()
    studio.window.go("start")


def _shop_training(number: int, studio: Studio) -> QWidget:
    studio.open(studio.material.shop)
    page = _train(studio, number)
    trainings = studio.session.trainings
    studio.until(lambda: trainings.current == 4, "the running training to be found")
    trainings.enqueue([5, 6])
    studio.material.beat()
    studio.until(lambda: page.watch.pictures.shown >= 16 or number > 4, "the pictures")
    return studio.window


# -- review


def _review(studio: Studio, kind: Kind = "caught", place: int = 0) -> ReviewPage:
    studio.open(studio.material.sample)
    page = cast(ReviewPage, studio.page("review"))
    page.morning.dismiss()
    studio.until(lambda: page.review.table is not None, "the scores")
    page.review.set_kind(kind)
    studio.settle()
    if page.review.rows.size:
        page.review.go_to(min(place, page.review.rows.size - 1))
        studio.settle()
    return page


def review_untrained(studio: Studio) -> QWidget:
    studio.open(studio.material.unlabelled)
    studio.page("review")
    return studio.window


def review_reject(studio: Studio) -> QWidget:
    page = _review(studio, place=2)
    studio.until(lambda: page.viewer.beside.picture is not None, "the reconstruction", REBUILDING_S)
    page.viewer.left.pin_heat(True)
    return studio.window


def review_loading(studio: Studio) -> QWidget:
    """The model is being loaded: only the first time."""
    page = _review(studio, place=5)
    QTest.qWait(400)
    page.viewer.left.pin_heat(False)
    return studio.window


def _cool(studio: Studio) -> None:
    page = cast(ReviewPage, studio.window.page)
    page.viewer.left.pin_heat(False)


def review_escapes(studio: Studio) -> QWidget:
    page = _review(studio, "escapes")
    studio.until(lambda: page.viewer.beside.picture is not None, "the reconstruction", REBUILDING_S)
    return studio.window


def review_empty_queue(studio: Studio) -> QWidget:
    _review(studio, "false_rejects")
    return studio.window


def review_moved(studio: Studio) -> QWidget:
    page = _review(studio, "false_rejects")
    page.review.set_threshold(0.16)
    page.review.set_kind("false_rejects")
    studio.settle()
    page.review.go_to(0)
    studio.until(lambda: page.viewer.beside.picture is not None, "the reconstruction", REBUILDING_S)
    return studio.window


def review_nearest(studio: Studio) -> QWidget:
    page = _review(studio, place=2)
    inspector = page._inspector
    if inspector is None:
        raise StateError("the review page has no inspector")
    studio.until(lambda: not inspector.nearest.isHidden(), "the nearest good image")
    inspector.nearest.click()
    studio.settle()
    return studio.window


def _threshold_back(studio: Studio) -> None:
    cast(ReviewPage, studio.window.page).panel.back.click()


def review_morning(studio: Studio) -> QWidget:
    studio.open(studio.material.shop)
    studio.session.memory.remember(f"visited {studio.material.shop}", None)
    page = cast(ReviewPage, studio.page("review"))
    banner = page.findChild(MorningBanner)
    studio.until(lambda: banner is not None and not banner.isHidden(), "what ended overnight")
    studio.settle()
    return studio.window


def review_feeding(studio: Studio) -> QWidget:
    studio.open(studio.material.offers)
    page = cast(ReviewPage, studio.page("review"))
    studio.until(lambda: page.review.table is not None, "the scores")
    page.morning.dismiss()
    page.review.set_scope("tuning")
    studio.until(lambda: page.review.scope == "tuning", "the tuning images")
    page.review.set_threshold(0.1)
    page.review.set_kind("false_rejects")
    studio.settle()
    page.review.go_to(0)
    for _ in range(min(4, page.review.rows.size)):
        page.review.give_verdict("good")
        studio.settle()
    page.show_offers()
    return studio.dialog("FeedingDialog")


# -- dialogs


def _over_dataset(command: str, name: str, studio: Studio) -> QWidget:
    studio.open(studio.material.sample)
    images.dataset(studio)
    studio.window.actions_table.run(command)
    return studio.dialog(name)


def dialog_palette_typed(studio: Studio) -> QWidget:
    dialog = _over_dataset("help.palette", "Palette", studio)
    field = dialog.findChild(QLineEdit)
    if field is not None:
        QTest.keyClicks(field, "train")
        QTest.keyClick(field, Qt.Key.Key_Down)
    return dialog


def dialog_clean_up(studio: Studio) -> QWidget:
    studio.open(studio.material.shop)
    images.dataset(studio).clean_up()
    return studio.dialog("CleanUp")


def dialog_import_annotations(studio: Studio) -> QWidget:
    dialog = _over_dataset("file.import_annotations", "ImportAnnotations", studio)
    cast(ImportAnnotations, dialog).set_place(studio.material.sample.parent)
    return dialog


def dialog_import_annotations_done(studio: Studio) -> QWidget:
    """Another person's masks differ; one file does not parse."""
    folder = studio.material.exchanged
    studio.open(studio.material.offers)
    studio.page("dataset")
    studio.window.actions_table.run("file.import_annotations")
    dialog = cast(ImportAnnotations, studio.dialog("ImportAnnotations"))
    dialog.author.setText("CD")
    dialog.set_place(folder)
    dialog.start()
    studio.until(lambda: not dialog.is_working, "the annotations to be read")
    return dialog


def annotate_conflict(studio: Studio) -> QWidget:
    """From the report to an image on which two people differ; the one before is decided."""
    dialog = cast(ImportAnnotations, dialog_import_annotations_done(studio))
    dialog.walk.click()
    page = cast(AnnotatePage, studio.page("annotate"))
    studio.until(page.conflicts.strip.isVisible, "the two masks")
    studio.settle()
    page.conflicts.decide("theirs")
    studio.settle()
    studio.until(page.conflicts.strip.isVisible, "the next image")
    page.conflicts.look_closely()
    return studio.window


def dialog_export_annotations(studio: Studio) -> QWidget:
    dialog = cast(ExportAnnotations, _over_dataset("file.export_annotations", "ExportAnnotations", studio))
    dialog.formats.setCurrentIndex(1)
    dialog.set_place(studio.material.sample.parent / "for labelme")
    return dialog


def dialog_closing(studio: Studio) -> QWidget:
    _shop_training(4, studio)
    ClosingDialog(studio.session.trainings, studio.window).open()
    return studio.dialog("ClosingDialog")


def dialog_discard(studio: Studio) -> QWidget:
    _shop_training(3, studio)
    cast(TrainPage, studio.window.page).watch.head.button("discard").click()
    return studio.dialog("QMessageBox")


def dialog_crash(studio: Studio) -> QWidget:
    studio.close()
    CrashDialog(LATEST, studio.window).open()
    return studio.dialog("CrashDialog")


STATES: Final[dict[str, State]] = {
    "start_first": State(images.start_first),
    "start_recent": State(images.start_recent),
    "start_error": State(images.start_error),
    "import_recognised": State(images.import_recognised),
    "import_corrected": State(images.import_corrected),
    "import_misfit": State(images.import_misfit),
    "import_nothing": State(images.import_nothing),
    "import_unreadable": State(images.import_unreadable),
    "import_working": State(images.import_working, leave=images.cancel),
    "dataset_loading": State(images.dataset_loading, lasts=False),
    "dataset_full": State(images.dataset_full),
    "dataset_nothing": State(images.dataset_nothing),
    "dataset_one": State(images.dataset_one),
    "dataset_several": State(images.dataset_several),
    "dataset_unlabelled": State(images.dataset_unlabelled),
    "dataset_stale": State(images.dataset_stale, leave=images.undo),
    "dataset_problems": State(images.dataset_problems),
    "dataset_empty": State(images.dataset_empty),
    "annotate_masks": State(images.annotate_masks),
    "annotate_roi": State(images.annotate_roi, leave=images.regions_undone),
    "annotate_corners": State(images.annotate_corners, leave=images.regions_undone),
    "annotate_cells": State(images.annotate_cells, leave=images.regions_left),
    "annotate_alignment": State(images.annotate_alignment, leave=images.regions_left),
    "annotate_unlabelled": State(images.annotate_unlabelled),
    "annotate_unreadable": State(images.annotate_unreadable),
    "annotate_nothing": State(images.annotate_nothing),
    "annotate_brush": State(painting.annotate_brush),
    "annotate_classes": State(painting.annotate_classes, leave=painting.annotate_classes_left),
    "annotate_class_editor": State(painting.annotate_class_editor),
    "annotate_class_presets": State(painting.annotate_class_presets),
    "annotate_book": State(painting.annotate_book),
    "annotate_ruler": State(painting.annotate_ruler),
    "annotate_notes": State(painting.annotate_notes),
    "annotate_conflict": State(annotate_conflict),
    "annotate_chosen": State(painting.annotate_chosen, leave=painting.annotate_chosen_left),
    "annotate_queue": State(painting.annotate_queue, leave=painting.annotate_queue_closed),
    "annotate_polygon": State(tools.polygon, leave=tools.put_away),
    "annotate_rectangle": State(tools.rectangle, leave=tools.put_away),
    "annotate_wand": State(tools.wand, leave=tools.put_away),
    "annotate_threshold": State(tools.threshold, leave=tools.put_away),
    "annotate_scribble": State(tools.scribble, leave=tools.put_away),
    "annotate_fill": State(shapes.fill, leave=partial(shapes.undone, 3)),
    "annotate_holes": State(shapes.holes, leave=partial(shapes.undone, 3)),
    "annotate_grow": State(shapes.grow, leave=partial(shapes.undone, 6)),
    "annotate_unsaved": State(saving.annotate_unsaved, leave=saving.saved),
    "annotate_recovered": State(saving.annotate_recovered, leave=Studio.close),
    "annotate_select": State(pieces.select, leave=pieces.leave),
    "annotate_components": State(pieces.several, leave=pieces.erase),
    "annotate_heatmap": State(pieces.from_heatmap, leave=pieces.leave),
    "train_empty": State(train_empty),
    "train_nothing_good": State(train_nothing_good),
    "train_ready": State(train_ready),
    "train_details": State(train_details, leave=_close_details),
    "train_wrong": State(train_wrong, leave=_close_details),
    "train_learning": State(partial(_shop_training, 4)),
    "train_finished": State(partial(_shop_training, 1)),
    "train_stopped": State(partial(_shop_training, 2)),
    "train_failed": State(partial(_shop_training, 3)),
    "train_queue": State(partial(_shop_training, 6)),
    "review_untrained": State(review_untrained),
    "review_loading": State(review_loading),
    "review_reject": State(review_reject, leave=_cool),
    "review_escapes": State(review_escapes),
    "review_empty_queue": State(review_empty_queue),
    "review_moved": State(review_moved, leave=_threshold_back),
    "review_nearest": State(review_nearest),
    "review_morning": State(review_morning),
    "review_feeding": State(review_feeding),
    "dialog_settings": State(partial(_over_dataset, "edit.settings", "SettingsDialog")),
    "dialog_palette": State(partial(_over_dataset, "help.palette", "Palette")),
    "dialog_palette_typed": State(dialog_palette_typed),
    "dialog_keys": State(partial(_over_dataset, "help.keys", "KeySheet")),
    "dialog_about": State(partial(_over_dataset, "help.about", "AboutDialog")),
    "dialog_first_steps": State(partial(_over_dataset, "help.first_steps", "HelpDialog")),
    "dialog_annotations": State(partial(_over_dataset, "help.annotations", "HelpDialog")),
    "dialog_import_annotations": State(dialog_import_annotations),
    "dialog_import_annotations_done": State(dialog_import_annotations_done),
    "dialog_export_annotations": State(dialog_export_annotations),
    "dialog_painting": State(partial(_over_dataset, "help.painting", "HelpDialog")),
    "dialog_models": State(partial(_over_dataset, "help.models", "HelpDialog")),
    "dialog_clean_up": State(dialog_clean_up),
    "dialog_add_images": State(partial(_over_dataset, "file.add_images", "AddImages")),
    "dialog_closing": State(dialog_closing),
    "dialog_unsaved": State(saving.dialog_unsaved, leave=saving.saved),
    "dialog_discard": State(dialog_discard),
    "dialog_crash": State(dialog_crash),
}
