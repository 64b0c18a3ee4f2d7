"""The strip of passes: what was chosen stays chosen, pictures keep their proportions, nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.review.strip import PassStrip
from core.preprocess import Geometry
from core.reconstructions import CropPasses, Pass

SIDE = 64


def passes_of(width: int, height: int, *, judged: int = 2) -> CropPasses:
    """Five passes of a crop with that size on the image: grey, and given in white."""
    grey = np.full((SIDE, SIDE, 3), 100, np.uint8)
    one = Pass(grey, np.zeros((SIDE, SIDE), np.uint16), 0.5, 0.5, 0.5, True)
    return CropPasses(Geometry((0, 0, width, height), SIDE), np.full_like(grey, 255), (one,) * 5, judged)


@pytest.fixture
def strip(qtbot: QtBot) -> Iterator[PassStrip]:
    """On screen, wide enough for everything."""
    made = PassStrip()
    qtbot.addWidget(made)
    made.resize(900, 140)
    made.show_crop(passes_of(SIDE, SIDE), "inferno")
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()


def test_a_difference_that_was_chosen_is_shown_of_the_next_image_too(strip: PassStrip, qtbot: QtBot) -> None:
    assert strip.selected == (2, "picture")
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip._rect(1, "difference").center())
    assert strip.selected == (1, "difference")
    strip.show_words("Rebuilding the image …")
    strip.show_crop(passes_of(SIDE, SIDE, judged=3), "inferno")
    assert strip.selected == (3, "difference")
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip._rect(0, "picture").center())
    strip.show_crop(passes_of(SIDE, SIDE), "inferno")
    assert strip.selected == (2, "difference")  # what the model was given has no difference: nothing was chosen by it
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip._rect(2, "picture").center())
    strip.show_crop(passes_of(SIDE, SIDE), "inferno")
    assert strip.selected == (2, "picture")


def test_pictures_have_the_proportions_of_their_crop(strip: PassStrip) -> None:
    strip.show_crop(passes_of(60, 120), "inferno")
    shown = strip.grab().toImage()
    rect = strip._rect(0, "picture")
    middle = [shown.pixelColor(x, rect.center().y()).lightness() for x in range(rect.left(), rect.right() + 1)]
    given = [x for x, light in enumerate(middle) if light == 255]
    assert len(given) == pytest.approx(rect.width() / 2, abs=2)
    assert given[0] == pytest.approx(rect.width() / 4, abs=2)


@pytest.mark.parametrize("width", [340, 420, 470, 900])
def test_all_passes_fit_into_the_width(strip: PassStrip, width: int) -> None:
    strip.resize(width, strip.height())
    rects = [strip._rect(0, "picture"), *(strip._rect(one, "difference") for one in range(1, 6))]
    assert rects[0].left() >= 0 and rects[-1].right() < width
    assert all(one.right() < other.left() for one, other in pairwise(rects))
    word = strip.fontMetrics().horizontalAdvance("As given")
    assert rects[0].center().x() - word / 2 >= 0
    assert rects[0].center().x() + word / 2 <= strip._rect(1, "picture").left()
