"""The real window in one look, and how states drive it and wait for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from picture_material import Material
from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPalette, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.banner import Banner
from app.gui import build
from app.pages.page import Page

SETTLED_MS: Final = 250
LOOK_MS: Final = 20
LONGEST_S: Final = 3.0
PATIENCE_S: Final = 60.0
TITLE_PX: Final = 32
BEAT_MS: Final = 5000


class StateError(Exception):
    """The window did not come into a state."""


class Studio:
    """One window in one look, and what the states need to drive it."""

    def __init__(self, app: QApplication, material: Material, look: str) -> None:
        self.app = app
        self.material = material
        self.look = look
        home = material.home / f"settings {look}"
        home.mkdir(parents=True, exist_ok=True)
        (home / "settings.json").write_text(json.dumps({"look.theme": look, "work.initials": "AB"}))
        material.settle_in(home)
        self.window = build(app, home)
        self.session = self.window.session
        self.window.resize(1600, 1000)
        self.window.show()
        self.shoot: Callable[[], None] = lambda: None  # at once, as it stands: for what lasts a moment only
        self._beat = QTimer(self.window)
        self._beat.timeout.connect(material.beat)
        self._beat.start(BEAT_MS)

    # -- waiting

    def until(self, there: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
        """Let events happen until `there` says so. Raises `StateError`."""
        end = time.monotonic() + seconds
        while not there():
            if time.monotonic() > end:
                raise StateError(f"waited {seconds:.0f} s for {what}")
            QTest.qWait(LOOK_MS)

    def settle(self) -> None:
        """Until nothing is read in the background any more; what lasts longer is shown as it goes on."""
        QTest.qWait(SETTLED_MS)
        end = time.monotonic() + LONGEST_S
        while not self.session.background.is_idle and time.monotonic() < end:
            QTest.qWait(LOOK_MS)
        QTest.qWait(SETTLED_MS)

    # -- driving

    def open(self, file: Path) -> None:
        """Have a project open, its images read; a press on what ended overnight is left to its own state."""
        if self.session.project is None or self.session.project.file != file:
            self.close()
            self.window.open_path(file)
            self.until(lambda: self.session.project is not None and self.session.is_complete, f"{file.name} to open")

    def close(self) -> None:
        """No project."""
        self.session.close()
        self.until(lambda: self.session.background.is_idle, "the project to close")

    def page(self, key: str) -> Page:
        """Show a page of the window."""
        self.window.go(key)
        page = self.window.page
        if page is None or page.key != key:
            raise StateError(f"there is no page {key}")
        self.settle()
        return page

    def dialog(self, name: str) -> QDialog:
        """The dialog of that class, once it is there."""
        self.until(lambda: self._dialogs(name), f"a {name}")
        self.settle()
        return self._dialogs(name)[0]

    def tidy(self) -> None:
        """No dialog, no message, nothing chosen: as the next state expects it."""
        for dialog in self._dialogs():
            dialog.close()
            dialog.deleteLater()
        for banner in self.window.findChildren(Banner):
            banner.dismiss()
        self.session.set_selection(())
        self.until(lambda: not self._dialogs(), "dialogs to close")

    def end(self) -> None:
        """Close the window; its threads end."""
        self.tidy()
        self.window.close()
        self.window.deleteLater()

    def _dialogs(self, name: str = "") -> list[QDialog]:
        shown = [one for one in self.app.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()]
        return [one for one in shown if not name or type(one).__name__ == name]


def picture(window: QWidget, dialog: QWidget | None) -> QPixmap:
    """The window as it is drawn, a dialog before its middle, with a frame and title as a desktop gives them."""
    whole = window.grab()
    if dialog is None:
        return whole
    front = dialog.grab()
    ratio = whole.devicePixelRatio()
    frame = QRect(0, 0, round(front.width() / ratio), round(front.height() / ratio) + TITLE_PX)
    frame.moveCenter(QPoint(window.width() // 2, window.height() // 2))
    painter = QPainter(whole)
    painter.fillRect(window.rect(), QColor(0, 0, 0, 110))
    painter.fillRect(frame.adjusted(-1, -1, 1, 1), dialog.palette().color(QPalette.ColorRole.Mid))
    painter.fillRect(frame, dialog.palette().color(QPalette.ColorRole.Button))
    painter.setPen(dialog.palette().color(QPalette.ColorRole.WindowText))
    title = QRect(frame.left(), frame.top(), frame.width(), TITLE_PX)
    painter.drawText(title, Qt.AlignmentFlag.AlignCenter, dialog.windowTitle())
    painter.drawPixmap(frame.left(), frame.top() + TITLE_PX, front)
    painter.end()
    return whole
