"""Masks from files into the store: what a file says of an image is drawn, checked against the image, and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.annotation.formats import Drawn, Record, draw
from core.annotation.formats.mvtec import FORMAT as MVTEC
from core.annotation.masks import Mask
from core.errors import FlawscopeError, InputError
from core.imaging import probe
from core.layouts import Entry
from core.project import OpenStep, Project
from core.project.records import ImageRow
from core.workflow.progress import Progress, silent

_BATCH: Final = 64
_BATCH_BYTES: Final = 256 * 2**20
_CLASS: Final = "defect"  # of a mask and an image that name none
STAYS: Final = "it is left out, the image stays as it is"
_NOT_DEFECTIVE: Final = (
    "this mask belongs to an image that is not labelled defective: " + STAYS + ". Label it, then add the images again"
)


@dataclass
class MaskReport:
    """What came in; `left_out` names each file that did not, and says why and what to do."""

    written: int = 0
    unchanged: int = 0
    left_out: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What was left out, a line each."""
        return [f"{path}: {text}" for path, text in self.left_out]

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {"written": self.written, "unchanged": self.unchanged, "problems": self.problems}


class Classes:
    """Defect classes by their codes and names; what is not known, or no longer offered, becomes a class."""

    def __init__(self, project: Project, step: OpenStep | None = None) -> None:
        self._project = project
        self._step = step
        self._retired: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self.added: list[str] = []
        names: dict[str, set[int]] = {}
        for one in project.classes(retired=True):
            self._ids[one.code] = one.id
            self._retired |= {one.id: one.code} if one.retired else {}
            for name in one.names.values():
                names.setdefault(name, set()).add(one.id)
        for name, ids in names.items():
            if len(ids) == 1 and name not in self._ids:
                self._ids[name] = min(ids)

    def id(self, code: str) -> int:
        """The id of a class. Raises `ProjectError` beyond 254 of them."""
        if code not in self._ids:
            self._ids[code] = self._project.add_class(code, step=self._step)
            self.added.append(code)
        elif self._ids[code] in self._retired:
            self._project.add_class(self._retired.pop(self._ids[code]), step=self._step)
        return self._ids[code]


class Intake:
    """Masks on their way into the store, some at a time; `flush` at the end."""

    def __init__(
        self, project: Project, report: MaskReport, *, author: str | None = None, step: OpenStep | None = None
    ) -> None:
        self._project = project
        self._report = report
        self._author = author
        self._step = step
        self._clashing: set[int] = set()
        self._batch: list[tuple[int, Mask]] = []
        self._bytes = 0

    def keep(self, image_id: int, labels: Mask, *, clashes: bool = False) -> None:
        """Store a mask as an imported one of the author; `clashes`: a person has to choose between it and another."""
        self._batch.append((image_id, labels))
        self._clashing |= {image_id} if clashes else set()
        self._bytes += labels.nbytes
        if len(self._batch) >= _BATCH or self._bytes > _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store what waits, in one step."""
        if self._batch:
            self._project.import_masks(self._batch, author=self._author, step=self._step, clashing=self._clashing)
            self._report.written += len(self._batch)
        self._batch, self._bytes = [], 0
        self._clashing.clear()


def take_in(project: Project, entries: Iterable[Entry], *, progress: Progress = silent) -> MaskReport:
    """Ground-truth masks of a layout become annotations of origin import; what does not fit is named."""
    wanted = {entry.path: entry.mask for entry in entries if entry.mask is not None}
    rows = {row.path: row for row in project.images(label="defective")} if wanted else {}
    report = MaskReport()
    pairs = [(rows[path], mask) for path, mask in wanted.items() if path in rows]
    intake, classes = Intake(project, report), Classes(project)
    for done, (row, path) in enumerate(pairs, 1):
        progress("Reading masks", done, len(pairs))
        for record in MVTEC.read(path, path.parent):
            try:
                labels = labels_of(record, row, classes, again="add the images again").labels
            except InputError as error:
                report.left_out.append((path, error.what))
                continue
            before = project.mask(row.id, origin="import")
            if before is not None and np.array_equal(before, labels):
                report.unchanged += 1
            elif labels.any():
                intake.keep(row.id, labels)
            else:
                report.left_out.append((path, empty_words("add the images again")))
    intake.flush()
    others = {path for path in wanted if path not in rows}
    for row in project.images(label=("good", "unlabelled")) if others else ():
        if row.path in others and project.mask(row.id, origin="import") is None:  # one that was taken in before stays
            report.left_out.append((wanted[row.path], _NOT_DEFECTIVE))
    return report


def labels_of(record: Record, row: ImageRow, classes: Classes, *, again: str) -> Drawn:
    """What a record paints on an image. Raises `InputError` whose `what` says why it is left out and what to do."""
    where = f" ({record.place})" if record.place else ""
    if record.fault:
        raise InputError(_unusable(where, record.fault, again))
    size = _size(record, row)
    if record.size is not None and record.size != size:
        sizes = f"{record.size[0]} x {record.size[1]} pixels, its image {size[0]} x {size[1]}"
        mend = f"Save it in the image's size, then {again}"
        raise InputError(f"this mask{where} measures {sizes}: {STAYS}. {mend}")
    own = row.defect_class or _CLASS
    try:
        ids = {code: classes.id(code or own) for code in dict.fromkeys(shape.code for shape in record.shapes)}
        return draw(record.shapes, ids, *size)
    except FlawscopeError as error:
        raise InputError(_unusable(where, error.what, again)) from error


def empty_words(again: str) -> str:
    """What is said of a mask file without a painted pixel."""
    return f"this mask is empty: {STAYS}. Paint the defect into it and {again}, or label the image good"


def _unusable(where: str, why: str, again: str) -> str:
    return f"this mask{where} cannot be used ({why}): {STAYS}. Replace it, then {again}"


def _size(record: Record, row: ImageRow) -> tuple[int, int]:
    """Width and height of an image as the project knows it, else as its file or the record says."""
    if row.width and row.height:
        return row.width, row.height
    try:
        info = probe(row.path)
    except InputError:
        if record.size is None:
            raise
        return record.size
    return info.width, info.height
