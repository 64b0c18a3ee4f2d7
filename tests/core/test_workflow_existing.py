"""Which projects were made of a folder before."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.imaging import save_png
from core.project import Project
from core.workflow.existing import candidates, projects_of
from core.workflow.importing import Choice, import_folder


def test_projects_of_the_same_folder_are_found_also_while_one_is_open(tmp_path: Path) -> None:
    for name in ("nut", "bolt"):
        save_png(tmp_path / name / "good" / "0.png", np.zeros((8, 8, 3), np.uint8))
        import_folder(tmp_path / name, tmp_path / "projects" / name, Choice())
    broken = tmp_path / "projects" / "broken" / "broken.flawscope"
    broken.parent.mkdir()
    broken.write_bytes(b"no project")
    nut, bolt = (tmp_path / "projects" / name / f"{name}.flawscope" for name in ("nut", "bolt"))
    known = candidates(tmp_path / "projects", [str(nut), str(tmp_path / "gone.flawscope")])
    assert known[0] == nut and {nut, bolt, broken} <= set(known)
    with Project.open(nut, author="AB"):
        assert projects_of(tmp_path / "nut", known) == [nut]
    assert projects_of(tmp_path / "nut" / ".." / "bolt", known) == [bolt]
    assert projects_of(tmp_path / "other", known) == []
