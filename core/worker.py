"""The child process: `python -P -m core.worker train|score|reconstruct FOLDER [--detached] [--resume]`.

With several devices the first process starts the others, which are this program again and follow it; torchrun may
start all of them. It listens and speaks before torch is imported, writes only below its job folder, and never opens a
project. Exit codes are those of `core.errors.ExitCode`; 75 when its owner has gone (a checkpoint was written: the
training can be resumed).

`reconstruct` serves one owner with a finished training: requests (`core.reconstructions.Request`) come on stdin,
answers go to stdout as events, pictures below FOLDER/reconstructions. It ends by itself when nothing is asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import platform
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import ExitCode, FlawscopeError, StorageError, TrainingError
from core.events import EventPipe, Failure, Hello
from core.jobfiles import JobSpec
from core.jobs import Job
from core.training.control import COMMANDS, OWNER_GONE_EXIT, Control
from core.training.helpers import Member, leave_with_owner
from core.training.reporter import Reporter

if TYPE_CHECKING:
    from core.inference.requests import Requests

_NICE: Final = 10
_IDLE_S: Final = 60.0


def main(arguments: list[str] | None = None) -> int:
    """Do the job of a folder; the exit code."""
    parser = argparse.ArgumentParser(prog="core.worker", description="Work on a job folder.")
    parser.add_argument("command", choices=["train", "score", "reconstruct"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detached", action="store_true", help="obey control.jsonl, not the standard input")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint where there is one")
    parser.add_argument("--idle", type=float, default=_IDLE_S, help="reconstruct: end after so many idle seconds")
    asked = parser.parse_args(arguments)
    faulthandler.enable()
    if asked.command == "reconstruct":
        return _reconstruct(asked.folder.resolve(), asked.idle)
    job = Job(asked.folder)
    try:
        member = Member.of(os.environ)
        spec = job.spec()
        if asked.resume:
            spec = spec.model_copy(update={"resume": True})
        voice = member.voice(job.folder)
        voice.mkdir(parents=True, exist_ok=True)
        control = Control(voice, detached=asked.detached or member.launched or member.rank > 0)
        _listen(member, control)
        with Reporter(voice, run=spec.run, command=asked.command) as reporter:
            return _work(job, spec, member, reporter, control)
    except FlawscopeError as error:  # no job, or a disk on which nothing can be said
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _listen(member: Member, control: Control) -> None:
    """Hear the owner: of the job in the first process, of this process in a helper."""
    if member.rank == 0:
        if member.launched:  # nobody has taken away the commands of an earlier start
            (control.folder / COMMANDS).unlink(missing_ok=True)
        control.start()
    elif member.helper:
        leave_with_owner()
    if not member.helper:  # a helper is as nice as its owner
        _be_nice()


def _work(job: Job, spec: JobSpec, member: Member, reporter: Reporter, control: Control) -> int:
    try:
        reporter.hello()
        reporter.phase("loading", "Loading the framework")
        done = _run(job, spec, member, reporter, control)
        if done:
            return ExitCode.OK
        reporter.interrupted()
        return OWNER_GONE_EXIT
    except FlawscopeError as error:
        traceback.print_exc()
        reporter.failed(error, error.reason if isinstance(error, TrainingError) else error.code)
        return error.exit_code
    except Exception as error:
        traceback.print_exc()
        reporter.failed(_unexpected(error, job.folder), "unexpected")
        return ExitCode.UNEXPECTED


def _run(job: Job, spec: JobSpec, member: Member, reporter: Reporter, control: Control) -> bool:
    """True when the job ended well, False when its owner has gone."""
    import torch

    from core.training.devices import is_out_of_memory
    from core.training.joining import joined
    from core.training.judge import OwnerGone
    from core.training.recording import read_config
    from core.training.work import Worker

    torch.set_flush_denormal(True)  # moments of idle weights below 1e-38 are slow, and nothing
    config = read_config(job, spec, devices=member.size if member.launched else None)
    worker = Worker(job, spec, config, reporter, control)
    devices = config.train.devices if spec.command == "train" else spec.devices or 1
    try:
        worker.look_up()
        with joined(member, devices, job=job.folder, command=spec.command, look_up=worker.look_up) as group:
            done = replace(worker, group=group).work()
    except OwnerGone:
        return False
    except (RuntimeError, MemoryError) as error:  # outside of a step, which would have made do with less
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            "memory ran out",
            kept="The last checkpoint was kept",
            mend="Choose a smaller preset or image side, or a lower eval.batch, or close other programs",
            reason="memory",
        ) from error
    finally:
        torch.set_flush_denormal(False)  # a setting of the whole process, which may go on (tests do)
    reporter.finished(done)
    return True


def _reconstruct(training: Path, idle_s: float) -> int:
    """Not nice to others, unlike a training: a person waits for each answer."""
    from core.inference.requests import Requests
    from core.reconstructions import FOLDER, read_model

    folder = training / FOLDER
    answers = EventPipe(_own_stdout())
    requests = Requests(folder)
    requests.start()
    hello = Hello(run=training.name, command="reconstruct", pid=os.getpid(), host=platform.node())
    try:
        answers.write(hello)
        read_model(training)  # said at once when there is none: the framework takes seconds
        _serve(training, requests, answers, hello, idle_s)
    except BrokenPipeError:
        return OWNER_GONE_EXIT
    except Exception as error:
        traceback.print_exc()
        said = error if isinstance(error, FlawscopeError) else _unexpected(error, folder, kept="Nothing was changed")
        code = said.reason if isinstance(said, TrainingError) else said.code
        with contextlib.suppress(BrokenPipeError):
            answers.write(Failure(code=code, text=said.what, kept=said.kept, mend=said.mend))
        return said.exit_code
    return OWNER_GONE_EXIT if requests.owner_gone else ExitCode.OK


def _serve(training: Path, requests: Requests, answers: EventPipe, hello: Hello, idle_s: float) -> None:
    from core.inference.reconstructing import Rebuilder, serve  # torch begins here

    rebuilder = Rebuilder.load(training)
    device = rebuilder.device
    ready = {"framework": device.framework, "computing_on": device.name, "threads": device.threads}
    answers.write(hello.model_copy(update=ready))
    serve(rebuilder, requests, answers, idle_s=idle_s)


def _own_stdout() -> int:
    """A handle to the owner's pipe; what libraries print goes to the log instead."""
    handle = os.dup(1)
    os.dup2(2, 1)
    return handle


def _unexpected(error: Exception, folder: Path, *, kept: str = "The last checkpoint was kept") -> FlawscopeError:
    if isinstance(error, ImportError):
        return FlawscopeError(
            f"a library that training needs is missing or broken ({error})",
            kept="Nothing was changed",
            mend='Install it with: pip install "flawscope[train]"',
        )
    if isinstance(error, OSError) and error.errno is not None:
        return StorageError(f"a file could not be read or written ({error})", kept=kept)
    return FlawscopeError(
        f"something unforeseen happened ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})",
        path=folder / "log.txt",
        kept=kept,
        mend="The log has the details",
    )


def _be_nice() -> None:
    with contextlib.suppress(OSError, ImportError):
        if sys.platform == "win32":
            import psutil

            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.nice(_NICE)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads of libraries must not hold up the end
