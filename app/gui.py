"""Starts the window: application, look, crash trace, session; ends it in order."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

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
    if left:
        QTimer.singleShot(0, lambda: CrashDialog(left, window).open())
    code = app.exec()
    trace.stop()
    return code


def probe(started: float) -> int:
    """Start the window hidden, print how long it took from `started` (seconds since 1970) and end."""
    app = application(None)
    window = build(app)
    window.show()
    app.sendPostedEvents()
    window.grab()
    took = time.time() - started
    sys.stdout.write(json.dumps({"gui_start_s": round(took, 3), "torch_in_gui": "torch" in sys.modules}) + "\n")
    window.close()
    return 0


def application(arguments: list[str] | None) -> QApplication:
    """The one QApplication, with its names set."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(arguments or ["flawscope"])
    app.setApplicationName("Flawscope")
    app.setDesktopFileName("flawscope")
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
