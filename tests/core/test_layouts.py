"""Folders as people lay them out: what is recognised, what it is called, what is said about what is missing."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.layouts import Entry, ScanReport, natural_key, recognise, role_of, scan


def tree(root: Path, *names: str) -> Path:
    """Empty files: a layout is names only. "test/crack/{0..3}.png" makes four."""
    for name in names:
        head, brace, rest = name.partition("{0..")
        last, _, tail = rest.partition("}")
        for each in [f"{head}{i}{tail}" for i in range(int(last) + 1)] if brace else [name]:
            path = root / each
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def entries(root: Path, **options: object) -> list[Entry]:
    return list(scan(recognise(root), **options))  # type: ignore[arg-type]


def mvtec(root: Path) -> Path:
    return tree(
        root,
        "train/good/{0..11}.png",
        "test/good/{0..2}.png",
        "test/crack/{0..3}.png",
        "test/faulty_imprint/{0..1}.png",
        "ground_truth/crack/{0..3}_mask.png",
        "ground_truth/faulty_imprint/{0..1}_mask.png",
        "readme.txt",
        "license.txt",
    )


# MVTec AD


def test_mvtec_is_recognised_in_one_sentence(tmp_path: Path) -> None:
    found = recognise(mvtec(tmp_path / "pill"))
    assert (found.kind, found.products) == ("mvtec", ("pill",))
    assert found.sentence == "MVTec AD layout: 1 product, 12 training, 9 test images, 2 defect classes, 6 masks."
    assert found.notes == ()


def test_mvtec_keeps_its_splits_labels_classes_and_masks(tmp_path: Path) -> None:
    got = {entry.relative: entry for entry in entries(mvtec(tmp_path / "pill"))}
    train, good, crack = got["train/good/10.png"], got["test/good/0.png"], got["test/crack/3.png"]
    assert (train.split, train.label, train.mask, train.product) == ("train", "good", None, "pill")
    assert (good.split, good.label, good.defect_class) == ("test", "good", "")
    assert (crack.split, crack.label, crack.defect_class) == ("test", "defective", "crack")
    assert crack.mask == tmp_path / "pill" / "ground_truth" / "crack" / "3_mask.png"
    assert got["test/faulty_imprint/0.png"].defect_class == "faulty_imprint"
    assert len(got) == 21


def test_a_root_of_several_categories_gives_one_product_each(tmp_path: Path) -> None:
    for name in ("pill", "screw", "zipper"):
        mvtec(tmp_path / name)
    tree(tmp_path, "notes/sketch.png")
    found = recognise(tmp_path)
    assert found.products == ("pill", "screw", "zipper")
    assert found.sentence.startswith("MVTec AD layout: 3 products, 36 training, 27 test images")
    assert found.notes == ("Left aside, laid out in another way: notes.",)
    assert Counter(entry.product for entry in scan(found)) == {"pill": 21, "screw": 21, "zipper": 21}
    (one,) = recognise(tmp_path, product="screw").folders
    assert one == tmp_path / "screw"
    with pytest.raises(InputError, match=r"no product 'bolt'.*pill, screw, zipper"):
        recognise(tmp_path, product="bolt")


def test_a_wrapping_folder_is_looked_through(tmp_path: Path) -> None:
    mvtec(tmp_path / "download" / "mvtec" / "pill")
    found = recognise(tmp_path / "download")
    assert (found.kind, found.products) == ("mvtec", ("pill",))
    assert next(scan(found)).relative.startswith("mvtec/pill/")


def test_train_and_test_with_good_and_bad_inside_train_on_good_only(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "Train/OK_front/{0..4}.jpeg",
        "Train/def_front/{0..2}.jpeg",
        "Test/ok_front/0.jpeg",
        "Test/def_front/0.jpeg",
    )
    got = Counter((e.split, e.label, e.defect_class) for e in entries(tmp_path))
    assert got == {
        ("train", "good", ""): 5,
        ("unused", "defective", "def_front"): 3,
        ("test", "good", ""): 1,
        ("test", "defective", "def_front"): 1,
    }


def test_images_directly_in_train_are_good_and_validation_is_left_to_the_workflow(tmp_path: Path) -> None:
    tree(tmp_path, "train/{0..3}.png", "validation/good/0.png", "test/good/0.png", "test/hole/0.png")
    got = Counter((e.split, e.label) for e in entries(tmp_path))
    assert got == {("train", "good"): 4, ("unused", "good"): 1, ("test", "good"): 1, ("test", "defective"): 1}


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (["train/good/0.png", "test/good/0.png"], "no defective images"),
        (["test/crack/0.png"], "no good images"),
        (["test/good/0.png", "test/crack/0.png"], "no training images"),
        (["good/0.png"], "no defective images"),
        (["ng/0.png"], "no good images"),
        (["0.png"], "Nothing says which images are good"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, names: list[str], note: str) -> None:
    assert note in " ".join(recognise(tree(tmp_path, *names)).notes)


# Good and bad


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("good", "bad"),
        ("OK", "NG"),
        ("ok", "nok"),
        ("Pass", "FAIL"),
        ("normal", "anomaly"),
        ("non-defective", "defective"),
        ("i.O.", "n.i.O."),
        ("Gutteile", "Ausschuss"),
        ("bon", "mauvais"),
        ("bueno", "defectuoso"),
        ("buono", "scarto"),
        ("良品", "不良品"),
        ("合格", "不合格"),
        ("양품", "불량"),
        ("норма", "брак"),
        ("parts_ok", "parts_not_ok"),
    ],
)
def test_good_and_bad_in_the_users_language(tmp_path: Path, good: str, bad: str) -> None:
    if bad == "parts_not_ok":
        bad = "not ok"
    found = recognise(tree(tmp_path, f"{good}/{{0..4}}.png", f"{bad}/{{0..1}}.png"))
    assert (
        found.sentence == "Folders of good and bad: 1 product, 5 good, 2 defective images, 0 defect classes, 0 masks."
    )
    assert {(e.label, e.split, e.defect_class) for e in scan(found)} == {
        ("good", "unused", ""),
        ("defective", "unused", ""),
    }


def test_folders_below_bad_and_beside_good_name_defect_classes(tmp_path: Path) -> None:
    tree(tmp_path / "a", "ok/0.png", "ng/scratch/0.png", "ng/hole/0.png", "ng/9.png", "unsorted/0.png")
    got = {e.relative: (e.label, e.defect_class) for e in entries(tmp_path / "a")}
    assert got == {
        "ng/9.png": ("defective", ""),
        "ng/hole/0.png": ("defective", "hole"),
        "ng/scratch/0.png": ("defective", "scratch"),
        "ok/0.png": ("good", ""),
        "unsorted/0.png": ("unlabelled", ""),
    }
    tree(tmp_path / "b", "normal/0.png", "crack/0.png", "no die/0.png")
    assert {e.defect_class for e in entries(tmp_path / "b") if e.label == "defective"} == {"crack", "no die"}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("no_die", "other"),
        ("no wires", "other"),
        ("no_defect", "good"),
        ("NOT-OK", "bad"),
        ("ok_2", "good"),
        ("okra", "other"),
    ],
)
def test_a_name_is_read_by_words(name: str, role: str) -> None:
    assert role_of(name) == role


# GTanoIC, flat, nested


def gtanoic(root: Path, good: int = 249) -> Path:
    for name in ("D_A", "D_B"):
        tree(root / name, f"normal/{{0..{good}}}.png", "pollution/{0..39}.png", "no_die/{0..6}.png")
    return root


def test_one_folder_a_type_gives_one_product_each(tmp_path: Path) -> None:
    found = recognise(gtanoic(tmp_path, 9))
    assert (found.kind, found.products) == ("gtanoic", ("D_A", "D_B"))
    assert found.sentence == "One folder a type: 2 products, 20 good, 94 defective images, 2 defect classes, 0 masks."


def test_gtanoic200_draws_200_good_a_type_by_seed(tmp_path: Path) -> None:
    found = recognise(gtanoic(tmp_path))
    first = list(scan(found, protocol="gtanoic200", seed=1))
    counts = Counter((e.product, e.split, e.label) for e in first)
    for product in ("D_A", "D_B"):
        assert counts[product, "train", "good"] == 200
        assert counts[product, "test", "good"] == 50
        assert counts[product, "test", "defective"] == 47
    assert first == list(scan(found, protocol="gtanoic200", seed=1))
    assert first != list(scan(found, protocol="gtanoic200", seed=2))


def test_gtanoic200_needs_more_than_200_good(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="D_A has 200 good images"):
        scan(recognise(gtanoic(tmp_path, 199)), protocol="gtanoic200")


def test_a_flat_folder_is_unlabelled_until_told(tmp_path: Path) -> None:
    found = recognise(tree(tmp_path / "lot7", "b10.png", "b9.PNG", "a.tif", "notes.txt"))
    assert (found.kind, found.sentence) == ("flat", "One folder of 3 unlabelled images.")
    assert [e.relative for e in scan(found)] == ["a.tif", "b9.PNG", "b10.png"]
    assert {e.label for e in scan(found)} == {"unlabelled"}
    assert {e.label for e in scan(found, label="good")} == {"good"}


def test_nested_folders_are_read_all_and_can_be_corrected_to_types(tmp_path: Path) -> None:
    tree(tmp_path, "cam1/monday/{0..2}.png", "cam1/tuesday/0.png", "cam2/monday/0.png", "top.png")
    found = recognise(tmp_path)
    assert (found.kind, found.sentence) == ("nested", "4 folders of 6 unlabelled images.")
    corrected = recognise(tmp_path, kind="gtanoic")
    assert corrected.products == ("cam1", "cam2")
    assert recognise(tmp_path, kind="flat").counts.images == 1
    assert recognise(tmp_path, product="chip").products == ("chip",)


def test_a_kind_that_does_not_fit_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'mvtec'.*train/good"):
        recognise(tree(tmp_path, "a.png"), kind="mvtec")
    with pytest.raises(InputError, match="one folder a type"):
        recognise(tmp_path, kind="gtanoic")


def test_a_layout_can_be_corrected_to_plain_folders(tmp_path: Path) -> None:
    found = recognise(mvtec(tmp_path), kind="nested")
    got = list(scan(found))
    assert {e.label for e in got} == {"unlabelled"} and len(got) == 21
    assert sum(e.mask is not None for e in got) == 6


# Lots, parts, cameras


def test_names_give_lot_part_and_camera_by_pattern(tmp_path: Path) -> None:
    tree(tmp_path, "lot_17/P003_cam2.png", "lot_17/odd.png")
    by_group = entries(tmp_path, part_pattern=r"lot_(?P<lot>\d+)/(?P<part>P\d+)_(?P<camera>\w+)\.")
    assert [(e.lot, e.part, e.view) for e in by_group] == [("", "", "main"), ("17", "P003", "cam2")]
    by_first = entries(tmp_path, lot_pattern=r"lot_\d+", part_pattern=r"(P\d+)_")
    assert [(e.lot, e.part) for e in by_first] == [("lot_17", ""), ("lot_17", "P003")]


def test_a_pattern_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lot pattern.*not a regular expression"):
        scan(recognise(tree(tmp_path, "a.png")), lot_pattern="(")


# Bad material


def test_masks_without_image_and_images_without_mask_are_reported(tmp_path: Path) -> None:
    root = mvtec(tmp_path)
    (root / "ground_truth" / "crack" / "2_mask.png").unlink()
    tree(root, "ground_truth/crack/77_mask.png", "ground_truth/scratch/5_mask.png")
    report = ScanReport()
    got = list(scan(recognise(root), report=report))
    assert len(got) == 21
    assert {(p.path.relative_to(root).as_posix(), p.text.partition(":")[0]) for p in report.problems} == {
        ("test/crack/2.png", "this defective image has no mask"),
        ("ground_truth/crack/77_mask.png", "this mask has no image of its name"),
        ("ground_truth/scratch/5_mask.png", "this mask has no image of its name"),
    }
    assert "3 problems: listed after the import." in recognise(root).notes


def test_masks_are_found_flat_mirrored_and_beside_their_image(tmp_path: Path) -> None:
    tree(tmp_path / "flat", "ok/0.png", "ng/7.png", "masks/7.png")
    tree(tmp_path / "mirror", "test/ng/7.jpg", "test/ok/0.jpg", "train/ok/1.jpg", "masks/test/ng/7.png")
    tree(tmp_path / "class", "ok/0.png", "ng/hole/7.png", "gt/hole/7_mask.png")
    tree(tmp_path / "beside", "ok/0.png", "ng/7.png", "ng/7_mask.png", "ng/a_mask.png")
    for name, images in {"flat": 2, "mirror": 3, "class": 2, "beside": 2}.items():
        report = ScanReport()
        got = list(scan(recognise(tmp_path / name), report=report))
        assert len(got) == images, name
        assert [e.path.stem for e in got if e.mask] == ["7"], name
        assert [problem.path.name for problem in report.problems] == ["a_mask.png"] * (name == "beside"), name


def test_hidden_temporary_and_system_files_are_left_out(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "a.png",
        ".hidden.png",
        "~$b.png",
        "c.png.tmp",
        "d.png.part",
        ".cache/e.png",
        "__MACOSX/f.png",
        "@eaDir/g.png",
    )
    assert [e.relative for e in entries(tmp_path)] == ["a.png"]


def test_an_unreadable_folder_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "open/0.png", "shut/0.png")
    real = os.scandir

    def refusing(folder: Path) -> object:
        if Path(folder).name == "shut":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    report = ScanReport()
    assert [e.relative for e in scan(recognise(tmp_path, kind="nested"), report=report)] == ["open/0.png"]
    assert [p.path.name for p in report.problems] == ["shut"]


def test_links_in_circles_and_broken_links_are_reported(tmp_path: Path) -> None:
    tree(tmp_path / "set", "a/0.png", "b/0.png")
    (tmp_path / "set" / "a" / "loop").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    report = ScanReport()
    assert len(list(scan(recognise(tmp_path / "set"), report=report))) == 2
    assert sorted(p.path.name for p in report.problems) == ["gone.png", "loop"]


def test_folders_that_hold_nothing_are_refused_by_name(tmp_path: Path) -> None:
    tree(tmp_path, "empty/readme.txt", "file.txt")
    (tmp_path / "empty" / "folder.png").mkdir()
    for name, words in {"empty": "no images", "absent": "not there", "file.txt": "file"}.items():
        with pytest.raises(InputError, match=words):
            recognise(tmp_path / name)


def test_a_thousand_problems_are_kept_and_the_rest_counted(tmp_path: Path) -> None:
    report = ScanReport()
    for i in range(1500):
        report.problem(tmp_path / str(i), "x")
    assert (len(report.problems), report.problem_count) == (1000, 1500)


# Order


def test_natural_order_is_that_of_a_person() -> None:
    names = ["img10.png", "img2.png", "IMG1.png", "img02.png", "a.png", "é.png", "img.png", "img2a.png"]
    assert sorted(names, key=natural_key) == [
        "a.png", "img.png", "IMG1.png", "img02.png", "img2.png", "img2a.png", "img10.png", "é.png",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 10**12), unique=True))
def test_numbers_sort_by_value(numbers: list[int]) -> None:
    names = [f"part{n}.png" for n in numbers]
    assert sorted(names, key=natural_key) == [f"part{n}.png" for n in sorted(numbers)]


@given(st.lists(st.text(min_size=1, max_size=12), unique=True), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_the_disk(names: list[str], rng: random.Random) -> None:
    shuffled = list(names)
    rng.shuffle(shuffled)
    assert sorted(names, key=natural_key) == sorted(shuffled, key=natural_key)


def test_real_sets_are_recognised(real_data: Path) -> None:
    pill = recognise(real_data / "mvtec_pill")
    assert pill.sentence == "MVTec AD layout: 1 product, 267 training, 167 test images, 7 defect classes, 141 masks."
    cookie = recognise(real_data / "cookie")
    assert cookie.sentence == "MVTec AD layout: 1 product, 31 training, 46 test images, 1 defect class, 32 masks."
    report = ScanReport()
    assert sum(1 for _ in scan(pill, report=report)) == 434
    assert report.problems == []
