"""Starts the window: application, look, crash trace, session; ends it in order."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.collector import GarbageCollector
from app.crash import CrashDialog, CrashTrace
from app.session import Session
from app.settings import Memory, Settings, home
from app.theme import Theme
from app.window import MainWindow

_PRELOAD_MS: Final = 100


def run(path: Path | None = None, *, arguments: list[str] | None = None) -> int:
    """Show the window, with a project or a folder of images; returns the exit code."""
    app = application(arguments)
    trace = CrashTrace(home())
    left = trace.left_behind()
    trace.start()
    window = build(app)
    trace.on_error = window.session.report
    window.appear()
    QTimer.singleShot(_PRELOAD_MS, window.preload)
    if path is not None:
        QTimer.singleShot(0, lambda: window.open_path(path))
    else:
        QTimer.singleShot(0, window.whereabouts.reopen)
    if left:
        QTimer.singleShot(0, lambda: CrashDialog(left, window).open())
    code = app.exec()
    trace.stop()
    return code


def probe() -> int:
    """Start the window hidden, print when it could be used (seconds since 1970) and end.

    Who started the process knows when that was; the process itself does not: its age is told from the boot time, and
    that is rounded to whole seconds.
    """
    app = application(None)
    window = build(app)
    window.show()
    app.sendPostedEvents()
    window.grab()
    found = {"usable_at": time.time(), "torch_in_gui": "torch" in sys.modules}
    sys.stdout.write(json.dumps(found) + "\n")
    window.close()
    return 0


def application(arguments: list[str] | None) -> QApplication:
    """The one QApplication, with its names set."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(arguments or ["flawscope"])
    app.setApplicationName("Flawscope")
    app.setDesktopFileName("flawscope")
    if app.findChild(GarbageCollector) is None:
        GarbageCollector(app)
    return app


def build(app: QApplication, place: Path | None = None) -> MainWindow:
    """A window with its own settings from `place` (the person's by default)."""
    folder = place or home()
    settings = Settings(folder / "settings.json")
    memory = Memory(folder / "memory.json")
    look = Theme(app, settings.get("look.theme"))
    session = Session(settings, memory)
    window = MainWindow(session, look)
    session.setParent(window)
    settings.setParent(window)
    memory.setParent(window)
    return window
