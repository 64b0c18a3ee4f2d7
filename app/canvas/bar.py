"""The line below a canvas: zoom, fit, brightness and contrast; on its left the page says what it likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.canvas.picture import Adjust
from app.canvas.view import Canvas
from app.commands import keys_text, tooltip
from app.icons import icon
from app.words import tr

_ZOOMS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_HEIGHT: Final = 36


class CanvasBar(QWidget):
    """Controls of one canvas. `left` is the page's own part of the line."""

    def __init__(self, canvas: Canvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self.setFixedHeight(_HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        row.setSpacing(theme.SPACE // 2)
        self.left = QHBoxLayout()
        self.left.setSpacing(theme.SPACE)
        row.addLayout(self.left, 1)
        self.adjust_button = self._button("contrast", tr("Brightness and contrast: for looking only"))
        self.adjust_button.clicked.connect(self._on_adjust_clicked)
        self.fit_button = self._button("fit", tooltip("view.fit"))
        self.fit_button.clicked.connect(canvas.fit)
        self.zoom_button = self._button("", tr("Zoom: the wheel zooms at the cursor"))
        self.zoom_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.zoom_button.setFont(theme.mono_numbers(self.zoom_button.font()))
        self.zoom_button.setFixedWidth(84)
        self.zoom_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.zoom_button.setMenu(self._zoom_menu())
        for button in (self.adjust_button, self.fit_button, self.zoom_button):
            row.addWidget(button)
        self._popup: AdjustPopup | None = None
        canvas.zoom_changed.connect(self._on_zoom_changed)
        canvas.picture_changed.connect(self._on_picture_changed)
        canvas.adjust_changed.connect(self._on_adjust_changed)
        self._on_picture_changed()

    def _button(self, name: str, hint: str) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setIconSize(QSize(18, 18))
        button.setToolTip(hint)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if name:
            button.setIcon(icon(name))
        return button

    def _zoom_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(f"{tr('Fit to the window')}\t{keys_text('view.fit')}", self._canvas.fit)
        menu.addSeparator()
        for zoom in _ZOOMS:
            keys = f"\t{keys_text('view.actual')}" if zoom == 1.0 else ""
            menu.addAction(f"{100 * zoom:.0f} %{keys}", self._zoom_to(zoom))
        return menu

    def _zoom_to(self, zoom: float) -> Callable[[], None]:
        return lambda: self._canvas.zoom_to(zoom)

    def _on_zoom_changed(self, zoom: float) -> None:
        self.zoom_button.setText(f"{zoom_text(zoom)} ▾")

    def _on_picture_changed(self) -> None:
        shown = self._canvas.picture is not None
        for button in (self.adjust_button, self.fit_button, self.zoom_button):
            button.setEnabled(shown)
        self.zoom_button.setText(f"{zoom_text(self._canvas.zoom)} ▾" if shown else "")

    def _on_adjust_changed(self, adjust: Adjust) -> None:
        self.adjust_button.setIcon(icon("contrast", None if adjust.is_neutral else theme.COLOUR["accent"]))

    def _on_adjust_clicked(self) -> None:
        if self._popup is None:
            self._popup = AdjustPopup(self._canvas, self)
        self._popup.open_above(self.adjust_button)


class AdjustPopup(QFrame):
    """Brightness, contrast and gamma of one canvas."""

    def __init__(self, canvas: Canvas, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._canvas = canvas
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        self._sliders: dict[str, QSlider] = {}
        words = (("brightness", tr("Brightness")), ("contrast", tr("Contrast")), ("gamma", tr("Dark areas")))
        for row, (name, word) in enumerate(words):
            slider = QSlider(Qt.Orientation.Horizontal, self)
            slider.setRange(-100, 100)
            slider.setFixedWidth(180)
            slider.setAccessibleName(word)
            slider.valueChanged.connect(self._on_slider_moved)
            grid.addWidget(QLabel(word, self), row, 0)
            grid.addWidget(slider, row, 1)
            self._sliders[name] = slider
        column.addLayout(grid)
        foot = QHBoxLayout()
        note = QLabel(tr("For looking only: nothing is changed."), self)
        note.setProperty("role", "muted")
        reset = QPushButton(tr("Reset"), self)
        reset.setProperty("role", "flat")
        reset.clicked.connect(lambda: self._canvas.set_adjust(Adjust()))
        foot.addWidget(note, 1)
        foot.addWidget(reset)
        column.addLayout(foot)
        canvas.adjust_changed.connect(self._show)
        self._show(canvas.adjust)

    def open_above(self, button: QWidget) -> None:
        """Show it over a button of the bar."""
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width() - self.width(), -self.height() - 4))
        self.move(corner)
        self.show()

    def _show(self, adjust: Adjust) -> None:
        for name, slider in self._sliders.items():
            slider.blockSignals(True)
            slider.setValue(round(100 * getattr(adjust, name)))
            slider.blockSignals(False)

    def _on_slider_moved(self) -> None:
        values = {name: slider.value() / 100 for name, slider in self._sliders.items()}
        self._canvas.set_adjust(Adjust(**values))


def zoom_text(zoom: float) -> str:
    """`38 %`, `1,600 %`."""
    return f"{100 * zoom:,.0f} %" if zoom >= 0.1 else f"{100 * zoom:.1f} %"
