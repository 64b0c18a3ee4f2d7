"""Tables of what a project holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.workflow import listing
from tests.scored import make_project, strip_of_shots


def test_defects_are_counted_as_gtanoic_counts_them(tmp_path: Path) -> None:
    with make_project(tmp_path, strip_of_shots(), width=80, height=64) as project:
        (first, second, _) = project.images(label="defective")
        twice = np.zeros((64, 80), np.uint8)
        twice[2:6, 2:6] = twice[6:9, 6:9] = 1  # they touch at a corner: one defect
        twice[40:50, 40:50] = 1
        project.import_mask(first.id, twice)
        project.import_mask(second.id, np.zeros((64, 80), np.uint8))  # nothing painted: still one defect
        table = listing.defects(project)
    assert table.as_json() == [
        {
            "product": "nut",
            "scratch": 4,
            "instances": 4,
            "defective images": 3,
            "good images": 7,
            "size": "80x64",
        }
    ]
