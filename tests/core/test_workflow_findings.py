"""What a person should know of a project's images, and what can be done about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from core.imaging import save_png
from core.project import Project
from core.workflow.findings import Finding, look
from core.workflow.importing import Choice, add_to, import_folder


def fill(root: Path, *names: str, size: tuple[int, int] = (16, 24), begin: int = 0) -> Path:
    for number, name in enumerate(names, begin):
        rng = np.random.default_rng(number)
        save_png(root / name, rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    return root


def of_kind(project: Project, kind: str) -> list[Finding]:
    return [finding for finding in look(project) if finding.kind == kind]


def test_a_clean_project_has_nothing_to_say(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)), "bad/0.png")
    import_folder(root, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        assert look(project) == []


def test_unreadable_images_come_together_and_are_mended_by_looking_again(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)))
    whole = (root / "good" / "3.png").read_bytes()
    (root / "good" / "3.png").write_bytes(whole[:90])
    (root / "good" / "4.png").write_bytes(b"")
    import_folder(root, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        (found,) = of_kind(project, "unreadable")
        assert found.sentence == "2 images cannot be read" and found.mend == "look_again"
        assert of_kind(project, "file") == []  # not one by one as well
        for name in ("3.png", "4.png"):
            (root / "good" / name).write_bytes(whole)
        add_to(project, None)
        assert of_kind(project, "unreadable") == []


def test_images_of_another_size_are_named(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)))
    fill(root, "good/odd.png", size=(30, 30), begin=50)
    import_folder(root, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        (found,) = of_kind(project, "sizes_differ")
        assert "1 image of nut has another size than 24 x 16" in found.sentence
        assert [row.path.name for row in project.images(ids=found.images)] == ["odd.png"]


def test_a_missing_folder_stops_work_and_comes_first(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)))
    import_folder(root, tmp_path / "project", Choice())
    shutil.move(root, tmp_path / "moved")
    with Project.open(tmp_path / "project") as project:
        first = look(project)[0]
        assert (first.kind, first.mend, first.stops) == ("folder_missing", "find_folder", True)
        assert str(root) in first.sentence


def test_files_that_went_are_told_with_what_is_kept(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)))
    import_folder(root, tmp_path / "project", Choice())
    (root / "good" / "0.png").unlink()
    with Project.open(tmp_path / "project") as project:
        add_to(project, None)
        (found,) = of_kind(project, "gone")
        assert "1 image is no longer in its folder" in found.sentence and "kept" in found.hint


def test_one_lot_only_is_worth_a_look(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/lot7_{n}.png" for n in range(12)), "bad/lot7_99.png")
    import_folder(root, tmp_path / "project", Choice(lot_pattern=r"(lot\d+)_"))
    with Project.open(tmp_path / "project") as project:
        (found,) = of_kind(project, "one_lot")
        assert "lot7" in found.sentence and found.mend == ""


def test_a_problem_that_was_seen_leaves_the_list(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)), "bad/0.png", "bad/1.png")
    save_png(root / "ground_truth" / "bad" / "0_mask.png", np.full((16, 24), 255, np.uint8))
    save_png(root / "ground_truth" / "bad" / "9_mask.png", np.full((16, 24), 255, np.uint8))
    import_folder(root, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        found = of_kind(project, "file")
        assert found
        for finding in found:
            project.solve_problems(finding.problems)
        assert of_kind(project, "file") == []


def test_files_of_which_the_same_is_said_come_together(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)), *(f"bad/{n}.png" for n in range(5)))
    save_png(root / "ground_truth" / "bad" / "0_mask.png", np.full((16, 24), 255, np.uint8))
    import_folder(root, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        (found,) = of_kind(project, "file")
        assert found.sentence.startswith("4 files: this defective image has no mask")
        assert found.hint == "1.png, 2.png, 3.png …"
        assert len(found.images) == len(found.problems) == 4


def test_a_problem_with_a_mask_is_mended_by_looking_again_or_taken_off(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)), "bad/0.png", "bad/1.png")
    for number in range(2):
        save_png(root / "ground_truth" / "bad" / f"{number}_mask.png", np.full((8, 8), 255, np.uint8))
    import_folder(root, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        (found,) = of_kind(project, "file")
        assert found.sentence.startswith("2 files: this mask measures 8 x 8 pixels, its image 24 x 16: it is left out")
        assert (found.mend, found.instead) == ("look_again", "seen")
        save_png(root / "ground_truth" / "bad" / "1_mask.png", np.full((16, 24), 255, np.uint8))
        add_to(project, None)
        (found,) = of_kind(project, "file")
        assert found.sentence.startswith("0_mask.png: this mask measures")


def test_good_images_with_a_mask_of_a_defect_contradict_themselves(tmp_path: Path) -> None:
    root = fill(tmp_path / "nut", *(f"good/{n}.png" for n in range(12)), "bad/0.png")
    import_folder(root, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        bad = next(iter(project.images(label="defective"))).id
        good = next(iter(project.images(label="good"))).id
        project.import_mask(bad, np.ones((16, 24), np.uint8))
        assert of_kind(project, "contradiction") == []
        project.import_mask(good, np.ones((16, 24), np.uint8))
        (found,) = of_kind(project, "contradiction")
        assert found.images == (good,) and found.sentence == "1 image labelled good has a mask of a defect"
        project.set_label([good], "defective")
        assert of_kind(project, "contradiction") == []
