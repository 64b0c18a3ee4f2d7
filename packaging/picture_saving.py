"""How a person gets to the states of saving: strokes that the project does not take, closing then, after a crash."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import cast

import numpy as np
import picture_images as images
from picture_studio import StateError, Studio
from PySide6.QtWidgets import QWidget

from app.dialogs.unsaved import UnsavedDialog
from app.pages.annotate import AnnotatePage
from app.recovered import RecoveryLine
from core.annotation.strokes import sweep
from core.project.lock import lock_path, this_process


def _refuse(studio: Studio, refuses: bool) -> None:
    """As a folder that was made read-only: nothing can be written to the project."""
    project = studio.session.project
    if project is None or project._writer is None:
        raise StateError("no project is open")
    project._writer._connection.execute(f"PRAGMA query_only = {int(refuses)}")


def annotate_unsaved(studio: Studio) -> QWidget:
    images.annotate_masks(studio)
    page = cast(AnnotatePage, studio.window.page)
    studio.until(lambda: page.painting.bench.sheet is not None, "the image to paint on")
    _refuse(studio, True)
    for number in range(3):
        sheet = page.painting.bench.begin("brush", 1)
        if sheet is None:
            raise StateError("nothing can be painted")
        x, y = sheet.width * (0.3 + 0.15 * number), sheet.height * 0.4
        covered = sweep((x, y), (x + 20, y + 30), 14, "round", sheet.width, sheet.height)
        if covered is not None:
            sheet.paint(np.asarray(covered[0]), covered[1], 1)
        page.painting.bench.end()
    studio.until(lambda: studio.session.strokes.is_failing and studio.session.strokes.waiting == 3, "the banner")
    studio.settle()
    return studio.window


def dialog_unsaved(studio: Studio) -> QWidget:
    annotate_unsaved(studio)
    UnsavedDialog(studio.session, studio.window).open()
    return studio.dialog("UnsavedDialog")


def saved(studio: Studio) -> None:
    """The folder can be written to again: what waited is stored, and then taken back."""
    _refuse(studio, False)
    studio.session.strokes.try_now()
    studio.until(lambda: not studio.session.strokes.is_failing, "the strokes to be saved")
    for _ in range(3):
        studio.session.undo(show=False)
        studio.settle()


def annotate_recovered(studio: Studio) -> QWidget:
    """The program was killed while somebody painted; this is the next start."""
    studio.open(studio.material.sample)
    studio.close()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    owner = {**vars(this_process("AB")), "pid": ended.pid, "created": 1.0}
    lock_path(studio.material.sample).write_text(json.dumps(owner))
    images.annotate_masks(studio)
    line = studio.window.findChild(RecoveryLine)
    studio.until(lambda: line is not None and line.isVisible(), "the line")
    return studio.window
