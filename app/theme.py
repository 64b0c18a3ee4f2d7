"""Two palettes of our own over Qt's Fusion style, fixed colours for meanings, one style sheet for what Fusion lacks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractSpinBox, QApplication

from core.assets import resources

Mode = Literal["system", "light", "dark"]
SPACE: Final = 8
TEXT_PX: Final = 13
_INDENT_PX: Final = 6

# Okabe and Ito's colours: told apart with every common colour blindness. A shape goes with each on screen. They are for
# shapes; text takes `ink`, because orange letters on a light ground cannot be read.
COLOUR: Final[Mapping[str, QColor]] = {
    "good": QColor("#009e73"),
    "defective": QColor("#d55e00"),
    "unsure": QColor("#cc79a7"),
    "roi": QColor("#56b4e9"),
    "accent": QColor("#2b74c9"),
    "train": QColor("#0072b2"),
    "tuning": QColor("#b8860b"),
    "test": QColor("#7a5cc0"),
    "unused": QColor("#8a8f98"),
    "unlabelled": QColor("#8a8f98"),
    "warning": QColor("#e69f00"),
    "muted": QColor("#8a8f98"),
}
SHAPE: Final[Mapping[str, str]] = {"good": "●", "defective": "▲", "unsure": "◆", "unlabelled": "○"}

_DARK: Final = {
    "window": "#1e2125", "base": "#17191c", "alternate": "#22262b", "text": "#e6e8eb", "muted": "#9aa1ab",
    "button": "#2a2f36", "line": "#363c44", "raised": "#262a30", "highlight": "#2b74c9", "tooltip": "#2f353d",
}  # fmt: skip
_LIGHT: Final = {
    "window": "#f4f5f7", "base": "#ffffff", "alternate": "#f0f2f4", "text": "#1b1f24", "muted": "#646b75",
    "button": "#ffffff", "line": "#d5d9df", "raised": "#ffffff", "highlight": "#2b74c9", "tooltip": "#ffffff",
}  # fmt: skip
_GROUNDS: Final = ("window", "base", "alternate", "button", "raised", "tooltip")
_READABLE: Final = 4.5  # WCAG 2.2, 1.4.3


class Theme(QObject):
    """The look of one application; follows the system while the mode says so."""

    def __init__(self, app: QApplication, mode: Mode = "system") -> None:
        super().__init__(app)
        self._app = app
        self._mode: Mode = mode
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
        app.setStyle("Fusion")
        font = QFont(app.font())
        font.setPixelSize(TEXT_PX)
        app.setFont(font)
        self._paint()

    def set_mode(self, mode: Mode) -> None:
        """Light, dark, or what the system says."""
        self._mode = mode
        self._paint()

    def _paint(self) -> None:
        dark = self._mode == "dark" or (
            self._mode == "system" and QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        )
        tokens = _DARK if dark else _LIGHT
        self._app.setPalette(_palette(tokens))
        self._app.setStyleSheet(_sheet(tokens))

    def _on_scheme_changed(self, _: Qt.ColorScheme) -> None:
        if self._mode == "system":
            self._paint()


def contrast(first: QColor, second: QColor) -> float:
    """How far two colours stand apart, 1 to 21 (WCAG 2.2, contrast ratio)."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def ink(meaning: str) -> QColor:
    """The colour of `meaning` as text: as near to it as can be read on every ground of the present look."""
    return QColor(_ink(meaning, is_dark()))


def is_dark() -> bool:
    """Whether the chrome is dark now."""
    return QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128


def muted() -> QColor:
    """The colour of what is said quietly."""
    return QColor((_DARK if is_dark() else _LIGHT)["muted"])


def line() -> QColor:
    """The colour of hairlines between areas."""
    return QColor((_DARK if is_dark() else _LIGHT)["line"])


def raised() -> QColor:
    """The colour of cards on the window."""
    return QColor((_DARK if is_dark() else _LIGHT)["raised"])


def mono_numbers(font: QFont) -> QFont:
    """`font` with digits of one width, so that numbers in columns and live counters stand still."""
    numbers = QFont(font)
    if hasattr(numbers, "setFeature"):
        numbers.setFeature(QFont.Tag("tnum"), 1)
    return numbers


def indent(box: QAbstractSpinBox) -> None:
    """As much room before the number as a line edit has; a style sheet's padding does not reach it."""
    box.lineEdit().setTextMargins(_INDENT_PX, 0, 0, 0)


def mono() -> QFont:
    """The system's fixed-width font, for logs."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(TEXT_PX - 1)
    return font


def _luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@cache
def _ink(meaning: str, dark: bool) -> str:
    """`#rrggbb`: the meaning's hue, darker or lighter by as many steps as it takes."""
    tokens, colour = _DARK if dark else _LIGHT, COLOUR[meaning]
    grounds = [QColor(tokens[name]) for name in _GROUNDS]
    hue, saturation, lightness = colour.hslHueF(), colour.hslSaturationF(), colour.lightnessF()
    while min(contrast(colour, ground) for ground in grounds) < _READABLE:
        lightness = min(1.0, max(0.0, lightness + (0.01 if dark else -0.01)))
        colour = QColor(QColor.fromHslF(max(0.0, hue), saturation, lightness).name())
    return colour.name()


def _palette(tokens: Mapping[str, str]) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for name, where in (
        ("window", (role.Window,)),
        ("base", (role.Base,)),
        ("alternate", (role.AlternateBase,)),
        ("text", (role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText)),
        ("button", (role.Button,)),
        ("tooltip", (role.ToolTipBase,)),
        ("highlight", (role.Highlight,)),
        ("muted", (role.PlaceholderText,)),
        ("line", (role.Mid, role.Midlight, role.Light, role.Dark)),
    ):
        for one in where:
            palette.setColor(one, QColor(tokens[name]))
    palette.setColor(role.HighlightedText, QColor("#ffffff"))
    for one in (role.Link, role.LinkVisited):
        palette.setColor(one, QColor(_ink("accent", tokens is _DARK)))
    faded = QColor(tokens["muted"])
    for one in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, one, faded)
    return palette


def _sheet(tokens: Mapping[str, str]) -> str:
    accent = COLOUR["accent"].name()
    rules = (resources() / "theme" / "flawscope.qss").read_text(encoding="utf-8")
    words = dict(tokens) | {
        "accent": accent,
        "accent_hover": COLOUR["accent"].darker(108).name(),
        "accent_ink": _ink("accent", tokens is _DARK),
        "warning_ink": _ink("warning", tokens is _DARK),
        "defective_ink": _ink("defective", tokens is _DARK),
        "scroll": tokens["line"],
        "folder": (resources() / "theme").as_posix(),
    }
    for name in sorted(words, key=len, reverse=True):
        rules = rules.replace(f"@{name}", words[name])
    return rules
