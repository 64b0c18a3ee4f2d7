"""The most similar good training image: which are compared, and which wins."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.imaging import save_png
from core.project import NewImage, Project
from core.project.table import ImageTable, Names
from core.words import LABELS, SPLITS, Label, Split
from core.workflow.nearest import MOST, SIDE, Prints, print_of, sample


def spotted(x: int, y: int, *, shape: tuple[int, int] = (120, 160), light: float = 1.0) -> NDArray[np.uint8]:
    """A grey plate with a bright spot."""
    picture = np.full((*shape, 3), 80.0)
    picture[y : y + 30, x : x + 30] = 200.0
    return np.asarray(np.clip(picture * light, 0, 255), np.uint8)


def table(tmp_path: Path, *images: tuple[str, Label, Split]) -> ImageTable:
    rows = [
        NewImage(tmp_path / f"{number}.png", product, view=view, label=label, split=split, part=str(number))
        for number, (place, label, split) in enumerate(images)
        for product, _, view in [place.partition("/")]
    ]
    for number, row in enumerate(rows):
        save_png(row.path, spotted(number, number))
    with Project.create(tmp_path / "work", "work", author="test") as project:
        project.add_images(rows, root=tmp_path)
        return project.image_table()


def test_only_good_training_images_of_the_view_are_compared(tmp_path: Path) -> None:
    images = table(
        tmp_path,
        ("nut/top", "good", "train"),
        ("nut/top", "defective", "unused"),
        ("nut/side", "good", "train"),
        ("nut/top", "good", "test"),
        ("bolt/top", "good", "train"),
        ("nut/top", "good", "train"),
    )
    found = sample(images, "nut", "top")
    assert sorted(found.ids.tolist()) == [images.ids[0], images.ids[5]]
    assert found.of == 2 and found.is_whole
    torn = replace(images, problem=np.arange(6) == 5)
    assert sample(torn, "nut", "top").ids.tolist() == [images.ids[0]]
    assert sample(images, "nut", "nowhere").of == 0 and sample(images, "?", "top").ids.size == 0


def test_of_very_many_a_spread_sample_is_compared_always_the_same() -> None:
    count = 230_000
    words, codes = np.zeros(count, np.uint8), np.zeros(count, np.int32)
    many = replace(
        ImageTable.empty(),
        ids=np.arange(1, count + 1),
        names=Names(),
        label=words + LABELS.index("good"),
        split=words + SPLITS.index("train"),
        **{name: codes for name in ("roots", "product", "view", "lot")},
        **{name: words for name in ("state",)},
        part=np.arange(count),
        defect_class=codes.astype(np.int16),
        problem=np.zeros(count, np.bool_),
        masked=np.zeros(count, np.bool_),
        products=("vial",),
        views=("main",),
    )
    began = time.perf_counter()
    found = sample(many, "vial", "main")
    print(f"\nsample of {count:,} images: {1000 * (time.perf_counter() - began):.1f} ms")
    assert len(found.ids) == MOST == len(set(found.ids.tolist())) and found.of == count and not found.is_whole
    assert np.array_equal(found.ids, sample(many, "vial", "main").ids)
    tenths = np.bincount((found.ids - 1) * 10 // count, minlength=10)
    assert tenths.tolist() == [MOST // 10] * 10
    first = np.bincount((found.ids[:200] - 1) * 10 // count, minlength=10)
    assert first.min() >= 8  # whoever looks early looks at all of them


def test_the_picture_that_is_most_alike_wins_whatever_its_light_and_size() -> None:
    prints = Prints().extended((one, print_of(spotted(10 * one, 40))) for one in range(1, 11))
    bright = prints.nearest(print_of(spotted(71, 41, light=1.2)), but=0)
    assert bright is not None and (bright.image_id, bright.among) == (7, 10) and bright.likeness > 0.95
    larger = np.repeat(np.repeat(spotted(30, 40), 3, axis=0), 3, axis=1)
    again = prints.nearest(print_of(larger), but=0)
    assert again is not None and again.image_id == 3 and again.likeness == pytest.approx(1.0, abs=1e-4)
    other = prints.nearest(print_of(larger), but=3)
    assert other is not None and other.image_id in (2, 4) and other.among == 9 and other.likeness < again.likeness


def test_nothing_to_compare_with_is_nothing() -> None:
    assert Prints().nearest(print_of(spotted(1, 1)), but=0) is None
    assert Prints().extended([(3, print_of(spotted(1, 1)))]).nearest(print_of(spotted(1, 1)), but=3) is None


def test_a_picture_of_one_colour_is_like_no_other() -> None:
    flat = print_of(np.full((50, 60, 3), 128, np.uint8))
    assert flat.shape == (SIDE * SIDE,) and not flat.any()
    found = Prints().extended([(1, print_of(spotted(10, 10)))]).nearest(flat, but=0)
    assert found is not None and found.likeness == 0.0
