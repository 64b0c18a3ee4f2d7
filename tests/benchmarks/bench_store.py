"""The project file at the size of a year's production: adding, adding again, listing 100,000 images."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from core.project import Project
from core.project.records import NewImage

COUNT = 100_000


def _rows(folder: Path) -> Iterator[NewImage]:
    for number in range(COUNT):
        name = folder / f"{number // 1000:03}" / f"{number:06}.png"
        yield NewImage(name, "vial", size=1000 + number, mtime_ns=number, width=64, height=64, bits=8)


def _naive(path: Path, folder: Path) -> float:
    begin = time.perf_counter()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE image (id INTEGER PRIMARY KEY, path TEXT UNIQUE, size INTEGER, mtime INTEGER)")
        rows = ((str(row.path), row.size, row.mtime_ns) for row in _rows(folder))
        db.executemany("INSERT INTO image (path, size, mtime) VALUES (?, ?, ?)", rows)
    db.close()
    return time.perf_counter() - begin


def test_adding_and_listing_100_000_images(tmp_path: Path) -> None:
    process = psutil.Process()
    naive = _naive(tmp_path / "naive.sqlite", tmp_path)
    with Project.create(tmp_path / "project") as project:
        before = process.memory_info().rss
        begin = time.perf_counter()
        project.add_images(_rows(tmp_path), root=tmp_path)
        added = time.perf_counter() - begin
        begin = time.perf_counter()
        project.add_images(_rows(tmp_path), root=tmp_path)
        again = time.perf_counter() - begin
        begin = time.perf_counter()
        first = next(project.images())
        shown = time.perf_counter() - begin
        count = sum(1 for _ in project.images())
        listed = time.perf_counter() - begin
        grown = (process.memory_info().rss - before) / 2**20
    assert first.id
    assert count == COUNT
    print(
        f"\nproject of {COUNT:,} images: added in {added:.1f} s ({added / naive:.1f} x one bare table without parts, "
        f"audit or durability), again {again:.1f} s, first row {1000 * shown:.0f} ms, all rows {listed:.1f} s, "
        f"memory + {grown:.0f} MiB"
    )
