"""The page Annotate in a window of its own, with a hand at mouse and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QScrollArea, QSplitter, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.commands import Actions
from app.pages.annotate import AnnotatePage
from app.session import Session
from core.words import LABELS


class Desk:
    """The page in a window of its own, with the few keys of it."""

    def __init__(self, qtbot: QtBot, session: Session) -> None:
        self.qtbot, self.session = qtbot, session
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.actions = Actions(self.window)
        self.page = AnnotatePage(session, self.actions)
        panel = self.page.inspector()
        assert panel is not None
        self.panel: QWidget = panel
        split = QSplitter(self.window)
        split.addWidget(self.page)
        scroll = QScrollArea(split)  # as in the window: what the inspector gains, the page does not lose
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.panel)
        split.addWidget(scroll)
        self.window.setCentralWidget(split)
        self.window.resize(1200, 700)
        self.window.show()
        qtbot.waitExposed(self.window)
        self.window.activateWindow()
        self.page.enter()

    def shows(self, image_id: int) -> None:
        """Wait until that image is on screen with what is laid over it."""
        self.qtbot.waitUntil(lambda: self.page.shown == image_id and self.page.overlays is not None, timeout=5000)
        self.qtbot.waitUntil(lambda: self.session.background.is_idle, timeout=5000)

    def go_to(self, image_id: int) -> Self:
        """Choose an image, and wait until it can be painted on."""
        self.session.set_current(image_id)
        self.shows(image_id)
        self.qtbot.waitUntil(lambda: self.page.painting.bench.sheet is not None)
        return self

    def take_brush(self) -> Self:
        """A brush of 7 pixels in the hand."""
        self.page.painting.choose("tool.brush")
        self.page.painting.bench.set_size(7)
        return self

    def press(self, key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.page.canvas, key, held)
        QApplication.processEvents()  # a strip that came or went moves the image

    def label_of(self, image_id: int) -> str:
        assert self.session.table is not None
        return LABELS[self.session.table.label[self.session.table.row_of([image_id])[0]]]

    def settled(self) -> None:
        self.qtbot.waitUntil(lambda: self.session.background.is_idle, timeout=5000)

    def texts(self) -> str:
        said = [*self.panel.findChildren(QLabel), *self.panel.findChildren(QToolButton)]
        return "\n".join(one.text() for one in said if one.isVisible())

    def at(self, x: float, y: float) -> QPoint:
        """Where an image point lies on the canvas, as a mouse can point at it."""
        view = self.page.canvas.view
        dx, dy = view.to_device(x, y)
        return QPointF(dx / view.dpr, dy / view.dpr).toPoint()

    def seen(self, x: float, y: float) -> tuple[float, float]:
        """The image point that a click at (x, y) hits: the mouse knows whole pixels of the screen."""
        view, place = self.page.canvas.view, self.at(x, y)
        return view.to_image(place.x() * view.dpr, place.y() * view.dpr)

    def drag(
        self,
        *points: tuple[float, float],
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press at the first image point, move through the others, let go at the last."""
        canvas, places = self.page.canvas, [self.at(*point) for point in points]
        QTest.mousePress(canvas, button, held, places[0])
        for place in places[1:]:
            QTest.mouseMove(canvas, place)
        QTest.mouseRelease(canvas, button, held, places[-1])

    def stored(self, image_id: int) -> NDArray[np.uint8] | None:
        """The mask that the project holds once everything is written."""
        self.settled()
        assert self.session.project is not None
        return self.session.project.mask(image_id)


DeskOpener = Callable[[Path], Desk]  # of the project in a file
