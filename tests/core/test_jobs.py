"""A job folder, and a child process that behaves in every possible way; no torch is loaded here."""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core import jobs
from core.errors import InputError, StorageError, TrainingError
from core.events import Failure
from core.jobfiles import JobState, write_state
from core.jobs import Job, JobSpec, ManifestRow, RunningJob, ScoreSpec
from core.training.reporter import Reporter

ROWS = [
    ManifestRow(1, "/data/gut ä.png", "train", "good", sha256="00", width=4, height=3),
    ManifestRow(2, "/data/b.png", "test", "defective", boxes=((0, 0, 2, 2), (1, 1, 4, 3))),
]

SPEAK = """
import json, os, platform, sys, time, signal
folder = sys.argv[2]
def say(**event):
    with open(os.path.join(folder, "events.jsonl"), "a") as stream:
        stream.write(json.dumps({"seq": 1, "t": 0, **event}) + "\\n")
say(ev="hello", run="1", command="train", pid=os.getpid(), host="x")
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job.create(tmp_path / "runs" / "1", JobSpec(run="1", config={"model": "prff"}), ROWS)


@pytest.fixture
def start(job: Job, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], RunningJob]:
    """Start a worker that is a few lines of Python, told what a real one is told."""
    started: list[RunningJob] = []

    def begin(code: str, *, detach: bool = False) -> RunningJob:
        monkeypatch.setattr(
            jobs, "worker_command", lambda command, folder: [sys.executable, "-c", SPEAK + code, command, str(folder)]
        )
        running = job.start(detach=detach)
        started.append(running)
        return running

    yield begin
    for running in started:
        running.kill()
        running.close()


def listen_until(running: RunningJob, kind: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(event.ev == kind for event in running.poll_events()):
            return
    raise AssertionError(f"no {kind} came")


def test_a_job_folder_holds_what_was_asked_for(job: Job) -> None:
    assert job.spec() == JobSpec(run="1", config={"model": "prff"})
    assert list(job.manifest()) == ROWS
    assert job.state().status == "queued"


def test_a_score_job_asks_by_name(tmp_path: Path) -> None:
    spec = JobSpec(command="score", run="1", score=ScoreSpec(scoring="n1", passes=1, gate=0.4))
    assert Job.create(tmp_path, spec, []).spec().score.passes == 1


@pytest.mark.parametrize("line", ["nonsense", '{"id": 3}', '{"id": 3, "path": "x", "split": "held", "label": "good"}'])
def test_a_damaged_list_of_images_names_its_line(job: Job, line: str) -> None:
    path = job.folder / "manifest.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 3"):
        list(job.manifest())


def test_a_job_of_a_newer_version_is_refused(job: Job) -> None:
    record = json.loads((job.folder / "job.json").read_text())
    (job.folder / "job.json").write_text(json.dumps({**record, "schema": 99}))
    with pytest.raises(InputError, match="newer"):
        job.spec()


def test_a_running_state_whose_process_is_gone_is_interrupted(job: Job) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    born = psutil.Process(child.pid).create_time()
    child.wait()
    write_state(job.folder, JobState("running", pid=child.pid, create_time=born, host=platform.node(), step=5))
    state = job.state()
    assert state.status == "interrupted" and state.step == 5


def test_another_process_with_the_same_number_is_not_ours(job: Job) -> None:
    mine = psutil.Process()
    state = JobState("running", pid=mine.pid, create_time=mine.create_time(), host=platform.node())
    write_state(job.folder, state)
    assert job.state().status == "running"
    write_state(job.folder, JobState(**{**vars(state), "create_time": mine.create_time() - 60}))
    assert job.state().status == "interrupted"


@pytest.mark.parametrize("text", ["", "{", '{"status": "dancing"}', "[]"])
def test_a_damaged_state_counts_as_not_yet_started(job: Job, text: str) -> None:
    (job.folder / "state.json").write_text(text)
    assert job.state().status == "queued"


def test_a_running_job_is_neither_started_nor_created_again(job: Job) -> None:
    mine = psutil.Process()
    write_state(job.folder, JobState("running", pid=mine.pid, create_time=mine.create_time(), host=platform.node()))
    with pytest.raises(InputError, match="already running"):
        job.start()
    with pytest.raises(InputError, match="already running"):
        Job.create(job.folder, job.spec(), ROWS)


def test_the_end_is_known_by_the_workers_own_word(start: Callable[[str], RunningJob]) -> None:
    running = start('say(ev="done", outcome="stopped", step=3)')
    assert running.wait(30) == "stopped" and running.exit_code == 0 and running.failure() is None


def test_a_failure_carries_code_and_sentence(start: Callable[[str], RunningJob]) -> None:
    running = start('say(ev="error", code="diverged", text="the losses are no numbers", mend="Lower the rate")')
    assert running.wait(30) == "failed"
    failure = running.failure()
    assert isinstance(failure, TrainingError) and failure.reason == "diverged" and "Lower the rate." in str(failure)


def test_a_full_disk_is_a_storage_error(start: Callable[[str], RunningJob]) -> None:
    running = start('say(ev="error", code="storage", text="the disk is full")')
    running.wait(30)
    assert isinstance(running.failure(), StorageError)


def test_a_full_disk_is_known_even_when_nothing_could_be_written(start: Callable[[str], RunningJob]) -> None:
    running = start("sys.exit(7)")
    running.wait(30)
    assert isinstance(running.failure(), StorageError)


def test_a_reason_that_only_the_state_could_hold_is_told(start: Callable[[str], RunningJob]) -> None:
    running = start(
        """
