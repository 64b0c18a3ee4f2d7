"""The states of Annotate with a tool in the hand, in the middle of what it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, cast

from picture_images import annotate_masks
from picture_studio import Studio
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.canvas.tools.scribble import Scribble
from app.pages.annotate import AnnotatePage
from core.annotation.components import Component, components

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


NOTHING: Final = Component(0, 0, (0, 0, 1, 1), (0.5, 0.5), (0, 0))


class _Hand:
    """A mouse over a painted image, with a defect to point at; the mask itself is hidden meanwhile."""

    def __init__(self, studio: Studio, command: str) -> None:
        annotate_masks(studio)
        page = cast(AnnotatePage, studio.window.page)
        table = studio.session.table
        if table is not None and (number := _number(table.classes, "pollution")) >= 0:
            studio.session.set_current(int(table.ids[int((table.defect_class == number).argmax())]))
            studio.until(lambda: page.shown == studio.session.current and page.overlays is not None, "the image")
        studio.until(lambda: page.painting.bench.sheet is not None, "a mask to paint on")
        self.canvas, self.painting = page.canvas, page.painting
        sheet = page.painting.bench.sheet
        self.defect: Component = (
            max(components(sheet.labels), key=lambda one: one.area) if sheet is not None else NOTHING
        )
        x0, y0, x1, y1 = self.defect.box
        self.canvas.set_layer_visible("mask", False)
        self.canvas.show_area((float(x0), float(y0), float(x1), float(y1)))
        if page.painting.tool != command:
            page.painting.choose(command)

    def at(self, x: float, y: float) -> QPoint:
        """(0, 0) is the upper left corner of the defect's box, (1, 1) the lower right one."""
        x0, y0, x1, y1 = self.defect.box
        dx, dy = self.canvas.view.to_device(x0 + x * (x1 - x0), y0 + y * (y1 - y0))
        return (QPointF(dx, dy) / self.canvas.view.dpr).toPoint()

    def drag(self, *places: QPoint, button: Qt.MouseButton = LEFT, ends: bool = True) -> None:
        """From the first to the last; without `ends` the button stays down."""
        QTest.mousePress(self.canvas, button, Qt.KeyboardModifier.NoModifier, places[0])
        for place in places[1:]:
            QTest.mouseMove(self.canvas, place)
        if ends:
            QTest.mouseRelease(self.canvas, button, Qt.KeyboardModifier.NoModifier, places[-1])

    def middle(self) -> QPoint:
        """A pixel of the defect."""
        x, y = self.defect.centroid
        dx, dy = self.canvas.view.to_device(x, y)
        return (QPointF(dx, dy) / self.canvas.view.dpr).toPoint()


def _number(classes: Sequence[str], wanted: str) -> int:
    return next((number for number, code in enumerate(classes) if code == wanted), -1)


def polygon(studio: Studio) -> QWidget:
    hand = _Hand(studio, "tool.polygon")
    for number in range(6):
        angle = 2 * math.pi * number / 8
        place = hand.at(0.5 - 0.6 * math.cos(angle), 0.5 - 0.6 * math.sin(angle))
        QTest.mouseClick(hand.canvas, LEFT, Qt.KeyboardModifier.NoModifier, place)
    QTest.mouseMove(hand.canvas, hand.at(0.6, 1.2))
    return studio.window


def rectangle(studio: Studio) -> QWidget:
    hand = _Hand(studio, "tool.rectangle")
    hand.drag(hand.at(-0.1, -0.1), hand.at(1.1, 1.1), ends=False)
    return studio.window


def wand(studio: Studio) -> QWidget:
    hand = _Hand(studio, "tool.wand")
    begin = hand.middle()
    hand.drag(begin, begin + QPoint(20, -10), begin + QPoint(60, -20), ends=False)
    return studio.window


def threshold(studio: Studio) -> QWidget:
    hand = _Hand(studio, "tool.threshold")
    hand.drag(hand.at(-0.3, -0.3), hand.at(0.5, 0.5), hand.at(1.3, 1.3))
    return studio.window


def scribble(studio: Studio) -> QWidget:
    hand = _Hand(studio, "tool.scribble")
    hand.painting.bench.set_size(5)
    hand.drag(hand.at(0.45, 0.3), hand.at(0.5, 0.5), hand.at(0.45, 0.75))
    hand.drag(hand.at(-0.4, 1.4), hand.at(0.5, 1.6), hand.at(1.4, 1.4), button=RIGHT)
    hand.drag(hand.at(-0.6, -0.35), hand.at(1.6, -0.35), button=RIGHT)
    tool = hand.canvas.tool
    studio.until(lambda: isinstance(tool, Scribble) and tool.proposal is not None, "the defect to be cut out")
    return studio.window


def put_away(studio: Studio) -> None:
    """Nothing was painted."""
    page = cast(AnnotatePage, studio.window.page)
    page.painting.choose("tool.look")
    page.canvas.set_layer_visible("mask", True)
