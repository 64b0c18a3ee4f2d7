"""The picture below everything: its visible part is rendered once for each view, and painted piece by piece."""

from __future__ import annotations

from PySide6.QtGui import QImage, QPainter

from app.canvas.picture import Adjust, Picture
from app.canvas.viewport import Viewport, intersection
from core.words import Box


class Backdrop:
    """Keeps what was rendered last, until view, picture or adjustment are others."""

    def __init__(self) -> None:
        self._image: QImage | None = None
        self._at = (0, 0)  # of its first pixel, in device pixels
        self._made_of: tuple[Viewport, Picture, Adjust] | None = None

    def paint(self, painter: QPainter, view: Viewport, picture: Picture, adjust: Adjust, box: Box) -> None:
        """Paint what lies in `box`; the painter works in device pixels."""
        if self._made_of != (view, picture, adjust):
            self._image, self._made_of = None, (view, picture, adjust)
            self._render(view, picture, adjust)
        if self._image is None:
            return
        x, y = self._at
        part = intersection(box, (x, y, x + self._image.width(), y + self._image.height()))
        if part is not None:
            width, height = part[2] - part[0], part[3] - part[1]
            painter.drawImage(part[0], part[1], self._image, part[0] - x, part[1] - y, width, height)

    def _render(self, view: Viewport, picture: Picture, adjust: Adjust) -> None:
        shown = intersection(view.device_box(picture.extent), view.bounds)
        if shown is not None:
            pixels = picture.render(view, shown, adjust)
            height, width = pixels.shape[:2]
            wrapped = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
            self._image = wrapped.convertToFormat(QImage.Format.Format_RGB32)
            self._at = (shown[0], shown[1])
