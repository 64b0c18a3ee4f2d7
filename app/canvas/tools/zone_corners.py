"""The corners of a zone under a hand: which one is meant, where another comes in, how they are drawn."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.canvas.viewport import Viewport
from app.canvas.zone_board import HANDLE
from app.theme import COLOUR

Points = NDArray[np.float64]  # (N, 2) x, y in image coordinates
Grip = tuple[Literal["corner", "middle"], int]  # a corner, or the middle of the line from it to the next one

LEAST: Final = 3  # corners
_REACH: Final = 9.0  # units of the toolkit: so near is meant
_LONG: Final = 34.0  # units of the toolkit: a shorter line has no grip in its middle
_MIDDLE: Final = 3.2


def grip_at(points: Points, view: Viewport, x: float, y: float) -> Grip | None:
    """What lies under a device point; of several the nearest, corners before middles."""
    corners = _device(points, view)
    number, far = _nearest(corners, x, y)
    if far <= _REACH * view.dpr:
        return "corner", number
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    for number in np.flatnonzero(_lengths(corners) >= _LONG * view.dpr).tolist():
        if math.hypot(middles[number, 0] - x, middles[number, 1] - y) <= _REACH * view.dpr:
            return "middle", number
    return None


def edge_at(points: Points, view: Viewport, x: float, y: float) -> int | None:
    """The line under a device point, by the corner from which it goes to the next one."""
    starts = _device(points, view)
    ways = np.roll(starts, -1, axis=0) - starts
    length = np.maximum((ways**2).sum(axis=1), 1e-9)
    along = np.clip((((x, y) - starts) * ways).sum(axis=1) / length, 0, 1)
    number, far = _nearest(starts + along[:, None] * ways, x, y)
    return number if far <= _REACH * view.dpr else None


def dragged(points: Points, grip: Grip, x: float, y: float) -> Points:
    """A corner lies at an image point now; a new one, where a middle is held."""
    kind, number = grip
    if kind == "middle":
        return np.insert(points, number + 1, (x, y), axis=0)
    moved = points.copy()
    moved[number] = x, y
    return moved


def without(points: Points, number: int) -> Points | None:
    """One corner less; None where too few would be left."""
    return None if len(points) <= LEAST else np.delete(points, number, axis=0)


def paint_grips(painter: QPainter, view: Viewport, points: Points) -> None:
    """A square on every corner, a dot in the middle of every line that is long enough."""
    corners = _device(points, view)
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(COLOUR["accent"], 1.2 * view.dpr))
    painter.setBrush(QColor("white"))
    for number in np.flatnonzero(_lengths(corners) >= _LONG * view.dpr).tolist():
        radius = _MIDDLE * view.dpr
        painter.drawEllipse(QPointF(*middles[number]), radius, radius)
    painter.restore()
    for x, y in corners.tolist():
        paint_handle(painter, view, x, y)


def paint_handle(painter: QPainter, view: Viewport, x: float, y: float) -> None:
    """A square to take hold of, at a device point."""
    for reach, colour in ((HANDLE * view.dpr, QColor("white")), ((HANDLE - 1.2) * view.dpr, COLOUR["accent"])):
        painter.fillRect(QRectF(x - reach, y - reach, 2 * reach, 2 * reach), colour)


def _device(points: Points, view: Viewport) -> Points:
    return points * view.scale + (view.dx, view.dy)


def _lengths(corners: Points) -> NDArray[np.float64]:
    return np.asarray(np.hypot(*(np.roll(corners, -1, axis=0) - corners).T))


def _nearest(places: Points, x: float, y: float) -> tuple[int, float]:
    far = np.hypot(places[:, 0] - x, places[:, 1] - y)
    number = int(far.argmin())
    return number, float(far[number])
