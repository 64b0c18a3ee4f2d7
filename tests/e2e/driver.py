"""Plays a person at the real window: the real `main()`, real clicks and keys, waiting for what a person waits for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QMessageBox, QWidget

from app.cli import main
from app.gui import application
from app.window import MainWindow

Condition = Callable[[], object]
Play = Callable[[MainWindow], Iterator[Condition]]
_TICK_MS = 30


class Driver(QObject):
    """Goes on with a play whenever the condition it waits for holds."""

    def __init__(self, play: Play, patience: float, picture: Path) -> None:
        super().__init__()
        self._play = play
        self._patience = patience
        self._picture = picture
        self._steps: Iterator[Condition] | None = None
        self._waiting: Condition | None = None
        self._since = time.monotonic()
        self.problem: BaseException | None = None
        self.finished = False
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._on_tick)
        self._timer.start()

    def stop(self) -> None:
        """Play no more."""
        self._timer.stop()

    def _on_tick(self) -> None:
        self._timer.stop()  # a step may open an event loop of its own
        try:
            if self._go_on():
                self._timer.start()
        except BaseException as error:  # handed to the test
            self.problem = error
            self._give_up()

    def _go_on(self) -> bool:
        if self._steps is None:
            windows = [one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible()]
            if windows:
                self._steps = self._play(windows[0])
        elif self._waiting is not None and not self._waiting():
            if time.monotonic() - self._since > self._patience:
                raise TimeoutError(f"waited {self._patience} s in vain at line {self._line()}; see {self._picture}")
            return True
        if self._steps is not None:
            try:
                self._waiting = next(self._steps)
                self._since = time.monotonic()
            except StopIteration:
                self.finished = True
                return False
        return True

    def _line(self) -> int:
        frame = getattr(self._steps, "gi_frame", None)
        return frame.f_lineno if frame is not None else 0

    def _give_up(self) -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, MainWindow):
                widget.grab().save(str(self._picture))
        QApplication.exit(99)


def play_main(play: Play, *arguments: str, patience: float = 60.0, picture: Path) -> int:
    """Run `flawscope ARGUMENTS` here with `play` at the keyboard; the exit code. Raises what the play raised."""
    application(None)  # before the driver's timer, which needs one
    driver = Driver(play, patience, picture)
    before, sys.argv = sys.argv, ["flawscope", *arguments]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.argv = before
        driver.stop()
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, MainWindow):
                widget.session.shut_down()
                widget.deleteLater()
    if driver.problem is not None:
        raise driver.problem
    assert driver.finished, "the window closed before the play was over"
    return code


def click(widget: QWidget, at: QPoint | None = None) -> None:
    """A real click of the left button; the widget must be visible and enabled, as for a person."""
    assert widget.isVisible(), f"{widget} is not visible"
    assert widget.isEnabled(), f"{widget} is greyed"
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at or QPoint())


def press(widget: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """A key while `widget` has the focus."""
    QTest.keyClick(widget, key, modifiers)


def button(parent: QWidget, text: str) -> QAbstractButton:
    """The visible button that says `text`. Raises AssertionError naming those there are."""
    found = [one for one in parent.findChildren(QAbstractButton) if one.isVisible()]
    for one in found:
        if text.lower() in one.text().lower():
            return one
    raise AssertionError(f"no button says {text!r}; there are {[one.text() for one in found if one.text()]}")


def answer(text: str) -> Callable[[], bool]:
    """A condition that presses the button of a message box as soon as there is one."""

    def pressed() -> bool:
        for box in QApplication.topLevelWidgets():
            if isinstance(box, QMessageBox) and box.isVisible():
                for one in box.buttons():
                    if text.lower() in one.text().lower():
                        one.click()
                        return True
        return False

    return pressed
