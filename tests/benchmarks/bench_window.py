"""Start to usable window, beside what a bare Qt window and the import of the training framework cost here."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

BUDGET_S = 1.5
_BARE = (
    "from PySide6.QtWidgets import QApplication, QMainWindow; import numpy, cv2;"
    "a = QApplication([]); w = QMainWindow(); w.resize(1280, 800); w.show(); w.grab()"
)


def seconds(*command: str, home: Path) -> float:
    """Median of three runs of a child process."""
    environment = {**os.environ, "FLAWSCOPE_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    taken = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=120)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def test_start(tmp_path: Path) -> None:
    """Prints the start beside a bare window with numpy and OpenCV, and beside `import torch`."""
    environment = {**os.environ, "FLAWSCOPE_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "app.cli", "gui", "--hidden-probe"]
    starts = []
    for _ in range(3):
        begin = time.time()
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=120)
        starts.append(float(json.loads(said.stdout)["usable_at"]) - begin)
    start = statistics.median(starts)
    bare = seconds(sys.executable, "-c", _BARE, home=tmp_path)
    torch = seconds(sys.executable, "-c", "import torch", home=tmp_path)
    print(f"\nstart to usable window   {start:5.2f} s   budget {BUDGET_S} s")
    print(f"bare window, numpy, cv2  {bare:5.2f} s   ratio {start / bare:.2f}")
    print(f"import torch             {torch:5.2f} s   ratio {start / torch:.2f} (the window never does it)")
