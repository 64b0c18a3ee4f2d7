"""A look into a folder before it is imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.imaging import save_png
from core.project import Project
from core.workflow.importing import Choice, import_folder
from core.workflow.previewing import PATTERNS, default_place, look_into, place_problem, try_pattern


def fill(root: Path, *names: str) -> Path:
    """Small pictures of these names below `root`."""
    for number, name in enumerate(names):
        rng = np.random.default_rng(number)
        save_png(root / name, rng.integers(0, 256, (16, 24, 3), dtype=np.uint8))
    return root


def test_images_are_grouped_as_they_were_read_good_ones_first(tmp_path: Path) -> None:
    names = [f"train/good/{n}.png" for n in range(6)] + ["test/good/0.png", "test/scratch/0.png", "test/scratch/1.png"]
    found = look_into(fill(tmp_path / "nut", *names), Choice())
    shown = [(group.split, group.label, group.defect_class, group.images) for group in found.groups]
    assert shown == [
        ("train", "good", "", 6),
        ("test", "good", "", 1),
        ("test", "defective", "scratch", 2),
    ]
    assert len(found.groups[0].first) == 6 and found.groups[0].first[0].name == "0.png"
    assert found.is_whole and found.recognition.kind == "mvtec"


def test_patterns_read_part_lot_and_camera_from_names(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", "ok/lot7_p1_cam1.png", "ok/lot7_p1_cam2.png", "ok/lot8_p2_cam1.png")
    choice = Choice(part_pattern=r"_(p\d+)_", lot_pattern=r"(lot\d+)", view_pattern=r"(cam\d)")
    found = look_into(root, choice)
    assert (found.parts, found.lots, found.views) == (2, ("lot7", "lot8"), ("cam1", "cam2"))
    import_folder(root, tmp_path / "project", choice)
    with Project.open(tmp_path / "project") as project:
        assert {view.code for view in project.views()} == {"cam1", "cam2"}
        rows = list(project.images())
    assert rows[0].part_id == rows[1].part_id and rows[0].lot == "lot7"


def test_a_pattern_that_is_none_is_said(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", "ok/1.png")
    with pytest.raises(InputError, match="regular expression"):
        look_into(root, Choice(lot_pattern="("))
    with pytest.raises(InputError, match="regular expression"):
        try_pattern("(", "lot", ("a",))


@pytest.mark.parametrize(
    ("pattern", "field", "span"),
    [
        (r"_(p\d+)_", "part", (8, 10)),
        (r"(?P<lot>lot\d+)", "lot", (3, 7)),
        (r"(?P<lot>lot\d+)", "part", None),  # its group names another field
        (r"(?P<camera>cam\d)", "view", (11, 15)),
        (r"lot\d", "lot", (3, 7)),
        (r"nothing", "lot", None),
        (r"(x?)", "lot", None),  # an empty match is no name
    ],
)
def test_the_live_example_finds_what_the_import_finds(pattern: str, field: str, span: tuple[int, int] | None) -> None:
    assert try_pattern(pattern, field, ("ok/lot7_p1_cam1.png",)) == [span]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "words", "found"),
    [
        ("part", "The whole file name", "lot7_p001_cam2"),
        ("part", "The last number in the file name", "2"),
        ("part", "The file name up to the first _", "lot7"),
        ("lot", "The folder that the file lies in", "2024-06-12"),
        ("lot", "What begins with lot, charge or batch", "lot7"),
        ("lot", "A date", "2024-06-12"),
        ("view", "What begins with cam or view", "cam2"),
        ("view", "The file name after the last _", "cam2"),
    ],
)
def test_the_common_ways_read_common_names(field: str, words: str, found: str) -> None:
    pattern = next(pattern for pattern, said in PATTERNS[field] if said == words)  # type: ignore[index]
    name = "good/2024-06-12/lot7_p001_cam2.png"
    (span,) = try_pattern(pattern, field, (name,))  # type: ignore[arg-type]
    assert span is not None and name[span[0] : span[1]] == found


def test_a_project_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    assert default_place(tmp_path, "pill") == tmp_path / "pill"
    (tmp_path / "pill").mkdir()
    assert default_place(tmp_path, "pill") == tmp_path / "pill 2"
    assert default_place(tmp_path, "a/b:c.") == tmp_path / "a_b_c"


def test_where_a_project_cannot_lie_is_said_before_it_is_tried(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "1.png")
    assert place_problem(tmp_path / "new", images) == ""
    assert "folder of images" in place_problem(images / "project", images)
    assert "whole path" in place_problem(Path("here"), images)
    assert "file" in place_problem(images / "1.png", tmp_path / "other")
    with Project.create(tmp_path / "there"):
        pass
    assert "already" in place_problem(tmp_path / "there", images)
