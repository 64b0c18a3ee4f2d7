"""Undo goes back a hundred steps of every image, after a restart, and what is too old is forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.annotation.masks import Delta
from core.project import NewImage, Project, undo

SIZE = 12


def made(folder: Path, images: int = 2) -> Project:
    project = Project.create(folder / "work", "chip", author="AB")
    rows = [NewImage(folder / f"{n}.png", "chip", size=1, mtime_ns=n, width=SIZE, height=SIZE) for n in range(images)]
    project.add_images(rows, root=folder)
    project.add_class("crack")
    return project


def dot(at: int) -> Delta:
    x, y = at % SIZE, at // SIZE
    return Delta((SIZE, SIZE), (x, y, x + 1, y + 1), np.ones((1, 1), np.uint8))


def test_a_hundred_strokes_and_a_label_are_undone_and_redone_after_a_restart(tmp_path: Path) -> None:
    with made(tmp_path) as project:
        for number in range(100):
            project.add_stroke(1, dot(number), tool="brush", class_id=1)
            if number == 50:
                project.fold_strokes(1)
        project.set_label([1], "good")
    with Project.open(tmp_path / "work", author="AB") as project:
        for left in range(100, -1, -1):
            assert project.undo() is not None
            mask = project.mask(1)
            assert mask is not None and np.count_nonzero(mask) == left
        assert project.image(1).label == "unlabelled"
        for _ in range(101):
            project.redo()
        mask = project.mask(1)
        assert mask is not None and np.count_nonzero(mask) == 100
        assert project.image(1).label == "good"


def test_old_steps_are_forgotten_but_never_the_last_of_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_KEPT_STEPS", 20), ("_KEPT_OF_IMAGE", 3), ("_SWEPT_EVERY", 10)):
        monkeypatch.setattr(undo, name, value)
    with made(tmp_path) as project:
        for number in range(5):
            project.add_stroke(1, dot(number), tool="brush", class_id=1)
        for number in range(45):
            project.add_stroke(2, dot(number), tool="brush", class_id=1)
        with project._read() as db:
            count = dict(db.execute("SELECT image_id, count(*) FROM undo GROUP BY image_id").fetchall())
        assert count[1] == 3
        assert 20 <= count[2] <= 30
        for _ in range(3):
            assert project.undo(1) is not None
        assert project.undo(1) is None
        assert project.verify().is_whole
