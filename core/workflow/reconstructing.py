"""Asking a finished training to rebuild images: one child process a training, one request at a time, newest first."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pydantic import ValidationError

from core.annotation.roi import placed_box
from core.config import ProgressiveConfig
from core.config.overrides import problems
from core.errors import ConfigError, FlawscopeError, ImageError, InputError, StorageError, TrainingError
from core.events import AnyEvent, Failure, Hello, Reconstructed, parse_line
from core.files import storage_error
from core.jobs import own_session, worker_command, worker_environment, worker_error
from core.project import Project
from core.project.results import RunRow
from core.reconstructions import FOLDER, MOST_PASSES, Request
from core.workflow.deciding import differs

IDLE_S: Final = 300.0
PATIENCE_S: Final = 120.0  # for one image, the loading of the model included
MOST_WAITING: Final = 8  # whoever leafs through images wants the last ones
_CLOSING_S: Final = 0.1  # an idle child needs a few milliseconds; one at work has nothing to lose


@dataclass(frozen=True)
class Answer:
    """What became of a request: `error` is None where `core.reconstructions.read` finds the passes now."""

    request: Request
    error: FlawscopeError | None = None


@dataclass(frozen=True)
class Order:
    """A request, and the folder of the training that it goes to."""

    training: Path
    request: Request


def order(
    project: Project, number: int, image_id: int, *, scoring: int | None = None, passes: int = MOST_PASSES
) -> Order:
    """What to ask for one image of a project, by the settings of a scoring (None: the training's own).

    Raises `InputError` (no such training, scoring or image), `ConfigError` (settings out of their range).

    Crops are those of the training: the cells of the version of the ROI that it rests on, where it looked at cells.
    """
    run = project.run_by_number(number)
    row = project.image(image_id)
    cells = [] if run.roi_version_id is None else project.roi_version(run.roi_version_id).cells
    wanted = run.config.get("preprocess", {}).get("crop") == "roi"
    progressive = None if scoring is None else _progressive(project, run, scoring)
    lies = None if run.roi_version_id is None else project.alignment(run.roi_version_id, image_id)
    matrix = None if lies is None else lies.matrix
    boxes = tuple(placed_box(cell.box, matrix) for cell in cells) if cells and wanted else None
    return Order(run.folder, Request(image_id, str(row.path), boxes, passes, progressive, matrix))


def _progressive(project: Project, run: RunRow, scoring: int) -> ProgressiveConfig | None:
    """How a scoring made its passes; None where it is what the training does by itself."""
    found = next((one for one in project.scorings(run.id) if one.id == scoring), None)
    if found is None:
        raise InputError(f"training #{run.number} has no scoring {scoring} any more", mend="Choose another scoring")
    other = differs(run, found)
    if not other:
        return None
    if "weights" in other:
        raise InputError(
            f"these scores are of the weights {other['weights']}, reconstructions are made with the final ones",
            kept="Scores and heatmaps of this scoring are kept",
            mend="Choose the training's own scoring to look at reconstructions",
        )
    try:
        return ProgressiveConfig.model_validate({**run.config["progressive"], **other})
    except ValidationError as error:
        raise ConfigError(problems(error), path=run.folder) from error


class Reconstructor:
    """The child that rebuilds images with one training: started when asked, ended by itself after `idle_s` of quiet.

    Nothing here blocks but `close`. Call `poll` every 50 ms or so while `busy`. A child that dies with a request is
    started once more; an image that is not done after `patience_s` ends the child and is answered with an error.
    """

    def __init__(self, training: Path, *, idle_s: float = IDLE_S, patience_s: float = PATIENCE_S) -> None:
        self.training = training
        self.ready = False
        """Whether the model is loaded: the next answer takes a moment only."""
        self._idle_s = idle_s
        self._patience_s = patience_s
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._heard: queue.SimpleQueue[AnyEvent | None] = queue.SimpleQueue()
        self._waiting: list[Request] = []
        self._asked: Request | None = None
        self._answers: list[Answer] = []
        self._again = False
        self._deadline = 0.0

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._asked is not None or bool(self._waiting) or bool(self._answers)

    @property
    def alive(self) -> bool:
        """Whether there is a child, at work or idle."""
        return self._process is not None

    def ask(self, request: Request) -> None:
        """Queue a request: it is the next one; the oldest of too many are forgotten without an answer."""
        others = [one for one in self._waiting if one.image != request.image]
        self._waiting = [*others[-(MOST_WAITING - 1) :], request]
        self._go_on()

    def warm(self) -> None:
        """Load the model ahead of the first request; what keeps it from that is said to the request."""
        if self._process is None:
            with contextlib.suppress(FlawscopeError):
                self._start()

    def forget_waiting(self) -> None:
        """Drop what was not begun."""
        self._waiting.clear()

    def poll(self) -> list[Answer]:
        """The answers since the last call."""
        while (event := self._next_event()) is not None:
            if isinstance(event, Hello):
                self.ready = bool(event.framework)
            elif isinstance(event, Reconstructed):
                self._answer(event.image, None)
            elif isinstance(event, Failure):
                asked = self._asked.image if event.image is None and self._asked else event.image
                self._answer(asked, _error(event, self._asked))
        self._see_to_the_child()
        self._go_on()
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        """End the child; what was asked is not answered any more."""
        self._waiting.clear()
        self._answers.clear()
        self._asked = None
        process = self._process
        if process is None:
            return
        _shut(process.stdin)
        try:
            process.wait(_CLOSING_S)
        except subprocess.TimeoutExpired:  # within an import, or within an image
            process.kill()
        self._bury()

    def _go_on(self) -> None:
        if self._asked is None and self._waiting:
            self._again = False
            self._send(self._waiting.pop())

    def _send(self, request: Request) -> None:
        self._asked = request
        self._deadline = time.monotonic() + self._patience_s
        try:
            if self._process is None:
                self._start()
        except FlawscopeError as error:
            self._answer(request.image, error)
            return
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has just ended: seen, and started again, with the next poll
            self._process.stdin.write(request.to_json().encode() + b"\n")
            self._process.stdin.flush()

    def _answer(self, image: int | None, error: FlawscopeError | None) -> None:
        asked = self._asked
        if asked is not None and asked.image == image:
            self._asked = None
            self._answers.append(Answer(asked, error))

    def _see_to_the_child(self) -> None:
        """Notice that it ended or hangs."""
        process, asked = self._process, self._asked
        if process is None:
            return
        if process.poll() is None:
            if asked is not None and time.monotonic() > self._deadline:
                process.kill()
                self._bury()
                text = f"rebuilding took longer than {self._patience_s:.0f} s and was ended"
                self._answer(asked.image, TrainingError(text, path=asked.path, reason="patience"))
            return
        speaking = self._reader is not None and self._reader.is_alive()
        if speaking or not self._heard.empty():
            return  # its last words come with the next poll
        code = process.returncode
        self._bury()
        if asked is None:
            return
        if not self._again:  # idle for just too long, or killed: once more
            self._again = True
            self._send(asked)
            return
        log, text = self.training / FOLDER / "log.txt", f"the worker ended unexpectedly (exit code {code})"
        error = TrainingError(text, path=log, mend="The log has the details", reason="interrupted")
        self._answer(asked.image, error)

    def _next_event(self) -> AnyEvent | None:
        while not self._heard.empty():
            event = self._heard.get_nowait()
            if event is not None:
                return event
        return None

    def _start(self) -> None:
        folder = self.training / FOLDER
        command = [*worker_command("reconstruct", self.training), "--idle", str(self._idle_s)]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            log = (folder / "log.txt").open("wb")
        except OSError as error:
            raise storage_error(error, folder) from error
        with log:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=folder,
                    env=worker_environment(),
                    **own_session(),
                )
            except OSError as error:
                raise TrainingError(f"the worker could not be started: {error}", path=folder, reason="start") from error
        assert process.stdout is not None
        self.ready = False
        self._heard = queue.SimpleQueue()
        self._process = process
        self._reader = threading.Thread(
            target=_listen, args=(process.stdout, self._heard), name="reconstructions", daemon=True
        )
        self._reader.start()

    def _bury(self) -> None:
        process, reader = self._process, self._reader
        assert process is not None and reader is not None and process.stdout is not None
        process.wait()
        _shut(process.stdin)
        reader.join()
        _shut(process.stdout)
        self._process = self._reader = None
        self.ready = False


def _listen(stream: IO[bytes], heard: queue.SimpleQueue[AnyEvent | None]) -> None:
    for line in stream:
        heard.put(parse_line(line))


def _shut(stream: IO[bytes] | None) -> None:
    if stream is not None:
        with contextlib.suppress(OSError):
            stream.close()


def _error(failure: Failure, asked: Request | None) -> FlawscopeError:
    if failure.code == ImageError.code:
        path = None if asked is None else asked.path
        return ImageError(failure.text, path=path, kept=failure.kept, mend=failure.mend)
    if failure.code == StorageError.code:
        return StorageError(failure.text, kept=failure.kept, mend=failure.mend)
    return worker_error(failure.code, failure.text, kept=failure.kept, mend=failure.mend)
