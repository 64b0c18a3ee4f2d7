"""Any sequence of strokes, undos, faults, images and restarts: what is seen is what is held and what waits."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from PySide6.QtGui import QColor

from app.canvas.layers import MaskLayer
from app.canvas.sheet import Sheet
from core.annotation.masks import Delta, Mask, apply_delta, empty, unpack_delta
from core.errors import StorageError
from core.project import NewImage, Project
from core.workflow.painting import FreshStroke
from core.workflow.rescue import find_rescue
from core.workflow.waiting import Pile
from tests.faults import FaultyDisk

SIZE = 8
IMAGES = (1, 2)
COLOURS = {1: QColor("red"), 2: QColor("blue")}
BOXES = st.tuples(st.integers(-1, SIZE - 1), st.integers(-1, SIZE - 1), st.integers(1, 5), st.integers(1, 5))


class Painter(RuleBasedStateMachine):
    """The window's work without a window: a sheet, what waits, a project, a disk that fails now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        folder = Path(self.place.name)
        self.home = os.environ.get("FLAWSCOPE_HOME")
        os.environ["FLAWSCOPE_HOME"] = str(folder / "home")
        with Project.create(folder / "work", "chip", author="AB") as project:
            rows = [NewImage(folder / f"{n}.png", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in IMAGES]
            project.add_images(rows, root=folder)
            for code in ("crack", "dirt"):
                project.add_class(code)
        self.sheets = 0

    @initialize()
    def begin(self) -> None:
        self.project = Project.open(Path(self.place.name) / "work", author="AB")
        self.disk = FaultyDisk(self.project)
        self.pile = Pile(self.project)
        self.pile.take_in(find_rescue(self.project))
        self.store()
        self.show(IMAGES[0])

    def truth(self, image_id: int) -> Mask:
        mask = self.project.mask(image_id)
        mask = empty(SIZE, SIZE) if mask is None else mask
        for stroke in self.pile.waiting:
            if stroke.image_id == image_id:
                apply_delta(mask, stroke.delta)
        return mask

    def show(self, image_id: int) -> None:
        self.image_id, self.sheets = image_id, self.sheets + 1
        mask = self.truth(image_id)
        self.sheet = Sheet(MaskLayer(mask, COLOURS), mask.copy())
        self.sheet.settled.connect(self.on_settled)
        self.sheet.given_up.connect(self.undo)

    def on_settled(self, delta: Delta, tool: str, class_id: int, number: int) -> None:
        self.pile.add(FreshStroke(self.image_id, delta, tool, class_id, (self.sheets, number), "AB"))
        self.store()

    def store(self) -> None:
        try:
            self.pile.store()
        except StorageError:
            self.pile.failing = True
        else:
            self.pile.failing = False

    @rule(box=BOXES, value=st.integers(0, 2), only_empty=st.booleans())
    def paint(self, box: tuple[int, int, int, int], value: int, only_empty: bool) -> None:
        x, y, width, height = box
        self.sheet.paint(
            np.ones((height, width), np.bool_), (x, y, x + width, y + height), value, only_empty=only_empty
        )

    @rule(goes_on=st.booleans())
    def settle(self, goes_on: bool) -> None:
        self.sheet.settle("brush", 1, goes_on=goes_on)

    @rule()
    def give_up(self) -> None:
        self.sheet.restore()

    @precondition(lambda self: not self.sheet.is_open)
    @rule()
    def undo(self) -> None:
        gone = self.pile.take_back() if self.pile.failing else None
        if gone is not None:
            if gone.image_id == self.image_id:
                for delta in reversed(gone.deltas):
                    self.sheet.apply(delta)
            else:
                self.show(gone.image_id)
            self.pile.rescue()
        elif not self.pile.waiting:
            self.turn("undo")

    @precondition(lambda self: not self.sheet.is_open and not self.pile.waiting)
    @rule()
    def redo(self) -> None:
        self.turn("redo")

    def turn(self, way: str) -> None:
        try:
            step = getattr(self.project, way)()
        except StorageError:
            return
        if step is not None and step.deltas and step.image_id == self.image_id:
            for packed in step.deltas:
                self.sheet.apply(unpack_delta(packed))
        elif step is not None and step.image_id is not None:
            self.show(step.image_id)

    @precondition(lambda self: not self.sheet.is_open)
    @rule(image_id=st.sampled_from(IMAGES))
    def leave(self, image_id: int) -> None:
        if not self.pile.waiting:
            try:
                self.project.fold_strokes(self.image_id)
            except StorageError:
                self.pile.failing = self.pile.failing or bool(self.pile.waiting)
        self.show(image_id)

    @rule(first=st.integers(1, 30), lasts=st.booleans())
    def break_disk(self, first: int, lasts: bool) -> None:
        self.disk.fail(first, lasts=lasts)

    @rule()
    def mend_disk(self) -> None:
        self.disk.mend()
        self.store()

    @precondition(lambda self: not self.sheet.is_open)
    @rule()
    def restart(self) -> None:
        """The window falls, with whatever waits."""
        image_id, expected = self.image_id, [self.truth(one) for one in IMAGES]
        self.disk.remove()
        self.project.close()
        self.begin()
        self.show(image_id)
        for one, mask in zip(IMAGES, expected, strict=True):
            np.testing.assert_array_equal(self.truth(one), mask)

    @invariant()
    def what_is_seen_is_what_is_held(self) -> None:
        if hasattr(self, "sheet") and not self.sheet.is_open:
            np.testing.assert_array_equal(self.sheet.labels, self.truth(self.image_id))
            np.testing.assert_array_equal(self.sheet.before, self.sheet.labels)

    def teardown(self) -> None:
        if hasattr(self, "project"):
            self.disk.remove()
            self.store()
            assert self.project.verify().is_whole
            self.project.close()
        if self.home is not None:
            os.environ["FLAWSCOPE_HOME"] = self.home
        self.place.cleanup()


Painter.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestPainter = Painter.TestCase
