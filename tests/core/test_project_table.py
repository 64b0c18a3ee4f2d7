"""The table of all images: the same facts as the rows, in columns; grown, renewed and searched without a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.annotation.masks import delta_between
from core.project import ImageTable, Names, NewImage, Project
from core.words import LABELS, SPLITS, STATES


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "work", "pill", author="AB") as opened:
        yield opened


def add(project: Project, root: Path, lot: str, count: int = 4, *, product: str = "pill") -> list[int]:
    """Images of one lot, every second one defective; their files are never read."""
    rows = [
        NewImage(
            root / lot / f"{number}.png",
            product,
            split="test" if number % 2 else "train",
            label="defective" if number % 2 else "good",
            defect_class="crack" if number % 2 else "",
            lot=lot,
            size=1,
            mtime_ns=1,
        )
        for number in range(count)
    ]
    before = {image.id for image in project.images()}
    project.add_images(rows, root=root)
    return [image.id for image in project.images() if image.id not in before]


def test_the_table_says_what_the_rows_say(project: Project, tmp_path: Path) -> None:
    add(project, tmp_path / "a", "L1")
    add(project, tmp_path / "b", "L2", product="vial")
    table = project.image_table()
    for index, image in enumerate(project.images()):
        assert table.ids[index] == image.id
        assert table.names[index] == image.relative
        assert table.path(index) == image.path
        assert table.products[table.product[index]] == image.product
        assert table.views[table.view[index]] == image.view
        assert table.lots[table.lot[index]] == image.lot
        assert table.part[index] == image.part_id
        assert LABELS[table.label[index]] == image.label
        assert SPLITS[table.split[index]] == image.split
        assert STATES[table.state[index]] == image.state
        assert table.classes[table.defect_class[index]] == image.defect_class
        assert table.problem[index] == bool(image.problem)
    assert len(table) == 8
    assert not table.masked.any()


def test_masks_problems_and_files_that_went_are_seen(project: Project, tmp_path: Path) -> None:
    ids = add(project, tmp_path, "L1")
    project.import_mask(ids[1], np.ones((4, 4), np.uint8))
    project.add_problem(tmp_path / "L1" / "2.png", "cannot be read", image_id=ids[2])
    kept = [NewImage(tmp_path / "L1" / f"{n}.png", "pill", size=1, mtime_ns=1) for n in range(3)]
    project.add_images(kept, root=tmp_path, complete=True)
    table = project.image_table()
    assert table.masked.tolist() == [False, True, False, False]
    assert table.problem.tolist() == [False, False, True, False]
    assert [STATES[code] for code in table.state] == ["present", "present", "present", "gone"]


def test_what_was_painted_last_and_notes_are_seen(project: Project, tmp_path: Path) -> None:
    ids = add(project, tmp_path, "L1")
    classes = {name: project.add_class(name) for name in ("dent", "scratch")}

    def paint(image_id: int, name: str, x: int) -> bool:
        mask = project.mask(image_id)
        before = np.zeros((6, 6), np.uint8) if mask is None else mask
        after = before.copy()
        after[2, x] = classes[name] if name else 0
        delta = delta_between(before, after)
        assert delta is not None
        return project.add_stroke(image_id, delta, tool="brush", class_id=classes.get(name, 0)).news

    def said() -> list[str]:
        table = project.image_table()
        return [
            table.classes[code] if is_painted else "-"
            for code, is_painted in zip(table.painted_class, table.masked, strict=True)
        ]

    project.import_mask(ids[1], np.ones((6, 6), np.uint8))
    assert [paint(ids[3], name, x) for x, name in enumerate(("dent", "dent", "scratch"))] == [True, False, True]
    assert said() == ["-", "", "-", "scratch"]
    project.undo()
    assert said() == ["-", "", "-", "dent"]
    assert [paint(ids[3], "", x) for x in (0, 1)] == [False, False]
    assert project.fold_strokes(ids[3]) == 0 and project.fold_strokes(ids[3]) is None
    assert said() == ["-", "", "-", "-"]
    gone = delta_between(np.ones((6, 6), np.uint8), np.zeros((6, 6), np.uint8))
    assert gone is not None
    project.add_stroke(ids[1], gone, tool="eraser", class_id=0)
    assert project.fold_strokes(ids[1]) == 0
    assert said() == 4 * ["-"], "the person's mask counts; the imported one below is as it was"
    project.add_note("image", ids[0], "Glare")
    project.withdraw_note(project.add_note("image", ids[2], "Dust"))
    table = project.image_table()
    assert table.noted.tolist() == [True, False, False, False]
    project.undo()
    again = table.replaced(project.image_table(ids=[ids[2]]))
    assert again.noted.tolist() == [True, False, True, False] and not table.noted[2]


def test_an_empty_project_has_an_empty_table(project: Project) -> None:
    table = project.image_table()
    assert len(table) == 0
    assert table.row_of([1, 2]).tolist() == [-1, -1]
    assert len(ImageTable.empty().extended(table)) == 0


def test_images_are_found_by_id(project: Project, tmp_path: Path) -> None:
    ids = add(project, tmp_path, "L1")
    table = project.image_table()
    assert table.row_of([ids[2], 999, ids[0], -5]).tolist() == [2, -1, 0, -1]
    assert table.row_of(np.array([], np.int64)).tolist() == []


def test_the_first_rows_come_before_the_rest(project: Project, tmp_path: Path) -> None:
    add(project, tmp_path, "L1", 10)
    first = project.image_table(limit=4)
    assert len(first) == 4
    grown = first.extended(project.image_table(after=int(first.ids[-1])))
    whole = project.image_table()
    assert grown.ids.tolist() == whole.ids.tolist()
    assert list(grown.names) == list(whole.names)
    assert len(project.image_table(limit=0)) == 0
    with pytest.raises(ValueError, match="behind"):
        whole.extended(first)


def test_words_that_came_later_keep_the_codes_of_those_before(project: Project, tmp_path: Path) -> None:
    add(project, tmp_path, "L2")
    before = project.image_table()
    add(project, tmp_path, "L1", product="vial")
    late = project.image_table(after=int(before.ids[-1]))
    grown = before.extended(late)
    assert grown.lots[: len(before.lots)] == before.lots
    assert [grown.lots[code] for code in grown.lot] == ["L2"] * 4 + ["L1"] * 4
    assert [grown.products[code] for code in grown.product] == ["pill"] * 4 + ["vial"] * 4


def test_changed_rows_take_the_place_of_old_ones(project: Project, tmp_path: Path) -> None:
    ids = add(project, tmp_path, "L1")
    table = project.image_table()
    project.set_label([ids[0]], "defective", defect_class="scratch")
    project.set_split([ids[3]], "unused")
    renewed = table.replaced(project.image_table(ids=[ids[0], ids[3], 999]))
    assert LABELS[renewed.label[0]] == "defective"
    assert renewed.classes[renewed.defect_class[0]] == "scratch"
    assert SPLITS[renewed.split[3]] == "unused"
    assert LABELS[table.label[0]] == "good", "the table before is as it was"
    assert renewed.names is table.names, "what did not change is shared"


def test_an_image_that_is_not_in_the_table_is_passed_over(project: Project, tmp_path: Path) -> None:
    add(project, tmp_path, "L1")
    first = project.image_table(limit=2)
    assert first.replaced(project.image_table()).ids.tolist() == first.ids.tolist()


def test_moved_folders_move_the_paths(project: Project, tmp_path: Path) -> None:
    (tmp_path / "new" / "L1").mkdir(parents=True)
    (tmp_path / "new" / "L1" / "0.png").write_bytes(b"0")
    add(project, tmp_path / "old", "L1")
    project.relocate(project.roots()[0].id, tmp_path / "new")
    assert project.image_table().path(0) == tmp_path / "new" / "L1" / "0.png"


@pytest.mark.parametrize("texts", [["a/1.png", "b/22.png", ""], ["läuft.png", "漢字/部品.png", "plain.png"], []])
def test_names_come_back_as_they_were_packed(texts: list[str]) -> None:
    names = Names.of(texts)
    assert list(names) == texts
    assert names[-1:] == texts[-1:]
    assert list(names.joined(Names.of(["z", "y"]))) == [*texts, "z", "y"]
    with pytest.raises(IndexError):
        names[len(texts)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("KRATZER", [True, False, False, True]),
        ("straße", [False, True, False, False]),
        ("STRASSE", [False, True, False, False]),
        (".png", [True, True, True, False]),
        ("4", [False, False, True, True]),
        ("04", [False, False, True, False]),
        ("pngs", [False, False, False, False]),  # never across the border of two names
        ("", [True, True, True, True]),
    ],
)
def test_names_are_searched_without_regard_to_case(text: str, found: list[bool]) -> None:
    names = Names.of(["a/Kratzer 1.png", "Straße.png", "s_04.PNG", "kratzer4"])
    assert names.containing(text).tolist() == found


def test_a_table_of_many_images_is_small(project: Project, tmp_path: Path) -> None:
    add(project, tmp_path, "L1", 2000)
    table = project.image_table()
    assert table.nbytes / len(table) < 100
