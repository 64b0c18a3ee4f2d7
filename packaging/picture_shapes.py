"""The states of Annotate in which something was filled, closed or grown, beside what was not, for comparison."""

from __future__ import annotations

import math
from typing import Final, cast

from picture_images import annotate_masks
from picture_studio import StateError, Studio
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.pages.annotate import AnnotatePage

PLACES: Final = ((0.36, 0.62), (0.64, 0.62))  # shares of the image, where it has no defects
RADIUS: Final = 0.09  # of its width
LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def _page(studio: Studio) -> AnnotatePage:
    """An image with its defects, looked at where two more are painted."""
    annotate_masks(studio)
    page = cast(AnnotatePage, studio.window.page)
    studio.until(lambda: page.painting.bench.sheet is not None, "a mask to paint on")
    studio.settle()
    picture = page.canvas.picture
    if picture is None:
        raise StateError("there is no image")
    wide, y = picture.width, PLACES[0][1] * picture.height
    page.canvas.show_area((0.3 * wide, y - 0.1 * wide, 0.7 * wide, y + 0.1 * wide))
    page.painting.choose("tool.brush")
    page.painting.bench.set_size(max(3, round(0.02 * wide)))
    return page


def _at(page: AnnotatePage, number: int, dx: float = 0.0, dy: float = 0.0) -> QPoint:
    """(dx, dy) radii away from the middle of one of the two places."""
    picture, view = page.canvas.picture, page.canvas.view
    wide, high = (1, 1) if picture is None else (picture.width, picture.height)
    x, y = PLACES[number]
    place = view.to_device(wide * (x + RADIUS * dx), high * y + wide * RADIUS * dy)
    return (QPointF(*place) / view.dpr).toPoint()


def _rings(page: AnnotatePage) -> None:
    """Two closed outlines, one stroke each."""
    for number in range(len(PLACES)):
        angles = [2 * math.pi * step / 24 for step in range(25)]
        places = [_at(page, number, math.cos(angle), math.sin(angle)) for angle in angles]
        QTest.mousePress(page.canvas, LEFT, NO_KEY, places[0])
        for place in places[1:]:
            QTest.mouseMove(page.canvas, place)
        QTest.mouseRelease(page.canvas, LEFT, NO_KEY, places[-1])


def fill(studio: Studio) -> QWidget:
    """The outline on the left was clicked into."""
    page = _page(studio)
    _rings(page)
    page.painting.choose("tool.fill")
    QTest.mouseClick(page.canvas, LEFT, NO_KEY, _at(page, 0))
    QTest.mouseMove(page.canvas, _at(page, 1))
    return studio.window


def holes(studio: Studio) -> QWidget:
    """The hole of the one on the left, over which the mouse is, was closed."""
    page = _page(studio)
    _rings(page)
    QTest.mouseMove(page.canvas, _at(page, 0, 1.0))
    studio.window.actions_table.run("tool.holes")
    return studio.window


def grow(studio: Studio) -> QWidget:
    """The one on the left, over which the mouse is, has grown by four pixels."""
    page = _page(studio)
    page.painting.bench.set_size(3 * page.painting.bench.size)
    for number in range(len(PLACES)):
        QTest.mouseClick(page.canvas, LEFT, NO_KEY, _at(page, number))
    QTest.mouseMove(page.canvas, _at(page, 0))
    for _ in range(4):
        studio.window.actions_table.run("tool.grow")
    return studio.window


def undone(strokes: int, studio: Studio) -> None:
    """The image as it was."""
    page = cast(AnnotatePage, studio.window.page)
    for _ in range(strokes):
        studio.window.actions_table.run("edit.undo")
        studio.settle()
    page.painting.choose("tool.look")
    page.canvas.fit()
