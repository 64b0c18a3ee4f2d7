"""Masks that come in, those that cannot, and problems with them that close once they are mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.imaging import save_png
from core.project import Project
from core.workflow.annotations import import_annotations
from core.workflow.findings import look
from core.workflow.importing import Choice, add_lot, import_folder, relocate

SIZE = (16, 24)


def picture(path: Path, seed: int) -> None:
    save_png(path, np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8))


def mask(path: Path, size: tuple[int, int] = SIZE, value: int = 255) -> None:
    pixels = np.zeros(size, np.uint8)
    pixels[4:8, 5:9] = value
    save_png(path, pixels)


@pytest.fixture
def nut(tmp_path: Path) -> Path:
    """6 good and 3 scratched, each scratch with its mask."""
    root = tmp_path / "nut"
    for number in range(6):
        picture(root / "good" / f"{number}.png", number)
    for number in range(3):
        picture(root / "scratch" / f"{number}.png", 50 + number)
        mask(truth(root, f"{number}_mask.png"))
    return root


def truth(root: Path, name: str) -> Path:
    return root / "ground_truth" / "scratch" / name


def named(report_problems: tuple[str, ...], name: str) -> list[str]:
    return [problem for problem in report_problems if f"{name}: " in problem]


def open_texts(place: Path) -> list[str]:
    with Project.open(place, read_only=True) as project:
        return [f"{Path(problem.path).name}: {problem.text}" for problem in project.problems()]


def test_masks_that_fit_leave_nothing_to_say(nut: Path, tmp_path: Path) -> None:
    report = import_folder(nut, tmp_path / "project", Choice())
    assert (report.masks, report.problems) == (3, ())


def of_other_size(path: Path) -> None:
    mask(path, (32, 48))


def empty(path: Path) -> None:
    mask(path, value=0)


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (of_other_size, "this mask measures 48 x 32 pixels, its image 24 x 16: it is left out, the image stays"),
        (empty, "this mask is empty: it is left out"),
        (damaged, "this mask cannot be used ("),
    ],
)
def test_a_mask_that_cannot_be_used_is_said_once_and_its_problem_closes_when_it_is_mended(
    nut: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(truth(nut, "1_mask.png"))
    report = import_folder(nut, tmp_path / "project", Choice())
    assert report.masks == 2
    (said,) = report.problems
    assert str(truth(nut, "1_mask.png")) in said and words in said and "add the images again" in said
    assert len(add_lot(tmp_path / "project", None).problems) == 1  # looking again does not say it twice
    mask(truth(nut, "1_mask.png"))
    again = add_lot(tmp_path / "project", None)
    assert (again.masks, again.problems) == (3, ())
    with Project.open(tmp_path / "project", read_only=True) as project:
        assert len(project.masked_images()) == 3
        assert [one.kind for one in look(project)] == []
        assert len(project.problems(solved=True)) == 1  # kept as closed


def test_another_thing_wrong_with_a_mask_replaces_the_first(nut: Path, tmp_path: Path) -> None:
    of_other_size(truth(nut, "1_mask.png"))
    import_folder(nut, tmp_path / "project", Choice())
    empty(truth(nut, "1_mask.png"))
    (said,) = add_lot(tmp_path / "project", None).problems
    assert "this mask is empty" in said


def test_a_mask_without_image_and_its_image_without_mask_are_two_files_with_a_message_each(
    nut: Path, tmp_path: Path
) -> None:
    truth(nut, "2_mask.png").rename(truth(nut, "02_mask.png"))
    report = import_folder(nut, tmp_path / "project", Choice())
    assert len(report.problems) == 2
    (mask_said,) = named(report.problems, "02_mask.png")
    assert "this mask has no image of its name: it is left out" in mask_said
    (image_said,) = named(report.problems, "2.png")
    assert "this defective image has no mask: it is kept" in image_said
    truth(nut, "02_mask.png").rename(truth(nut, "2_mask.png"))
    assert add_lot(tmp_path / "project", None).problems == ()


def test_a_mask_closes_its_problem_when_its_image_comes(nut: Path, tmp_path: Path) -> None:
    mask(truth(nut, "7_mask.png"))
    assert len(import_folder(nut, tmp_path / "project", Choice()).problems) == 1
    picture(nut / "scratch" / "7.png", 77)
    report = add_lot(tmp_path / "project", None)
    assert (report.found.new, report.masks, report.problems) == (1, 4, ())


def test_a_mask_among_the_images_that_belongs_to_none_is_no_image(tmp_path: Path) -> None:
    root = tmp_path / "nut"
    for number in range(6):
        picture(root / "good" / f"{number}.png", number)
    for number in range(2):
        picture(root / "bad" / f"{number}.png", 50 + number)
    mask(root / "bad" / "0_mask.png")
    mask(root / "bad" / "01_mask.png")
    report = import_folder(root, tmp_path / "project", Choice())
    assert (report.found.new, report.masks) == (8, 1)
    assert len(named(report.problems, "01_mask.png")) == 1
    assert "has no image of its name" in named(report.problems, "01_mask.png")[0]


def test_images_that_are_all_called_masks_are_images(tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / "photo" / "good" / f"{number}_mask.png", number)
    report = import_folder(tmp_path / "photo", tmp_path / "project", Choice())
    assert (report.found.new, report.problems) == (4, ())


def test_of_two_masks_of_one_name_the_first_counts_and_the_other_is_named(nut: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full(SIZE, 255, np.uint8)).save(truth(nut, "0_mask.bmp"))
    report = import_folder(nut, tmp_path / "project", Choice())
    assert report.masks == 3
    (said,) = report.problems
    assert "0_mask.png: this mask has the name of 0_mask.bmp: that one counts" in said


def test_the_mask_of_an_image_without_label_is_named_and_comes_in_once_it_is_labelled(tmp_path: Path) -> None:
    root = tmp_path / "plain"
    for number in range(4):
        picture(root / "images" / f"{number}.png", number)
    mask(root / "ground_truth" / "images" / "3_mask.png")
    report = import_folder(root, tmp_path / "project", Choice())
    assert report.masks == 0
    (said,) = report.problems
    assert "3_mask.png: this mask belongs to an image that is not labelled defective: it is left out" in said
    with Project.open(tmp_path / "project") as project:
        (row,) = project.find_image(root / "images" / "3.png")
        project.set_label([row.id], "defective")
    again = add_lot(tmp_path / "project", None)
    assert (again.masks, again.problems) == (1, ())


def test_an_image_that_a_person_calls_good_keeps_its_mask_without_a_word(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        (row,) = project.find_image(nut / "scratch" / "0.png")
        project.set_label([row.id], "good")
    assert add_lot(tmp_path / "project", None).problems == ()
    with Project.open(tmp_path / "project", read_only=True) as project:
        assert len(project.masked_images()) == 3


def test_an_image_that_was_painted_lacks_no_mask(nut: Path, tmp_path: Path) -> None:
    truth(nut, "1_mask.png").unlink()
    assert len(import_folder(nut, tmp_path / "project", Choice()).problems) == 1
    with Project.open(tmp_path / "project") as project:
        (row,) = project.find_image(nut / "scratch" / "1.png")
        painted = np.zeros(SIZE, np.uint8)
        painted[2:5, 2:5] = project.add_class("scratch")
        project.import_mask(row.id, painted, origin="person")
    assert add_lot(tmp_path / "project", None).problems == ()


def test_masks_from_elsewhere_are_problems_of_the_project_until_they_fit(nut: Path, tmp_path: Path) -> None:
    for number in range(3):
        truth(nut, f"{number}_mask.png").unlink()
    mask(truth(nut, "0_mask.png"))
    import_folder(nut, tmp_path / "project", Choice())
    assert len(open_texts(tmp_path / "project")) == 2  # 1 and 2 have none
    out = tmp_path / "out" / "scratch"
    mask(out / "1_mask.png", (9, 9))
    mask(out / "2_mask.png")
    save_png(out / "2_classes.png", np.ones(SIZE, np.uint8))  # what an export puts beside
    mask(out / "99_mask.png")
    with Project.open(tmp_path / "project") as project:
        report = import_annotations(project, tmp_path / "out", "mvtec")
    assert (report.written, len(report.problems)) == (1, 2)
    found = open_texts(tmp_path / "project")
    assert len(found) == 3 and not any(text.startswith("2.png: ") for text in found)
    assert any(text.startswith("1_mask.png: this mask measures 9 x 9") for text in found)
    assert any(text.startswith("99_mask.png: this mask has no image") for text in found)
    mask(out / "1_mask.png")
    (out / "99_mask.png").unlink()
    with Project.open(tmp_path / "project") as project:
        assert import_annotations(project, tmp_path / "out", "mvtec").problems == []
    assert open_texts(tmp_path / "project") == []


def test_problems_with_masks_follow_images_that_were_moved(nut: Path, tmp_path: Path) -> None:
    of_other_size(truth(nut, "1_mask.png"))
    import_folder(nut, tmp_path / "project", Choice())
    nut.rename(tmp_path / "moved")
    with Project.open(tmp_path / "project") as project:
        relocate(project, tmp_path / "moved")
    (said,) = add_lot(tmp_path / "project", None).problems
    assert str(tmp_path / "moved") in said


def test_other_problems_stay_open(nut: Path, tmp_path: Path) -> None:
    import_folder(nut, tmp_path / "project", Choice())
    with Project.open(tmp_path / "project") as project:
        project.add_problem(nut / "good" / "0.png", "equals a picture that is defective: one of the labels is wrong")
    assert len(add_lot(tmp_path / "project", None).problems) == 1
