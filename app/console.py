"""What the command line looks like: progress with a finish time, tables, one sentence an error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from core.workflow.progress import Progress as Reporter
from core.workflow.progress import silent

if TYPE_CHECKING:
    from core.workflow.listing import Listing

T = TypeVar("T")
_NAMED: Final = 20  # problems or images that are named one by one
_PIPE_WIDTH: Final = 160  # nothing is folded in a log that can be scrolled


class FinishColumn(ProgressColumn):
    """The time left, and the clock time at which the work will be done: what a person plans by."""

    def render(self, task: Task) -> Text:
        """Empty until the speed is known."""
        left = task.time_remaining
        if task.finished or left is None:
            return Text("")
        return Text(f"{format_seconds(left)} left, done {clock(left)}", style="dim")


class Screen:
    """Where the command line writes: with `--json`, stdout holds one JSON document alone."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._say = self.err if as_json else self.out

    def say(self, text: str, *, style: str | None = None) -> None:
        """One line for a person."""
        self._say.print(text, style=style, markup=False)

    def warn(self, text: str) -> None:
        """One line that stands out; never stops the work."""
        self.err.print(text, style="yellow", markup=False)

    def name_some(
        self,
        items: Sequence[T],
        say: Callable[[str], None],
        word: Callable[[T], str] = str,
        *,
        rest: str = ", all in --json.",
    ) -> None:
        """The first of many by `say` or `warn`; `rest` tells where the others are."""
        for item in items[:_NAMED]:
            say(word(item))
        if len(items) > _NAMED:
            say(f"... and {len(items) - _NAMED} more{rest}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
        """Numbers right-aligned, nothing cut."""
        table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
        for index, name in enumerate(columns):
            numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*["" if cell is None else Text(str(cell)) for cell in row])
        self._say.print(table)

    def listing(self, listing: Listing) -> None:
        """One table for a person; with `--json`, one object a row."""
        self.table(listing.columns, listing.rows)
        self.result(listing.as_json())

    def result(self, document: Any) -> None:
        """The machine's answer: printed only with `--json`."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()

    @contextmanager
    def progress(self) -> Iterator[Reporter]:
        """A bar a phase on a terminal; on a pipe, one line when a phase has ended."""
        if not self._say.is_terminal:
            yield self._plain_reporter() if not self.as_json else silent
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), FinishColumn())
        with Progress(*columns, console=self._say) as bars:
            tasks: dict[str, Any] = {}

            def report(phase: str, done: int, total: int | None) -> None:
                if phase not in tasks:
                    tasks[phase] = bars.add_task(phase, total=total)
                bars.update(tasks[phase], completed=done, total=total)

            yield report

    def _plain_reporter(self) -> Reporter:
        started: dict[str, float] = {}
        ended: set[str] = set()

        def report(phase: str, done: int, total: int | None) -> None:
            begin = started.setdefault(phase, time.monotonic())
            if total is not None and done >= total and phase not in ended:
                ended.add(phase)
                self.say(f"{phase}: {done:,} in {format_seconds(time.monotonic() - begin)}")

        return report


def format_seconds(seconds: float) -> str:
    """`48 s`, `6 min 20 s`, `3 h 05 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(seconds_from_now: float) -> str:
    """The wall-clock time then, with the weekday when it is not today."""
    now = datetime.now()
    then = now + timedelta(seconds=seconds_from_now)
    return then.strftime("%H:%M" if then.date() == now.date() else "%a %H:%M")
