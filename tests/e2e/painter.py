"""A window of the program and a hand that paints in it until the process is killed; says each stroke on stdout.

`python -m tests.e2e.painter`: each line on stdin, a list of arguments, starts a window in a process of its own, one
after the other; what all of them import is imported once. One JSON object a line comes back. `born`: its process.
`open`: the image can be painted on. `stroke`: one was finished, `delta` is what it changed. `image`: the next image was
gone to. `died`: the process has ended.
"""

from __future__ import annotations

import base64
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from app.pages.annotate import AnnotatePage
from app.recovered import RecoveryLine
from app.window import MainWindow
from core.annotation.masks import Delta, pack_delta
from tests.e2e.driver import Condition, click, play_main

_STROKES_ON_AN_IMAGE = 12
_LEFT, _RIGHT, _NO_KEY = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier


def say(kind: str, **values: object) -> None:
    """One line, at once."""
    sys.stdout.write(json.dumps({"kind": kind, "at": time.time(), **values}) + "\n")
    sys.stdout.flush()


class Hand:
    """Paints on whatever image the page shows."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.dice = random.Random()
        self.page: AnnotatePage | None = None
        self.heard: object = None

    def ready(self) -> bool:
        """Whether the image can be painted on; its strokes are said from then on."""
        page = self.window.page
        if not isinstance(page, AnnotatePage) or page.shown is None or page.shown != self.window.session.current:
            return False
        sheet = page.painting.bench.sheet
        if sheet is None or page.overlays is None:
            return False
        if self.heard is not sheet:
            self.heard, self.page = sheet, page
            sheet.settled.connect(self.tell)
        return True

    def tell(self, delta: Delta, *_: object) -> None:
        """A stroke, or a part of a long one, was handed to whoever stores it."""
        packed = base64.b64encode(pack_delta(delta)).decode()
        say("stroke", image=self.page.shown if self.page else None, delta=packed)

    def point(self) -> QPoint:
        """Somewhere on the image."""
        assert self.page is not None
        canvas, extent = self.page.canvas, self.page.canvas.extent
        x = self.dice.uniform(extent[0], extent[2])
        y = self.dice.uniform(extent[1], extent[3])
        dx, dy = canvas.view.to_device(x, y)
        return QPointF(dx / canvas.view.dpr, dy / canvas.view.dpr).toPoint()


def play(window: MainWindow) -> Iterator[Condition]:
    """Paint, and go to the next image now and then; never ends by itself."""
    session, hand = window.session, Hand(window)
    yield lambda: session.is_complete
    if not isinstance(window.page, AnnotatePage):
        click(window._rail.button("annotate"))
    yield hand.ready
    line = window.findChild(RecoveryLine)
    assert line is not None
    if session.project is not None and session.project.crashed is not None:
        yield line.isVisible
    say("open", image=session.current, line=line.text.text() if line.isVisible() else "")
    page = window.page
    assert isinstance(page, AnnotatePage)
    if page.painting.tool != "tool.brush":
        page.painting.choose("tool.brush")
    page.painting.bench.set_size(9)
    while True:
        for _ in range(_STROKES_ON_AN_IMAGE):
            button = _RIGHT if hand.dice.random() < 0.25 else _LEFT
            QTest.mousePress(page.canvas, button, _NO_KEY, hand.point())
            until = time.monotonic() + (1.2 if hand.dice.random() < 0.1 else 0.0)  # some take long: stored in parts
            while True:
                yield lambda: True
                QTest.mouseMove(page.canvas, hand.point())
                if time.monotonic() > until:
                    break
            QTest.mouseRelease(page.canvas, button, _NO_KEY, hand.point())
            yield lambda: True
        last = session.current
        if not session.step(1):
            session.set_current(int(session.order[0]))
        yield lambda last=last: session.current != last and hand.ready()  # type: ignore[misc]
        say("image", image=session.current)


def serve() -> None:
    """Windows one after the other, until nobody asks for another."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(play_main(play, "gui", *json.loads(line), patience=60, picture=Path("stuck.png")))
        say("born", pid=child)
        os.waitpid(child, 0)
        sys.stdout.write("\n")  # behind what it could not finish
        say("died")


if __name__ == "__main__":
    serve()
