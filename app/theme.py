"""Two palettes of our own over Qt's Fusion style, fixed colours for meanings, one style sheet for what Fusion lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

Mode = Literal["system", "light", "dark"]
SPACE: Final = 8
TEXT_PX: Final = 13

# Okabe and Ito's colours: told apart with every common colour blindness. A shape goes with each on screen.
COLOUR: Final[Mapping[str, QColor]] = {
    "good": QColor("#009e73"),
    "defective": QColor("#d55e00"),
    "unsure": QColor("#cc79a7"),
    "roi": QColor("#56b4e9"),
    "accent": QColor("#2f7ad1"),
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
    "button": "#2a2f36", "line": "#363c44", "raised": "#262a30", "highlight": "#2f7ad1", "tooltip": "#2f353d",
}  # fmt: skip
_LIGHT: Final = {
    "window": "#f4f5f7", "base": "#ffffff", "alternate": "#f0f2f4", "text": "#1b1f24", "muted": "#646b75",
    "button": "#ffffff", "line": "#d5d9df", "raised": "#ffffff", "highlight": "#2f7ad1", "tooltip": "#ffffff",
}  # fmt: skip


class Notifier(QObject):
    """Says that the colours changed."""

    changed = Signal()


class Theme(QObject):
    """The look of one application; follows the system while the mode says so."""

    def __init__(self, app: QApplication, mode: Mode = "system") -> None:
        super().__init__(app)
        self._app = app
        self._mode: Mode = mode
        self.notifier = Notifier(self)
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
        self.notifier.changed.emit()

    def _on_scheme_changed(self, _: Qt.ColorScheme) -> None:
        if self._mode == "system":
            self._paint()


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


def mono() -> QFont:
    """The system's fixed-width font, for logs."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(TEXT_PX - 1)
    return font


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
        ("highlight", (role.Highlight, role.Link, role.LinkVisited)),
        ("muted", (role.PlaceholderText,)),
        ("line", (role.Mid, role.Midlight, role.Light, role.Dark)),
    ):
        for one in where:
            palette.setColor(one, QColor(tokens[name]))
    palette.setColor(role.HighlightedText, QColor("#ffffff"))
    faded = QColor(tokens["muted"])
    for one in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, one, faded)
    return palette


def _sheet(tokens: Mapping[str, str]) -> str:
    accent = COLOUR["accent"].name()
    rules = """
    QToolTip { border: 1px solid @line; padding: 4px 6px; color: @text; background: @tooltip; }
    QLabel[role="title"] { font-size: 20px; font-weight: 600; }
    QLabel[role="heading"] { font-size: 15px; font-weight: 600; }
    QLabel[role="section"] { font-weight: 600; }
    QLabel[role="muted"] { color: @muted; }
    QLabel[role="large"] { font-size: 28px; font-weight: 600; }
    QLabel[role="warning"] { color: @warning; }
    QFrame[role="card"] { background: @raised; border: 1px solid @line; border-radius: 8px; }
    QFrame[role="line"] { background: @line; border: none; max-height: 1px; min-height: 1px; }
    QPushButton { padding: 6px 14px; border: 1px solid @line; border-radius: 6px; background: @button; }
    QPushButton:hover { border-color: @accent; }
    QPushButton:pressed, QPushButton:checked { background: @alternate; border-color: @accent; }
    QPushButton:disabled { color: @muted; border-color: @line; }
    QPushButton:focus { border-color: @accent; }
    QPushButton[role="primary"] { background: @accent; border-color: @accent; color: #ffffff; font-weight: 600; }
    QPushButton[role="primary"]:hover { background: @accent_light; }
    QPushButton[role="primary"]:disabled { background: @button; color: @muted; border-color: @line; }
    QPushButton[role="primary"]:focus { border: 1px solid @text; }
    QPushButton[role="flat"] { border: 1px solid transparent; background: transparent; padding: 4px 8px; }
    QPushButton[role="flat"]:hover { background: @alternate; }
    QPushButton[role="flat"]:focus { border-color: @accent; }
    QPushButton[role="link"] { border: 1px solid transparent; background: transparent; color: @accent; padding: 2px 4px; text-align: left; }
    QPushButton[role="link"]:hover { text-decoration: underline; }
    QPushButton[role="link"]:focus { border-color: @accent; }
    QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox, QPlainTextEdit, QDateTimeEdit, QTimeEdit {
        border: 1px solid @line; border-radius: 5px; padding: 4px 6px; background: @base; selection-background-color: @accent; }
    QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QPlainTextEdit:focus { border-color: @accent; }
    QComboBox::drop-down { border: none; width: 18px; }
    QComboBox QAbstractItemView { border: 1px solid @line; background: @base; }
    QTreeView, QListView, QTableView { border: none; background: @base; outline: none; }
    QTreeView::item, QListView::item { padding: 3px 4px; }
    QHeaderView::section { background: @window; border: none; border-bottom: 1px solid @line; padding: 4px 6px; }
    QProgressBar { border: none; border-radius: 3px; background: @line; max-height: 6px; min-height: 6px; }
    QProgressBar::chunk { background: @accent; border-radius: 3px; }
    QSplitter::handle { background: @line; }
    QSplitter::handle:horizontal { width: 1px; } QSplitter::handle:vertical { height: 1px; }
    QScrollBar:vertical { width: 10px; background: transparent; } QScrollBar:horizontal { height: 10px; background: transparent; }
    QScrollBar::handle { background: @scroll; border-radius: 4px; min-height: 28px; min-width: 28px; margin: 1px; }
    QScrollBar::handle:hover { background: @muted; }
    QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
    QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
    QScrollArea { border: none; background: transparent; }
    QScrollArea > QWidget > QWidget { background: transparent; }
    QStatusBar { border-top: 1px solid @line; } QStatusBar::item { border: none; }
    QMenuBar { border-bottom: 1px solid @line; } QMenu { border: 1px solid @line; padding: 4px; }
    QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; } QMenu::item:selected { background: @accent; color: #ffffff; }
    QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }
    """
    words = dict(tokens) | {
        "accent": accent,
        "accent_light": COLOUR["accent"].lighter(112).name(),
        "warning": COLOUR["warning"].name(),
        "scroll": tokens["line"],
    }
    for name in sorted(words, key=len, reverse=True):
        rules = rules.replace(f"@{name}", words[name])
    return rules
