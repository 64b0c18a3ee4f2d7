"""The line above the image: what is laid over it, how strongly, in which colours, and how it is compared."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from app.commands import tooltip
from app.icons import icon
from app.session import Session
from app.words import tr

_MAPS: Final = ("inferno", "viridis", "cividis")
_NARROW: Final = 620


class ViewBar(QWidget):
    """Tells the viewer; remembers colours and opacity in the settings."""

    mode_chosen = Signal(str)
    layer_toggled = Signal(str, bool)
    heat_toggled = Signal(bool)
    opacity_chosen = Signal(float)
    colour_map_chosen = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._full = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(4)
        self.name = QLabel(self)
        self.name.setProperty("role", "section")
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setMinimumWidth(40)
        row.addWidget(self.name, 1)
        self.contour = self._toggle("contour", tr("Contour at the threshold"))
        self.contour.toggled.connect(lambda on: self.layer_toggled.emit("contours", on))
        self.painted = self._toggle("mask", tr("Painted defects"))
        self.painted.toggled.connect(lambda on: self.layer_toggled.emit("mask", on))
        self.heat = self._toggle("heat", tr("Keep the heatmap on; hold H to look at it for a moment"), checked=False)
        self.heat.toggled.connect(self.heat_toggled)
        for button in (self.contour, self.painted, self.heat):
            row.addWidget(button)
        self._add_heat(row)
        row.addSpacing(8)
        self._modes = QButtonGroup(self)
        for mode, word in (
            ("single", tr("The image alone")),
            ("side", tr("Image beside its reconstruction")),
            ("blink", tr("Image and reconstruction in turn")),
        ):
            button = self._toggle(mode, tooltip("view.compare", word), checked=False)
            button.setObjectName(mode)
            self._modes.addButton(button)
            row.addWidget(button)
        self._modes.buttonClicked.connect(lambda button: self.mode_chosen.emit(button.objectName()))

    def set_name(self, name: str) -> None:
        """Which image is shown."""
        self._full = name
        self.name.setToolTip(name)
        self._elide()

    def set_mode(self, mode: str) -> None:
        """How it is compared."""
        for button in self._modes.buttons():
            button.setChecked(button.objectName() == mode)

    def set_heat(self, pinned: bool) -> None:
        """Whether the heat stays on."""
        with QSignalBlocker(self.heat):
            self.heat.setChecked(pinned)

    def set_opacity(self, opacity: float) -> None:
        """How strong the heat is; remembered."""
        with QSignalBlocker(self.opacity):
            self.opacity.setValue(round(100 * opacity))
        self._session.settings.set("look.heat_opacity", max(5, round(100 * opacity)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Colours and opacity go first where there is no room."""
        super().resizeEvent(event)
        for widget in (self.opacity, self.colours):
            widget.setVisible(self.width() >= _NARROW)
        self._elide()

    def _elide(self) -> None:
        metrics = self.name.fontMetrics()
        self.name.setText(metrics.elidedText(self._full, Qt.TextElideMode.ElideLeft, max(self.name.width(), 40)))

    def _toggle(self, sign: str, words: str, *, checked: bool = True) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(sign))
        button.setIconSize(QSize(18, 18))
        button.setCheckable(True)
        button.setChecked(checked)
        button.setAutoRaise(True)
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _add_heat(self, row: QHBoxLayout) -> None:
        self.opacity = QSlider(Qt.Orientation.Horizontal, self)
        self.opacity.setRange(5, 100)
        self.opacity.setFixedWidth(84)
        self.opacity.setValue(int(self._session.settings.get("look.heat_opacity")))
        self.opacity.setToolTip(tr("Opacity of the heatmap  (Shift+wheel)"))
        self.opacity.setAccessibleName(tr("Opacity of the heatmap"))
        self.opacity.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.opacity.valueChanged.connect(lambda value: self.opacity_chosen.emit(value / 100))
        self.opacity.sliderReleased.connect(
            lambda: self._session.settings.set("look.heat_opacity", self.opacity.value())
        )
        row.addWidget(self.opacity)
        self.colours = QComboBox(self)
        words = {"inferno": tr("Inferno"), "viridis": tr("Viridis"), "cividis": tr("Cividis")}
        for name in _MAPS:
            self.colours.addItem(words[name], name)
        self.colours.setCurrentIndex(_MAPS.index(str(self._session.settings.get("look.colour_map"))))
        self.colours.setToolTip(tr("Colours of heatmap and differences"))
        self.colours.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.colours.activated.connect(self._on_colours_activated)
        row.addWidget(self.colours)

    def _on_colours_activated(self, _: int) -> None:
        self._session.settings.set("look.colour_map", self.colours.currentData())
        self.colour_map_chosen.emit(self.colours.currentData())
