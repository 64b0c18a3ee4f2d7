"""The states of Annotate with defects selected and listed, and with what the model sees of them."""

from __future__ import annotations

from typing import Final, cast

from picture_images import annotate_masks
from picture_studio import StateError, Studio
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.canvas.selection import Piece
from app.pages.annotate import AnnotatePage
from core.annotation.components import components, mask_of

SPOTS: Final = ((0.3, 0.3, 9), (0.42, 0.36, 14), (0.55, 0.6, 6), (0.7, 0.45, 11), (0.62, 0.25, 4))


def _page(studio: Studio) -> AnnotatePage:
    annotate_masks(studio)
    page = cast(AnnotatePage, studio.window.page)
    studio.until(lambda: page.painting.bench.sheet is not None, "a mask to paint on")
    studio.settle()
    return page


def _pieces(page: AnnotatePage) -> list[Piece]:
    labels = page.painting.bench.selection.labels
    if labels is None:
        raise StateError("nothing is painted on")
    return [Piece.found(labels, mask_of(labels, one)) for one in components(labels)]


def select(studio: Studio) -> QWidget:
    """One is selected and hangs on the mouse, another is pointed at."""
    page = _page(studio)
    page.painting.choose("tool.select")
    pieces = _pieces(page)
    selection = page.painting.bench.selection
    largest = max(pieces, key=lambda one: one.bits.size)
    x0, y0, x1, y1 = largest.box
    page.canvas.show_area((float(x0), float(y0), float(x1), float(y1)))
    selection.set([largest])
    selection.drag(round(0.2 * (x1 - x0)), round(0.15 * (y1 - y0)))
    return studio.window


def several(studio: Studio) -> QWidget:
    """Many, of which one is pointed at in the list."""
    page = _page(studio)
    canvas, bench = page.canvas, page.painting.bench
    canvas.fit()
    page.painting.choose("tool.brush")
    picture = canvas.picture
    if picture is None:
        raise StateError("there is no image")
    for x, y, size in SPOTS:
        bench.set_size(size)
        dx, dy = canvas.view.to_device(x * picture.width, y * picture.height)
        place = (QPointF(dx, dy) / canvas.view.dpr).toPoint()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    page.painting.choose("tool.select")
    studio.settle()
    bench.selection.hover(_pieces(page)[0])
    return studio.window


def from_heatmap(studio: Studio) -> QWidget:
    """What lies above the threshold, over the heat."""
    page = _page(studio)
    page.canvas.pin_heat(True)
    page.canvas.set_layer_visible("mask", False)
    page.painting.choose("tool.from_heatmap")
    studio.until(lambda: page.painting.bench.proposals.areas, "areas of the heatmap")
    x0, y0, x1, y1 = page.painting.bench.proposals.areas[0].patch[1]
    page.canvas.show_area((float(x0), float(y0), float(x1), float(y1)))
    return studio.window


def leave(studio: Studio) -> None:
    """As it was found."""
    page = cast(AnnotatePage, studio.window.page)
    page.painting.bench.selection.put_back()
    page.canvas.pin_heat(False)
    page.canvas.set_layer_visible("mask", True)
    page.painting.choose("tool.look")


def erase(studio: Studio) -> None:
    """Take the painted ones back."""
    leave(studio)
    for _ in SPOTS:
        studio.window.actions_table.run("edit.undo")
        studio.settle()
