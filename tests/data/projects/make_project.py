"""Writes the small project that is kept for every schema version (see README.md)."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from core.annotation.masks import delta_between
from core.project import Cell, NewImage, NewScore, Project, Zone


def fill(project: Project) -> None:
    """Four images in two lots, one of them defective with a mask, a training, a decision, a verdict, a ROI."""
    root = Path("/pictures")
    rows = [
        NewImage(
            root / f"{number}.png",
            "pill",
            split="test" if number > 1 else "train",
            label="defective" if number == 3 else "good",
            defect_class="crack" if number == 3 else "",
            lot=f"L{number // 2}",
            size=100 + number,
            mtime_ns=number,
            width=12,
            height=10,
        )
        for number in range(4)
    ]
    project.add_images(rows, root=root)
    truth = np.zeros((10, 12), np.uint8)
    truth[2:5, 1:9] = 1
    project.import_mask(4, truth, author="ground truth")
    painted = truth.copy()
    painted[8, 0:6] = 1
    delta = delta_between(truth, painted)
    if delta is not None:
        project.add_stroke(4, delta, tool="brush", class_id=1)
    view = project.views()[0]
    project.set_roi(view.id, zones=[Zone("die", "inspect", {"box": [0, 0, 12, 9]})], cells=[Cell("1", (0, 0, 6, 9))])
    run = project.add_run(product="pill", model="prff", preset="quick", revision_id=project.freeze_revision("pill").id)
    project.update_run(run.id, state="finished", figures={"image_auroc": 1.0})
    scoring = project.add_scoring(run.id)
    project.add_scores(scoring, [NewScore(n, n / 4, areas=[n] * 64) for n in range(1, 5)])
    decision = project.add_decision(run.id, 0.5, scoring_id=scoring)
    project.add_verdict(3, "good", run_id=run.id, decision_id=decision.id, score=0.75)


def main() -> None:
    """Write the file named on the command line."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        with Project.create(Path(folder) / "work", target.stem, author="AB") as project:
            fill(project)
        shutil.copy(Path(folder) / "work" / f"{target.stem}.flawscope", target)


if __name__ == "__main__":
    main()
