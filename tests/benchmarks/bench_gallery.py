"""The grid against its budgets: 10,000 and 230,000 images, thumbnails cold and warm, each beside a naive way."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QEventLoop, QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem
from pytestqt.qtbot import QtBot

from app.gallery.filters import Arranger, Filter
from app.gallery.view import ImageGrid
from app.session import Session
from app.settings import Memory, Settings
from core.imaging import save_png
from core.project import NewImage, Project
from core.words import LABELS, SPLITS

WIDTH, HEIGHT = 1240, 800


def say(line: str) -> None:
    print(line)


def rows(folder: Path, count: int) -> Iterator[NewImage]:
    """Rows as an import makes them; the files are not there, so that 230,000 need no disk."""
    for number in range(count):
        path = folder / f"lot {number // 5000:02}" / f"vial_{number:06}.png"
        yield NewImage(
            path,
            "vial",
            lot=f"lot {number // 5000:02}",
            label=LABELS[number % 3],
            split=SPLITS[number % 4],
            size=1000,
            mtime_ns=number,
        )


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path) -> Iterator[Session]:
    made = Session(Settings(tmp_path / "settings.json"), Memory(tmp_path / "memory.json"))
    yield made
    made.shut_down()
    made.settings.save()
    made.memory.save()


def show(qtbot: QtBot, session: Session) -> ImageGrid:
    grid = ImageGrid(session, session.thumbnails)
    qtbot.addWidget(grid)
    grid.resize(WIDTH, HEIGHT)
    grid.show()
    return grid


def best(work: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def naive_list(names: list[str]) -> float:
    """What one would write first: an item for each image, in a list widget of icons."""
    begin = time.perf_counter()
    widget = QListWidget()
    widget.setViewMode(QListWidget.ViewMode.IconMode)
    widget.resize(WIDTH, HEIGHT)
    for name in names:
        item = QListWidgetItem(name)
        item.setSizeHint(QSize(172, 216))
        widget.addItem(item)
    widget.show()
    widget.repaint()
    taken = time.perf_counter() - begin
    widget.close()
    return 1000 * taken


@pytest.mark.parametrize("count", [10_000, 230_000])
def test_a_project_of_many_images(qtbot: QtBot, session: Session, tmp_path: Path, count: int) -> None:
    with Project.create(tmp_path / "project") as project:
        project.add_images(rows(tmp_path, count), root=tmp_path)
        file = project.file
    grid = show(qtbot, session)
    gc.collect()
    before = psutil.Process().memory_info().rss
    begin = time.perf_counter()
    session.open(file)
    session.opened.connect(lambda: times.setdefault("opened", time.perf_counter() - begin))
    times: dict[str, float] = {}
    grid.arranged.connect(lambda shown, _: shown and times.setdefault("first", time.perf_counter() - begin))
    qtbot.waitUntil(lambda: session.is_complete and len(grid.model) == count, timeout=60_000)
    times["complete"] = time.perf_counter() - begin
    grid.repaint()
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    table = session.table
    assert table is not None
    say(
        f"\n{count:,} images: project checked and open {1000 * times['opened']:.0f} ms, first rows "
        f"{1000 * times['first']:.0f} ms, all of them {1000 * times['complete']:.0f} ms, memory + {grown:.0f} MiB "
        f"(table {table.nbytes / 2**20:.1f} MiB), whole process {psutil.Process().memory_info().rss / 2**20:.0f} MiB"
    )
    assert session.project is not None
    stored = session.project
    first, whole = best(lambda: stored.image_table(limit=2000)), best(stored.image_table)
    say(f"  reading the first 2,000 {first:.0f} ms, all {whole:.0f} ms")
    wish = Filter(product="vial", label=frozenset({"good"}), text="1234")
    arranger = Arranger()
    ranked, masked = best(lambda: arranger.ranks(table.names), 1), best(lambda: wish.mask(table))
    sorted_too = best(lambda: arranger.rows(table, wish))
    say(f"  natural order {ranked:.0f} ms (once), filter {masked:.1f} ms, filter and sort {sorted_too:.1f} ms")
    bar = grid.verticalScrollBar()
    steps = [bar.maximum() * step // 50 for step in range(50)]

    def scroll() -> list[float]:
        taken = []
        for value in steps:
            start = time.perf_counter()
            bar.setValue(value)
            grid.viewport().repaint()
            taken.append(1000 * (time.perf_counter() - start))
        return taken

    taken = scroll()
    say(f"  a page painted while scrolling: median {np.median(taken):.1f} ms, 95 % {np.percentile(taken, 95):.1f} ms")
    say(f"  choose all {best(grid.select_all, 1):.0f} ms")
    few = list(table.names[:10_000])
    say(f"  a list widget with an item each: {naive_list(few):.0f} ms for {len(few):,}")


@pytest.mark.parametrize(("width", "height"), [(1000, 1000), (2448, 2048)])
def test_thumbnails_of_one_page(qtbot: QtBot, session: Session, tmp_path: Path, width: int, height: int) -> None:
    rng = np.random.default_rng(1)
    slope = np.linspace(60, 160, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    surface = (slope + rng.normal(0, 1.5, (height, width, 3))).astype(np.uint8)
    made = []
    for number in range(28):
        path = tmp_path / "images" / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        save_png(path, surface + np.uint8(number))
        made.append(NewImage(path, "chip", width=width, height=height))
    with Project.create(tmp_path / "project") as project:
        project.add_images(made, root=tmp_path)
        file = project.file
    grid = show(qtbot, session)
    session.open(file)
    qtbot.waitUntil(lambda: session.is_complete and len(grid.model) == len(made))
    thumbnails = session.thumbnails
    side, sight = grid.picture_pixels, grid.viewport().rect()
    ids = [one for one in grid.shown_ids().tolist() if grid.tile_rect(one).intersects(sight)]

    def page() -> float:
        left = set(ids)
        loop = QEventLoop()

        def ready(image_id: int) -> None:
            left.discard(image_id)
            if not left:
                loop.quit()

        thumbnails.ready.connect(ready)
        begin = time.perf_counter()
        grid.viewport().repaint()
        loop.exec()
        grid.viewport().repaint()
        taken = 1000 * (time.perf_counter() - begin)
        thumbnails.ready.disconnect(ready)
        return taken

    qtbot.waitUntil(lambda: thumbnails.is_idle and all(thumbnails.pixmap(one, side) for one in ids), timeout=60_000)
    thumbnails.empty_cache()
    qtbot.waitUntil(lambda: session.background.is_idle)
    thumbnails.forget()
    cold = page()
    thumbnails.forget()
    warm = page()
    thumbnails.forget()
    warm = min(warm, page())
    again = best(grid.viewport().repaint)
    start = time.perf_counter()
    for one in made[: len(ids)]:
        image = QImage(str(one.path)).scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        QIcon(QPixmap.fromImage(image))
    naive = 1000 * (time.perf_counter() - start)
    say(
        f"\n{len(ids)} thumbnails of {width} x {height} PNG: cold {cold:.0f} ms, from the disk cache {warm:.0f} ms, "
        f"in memory {again:.1f} ms; decoded on the GUI thread {naive:.0f} ms (ratio {cold / naive:.2f}, "
        f"warm {warm / naive:.3f}); held {thumbnails.bytes_held / 2**20:.1f} MiB"
    )


def test_undo_of_one_label_among_many_images(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        project.add_images(rows(tmp_path, 230_000), root=tmp_path)
        file = project.file
    grid = show(qtbot, session)
    session.open(file)
    qtbot.waitUntil(lambda: session.is_complete and len(grid.model) == 230_000, timeout=60_000)

    def until_shown(deed: Callable[[], object]) -> float:
        begin = time.perf_counter()
        with qtbot.waitSignal(session.images_changed, timeout=60_000):
            deed()
        grid.viewport().repaint()
        return 1000 * (time.perf_counter() - begin)

    assert session.table is not None
    first = int(session.table.label[76])
    taken: dict[str, list[float]] = {"label": [], "undo": [], "redo": []}
    for round_ in range(12):
        other = LABELS[(first + 1 + round_ % 2) % 3]
        taken["label"].append(until_shown(lambda other=other: session.label([77], other)))  # type: ignore[misc]
        taken["undo"].append(until_shown(session.undo))
        taken["redo"].append(until_shown(session.redo))
    naive = until_shown(lambda: session.write(lambda project: project.undo(), touched=None))
    say(
        "\n230,000 images until they are shown (budget 30): "
        + "".join(f"{name} median {median(ms):.0f} ms, worst of 12 {max(ms):.0f}; " for name, ms in taken.items())
        + f"undo that reads all rows again {naive:.0f} ms (ratio {median(taken['undo']) / naive:.3f})"
    )
