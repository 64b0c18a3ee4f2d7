"""The gallery's parts that need no window: filters and orders, places of tiles, choosing, the cache on the disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt

from app.gallery.cache import ThumbnailCache
from app.gallery.filters import Arranger, Filter, beside
from app.gallery.keys import target_of
from app.gallery.model import score_text
from app.gallery.ordering import natural_ranks
from app.gallery.pictures import Job, PictureMaker, region_of
from app.gallery.plan import MARGIN, Plan, fitting
from app.gallery.selection import Selection
from core.errors import ImageError
from core.imaging import save_png
from core.layouts.words import natural_key, natural_keys
from core.project import ImageTable, Names, NewImage, Project, Zone


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "work", "chip", author="AB") as opened:
        yield opened


@pytest.fixture
def table(project: Project, tmp_path: Path) -> ImageTable:
    """Six images in two lots and two products; ids 1 to 6."""
    facts = [
        ("lot 2/img10.png", "chip", "lot 2", "good", "", "train"),
        ("lot 2/img9.png", "chip", "lot 2", "defective", "crack", "test"),
        ("lot 10/img1.png", "chip", "lot 10", "unlabelled", "", "unused"),
        ("lot 10/Img2.png", "chip", "lot 10", "defective", "scratch", "test"),
        ("vial/a.png", "vial", "", "good", "", "train"),
        ("vial/b.png", "vial", "", "good", "", "tuning"),
    ]
    rows = [
        NewImage(tmp_path / name, code, lot=lot, label=label, defect_class=kind, split=split, size=1, mtime_ns=1)  # type: ignore[arg-type]
        for name, code, lot, label, kind, split in facts
    ]
    project.add_images(rows, root=tmp_path)
    project.add_problem(tmp_path / "vial/b.png", "cannot be read", image_id=6)
    return project.image_table()


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Filter(), {1, 2, 3, 4, 5, 6}),
        (Filter(product="chip"), {1, 2, 3, 4}),
        (Filter(product="chip", lot="lot 10"), {3, 4}),
        (Filter(product="nothing of this name"), set()),
        (Filter(view="main", split=frozenset({"test", "tuning"})), {2, 4, 6}),
        (Filter(label=frozenset({"unlabelled"})), {3}),
        (Filter(defect_class=frozenset({"crack", "scratch"})), {2, 4}),
        (Filter(text="IMG"), {1, 2, 3, 4}),
        (Filter(text="lot img2"), {4}),
        (Filter(text="scratch"), {4}),
        (Filter(problems=True), {6}),
        (Filter(ids=(5, 2, 99)), {2, 5}),
        (Filter(score=(0.5, None)), {2, 4}),
        (Filter(score=(0.1, 0.6)), {1, 4}),
    ],
)
def test_filters(table: ImageTable, wish: Filter, expected: set[int]) -> None:
    scores = beside(table, np.array([1, 2, 4]), np.array([0.1, 0.9, 0.6]))
    assert set(table.ids[wish.mask(table, scores)].tolist()) == expected


def test_without_scores_a_range_of_scores_shows_nothing(table: ImageTable) -> None:
    assert not Filter(score=(0.0, 1.0)).mask(table).any()


def test_what_is_gone_is_hidden_except_among_problems(project: Project, table: ImageTable, tmp_path: Path) -> None:
    kept = [NewImage(table.path(i), "chip", size=1, mtime_ns=1) for i in range(3)]
    kept += [NewImage(table.path(i), "vial", size=1, mtime_ns=1) for i in range(4, 6)]
    project.add_images(kept, root=tmp_path, complete=True)
    now = project.image_table()
    assert now.ids[Filter().mask(now)].tolist() == [1, 2, 3, 5, 6]
    assert now.ids[Filter(problems=True).mask(now)].tolist() == [4, 6]


def test_orders(table: ImageTable) -> None:
    scores = beside(table, np.array([1, 2, 4]), np.array([0.1, 0.9, 0.6]))
    arranger = Arranger()

    def ids(by: str, wish: Filter | None = None, *, backwards: bool = False) -> list[int]:
        rows = arranger.rows(table, wish or Filter(), by, backwards=backwards, scores=scores)  # type: ignore[arg-type]
        return table.ids[rows].tolist()

    assert ids("name") == [2, 1, 3, 4, 5, 6]
    assert ids("name", backwards=True) == [6, 5, 4, 3, 1, 2]
    assert ids("label") == [2, 4, 3, 1, 5, 6]
    assert ids("lot") == [5, 6, 2, 1, 3, 4]
    assert ids("score") == [2, 4, 1, 3, 5, 6]
    assert ids("score", backwards=True) == [1, 4, 2, 3, 5, 6], "images without a score stay last"
    assert ids("newest") == [6, 5, 4, 3, 2, 1]
    assert ids("given", Filter(ids=(5, 1, 99, 3))) == [5, 1, 3]


def test_many_names_are_ordered_as_one_by_one() -> None:
    names = ["b/img10.png", "b/img9.png", "B/Img2.png", "Ä 3.png", "ä 20.png", "a1b02.png", "a01b2.png", ""]
    assert natural_keys(names) == [natural_key(name)[0] for name in names]
    assert natural_keys([]) == []


@pytest.mark.parametrize("extra", ["", "Ä 3.png", "x" * 300])
def test_the_order_of_many_names_is_that_of_natural_keys(extra: str) -> None:
    rng = np.random.default_rng(3)
    letters = list("ab/0012_A. 9")
    words = ["".join(rng.choice(letters, rng.integers(0, 14))) for _ in range(800)] + ["", "7", "07", "a/007b", extra]
    ranks = natural_ranks(Names.of(words))
    assert sorted(ranks.tolist()) == list(range(len(words)))
    keys = [natural_key(word.replace("/", "\x01"))[0] for word in words]
    assert [keys[i] for i in np.argsort(ranks)] == sorted(keys)
    assert len(natural_ranks(Names.of([]))) == 0
    assert natural_ranks(Names.of(["", ""])).tolist() == [0, 1]


def test_a_filter_knows_whether_it_narrows() -> None:
    assert not Filter(product="chip", lot="3").narrows
    assert Filter(text="a").narrows


@pytest.mark.parametrize(("count", "width"), [(0, 500), (1, 500), (7, 40), (23, 500), (23, 1001)])
def test_every_tile_is_found_where_it_is_drawn(count: int, width: int) -> None:
    plan = Plan(count, QSize(100, 130), width)
    rects = [plan.rect(place) for place in range(count)]
    assert [plan.place_at(rect.center()) for rect in rects] == list(range(count))
    assert [plan.place_at(rect.topLeft()) for rect in rects] == list(range(count))
    assert plan.place_at(QPoint(1, 1)) == -1
    assert plan.place_at(QPoint(20, plan.height + 400)) == -1
    assert not any(a.intersects(b) for i, a in enumerate(rects) for b in rects[:i])
    assert all(rect.right() < max(width, 130) and rect.bottom() < plan.height for rect in rects)


@pytest.mark.parametrize(
    "band", [QRect(0, 0, 1000, 1000), QRect(130, 100, 5, 5), QRect(110, 141, 20, 90), QRect(0, 148, 9, 2)]
)
def test_a_band_meets_what_it_touches(band: QRect) -> None:
    plan = Plan(23, QSize(100, 130), 500)
    assert plan.under(band).tolist() == [place for place in range(23) if plan.rect(place).intersects(band)]


@pytest.mark.parametrize("wish", [64, 96, 160, 256])
@pytest.mark.parametrize("width", [30, 200, 300, 760, 1271, 3840])
def test_rows_of_pictures_fill_the_width(wish: int, width: int) -> None:
    side = fitting(wish, width, 12)
    plan = Plan(100, QSize(side + 12, side + 52), width)
    assert 48 <= side <= wish * 3 // 2
    if width >= wish + 12 + 2 * MARGIN:
        assert side >= wish
    if plan.columns > 2:
        assert plan.rect(plan.columns - 1).right() + 1 == width - MARGIN


def test_only_rows_in_sight_are_drawn() -> None:
    plan = Plan(230_000, QSize(172, 216), 1200)
    seen = plan.span(4_000_000, 4_000_900)
    assert 0 < len(seen) <= 6 * plan.columns
    assert plan.rect(seen.start).top() <= 4_000_000 <= plan.rect(seen.start).bottom() + 6
    assert list(plan.span(-50, -1)) == []
    assert plan.span(plan.height - 100, plan.height + 5000).stop == 230_000


def test_choosing_as_file_managers_do() -> None:
    chosen = Selection(10)
    chosen.only(2)
    chosen.reach(5)
    assert chosen.places.tolist() == [2, 3, 4, 5]
    chosen.reach(0)
    assert chosen.places.tolist() == [0, 1, 2]
    chosen.toggle(7)
    chosen.toggle(1)
    assert chosen.places.tolist() == [0, 2, 7]
    chosen.reach(3, adding=True)
    assert chosen.places.tolist() == [0, 1, 2, 3, 7]
    assert (chosen.current, chosen.count) == (3, 5)
    chosen.begin_band(keeping=True)
    chosen.set_band(np.array([7, 8]))
    chosen.set_band(np.array([7, 8, 9]))
    assert chosen.places.tolist() == [0, 1, 2, 3, 8, 9], "the band takes 7 out again"
    chosen.begin_band(keeping=False)
    chosen.set_band(np.array([4]))
    assert chosen.places.tolist() == [4]
    chosen.choose_all()
    assert chosen.count == 10
    chosen.reset(3, np.array([1]), current=1)
    assert (chosen.places.tolist(), chosen.current, len(chosen)) == ([1], 1, 3)


@pytest.mark.parametrize(
    ("key", "start", "expected"),
    [
        (Qt.Key.Key_Right, -1, 0),
        (Qt.Key.Key_Right, 9, 9),
        (Qt.Key.Key_Left, 0, 0),
        (Qt.Key.Key_Down, 1, 5),
        (Qt.Key.Key_Down, 7, 9),
        (Qt.Key.Key_Down, 8, 8),
        (Qt.Key.Key_Up, 2, 2),
        (Qt.Key.Key_PageDown, 1, 9),
        (Qt.Key.Key_PageUp, 9, 1),
        (Qt.Key.Key_Home, 7, 0),
        (Qt.Key.Key_End, 0, 9),
    ],
)
def test_keys_walk_the_tiles(key: Qt.Key, start: int, expected: int) -> None:
    plan = Plan(10, QSize(100, 130), 450)  # rows of four: 0-3, 4-7, 8-9
    assert target_of(key, start, plan, 2) == expected


@pytest.mark.parametrize(("score", "text"), [(0.83412, "0.834"), (12.345, "12.3"), (1530.2, "1,530"), (0.0, "0.000")])
def test_scores_in_few_figures(score: float, text: str) -> None:
    assert score_text(score) == text


# -- thumbnails and their cache


def picture(path: Path, colour: tuple[int, int, int] = (200, 40, 30), size: tuple[int, int] = (60, 80)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(path, np.full((*size, 3), colour, np.uint8))
    return path


def job(path: Path, side: int = 40, view: str = "main") -> Job:
    return Job(1, side, path, "chip", view)


def test_a_thumbnail_comes_from_the_disk_the_second_time(project: Project, tmp_path: Path) -> None:
    path, cache = picture(tmp_path / "a.png"), tmp_path / "cache" / "t.sqlite"
    maker = PictureMaker(project, cache)
    first = maker.make(job(path))
    assert first.shape == (30, 40, 3)
    assert first[15, 20, 0] > 180
    maker.close()
    facts = path.stat()
    path.write_bytes(b"x" * facts.st_size)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    maker = PictureMaker(project, cache)
    second = maker.make(job(path))  # the same name, size and time: the file is not opened
    assert np.abs(second.astype(int) - first).max() < 4
    maker.close()


def test_a_changed_file_is_read_again(project: Project, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    maker = PictureMaker(project, tmp_path / "t.sqlite")
    maker.make(job(path))
    picture(path, (10, 20, 230))
    os.utime(path, ns=(5, 5))
    assert maker.make(job(path))[15, 20, 2] > 200
    maker.close()


def test_sixteen_bits_are_shown_through_the_view_s_window(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    save_png(path, np.full((20, 20), 2000, np.uint16))
    view = project.add_view("chip", "top")
    maker = PictureMaker(project, tmp_path / "t.sqlite")
    assert maker.make(job(path, view="top")).max() < 10
    project.set_view(view, window=(0.0, 4000.0))
    maker.forget_views()
    assert abs(int(maker.make(job(path, view="top")).max()) - 128) < 6
    maker.close()


def test_thumbnails_show_the_region_that_is_inspected(project: Project, tmp_path: Path) -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[30:70, 150:190] = (0, 250, 0)
    save_png(tmp_path / "a.png", pixels)
    view = project.add_view("chip", "main")
    zones = [Zone("die", "inspect", {"box": [150, 30, 190, 70]}), Zone("mark", "ignore", {"box": [0, 0, 5, 5]})]
    project.set_roi(view, zones=zones)
    assert region_of(project.roi(view)) == (148, 28, 192, 72)
    maker = PictureMaker(project, None)
    shown = maker.make(job(tmp_path / "a.png"))
    assert shown.shape[:2] == (40, 40)
    assert shown[20, 20, 1] > 200
    assert shown[0, 0, 1] < 120, "a little of what lies around is seen"
    maker.close()


def test_a_file_without_a_picture_says_why(project: Project, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture at all")
    maker = PictureMaker(project, tmp_path / "t.sqlite")
    with pytest.raises(ImageError, match="not an image"):
        maker.make(job(tmp_path / "bad.png"))
    with pytest.raises(ImageError, match="not there"):
        maker.make(job(tmp_path / "absent.png"))
    maker.close()


def test_a_damaged_cache_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "t.sqlite"
    file.write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    cache = ThumbnailCache(file)
    cache.put(b"k", b"data")
    assert cache.get(b"k") == b"data"
    cache.close()
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT count(*) FROM thumbnail").fetchone() == (1,)
    db.close()


def test_where_no_cache_can_be_written_thumbnails_are_made_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"not a folder")
    for cache in (ThumbnailCache(None), ThumbnailCache(tmp_path / "file" / "t.sqlite")):
        cache.put(b"k", b"data")
        assert cache.get(b"k") is None
        cache.close()


def test_a_second_window_reads_the_cache_and_writes_nothing(tmp_path: Path) -> None:
    first = ThumbnailCache(tmp_path / "t.sqlite")
    first.put(b"k", b"data")
    second = ThumbnailCache(tmp_path / "t.sqlite", read_only=True)
    second.put(b"other", b"data")
    assert second.get(b"k") == b"data"
    assert second.get(b"other") is None
    second.close()
    first.close()


def test_the_cache_keeps_its_quota(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path / "t.sqlite", quota=200_000)
    for number in range(100):
        cache.put(f"{number}".encode(), bytes(5_000))
    cache.close()
    cache = ThumbnailCache(tmp_path / "t.sqlite", quota=200_000)
    assert cache.get(b"0") is None
    assert cache.get(b"99") is not None
    cache.empty()
    assert cache.get(b"99") is None
    cache.close()
