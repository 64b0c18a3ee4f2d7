"""The same four images again and again: with an artificial defect, rebuilt, what was found, where it truly is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.session import Session
from app.words import tr
from core.events import Picture
from core.imaging import load_rgb8

ROLES: Final = ("image", "reconstruction", "map", "mask")
_ROWS: Final = 4
_GAP: Final = 6
_HEAD: Final = 22
_LARGEST: Final = 220
_ROOMY: Final = 116
_HEAD_PX: Final = 13
_SMALL_HEAD_PX: Final = 11
_MAPS: Final = {
    "inferno": cv2.COLORMAP_INFERNO,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "cividis": cv2.COLORMAP_CIVIDIS,
}


class PictureRows(QWidget):
    """One row an image, one column a role; files are read in the background."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._folder: Path | None = None
        self._steps: dict[int, int] = {}
        self._images: dict[tuple[int, str], QImage] = {}
        self._waiting = ""
        self._aspect = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(300, 200)

    @property
    def shown(self) -> int:
        """How many pictures can be seen."""
        return len(self._images)

    @property
    def tile(self) -> QSize:
        """Width and height of one picture on the screen."""
        room_x = (self.width() - 3 * _GAP) / 4
        room_y = (self.height() - _HEAD - (self._rows() - 1) * _GAP) / self._rows()
        wide = min(room_x, room_y * self._aspect, _LARGEST, _LARGEST * self._aspect)
        return QSize(max(16, int(wide)), max(16, round(int(wide) / self._aspect)))

    def show_pictures(
        self, folder: Path, pictures: Mapping[int, Picture], *, waiting: str, aspect: float = 1.0
    ) -> None:
        """Show the newest pictures of a training; `waiting` is said where there are none yet.

        The detector sees squares; they are shown in the proportions (width to height) that the parts have.
        """
        if folder != self._folder:
            self._folder = folder
            self._steps.clear()
            self._images.clear()
            self.update()
        if (waiting, aspect) != (self._waiting, self._aspect):
            self._waiting, self._aspect = waiting, aspect
            self.update()
        for index, picture in pictures.items():
            if self._steps.get(index) != picture.step:
                self._steps[index] = picture.step
                self._load(folder, picture)

    def sizeHint(self) -> QSize:
        return QSize(4 * 128, _HEAD + 4 * 128)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows, tile = self._rows(), self.tile
        wide, high = tile.width(), tile.height()
        if not self._images and self._waiting:
            self._draw_waiting(painter, QRectF(0, _HEAD, 4 * wide + 3 * _GAP, rows * high + (rows - 1) * _GAP))
            painter.end()
            return
        self._draw_heads(painter, wide)
        for row in range(rows):
            for column, role in enumerate(ROLES):
                place = QRectF(column * (wide + _GAP), _HEAD + row * (high + _GAP), wide, high)
                self._draw_tile(painter, place, self._images.get((row, role)))
        painter.end()

    def _rows(self) -> int:
        return max(_ROWS, 1 + max(self._steps, default=0))

    def _draw_waiting(self, painter: QPainter, box: QRectF) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.line(), 1))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.setPen(theme.muted())
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(box.adjusted(32, 0, -32, 0), flags, self._waiting)

    def _draw_heads(self, painter: QPainter, side: float) -> None:
        painter.setPen(theme.muted())
        font = QFont(self.font())
        font.setPixelSize(_HEAD_PX if side > _ROOMY else _SMALL_HEAD_PX)
        painter.setFont(font)
        for column, word in enumerate((tr("Artificial defect"), tr("Reconstruction"), tr("Heatmap"), tr("True place"))):
            box = QRectF(column * (side + _GAP), 0, side, _HEAD - 4)
            shown = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, round(side))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)

    def _draw_tile(self, painter: QPainter, place: QRectF, image: QImage | None) -> None:
        if image is None:
            faint = theme.line()
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(faint, 1, Qt.PenStyle.DotLine))
            painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))
        else:
            painter.drawImage(place, image)

    def _load(self, folder: Path, picture: Picture) -> None:
        colours = self._session.settings.get("look.colour_map")

        def work() -> dict[str, QImage]:
            return {role: _read(folder / name, role, colours) for role, name in picture.files.items() if role in ROLES}

        def done(images: dict[str, QImage]) -> None:
            if folder == self._folder:
                self._images.update({(picture.index, role): image for role, image in images.items()})
                self.update()

        # A picture that is gone, or was never whole, is left out: the next ones come by themselves.
        self._session.background.run(
            work, done, lambda _: None, owner=self, key=f"picture {picture.index}", lane="images"
        )


def _read(path: Path, role: str, colours: str) -> QImage:
    pixels: NDArray[np.uint8] = load_rgb8(path)
    if role == "map":
        coloured = cv2.applyColorMap(np.ascontiguousarray(pixels[..., 0]), _MAPS[colours])
        pixels = np.ascontiguousarray(coloured[..., ::-1], np.uint8)
    height, width = pixels.shape[:2]
    return QImage(np.ascontiguousarray(pixels).data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
