"""What this installation is made of and can compute on: the facts a support question needs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

from core.assets import resources
from core.errors import FlawscopeError
from core.files import free_bytes
from core.jobs import worker_environment

_DISTRIBUTIONS: Final = (
    *("flawscope", "PySide6-Essentials", "pyqtgraph", "numpy", "opencv-python-headless", "pillow", "tifffile"),
    *("scikit-learn", "scipy", "statsmodels", "pydantic", "onnxruntime"),
    *("torch", "torchvision", "timm", "accelerate", "safetensors", "onnx"),
)
_WINDOW_PATIENCE_S: Final = 60.0
_PROBE: Final = """
import json, torch
import timm  # fails loudly where torchvision was built for another torch
gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
print(json.dumps({"threads": torch.get_num_threads(),
                  "gpus": [{"name": g.name, "memory_gib": round(g.total_memory / 2**30, 1)} for g in gpus]}))
"""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's list; `mend` is empty when nothing is wrong."""

    what: str
    fine: bool
    mend: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Everything that `flawscope doctor` says."""

    system: str
    python: str
    cores: int
    memory_gib: float
    free_disk_gib: float
    versions: dict[str, str | None]
    computing_on: str
    gui_start_s: float | None  # None: the window did not start
    torch_in_gui: bool | None
    findings: list[Finding]

    def as_json(self) -> dict[str, Any]:
        """Plain types, for `--json`."""
        return asdict(self)


def diagnose(folder: Path) -> Diagnosis:
    """Looks at this machine; starts a child to ask torch and one that is a window nobody sees. Some seconds."""
    versions = {name: _version(name) for name in _DISTRIBUTIONS}
    findings = [_training_finding(versions), _resources_finding()]
    computing, probe = _computing_on() if versions["torch"] else ("training is not installed", None)
    if probe is not None:
        findings.append(probe)
    seconds, torch_in_gui, window = _window()
    findings.append(window)
    free = free_bytes(folder) / 2**30
    findings.append(Finding(f"{free:.0f} GiB free at {folder}", free > 2, "" if free > 2 else "Free some space"))
    return Diagnosis(
        system=platform.platform(),
        python=platform.python_version(),
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        free_disk_gib=round(free, 1),
        versions=versions,
        computing_on=computing,
        gui_start_s=seconds,
        torch_in_gui=torch_in_gui,
        findings=findings,
    )


def computing_on() -> str:
    """What a training on this computer computes on; asks torch in a child, which takes some seconds."""
    return _computing_on()[0]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _training_finding(versions: dict[str, str | None]) -> Finding:
    missing = [name for name in ("torch", "torchvision", "timm", "accelerate", "safetensors") if not versions[name]]
    if missing:
        return Finding(
            f"training needs {', '.join(missing)}", False, 'Install them together: pip install "flawscope[train]"'
        )
    return Finding("everything for training is installed", True)


def _resources_finding() -> Finding:
    try:
        return Finding(f"resources in {resources()}", True)
    except FlawscopeError as error:
        return Finding(error.what, False, error.mend)


def _window() -> tuple[float | None, bool | None, Finding]:
    """Seconds from nothing to a painted window, and whether that process had imported torch."""
    start = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-P", "-m", "app.cli"]
    environment = {**worker_environment(), "QT_QPA_PLATFORM": "offscreen"}
    begin = time.time()
    try:
        answer = subprocess.run(
            [*start, "gui", "--hidden-probe"],
            capture_output=True,
            text=True,
            timeout=_WINDOW_PATIENCE_S,
            check=True,
            env=environment,
        ).stdout
        found = json.loads(answer.splitlines()[-1])
        seconds, heavy = float(found["usable_at"]) - begin, bool(found["torch_in_gui"])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError, KeyError, TypeError) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        mend = "Install the system libraries that it names; every other command works without the window"
        return None, None, Finding(f"the window does not start: {lines[-1] if lines else error}", False, mend)
    mend = "Report this: the window must start without the training libraries" if heavy else ""
    return seconds, heavy, Finding(f"the window starts in {seconds:.1f} s", not heavy, mend)


def _computing_on() -> tuple[str, Finding | None]:
    command = [sys.executable, "-P", "-c", _PROBE]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout
        found = json.loads(answer.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        mend = "Install torch, torchvision and timm together from one source, so that their compiled parts match"
        return "unknown", Finding(f"torch does not start: {lines[-1] if lines else error}", False, mend)
    if found["gpus"]:
        return ", ".join(f"{gpu['name']} ({gpu['memory_gib']} GiB)" for gpu in found["gpus"]), None
    return f"the processor, {found['threads']} thread{'' if found['threads'] == 1 else 's'}", None
