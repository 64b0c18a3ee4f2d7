"""The first pictures of a folder, grouped as they were read: label, split, defect class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app import theme
from app.background import Background, Task
from app.icons import icon
from app.words import count_words, label_word, split_word, tr
from core.workflow.previewing import Group

_SIDE: Final = 92
_GROUPS: Final = 24
_COLUMNS: Final = 4


class Picture(QWidget):
    """One small picture with round corners; says so when it cannot be read."""

    def __init__(self, path: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self._pixmap: QPixmap | None = None
        self._is_broken = False
        self.path = path
        self.setFixedSize(_SIDE, _SIDE)
        self.setToolTip(path.name)
        self.setAccessibleName(path.name)

    @property
    def is_shown(self) -> bool:
        """Whether there is a picture, or the sign that there is none."""
        return self._pixmap is not None or self._is_broken

    def show_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """(H, W, 3) uint8."""
        height, width = pixels.shape[:2]
        whole = np.ascontiguousarray(pixels)
        self._pixmap = QPixmap.fromImage(QImage(whole.data, width, height, 3 * width, QImage.Format.Format_RGB888))
        self.update()

    def show_broken(self, why: str) -> None:
        """It cannot be read."""
        self._is_broken = True
        self.setToolTip(f"{self.path.name}: {why}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(0, 0, _SIDE, _SIDE), 6, 6)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), theme.line())
        if self._is_broken:
            sign = icon("warning", theme.COLOUR["warning"]).pixmap(24, 24)
            painter.drawPixmap((_SIDE - 24) // 2, (_SIDE - 24) // 2, sign)
        elif self._pixmap is not None:
            width, height = self._pixmap.width(), self._pixmap.height()
            side = min(width, height)
            source = QRectF((width - side) / 2, (height - side) / 2, side, side)
            painter.drawPixmap(QRectF(0, 0, _SIDE, _SIDE), self._pixmap, source)


class ImportPictures(QScrollArea):
    """One line a group: what it is, how many, its first pictures. They are read in the background."""

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._tasks: list[Task] = []
        self.pictures: list[Picture] = []
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(4 * (_SIDE + 6) + 190)

    def show_groups(self, groups: Sequence[Group], *, products: int) -> None:
        """Show these instead of what was there."""
        self.cancel()
        self.pictures = []
        body = QWidget(self)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, theme.SPACE, 0)
        column.setSpacing(6)
        rows = 5 if len(groups) == 1 else 2 if len(groups) <= 3 else 1
        for group in groups[:_GROUPS]:
            column.addWidget(self._line(group, products, rows * _COLUMNS, body))
        if len(groups) > _GROUPS:
            more = QLabel(tr("and {n} more kinds", n=len(groups) - _GROUPS), body)
            more.setProperty("role", "muted")
            column.addWidget(more)
        column.addStretch(1)
        self.setWidget(body)
        for picture in self.pictures:
            self._load(picture)

    def cancel(self) -> None:
        """Read no more of them."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def _line(self, group: Group, products: int, pictures: int, parent: QWidget) -> QWidget:
        line = QWidget(parent)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        words = QVBoxLayout()
        words.setSpacing(2)
        kind = group.defect_class or label_word(group.label)
        title = QLabel(line)
        colour = theme.COLOUR[group.label].name()
        title.setText(f'<span style="color:{colour}">{theme.SHAPE[group.label]}</span>&nbsp; {kind}')
        title.setProperty("role", "section")
        about = [count_words(group.images, "image", "images")]
        if group.split != "unused":
            about.append(split_word(group.split))
        if products > 1:
            about.insert(0, group.product)
        facts = QLabel(" · ".join(about), line)
        facts.setProperty("role", "muted")
        words.addSpacing(_SIDE // 4)
        words.addWidget(title)
        words.addWidget(facts)
        words.addStretch(1)
        holder = QWidget(line)
        holder.setLayout(words)
        holder.setFixedWidth(170)
        row.addWidget(holder)
        grid = QGridLayout()
        grid.setSpacing(6)
        for index, path in enumerate(group.first[:pictures]):
            picture = Picture(path, line)
            self.pictures.append(picture)
            grid.addWidget(picture, index // _COLUMNS, index % _COLUMNS)
        row.addLayout(grid)
        row.addStretch(1)
        return line

    def _load(self, picture: Picture) -> None:
        path = picture.path

        def work() -> NDArray[np.uint8]:
            from core.imaging import guess_window, probe, thumbnail

            deep = probe(path).bits > 8
            return thumbnail(path, 2 * _SIDE, guess_window([path]) if deep else None)

        self._tasks.append(
            self._background.run(
                work,
                picture.show_pixels,
                lambda error: picture.show_broken(str(getattr(error, "what", error))),
                owner=picture,
                lane="images",
            )
        )
