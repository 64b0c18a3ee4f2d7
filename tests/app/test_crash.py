"""Traces of processes that did not end in order: a real crash, beside a window that still runs."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.crash import CrashTrace

_RUN = """
import faulthandler, sys
from pathlib import Path
from app.crash import CrashTrace
trace = CrashTrace(Path(sys.argv[1]))
print(trace.left_behind())
trace.start()
sys.excepthook(ValueError, ValueError("in " + sys.argv[2]), None)
print("ready", flush=True)
if sys.stdin.readline() == "end\\n":
    trace.stop()
else:
    faulthandler._sigabrt()
"""


def begin(home: Path, name: str) -> subprocess.Popen[str]:
    """A process that keeps a trace with one error in it."""
    made = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(home), name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert made.stdout is not None
    while made.stdout.readline() != "ready\n":
        assert made.poll() is None
    return made


@pytest.fixture
def running(own_home: Path) -> Iterator[subprocess.Popen[str]]:
    made = begin(own_home, "the first window")
    yield made
    made.kill()
    made.communicate()


def test_a_second_window_leaves_the_trace_of_the_first_alone(own_home: Path, running: subprocess.Popen[str]) -> None:
    second = begin(own_home, "the second window")
    assert len(list(own_home.glob("crash-*.log"))) == 2
    second.communicate("end\n")
    mine = CrashTrace(own_home)
    assert mine.left_behind() == "", "one ended in order, the other one runs"
    running.communicate("crash\n")
    found = mine.left_behind()
    assert "in the first window" in found and "Aborted" in found and "second" not in found
    assert mine.left_behind() == "" and (own_home / "crash.last.log").read_text().strip() == found
    assert [one.name for one in own_home.glob("crash*")] == ["crash.last.log"]


def test_only_the_last_traces_are_kept_and_none_of_another_computer_is_taken_at_once(own_home: Path) -> None:
    for number in range(14):
        (own_home / f"crash-{socket.gethostname()}-{4_000_000 + number}-1000.log").write_text(f"trace <{number}>")
    (own_home / "crash.log").write_text("of an older version")
    strange = own_home / "crash-else-where-12-1000.log"
    strange.write_text("of another computer")
    found = CrashTrace(own_home).left_behind()
    assert "of an older version" in found and "<13>" in found and found.count("trace") == 9
    assert "of another" not in found and strange.exists()
