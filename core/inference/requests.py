"""What a worker that rebuilds images hears: requests and commands on stdin, from the first moment on. No torch."""

from __future__ import annotations

import queue
import sys
from pathlib import Path

from core.reconstructions import Request
from core.training.control import Control


class Requests(Control):
    """Requests in the order in which they came; *stop* and the end of stdin are the end of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, detached=False)
        self._waiting: queue.SimpleQueue[Request | None] = queue.SimpleQueue()

    def next(self, patience_s: float) -> Request | None:
        """The next request; None when it is time to end: nothing came for so long, a stop, or nobody is left."""
        if self.leaving:
            return None
        try:
            return self._waiting.get(timeout=patience_s)
        except queue.Empty:
            return None

    def hear(self, line: str) -> None:
        """One line: a request, or a command."""
        if '"image"' in line:
            try:
                self._waiting.put(Request.from_json(line))
            except (ValueError, KeyError, TypeError) as error:
                sys.stderr.write(f"not a request ({error}): {line.strip()[:200]!r}\n")
            return
        super().hear(line)
        if self.leaving:
            self._waiting.put(None)

    def _leave(self) -> None:
        super()._leave()
        self._waiting.put(None)
