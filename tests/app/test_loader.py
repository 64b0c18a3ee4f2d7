"""Images for the canvas: in memory at once, read ahead, let go, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.canvas.loader import ImageLoader, usual_limit
from app.canvas.picture import Picture
from app.session import Session
from core.errors import ImageError
from core.imaging import load_rgb8


@pytest.fixture
def opened(qtbot: QtBot, session: Session, project_file: Path) -> Session:
    session.open(project_file)
    qtbot.waitUntil(lambda: session.is_complete, timeout=10_000)
    assert session.table is not None
    session.set_order(session.table.ids)
    return session


def idle(loader: ImageLoader) -> Callable[[], bool]:
    return lambda: loader.is_quiet


def test_an_image_comes_as_it_is_in_the_file(qtbot: QtBot, opened: Session) -> None:
    loader = opened.loader
    assert opened.table is not None
    with qtbot.waitSignal(loader.loaded, timeout=5000) as told:
        assert loader.load(3) is None
    image_id, picture = told.args
    assert image_id == 3
    row = int(opened.table.row_of([3])[0])
    assert np.array_equal(picture.pixels, load_rgb8(opened.table.path(row)))


def test_the_neighbours_are_read_ahead_and_then_come_at_once(qtbot: QtBot, opened: Session) -> None:
    loader = opened.loader
    loader.load(5)
    qtbot.waitUntil(lambda: all(loader.picture(one) is not None for one in (3, 4, 5, 6, 7)), timeout=5000)
    qtbot.waitUntil(idle(opened.loader), timeout=5000)
    assert loader.picture(8) is None
    got: list[Picture] = []
    assert loader.load(6, got.append) is got[0]


def test_the_order_says_who_the_neighbours_are(qtbot: QtBot, opened: Session) -> None:
    opened.set_order([9, 2, 12], "three")
    opened.loader.load(2)
    qtbot.waitUntil(lambda: all(opened.loader.picture(one) is not None for one in (9, 12)), timeout=5000)
    assert opened.loader.picture(3) is None


def test_memory_stays_below_its_limit_and_what_is_shown_stays(qtbot: QtBot, opened: Session) -> None:
    one = 48 * 64 * 3
    loader = ImageLoader(opened, limit=3 * one)
    for image_id in (1, 4, 7, 10):
        with qtbot.waitSignal(loader.loaded, timeout=5000):
            loader.load(image_id)
        qtbot.waitUntil(idle(loader), timeout=5000)
        assert loader.picture(image_id) is not None
        assert loader.bytes_kept <= 3 * one
    assert loader.picture(1) is None


@pytest.mark.parametrize(("gib", "mib"), [(2, 256), (8, 512), (16, 1024), (512, 1024)])
def test_a_machine_with_more_memory_keeps_more_pictures(gib: int, mib: int) -> None:
    assert usual_limit(gib * 2**30) == mib * 2**20


def test_a_newer_wish_of_one_owner_replaces_the_older(qtbot: QtBot, opened: Session) -> None:
    owner = QObject()
    got: list[str] = []
    for image_id in (1, 14):
        opened.loader.load(image_id, lambda _, image_id=image_id: got.append(f"image {image_id}"), owner=owner)
    qtbot.waitUntil(lambda: bool(got), timeout=5000)
    qtbot.waitUntil(idle(opened.loader), timeout=5000)
    assert got == ["image 14"]


def test_several_may_wait_for_the_same_image(qtbot: QtBot, opened: Session) -> None:
    got: list[int] = []
    for number in range(3):
        opened.loader.load(8, lambda _, number=number: got.append(number))
    qtbot.waitUntil(lambda: len(got) == 3, timeout=5000)
    assert got == [0, 1, 2]


def test_a_damaged_image_is_told_and_its_neighbours_come(qtbot: QtBot, opened: Session) -> None:
    assert opened.table is not None
    opened.table.path(int(opened.table.row_of([5])[0])).write_bytes(b"not a picture")
    failures: list[Exception] = []
    with qtbot.waitSignal(opened.loader.failed, timeout=5000) as told:
        opened.loader.load(5, failed=failures.append)
    assert told.args[0] == 5
    assert isinstance(failures[0], ImageError)
    qtbot.waitUntil(lambda: opened.loader.picture(6) is not None, timeout=5000)
    tried: list[int] = []
    opened.loader.failed.connect(lambda image_id, _: tried.append(image_id))
    opened.loader.load(6)
    qtbot.waitUntil(idle(opened.loader), timeout=5000)
    assert tried == []  # ahead of time a damaged image is tried once


def test_an_image_that_is_not_there_fails_and_waits_for_nothing(qtbot: QtBot, opened: Session) -> None:
    failures: list[Exception] = []
    opened.loader.load(999, failed=failures.append)
    assert isinstance(failures[0], ImageError)


def test_closing_the_project_forgets_its_images(qtbot: QtBot, opened: Session) -> None:
    with qtbot.waitSignal(opened.loader.loaded, timeout=5000):
        opened.loader.load(5)
    opened.close()
    assert opened.loader.bytes_kept == 0
