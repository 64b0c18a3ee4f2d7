"""The look: all text can be read on every ground, in both palettes; shapes keep the colours of their meaning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app import theme
from app.theme import COLOUR, Mode, Theme

OKABE_ITO = {"good": "#009e73", "defective": "#d55e00", "unsure": "#cc79a7", "roi": "#56b4e9", "warning": "#e69f00"}
GROUNDS = (
    QPalette.ColorRole.Window,
    QPalette.ColorRole.Base,
    QPalette.ColorRole.AlternateBase,
    QPalette.ColorRole.Button,
    QPalette.ColorRole.ToolTipBase,
)


@pytest.fixture(params=["light", "dark"])
def look(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Mode]:
    made = Theme(qapp, request.param)
    yield request.param
    made.set_mode("system")
    made.deleteLater()


def ratio(one: QColor, other: QColor) -> float:
    """WCAG's contrast ratio, written out anew."""

    def light(colour: QColor) -> float:
        channels = [value / 255 for value in (colour.red(), colour.green(), colour.blue())]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    brighter, darker = sorted((light(one), light(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_the_ratio_is_the_published_one() -> None:
    assert theme.contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21.0)
    assert theme.contrast(QColor("#777777"), QColor("#ffffff")) == pytest.approx(4.48, abs=0.005)  # just too weak
    assert theme.contrast(QColor("#767676"), QColor("#ffffff")) == pytest.approx(4.54, abs=0.005)


def test_every_colour_of_text_can_be_read_on_every_ground(look: Mode) -> None:
    palette = QApplication.palette()
    texts = {meaning: theme.ink(meaning) for meaning in COLOUR}
    texts |= {"quiet": theme.muted(), "link": palette.color(QPalette.ColorRole.Link)}
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
        QPalette.ColorRole.ToolTipText,
        QPalette.ColorRole.PlaceholderText,
    ):
        texts[role.name] = palette.color(role)
    grounds = {role.name: palette.color(role) for role in GROUNDS} | {"card": theme.raised()}
    weak = {
        f"{text} on {ground}": round(ratio(colour, under), 2)
        for text, colour in texts.items()
        for ground, under in grounds.items()
        if ratio(colour, under) < 4.5
    }
    assert weak == {}


def test_white_can_be_read_on_what_is_chosen_and_on_the_main_button(look: Mode) -> None:
    palette = QApplication.palette()
    chosen = palette.color(QPalette.ColorRole.HighlightedText), palette.color(QPalette.ColorRole.Highlight)
    assert ratio(*chosen) >= 4.5
    assert ratio(QColor("#ffffff"), COLOUR["accent"]) >= 4.5


def test_words_of_labels_and_links_have_the_colour_of_text(qtbot: QtBot, look: Mode) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    ground = window.palette().color(QPalette.ColorRole.Window)
    for role, meaning in (("warning", "warning"), ("wrong", "defective"), ("chip", "warning")):
        label = QLabel("out of date", window)
        label.setProperty("role", role)
        label.ensurePolished()
        worn = label.palette().color(label.foregroundRole())
        assert worn == theme.ink(meaning), role
        assert ratio(worn, ground) >= 4.5, role
    link = QPushButton("Show", window)
    link.setProperty("role", "link")
    link.ensurePolished()
    assert link.palette().color(QPalette.ColorRole.ButtonText) == theme.ink("accent")


def test_shapes_keep_the_colours_that_everybody_can_tell_apart(look: Mode) -> None:
    assert {meaning: COLOUR[meaning].name() for meaning in OKABE_ITO} == OKABE_ITO


def test_the_colour_of_text_keeps_the_hue_of_its_meaning(look: Mode) -> None:
    for meaning in OKABE_ITO:
        apart = abs(theme.ink(meaning).hslHue() - COLOUR[meaning].hslHue())
        assert min(apart, 360 - apart) <= 4, meaning
