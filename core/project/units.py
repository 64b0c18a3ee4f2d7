"""What a scoring judged, as columns: one row an image, or one a cell of an image that holds many parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.project.base import Store
from core.words import LABELS, SPLITS

_PAGE: Final = 20_000
_ROW: Final = np.dtype(
    [
        *(("image", "<i8"), ("cell", "<i4"), ("x0", "<i4"), ("y0", "<i4"), ("x1", "<i4"), ("y1", "<i4")),
        *(("score", "<f8"), ("peak", "<f8"), ("first", "<f8"), ("gated", "?"), ("passes", "u1"), ("problem", "?")),
        *(("part", "<i8"), ("label", "u1"), ("split", "u1"), ("defect_class", "<i2")),
    ]
)


@dataclass(frozen=True)
class UnitTable:
    """Columns (N,) in the order of images; `cell` indexes `cells`, whose first is '' (the whole image).

    `score`, `peak` and `first` are NaN where there is none; `label` and `split` index `core.words`; `defect_class` is
    the class id, 0 = none; `box` (N, 4) holds zeros where none was stored; `areas` (N, 64) only when asked for.
    """

    image_id: NDArray[np.int64]
    cell: NDArray[np.int32]
    cells: tuple[str, ...]
    box: NDArray[np.int32]
    score: NDArray[np.float64]
    peak: NDArray[np.float64]
    first: NDArray[np.float64]
    gated: NDArray[np.bool_]
    passes: NDArray[np.uint8]
    problem: NDArray[np.bool_]
    part: NDArray[np.int64]
    label: NDArray[np.uint8]
    split: NDArray[np.uint8]
    defect_class: NDArray[np.int16]
    areas: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return self.image_id.size


class UnitMethods(Store):
    """Scores with what they are reviewed by, without a row object each."""

    def scored_units(self, scoring_id: int, *, areas: bool = False) -> UnitTable:
        """Every image of a scoring, or its cells where it has cells; 230,000 rows in about a second."""
        with self._read() as db:
            query = "SELECT DISTINCT name FROM score WHERE scoring_id = ? AND scope = 'cell' ORDER BY name"
            cells = ["", *(row[0] for row in db.execute(query, [scoring_id]))]
        places = {name: place for place, name in enumerate(cells)}
        query = _query(areas, has_cells=len(cells) > 1)
        pages, levels = [np.empty(0, _ROW)], [b""]
        last: tuple[Any, ...] = (0, "", "")
        while True:
            with self._read() as db:
                page = db.execute(query, [scoring_id, *last]).fetchall()
            pages.append(np.array([_record(row, places) for row in page], _ROW))
            if areas:
                levels.extend(row[-1] for row in page)
            if len(page) < _PAGE:
                break
            last = page[-1][:3]
        return _table(np.concatenate(pages), tuple(cells), b"".join(levels) if areas else None)

    def masks_changed_since(self, moment: str, *, product: str, view: str | None = None) -> int:
        """How many test images of a view had a mask painted or imported after `moment` (UTC text of the store)."""
        changed, moments = "layer.changed > ?", [moment]
        if self._schema >= 3:  # or came or went with a step that was undone or done again
            groups = "SELECT layer_id FROM snapshot JOIN mask_group ON mask_group.id = group_id"
            changed, moments = f"({changed} OR layer.id IN ({groups} WHERE mask_group.changed > ?))", [moment, moment]
        query = f"""SELECT count(DISTINCT layer.image_id) FROM layer JOIN image ON image.id = layer.image_id
            JOIN view ON view.id = image.view_id JOIN product ON product.id = view.product_id
            WHERE layer.kind = 'defect' AND layer.origin <> 'model' AND {changed} AND image.split = 'test'
            AND product.code = ? AND (? IS NULL OR view.code = ?)"""
        with self._read() as db:
            return int(db.execute(query, [*moments, product, view, view]).fetchone()[0])


def _query(areas: bool, *, has_cells: bool) -> str:
    label = _coded("image.label", LABELS)
    split = _coded("image.split", SPLITS)
    levels = ", coalesce(score.areas, zeroblob(256))" if areas else ""
    whole = "scope = 'image'"
    if has_cells:
        own = "own.scoring_id = score.scoring_id AND own.image_id = score.image_id AND own.scope = 'cell'"
        whole = f"scope = 'cell' OR (scope = 'image' AND NOT EXISTS (SELECT 1 FROM score AS own WHERE {own}))"
    return f"""SELECT score.image_id, score.scope, score.name, coalesce(score.x0, 0), coalesce(score.y0, 0),
        coalesce(score.x1, 0), coalesce(score.y1, 0), coalesce(score.score, 9e999), coalesce(score.peak, 9e999),
        coalesce(score.first, 9e999), score.gated, score.passes, score.problem <> '', image.part_id, {label}, {split},
        coalesce(image.class_id, 0){levels}
        FROM score JOIN image ON image.id = score.image_id
        WHERE scoring_id = ? AND (score.image_id, score.scope, score.name) > (?, ?, ?)
        AND ({whole})
        ORDER BY score.image_id, score.scope, score.name LIMIT {_PAGE}"""


def _coded(column: str, words: tuple[str, ...]) -> str:
    cases = " ".join(f"WHEN '{word}' THEN {code}" for code, word in enumerate(words))
    return f"CASE {column} {cases} END"


def _record(row: tuple[Any, ...], cells: dict[str, int]) -> tuple[Any, ...]:
    return (row[0], cells[row[2]] if row[1] == "cell" else 0, *row[3:17])


def _table(rows: NDArray[np.void], cells: tuple[str, ...], levels: bytes | None) -> UnitTable:
    found = {name: np.ascontiguousarray(rows[name]) for name in ("score", "peak", "first")}
    for values in found.values():
        values[np.isinf(values)] = np.nan
    names = ("gated", "passes", "problem", "part", "label", "split", "defect_class")
    areas = None if levels is None else np.frombuffer(levels, "<i4").reshape(rows.size, -1).astype(np.int32)
    return UnitTable(
        image_id=np.ascontiguousarray(rows["image"]),
        cell=np.ascontiguousarray(rows["cell"]),
        cells=cells,
        box=np.stack([rows[side] for side in ("x0", "y0", "x1", "y1")], axis=1),
        areas=areas,
        **found,
        **{name: np.ascontiguousarray(rows[name]) for name in names},
    )
