"""The curves of a training: losses while training and on tuning images, redrawn at most five times a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.throttle import Throttle
from app.trace import Series
from app.words import tr

REDRAW_MS: Final = 200
_HEIGHT: Final = 120
_WIDE: Final = 2  # pixels of a line
_LEAST_POINTS: Final = 64
_TOTAL: Final = "total"
_HEADROOM: Final = 3.0  # the first steps may stretch what follows to a third of the height, not to less


def decimated(
    x: NDArray[np.float64], y: NDArray[np.float64], columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most 2 points a column, the lowest and the highest of each, in their order: no spike is lost."""
    count = len(x)
    if count <= 2 * columns:
        return x, y
    edges = np.linspace(0, count, columns + 1).astype(np.intp)[:-1]
    bounds = np.append(edges[1:], count)
    low = np.array([begin + int(np.argmin(y[begin:end])) for begin, end in zip(edges, bounds, strict=True)])
    high = np.array([begin + int(np.argmax(y[begin:end])) for begin, end in zip(edges, bounds, strict=True)])
    kept = np.sort(np.concatenate([low, high]))
    return x[kept], y[kept]


class LossChart(QWidget):
    """Two curves over the steps: the loss while training, and on tuning images. Lower is better."""

    drawn = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._train: Mapping[str, Series] = {}
        self._tuning: Mapping[str, Series] = {}
        self._plot = pg.PlotWidget(self, background=None)
        self._curve = self._plot.plot([], [])
        self._points = self._plot.plot([], [])
        self._above = pg.TextItem(anchor=(0, 0))
        self._set_up()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setMinimumHeight(_HEIGHT)
        self._throttle = Throttle(self._draw, REDRAW_MS, self)
        self.redraws = 0
        self.colour()

    def show_series(self, train: Mapping[str, Series], tuning: Mapping[str, Series]) -> None:
        """Draw these, soon; call it as often as there is news."""
        is_other = train is not self._train
        self._train, self._tuning = train, tuning
        if is_other:
            self._throttle.now()
        else:
            self._throttle.ask()

    @property
    def above(self) -> str:
        """What is said of values above the range that is shown; '' when all are in it."""
        return str(self._above.toPlainText()) if self._above.isVisible() else ""

    @property
    def shown_range(self) -> tuple[float, float]:
        """The lowest and the highest value that can be seen."""
        low, high = self._plot.getPlotItem().viewRange()[1]
        return float(low), float(high)

    def axis_room(self, name: str) -> float:
        """Height of the axis `bottom`, width of `left`, in pixels."""
        axis = self._plot.getAxis(name)
        return float(axis.height() if name == "bottom" else axis.width())

    def colour(self) -> None:
        """Take the theme's colours."""
        text = theme.muted()
        for name in ("left", "bottom"):
            axis = self._plot.getAxis(name)
            axis.setPen(pg.mkPen(theme.line()))
            axis.setTextPen(pg.mkPen(text))
        self._plot.getAxis("bottom").setLabel(tr("steps"), color=text.name())
        self._above.setColor(text)
        line = QColor(theme.COLOUR["train"].lighter(140) if theme.is_dark() else theme.COLOUR["train"])
        self._curve.setPen(pg.mkPen(line, width=_WIDE))
        tuning = theme.COLOUR["tuning"]
        self._points.setPen(pg.mkPen(tuning, width=_WIDE))
        self._points.setSymbol("o")
        self._points.setSymbolSize(6)
        self._points.setSymbolPen(None)
        self._points.setSymbolBrush(tuning)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.colour()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._throttle.ask()

    def _set_up(self) -> None:
        item = self._plot.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(x=False, y=False)
        item.setContentsMargins(0, 4, 4, 0)
        self._plot.setFrameShape(self._plot.Shape.NoFrame)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setToolTip(tr("How wrong the detector still is, step by step. Lower is better."))
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setStyle(tickLength=3, autoExpandTextSpace=False)
        item.getAxis("left").setWidth(44)
        item.getAxis("bottom").enableAutoSIPrefix(False)
        item.getAxis("bottom").setHeight(38)
        self._points.setVisible(True)
        item.addItem(self._above, ignoreBounds=True)

    def _draw(self) -> None:
        if not self.isVisible():
            return  # drawn when it is shown
        columns = max(_LEAST_POINTS, self.width())
        for item, series in ((self._curve, self._train.get(_TOTAL)), (self._points, self._tuning.get(_TOTAL))):
            if series is None or not len(series):
                item.setData([], [])
            else:
                item.setData(*decimated(series.x, series.y, columns))
        self._fit()
        self.redraws += 1
        self.drawn.emit()

    def _fit(self) -> None:
        """Show all steps; where the first few would flatten the rest, they are left above and said to be there."""
        series = self._train.get(_TOTAL)
        has_curve = series is not None and len(series) > 1
        for name in ("left", "bottom"):
            self._plot.getPlotItem().showAxis(name, has_curve)  # setVisible leaves an axis without the room it needs
        self._above.setVisible(False)
        if series is None or not has_curve:
            return
        y = series.y
        settled = y[len(y) // 10 :] if len(y) > 20 else y
        tuning = self._tuning.get(_TOTAL)
        values = settled if tuning is None or not len(tuning) else np.concatenate([settled, tuning.y])
        low, high = float(values.min()), float(values.max())
        top = float(y.max())
        if top - low <= _HEADROOM * (high - low):
            high = max(high, top)
        elif top > high:
            self._above.setText(tr("▲ the first steps reach {value:.3g}", value=top))
            self._above.setVisible(True)
        margin = 0.08 * (high - low) or 0.1
        self._above.setPos(float(series.x[0]), high + margin)
        self._plot.setXRange(float(series.x[0]), float(series.x[-1]), padding=0.01)
        self._plot.setYRange(max(0.0, low - margin), high + margin, padding=0)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.colour()
        self._throttle.now()
