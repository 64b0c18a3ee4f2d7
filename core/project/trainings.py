"""Trainings, scorings and scores in the store."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from core.errors import InputError, ProjectError
from core.project.audit import canonical
from core.project.base import Store
from core.project.results import Json, NewScore, RunRow, RunState, Scope, ScoreRow, ScoreTable, Scoring
from core.project.things import ensure_view
from core.project.writer import Transaction, utc_now

LEVELS: Final = 64
_BATCH: Final = 4000
_PAGE: Final = 4000
_ENDED: Final = frozenset({"finished", "stopped", "failed", "interrupted", "discarded"})
_RUN: Final = """SELECT run.id, number, product.code, view.code, run.view_id, run.name, model, preset, config, seed,
    folder, state, position, stop_by, revision_id, roi_version_id, parent_id, created, started, finished, error,
    figures, environment, roi_version_id IS NOT (SELECT present.id FROM roi_version AS present
    WHERE present.view_id = run.view_id {counts} ORDER BY present.number DESC LIMIT 1) FROM run
    JOIN product ON product.id = run.product_id LEFT JOIN view ON view.id = run.view_id"""


class TrainingMethods(Store):
    """Trainings and what their models said."""

    def add_run(
        self,
        *,
        product: str,
        view: str = "main",
        model: str,
        preset: str = "",
        config: Json | None = None,
        seed: int = 0,
        name: str = "",
        revision_id: int | None = None,
        roi_version_id: int | None = None,
        parent_id: int | None = None,
        stop_by: str | None = None,
    ) -> RunRow:
        """A new training, queued; its number is the next one and its folder runs/<number>."""

        def change(tx: Transaction) -> int:
            view_id, product_id = ensure_view(tx, product, view)
            number = int(tx.execute("SELECT coalesce(max(number), 0) + 1 FROM run").fetchone()[0])
            values: dict[str, Any] = {
                **{"number": number, "product_id": product_id, "view_id": view_id, "model": model, "preset": preset},
                **{"config": canonical(dict(config or {})), "seed": seed, "name": name, "folder": f"runs/{number}"},
                **{"revision_id": revision_id, "roi_version_id": roi_version_id, "parent_id": parent_id},
                **{"stop_by": stop_by, "position": number},
            }
            run_id = tx.insert("run", created=tx.now, **values)
            tx.audit("add training", "run", run_id, after=values)
            return run_id

        return self.run(self._write(change))

    def update_run(
        self,
        run_id: int,
        *,
        state: RunState | None = None,
        figures: Json | None = None,
        environment: Json | None = None,
        error: str | None = None,
        name: str | None = None,
        position: int | None = None,
        stop_by: str | None = None,
        reason: str = "",
    ) -> RunRow:
        """Change what is given; entering `running` or an end stamps the time."""
        values: dict[str, Any] = {
            **{"state": state, "error": error, "name": name, "position": position, "stop_by": stop_by},
            "figures": None if figures is None else canonical(dict(figures)),
            "environment": None if environment is None else canonical(dict(environment)),
        }
        given = {column: value for column, value in values.items() if value is not None}

        def change(tx: Transaction) -> None:
            columns = list(given)
            row = tx.execute(
                f"SELECT started, {', '.join(columns)} FROM run WHERE id = ?",
                [run_id],
            ).fetchone()
            if row is None:
                raise ProjectError(f"there is no training {run_id}", path=self.file)
            stamped = dict(given)
            if state == "running" and row[0] is None:
                stamped["started"] = tx.now
            if state in _ENDED:
                stamped["finished"] = tx.now
            assigned = ", ".join(f"{column} = ?" for column in stamped)
            tx.execute(f"UPDATE run SET {assigned} WHERE id = ?", [*stamped.values(), run_id])
            before = dict(zip(columns, row[1:], strict=True))
            tx.audit("change training", "run", run_id, before=before, after=given, reason=reason)

        if given:
            self._write(change)
        return self.run(run_id)

    def run(self, run_id: int) -> RunRow:
        """One training by id. Raises `InputError`."""
        return self._one_run("run.id", run_id)

    def run_by_number(self, number: int) -> RunRow:
        """One training by the number that people say. Raises `InputError`."""
        return self._one_run("number", number)

    def runs(
        self, *, product: str | None = None, view: str | None = None, state: RunState | Sequence[RunState] | None = None
    ) -> list[RunRow]:
        """Trainings, oldest first."""
        states = [state] if isinstance(state, str) else list(state or [])
        query = f"""{self._run_select()} WHERE (? IS NULL OR product.code = ?) AND (? IS NULL OR view.code = ?)
            AND (? OR state IN (SELECT value FROM json_each(?))) ORDER BY number"""
        with self._read() as db:
            rows = db.execute(query, [product, product, view, view, not states, json.dumps(states)]).fetchall()
        return [self._run_row(row) for row in rows]

    def add_scoring(
        self,
        run_id: int,
        settings: Json | None = None,
        *,
        purpose: str = "training",
        revision_id: int | None = None,
        roi_version_id: int | None = None,
        folder: str = "",
    ) -> int:
        """A new pass of a training's model over images; returns its id."""

        def change(tx: Transaction) -> int:
            values: dict[str, Any] = {
                **{"run_id": run_id, "purpose": purpose, "settings": canonical(dict(settings or {}))},
                **{"revision_id": revision_id, "roi_version_id": roi_version_id, "folder": folder},
            }
            scoring_id = tx.insert("scoring", created=tx.now, **values)
            tx.audit("add scoring", "scoring", scoring_id, after=values)
            return scoring_id

        return self._write(change)

    def add_scores(self, scoring_id: int, rows: Iterable[NewScore]) -> int:
        """Store scores, streamed (a row again replaces the one before); returns how many."""
        total, stream = 0, iter(rows)
        while batch := list(itertools.islice(stream, _BATCH)):
            packed = [_pack_score(scoring_id, row) for row in batch]
            self._write(lambda tx, packed=packed: _insert_scores(tx, scoring_id, packed))  # type: ignore[misc]
            total += len(batch)
        return total

    def finish_scoring(self, scoring_id: int, figures: Json | None = None) -> None:
        """Stamp the end of a scoring and keep its figures."""

        def change(tx: Transaction) -> None:
            text = canonical(dict(figures or {}))
            tx.execute("UPDATE scoring SET finished = ?, figures = ? WHERE id = ?", [utc_now(), text, scoring_id])
            tx.audit("finish scoring", "scoring", scoring_id, after=dict(figures or {}))

        self._write(change)

    def scorings(self, run_id: int | None = None) -> list[Scoring]:
        """Scorings of a training (or all), oldest first."""
        query = """SELECT id, run_id, purpose, settings, revision_id, roi_version_id, folder, created, finished,
            figures, (SELECT count(*) FROM score WHERE scoring_id = scoring.id AND scope = 'image')
            FROM scoring WHERE (? IS NULL OR run_id = ?) ORDER BY id"""
        with self._read() as db:
            rows = db.execute(query, [run_id, run_id]).fetchall()
        return [_scoring(row) for row in rows]

    def scores(
        self, scoring_id: int, *, scope: Scope | None = "image", image_ids: Iterable[int] | None = None
    ) -> Iterator[ScoreRow]:
        """Scores by image, streamed; with `scope` None also those of crops, cells and zones."""
        chosen = None if image_ids is None else json.dumps(list(image_ids))
        query = f"""SELECT image_id, scope, name, x0, y0, x1, y1, score, peak, first, gated, passes, ms, areas, heatmap,
            problem FROM score WHERE scoring_id = ? AND (image_id, scope, name) > (?, ?, ?)
            AND (? IS NULL OR scope = ?) AND (? IS NULL OR image_id IN (SELECT value FROM json_each(?)))
            ORDER BY image_id, scope, name LIMIT {_PAGE}"""
        last: tuple[int, str, str] = (0, "", "")
        while True:
            with self._read() as db:
                page = db.execute(query, [scoring_id, *last, scope, scope, chosen, chosen]).fetchall()
            yield from map(_score_row, page)
            if len(page) < _PAGE:
                return
            last = page[-1][:3]

    def score_table(self, scoring_id: int) -> ScoreTable:
        """All image scores of a scoring as columns, for curves and for moving the threshold."""
        query = """SELECT image_id, score, coalesce(peak, score), coalesce(areas, zeroblob(256)) FROM score
            WHERE scoring_id = ? AND scope = 'image' AND score IS NOT NULL ORDER BY image_id"""
        with self._read() as db:
            rows = db.execute(query, [scoring_id]).fetchall()
        areas = np.frombuffer(b"".join(row[3] for row in rows), "<i4").reshape(len(rows), LEVELS)
        return ScoreTable(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.float64),
            np.array([row[2] for row in rows], np.float64),
            areas.astype(np.int32, copy=False),
        )

    def _one_run(self, column: str, value: int) -> RunRow:
        with self._read() as db:
            row = db.execute(f"{self._run_select()} WHERE {column} = ?", [value]).fetchone()
        if row is None:
            raise InputError(f"there is no training {value}", path=self.file, mend="`flawscope list` shows them")
        return self._run_row(row)

    def _run_select(self) -> str:
        return _RUN.format(counts="AND NOT withdrawn" if self._schema >= 2 else "")

    def _run_row(self, row: tuple[Any, ...]) -> RunRow:
        loads: Mapping[int, Any] = {i: json.loads(row[i]) for i in (8, 21, 22)}
        values = [loads.get(i, value) for i, value in enumerate(row)]
        values[10] = self.folder / row[10]
        values[23] = bool(row[23])
        return RunRow(*values)