state = {"status": "failed", "error_code": "diverged", "error": "the losses are no numbers"}
open(os.path.join(folder, "state.json"), "w").write(json.dumps(state))
"""
    )
    assert running.wait(30) == "failed"
    failure = running.failure()
    assert isinstance(failure, TrainingError) and failure.reason == "diverged" and "no numbers" in str(failure)


def test_a_reason_of_any_length_fits_into_its_event(job: Job) -> None:
    with Reporter(job.folder, run="1", command="train", log=io.StringIO()) as reporter:
        reporter.failed(TrainingError("no " * 100_000, reason="diverged"), "diverged")
    (failure,) = [event for event in jobs.follow(job.folder).drain() if isinstance(event, Failure)]
    assert failure.code == "diverged" and failure.text.startswith("no no")


@pytest.mark.parametrize(
    ("code", "how"),
    [("", "exit code 0"), ("os.kill(os.getpid(), 11)", "SIGSEGV"), ('print("\\xff" * 99); sys.exit(9)', "exit code 9")],
)
def test_an_end_without_a_word_is_interrupted(start: Callable[[str], RunningJob], code: str, how: str) -> None:
    running = start(code)
    assert running.wait(30) == "interrupted"
    assert how in str(running.failure()) and "log.txt" in str(running.failure())


def test_commands_reach_standard_input_and_its_end_means_the_owner_is_gone(
    start: Callable[[str], RunningJob], job: Job
) -> None:
    running = start(
        """
heard = [json.loads(line)["command"] for line in sys.stdin]
say(ev="warning", code="heard", text=" ".join(heard))
"""
    )
    listen_until(running, "hello")
    running.send("pause")
    running.send("resume")
    running.close()
    assert running.wait(30) == "interrupted"
    assert "pause resume" in job.events_path.read_text()


def test_a_stop_that_is_not_answered_ends_in_a_kill_of_the_group(
    start: Callable[[str], RunningJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STOP_PATIENCE_S", 0.2)
    monkeypatch.setattr(jobs, "_UNMEASURED_PATIENCE_S", 0.2)
    monkeypatch.setattr(jobs, "_TERMINATE_PATIENCE_S", 0.2)
    running = start(
        """
import subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
say(ev="warning", code="child", text=str(child.pid))
time.sleep(600)
"""
    )
    listen_until(running, "warning")
    (child,) = psutil.Process(running.pid).children()
    running.stop()
    assert running.wait(30) == "killed"
    assert running.exit_code == -signal.SIGKILL
    assert psutil.wait_procs([child], timeout=10)[1] == []


def test_terminate_is_told_from_kill(start: Callable[[str], RunningJob], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_STOP_PATIENCE_S", 0.2)
    monkeypatch.setattr(jobs, "_UNMEASURED_PATIENCE_S", 0.2)
    running = start("time.sleep(600)")
    listen_until(running, "hello")
    running.stop()
    assert running.wait(30) == "terminated"


def test_a_stop_that_was_answered_is_given_its_time(
    start: Callable[[str], RunningJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STOP_PATIENCE_S", 0.5)
    monkeypatch.setattr(jobs, "_UNMEASURED_PATIENCE_S", 0.5)
    running = start(
        """
sys.stdin.readline()
say(ev="phase", name="stopping")
time.sleep(1)
say(ev="done", outcome="stopped")
"""
    )
    listen_until(running, "hello")
    running.stop()
    assert running.wait(30) == "stopped"


def test_a_stop_while_scores_are_made_is_given_its_time(
    start: Callable[[str], RunningJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_STOP_PATIENCE_S", 0.5)
    monkeypatch.setattr(jobs, "_UNMEASURED_PATIENCE_S", 0.5)
    running = start(
        """
say(ev="phase", name="scoring")
sys.stdin.readline()
say(ev="heartbeat", name="scoring")
time.sleep(1)
say(ev="done", outcome="stopped")
"""
    )
    listen_until(running, "phase")
    running.stop()
    assert running.wait(30) == "stopped"


def test_a_detached_worker_is_found_again_and_hears_control_jsonl(start: Callable[[str], RunningJob], job: Job) -> None:
    start(
        """
import psutil
born = psutil.Process().create_time()
state = {"status": "running", "pid": os.getpid(), "create_time": born, "host": platform.node()}
open(os.path.join(folder, "state.json"), "w").write(json.dumps(state))
say(ev="warning", code="ready", text="")
path = os.path.join(folder, "control.jsonl")
while not (os.path.exists(path) and "stop" in open(path).read()):
    time.sleep(0.05)
say(ev="done", outcome="stopped")
""",
        detach=True,
    )
    listen_until(RunningJob(job, process=psutil.Process(), tail=jobs.follow(job.folder)), "warning")
    found = job.attach()
    found.stop()
    assert found.wait(30) == "stopped"
    with pytest.raises(InputError, match="no worker"):
        job.attach()


def test_a_folder_with_an_app_and_a_core_does_not_get_in_the_way(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('the wrong app')")
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('the wrong core')")
    monkeypatch.chdir(tmp_path)
    command = jobs.worker_command("train", job.folder)
    assert command[1:4] == ["-P", "-m", "core.worker"]
    probe = [*command[:2], "-c", "import core.jobs; print(core.jobs.__file__)"]
    shown = subprocess.run(probe, env=jobs.worker_environment(), capture_output=True, text=True, check=True)
    assert Path(shown.stdout.strip()) == Path(jobs.__file__)


def test_following_needs_no_torch() -> None:
    probe = "import sys, core.jobs, core.training.control, core.training.reporter; print('torch' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-P", "-c", probe], env=jobs.worker_environment(), capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "False"


@pytest.mark.skipif(os.name == "nt", reason="sessions are POSIX")
def test_a_worker_has_a_session_of_its_own(start: Callable[[str], RunningJob]) -> None:
    running = start("time.sleep(600)")
    listen_until(running, "hello")
    assert os.getsid(running.pid) == running.pid
