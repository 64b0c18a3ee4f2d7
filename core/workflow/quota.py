"""Maps under a quota: what is made again by itself goes first, the oldest before the newer.

Heatmaps are kept, whatever the quota says, of test images (pixel figures rest on them), of what the machine rejects, of
escapes, near the threshold, where a person gave a verdict, of trainings whose model is gone, and of models that were
kept on the way. The others are drawn again from the model when somebody looks at them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np

from core import reconstructions
from core.project import Project
from core.project.results import RunRow, Scoring
from core.words import SPLITS
from core.workflow import review
from core.workflow.deciding import differs
from core.workflow.review_table import DEFECTIVE

_CACHED: Final = 4  # reconstructions may always take one part in so many


def keep_quota(project: Project, *, keep: int) -> int:
    """Drop heatmaps and reconstructions until at most `keep` bytes are left, or only what stays anyway; bytes freed.

    A project that is open for reading only loses reconstructions alone: they are no part of it.
    """
    if project.read_only:
        return reconstructions.trim(project.folder, keep=keep)
    cached = reconstructions.size(project.folder)
    freed, left = _drop_heatmaps(project, keep - min(cached, keep // _CACHED))
    return freed + reconstructions.trim(project.folder, keep=max(keep // _CACHED, keep - left))


def _drop_heatmaps(project: Project, keep: int) -> tuple[int, int]:
    """Bytes that went, and that are left."""
    runs = {run.id: run for run in project.runs()}
    scorings = [one for one in project.scorings() if one.folder and one.run_id in runs]  # the oldest first
    sizes = {one.id: _files(project.folder / one.folder / "heatmaps") for one in scorings}
    total = sum(size for files in sizes.values() for size in files.values())
    freed = 0
    for one in scorings:
        run = runs[one.run_id]
        if total - freed <= keep:
            break
        if not sizes[one.id] or not (run.folder / "model.json").is_file() or "weights" in differs(run, one):
            continue  # nothing would draw them again
        kept = _kept(project, run, one)
        for path, size in sizes[one.id].items():
            if total - freed <= keep:
                break
            if _image(path) not in kept and _remove(path):
                freed += size
    return freed, total - freed


def _kept(project: Project, run: RunRow, scoring: Scoring) -> set[int]:
    """Images of a scoring whose heatmaps stay."""
    table = review.load(project, run.number, scoring.id)
    rejected = table.reach >= table.threshold
    chosen = (table.units.split == SPLITS.index("test")) | rejected | (table.label == DEFECTIVE) | (table.verdict > 0)
    chosen[review.queue(table, "near", table.threshold, "all")] = True
    return set(np.unique(table.units.image_id[chosen]).tolist())


def _files(folder: Path) -> dict[Path, int]:
    """Heatmaps by path, in the order of their names."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        found = {
            Path(one.path): one.stat(follow_symlinks=False).st_size for one in entries if one.name.endswith(".png")
        }
    return dict(sorted(found.items()))


def _image(path: Path) -> int:
    """The image that a heatmap is of: `12.png`, or `12_3.png` for one of several crops."""
    number = path.stem.split("_")[0]
    return int(number) if number.isdigit() else 0


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # held by another program, or gone
        return False
    return True
