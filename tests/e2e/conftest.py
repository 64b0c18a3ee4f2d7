"""The real program as a child process, and one small project that several tests look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.samples import write_samples

Run = Callable[..., "Ended"]


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


def flawscope(*arguments: str | Path, cwd: Path, timeout: float = 300) -> Ended:
    """Run the installed command, as a person's shell would, from `cwd`."""
    command = [str(Path(sys.executable).with_name("flawscope")), *map(str, arguments)]
    environment = {**os.environ, "FLAWSCOPE_AUTHOR": "AB", "COLUMNS": "160"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Trained:
    """A project with one short training, made by the command line alone."""

    folder: Path
    parts: Path
    project: Path
    imported: Ended
    trained: Ended


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Drawn chips, imported, trained with `micro`: only shows that everything holds together."""
    folder = tmp_path_factory.mktemp("Prüfung ü 检")
    parts = folder / "parts"
    write_samples(parts, kinds=["flip_chip_a"], train=12, test_good=4, per_class=1)
    imported = flawscope("import", parts, "project", "--json", cwd=folder)
    trained = flawscope("train", "project", "--preset", "micro", "--json", cwd=folder)
    return Trained(folder, parts, folder / "project", imported, trained)