def _scoring(row: tuple[Any, ...]) -> Scoring:
    values: tuple[Any, ...] = (*row[:3], json.loads(row[3]), *row[4:9], json.loads(row[9]), row[10])
    return Scoring(*values)


def _pack_score(scoring_id: int, row: NewScore) -> tuple[Any, ...]:
    areas = None
    if row.areas is not None:
        levels = np.asarray(row.areas, "<i4")
        if levels.shape != (LEVELS,):
            raise InputError(f"areas hold {LEVELS} levels, not {levels.shape}", kept="Nothing was stored")
        areas = levels.tobytes()
    return (
        *(scoring_id, row.image_id, row.scope, row.name, *(row.box or (None,) * 4)),
        *(_real(row.score), _real(row.peak), _real(row.first), int(row.gated), row.passes, _real(row.ms)),
        *(areas, row.heatmap, row.problem),
    )


def _real(value: float | None) -> float | None:
    return None if value is None else float(value)


def _insert_scores(tx: Transaction, scoring_id: int, packed: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(packed[0]))
    tx.executemany(f"INSERT OR REPLACE INTO score VALUES ({marks})", packed)
    digest = hashlib.sha256()
    for row in packed:
        digest.update(repr((*row[:-3], *row[-2:])).encode())
        digest.update(row[-3] or b"")
    tx.audit("add scores", "scoring", scoring_id, after={"rows": len(packed), "digest": digest.hexdigest()})


def _score_row(row: tuple[Any, ...]) -> ScoreRow:
    box = None if row[3] is None else (row[3], row[4], row[5], row[6])
    areas = None if row[13] is None else np.frombuffer(row[13], "<i4").astype(np.int32)
    values: tuple[Any, ...] = (*row[:3], box, *row[7:10], bool(row[10]), *row[11:13], areas, *row[14:])
    return ScoreRow(*values)
